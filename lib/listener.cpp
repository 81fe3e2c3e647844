// SPDX-License-Identifier: GPL-2.0-only OR MIT
// The listening side of the handshake.
#include "channel_layout.hpp"
#include "channel_state.hpp"
#include "deadline.hpp"
#include "failure.hpp"
#include "handshake.hpp"
#include "socket_address.hpp"

#include <shmq/listener.hpp>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <map>
#include <string_view>
#include <utility>

#include <fcntl.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>

namespace shmq {

using detail::Answer;
using detail::Descriptor;
using detail::fail;
using detail::fail_errno;
using detail::guarded;
using detail::Hello;

namespace {

using detail::Clock;

constexpr std::string_view scheme = "unix:";

// Events of the listener's own in its epoll; clients are numbered from first_client.
constexpr std::uint64_t knock = 0;
constexpr std::uint64_t time_over = 1;
constexpr std::uint64_t first_client = 2;

// Bytes; a client that asks for less gets this.
constexpr std::uint32_t least_queue = 64;

// Events that one try_accept() handles.
constexpr int most_events = 64;

/// Why a client gets no channel.
struct Refusal {
    int error;
    std::string text;
};

bool out_of_resources(int error) noexcept {
    return error == EMFILE || error == ENFILE || error == ENOMEM || error == ENOBUFS;
}

detail::SocketAddress parse(const std::string& address) {
    if (address.substr(0, scheme.size()) != scheme)
        fail(std::errc::protocol_not_supported,
             "'" + address + "' cannot be listened to: unix:/run/x.sock and unix:@name can");
    return detail::SocketAddress(address.substr(scheme.size()));
}

ListenOptions check(ListenOptions o) {
    if (o.max_queue_size == 0)
        o.max_queue_size = o.queue_size;
    if (o.max_queue_size < o.queue_size)
        fail(std::errc::invalid_argument, "max_queue_size is less than queue_size");
    if (o.name.size() > Hello().name.size())
        fail(std::errc::invalid_argument, "the name of a service has at most 64 bytes");
    if (o.max_pending == 0 || o.handshake_timeout <= Wait::Duration::zero())
        fail(std::errc::invalid_argument,
             "max_pending and handshake_timeout must be more than nothing");
    // What cannot be is told now, not to the first client.
    static_cast<void>(detail::plan_channel(o.queue_size, o.format, false));
    static_cast<void>(detail::plan_channel(o.max_queue_size, o.format, false));
    return o;
}

/// Why this hello cannot be granted.
std::optional<Refusal> object_to(const Hello& hello, const ListenOptions& options) {
    if (hello.magic != Hello::its_magic)
        return Refusal{EPROTO, "not a hello of shmq"};
    if (hello.version != Hello::its_version)
        return Refusal{EPROTO, "the listener is of another version; update the older program"};
    if (hello.name_length > hello.name.size() || hello.prefix_length > hello.prefix.size() ||
        hello.reserved != 0)
        return Refusal{EPROTO, "a damaged hello"};
    const std::string_view name(hello.name.data(), hello.name_length);
    if (!name.empty() && name != options.name)
        return Refusal{EPROTO, "this is the service '" + options.name + "', not another"};
    if (hello.queue_size > options.max_queue_size)
        return Refusal{EMSGSIZE,
                       "queues have at most " + std::to_string(options.max_queue_size) + " bytes"};
    const shmq_format& format = options.format.core();
    if (hello.framing != Hello::any_framing &&
        (hello.framing != format.framing || hello.prefix_length != format.prefix_length ||
         std::memcmp(hello.prefix.data(), format.prefix, format.prefix_length) != 0))
        return Refusal{EPROTO, options.format.is_plain()
                                   ? "messages here have plain frames"
                                   : "messages here have checked frames with a certain prefix"};
    if (hello.element_size != 0 && options.element_size != 0 &&
        hello.element_size != options.element_size)
        return Refusal{EPROTO,
                       "elements have " + std::to_string(options.element_size) + " bytes here"};
    return std::nullopt;
}

} // namespace

class Listener::Parts {
public:
    Parts(std::string address, ListenOptions options)
        : options_(check(std::move(options))),
          address_(std::move(address)),
          name_(parse(address_)),
          socket_(detail::make_socket(name_)),
          path_(socket_.get(), name_, options_.mode, options_.backlog),
          events_(::epoll_create1(EPOLL_CLOEXEC)),
          timer_(::timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK)),
          reserve_(spare()),
          seats_(std::make_shared<int>(0)) {
        if (!events_ || !timer_ || !reserve_ || !watch(socket_.get(), knock) ||
            !watch(timer_.get(), time_over))
            fail_errno(errno, address_ + ": cannot wait for clients");
    }

