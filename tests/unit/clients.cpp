// SPDX-License-Identifier: GPL-2.0-only OR MIT
// Many processes and one listener: kills at random moments, reconnects, and
// nothing left behind.
#include "numbered_text.hpp"
#include "processes.hpp"
#include "random.hpp"
#include "sockets.hpp"

#include <shmq/shmq.hpp>

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <sys/epoll.h>
#include <sys/resource.h>
#include <time.h>

namespace {

using namespace std::chrono_literals;
using shmq::Channel;
using shmq::Listener;
using shmq::Status;
using shmq::Wait;

constexpr auto patience = 60s;

std::string text(std::uint32_t n) {
    return numbered_text(n, 4 + n % 200);
}

/// Echoes to many clients on one thread.
class EchoServer {
public:
    explicit EchoServer(Listener& listener)
        : listener_(listener), epoll_(::epoll_create1(EPOLL_CLOEXEC)) {
        add(listener_.fd(), 0);
    }
    ~EchoServer() { ::close(epoll_); }
    EchoServer(const EchoServer&) = delete;
    EchoServer& operator=(const EchoServer&) = delete;

    [[nodiscard]] std::size_t clients() const { return clients_.size(); }
    [[nodiscard]] std::uint64_t corrupt() const { return corrupt_; }

    /// One wait and what it brought; false if nothing came in that time.
    bool turn(int timeout_ms) {
        epoll_event events[16];
        const int n = ::epoll_wait(epoll_, events, 16, timeout_ms);
        for (int i = 0; i < n; ++i) {
            const std::uint64_t id = events[i].data.u64;
            if (id == 0)
                welcome();
            else if (const auto it = clients_.find(id); it != clients_.end() && !serve(*it->second))
                clients_.erase(it);
        }
        return n > 0;
    }

private:
    struct Client {
        explicit Client(Channel accepted)
            : channel(std::move(accepted)), tx(channel.sender()), rx(channel.receiver()) {}
        Channel channel;
        shmq::MsgProducer tx;
        shmq::MsgConsumer rx;
        std::string held;
    };

    void add(int fd, std::uint64_t id) const {
        epoll_event e{};
        e.events = id ? EPOLLIN | EPOLLET : EPOLLIN;
        e.data.u64 = id;
        ASSERT_EQ(::epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &e), 0);
    }

    void welcome() {
        while (Channel channel = listener_.try_accept()) {
            try {
                auto client = std::make_unique<Client>(std::move(channel));
                add(client->channel.fd(), ++last_);
                if (serve(*client))
                    clients_.emplace(last_, std::move(client));
            } catch (const std::system_error&) {
                ++corrupt_; // it was quicker than we
            }
        }
    }

    bool serve(Client& c) {
        const Status taken = c.channel.take_rings();
        for (;;) {
            if (!c.held.empty()) {
                const Status s = c.tx.try_write(shmq::Bytes(c.held.data(), c.held.size()));
                if (s == Status::Full)
                    return true;
                if (s != Status::Ok)
                    return false;
                c.held.clear();
            }
            const auto m = c.rx.try_read();
            if (m.status() == Status::Empty)
                return taken == Status::Ok;
            if (!m) {
                corrupt_ += m.status() == Status::Corrupt || m.status() == Status::Recreated;
                return false;
            }
            c.held = m.text();
        }
    }

    Listener& listener_;
    int epoll_;
    std::uint64_t last_ = 0;
    std::uint64_t corrupt_ = 0;
    std::map<std::uint64_t, std::unique_ptr<Client>> clients_;
};

/// Sends and compares what comes back, until it is killed or its server is gone.
int talk(Channel channel, std::uint32_t most = UINT32_MAX) {
    auto tx = channel.sender();
    auto rx = channel.receiver();
    std::uint32_t next = 0;
    for (std::uint32_t n = 0; n < most; ++n) {
        const Status s = tx.write(text(n), patience);
        if (s != Status::Ok)
            return s == Status::PeerGone ? 10 : 1;
        while (n - next >= 4 || n + 1 == most) {
            const auto m = rx.read(patience);
            if (!m)
                return m.status() == Status::PeerGone ? 10 : 2;
            if (m.text() != text(next))
                return 3;
            if (++next == most)
                return 0;
        }
    }
    return 0;
}

TEST(Clients, KilledAtAnyMomentTheyCostTheirServerNothing) {
    const SocketName name;
    Listener listener = Listener::create(name.address(), {.queue_size = 4096});
    const auto shm_before = names_in("/dev/shm");
    Random random(7);
    {
        EchoServer server(listener);
        while (server.turn(0)) {
        }
        const std::size_t before = open_descriptors();
        // One that lives through all of it and must not be disturbed.
        Child steady([&] { return talk(Channel::open(name.address()), 3000); });
        for (int round = 0; round < 25; ++round) {
            std::vector<std::unique_ptr<Child>> children;
            for (int i = 0; i < 4; ++i)
                children.push_back(
                    std::make_unique<Child>([&] { return talk(Channel::open(name.address())); }));
            const auto until =
                std::chrono::steady_clock::now() + std::chrono::microseconds(random.below(20000));
            while (std::chrono::steady_clock::now() < until)
                server.turn(1);
            for (auto& child : children)
                child->kill();
        }
        std::thread serve([&] {
            while (server.clients() > 0)
                server.turn(2000);
        });
        EXPECT_EQ(steady.join(), 0);
        serve.join();
        EXPECT_EQ(server.corrupt(), 0u) << "what the dead left is whole";
        EXPECT_EQ(open_descriptors(), before);
    }
    EXPECT_EQ(left_in_shm(shm_before), "");
}

