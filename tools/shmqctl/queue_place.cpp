// SPDX-License-Identifier: GPL-2.0-only OR MIT
#include "queue_place.hpp"

#include "exit_status.hpp"

#include <chrono>
#include <system_error>
#include <utility>

namespace shmqctl {

using shmq::Side;
using shmq::Status;

namespace {

// A peer in bare memory rings no bell.
const shmq::AttachOptions look_often{.wait = shmq::Wait::periodic(std::chrono::microseconds(500)),
                                     .bell = nullptr};

bool is_device(const std::string& path) {
    return path.starts_with("dev:") || path.starts_with("/dev/shmq");
}

// Queue 0 is what the first side writes.
Side side_for(Half half, QueuePlace::For what, Side by_default) {
    if (half == Half::by_default)
        return by_default;
    return (half == Half::first) == (what == QueuePlace::For::sending) ? Side::first : Side::second;
}

// What the library says of a queue, with its name.
template <typename Attach>
auto attach(const std::string& path, Attach&& how) {
    try {
        return how();
    } catch (const std::system_error& e) {
        const std::string what = e.what();
        throw std::runtime_error(what.starts_with(path) ? what : path + ": " + what);
    }
}

void refuse_all(const QueueOptions& options) {
    if (options.which_half() == Half::all)
        throw WrongUse(options.path + " is a channel of two queues: --half is 0 or 1");
}

} // namespace

QueuePlace::QueuePlace(const QueueOptions& options, For what) : path_(options.path) {
    const shmq::Format wanted = options.format();
    if (is_device(options.path)) {
        open_channel(options, what);
        return;
    }
    memory_ = open_memory(options);
    if (options.create == 0 && options.offset == 0 && options.size == 0) {
        std::error_code ec;
        // A header says that there is a channel; this program was not its creator.
        const Side side = side_for(options.which_half(), what, Side::second);
        shmq::Channel channel =
            shmq::Channel::attach(shmq::Region::from_fd(memory_.region.fd()), side, {}, ec);
        if (!ec) {
            refuse_all(options);
            channel_ = std::move(channel);
            check_format(options);
            return;
        }
        // Bare memory has no header; an empty queue is zeroes, as one that is being made.
        if (ec != std::errc::protocol_error && ec != std::errc::resource_unavailable_try_again)
            throw std::system_error(ec, options.path);
    }
    queue_ = queue_in(memory_.bytes, options.which_half());
    format_ = wanted;
    lock_end(memory_, queue_, what == For::receiving, options.path);
}

void QueuePlace::open_channel(const QueueOptions& options, For what) {
    if (options.create != 0)
        throw WrongUse("a device is not made by --create: see shmqctl add --help");
    if (options.offset != 0 || options.size != 0)
        throw WrongUse("a device knows its size: leave out --offset and --size");
    refuse_all(options);
    channel_ = shmq::Channel::open(
        options.path,
        {.side = side_for(options.which_half(), what, Side::first), .wait = {}, .room = 0});
    check_format(options);
}

void QueuePlace::check_format(const QueueOptions& options) const {
    if (options.has_format() && !options.bytes() && !(options.format() == channel_->format()))
        throw WrongUse(options.path + " says itself how messages lie in it, and otherwise than "
                                      "--framing and --prefix: leave them out");
}

const shmq::Format& QueuePlace::format() const {
    return channel_ ? channel_->format() : format_;
}

shmq::MsgProducer QueuePlace::sender() {
    return attach(path_, [&] {
        return channel_ ? channel_->sender()
                        : shmq::MsgProducer::attach(queue_, format_, look_often);
    });
}

shmq::MsgConsumer QueuePlace::receiver() {
    return attach(path_, [&] {
        return channel_ ? channel_->receiver()
                        : shmq::MsgConsumer::attach(queue_, format_, look_often);
    });
}

shmq::ByteProducer QueuePlace::byte_sender() {
    return attach(path_, [&] {
        return channel_ ? channel_->byte_sender() : shmq::ByteProducer::attach(queue_, look_often);
    });
}

shmq::ByteConsumer QueuePlace::byte_receiver() {
    return attach(path_, [&] {
        return channel_ ? channel_->byte_receiver()
                        : shmq::ByteConsumer::attach(queue_, look_often);
    });
}

std::string explain(Status status, const std::string& path) {
    std::string text = path + ": " + shmq::to_string(status);
    switch (status) {
    case Status::Corrupt:
        return text + ": the other end stored what cannot be; if it is no longer there, start the "
                      "queue over (a device: shmqctl reset; memory: remove it and make it anew)";
    case Status::Recreated:
        return text + " by the other end: run this command again";
    case Status::Timeout:
        return text + ": the other end did not make room";
    default:
        return text;
    }
}

} // namespace shmqctl