    /// An empty channel: nobody is ready. Throws what a client was turned away for.
    Channel turn() {
        for (int i = 0; i < most_events; ++i) {
            epoll_event event{};
            if (::epoll_wait(events_.get(), &event, 1, 0) != 1)
                break;
            Channel channel;
            if (event.data.u64 == knock)
                channel = admit();
            else if (event.data.u64 == time_over)
                drop_late();
            else if (const auto it = pending_.find(event.data.u64); it != pending_.end()) {
                channel = listen_to(it);
                if (pending_.empty())
                    set_timer(); // or it would wake who polls, for nobody
            }
            if (channel)
                return channel;
        }
        return {};
    }

    [[nodiscard]] int fd() const noexcept { return events_.get(); }
    [[nodiscard]] const std::string& address() const noexcept { return address_; }
    [[nodiscard]] std::size_t clients() const noexcept {
        return static_cast<std::size_t>(seats_.use_count() - 1);
    }
    [[nodiscard]] std::uint64_t refused() const noexcept { return refused_; }

private:
    struct Pending {
        Descriptor socket;
        Clock::time_point until;
    };
    using Clients = std::map<std::uint64_t, Pending>; // the oldest first

    static Descriptor spare() noexcept {
        return Descriptor(::open("/dev/null", O_RDONLY | O_CLOEXEC));
    }

    bool watch(int fd, std::uint64_t number) const noexcept {
        epoll_event event{};
        event.events = EPOLLIN;
        event.data.u64 = number;
        return ::epoll_ctl(events_.get(), EPOLL_CTL_ADD, fd, &event) == 0;
    }

