// SPDX-License-Identifier: GPL-2.0-only OR MIT
// The echo server with asio: a channel is one descriptor to wait for, which asio's
// loop serves beside sockets, timers and signals. Answers in capitals.
#include <shmq/shmq.hpp>

#include <asio.hpp>

#include <algorithm>
#include <cctype>
#include <exception>
#include <iostream>
#include <memory>
#include <string>
#include <utility>

namespace {

/// Waits for a descriptor that belongs to somebody else.
class Watched {
public:
    Watched(asio::io_context& io, int fd) : stream_(io, fd) {}
    ~Watched() { stream_.release(); }
    Watched(const Watched&) = delete;
    Watched& operator=(const Watched&) = delete;

    template <typename F>
    void then(F&& f) {
        stream_.async_wait(asio::posix::stream_descriptor::wait_read, std::forward<F>(f));
    }

private:
    asio::posix::stream_descriptor stream_;
};

class Session : public std::enable_shared_from_this<Session> {
public:
    Session(asio::io_context& io, shmq::Channel channel)
        : io_(io),
          channel_(std::move(channel)),
          tx_(channel_.sender()),
          rx_(channel_.receiver()),
          watched_(io, channel_.fd()) {}

    /// One turn: take the rings, do what there is to do, wait for the next.
    void turn() {
        const bool alive = channel_.take_rings() == shmq::Status::Ok;
        for (int n = 0; n < 64; ++n) {
            if (holds_ && !send())
                return;
            const auto message = rx_.try_read();
            if (message.status() == shmq::Status::Empty) {
                if (alive)
                    wait();
                return;
            }
            if (message.status() == shmq::Status::Again)
                break;
            if (!message)
                return; // the last reference goes, and with it the channel
            held_ = message.text();
            std::transform(held_.begin(), held_.end(), held_.begin(),
                           [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
            holds_ = true;
        }
        // More than a fair share: the others first.
        asio::post(io_, [self = shared_from_this()] { self->turn(); });
    }

private:
    bool send() {
        const shmq::Status s = tx_.try_write(held_);
        if (s == shmq::Status::Full)
            wait(); // for room
        holds_ = s == shmq::Status::Full;
        return s == shmq::Status::Ok;
    }

    void wait() {
        watched_.then([self = shared_from_this()](const std::error_code& ec) {
            if (!ec)
                self->turn();
        });
    }

    asio::io_context& io_;
    shmq::Channel channel_;
    shmq::MsgProducer tx_;
    shmq::MsgConsumer rx_;
    Watched watched_;
    std::string held_;
    bool holds_ = false;
};

class Server {
public:
    Server(asio::io_context& io, const std::string& address)
        : io_(io), listener_(shmq::Listener::create(address)), watched_(io, listener_.fd()) {
        wait();
    }

private:
    void wait() {
        watched_.then([this](const std::error_code& ec) {
            if (ec)
                return;
            try {
                while (shmq::Channel channel = listener_.try_accept())
                    std::make_shared<Session>(io_, std::move(channel))->turn();
            } catch (const std::system_error& e) {
                std::cerr << e.what() << '\n'; // that client's loss alone
            }
            wait();
        });
    }

    asio::io_context& io_;
    shmq::Listener listener_;
    Watched watched_;
};

} // namespace

int main(int argc, char** argv) try {
    if (argc != 2 || argv[1][0] == '-') {
        const bool asked = argc == 2 && std::string(argv[1]) == "--help";
        (asked ? std::cout : std::cerr) << "usage: asio_server ADDRESS\n"
                                           "example: asio_server unix:/tmp/capitals.sock\n";
        return asked ? 0 : 2;
    }
    asio::io_context io(1);
    asio::signal_set signals(io, SIGINT, SIGTERM);
    signals.async_wait([&](const std::error_code&, int) { io.stop(); });
    const Server server(io, argv[1]);
    io.run();
    return 0;
} catch (const std::exception& e) {
    std::cerr << e.what() << '\n';
    return 1;
}
