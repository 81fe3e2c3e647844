// SPDX-License-Identifier: GPL-2.0-only OR MIT
// A scope in which an end publishes once for many operations.
#ifndef SHMQ_BATCH_HPP
#define SHMQ_BATCH_HPP

#include <shmq/core/stage.h>
#include <shmq/waiter.hpp>

#include <cstdint>
#include <type_traits>

namespace shmq {

namespace detail {

/// Where a producer's batch gathers what is small.
template <typename Core>
struct Stage {};

template <>
struct Stage<shmq_producer> {
    alignas(64) std::uint8_t bytes[2048];
};

} // namespace detail

/// Made by an end's batch(). While it lives, a producer's messages become
/// visible together at the end of the scope, or when the ring fills; a consumer
/// gives room back an eighth of the ring at a time, and whenever it finds the
/// queue empty. Neither is left waiting: every wait publishes first.
/// One at a time for an end; the end must not move meanwhile. A producer's has
/// 2 KiB on the stack.
template <typename Core>
class [[nodiscard]] Batch {
public:
    // NOLINTNEXTLINE(cppcoreguidelines-pro-type-member-init): the stage is filled first
    Batch(Core& core, detail::Waiter& waiter) noexcept : core_(core), waiter_(waiter) {
        if constexpr (std::is_same_v<Core, shmq_producer>)
            shmq_producer_batch_gather(&core_, stage_.bytes, sizeof(stage_.bytes));
        else
            shmq_consumer_batch_begin(&core_);
    }

    Batch(const Batch&) = delete;
    Batch& operator=(const Batch&) = delete;

    ~Batch() {
        if constexpr (std::is_same_v<Core, shmq_producer>)
            shmq_producer_batch_end(&core_);
        else
            shmq_consumer_batch_end(&core_);
        waiter_.announce(core_.end);
    }

private:
    Core& core_;
    detail::Waiter& waiter_;
    [[no_unique_address]] detail::Stage<Core> stage_;
};

using ProducerBatch = Batch<shmq_producer>;
using ConsumerBatch = Batch<shmq_consumer>;

} // namespace shmq

#endif // SHMQ_BATCH_HPP
