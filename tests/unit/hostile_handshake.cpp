// SPDX-License-Identifier: GPL-2.0-only OR MIT
// Clients that do not shake hands as they should, listeners that are none, and
// neither having descriptors left.
#include "handshake.hpp"
#include "processes.hpp"
#include "readiness.hpp"
#include "sockets.hpp"

#include <shmq/shmq.hpp>

#include <gtest/gtest.h>

#include <chrono>
#include <cstring>
#include <string>
#include <system_error>
#include <thread>
#include <vector>

#include <sys/mman.h>
#include <sys/resource.h>

namespace {

using namespace std::chrono_literals;
using shmq::Channel;
using shmq::Listener;
using shmq::Status;
using shmq::detail::Answer;
using shmq::detail::Hello;

constexpr auto patience = 60s;

#if defined(__SANITIZE_ADDRESS__)
constexpr bool sanitizer_needs_descriptors = true;
#else
constexpr bool sanitizer_needs_descriptors = false;
#endif

/// Whether a client that keeps to the rules is served.
bool serves(Listener& listener) {
    Channel far;
    std::thread client([&] { far = Channel::open(listener.address()); });
    const Channel near = listener.accept(patience);
    client.join();
    return near && far;
}

TEST(HostileHandshake, SilentClientsHoldUpNobody) {
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
    EXPECT_TRUE(serves(listener)) << "among silent ones";
}

TEST(HostileHandshake, ASilentClientIsDroppedAfterItsTimeByTheListenersOwnDescriptor) {
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

TEST(HostileHandshake, WrongHellosAreRefused) {
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

TEST(HostileHandshake, ManyThatComeAndGoLeaveNothingBehind) {
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

TEST(HostileHandshake, DescriptorsThatAClientSendsAreNeverReceived) {
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

TEST(HostileHandshake, WithoutDescriptorsClientsAreTurnedAwayAndItGoesOn) {
    if (sanitizer_needs_descriptors)
        GTEST_SKIP() << "UBSan itself looks at objects by way of a descriptor";
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
    EXPECT_TRUE(serves(listener));
}

TEST(HostileHandshake, AClientWithoutDescriptorsIsToldSo) {
    if (sanitizer_needs_descriptors)
        GTEST_SKIP() << "UBSan itself looks at objects by way of a descriptor";
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

TEST(HostileHandshake, AClientDoesNotTrustItsListenerEither) {
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
