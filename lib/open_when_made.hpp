// SPDX-License-Identifier: GPL-2.0-only OR MIT
// Opening by name what another process may be making right now.
#ifndef SHMQ_LIB_OPEN_WHEN_MADE_HPP
#define SHMQ_LIB_OPEN_WHEN_MADE_HPP

#include "deadline.hpp"

#include <chrono>
#include <system_error>
#include <thread>

namespace shmq::detail {

/// How long to wait for a creator that is at work.
inline constexpr std::chrono::milliseconds creator_time{1000};

/// Whether a failure to open passes when the creator is done. EINVAL: it has no
/// bytes yet.
inline bool may_be_in_the_making(const std::error_code& code) noexcept {
    return code == std::errc::resource_unavailable_try_again || code == std::errc::invalid_argument;
}

/// What `open` returns, or throws at last.
template <typename Open>
auto open_when_made(const Open& open) {
    const Clock::time_point give_up = after(creator_time);
    for (;;) {
        try {
            return open();
        } catch (const std::system_error& e) {
            if (!may_be_in_the_making(e.code()) || Clock::now() >= give_up)
                throw;
        }
        std::this_thread::sleep_for(std::chrono::milliseconds(2));
    }
}

} // namespace shmq::detail

#endif // SHMQ_LIB_OPEN_WHEN_MADE_HPP
