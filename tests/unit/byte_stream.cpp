// SPDX-License-Identifier: GPL-2.0-only OR MIT
#include "memory.hpp"

#include <shmq/byte_stream.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <iomanip>
#include <iterator>
#include <span>
#include <string>
#include <string_view>
#include <thread>

namespace {

using namespace std::chrono_literals;
using shmq::ByteInserter;
using shmq::ByteOstream;
using shmq::Status;

static_assert(std::output_iterator<ByteInserter, char>);
static_assert(std::output_iterator<ByteInserter, std::byte>);
static_assert(std::output_iterator<ByteInserter, unsigned char>);
static_assert(!std::output_iterator<ByteInserter, int>, "which of its bytes?");

class ByteStream : public testing::Test {
protected:
    static constexpr std::size_t n = 16;

    ByteStream() {
        shmq::create_queue(memory.span());
        tx = shmq::ByteProducer::attach(memory.span());
        rx = shmq::ByteConsumer::attach(memory.span());
    }

    /// All that is there.
    std::string take() {
        std::string s(rx.size(), '?');
        EXPECT_EQ(rx.try_consume(std::as_writable_bytes(std::span(s))), Status::Ok);
        return s;
    }

    /// What is written by `f` while somebody reads.
    template <typename F>
    std::string read_while(std::size_t expected, F&& f) {
        std::string got(expected, '?');
        std::thread reader([&] {
            for (char& c : got)
                EXPECT_EQ(rx.consume(std::as_writable_bytes(std::span(&c, 1)), 60s), Status::Ok);
        });
        f();
        reader.join();
        return got;
    }

    Memory memory{n + 8};
    shmq::ByteProducer tx;
    shmq::ByteConsumer rx;
};

TEST_F(ByteStream, TakesWhatAnyStreamTakes) {
    ByteOstream out(tx);
    out << "t=" << std::setw(4) << std::setfill('0') << 23 << ' ' << std::hex << 255 << '\n';
    EXPECT_TRUE(out.good());
    EXPECT_EQ(out.status(), Status::Ok);
    EXPECT_EQ(take(), "t=0023 ff\n");
    out.put('x').write("yz\0", 3) << std::flush;
    EXPECT_EQ(take(), std::string("xyz\0", 4));
}

TEST_F(ByteStream, IsThereForTheReaderAtOnce) {
    ByteOstream out(tx);
    out << 'a';
    EXPECT_EQ(take(), "a");
    out << 1 << "b";
    EXPECT_EQ(take(), "1b");
}

TEST_F(ByteStream, BytesThatLookLikeTheEndOfAFileAreBytes) {
    ByteOstream out(tx);
    out << '\xff' << '\0';
    EXPECT_TRUE(out.good());
    EXPECT_EQ(take(), std::string("\xff\0", 2));
}

TEST_F(ByteStream, TextLongerThanTheQueueGoesInPieces) {
    std::string text(1000, '?');
    for (std::size_t i = 0; i < text.size(); ++i)
        text[i] = static_cast<char>(i);
    const std::string got = read_while(text.size(), [&] {
        ByteOstream out(tx, 60s);
        out << text;
        EXPECT_TRUE(out.good());
    });
    EXPECT_EQ(got, text);
}

TEST_F(ByteStream, AFullQueueIsAFailureThatCanBeForgiven) {
    ByteOstream out(tx, 1ms);
    out << "0123456789abcde";
    EXPECT_TRUE(out.good());
    out << "lost";
    EXPECT_TRUE(out.bad());
    EXPECT_EQ(out.status(), Status::Timeout);
    EXPECT_EQ(take(), "0123456789abcde");

    out << "lost too";
    EXPECT_EQ(take(), "");
    out.reset();
    out << "again";
    EXPECT_TRUE(out.good());
    EXPECT_EQ(take(), "again");
}

TEST_F(ByteStream, AQueueThatWasStartedOverStopsTheStream) {
    ByteOstream out(tx, 1ms);
    out << "0123456789";
    shmq::create_queue(memory.span());
    out << "0123456789";
    EXPECT_TRUE(out.bad());
    EXPECT_EQ(out.status(), Status::Recreated);
}

TEST_F(ByteStream, AnEndThatIsNotAttachedIsAFailure) {
    shmq::ByteProducer nothing;
    ByteOstream out(nothing);
    out << "text";
    EXPECT_TRUE(out.bad());
    EXPECT_EQ(out.status(), Status::Invalid);
}

TEST_F(ByteStream, AnIteratorTakesWhatAlgorithmsGive) {
    const std::string_view text = "algorithm";
    const auto end = std::copy(text.begin(), text.end(), ByteInserter(tx));
    EXPECT_EQ(end.status(), Status::Ok);
    EXPECT_EQ(take(), text);

    const std::byte raw[] = {std::byte{1}, std::byte{255}};
    EXPECT_EQ(std::ranges::copy(raw, ByteInserter(tx)).out.status(), Status::Ok);
    EXPECT_EQ(take(), "\x01\xff");
}

TEST_F(ByteStream, AnIteratorInABatchPublishesOnce) {
    {
        const auto batch = tx.batch();
        std::ranges::copy(std::string_view("together"), ByteInserter(tx));
        EXPECT_EQ(rx.size(), 0u);
    }
    EXPECT_EQ(take(), "together");
}

TEST_F(ByteStream, AnIteratorWaitsForRoom) {
    const std::string text(200, 'x');
    const std::string got = read_while(text.size(), [&] {
        EXPECT_EQ(std::ranges::copy(text, ByteInserter(tx, 60s)).out.status(), Status::Ok);
    });
    EXPECT_EQ(got, text);
}

TEST_F(ByteStream, AnIteratorDropsTheRestAndTells) {
    const std::string_view text = "0123456789abcdefghij";
    auto end = std::ranges::copy(text, ByteInserter(tx, 1ms)).out;
    EXPECT_EQ(end.status(), Status::Timeout);
    EXPECT_EQ(take(), text.substr(0, n - 1));
    *end++ = 'x';
    EXPECT_EQ(rx.size(), 0u) << "no hole in what was written";
    EXPECT_EQ(ByteInserter().status(), Status::Invalid);
}

} // namespace
