// SPDX-License-Identifier: GPL-2.0-only OR MIT
// Publishers and readers of a cell that are killed at any instruction.
#include "cell_values.hpp"
#include "names.hpp"
#include "processes.hpp"
#include "random.hpp"

#include <shmq/shmq.hpp>

#include <gtest/gtest.h>

#include <chrono>
#include <cstdint>
#include <string>
#include <thread>
#include <vector>

#include <sys/stat.h>
#include <unistd.h>

namespace {

using namespace std::chrono_literals;
using shmq::Cell;
using shmq::CellSeat;
using shmq::Holder;
using shmq::Region;
using shmq::Status;

using Value = Numbered<1024>;

constexpr auto patience = 60s;
constexpr int rounds = 60;

class CellProcesses : public testing::Test {
protected:
    const ShmName shm;
    const std::string name = cell_name(shm);
    Random random{11};

    void a_moment() { std::this_thread::sleep_for(std::chrono::microseconds(random.below(2000))); }
};

/// Publishes from the last value on, in the two ways, for ever.
int publish_for_ever(const std::string& name) {
    auto publisher = Cell<Value>::create_empty(name, {.readers = 2, .slots = 4});
    const auto last = publisher.read();
    for (std::uint32_t n = last ? last->number() + 1 : 1;; ++n) {
        if (n % 2)
            publisher.write(Value::make(n));
        else
            *publisher.compose() = Value::make(n);
    }
}

TEST_F(CellProcesses, APublisherKilledAnywhereLeavesTheLastWholeValue) {
    Cell<Value>::Reader seated;
    Cell<Value>::Reader viewer;
    Cell<Value>::Reader copier;
    std::uint32_t last = 0;
    for (int round = 0; round < rounds; ++round) {
        Child publisher([&] { return publish_for_ever(name); });
        if (round == 0) {
            seated = Cell<Value>::wait_and_open(name, patience, {.seat = CellSeat::required});
            viewer = Cell<Value>::open(name, {.seat = CellSeat::required});
            copier = Cell<Value>::attach(Region::posix_shm_read_only(shm));
        }
        // It is at work when there is something newer than its predecessor's.
        ASSERT_EQ(seated.wait(patience), Status::Ok);
        a_moment();
        Value value = Value::make(0);
        ASSERT_EQ(seated.read(value), Status::Ok);
        ASSERT_TRUE(value.whole());
        ASSERT_GE(value.number(), last);
        {
            const auto view = viewer.view();
            ASSERT_TRUE(view);
            const std::uint32_t n = view->number();
            ASSERT_GE(n, value.number());
            a_moment();
            publisher.kill();
            ASSERT_TRUE(view->whole());
            ASSERT_EQ(view->number(), n);
            last = n;
        }
        ASSERT_EQ(seated.publisher(), Holder::gone);
        ASSERT_EQ(copier.publisher(), Holder::gone);
        for (auto* reader : {&seated, &copier}) {
            ASSERT_EQ(reader->read(value), Status::Ok) << "nobody writes now";
            ASSERT_TRUE(value.whole());
            ASSERT_GE(value.number(), last);
            last = value.number();
            ASSERT_EQ(reader->writes(), last) << "a count a value, dead publishers or not";
        }
        ASSERT_EQ(seated.wait(patience), Status::PeerGone);
    }
}

TEST_F(CellProcesses, AReaderKilledWithAViewOpenBlocksNobody) {
    auto publisher = Cell<Value>::create(name, Value::make(1), {.readers = 2, .slots = 4});
    const Region told = Region::memfd("told", 4096);
    auto* const viewing = reinterpret_cast<shmq_base>(told.bytes().data());
    std::uint32_t n = 1;
    for (int round = 0; round < rounds; ++round) {
        shmq_store_release(viewing, 0, 0);
        // Both seats: if one were lost, the next round would find too few.
        std::vector<std::unique_ptr<Child>> readers;
        for (std::uint32_t i = 0; i < 2; ++i)
            readers.push_back(std::make_unique<Child>([&, i] {
                auto reader = Cell<Value>::open(name, {.seat = CellSeat::required});
                for (;;) {
                    const auto view = reader.view();
                    shmq_store_release(viewing, 4 * i, 1);
                    if (!view || !view->whole())
                        return 1;
                }
            }));
        const auto give_up = std::chrono::steady_clock::now() + patience;
        while (!shmq_load_acquire(viewing, 0) || !shmq_load_acquire(viewing, 4)) {
            publisher.write(Value::make(++n));
            ASSERT_LT(std::chrono::steady_clock::now(), give_up) << "a reader has no seat";
        }
        for (std::uint32_t more = random.below(3000); more; --more)
            publisher.write(Value::make(++n));
        for (auto& reader : readers)
            reader->kill();
        shmq_store_release(viewing, 4, 0);
        for (int i = 0; i < 20; ++i)
            publisher.write(Value::make(++n));
        auto reader = Cell<Value>::open(name, {.seat = CellSeat::none});
        ASSERT_EQ(reader.read()->number(), n);
        if (round % 2) {
            ASSERT_EQ(publisher.collect(), 2u);
            ASSERT_EQ(publisher.collect(), 0u);
        }
    }
}

TEST_F(CellProcesses, ReadersOfTheLivingKeepTheirSeats) {
    auto publisher = Cell<Value>::create(name, Value::make(1), {.readers = 2});
    auto reader = Cell<Value>::open(name, {.seat = CellSeat::required});
    const auto view = reader.view();
    EXPECT_EQ(publisher.collect(), 0u);
    for (std::uint32_t n = 2; n < 100; ++n)
        publisher.write(Value::make(n));
    EXPECT_EQ(view->number(), 1u);
}

TEST_F(CellProcesses, ASleeperLearnsThatThePublisherWasKilled) {
    Child publisher([&] {
        auto p = Cell<int>::create(name, 1);
        ::pause();
        return 0;
    });
    auto reader = Cell<int>::wait_and_open(name, patience);
    EXPECT_EQ(reader.read(), 1);
    EXPECT_EQ(reader.publisher(), Holder::user);
    publisher.kill();
    EXPECT_EQ(reader.wait(patience), Status::PeerGone);
    EXPECT_EQ(reader.publisher(), Holder::gone);
}

TEST_F(CellProcesses, WhoMayOnlyReadCopiesAndWhoMayNotIsTold) {
    auto publisher = Cell<int>::create(name, 5, {.mode = 0444});
    const auto as_another = [&](auto f) {
        return Child([&] {
                   if (::getuid() == 0 && (::setgid(65534) != 0 || ::setuid(65534) != 0))
                       return 98;
                   return f();
               })
            .join();
    };
    EXPECT_EQ(as_another([&] {
                  auto reader = Cell<int>::open(name);
                  return !reader.registered() && reader.read() == 5 &&
                                 reader.publisher() == Holder::user
                             ? 0
                             : 1;
              }),
              0);
    EXPECT_EQ(as_another([&] {
                  std::error_code ec;
                  (void)shmq::CellReader::open(name, {.seat = CellSeat::required}, ec);
                  return ec == std::errc::permission_denied ? 0 : 1;
              }),
              0);
    EXPECT_EQ(as_another([&] {
                  std::error_code ec;
                  (void)Cell<int>::create(name, 6, {}, ec);
                  return ec == std::errc::permission_denied ? 0 : 1;
              }),
              0);
    ASSERT_EQ(::fchmod(publisher.region().fd(), 0), 0);
    EXPECT_EQ(as_another([&] {
                  std::error_code ec;
                  (void)shmq::CellReader::open(name, {}, ec);
                  return ec == std::errc::permission_denied ? 0 : 1;
              }),
              0);
}

} // namespace
