// SPDX-License-Identifier: GPL-2.0-only OR MIT
// Streams of values: each in one piece, whatever the sizes of ring and element.
#include "memory.hpp"

#include <shmq/channel.hpp>
#include <shmq/stream.hpp>

#include <gtest/gtest.h>

#include <array>
#include <cstdint>
#include <numeric>
#include <thread>
#include <vector>

namespace {

using namespace shmq;

template <std::size_t Words>
struct Value {
    std::array<std::uint32_t, Words> words;

    static Value of(std::uint32_t n) {
        Value v;
        std::iota(v.words.begin(), v.words.end(), n);
        return v;
    }
    friend bool operator==(const Value&, const Value&) = default;
};

using Sample = Value<3>; // 12 bytes: of no ring that is a power of two

struct alignas(8) Aligned { // as a double is not everywhere
    std::uint64_t word;
};

template <typename T>
struct Both {
    explicit Both(std::size_t bytes) : memory(8 + bytes) {
        create_queue(memory.span());
        tx = StreamProducer<T>::attach(memory.span());
        rx = StreamConsumer<T>::attach(memory.span());
    }
    Memory memory;
    StreamProducer<T> tx;
    StreamConsumer<T> rx;
};

TEST(Stream, HoldsOneElementLessThanItsRing) {
    EXPECT_EQ(Both<Sample>(36).tx.capacity(), 2u);
    EXPECT_EQ(Both<Sample>(47).tx.capacity(), 2u) << "what is over is not used";
    EXPECT_EQ(Both<Sample>(48).rx.capacity(), 3u);
    EXPECT_EQ(Both<std::uint8_t>(48).rx.capacity(), 47u);
}

template <typename T>
struct StreamOf : testing::Test {};
using Elements = testing::Types<std::uint8_t, std::uint16_t, double, Sample, Value<4>, Value<16>>;
TYPED_TEST_SUITE(StreamOf, Elements);

template <typename T>
T nth(std::uint32_t n) {
    if constexpr (std::is_arithmetic_v<T>)
        return static_cast<T>(n);
    else
        return T::of(n);
}

// At each offset of the ring: fill it by one call, and look at all of it in place.
TYPED_TEST(StreamOf, EveryElementLiesInOnePiece) {
    using T = TypeParam;
    Both<T> s(5 * sizeof(T) + sizeof(T) / 2);
    std::uint32_t written = 0, read = 0;
    for (int round = 0; round < 12; round++) {
        std::vector<T> values;
        while (values.size() < s.tx.capacity())
            values.push_back(nth<T>(written++));
        ASSERT_EQ(s.tx.try_write(values), Status::Ok);
        EXPECT_EQ(s.tx.try_write(values[0]), Status::Full);
        EXPECT_EQ(s.tx.space(), 0u);
        EXPECT_EQ(s.rx.size(), s.tx.capacity());
        std::size_t seen = 0;
        for (const T& value : s.rx.drain()) {
            EXPECT_EQ(reinterpret_cast<std::uintptr_t>(&value) % alignof(T), 0u);
            EXPECT_EQ(value, nth<T>(read++));
            seen++;
        }
        EXPECT_EQ(seen, s.tx.capacity());
        EXPECT_EQ(s.tx.space(), s.tx.capacity()) << "all was given back";
        // One further, so that the next round starts at another place.
        ASSERT_EQ(s.tx.try_write(nth<T>(written++)), Status::Ok);
        T value;
        ASSERT_EQ(s.rx.try_read(value), Status::Ok);
        EXPECT_EQ(value, nth<T>(read++));
    }
}

TYPED_TEST(StreamOf, SomeAreAsManyAsThereIsRoomFor) {
    using T = TypeParam;
    Both<T> s(6 * sizeof(T));
    std::vector<T> in, out(9);
    for (std::uint32_t i = 0; i < 9; i++)
        in.push_back(nth<T>(i));
    EXPECT_EQ(s.rx.read_some(out), 0u);
    EXPECT_EQ(s.tx.write_some(in), 5u);
    EXPECT_EQ(s.tx.write_some(in), 0u);
    EXPECT_EQ(s.rx.read_some(out), 5u);
    EXPECT_TRUE(std::equal(in.begin(), in.begin() + 5, out.begin()));
    EXPECT_EQ(s.tx.try_write(in), Status::TooBig);
    EXPECT_EQ(s.tx.write_some({}), 0u);
}

TEST(Stream, ReservedRoomIsInARowAndMayBeLess) {
    Both<Sample> s(5 * sizeof(Sample));
    EXPECT_EQ(s.tx.reserve(9).size(), 4u);
    s.tx.commit(3);
    Sample value;
    for (int i = 0; i < 3; i++)
        ASSERT_EQ(s.rx.try_read(value), Status::Ok);
    auto room = s.tx.reserve(4);
    ASSERT_EQ(room.size(), 2u) << "up to the ring's end";
    room[0] = Sample::of(1);
    room[1] = Sample::of(2);
    s.tx.commit(2);
    room = s.tx.reserve();
    ASSERT_EQ(room.size(), 1u);
    room[0] = Sample::of(3);
    s.tx.commit();
    EXPECT_EQ(s.rx.front().size(), 2u);
    for (std::uint32_t n : {1u, 2u, 3u}) {
        ASSERT_EQ(s.rx.try_read(value), Status::Ok);
        EXPECT_EQ(value, Sample::of(n));
    }
    EXPECT_TRUE(s.rx.front().empty());
}

TEST(Stream, ABreakKeepsTheElementAtHand) {
    Both<Sample> s(8 * sizeof(Sample));
    for (std::uint32_t i = 0; i < 5; i++)
        ASSERT_EQ(s.tx.try_write(Sample::of(i)), Status::Ok);
    for (const Sample& v : s.rx.drain())
        if (v == Sample::of(2))
            break;
    Sample value;
    ASSERT_EQ(s.rx.try_read(value), Status::Ok);
    EXPECT_EQ(value, Sample::of(2));
}

TEST(Stream, PartOfAnElementIsWaitedFor) {
    Both<Sample> s(4 * sizeof(Sample));
    s.memory.set_word(SHMQ_WRITE_POSITION, 17); // one and five bytes
    EXPECT_EQ(s.rx.size(), 1u);
    EXPECT_EQ(s.rx.front().size(), 1u);
    Sample value;
    EXPECT_EQ(s.rx.try_read(value), Status::Ok);
    EXPECT_EQ(s.rx.try_read(value), Status::Empty);
    s.memory.set_word(SHMQ_WRITE_POSITION, 48);
    EXPECT_EQ(s.rx.try_read(value), Status::Corrupt);
    EXPECT_TRUE(s.rx.front().empty());
}

TEST(Stream, AttachRefusesWhatCannotBeOne) {
    const auto why = [](auto&& f) -> std::error_code {
        try {
            f();
        } catch (const std::system_error& e) {
            return e.code();
        }
        return {};
    };
    Memory small(8 + 23), odd(8 + 48, 4), used(8 + 48);
    create_queue(small.span());
    create_queue(odd.span());
    create_queue(used.span());
    EXPECT_EQ(why([&] { (void)StreamProducer<Sample>::attach(small.span()); }), Status::Invalid)
        << "one element is no ring";
    EXPECT_EQ(why([&] { (void)StreamProducer<Aligned>::attach(odd.span()); }), Status::Invalid);
    EXPECT_EQ(why([&] { (void)StreamProducer<Sample>::attach(odd.span()); }), std::error_code());
    used.set_word(SHMQ_READ_POSITION, 7);
    EXPECT_EQ(why([&] { (void)StreamConsumer<Sample>::attach(used.span()); }), Status::Corrupt);
    EXPECT_EQ(why([] { (void)StreamProducer<Sample>(ByteProducer()); }), Status::Invalid);
    ByteProducer bytes = ByteProducer::attach(used.span());
    EXPECT_EQ(why([&] { (void)StreamProducer<Value<5>>(std::move(bytes)); }), Status::Invalid)
        << "48 bytes are no whole number of elements of 20";
}

TEST(Stream, NothingComesOfAnEndThatIsNotAttached) {
    StreamProducer<Sample> tx;
    StreamConsumer<Sample> rx;
    Sample value{};
    EXPECT_EQ(tx.try_write(value), Status::Invalid);
    EXPECT_EQ(rx.try_read(value), Status::Invalid);
    EXPECT_TRUE(tx.reserve(1).empty());
    EXPECT_TRUE(rx.front().empty());
    EXPECT_EQ(tx.capacity() + rx.capacity() + tx.space() + rx.size(), 0u);
    for (const Sample& v : rx.drain())
        FAIL() << v.words[0];
}

// Both sleep in turn: the ring is small.
TEST(Stream, ThroughAChannelBetweenThreads) {
    Channel channel = Channel::memfd({.queue_size = 256});
    Channel other = channel.other_side();
    auto tx = channel.stream_sender<Sample>();
    auto rx = other.stream_receiver<Sample>();
    constexpr std::uint32_t count = 20'000;
    std::thread sender([&] {
        for (std::uint32_t i = 0; i < count; i++)
            ASSERT_EQ(tx.write(Sample::of(i)), Status::Ok);
    });
    std::uint32_t next = 0;
    Sample value;
    while (next < count) {
        if (next % 3 == 0) {
            ASSERT_EQ(rx.read(value), Status::Ok);
            ASSERT_EQ(value, Sample::of(next));
            next++;
        }
        for (const Sample& v : rx.drain())
            ASSERT_EQ(v, Sample::of(next++));
    }
    sender.join();
}

} // namespace
