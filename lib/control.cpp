// SPDX-License-Identifier: GPL-2.0-only OR MIT
#include "control_attributes.hpp"
#include "deadline.hpp"
#include "failure.hpp"
#include "netlink_socket.hpp"

#include <shmq/control.hpp>

#include <cerrno>
#include <deque>
#include <utility>

#include <poll.h>

namespace shmq {

using detail::guarded;
using detail::Request;

struct Control::Parts {
    detail::NetlinkSocket socket;
    detail::Family family = detail::find_family(socket);

    [[nodiscard]] Request request(std::uint8_t command, bool dump = false) const {
        return {family.id, command, SHMQ_FAMILY_VERSION, dump};
    }

    [[nodiscard]] Request request(std::uint8_t command, std::uint32_t index) const {
        Request r = request(command);
        r.put(SHMQ_A_DEV_INDEX, index);
        return r;
    }

    /// One that has no other answer than that it was done.
    void order(Request& r, const std::string& what) { socket.ask(r, what); }

    template <typename T>
    T ask_one(Request& r, const std::string& what, T (*read)(const nlmsghdr&)) {
        T one;
        socket.ask(r, what, [&](const nlmsghdr& m) { one = read(m); });
        return one;
    }

    template <typename T>
    std::vector<T> ask_all(std::uint8_t command, T (*read)(const nlmsghdr&)) {
        for (;;) {
            std::vector<T> all;
            Request r = request(command, true);
            try {
                socket.ask(r, "shmq", [&](const nlmsghdr& m) { all.push_back(read(m)); });
                return all;
            } catch (const std::system_error& e) {
                // The set of devices changed on the way: once more.
                if (e.code() != std::errc::interrupted)
                    throw;
                socket = detail::NetlinkSocket(); // the rest of that answer goes with it
            }
        }
    }
};

namespace {

std::string named(std::uint32_t index) {
    return "shmq" + std::to_string(index);
}

} // namespace

Control::Control(std::unique_ptr<Parts> parts) noexcept : parts_(std::move(parts)) {}
Control::Control(Control&&) noexcept = default;
Control& Control::operator=(Control&&) noexcept = default;
Control::~Control() = default;

Control Control::open() {
    return Control(std::make_unique<Parts>());
}

Control Control::open(std::error_code& ec) {
    return guarded(ec, Control(nullptr), [] { return open(); });
}

std::vector<DeviceStatus> Control::list() {
    return parts_->ask_all(SHMQ_CMD_DEV_GET, detail::device_in);
}

DeviceStatus Control::get(std::uint32_t index) {
    Request r = parts_->request(SHMQ_CMD_DEV_GET, index);
    return parts_->ask_one(r, named(index), detail::device_in);
}

DeviceStatus Control::add(const DeviceSettings& settings) {
    Request r = parts_->request(SHMQ_CMD_DEV_NEW);
    detail::put_settings(r, settings);
    return parts_->ask_one(r, settings.index ? named(*settings.index) : "a new device",
                           detail::device_in);
}

void Control::set(std::uint32_t index, const DeviceChange& change) {
    Request r = parts_->request(SHMQ_CMD_DEV_SET, index);
    detail::put_change(r, change);
    parts_->order(r, named(index));
}

void Control::remove(std::uint32_t index) {
    Request r = parts_->request(SHMQ_CMD_DEV_DEL, index);
    parts_->order(r, named(index));
}

void Control::remove(std::uint32_t index, std::error_code& ec) {
    guarded(ec, 0, [&] {
        remove(index);
        return 0;
    });
}

std::vector<DeviceStatistics> Control::statistics() {
    return parts_->ask_all(SHMQ_CMD_STATS_GET, detail::statistics_in);
}

DeviceStatistics Control::statistics(std::uint32_t index) {
    Request r = parts_->request(SHMQ_CMD_STATS_GET, index);
    return parts_->ask_one(r, named(index), detail::statistics_in);
}

void Control::reset_statistics(std::uint32_t index) {
    Request r = parts_->request(SHMQ_CMD_STATS_RESET, index);
    parts_->order(r, named(index));
}

// ---- events ----

struct EventReader::Parts {
    detail::NetlinkSocket socket;
    std::deque<Event> ready; ///< one datagram may hold several

    /// Takes in what there is, without waiting.
    bool fill() {
        try {
            return socket.receive_now([&](const nlmsghdr& m) {
                if (auto event = detail::event_in(m))
                    ready.push_back(std::move(*event));
            });
        } catch (const std::system_error& e) {
            if (e.code() != std::errc::no_buffer_space)
                throw;
            ready.emplace_back(); // overrun
            return true;
        }
    }
};

EventReader::EventReader(std::unique_ptr<Parts> parts) noexcept : parts_(std::move(parts)) {}
EventReader::EventReader(EventReader&&) noexcept = default;
EventReader& EventReader::operator=(EventReader&&) noexcept = default;
EventReader::~EventReader() = default;

EventReader Control::events() {
    auto parts = std::make_unique<EventReader::Parts>();
    parts->socket.join(parts_->family.events);
    return EventReader(std::move(parts));
}

int EventReader::fd() const noexcept {
    return parts_->socket.fd();
}

std::optional<Event> EventReader::read(Wait::Duration timeout) {
    const detail::Clock::time_point end = detail::after(timeout);
    while (parts_->ready.empty()) {
        if (parts_->fill())
            continue;
        const int left = detail::milliseconds_until(end);
        if (left == 0)
            return std::nullopt;
        pollfd look{fd(), POLLIN, 0};
        if (::poll(&look, 1, left) < 0) {
            if (errno == EINTR)
                return std::nullopt;
            detail::fail_errno(errno, "netlink: events cannot be waited for");
        }
    }
    Event event = std::move(parts_->ready.front());
    parts_->ready.pop_front();
    return event;
}

const char* to_string(Event::Kind kind) noexcept {
    switch (kind) {
    case Event::Kind::added:
        return "added";
    case Event::Kind::changed:
        return "changed";
    case Event::Kind::removed:
        return "removed";
    case Event::Kind::claimed:
        return "claimed";
    case Event::Kind::released:
        return "released";
    case Event::Kind::died:
        return "died";
    case Event::Kind::stopped:
        return "stopped";
    case Event::Kind::missed:
        return "missed";
    case Event::Kind::overrun:
        return "overrun";
    }
    return "unknown";
}

} // namespace shmq
