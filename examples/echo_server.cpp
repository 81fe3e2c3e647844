// SPDX-License-Identifier: GPL-2.0-only OR MIT
// Sends back what its clients send, many of them on one thread, with epoll(7).
// Over a device (dev:/dev/shmq0, handler none) there is one client.
#include <shmq/shmq.hpp>

#include <csignal>
#include <cstdint>
#include <exception>
#include <iostream>
#include <memory>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include <sys/epoll.h>
#include <unistd.h>

namespace {

constexpr char usage[] = "usage: echo_server [--once] ADDRESS\n"
                         "\n"
                         "  --once   ends when its last client has left\n"
                         "\n"
                         "examples:\n"
                         "  echo_server unix:/tmp/echo.sock\n"
                         "  echo_server unix:@echo\n"
                         "  echo_server dev:/dev/shmq0\n";

volatile std::sig_atomic_t stop = 0;

extern "C" void on_signal(int) {
    stop = 1;
}

struct Client {
    explicit Client(shmq::Channel accepted)
        : channel(std::move(accepted)), tx(channel.sender()), rx(channel.receiver()) {}

    enum class Next : std::uint8_t { wait, more, over };

    /// What there is to do now, but not for longer than is fair to the others.
    Next serve() {
        const bool alive = channel.take_rings() == shmq::Status::Ok;
        for (int n = 0; n < 64; ++n) {
            if (holds) {
                const shmq::Status s = tx.try_write(held);
                if (s == shmq::Status::Full)
                    return Next::wait; // the peer rings when there is room
                if (s != shmq::Status::Ok)
                    return Next::over;
                holds = false;
            }
            const auto message = rx.try_read();
            if (message.status() == shmq::Status::Empty)
                return alive ? Next::wait : Next::over;
            if (message.status() == shmq::Status::Again)
                return Next::more;
            if (!message)
                return Next::over; // gone, or not to be trusted
            held.assign(message.data().begin(), message.data().end());
            holds = true;
        }
        return Next::more;
    }

    shmq::Channel channel;
    shmq::MsgProducer tx;
    shmq::MsgConsumer rx;
    std::vector<std::byte> held;
    bool holds = false;
};

class Server {
public:
    explicit Server(const std::string& address)
        : listener_(shmq::Listener::create(address)), epoll_(::epoll_create1(EPOLL_CLOEXEC)) {
        watch(listener_.fd(), 0, 0);
    }
    ~Server() { ::close(epoll_); }
    Server(const Server&) = delete;
    Server& operator=(const Server&) = delete;

    void run(bool once) {
        do {
            epoll_event events[64];
            // Who had more than its share is served again, after the others.
            const int n = ::epoll_wait(epoll_, events, 64, busy_.empty() ? -1 : 0);
            for (const std::uint64_t id : std::exchange(busy_, {}))
                serve(id);
            for (int i = 0; i < n; ++i) {
                if (events[i].data.u64 == 0)
                    welcome();
                else
                    serve(events[i].data.u64);
            }
        } while (!stop && !(once && last_ > 0 && clients_.empty()));
    }

private:
    void watch(int fd, std::uint64_t id, std::uint32_t more) const {
        epoll_event event{};
        event.events = EPOLLIN | more;
        event.data.u64 = id;
        if (::epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &event) != 0)
            throw std::system_error(errno, std::generic_category(), "epoll_ctl");
    }

    void welcome() {
        try {
            while (shmq::Channel channel = listener_.try_accept()) {
                auto client = std::make_unique<Client>(std::move(channel));
                watch(client->channel.fd(), ++last_, EPOLLET);
                clients_.emplace(last_, std::move(client));
                serve(last_);
            }
        } catch (const std::system_error& e) {
            std::cerr << e.what() << '\n'; // that client's loss alone
        }
    }

    void serve(std::uint64_t id) {
        const auto it = clients_.find(id);
        if (it == clients_.end())
            return;
        switch (it->second->serve()) {
        case Client::Next::wait:
            break;
        case Client::Next::more:
            busy_.push_back(id);
            break;
        case Client::Next::over:
            clients_.erase(it);
            break;
        }
    }

    shmq::Listener listener_;
    int epoll_;
    std::uint64_t last_ = 0;
    std::unordered_map<std::uint64_t, std::unique_ptr<Client>> clients_;
    std::vector<std::uint64_t> busy_;
};

/// A device is one channel; its other side is whoever opens it.
int serve_device(const std::string& address, bool once) {
    auto channel = shmq::Channel::open(
        address, {.side = shmq::Side::second, .wait = shmq::Wait::sleep().interruptible()});
    auto tx = channel.sender();
    auto rx = channel.receiver();
    while (!stop) {
        const auto message = rx.read();
        if (message) {
            tx.write(message.data());
            continue;
        }
        if (message.status() == shmq::Status::PeerGone && !once)
            continue; // another may come
        if (message.status() != shmq::Status::PeerGone &&
            message.status() != shmq::Status::Interrupted) {
            std::cerr << to_string(message.status()) << '\n';
            return 1;
        }
        break;
    }
    return 0;
}

} // namespace

int main(int argc, char** argv) try {
    std::string address;
    bool once = false;
    for (int i = 1; i < argc; ++i) {
        const std::string arg = argv[i];
        if (arg == "--help") {
            std::cout << usage;
            return 0;
        }
        if (arg == "--once") {
            once = true;
        } else if (address.empty() && !arg.starts_with("-")) {
            address = arg;
        } else {
            address.clear();
            break;
        }
    }
    if (address.empty()) {
        std::cerr << usage;
        return 2;
    }
    struct sigaction action {};
    action.sa_handler = on_signal;
    ::sigaction(SIGINT, &action, nullptr);
    ::sigaction(SIGTERM, &action, nullptr);
    if (!address.starts_with("unix:"))
        return serve_device(address, once);
    Server(address).run(once);
    return 0;
} catch (const std::exception& e) {
    std::cerr << e.what() << '\n';
    return 1;
}
