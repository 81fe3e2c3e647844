// SPDX-License-Identifier: GPL-2.0-only OR MIT
// Waiting for a cell to change, without spinning.
#include "cell_values.hpp"
#include "names.hpp"
#include "readiness.hpp"

#include <shmq/shmq.hpp>

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <csignal>
#include <string>
#include <thread>
#include <vector>

#include <pthread.h>
#include <sys/epoll.h>

namespace {

using namespace std::chrono_literals;
using shmq::Cell;
using shmq::CellReader;
using shmq::CellSeat;
using shmq::Holder;
using shmq::Region;
using shmq::Status;
using shmq::Wait;

constexpr auto patience = 60s;

class CellWaiting : public testing::Test {
protected:
    const ShmName shm;
    const std::string name = cell_name(shm);
};

TEST_F(CellWaiting, EndsWhenThereIsSomethingNew) {
    for (const Wait wait : {Wait::sleep(), Wait::spin(), Wait::spin_then_sleep(),
                            Wait::periodic(1ms), Wait::sleep().interruptible()}) {
        auto publisher = Cell<int>::create(name, 1);
        auto reader = Cell<int>::open(name);
        EXPECT_EQ(reader.wait(patience, wait), Status::Ok) << "unread: no wait at all";
        EXPECT_EQ(reader.read(), 1);
        EXPECT_EQ(reader.wait(5ms, wait), Status::Timeout);
        EXPECT_EQ(reader.wait(0ms, wait), Status::Timeout);
        std::thread writer([&] {
            std::this_thread::sleep_for(10ms);
            publisher.write(2);
        });
        EXPECT_EQ(reader.wait(patience, wait), Status::Ok);
        EXPECT_EQ(reader.read(), 2);
        writer.join();
    }
}

TEST_F(CellWaiting, NoneOfManySleepersIsForgotten) {
    constexpr int last = 300;
    auto publisher = Cell<int>::create(name, 0);
    std::atomic<int> reached{0};
    std::vector<std::thread> readers;
    for (int i = 0; i < 5; ++i)
        readers.emplace_back([&, i] {
            auto reader =
                Cell<int>::open(name, {.seat = i % 2 ? CellSeat::if_free : CellSeat::none});
            int seen = -1;
            while (seen < last) {
                ASSERT_EQ(reader.wait(patience), Status::Ok);
                const int value = reader.read().value_or(-1);
                ASSERT_GT(value, seen);
                seen = value;
            }
            ++reached;
        });
    for (int i = 1; i <= last; ++i) {
        std::this_thread::sleep_for(100us);
        publisher.write(i);
    }
    for (std::thread& t : readers)
        t.join();
    EXPECT_EQ(reached, 5);
}

TEST_F(CellWaiting, TellsOnceThatThePublisherHasGone) {
    auto publisher = Cell<int>::create(name, 1);
    auto reader = Cell<int>::open(name);
    (void)reader.read();
    std::thread leaving([&] {
        std::this_thread::sleep_for(10ms);
        publisher = {};
    });
    EXPECT_EQ(reader.wait(patience), Status::PeerGone);
    leaving.join();
    EXPECT_EQ(reader.wait(5ms), Status::Timeout) << "told once";
    publisher = Cell<int>::publish(name);
    publisher.write(2);
    publisher = {};
    EXPECT_EQ(reader.wait(patience), Status::Ok) << "what it left comes first";
    EXPECT_EQ(reader.read(), 2);
    EXPECT_EQ(reader.wait(patience), Status::PeerGone) << "another one has gone";
}

extern "C" void on_signal(int) {}

TEST_F(CellWaiting, IsEndedByASignalOnlyIfAsked) {
    struct sigaction action {};
    action.sa_handler = on_signal;
    ASSERT_EQ(::sigaction(SIGUSR1, &action, nullptr), 0);
    auto publisher = Cell<int>::create(name, 1);
    const auto interrupted = [&](Region region, Wait wait) {
        std::atomic<bool> done{false};
        auto reader = Cell<int>::attach(std::move(region), 0);
        (void)reader.read();
        const pthread_t self = ::pthread_self();
        std::thread nuisance([&] {
            while (!done) {
                ::pthread_kill(self, SIGUSR1);
                std::this_thread::sleep_for(500us);
            }
        });
        const Status status = reader.wait(wait.is_interruptible() ? patience : 30ms, wait);
        done = true;
        nuisance.join();
        return status;
    };
    for (const Wait wait : {Wait::sleep(), Wait::periodic(1h)}) {
        EXPECT_EQ(interrupted(Region::posix_shm(shm), wait), Status::Timeout);
        EXPECT_EQ(interrupted(Region::posix_shm(shm), wait.interruptible()), Status::Interrupted);
    }
    // Naps are short, so it may take some until a signal hits one.
    EXPECT_EQ(interrupted(Region::posix_shm_read_only(shm), Wait::sleep().interruptible()),
              Status::Interrupted);
}

TEST_F(CellWaiting, InMemoryThatIsOnlyReadableIsByNaps) {
    auto publisher = Cell<int>::create(name, 1);
    auto reader = Cell<int>::attach(Region::posix_shm_read_only(shm));
    (void)reader.read();
    std::thread writer([&] {
        std::this_thread::sleep_for(10ms);
        publisher.write(2);
    });
    EXPECT_EQ(reader.wait(patience), Status::Ok);
    writer.join();
    EXPECT_EQ(reader.read(), 2);
}

TEST_F(CellWaiting, WaitsForANameToo) {
    std::thread creator([&] {
        std::this_thread::sleep_for(20ms);
        auto publisher = Cell<int>::create(name, 9);
    });
    EXPECT_EQ(Cell<int>::wait_and_open(name, patience).read(), 9);
    creator.join();
    Cell<int>::unlink(name);
    std::error_code ec;
    (void)CellReader::wait_and_open(name, 20ms, {}, ec);
    EXPECT_EQ(ec, std::errc::timed_out);
}

TEST_F(CellWaiting, ADescriptorIsReadableWhenThereIsSomethingNew) {
    for (const bool read_only : {false, true}) {
        auto publisher = Cell<int>::create(name, 1);
        auto reader = Cell<int>::attach(read_only ? Region::posix_shm_read_only(shm)
                                                  : Region::posix_shm(shm));
        (void)reader.read();
        const int fd = reader.fd();
        ASSERT_GE(fd, 0);
        EXPECT_EQ(reader.fd(), fd);
        for (int i = 2; i < 20; ++i) {
            while (reader.read_change()) {
            }
            publisher.write(i);
            ASSERT_TRUE(is_readable(fd, 60000));
            ASSERT_EQ(reader.read(), i);
        }
        EXPECT_FALSE(reader.has_changed());
        if (!read_only) {
            EXPECT_FALSE(is_readable(fd)) << "nothing new";
        }
        publisher = {};
        EXPECT_TRUE(is_readable(fd, 60000)) << "to look at the publisher";
        EXPECT_EQ(reader.publisher(), Holder::gone);
    }
}

TEST_F(CellWaiting, ADescriptorWorksEdgeTriggered) {
    auto publisher = Cell<int>::create(name, 0);
    auto reader = Cell<int>::open(name);
    const Epoll epoll(reader.fd(), EPOLLIN | EPOLLET);
    constexpr int last = 2000;
    std::thread writer([&] {
        for (int i = 1; i <= last; ++i) {
            publisher.write(i);
            if (i % 16 == 0)
                std::this_thread::sleep_for(200us);
        }
    });
    int seen = 0;
    while (seen < last) {
        while (const auto value = reader.read_change()) {
            ASSERT_GE(*value, seen);
            seen = *value;
        }
        if (seen < last) {
            ASSERT_TRUE(epoll.wait());
        }
    }
    writer.join();
}

TEST_F(CellWaiting, ADescriptorOfMemoryWithoutAFileIsByNaps) {
    const std::size_t size = Cell<int>::required();
    std::vector<std::max_align_t> memory(size / sizeof(std::max_align_t) + 1);
    auto publisher = Cell<int>::create_in(Region::raw(memory.data(), size));
    publisher.write(1);
    auto reader = Cell<int>::attach(Region::raw(memory.data(), size));
    (void)reader.read();
    ASSERT_GE(reader.fd(), 0);
    publisher.write(2);
    EXPECT_TRUE(is_readable(reader.fd(), 60000));
    EXPECT_EQ(reader.read_change(), 2);
}

} // namespace
