// SPDX-License-Identifier: GPL-2.0-only OR MIT
// How late the periods of a device began, as the driver counts it.
#ifndef SHMQ_LATENESS_HPP
#define SHMQ_LATENESS_HPP

#include <linux/shmq_netlink.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <numeric>
#include <vector>

namespace shmq {

/// A histogram: four buckets for each power of two of microseconds, so that a limit
/// is at most a quarter off.
struct Lateness {
    using Microseconds = std::chrono::microseconds;

    std::vector<std::uint64_t> counts; ///< by bucket; empty if there was no period
    std::chrono::nanoseconds max{};    ///< the latest

    /// From where on a bucket counts; it does not count the lower limit of the next.
    [[nodiscard]] static constexpr Microseconds lower(std::size_t bucket) noexcept {
        return Microseconds(bucket < 4 ? bucket : (4 + bucket % 4) << (bucket / 4 - 1));
    }

    [[nodiscard]] std::uint64_t total() const noexcept {
        return std::accumulate(counts.begin(), counts.end(), std::uint64_t{0});
    }

    /// Within which time this part (0 to 1) of the periods began: the end of its
    /// bucket, rounded up, or the latest if that is sooner. 0 without any period.
    [[nodiscard]] Microseconds within(double part) const noexcept {
        const Microseconds latest = std::chrono::ceil<Microseconds>(max);
        // 0.9 of 100 is 90, though some machines calculate a little more.
        const double exact = part * static_cast<double>(total());
        const auto wanted = std::max<double>(1, std::ceil(exact * (1 - 1e-12)));
        std::uint64_t seen = 0;
        for (std::size_t i = 0; i + 1 < counts.size(); ++i) {
            seen += counts[i];
            if (static_cast<double>(seen) >= wanted)
                return std::min(lower(i + 1), latest);
        }
        return latest;
    }
};

static_assert(Lateness::lower(4) == std::chrono::microseconds(4));
static_assert(Lateness::lower(8) == std::chrono::microseconds(8));
static_assert(Lateness::lower(SHMQ_LATENESS_BUCKETS) ==
              std::chrono::seconds(2) + std::chrono::microseconds(97152));

} // namespace shmq

#endif // SHMQ_LATENESS_HPP
