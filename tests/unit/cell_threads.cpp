// SPDX-License-Identifier: GPL-2.0-only OR MIT
// Eight readers of each sort and one writer, all at full speed: each value that is
// read was written, is whole, and is not older than the one before.
#include "cell_values.hpp"
#include "names.hpp"

#include <shmq/shmq.hpp>

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <string>
#include <thread>
#include <vector>

namespace {

using namespace std::chrono_literals;
using shmq::Cell;
using shmq::CellOptions;
using shmq::CellSeat;
using shmq::Region;
using shmq::Status;

constexpr auto patience = 60s;

#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
constexpr int reads = 1000;
#else
constexpr int reads = 30000;
#endif

template <typename Value, typename Read>
void read_many(Read&& read) {
    std::uint32_t last = 0;
    for (int i = 0; i < reads; ++i) {
        Value value = Value::make(0);
        Status status = Status::Again;
        for (const auto give_up = std::chrono::steady_clock::now() + patience;
             status == Status::Again && std::chrono::steady_clock::now() < give_up;)
            status = read(value);
        ASSERT_EQ(status, Status::Ok);
        ASSERT_TRUE(value.whole());
        ASSERT_GE(value.number(), last);
        last = value.number();
        if (i % 64 == 0)
            std::this_thread::yield();
    }
}

template <typename Value>
void eight_readers(const CellOptions& options) {
    const ShmName shm;
    const std::string name = cell_name(shm);
    auto publisher = Cell<Value>::create(name, Value::make(1), options);
    std::atomic<int> running{8};
    std::vector<std::thread> readers;
    for (int i = 0; i < 8; ++i)
        readers.emplace_back([&, i] {
            if (i % 4 == 3) { // the kernel's way
                auto reader = Cell<Value>::attach(Region::posix_shm_read_only(shm));
                read_many<Value>([&](Value& v) { return reader.read(v); });
            } else if (i % 4 == 2) {
                auto reader = Cell<Value>::open(name, {.seat = CellSeat::none});
                read_many<Value>([&](Value& v) { return reader.read(v); });
            } else {
                auto reader = Cell<Value>::open(name, {.seat = CellSeat::required});
                read_many<Value>([&](Value& v) {
                    if (i % 4 == 0)
                        return reader.read(v);
                    const auto view = reader.view();
                    v = *view;
                    return view.status();
                });
            }
            --running;
        });
    std::uint32_t n = 1;
    while (running > 0) {
        publisher.write(Value::make(++n));
        if (n % 1024 == 0)
            std::this_thread::yield();
    }
    for (std::thread& t : readers)
        t.join();
    EXPECT_EQ(publisher.total_writes(), n);
}

TEST(CellThreads, EightReadersOf64Bytes) {
    eight_readers<Numbered<64>>({});
}

TEST(CellThreads, EightReadersOf4KiB) {
    eight_readers<Numbered<4096>>({});
}

TEST(CellThreads, EightReadersWithNoSlotToSpare) {
    eight_readers<Numbered<64>>({.readers = 4, .slots = 6});
}

TEST(CellThreads, EightReadersOfAPublisherThatFences) {
    eight_readers<Numbered<64>>({.readers = 4, .slots = 6, .fence = true});
}

TEST(CellThreads, ReadersComeAndGo) {
    const ShmName shm;
    const std::string name = cell_name(shm);
    using Value = Numbered<64>;
    auto publisher = Cell<Value>::create(name, Value::make(1), {.readers = 3, .slots = 5});
    std::atomic<int> running{3};
    std::vector<std::thread> readers;
    for (int i = 0; i < 3; ++i)
        readers.emplace_back([&] {
            std::uint32_t last = 0;
            for (int times = 0; times < reads / 10; ++times) {
                auto reader = Cell<Value>::open(name, {.seat = CellSeat::required});
                for (int k = 0; k < 3; ++k) {
                    const auto view = reader.view();
                    ASSERT_TRUE(view);
                    ASSERT_TRUE(view->whole());
                    ASSERT_GE(view->number(), last);
                    last = view->number();
                }
            }
            --running;
        });
    for (std::uint32_t n = 2; running > 0; ++n)
        publisher.write(Value::make(n));
    for (std::thread& t : readers)
        t.join();
}

} // namespace
