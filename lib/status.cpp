// SPDX-License-Identifier: GPL-2.0-only OR MIT
#include <shmq/status.hpp>

#include <string>

namespace shmq {

const char* to_string(Status s) noexcept {
    switch (s) {
    case Status::Ok:
        return "ok";
    case Status::Full:
        return "queue full";
    case Status::Empty:
        return "queue empty";
    case Status::TooBig:
        return "too big for the queue";
    case Status::BadCrc:
        return "damaged message (CRC)";
    case Status::BadVersion:
        return "message of another protocol version";
    case Status::ShortBuffer:
        return "buffer too small for the message";
    case Status::Again:
        return "work limit reached";
    case Status::Corrupt:
        return "queue corrupt";
    case Status::Recreated:
        return "queue was created anew";
    case Status::Invalid:
        return "invalid argument";
    case Status::Stale:
        return "block was freed or handed on already";
    case Status::Foreign:
        return "block is another owner's";
    case Status::NoOwner:
        return "owner gone";
    case Status::Timeout:
        return "timed out";
    case Status::Interrupted:
        return "interrupted by a signal";
    case Status::PeerGone:
        return "peer gone";
    case Status::Removed:
        return "device removed";
    }
    return "unknown status";
}

namespace {

class StatusCategory final : public std::error_category {
public:
    const char* name() const noexcept override { return "shmq"; }

    std::string message(int value) const override { return to_string(static_cast<Status>(value)); }

    std::error_condition default_error_condition(int value) const noexcept override {
        switch (static_cast<Status>(value)) {
        case Status::Full:
        case Status::Empty:
        case Status::Again:
            return std::errc::resource_unavailable_try_again;
        case Status::TooBig:
        case Status::ShortBuffer:
            return std::errc::message_size;
        case Status::BadCrc:
        case Status::BadVersion:
            return std::errc::bad_message;
        case Status::Corrupt:
            return std::errc::io_error;
        case Status::Invalid:
        case Status::Stale:
            return std::errc::invalid_argument;
        case Status::Foreign:
            return std::errc::operation_not_permitted;
        case Status::NoOwner:
            return std::errc::broken_pipe;
        case Status::Timeout:
            return std::errc::timed_out;
        case Status::Interrupted:
            return std::errc::interrupted;
        case Status::PeerGone:
            return std::errc::broken_pipe;
        case Status::Removed:
            return std::errc::no_such_device;
        default:
            return {value, *this};
        }
    }
};

} // namespace

const std::error_category& status_category() noexcept {
    static const StatusCategory category;
    return category;
}

} // namespace shmq