    /// Takes the next connection; most have said hello already.
    Channel admit() {
        Descriptor client(::accept4(socket_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
        if (!client) {
            if (out_of_resources(errno))
                turn_away(errno);
            return {}; // it has left again
        }
        if (!reserve_)
            reserve_ = spare();
        const std::uint64_t number = next_number_++;
        const auto it = pending_.try_emplace(
            pending_.end(), number,
            Pending{std::move(client), Clock::now() + options_.handshake_timeout});
        Channel channel = listen_to(it);
        // Still there: silent so far. Only now is it worth an event.
        const auto silent = pending_.find(number);
        if (silent != pending_.end()) {
            if (!watch(silent->second.socket.get(), number))
                refuse(silent, errno, "the listener is out of memory");
            else if (pending_.size() > options_.max_pending)
                refuse(pending_.begin(), EBUSY, "too many clients that say nothing");
            set_timer();
        }
        return channel;
    }

    /// No descriptor is left to accept with: the spare one serves to send the
    /// client away, or it would knock for ever.
    [[noreturn]] void turn_away(int error) {
        reserve_ = Descriptor();
        {
            const Descriptor client(
                ::accept4(socket_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
            if (client)
                detail::send_refusal(client.get(), error, "the listener has no descriptor left");
        }
        reserve_ = spare();
        ++refused_;
        fail_errno(error, address_ + ": a client had to be turned away: no descriptor is left; "
                                     "raise RLIMIT_NOFILE or set max_clients");
    }

    void refuse(Clients::iterator it, int error, std::string_view text) {
        detail::send_refusal(it->second.socket.get(), error, text);
        ++refused_;
        pending_.erase(it); // closing it takes it out of the epoll
    }

    Channel listen_to(Clients::iterator it) {
        const int socket = it->second.socket.get();
        Hello hello;
        // recv(2) takes no descriptors: what the client sends along is dropped.
        const ssize_t n = ::recv(socket, &hello, sizeof(hello), MSG_DONTWAIT | MSG_TRUNC);
        if (n < 0 && (errno == EAGAIN || errno == EINTR))
            return {};
        if (n <= 0) {
            ++refused_;
            pending_.erase(it);
            return {};
        }
        if (n != sizeof(hello)) {
            refuse(it, EPROTO, "not a hello of shmq");
            return {};
        }
        if (const auto why = object_to(hello, options_)) {
            refuse(it, why->error, why->text);
            return {};
        }
        if (options_.max_clients != 0 && clients() >= options_.max_clients) {
            refuse(it, EUSERS,
                   "the listener has all the " + std::to_string(options_.max_clients) +
                       " clients that it takes");
            return {};
        }
        try {
            return grant(it, hello);
        } catch (const std::system_error& e) {
            const int error = e.code().value();
            if (!out_of_resources(error)) {
                refuse(it, error, "no channel can be made of that");
                return {};
            }
            refuse(it, error, "the listener has no memory or descriptor left");
            throw;
        }
    }

    Channel grant(Clients::iterator it, const Hello& hello) {
        const shmq_channel layout = detail::plan_channel(
            hello.queue_size ? std::max(hello.queue_size, least_queue) : options_.queue_size,
            options_.format, false);
        Region region = Region::memfd("shmq", layout.total);
        detail::write_layout(region, layout, address_);
        Answer answer;
        answer.total = layout.total;
        answer.element_size = options_.element_size ? options_.element_size : hello.element_size;
        const int error =
            detail::send_packet(it->second.socket.get(), &answer, sizeof(answer), region.fd());
        if (error) {
            ++refused_;
            pending_.erase(it);
            return {}; // it has left, or leaves too many descriptors lying about
        }
        Descriptor socket = std::move(it->second.socket);
        ::epoll_ctl(events_.get(), EPOLL_CTL_DEL, socket.get(), nullptr);
        pending_.erase(it);
        return {detail::make_socket_channel({std::move(socket), std::move(region), layout,
                                             answer.element_size, Side::first, seats_}),
                Side::first, options_.wait};
    }

    void drop_late() {
        std::uint64_t times = 0;
        static_cast<void>(!::read(timer_.get(), &times, sizeof(times)));
        while (!pending_.empty() && pending_.begin()->second.until <= Clock::now())
            refuse(pending_.begin(), ETIMEDOUT, "no hello came in time");
        set_timer();
    }

    /// For the oldest of those that are silent.
    void set_timer() const noexcept {
        itimerspec when{};
        if (!pending_.empty()) {
            const auto left = std::max<Wait::Duration>(
                pending_.begin()->second.until - Clock::now(), std::chrono::microseconds(1));
            when.it_value = detail::to_timespec(left);
        }
        ::timerfd_settime(timer_.get(), 0, &when, nullptr);
    }

    ListenOptions options_;
    std::string address_;
    detail::SocketAddress name_;
    Descriptor socket_;
    detail::BoundPath path_;
    Descriptor events_;
    Descriptor timer_;
    Descriptor reserve_;
    std::shared_ptr<const void> seats_; ///< one user more for each channel that lives
    Clients pending_;
    std::uint64_t next_number_ = first_client;
    std::uint64_t refused_ = 0;
};

Listener::Listener() noexcept = default;
Listener::Listener(Listener&&) noexcept = default;
Listener& Listener::operator=(Listener&&) noexcept = default;
Listener::~Listener() = default;

Listener Listener::create(const std::string& address, ListenOptions options) {
    Listener listener;
    listener.parts_ = std::make_unique<Parts>(address, std::move(options));
    return listener;
}

Channel Listener::try_accept() {
    if (!parts_)
        fail(std::errc::bad_file_descriptor, "this listener does not listen");
    return parts_->turn();
}

Channel Listener::accept(Wait::Duration timeout) {
    const auto end = detail::after(timeout);
    for (;;) {
        if (Channel channel = try_accept())
            return channel;
        const int wait = detail::milliseconds_until(end);
        if (wait == 0)
            return {};
        pollfd p{fd(), POLLIN, 0};
        if (::poll(&p, 1, wait) < 0 && errno != EINTR)
            fail_errno(errno, address() + ": cannot wait for clients");
    }
}

int Listener::fd() const noexcept {
    return parts_ ? parts_->fd() : -1;
}

const std::string& Listener::address() const noexcept {
    static const std::string none;
    return parts_ ? parts_->address() : none;
}

std::size_t Listener::clients() const noexcept {
    return parts_ ? parts_->clients() : 0;
}

std::uint64_t Listener::refused() const noexcept {
    return parts_ ? parts_->refused() : 0;
}

Listener Listener::create(const std::string& address, ListenOptions options, std::error_code& ec) {
    return guarded(ec, Listener(), [&] { return create(address, std::move(options)); });
}

Channel Listener::accept(Wait::Duration timeout, std::error_code& ec) {
    return guarded(ec, Channel(), [&] { return accept(timeout); });
}

Channel Listener::try_accept(std::error_code& ec) {
    return guarded(ec, Channel(), [&] { return try_accept(); });
}

} // namespace shmq
