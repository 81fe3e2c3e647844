// SPDX-License-Identifier: GPL-2.0-only OR MIT
// Cells by name and in memory: values, guards, and what can be wrong.
#include "cell_values.hpp"
#include "failure.hpp"
#include "names.hpp"

#include <shmq/shmq.hpp>

#include <gtest/gtest.h>

#include <chrono>
#include <cstdint>
#include <cstring>
#include <functional>
#include <stdexcept>
#include <string>
#include <system_error>
#include <thread>
#include <vector>

#include <fcntl.h>
#include <unistd.h>

namespace {

using namespace std::chrono_literals;
using shmq::Cell;
using shmq::CellClock;
using shmq::CellPublisher;
using shmq::CellReader;
using shmq::CellSeat;
using shmq::Holder;
using shmq::Region;
using shmq::Status;

struct Pose {
    std::int32_t field_1;
    double field_2;
};

class CellTest : public testing::Test {
protected:
    const ShmName shm;
    const std::string name = cell_name(shm);
};

std::system_error failure_of(std::errc expected, const std::function<void()>& f) {
    std::system_error e = failure(f);
    EXPECT_EQ(e.code(), expected) << e.what();
    return e;
}

TEST_F(CellTest, ReadersHaveWhatThePublisherWrote) {
    auto publisher = Cell<Pose>::create(name, {37, 3.1415});
    auto reader = Cell<Pose>::open(name);
    EXPECT_TRUE(reader.registered());
    ASSERT_TRUE(reader.read());
    EXPECT_EQ(reader.read()->field_1, 37);
    EXPECT_EQ(publisher.write({12, 0.5}), Status::Ok);
    EXPECT_EQ(reader.read()->field_1, 12);
    EXPECT_EQ(publisher.read()->field_2, 0.5);
}

TEST_F(CellTest, AValueThatIsUnreadIsAChange) {
    auto publisher = Cell<int>::create(name, 12);
    for (const CellSeat seat : {CellSeat::required, CellSeat::none}) {
        auto reader = Cell<int>::open(name, {.seat = seat});
        EXPECT_EQ(reader.registered(), seat == CellSeat::required);
        EXPECT_TRUE(reader.has_changed());
        EXPECT_EQ(reader.read_change(), 12);
        EXPECT_FALSE(reader.has_changed());
        EXPECT_EQ(reader.read_change(), std::nullopt);
        publisher.write(12);
        EXPECT_TRUE(reader.has_changed()) << "of the same value: it was written";
        EXPECT_EQ(reader.read_change(), 12);
        int value = 0;
        EXPECT_EQ(reader.read_change(value), Status::Empty);
        EXPECT_EQ(reader.read(value), Status::Ok);
        EXPECT_EQ(value, 12);
    }
}

TEST_F(CellTest, TellsHowManyWereWrittenAndWhichWasRead) {
    auto publisher = Cell<int>::create(name, 0);
    auto reader = Cell<int>::open(name);
    EXPECT_EQ(reader.total_writes(), 1u) << "the first value counts";
    EXPECT_EQ(reader.writes(), 0u);
    for (int i = 0; i < 10; ++i)
        publisher.write(i);
    EXPECT_EQ(publisher.total_writes(), 11u);
    EXPECT_EQ(reader.total_writes(), 11u);
    (void)reader.read();
    EXPECT_EQ(reader.writes(), 11u);
}

TEST_F(CellTest, StalenessIsTheAgeOfWhatWasRead) {
    for (const CellClock clock : {CellClock::precise, CellClock::coarse}) {
        auto publisher = Cell<int>::create(name, 0, {.clock = clock});
        publisher.write(1);
        auto reader = Cell<int>::open(name);
        EXPECT_EQ(reader.staleness(), std::nullopt) << "nothing was read yet";
        (void)reader.read();
        std::this_thread::sleep_for(20ms);
        ASSERT_TRUE(reader.staleness());
        EXPECT_GE(*reader.staleness(), 20ms);
        publisher.write(2);
        EXPECT_GE(*reader.staleness(), 20ms) << "of what was read, not of what there is";
        (void)reader.view();
        EXPECT_LT(*reader.staleness(), 60s);
    }
    auto publisher = Cell<int>::create(name, 0, {.clock = CellClock::none});
    publisher.write(1);
    auto reader = Cell<int>::open(name);
    (void)reader.read();
    EXPECT_EQ(reader.staleness(), std::nullopt);
}

TEST_F(CellTest, AnEditStartsWithTheLastValueAndIsPublishedWhenItEnds) {
    auto publisher = Cell<Pose>::create(name, {37, 3.1415});
    auto reader = Cell<Pose>::open(name);
    {
        auto edit = publisher.edit();
        ASSERT_TRUE(edit);
        EXPECT_EQ(edit->field_1, 37);
        edit->field_2 = 3;
        EXPECT_EQ(reader.read()->field_2, 3.1415) << "not before it ends";
        EXPECT_EQ(publisher.write({1, 1}), Status::Invalid) << "one at a time";
        EXPECT_FALSE(publisher.edit());
    }
    EXPECT_EQ(reader.read()->field_1, 37);
    EXPECT_EQ(reader.read()->field_2, 3);
    EXPECT_EQ(publisher.total_writes(), 2u);
    {
        auto fresh = publisher.compose();
        *fresh = {5, 5};
        EXPECT_EQ(fresh.publish(), Status::Ok);
        EXPECT_EQ(fresh.publish(), Status::Invalid);
        EXPECT_EQ(reader.read()->field_1, 5);
    }
    EXPECT_EQ(publisher.total_writes(), 3u) << "published once";
}

TEST_F(CellTest, AnEditThatIsCancelledOrThrowsLeavesTheLastValue) {
    auto publisher = Cell<Pose>::create(name, {37, 3.1415});
    auto reader = Cell<Pose>::open(name);
    {
        auto edit = publisher.edit();
        edit->field_1 = 1;
        edit.cancel();
    }
    try {
        auto edit = publisher.edit();
        edit->field_1 = 2;
        throw std::runtime_error("on the way");
    } catch (const std::runtime_error&) {
    }
    EXPECT_EQ(reader.read()->field_1, 37);
    EXPECT_EQ(reader.total_writes(), 1u);
    EXPECT_EQ(publisher.write({4, 4}), Status::Ok);
    EXPECT_EQ(reader.read()->field_1, 4);
}

TEST_F(CellTest, AViewStaysWhateverThePublisherDoes) {
    auto publisher = Cell<Pose>::create(name, {1, 1}, {.readers = 1, .slots = 3});
    auto reader = Cell<Pose>::open(name);
    {
        const auto view = reader.view();
        ASSERT_TRUE(view);
        for (int i = 2; i < 100; ++i) {
            publisher.write({i, 0});
            ASSERT_EQ(view->field_1, 1);
        }
        EXPECT_FALSE(reader.view()) << "one at a time";
        EXPECT_EQ(reader.read()->field_1, 99) << "a copy, as without a seat";
        EXPECT_EQ(view->field_1, 1);
    }
    EXPECT_EQ(reader.view()->field_1, 99);
}

TEST_F(CellTest, OnlyAReaderWithASeatHasViews) {
    auto publisher = Cell<int>::create(name, 7);
    auto reader = Cell<int>::open(name, {.seat = CellSeat::none});
    EXPECT_EQ(reader.view().status(), Status::Invalid);
    EXPECT_EQ(reader.read(), 7);
}

TEST_F(CellTest, IsEmptyUntilTheFirstWriteIfItWasMadeSo) {
    auto publisher = Cell<int>::create_empty(name);
    auto reader = Cell<int>::open(name);
    int value = 0;
    EXPECT_EQ(reader.read(value), Status::Empty);
    EXPECT_EQ(reader.view().status(), Status::Empty);
    EXPECT_EQ(publisher.read(), std::nullopt);
    EXPECT_FALSE(reader.has_changed());
    publisher.write(5);
    EXPECT_EQ(reader.read(), 5);
}

TEST_F(CellTest, HasASizeKnownAtRunTimeOnly) {
    auto publisher = CellPublisher::create(name, "hello");
    auto reader = CellReader::open(name);
    ASSERT_EQ(reader.size(), 5u);
    std::string text(5, '?');
    EXPECT_EQ(reader.read(std::as_writable_bytes(std::span(text))), Status::Ok);
    EXPECT_EQ(text, "hello");
    EXPECT_EQ(publisher.write("world!"), Status::Invalid) << "another size";
    EXPECT_EQ(publisher.write("world"), Status::Ok);
    std::string shorter(4, '?');
    EXPECT_EQ(reader.read(std::as_writable_bytes(std::span(shorter))), Status::Invalid);
    const auto view = reader.view();
    EXPECT_EQ(std::memcmp(view.bytes().data(), "world", 5), 0);
}

TEST_F(CellTest, HasRoomForLargeValues) {
    using Large = Numbered<(1 << 20) + 4>;
    auto publisher = CellPublisher::create_empty(name, sizeof(Large), {.readers = 1});
    const auto value = std::make_unique<Large>(Large::make(5));
    ASSERT_EQ(publisher.write(shmq::Bytes(value.get(), sizeof(Large))), Status::Ok);
    auto reader = Cell<Large>::open(name);
    const auto copy = std::make_unique<Large>();
    ASSERT_EQ(reader.read(*copy), Status::Ok);
    EXPECT_TRUE(copy->whole());
    EXPECT_TRUE(reader.view()->whole());
}

TEST_F(CellTest, ReadersWithoutASeatAreUnlimited) {
    auto publisher = Cell<int>::create(name, 3, {.readers = 2});
    std::vector<Cell<int>::Reader> readers;
    readers.reserve(50);
    for (int i = 0; i < 50; ++i)
        readers.push_back(Cell<int>::open(name));
    int seats = 0;
    for (auto& r : readers) {
        seats += r.registered();
        EXPECT_EQ(r.read(), 3);
    }
    EXPECT_EQ(seats, 2);
    EXPECT_TRUE(says(failure_of(std::errc::device_or_resource_busy,
                                [&] { (void)Cell<int>::open(name, {.seat = CellSeat::required}); }),
                     "2 seats are taken"));
    readers.erase(readers.begin());
    EXPECT_TRUE(Cell<int>::open(name, {.seat = CellSeat::required}).registered());
}

TEST_F(CellTest, ThereIsOnePublisher) {
    auto publisher = Cell<int>::create(name, 3);
    EXPECT_TRUE(says(
        failure_of(std::errc::device_or_resource_busy, [&] { (void)Cell<int>::create(name, 4); }),
        "has a publisher"));
    failure_of(std::errc::device_or_resource_busy, [&] { (void)Cell<int>::publish(name); });
    EXPECT_EQ(Cell<int>::open(name).read(), 3);
}

TEST_F(CellTest, IsTakenOverWithItsReaders) {
    auto reader = [&] {
        auto publisher = Cell<int>::create(name, 3);
        auto r = Cell<int>::open(name);
        EXPECT_EQ(r.publisher(), Holder::user);
        return r;
    }();
    EXPECT_EQ(reader.publisher(), Holder::gone);
    EXPECT_EQ(reader.read(), 3) << "its last value stays";
    auto successor = Cell<int>::create(name, 4);
    EXPECT_EQ(reader.publisher(), Holder::user);
    EXPECT_EQ(reader.read(), 4);
    EXPECT_EQ(reader.total_writes(), 2u);
    successor = {};
    auto third = Cell<int>::publish(name);
    EXPECT_EQ(reader.read(), 4);
    third.write(5);
    EXPECT_EQ(reader.read(), 5);
}

TEST_F(CellTest, ANameThatDoesNotExistIsTold) {
    EXPECT_TRUE(
        says(failure_of(std::errc::no_such_file_or_directory, [&] { (void)Cell<int>::open(name); }),
             "does not exist"));
    std::error_code ec;
    (void)CellReader::open(name, {}, ec);
    EXPECT_EQ(ec, std::errc::no_such_file_or_directory);
    Cell<int>::unlink(name, ec);
    EXPECT_EQ(ec, std::errc::no_such_file_or_directory);
    failure_of(std::errc::no_such_file_or_directory, [&] { (void)Cell<int>::publish(name); });
}

TEST_F(CellTest, ANameWithASlashIsTold) {
    for (const std::string bad : {"/camera", "a/b", "/", "../x", ""}) {
        EXPECT_TRUE(
            says(failure_of(std::errc::invalid_argument, [&] { (void)Cell<int>::create(bad, 1); }),
                 "without a slash"));
        failure_of(std::errc::invalid_argument, [&] { (void)Cell<int>::open(bad); });
        failure_of(std::errc::invalid_argument, [&] { (void)Cell<int>::wait_and_open(bad, 1s); });
        std::error_code ec;
        Cell<int>::unlink(bad, ec);
        EXPECT_EQ(ec, std::errc::invalid_argument);
    }
}

TEST_F(CellTest, AnotherSizeIsTold) {
    auto publisher = Cell<std::uint64_t>::create(name, 1);
    EXPECT_TRUE(
        says(failure_of(std::errc::protocol_error, [&] { (void)Cell<std::uint32_t>::open(name); }),
             "values of 8 bytes, the program's type has 4"));
    publisher = {};
    EXPECT_TRUE(says(
        failure_of(std::errc::file_exists, [&] { (void)Cell<std::uint32_t>::create(name, 1); }),
        "unlink it first"));
}

TEST_F(CellTest, AnotherTypeIsTold) {
    auto publisher = Cell<int>::create(name, 1, {.type = "pose v2"});
    EXPECT_EQ(Cell<int>::open(name, {.type = "pose v2"}).read(), 1);
    EXPECT_EQ(Cell<int>::open(name).read(), 1) << "who names none does not care";
    EXPECT_TRUE(says(failure_of(std::errc::protocol_error,
                                [&] { (void)Cell<int>::open(name, {.type = "pose v1"}); }),
                     "another type"));
}

TEST_F(CellTest, AForeignFileIsTold) {
    Region region = Region::posix_shm(shm, 4096);
    std::memset(region.bytes().data(), 'x', 4096);
    EXPECT_TRUE(says(failure_of(std::errc::protocol_error, [&] { (void)Cell<int>::open(name); }),
                     "no cell of shmq"));
    EXPECT_TRUE(says(failure_of(std::errc::file_exists, [&] { (void)Cell<int>::create(name, 1); }),
                     "unlink it first"));
    EXPECT_EQ(region.bytes()[0], std::byte{'x'}) << "and is not touched";
}

TEST_F(CellTest, AnotherVersionIsTold) {
    auto publisher = Cell<int>::create(name, 1);
    shmq_store_release(reinterpret_cast<shmq_base>(publisher.region().bytes().data()),
                       SHMQ_CELL_AT_VERSION, 2);
    EXPECT_TRUE(says(failure_of(std::errc::protocol_error, [&] { (void)Cell<int>::open(name); }),
                     "another version"));
}

TEST_F(CellTest, ATruncatedFileIsTold) {
    auto publisher = Cell<int>::create(name, 1);
    ASSERT_EQ(::ftruncate(publisher.region().fd(), 4096), 0);
    const std::uint32_t total = publisher.layout().total;
    ASSERT_GT(total, 2048u);
    ASSERT_EQ(::ftruncate(publisher.region().fd(), 2048), 0);
    EXPECT_TRUE(says(failure_of(std::errc::protocol_error, [&] { (void)Cell<int>::open(name); }),
                     "shorter"));
    ASSERT_EQ(::ftruncate(publisher.region().fd(), total), 0);
}

TEST_F(CellTest, OneThatIsNotReadyIsToldAfterAWhileAndMadeAnewByItsNextCreator) {
    { Region half = Region::posix_shm(shm, 4096); } // its creator died here
    EXPECT_TRUE(says(
        failure_of(std::errc::resource_unavailable_try_again, [&] { (void)Cell<int>::open(name); }),
        "not ready"));
    auto publisher = Cell<int>::create(name, 8);
    EXPECT_EQ(Cell<int>::open(name).read(), 8);
}

TEST_F(CellTest, ImpossiblePlansAreTold) {
    failure_of(std::errc::invalid_argument,
               [&] { (void)Cell<int>::create(name, 1, {.readers = 31}); });
    failure_of(std::errc::invalid_argument,
               [&] { (void)Cell<int>::create(name, 1, {.readers = 4, .slots = 5}); });
    failure_of(std::errc::invalid_argument, [&] { (void)CellPublisher::create_empty(name, 0); });
    failure_of(std::errc::no_such_file_or_directory, [&] { (void)CellReader::open(name); });
}

TEST_F(CellTest, IsReadThroughMemoryThatIsOnlyReadable) {
    auto publisher = Cell<int>::create(name, 1);
    auto reader = Cell<int>::attach(Region::posix_shm_read_only(shm));
    EXPECT_FALSE(reader.registered());
    EXPECT_FALSE(reader.region().writable());
    for (int i = 0; i < 1000; ++i) {
        publisher.write(i);
        ASSERT_EQ(reader.read_change(), i);
    }
    EXPECT_EQ(reader.publisher(), Holder::user);
    EXPECT_EQ(reader.wait(10ms), Status::Timeout);
    publisher = {};
    EXPECT_EQ(reader.publisher(), Holder::gone);
    EXPECT_EQ(reader.wait(), Status::PeerGone);
    failure_of(std::errc::not_supported, [&] {
        (void)Cell<int>::attach(Region::posix_shm_read_only(shm), 0, {.seat = CellSeat::required});
    });
    failure_of(std::errc::permission_denied,
               [&] { (void)Cell<int>::publish(Region::posix_shm_read_only(shm)); });
}

TEST_F(CellTest, SeveralLieInOneRegion) {
    const std::size_t each = Cell<Pose>::required({.readers = 2});
    const Region region = Region::memfd("cells", 3 * each + 8);
    std::vector<Cell<Pose>::Publisher> publishers;
    for (int i = 0; i < 3; ++i) {
        publishers.push_back(Cell<Pose>::create_in(Region::from_fd(region.fd()),
                                                   static_cast<std::uint64_t>(i) * each + 8,
                                                   {.readers = 2}));
        publishers.back().write({i, 0});
    }
    for (int i = 0; i < 3; ++i) {
        const std::uint64_t offset = static_cast<std::uint64_t>(i) * each + 8;
        auto one = Cell<Pose>::attach(Region::from_fd(region.fd()), offset);
        auto two = Cell<Pose>::attach(Region::from_fd_read_only(region.fd()), offset);
        EXPECT_TRUE(one.registered()) << "each has its own locks";
        EXPECT_EQ(one.read()->field_1, i);
        EXPECT_EQ(two.read()->field_1, i);
        EXPECT_EQ(two.publisher(), Holder::user);
    }
    failure_of(std::errc::invalid_argument, [&] {
        (void)Cell<Pose>::create_in(Region::from_fd(region.fd()), 3 * each, {.readers = 2});
    });
    failure_of(std::errc::invalid_argument,
               [&] { (void)Cell<Pose>::attach(Region::from_fd(region.fd()), 3 * each + 9); });
    failure_of(std::errc::invalid_argument,
               [&] { (void)Cell<Pose>::attach(Region::from_fd(region.fd()), 4); });
}

TEST(CellInMemory, NeedsNoFile) {
    const std::size_t size = Cell<Pose>::required({.readers = 2});
    std::vector<std::max_align_t> memory(size / sizeof(std::max_align_t) + 1);
    auto publisher = Cell<Pose>::create_in(Region::raw(memory.data(), size), 0, {.readers = 2});
    publisher.write({1, 2});
    auto one = Cell<Pose>::attach(Region::raw(memory.data(), size));
    auto two = Cell<Pose>::attach(Region::raw(memory.data(), size));
    auto three = Cell<Pose>::attach(Region::raw(memory.data(), size));
    EXPECT_TRUE(one.registered());
    EXPECT_TRUE(two.registered());
    EXPECT_FALSE(three.registered());
    one = {};
    EXPECT_TRUE(Cell<Pose>::attach(Region::raw(memory.data(), size)).registered());
    EXPECT_EQ(two.view()->field_1, 1);
    EXPECT_EQ(three.read()->field_1, 1);
    EXPECT_EQ(two.publisher(), Holder::user);
    publisher = {};
    EXPECT_EQ(two.publisher(), Holder::gone);
}

TEST(CellUnattached, DoesNothing) {
    Cell<int>::Publisher publisher;
    Cell<int>::Reader reader;
    EXPECT_EQ(publisher.write(1), Status::Invalid);
    EXPECT_FALSE(publisher.edit());
    EXPECT_EQ(publisher.read(), std::nullopt);
    EXPECT_EQ(publisher.collect(), 0u);
    int value = 0;
    EXPECT_EQ(reader.read(value), Status::Invalid);
    EXPECT_FALSE(reader.view());
    EXPECT_FALSE(reader.has_changed());
    EXPECT_EQ(reader.wait(1ms), Status::Invalid);
    EXPECT_EQ(reader.fd(), -1);
    EXPECT_EQ(reader.total_writes(), 0u);
    EXPECT_EQ(reader.publisher(), Holder::unknown);
    EXPECT_TRUE(reader.region().empty());
}

} // namespace
