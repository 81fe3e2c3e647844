// SPDX-License-Identifier: GPL-2.0-only OR MIT
// Listening, connecting, and what a handshake agrees on and refuses.
#include "handshake.hpp"
#include "processes.hpp"
#include "sockets.hpp"

#include <shmq/shmq.hpp>

#include <gtest/gtest.h>

#include <chrono>
#include <functional>
#include <string>
#include <system_error>
#include <thread>
#include <vector>

#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>

namespace {

using namespace std::chrono_literals;
using shmq::Channel;
using shmq::Format;
using shmq::Listener;
using shmq::ListenOptions;
using shmq::OpenOptions;
using shmq::Status;
using shmq::Wait;
using shmq::detail::Answer;
using shmq::detail::Hello;

constexpr auto patience = 60s;

std::system_error failure(const std::function<void()>& f) {
    try {
        f();
    } catch (const std::system_error& e) {
        return e;
    }
    ADD_FAILURE() << "did not fail";
    return std::system_error(std::error_code());
}

bool says(const std::system_error& e, const std::string& text) {
    return std::string(e.what()).find(text) != std::string::npos;
}

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

// ---- clients that are none

TEST(Listener, SilentClientsHoldUpNobody) {
    const SocketName name;
    Listener listener = Listener::create(name.address(), {.max_pending = 8});
    std::vector<RawClient> silent;
    for (int i = 0; i < 40; ++i) {
        silent.emplace_back(name);
        ASSERT_TRUE(silent.back().connected());
        EXPECT_FALSE(listener.try_accept());
    }
    EXPECT_EQ(listener.refused(), 32u) << "the oldest make room";
    const Answer* told = nullptr;
    const std::string answer = silent.front().receive();
    ASSERT_EQ(answer.size(), sizeof(Answer));
    told = reinterpret_cast<const Answer*>(answer.data());
    EXPECT_EQ(told->error, static_cast<std::uint32_t>(EBUSY));
    const Pair p(listener);
    EXPECT_TRUE(p.far) << "among silent ones";
}

TEST(Listener, ASilentClientIsDroppedAfterItsTimeByTheListenersOwnDescriptor) {
    const SocketName name;
    Listener listener = Listener::create(name.address(), {.handshake_timeout = 20ms});
    const RawClient silent(name);
    EXPECT_FALSE(listener.try_accept());
    EXPECT_TRUE(is_readable(listener.fd(), 60000)) << "the time of a client";
    while (listener.refused() == 0)
        EXPECT_FALSE(listener.accept(1ms));
    EXPECT_FALSE(silent.receive().empty()) << "is told why";
    EXPECT_TRUE(silent.receive().empty());
    EXPECT_FALSE(is_readable(listener.fd())) << "and nothing keeps it awake";
}

TEST(Listener, WrongHellosAreRefused) {
    const SocketName name;
    Listener listener = Listener::create(name.address());
    std::uint64_t refused = 0;
    const auto told = [&](const void* data, std::size_t size) {
        const RawClient client(name);
        EXPECT_TRUE(client.send(data, size));
        EXPECT_FALSE(listener.try_accept());
        EXPECT_EQ(listener.refused(), ++refused);
        const std::string answer = client.receive();
        EXPECT_EQ(answer.size(), sizeof(Answer));
        Answer a;
        std::memcpy(&a, answer.data(), std::min(answer.size(), sizeof(a)));
        EXPECT_TRUE(client.receive().empty()) << "hung up";
        return a.error;
    };
    Hello hello;
    EXPECT_EQ(told(&hello, sizeof(hello) - 1), static_cast<std::uint32_t>(EPROTO));
    const std::vector<char> large(1000);
    EXPECT_EQ(told(large.data(), large.size()), static_cast<std::uint32_t>(EPROTO));
    hello.magic = 0;
    EXPECT_EQ(told(&hello, sizeof(hello)), static_cast<std::uint32_t>(EPROTO));
    hello = {};
    hello.version = 2;
    EXPECT_EQ(told(&hello, sizeof(hello)), static_cast<std::uint32_t>(EPROTO));
    hello = {};
    hello.name_length = UINT32_MAX;
    EXPECT_EQ(told(&hello, sizeof(hello)), static_cast<std::uint32_t>(EPROTO));
    hello = {};
    hello.prefix_length = 65;
    EXPECT_EQ(told(&hello, sizeof(hello)), static_cast<std::uint32_t>(EPROTO));
    for (const std::uint32_t size : {0x40000u * 2, 0x80000000u, UINT32_MAX}) {
        hello = {};
        hello.queue_size = size;
        EXPECT_EQ(told(&hello, sizeof(hello)), static_cast<std::uint32_t>(EMSGSIZE));
    }
    hello = {};
    hello.reserved = 1;
    EXPECT_EQ(told(&hello, sizeof(hello)), static_cast<std::uint32_t>(EPROTO));
}

TEST(Listener, ManyThatComeAndGoLeaveNothingBehind) {
    const SocketName name;
    Listener listener = Listener::create(name.address());
    const std::size_t before = open_descriptors();
    for (int i = 0; i < 100; ++i) {
        const RawClient client(name);
        ASSERT_TRUE(i % 3 != 0 || client.send("x", 1));
    }
    while (is_readable(listener.fd()))
        EXPECT_FALSE(listener.try_accept());
    EXPECT_EQ(open_descriptors(), before);
    EXPECT_EQ(listener.refused(), 100u);
}

TEST(Listener, DescriptorsThatAClientSendsAreNeverReceived) {
    const SocketName name;
    Listener listener = Listener::create(name.address());
    const std::size_t before = open_descriptors();
    const RawClient client(name);
    const Hello hello;
    ASSERT_TRUE(client.send_with_descriptors(&hello, sizeof(hello), 20));
    Channel channel = listener.accept(patience);
    ASSERT_TRUE(channel);
    EXPECT_EQ(open_descriptors(), before + 2) << "the client's socket and the listener's";
    // Nor with what looks like a bell, a control message, or nothing.
    const std::uint32_t bell = 1;
    ASSERT_TRUE(client.send_with_descriptors(&bell, sizeof(bell), 20));
    ASSERT_TRUE(is_readable(channel.fd()));
    EXPECT_EQ(channel.take_rings(), Status::Ok);
    EXPECT_EQ(open_descriptors(), before + 2);
}

/// Leaves room for `more` descriptors while it lives.
class FewDescriptors {
public:
    explicit FewDescriptors(rlim_t more) {
        ::getrlimit(RLIMIT_NOFILE, &old_);
        // The next ones are given from the lowest free number on.
        const int next = ::dup(0);
        ::close(next);
        const rlimit limit{static_cast<rlim_t>(next) + more, old_.rlim_max};
        ::setrlimit(RLIMIT_NOFILE, &limit);
    }
    FewDescriptors(const FewDescriptors&) = delete;
    FewDescriptors& operator=(const FewDescriptors&) = delete;
    ~FewDescriptors() { ::setrlimit(RLIMIT_NOFILE, &old_); }

private:
    rlimit old_{};
};

TEST(Listener, WithoutDescriptorsClientsAreTurnedAwayAndItGoesOn) {
    const SocketName name;
    Listener listener = Listener::create(name.address());
    for (rlim_t left = 0; left < 2; ++left) { // for the socket; for the memory
        const RawClient client(name);
        const RawClient another(name);
        const Hello hello;
        ASSERT_TRUE(client.send(&hello, sizeof(hello)));
        ASSERT_TRUE(another.send(&hello, sizeof(hello)));
        {
            const FewDescriptors few(left);
            for (int i = 0; i < 2; ++i) {
                std::error_code ec;
                EXPECT_FALSE(listener.try_accept(ec));
                EXPECT_EQ(ec, std::errc::too_many_files_open) << left;
            }
            EXPECT_FALSE(listener.try_accept()) << "nobody knocks for ever";
        }
        Answer told;
        std::string answer = client.receive();
        if (answer.empty())
            answer = client.receive(); // after a reset: its hello was never read
        ASSERT_EQ(answer.size(), sizeof(told));
        std::memcpy(&told, answer.data(), sizeof(told));
        EXPECT_EQ(told.error, static_cast<std::uint32_t>(EMFILE));
    }
    const Pair p(listener);
    EXPECT_TRUE(p.far);
}

TEST(Listener, AClientWithoutDescriptorsIsToldSo) {
    const SocketName name;
    Listener listener = Listener::create(name.address());
    Channel near;
    std::thread server([&] { near = listener.accept(patience); });
    Child client([&] {
        const FewDescriptors few(1); // the socket, not the memory
        std::error_code ec;
        const Channel far = Channel::open(name.address(), {}, ec);
        return ec == std::errc::too_many_files_open ? 0 : 1;
    });
    EXPECT_EQ(client.join(), 0);
    server.join();
}

// ---- listeners that are none

/// Answers the first client with `answer` and the descriptors of `fd`, `count` times.
std::error_code open_to(const Answer& answer, int fd, std::size_t size = sizeof(Answer)) {
    const SocketName name;
    const RawClient listening(name);
    sockaddr_un at{};
    at.sun_family = AF_UNIX;
    std::memcpy(at.sun_path, name.path().c_str(), name.path().size() + 1);
    EXPECT_EQ(::bind(listening.fd(), reinterpret_cast<sockaddr*>(&at), sizeof(at)), 0);
    EXPECT_EQ(::listen(listening.fd(), 1), 0);
    std::thread server([&] {
        const int client = ::accept(listening.fd(), nullptr, nullptr);
        EXPECT_EQ(shmq::detail::send_packet(client, &answer, size, fd), 0);
        char hello[200];
        EXPECT_GT(::recv(client, hello, sizeof(hello), 0), 0);
        ::close(client);
    });
    std::error_code ec;
    const std::size_t before = open_descriptors();
    EXPECT_FALSE(Channel::open(name.address(), {}, ec));
    server.join();
    EXPECT_LE(open_descriptors(), before);
    return ec;
}

TEST(Listener, AClientDoesNotTrustItsListenerEither) {
    Answer answer;
    answer.total = 4096 + 2 * 4096;
    const auto region = shmq::Region::memfd("forged", answer.total);
    EXPECT_EQ(open_to(answer, -1), std::errc::too_many_files_open);
    EXPECT_EQ(open_to(answer, region.fd(), 20), std::errc::protocol_error);
    EXPECT_EQ(open_to(answer, region.fd()), std::errc::resource_unavailable_try_again)
        << "no channel in it";
    Answer wrong = answer;
    wrong.magic = 1;
    EXPECT_EQ(open_to(wrong, region.fd()), std::errc::protocol_error);
    wrong = answer;
    wrong.version = 3;
    EXPECT_EQ(open_to(wrong, region.fd()), std::errc::protocol_error);
    wrong = answer;
    wrong.total = 1 << 20;
    EXPECT_EQ(open_to(wrong, region.fd()), std::errc::protocol_error) << "more than it has";
    const int loose = ::memfd_create("loose", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    ASSERT_EQ(::ftruncate(loose, answer.total), 0);
    EXPECT_EQ(open_to(answer, loose), std::errc::protocol_error) << "could be truncated later";
    ::close(loose);
    const int null = ::open("/dev/zero", O_RDWR | O_CLOEXEC);
    EXPECT_EQ(open_to(answer, null), std::errc::protocol_error);
    ::close(null);
}

} // namespace