TEST(Clients, AServerKilledAtAnyMomentIsNoticedAndReplaced) {
    const SocketName name;
    Random random(11);
    const auto serve = [&] {
        Listener listener = Listener::create(name.address(), {.queue_size = 4096});
        EchoServer server(listener);
        for (;;)
            server.turn(-1);
        return 0;
    };
    const std::size_t before = open_descriptors();
    const auto shm_before = names_in("/dev/shm");
    for (const Wait wait : {Wait::sleep(), Wait::spin_then_sleep()}) {
        for (int round = 0; round < 12; ++round) {
            auto server = std::make_unique<Child>(serve);
            Channel channel;
            std::error_code ec;
            // Until it listens: there is nobody, or the one before is still named.
            do {
                channel = Channel::open(name.address(), {.wait = wait}, ec);
            } while (!channel);
            std::thread killer([&, pause = random.below(5000)] {
                std::this_thread::sleep_for(std::chrono::microseconds(pause));
                server->kill();
            });
            EXPECT_EQ(talk(std::move(channel)), 10) << "PeerGone, and no message damaged";
            killer.join();
        }
    }
    EXPECT_EQ(open_descriptors(), before);
    EXPECT_EQ(left_in_shm(shm_before), "");
}

TEST(Clients, OneThatSleepsIsWokenByItsPeersDeath) {
    for (const bool in_write : {false, true}) {
        const SocketName name;
        Listener listener = Listener::create(name.address(), {.queue_size = 256});
        Child client([&] {
            Channel channel = Channel::open(name.address(), {.wait = Wait::sleep()});
            auto tx = channel.sender();
            auto rx = channel.receiver();
            (void)tx.write("here");
            ::pause();
            return 0;
        });
        Channel channel = listener.accept(patience);
        ASSERT_TRUE(channel);
        auto rx = channel.receiver();
        auto tx = channel.sender();
        ASSERT_TRUE(rx.read(patience));
        std::thread killer([&] {
            std::this_thread::sleep_for(20ms);
            client.kill();
        });
        if (in_write) {
            Status s = Status::Ok;
            while (s == Status::Ok)
                s = tx.write("fill");
            EXPECT_EQ(s, Status::PeerGone);
        } else {
            EXPECT_EQ(rx.read().status(), Status::PeerGone) << "without a time";
        }
        killer.join();
    }
}

TEST(Clients, IdleOnesWakeNobody) {
    const SocketName name;
    Listener listener = Listener::create(name.address(), {.queue_size = 4096});
    EchoServer server(listener);
    constexpr std::size_t count = 100;
    std::vector<Channel> clients;
    std::thread connector([&] {
        for (std::size_t i = 0; i < count; ++i)
            clients.push_back(Channel::open(name.address()));
    });
    while (server.clients() < count)
        server.turn(1000);
    connector.join();
    while (server.turn(0)) {
    }
    EXPECT_FALSE(server.turn(300)) << "not one wake-up";
    // All of them work.
    std::thread talker([&] {
        for (Channel& client : clients)
            EXPECT_EQ(talk(std::move(client), 3), 0);
    });
    while (server.clients() > 0)
        server.turn(1000);
    talker.join();
}

TEST(Clients, HostileOnesDoNotStopTheOthers) {
    const SocketName name;
    Listener listener = Listener::create(name.address(), {.queue_size = 4096, .max_pending = 4});
    EchoServer server(listener);
    std::vector<std::unique_ptr<Child>> hostile;
    // Scribbles over all of its memory and floods the socket.
    for (std::uint32_t seed = 1; seed <= 3; ++seed)
        hostile.push_back(std::make_unique<Child>([&, seed] {
            for (std::uint32_t x = seed;;) {
                std::error_code ec;
                Channel channel = Channel::open(name.address(), {}, ec);
                if (!channel)
                    continue;
                const auto memory = channel.region().bytes();
                auto* const base = reinterpret_cast<shmq_base>(memory.data());
                const auto words = static_cast<std::uint32_t>(memory.size() / 4);
                for (int i = 0; i < 20000; ++i) {
                    x = x * 1664525 + 1013904223;
                    const std::uint32_t queue = 4096 + (x & 4 ? 4096 : 0);
                    shmq_store_relaxed(base,
                                       x & 8 ? queue + (x & 16 ? 4 : 0) : (x >> 8) % words * 4,
                                       x & 32 ? (x >> 8) % 4088 : x);
                    if (i % 100 == 0) {
                        const std::uint32_t bell = 1 + (x >> 31);
                        ::send(channel.fd(), &bell, 4, MSG_DONTWAIT | MSG_NOSIGNAL);
                        (void)channel.try_send_control("x");
                    }
                }
            }
            return 0;
        }));
    // Connects, says nothing or half of something, and stays.
    hostile.push_back(std::make_unique<Child>([&] {
        std::vector<RawClient> silent;
        for (std::uint32_t n = 0;; ++n) {
            silent.emplace_back(name);
            if (n % 2)
                (void)silent.back().send("half", 4);
            if (silent.size() > 50)
                silent.clear();
        }
        return 0;
    }));
    std::vector<std::unique_ptr<Child>> honest;
    for (int i = 0; i < 3; ++i)
        honest.push_back(std::make_unique<Child>([&] {
            // One connection may be among those that the silent ones push out.
            for (int tries = 0; tries < 100; ++tries) {
                std::error_code ec;
                Channel channel = Channel::open(name.address(), {}, ec);
                if (channel)
                    return talk(std::move(channel), 2000);
            }
            return 50;
        }));
    std::atomic<bool> over{false};
    std::thread judge([&] {
        for (auto& child : honest)
            EXPECT_EQ(child->join(), 0);
        for (auto& child : hostile)
            child->kill();
        over = true;
    });
    while (!over)
        server.turn(10);
    judge.join();
    while (server.clients() > 0)
        server.turn(100);
}

} // namespace
