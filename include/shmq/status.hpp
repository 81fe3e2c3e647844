// SPDX-License-Identifier: GPL-2.0-only OR MIT
// What an operation on a queue or a pool can answer. The hot path returns it and never
// throws; set-up throws std::system_error.
#ifndef SHMQ_STATUS_HPP
#define SHMQ_STATUS_HPP

#include <shmq/core/status.h>

#include <cstdint>
#include <system_error>

namespace shmq {

/// Answers of the core, one to one, and those that only waiting can give.
enum class Status : std::uint32_t {
    Ok = SHMQ_OK,
    Full = SHMQ_FULL,                ///< no room now; later there may be
    Empty = SHMQ_EMPTY,              ///< nothing, or not a whole message, to read now
    TooBig = SHMQ_TOO_BIG,           ///< can never fit this queue
    BadCrc = SHMQ_BAD_CRC,           ///< damage, told once a run; read on
    BadVersion = SHMQ_BAD_VERSION,   ///< frame of another protocol version; read on
    ShortBuffer = SHMQ_SHORT_BUFFER, ///< the buffer is too small; the message stays
    Again = SHMQ_AGAIN,              ///< stopped at the work limit; call again
    Corrupt = SHMQ_CORRUPT,          ///< the peer published the impossible; final
    Recreated = SHMQ_RECREATED,      ///< the queue was started over; attach anew; final
    Invalid = SHMQ_INVALID,          ///< wrong argument, or an end that is not attached
    Stale = SHMQ_STALE,              ///< pool: freed or handed on since; nothing done
    Foreign = SHMQ_FOREIGN,          ///< pool: another owner's block; nothing done
    NoOwner = SHMQ_NO_OWNER,         ///< pool: the owner that should get it is gone

    Timeout = 64, ///< nothing came in the time given
    Interrupted,  ///< a signal was caught, and the policy asks to be told
    PeerGone,     ///< the other end was given back or its holder died; told once
    Removed,      ///< the device is gone; final
};

/// Whether this end can do nothing more: attach anew, or give up.
[[nodiscard]] constexpr bool is_final(Status s) noexcept {
    return s == Status::Corrupt || s == Status::Recreated || s == Status::Removed ||
           s == Status::Invalid;
}

/// A short lower-case phrase, for example "queue full".
[[nodiscard]] const char* to_string(Status s) noexcept;

/// The category of std::error_codes that carry a Status.
[[nodiscard]] const std::error_category& status_category() noexcept;

/// Found by std::error_code's constructor.
[[nodiscard]] inline std::error_code make_error_code(Status s) noexcept {
    return {static_cast<int>(s), status_category()};
}

} // namespace shmq

template <>
struct std::is_error_code_enum<shmq::Status> : std::true_type {};

#endif // SHMQ_STATUS_HPP
