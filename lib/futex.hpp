// SPDX-License-Identifier: GPL-2.0-only OR MIT
// futex(2) on words that processes share.
#ifndef SHMQ_LIB_FUTEX_HPP
#define SHMQ_LIB_FUTEX_HPP

#include "deadline.hpp"

#include <shmq/core/barrier.h>

#include <cerrno>
#include <chrono>
#include <climits>
#include <cstdint>

#include <linux/futex.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

namespace shmq::detail {

#if defined(SYS_futex_time64) && defined(__USE_TIME_BITS64)
inline constexpr long futex_number = SYS_futex_time64;
#else
inline constexpr long futex_number = SYS_futex;
#endif

/// Sleeps while the word is `value`, at most for `time`. Returns 0 or an errno:
/// EAGAIN (it was not), ETIMEDOUT, EINTR.
inline int futex_wait(shmq_base base, std::uint32_t word, std::uint32_t value,
                      std::chrono::nanoseconds time) noexcept {
    const timespec limit = to_timespec(time);
    // Without FUTEX_PRIVATE_FLAG: the sleeper may be another process.
    const long result = ::syscall(futex_number, shmq_word(base, word), FUTEX_WAIT, value, &limit);
    return result == 0 ? 0 : errno;
}

/// Wakes all who sleep on the word.
inline void futex_wake(shmq_base base, std::uint32_t word) noexcept {
    ::syscall(futex_number, shmq_word(base, word), FUTEX_WAKE, INT_MAX);
}

} // namespace shmq::detail

#endif // SHMQ_LIB_FUTEX_HPP
