// SPDX-License-Identifier: GPL-2.0-only OR MIT
// Writer and reader are two processes that run at the same time.
#include "support/byte_ends.hpp"
#include "support/frame.hpp"
#include "support/msg_ends.hpp"
#include "support/text.hpp"

#include "../unit/processes.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <string>

#include <sched.h>

namespace {

using shmq::Status;

using Processes = Pairings;

/// Calls `f` until it answers something else than that there is nothing to do:
/// on a machine with one CPU somebody else has to make it.
template <typename F>
Status insist(Status nothing, F&& f) {
    for (;;) {
        const Status s = f();
        if (s != nothing)
            return s;
        ::sched_yield();
    }
}

constexpr std::uint32_t count = 3000;

/// Of the longest messages, and of all others.
std::uint32_t length_of(std::uint32_t i, std::uint32_t most) {
    return i % 5 == 0 ? most - i % 3 : i * 7 % (most + 1);
}

TEST_P(Processes, CarryBytesInOrder) {
    for (const std::uint32_t n : {7u, 64u, 1000u}) {
        const SharedMemory m(n, n - 2);
        const std::string stream = message(std::size_t{20} * n + 5000, n);
        Child child([&] {
            ByteWriter w(writer(), m);
            std::string_view rest = stream;
            for (std::uint32_t i = 0; !rest.empty(); ++i) {
                const auto piece = rest.substr(0, 1 + i % (n - 1));
                if (insist(Status::Full, [&] { return w.write(piece); }) != Status::Ok)
                    return 1;
                rest.remove_prefix(piece.size());
            }
            return 0;
        });
        ByteReader r(reader(), m);
        std::string got;
        for (std::uint32_t i = 0; got.size() < stream.size(); ++i) {
            // What there is: asked for more than that, both sides could wait.
            std::string to(1 + i * 3 % n, '?');
            to.resize(r.consume_some(to));
            if (to.empty())
                ::sched_yield();
            got += to;
        }
        EXPECT_EQ(hex(got), hex(stream));
        EXPECT_EQ(child.join(), 0);
    }
}

/// The child writes, this process reads.
TEST_P(Processes, CarryMessagesInOrder) {
    for (const std::string& prefix : prefixes) {
        const SharedMemory m(250, 249);
        const auto most = static_cast<std::uint32_t>(m.n() - 1 - frame_overhead - prefix.size());
        Child child([&] {
            MsgWriter w(writer(), m, prefix);
            for (std::uint32_t i = 0; i < count; ++i) {
                const std::string data = message(length_of(i, most), i);
                if (insist(Status::Full, [&] { return w.write(data); }) != Status::Ok)
                    return 1;
            }
            return 0;
        });
        MsgReader r(reader(), m, prefix);
        for (std::uint32_t i = 0; i < count; ++i) {
            std::string got;
            ASSERT_EQ(insist(Status::Empty, [&] { return r.read(got); }), Status::Ok) << i;
            ASSERT_EQ(hex(got), hex(message(length_of(i, most), i))) << i;
        }
        EXPECT_EQ(child.join(), 0);
    }
}

/// The other way round: who reads is the child.
TEST_P(Processes, CarryMessagesToAChild) {
    const std::string prefix = "SHMQ";
    const SharedMemory m(128, 99);
    const std::uint32_t most = m.n() - 1 - frame_overhead - 4;
    Child child([&] {
        MsgReader r(reader(), m, prefix);
        for (std::uint32_t i = 0; i < count; ++i) {
            std::string got;
            if (insist(Status::Empty, [&] { return r.read(got); }) != Status::Ok)
                return 1;
            if (got != message(length_of(i, most), i))
                return 2;
        }
        return 0;
    });
    MsgWriter w(writer(), m, prefix);
    for (std::uint32_t i = 0; i < count; ++i) {
        const std::string data = message(length_of(i, most), i);
        ASSERT_EQ(insist(Status::Full, [&] { return w.write(data); }), Status::Ok) << i;
    }
    EXPECT_EQ(child.join(), 0);
}

INSTANTIATE_TEST_SUITE_P(, Processes, testing::ValuesIn(pairs()), pair_name());

/// A writer is killed anywhere; its successor attaches and goes on. What was
/// whole arrives, in order; a message of the crate's may be torn, and is told.
TEST_P(Processes, OutliveAWriterThatIsKilled) {
    const SharedMemory m(1024);
    const auto endless = [&](std::uint32_t first) {
        return [&m, first] {
            MsgWriter w(writer(), m, "SHMQ");
            for (std::uint32_t i = first;; ++i) {
                const std::string data = le32(i) + message(i % 50, i);
                if (insist(Status::Full, [&] { return w.write(data); }) != Status::Ok)
                    return 1;
            }
        };
    };
    MsgReader r(reader(), m, "SHMQ");
    std::uint32_t last = 0;
    const auto read_some = [&](std::uint32_t until, std::uint32_t many) {
        while (many > 0 && last < until) {
            std::string got;
            const Status s = insist(Status::Empty, [&] { return r.read(got); });
            if (s != Status::Ok) {
                // Ours tears nothing, and damage is all that the crate's can do.
                ASSERT_EQ(writer(), Side::crate) << to_string(s);
                ASSERT_TRUE(s == Status::BadCrc || s == Status::BadVersion) << to_string(s);
                continue;
            }
            std::uint32_t i = 0;
            for (int b = 3; b >= 0; --b)
                i = i << 8 | static_cast<unsigned char>(got[static_cast<std::size_t>(b)]);
            ASSERT_GT(i, last);
            ASSERT_EQ(hex(got), hex(le32(i) + message(i % 50, i)));
            last = i;
            --many;
        }
    };
    for (std::uint32_t life = 0; life < 20; ++life) {
        Child child(endless(life * 1000000 + 1));
        ASSERT_NO_FATAL_FAILURE(read_some(UINT32_MAX, 1 + life * 13));
        child.kill();
    }
    Child child(endless(50000000));
    ASSERT_NO_FATAL_FAILURE(read_some(50000100, UINT32_MAX));
}

} // namespace
