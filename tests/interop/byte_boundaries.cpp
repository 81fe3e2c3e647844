// SPDX-License-Identifier: GPL-2.0-only OR MIT
// Where a byte queue is full, empty, and where a transfer can never be: the
// crate and ours side by side, each on its own copy of the memory.
#include "support/byte_ends.hpp"
#include "support/text.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <string>

namespace {

using shmq::Status;

/// The same queue twice, with `filled` bytes in it.
struct Twins {
    Twins(std::uint32_t n, std::uint32_t start, std::uint32_t filled, Side side)
        : ours(n, start), theirs(n, start) {
        for (const SharedMemory* m : {&ours, &theirs}) {
            m->set({(start + filled) % n, start});
            for (std::uint32_t i = 0; i < filled; ++i)
                m->data(start + i) = static_cast<std::uint8_t>(i + 1);
        }
        w = std::make_unique<ByteWriter>(side, ours);
        r = std::make_unique<ByteReader>(side, ours);
    }

    void expect_same_bytes() const { ASSERT_EQ(hex(ours.bytes()), hex(theirs.bytes())); }

    SharedMemory ours;
    SharedMemory theirs;
    std::unique_ptr<ByteWriter> w;
    std::unique_ptr<ByteReader> r;
    ByteWriter crate_w{Side::crate, theirs};
    ByteReader crate_r{Side::crate, theirs};
};

class ByteBoundaries : public testing::TestWithParam<Side> {
protected:
    /// For every fill of a few queues, and an offset whose data wraps.
    template <typename F>
    void everywhere(F&& f) {
        for (const std::uint32_t n : {2u, 16u, 31u, 64u})
            for (std::uint32_t filled = 0; filled < n; ++filled)
                for (std::uint32_t length = 0; length <= n + 2; ++length) {
                    Twins t(n, n - 1 - filled / 2, filled, GetParam());
                    ASSERT_NO_FATAL_FAILURE(f(t, n, filled, length))
                        << "N " << n << ", filled " << filled << ", length " << length;
                    ASSERT_NO_FATAL_FAILURE(t.expect_same_bytes())
                        << "N " << n << ", filled " << filled << ", length " << length;
                }
    }
};

/// The crate would wait for ever for what can never be; ours tells.
Status theirs_for(Status ours, Status would_block) {
    return ours == Status::TooBig ? would_block : ours;
}

TEST_P(ByteBoundaries, SpaceSizeAndCapacityAreTheSame) {
    everywhere([](Twins& t, std::uint32_t n, std::uint32_t filled, std::uint32_t) {
        ASSERT_EQ(t.w->capacity(), n - 1);
        ASSERT_EQ(t.crate_w.capacity(), n - 1);
        ASSERT_EQ(t.w->space(), n - 1 - filled);
        ASSERT_EQ(t.crate_w.space(), n - 1 - filled);
        ASSERT_EQ(t.r->size(), filled);
        ASSERT_EQ(t.crate_r.size(), filled);
        ASSERT_EQ(t.w->size(), t.crate_w.size());
        ASSERT_EQ(t.r->space(), t.crate_r.space());
    });
}

TEST_P(ByteBoundaries, FullAtTheSameByte) {
    everywhere([](Twins& t, std::uint32_t n, std::uint32_t filled, std::uint32_t length) {
        const std::string data = message(length);
        const Status s = t.w->write(data);
        ASSERT_EQ(s, length > n - 1            ? Status::TooBig
                     : length > n - 1 - filled ? Status::Full
                                               : Status::Ok);
        ASSERT_EQ(t.crate_w.write(data), theirs_for(s, Status::Full));
    });
}

TEST_P(ByteBoundaries, AtMostWritesAsMuch) {
    everywhere([](Twins& t, std::uint32_t n, std::uint32_t filled, std::uint32_t length) {
        const std::string data = message(length);
        const std::uint32_t written = t.w->write_some(data);
        ASSERT_EQ(written, std::min(length, n - 1 - filled));
        ASSERT_EQ(t.crate_w.write_some(data), written);
    });
}

TEST_P(ByteBoundaries, EmptyAtTheSameByteForAPeek) {
    everywhere([](Twins& t, std::uint32_t n, std::uint32_t filled, std::uint32_t length) {
        std::string a(length, '?');
        std::string b(length, '?');
        const Status s = t.r->peek(a);
        ASSERT_EQ(s, length > n - 1    ? Status::TooBig
                     : length > filled ? Status::Empty
                                       : Status::Ok);
        ASSERT_EQ(t.crate_r.peek(b), theirs_for(s, Status::Empty));
        ASSERT_EQ(hex(a), hex(b));
    });
}

TEST_P(ByteBoundaries, EmptyAtTheSameByteForAConsume) {
    everywhere([](Twins& t, std::uint32_t, std::uint32_t, std::uint32_t length) {
        std::string a(length, '?');
        std::string b(length, '?');
        const Status s = t.r->consume(a);
        ASSERT_EQ(t.crate_r.consume(b), theirs_for(s, Status::Empty));
        ASSERT_EQ(hex(a), hex(b));
    });
}

TEST_P(ByteBoundaries, EmptyAtTheSameByteForASkip) {
    everywhere([](Twins& t, std::uint32_t, std::uint32_t, std::uint32_t length) {
        const Status s = t.r->skip(length);
        ASSERT_EQ(t.crate_r.skip(length), theirs_for(s, Status::Empty));
    });
}

TEST_P(ByteBoundaries, AtMostReadsAsMuch) {
    everywhere([](Twins& t, std::uint32_t, std::uint32_t filled, std::uint32_t length) {
        std::string a(length, '?');
        std::string b(length, '?');
        ASSERT_EQ(t.r->peek_some(a), std::min(length, filled));
        ASSERT_EQ(t.crate_r.peek_some(b), std::min(length, filled));
        ASSERT_EQ(hex(a), hex(b));
        const std::uint32_t taken = t.r->consume_some(a);
        ASSERT_EQ(t.crate_r.consume_some(b), taken);
        ASSERT_EQ(hex(a), hex(b));
    });
}

TEST_P(ByteBoundaries, AtMostSkipsAsMuch) {
    everywhere([](Twins& t, std::uint32_t, std::uint32_t filled, std::uint32_t length) {
        ASSERT_EQ(t.r->skip_some(length), std::min(length, filled));
        ASSERT_EQ(t.crate_r.skip_some(length), std::min(length, filled));
    });
}

INSTANTIATE_TEST_SUITE_P(, ByteBoundaries, testing::Values(Side::cpp, Side::cpp_in_place),
                         [](const auto& i) { return name(i.param); });

} // namespace
