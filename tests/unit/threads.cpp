// SPDX-License-Identifier: GPL-2.0-only OR MIT
// Two threads at full speed, under each policy and with small rings.
#include "numbered_text.hpp"
#include "random.hpp"

#include <shmq/shmq.hpp>

#include <gtest/gtest.h>

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <thread>
#include <vector>

namespace {

using namespace std::chrono_literals;
using shmq::Channel;
using shmq::Format;
using shmq::Status;
using shmq::Wait;

// Sanitizers slow the machine down; the interleavings stay.
#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
constexpr std::uint32_t messages = 5000;
#else
constexpr std::uint32_t messages = 100000;
#endif

constexpr auto patience = 60s;

/// Message n: its length follows from its number too.
std::string message(std::uint32_t n, std::size_t longest) {
    return numbered_text(n, 4 + n * 7 % (longest - 3));
}

struct Policy {
    const char* name;
    Wait wait;
};

const Policy policies[] = {
    {"spin", Wait::spin()},
    {"gather", Wait::gather(2us)},
    {"spin_then_sleep", Wait::spin_then_sleep(5us)},
    {"sleep", Wait::sleep()},
    {"periodic", Wait::periodic(50us)},
};

class Threads : public testing::TestWithParam<std::tuple<std::size_t, bool>> {
protected:
    [[nodiscard]] static const Policy& policy() { return policies[std::get<0>(GetParam())]; }
    [[nodiscard]] static Channel channel(std::size_t queue_size) {
        return Channel::memfd(
            {.queue_size = queue_size,
             .format = std::get<1>(GetParam()) ? Format::plain() : Format::checked(),
             .wait = policy().wait});
    }
    // A nap a message is slow by nature.
    [[nodiscard]] static std::uint32_t count() {
        const auto kind = policy().wait.kind();
        return kind == Wait::Kind::periodic || kind == Wait::Kind::gather ? messages / 10
                                                                          : messages;
    }
};

INSTANTIATE_TEST_SUITE_P(Stress, Threads,
                         testing::Combine(testing::Range<std::size_t>(0, std::size(policies)),
                                          testing::Bool()),
                         [](const auto& p) {
                             return std::string(policies[std::get<0>(p.param)].name) +
                                    (std::get<1>(p.param) ? "_plain" : "_checked");
                         });

TEST_P(Threads, EveryMessageArrivesOnceAndInOrder) {
    Channel first = channel(512);
    auto tx = first.sender();
    auto rx = first.other_side().receiver();
    std::thread writer([&] {
        for (std::uint32_t n = 0; n < count(); ++n)
            ASSERT_EQ(tx.write(message(n, 200), patience), Status::Ok);
    });
    for (std::uint32_t n = 0; n < count(); ++n) {
        const auto m = rx.read(patience);
        ASSERT_TRUE(m) << n << ": " << to_string(m.status());
        ASSERT_EQ(m.text(), message(n, 200)) << n;
    }
    writer.join();
    EXPECT_EQ(rx.try_read().status(), Status::Empty);
}

TEST_P(Threads, InPlaceAndInBatches) {
    Channel first = channel(1024);
    auto tx = first.sender();
    auto rx = first.other_side().receiver();
    std::thread writer([&] {
        for (std::uint32_t n = 0; n < count();) {
            const auto batch = tx.batch();
            for (int i = 0; i < 8 && n < count(); ++i, ++n) {
                const std::string data = message(n, 100);
                auto room = tx.reserve(static_cast<std::uint32_t>(data.size()), patience);
                ASSERT_TRUE(room) << to_string(room.status());
                room.put(0, data);
                ASSERT_EQ(room.commit(), Status::Ok);
            }
        }
    });
    std::uint32_t n = 0;
    while (n < count()) {
        {
            const auto one = rx.front(patience);
            ASSERT_TRUE(one) << to_string(one.status());
            std::string s(one.size(), '?');
            one.data().copy_to(std::as_writable_bytes(std::span(s)));
            ASSERT_EQ(s, message(n, 100));
            ++n;
        }
        const auto d = rx.drain([&](const shmq::Message& m) {
            ASSERT_EQ(m.text(), message(n, 100));
            ++n;
        });
        ASSERT_EQ(d.status, Status::Empty);
    }
    writer.join();
}

TEST_P(Threads, PingPong) {
    Channel first = channel(256);
    Channel second = first.other_side();
    auto tx = first.sender();
    auto rx = first.receiver();
    const std::uint32_t rounds = count() / 10;
    std::thread echo([&] {
        auto in = second.receiver();
        auto out = second.sender();
        for (std::uint32_t n = 0; n < rounds; ++n) {
            const auto m = in.read(patience);
            ASSERT_TRUE(m);
            ASSERT_EQ(out.write(m.data(), patience), Status::Ok);
        }
    });
    for (std::uint32_t n = 0; n < rounds; ++n) {
        ASSERT_EQ(tx.write(message(n, 50), patience), Status::Ok);
        const auto m = rx.read(patience);
        ASSERT_TRUE(m) << n << ": " << to_string(m.status());
        ASSERT_EQ(m.text(), message(n, 50));
    }
    echo.join();
}

TEST_P(Threads, AByteStreamIsTheSameStream) {
    Channel first = channel(300);
    auto tx = first.byte_sender();
    auto rx = first.other_side().byte_receiver();
    const std::uint32_t total = count() * 4;
    std::thread writer([&] {
        Random random(1);
        for (std::uint32_t sent = 0; sent < total;) {
            std::string s(std::min<std::uint32_t>(1 + random.below(90), total - sent), '?');
            for (char& c : s)
                c = static_cast<char>(sent++ % 251);
            ASSERT_EQ(tx.write(s, patience), Status::Ok);
        }
    });
    Random random(2);
    for (std::uint32_t got = 0; got < total;) {
        std::string s(std::min<std::uint32_t>(1 + random.below(70), total - got), '?');
        ASSERT_EQ(rx.consume(std::as_writable_bytes(std::span(s)), patience), Status::Ok);
        for (const char c : s)
            ASSERT_EQ(c, static_cast<char>(got++ % 251));
    }
    writer.join();
}

} // namespace
