// SPDX-License-Identifier: GPL-2.0-only OR MIT
// Listening, connecting, and what a handshake agrees on and refuses. Clients and
// listeners that are none: hostile_handshake.cpp.
#include "failure.hpp"
#include "processes.hpp"
#include "readiness.hpp"
#include "sockets.hpp"

#include <shmq/shmq.hpp>

#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <system_error>
#include <thread>
#include <vector>

#include <sys/stat.h>

namespace {

using namespace std::chrono_literals;
using shmq::Channel;
using shmq::Format;
using shmq::Listener;
using shmq::ListenOptions;
using shmq::OpenOptions;
using shmq::Status;

constexpr auto patience = 60s;

/// What a client is told by a listener that serves it meanwhile.
std::system_error refusal(Listener& listener, const std::string& address, OpenOptions wants) {
    std::system_error told{std::error_code()};
    std::thread client([&] { told = failure([&] { (void)Channel::open(address, wants); }); });
    const auto before = listener.refused();
    while (listener.refused() == before)
        EXPECT_FALSE(listener.accept(1ms));
    client.join();
    return told;
}

/// Both sides of a channel, in this process.
struct Pair {
    explicit Pair(Listener& listener, OpenOptions wants = {}) {
        std::thread client([&] { far = Channel::open(listener.address(), wants); });
        near = listener.accept(patience);
        client.join();
    }
    Channel near, far;
};

TEST(Listener, MakesAChannelWithEachClient) {
    const SocketName name;
    Listener listener = Listener::create(name.address());
    EXPECT_EQ(listener.address(), name.address());
    Pair one(listener);
    Pair two(listener);
    EXPECT_EQ(listener.clients(), 2u);
    for (Pair* p : {&one, &two}) {
        EXPECT_EQ(p->near.side(), shmq::Side::first);
        EXPECT_EQ(p->far.side(), shmq::Side::second);
        auto tx = p->near.sender();
        auto rx = p->far.receiver();
        auto tx_back = p->far.sender();
        auto rx_back = p->near.receiver();
        ASSERT_EQ(tx.write("there"), Status::Ok);
        EXPECT_EQ(rx.read(patience).text(), "there");
        ASSERT_EQ(tx_back.write("back"), Status::Ok);
        EXPECT_EQ(rx_back.read(patience).text(), "back");
    }
    one.near = {};
    EXPECT_EQ(listener.clients(), 1u);
}

TEST(Listener, MayHaveAnAbstractName) {
    const std::string address = "unix:@shmq-test-" + std::to_string(::getpid());
    Listener listener = Listener::create(address);
    Pair p(listener);
    auto tx = p.far.sender();
    auto rx = p.near.receiver();
    ASSERT_EQ(tx.write("abstract"), Status::Ok);
    EXPECT_EQ(rx.read(patience).text(), "abstract");
    EXPECT_EQ(failure([&] { (void)Listener::create(address); }).code(), std::errc::address_in_use);
}

TEST(Listener, GivesWhatBothAgreeOn) {
    const SocketName name;
    Listener listener = Listener::create(
        name.address(),
        {.queue_size = 1024, .max_queue_size = 8192, .format = Format::plain(), .name = "camera"});
    Pair as_offered(listener);
    EXPECT_EQ(as_offered.far.sender().capacity(), 1024u - 9);
    EXPECT_EQ(as_offered.far.format(), Format::plain());
    EXPECT_EQ(as_offered.far.region().size(), 4096u + 2 * 1024);
    EXPECT_EQ(as_offered.far.element_size(), 0u);
    Pair as_asked(
        listener,
        {.queue_size = 5000, .format = Format::plain(), .element_size = 8, .name = "camera"});
    EXPECT_EQ(as_asked.near.sender().capacity(), 5056u - 9);
    EXPECT_EQ(as_asked.near.element_size(), 8u);
    EXPECT_EQ(as_asked.far.element_size(), 8u);
    Pair small(listener, {.queue_size = 1});
    EXPECT_EQ(small.near.sender().capacity(), 64u - 9);
}

TEST(Listener, RefusesWhatItDoesNotOfferAndSaysWhy) {
    const SocketName name;
    Listener listener =
        Listener::create(name.address(), {.queue_size = 1024, .element_size = 8, .name = "camera"});
    const auto told = [&](const OpenOptions& wants) {
        return refusal(listener, name.address(), wants);
    };
    auto e = told({.queue_size = 1025});
    EXPECT_EQ(e.code(), std::errc::message_size);
    EXPECT_TRUE(says(e, "queues have at most 1024 bytes")) << e.what();
    e = told({.format = Format::plain()});
    EXPECT_EQ(e.code(), std::errc::protocol_error);
    EXPECT_TRUE(says(e, "checked frames")) << e.what();
    e = told({.format = Format::checked("other")});
    EXPECT_TRUE(says(e, "certain prefix")) << e.what();
    e = told({.element_size = 16});
    EXPECT_TRUE(says(e, "elements have 8 bytes here")) << e.what();
    e = told({.name = "lidar"});
    EXPECT_TRUE(says(e, "this is the service 'camera'")) << e.what();
    EXPECT_EQ(listener.refused(), 5u);
    Pair p(listener);
    EXPECT_TRUE(p.far) << "and goes on";
}

TEST(Listener, TakesNoMoreClientsThanItIsTold) {
    const SocketName name;
    Listener listener = Listener::create(name.address(), {.max_clients = 2});
    Pair one(listener);
    std::optional<Pair> two(listener);
    auto e = refusal(listener, name.address(), {});
    EXPECT_EQ(e.code().value(), EUSERS);
    EXPECT_TRUE(says(e, "all the 2 clients")) << e.what();
    auto tx = two->near.sender();
    two.reset();
    refusal(listener, name.address(), {}); // the end keeps the channel
    tx = {};
    const Pair three(listener);
    EXPECT_TRUE(three.near);
}

TEST(Listener, AnElementOfAnotherSizeIsAnErrorWhereTheEndIsMade) {
    const SocketName name;
    Listener listener = Listener::create(name.address(), {.element_size = 8});
    Pair p(listener);
    const auto e = failure([&] { (void)p.far.stream_sender<std::uint32_t>(); });
    EXPECT_EQ(e.code(), std::errc::invalid_argument);
    EXPECT_TRUE(says(e, "agreed to have 8 bytes, not 4")) << e.what();
    auto tx = p.far.stream_sender<std::uint64_t>();
    auto rx = p.near.stream_receiver<std::uint64_t>();
    ASSERT_EQ(tx.write(77), Status::Ok);
    std::uint64_t value = 0;
    EXPECT_EQ(rx.read(value, patience), Status::Ok);
    EXPECT_EQ(value, 77u);
}

TEST(Listener, AWrongAddressSaysWhatToDo) {
    const auto listen = [](const std::string& a) {
        return failure([&] { (void)Listener::create(a); });
    };
    const auto connect = [](const std::string& a) {
        return failure([&] { (void)Channel::open(a); });
    };
    EXPECT_EQ(listen("shm:/x").code(), std::errc::protocol_not_supported);
    EXPECT_EQ(listen("/tmp/x").code(), std::errc::protocol_not_supported);
    for (const char* a : {"unix:", "unix:@"}) {
        EXPECT_EQ(listen(a).code(), std::errc::invalid_argument);
        EXPECT_EQ(connect(a).code(), std::errc::invalid_argument);
    }
    EXPECT_EQ(listen("unix:/" + std::string(107, 'x')).code(), std::errc::filename_too_long);
    EXPECT_TRUE(says(listen("unix:/no/such/directory/x"), "directory does not exist"));
    EXPECT_TRUE(says(connect("unix:/no/such/socket"), "is the program that listens there running"));
    const SocketName name;
    {
        const RawClient other_kind(name, SOCK_STREAM);
        sockaddr_un at{};
        at.sun_family = AF_UNIX;
        std::memcpy(at.sun_path, name.path().c_str(), name.path().size() + 1);
        ASSERT_EQ(::bind(other_kind.fd(), reinterpret_cast<sockaddr*>(&at), sizeof(at)), 0);
        ASSERT_EQ(::listen(other_kind.fd(), 1), 0);
        EXPECT_TRUE(says(connect(name.address()), "no listener of shmq"));
        EXPECT_EQ(listen(name.address()).code(), std::errc::address_in_use);
    }
    EXPECT_TRUE(says(connect(name.address()), "nobody listens there"));
    EXPECT_EQ(failure([&] { (void)Channel::create(name.address()); }).code(),
              std::errc::operation_not_supported);
    EXPECT_EQ(
        failure([&] { (void)Channel::open(name.address(), {.side = shmq::Side::first}); }).code(),
        std::errc::invalid_argument);
}

TEST(Listener, OptionsThatCannotBeAreToldAtOnce) {
    const SocketName name;
    for (const ListenOptions& o :
         {ListenOptions{.queue_size = 1}, ListenOptions{.queue_size = 4096, .max_queue_size = 64},
          ListenOptions{.name = std::string(65, 'n')}, ListenOptions{.max_pending = 0},
          ListenOptions{.handshake_timeout = 0s}})
        EXPECT_EQ(failure([&] { (void)Listener::create(name.address(), o); }).code(),
                  std::errc::invalid_argument);
    EXPECT_NE(::access(name.path().c_str(), F_OK), 0) << "nothing is left behind";
}

TEST(Listener, APathHasItsModeAndGoesWithItsListener) {
    const SocketName name;
    const mode_t mask = ::umask(077);
    {
        const Listener listener = Listener::create(name.address(), {.mode = 0666});
        struct stat st {};
        ASSERT_EQ(::stat(name.path().c_str(), &st), 0);
        EXPECT_EQ(st.st_mode & 0777, 0666u) << "whatever the umask";
        const auto e = failure([&] { (void)Listener::create(name.address()); });
        EXPECT_EQ(e.code(), std::errc::address_in_use);
        EXPECT_TRUE(says(e, "another program listens there")) << e.what();
        Child([&] { return 0; }).join();
    }
    ::umask(mask);
    EXPECT_NE(::access(name.path().c_str(), F_OK), 0);
    const int fd = ::open(name.path().c_str(), O_CREAT | O_RDWR, 0600);
    ASSERT_GE(fd, 0);
    ::close(fd);
    EXPECT_TRUE(says(failure([&] { (void)Listener::create(name.address()); }), "is no socket"))
        << "files of others are not taken away";
}

TEST(Listener, WhatAKilledListenerLeftIsTakenOver) {
    const SocketName name;
    Child dead([&] {
        const Listener listener = Listener::create(name.address());
        ::pause();
        return 0;
    });
    std::error_code ec;
    while (::access(name.path().c_str(), F_OK) != 0)
        std::this_thread::yield();
    dead.kill();
    Listener listener = Listener::create(name.address(), {}, ec);
    ASSERT_FALSE(ec) << ec.message();
    const Pair p(listener);
    EXPECT_TRUE(p.far);
}

TEST(Listener, OfManyThatTakeOverOneListens) {
    const SocketName name;
    Child([&] {
        const Listener listener = Listener::create(name.address());
        std::_Exit(0); // leaves the name behind
        return 0;
    }).join();
    std::vector<std::unique_ptr<Child>> children;
    for (int i = 0; i < 8; ++i)
        children.push_back(std::make_unique<Child>([&] {
            std::error_code ec;
            const Listener listener = Listener::create(name.address(), {}, ec);
            if (ec)
                return ec == std::errc::address_in_use ? 1 : 2;
            ::pause();
            return 0;
        }));
    int losers = 0;
    for (auto& child : children) {
        // The winner never comes back: ask who did.
        if (losers == 7)
            break;
        (void)child;
        int status = 0;
        ASSERT_GT(::waitpid(-1, &status, 0), 0);
        EXPECT_EQ(WEXITSTATUS(status), 1);
        ++losers;
    }
    const Channel none = Channel();
    EXPECT_FALSE(none);
    EXPECT_EQ(::access(name.path().c_str(), F_OK), 0) << "the winner's name";
}

TEST(Listener, ThePeerIsKnownByItsCredentials) {
    const SocketName name;
    Listener listener = Listener::create(name.address());
    Child client([&] {
        Channel channel = Channel::open(name.address());
        const auto server = channel.peer_credentials();
        if (!server || server->pid != ::getppid() || server->uid != ::getuid())
            return 1;
        auto tx = channel.sender();
        auto rx = channel.receiver();
        const pid_t me = ::getpid();
        (void)tx.write(shmq::Bytes(&me, sizeof(me)));
        return rx.read(patience).status() == Status::PeerGone ? 0 : 2;
    });
    {
        Channel channel = listener.accept(patience);
        ASSERT_TRUE(channel);
        auto rx = channel.receiver();
        pid_t pid = 0;
        const auto m = rx.read(patience);
        ASSERT_EQ(m.size(), sizeof(pid));
        std::memcpy(&pid, m.data().data(), sizeof(pid));
        const auto peer = channel.peer_credentials();
        ASSERT_TRUE(peer);
        EXPECT_EQ(peer->pid, pid);
        EXPECT_EQ(peer->uid, ::getuid());
        EXPECT_EQ(peer->gid, ::getgid());
    }
    EXPECT_EQ(client.join(), 0);
    EXPECT_FALSE(Channel::memfd().peer_credentials());
}

TEST(Listener, AcceptReturnsEmptyWhenNobodyComes) {
    const SocketName name;
    Listener listener = Listener::create(name.address());
    EXPECT_FALSE(listener.try_accept());
    EXPECT_FALSE(listener.accept(1ms));
    EXPECT_FALSE(is_readable(listener.fd()));
    Listener none;
    EXPECT_EQ(none.fd(), -1);
    std::error_code ec;
    EXPECT_FALSE(none.try_accept(ec));
    EXPECT_EQ(ec, std::errc::bad_file_descriptor);
}

TEST(Listener, AClientThatNobodyAnswersGivesUp) {
    const SocketName name;
    const Listener listener = Listener::create(name.address());
    const auto e = failure([&] { (void)Channel::open(name.address(), {.timeout = 20ms}); });
    EXPECT_EQ(e.code(), std::errc::timed_out);
    EXPECT_TRUE(says(e, "does not answer in time")) << e.what();
}

} // namespace
