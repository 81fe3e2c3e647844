// SPDX-License-Identifier: GPL-2.0-only OR MIT
// What the kernel prints each period: words of raw memory, the value of a cell, the
// messages since the last period. And the sample of RTLinux.
#include "support/module.hpp"
#include "support/netlink.hpp"
#include "support/process.hpp"
#include "support/ring.hpp"

#include <shmq/core/cell.h>
#include <shmq/core/cell_publisher.h>
#include <shmq/core/cell_seat.h>

#include <algorithm>
#include <optional>
#include <sstream>

namespace {

using namespace test;

// ---- raw memory ----

struct PrintRaw : DriverTest {
    PrintRaw() : DriverTest("layout=raw size=4K handler=print period_us=10000") {}
    static void store(const Mapping& region, std::uint32_t offset, std::uint32_t value) {
        shmq_store_release(region.data(), offset, value);
    }
};

TEST_F(PrintRaw, ShowsTheFirstWordInHex) {
    KernelLog log;
    EXPECT_TRUE(log.comes_to_say("shmq0: at 0: 00000000\n"));
    const Device d;
    EXPECT_STREQ(d.info().handler, "print");
    const Mapping region = d.map(4096).need("mmap");
    store(region, 0, 0xcafe);
    EXPECT_TRUE(log.comes_to_say("shmq0: at 0: 0000cafe\n"));
}

TEST_F(PrintRaw, ShowsWhatItIsToldTo) {
    reload("layout=raw size=4K handler=print period_us=10000 print_offset=4088 print_words=2 "
           "print_format=s32");
    KernelLog log;
    const Device d;
    const Mapping region = d.map(4096).need("mmap");
    store(region, 4088, 0x80000000);
    store(region, 4092, 0xffffffff);
    EXPECT_TRUE(log.comes_to_say("shmq0: at 4088: -2147483648 -1\n"));
    Netlink n;
    Request r(SHMQ_CMD_DEV_SET);
    r.u32(SHMQ_A_DEV_INDEX, 0)
        .u32(SHMQ_A_DEV_PRINT_OFFSET, 4032)
        .u32(SHMQ_A_DEV_PRINT_WORDS, 16)
        .u32(SHMQ_A_DEV_PRINT_FORMAT, SHMQ_PRINT_U32);
    ASSERT_EQ(n.call(r).error, 0);
    EXPECT_TRUE(
        log.comes_to_say("shmq0: at 4032: 0 0 0 0 0 0 0 0 0 0 0 0 0 0 2147483648 4294967295\n"));
    EXPECT_EQ(n.get(0).u32(SHMQ_A_DEV_PRINT_WORDS), 16u);
}

TEST_F(PrintRaw, ComesAndGoesAtRunTime) {
    reload("devices=0");
    Netlink n;
    n.add([](Request& r) { r.u32(SHMQ_A_DEV_LAYOUT, SHMQ_LAYOUT_RAW); });
    EXPECT_FALSE(Task::named("shmq0"));
    const auto set = [&](const char* handler, std::uint32_t period) {
        Request r(SHMQ_CMD_DEV_SET);
        r.u32(SHMQ_A_DEV_INDEX, 0);
        r.text(SHMQ_A_DEV_HANDLER, handler).u32(SHMQ_A_DEV_PERIOD_US, period);
        return n.call(r).error;
    };
    KernelLog log;
    ASSERT_EQ(set("print", 1000), 0);
    EXPECT_TRUE(log.comes_to_say("shmq0: at 0: "));
    EXPECT_EQ(set("print", 0), EINVAL);
    ASSERT_EQ(set("none", 1000), 0);
    const auto lines = log.times_of("shmq0: at 0: ").size();
    nap(100);
    EXPECT_EQ(log.times_of("shmq0: at 0: ").size(), lines);
    ASSERT_EQ(set("none", 0), 0);
}

// A thousand lines each five seconds, however often it would.
TEST_F(PrintRaw, IsLimitedToWhatALogCanTake) {
    KernelLog log;
    reload("layout=raw handler=print period_us=50");
    Netlink n;
    const auto start = std::chrono::steady_clock::now();
    // As far as a slow machine comes in half a minute.
    eventually([&] { return n.statistics(0).u64(SHMQ_A_DEV_PERIODS) > 6000; }, 30);
    const auto lines = log.times_of("shmq0: at 0: ").size();
    const auto took = std::chrono::steady_clock::now() - start;
    EXPECT_GT(lines, 0u);
    EXPECT_LE(lines, 1000 * (2 + static_cast<std::size_t>(took / std::chrono::seconds(5))));
}

// ---- a cell ----

struct PrintCell : DriverTest {
    PrintCell()
        : DriverTest("layout=cell size=64K cell_size=40 cell_readers=2 handler=print "
                     "period_us=10000 print_words=2 print_format=u32") {}
};

// A publisher in user space, by the core alone.
struct Publisher {
    explicit Publisher(const Device& d) : region(d.map(d.info().region_length).need("mmap")) {
        shmq_cell cell{};
        if (shmq_cell_open(&cell, region.data(), region.size()) != SHMQ_CELL_OK ||
            shmq_cell_publisher_attach(&publisher, &cell, true) != SHMQ_OK)
            throw std::runtime_error("no cell in the region");
    }
    void write(std::uint32_t value) {
        std::vector<std::uint32_t> words(publisher.cell.layout.size / 4, value);
        shmq_cell_write(&publisher, words.data(), 0);
    }

    Mapping region;
    shmq_cell_publisher publisher{};
};

// A reader in user space, in that seat or in none: its exit status.
int reads_whole_values(std::optional<std::uint32_t> seat, unsigned rounds) {
    const Device d;
    const Mapping region = d.map(d.info().region_length).need("mmap");
    shmq_cell cell{};
    CHILD_CHECK(shmq_cell_open(&cell, region.data(), region.size()) == SHMQ_CELL_OK);
    if (seat)
        shmq_cell_sit(&cell, *seat);
    std::vector<std::uint32_t> words(cell.layout.size / 4);
    std::uint64_t last = 0;
    for (unsigned whole = 0; whole < rounds;) {
        shmq_cell_stamp stamp{};
        std::uint32_t off = 0;
        const shmq_status status =
            seat ? shmq_cell_pin(&cell, *seat, &off, &stamp)
                 : shmq_cell_read(&cell, words.data(), cell.layout.size, &stamp, SHMQ_CELL_TRIES);
        if (seat) {
            shmq_copy_in(words.data(), cell.base, off, cell.layout.size);
            shmq_cell_unpin(&cell, *seat);
        }
        if (status == SHMQ_EMPTY || (!seat && status == SHMQ_AGAIN))
            continue;
        CHILD_CHECK(status == SHMQ_OK);
        CHILD_CHECK(stamp.writes >= last);
        last = stamp.writes;
        for (const std::uint32_t word : words)
            CHILD_CHECK(word == static_cast<std::uint32_t>(stamp.writes));
        whole++;
    }
    return 0;
}

TEST_F(PrintCell, IsMadeAsAskedForAndInTheInfo) {
    const Device d;
    const shmq_info info = d.info();
    ASSERT_EQ(info.area_count, 1u);
    EXPECT_EQ(info.areas[0].type, unsigned{SHMQ_AREA_CELL});
    EXPECT_EQ(info.areas[0].offset, 0u);
    EXPECT_EQ(info.areas[0].length, 65536u);
    const Publisher p(d);
    EXPECT_EQ(p.publisher.cell.layout.size, 40u);
    EXPECT_EQ(p.publisher.cell.layout.seats, 2u);
    Netlink n;
    EXPECT_EQ(n.get(0).u32(SHMQ_A_DEV_CELL_SIZE), 40u);
    EXPECT_EQ(n.get(0).u32(SHMQ_A_DEV_CELL_READERS), 2u);
    EXPECT_EQ(n.get(0).u32(SHMQ_A_DEV_LAYOUT), unsigned{SHMQ_LAYOUT_CELL});
    std::string m;
    EXPECT_EQ(d.read(m), EINVAL);
    EXPECT_EQ(d.write("x"), EINVAL);
}

TEST_F(PrintCell, ShowsTheLatestValueAndItsCount) {
    KernelLog log;
    EXPECT_TRUE(log.comes_to_say("shmq0: nothing written yet\n"));
    const Device d;
    Publisher p(d);
    p.write(7);
    EXPECT_TRUE(log.comes_to_say("shmq0: write 1: 7 7\n"));
    p.write(8);
    p.write(9);
    EXPECT_TRUE(log.comes_to_say("shmq0: write 3: 9 9\n"));
}

TEST_F(PrintCell, ShowsAsSevenOtherReadersWholeValuesOfAPublisherAtFullSpeed) {
    reload("layout=cell size=64K cell_size=4000 cell_readers=3 handler=print period_us=5000 "
           "print_offset=0 print_words=16 print_format=u32 priority=5");
    KernelLog log;
    Child writer([] {
        const Device d;
        Publisher p(d);
        for (std::uint32_t i = 1;; i++)
            p.write(i);
        return 0;
    });
    std::vector<Child> readers;
    for (std::uint32_t i = 0; i < 7; i++)
        readers.emplace_back([i] {
            return reads_whole_values(i < 3 ? std::optional(i) : std::nullopt, 300 * long_factor());
        });
    EXPECT_TRUE(eventually([&] { return log.times_of("shmq0: write ").size() >= 50; }));
    for (Child& reader : readers)
        EXPECT_EQ(reader.wait(600), 0);
    writer.kill();
    std::istringstream lines(log.text());
    std::uint64_t last = 0;
    for (std::string line; std::getline(lines, line);) {
        const auto at = line.find("shmq0: write ");
        if (at == std::string::npos)
            continue;
        std::istringstream words(line.substr(at + 13));
        std::uint64_t write = 0, value = 0;
        char colon = 0;
        words >> write >> colon;
        EXPECT_EQ(colon, ':') << line;
        EXPECT_GE(write, last) << "back in time";
        last = write;
        unsigned count = 0;
        while (words >> value) {
            EXPECT_EQ(value, write & 0xffffffff) << line;
            count++;
        }
        EXPECT_EQ(count, 16u) << line;
    }
}

TEST_F(PrintCell, IsNotHarmedByWhatAProgramStores) {
    reload("layout=cell size=4K cell_size=40 handler=print period_us=10000");
    KernelLog log;
    const Device d;
    const Mapping region = d.map(4096).need("mmap");
    // A slot that there is not, then everything.
    shmq_store_release(region.data(), SHMQ_CELL_AT_LATEST, SHMQ_CELL_SLOT_MASK);
    EXPECT_TRUE(log.comes_to_say("shmq0: no value: the cell is damaged\n"));
    std::uint32_t random = 1;
    Netlink n;
    const std::uint64_t before = n.statistics(0).u64(SHMQ_A_DEV_PERIODS);
    while (n.statistics(0).u64(SHMQ_A_DEV_PERIODS) < before + 50)
        for (std::uint32_t i = 0; i < 4096; i += 4) {
            random = random * 1664525 + 1013904223;
            shmq_store_relaxed(region.data(), i, random >> 8);
        }
}

TEST_F(PrintCell, MayBeSmallerThanAWord) {
    reload("layout=cell cell_size=1 handler=print period_us=10000");
    KernelLog log;
    const Device d;
    const Mapping region = d.map(d.info().region_length).need("mmap");
    shmq_cell cell{};
    shmq_cell_publisher publisher{};
    ASSERT_EQ(shmq_cell_open(&cell, region.data(), region.size()), SHMQ_CELL_OK);
    ASSERT_EQ(shmq_cell_publisher_attach(&publisher, &cell, true), SHMQ_OK);
    const unsigned char value = 0xa5;
    shmq_cell_write(&publisher, &value, 0);
    EXPECT_TRUE(log.comes_to_say("shmq0: write 1: 000000a5\n"));
}

// ---- messages ----

struct LogByPeriod : DriverTest {
    LogByPeriod() : DriverTest("handler=log period_us=60000000") {}
};

TEST_F(LogByPeriod, ShowsTheMessagesSinceTheLastOne) {
    KernelLog log;
    const Device d;
    const View v(d);
    for (const char* m : {"one", "two", "three"})
        ASSERT_EQ(d.write(m), 0);
    ASSERT_EQ(d.kick(), 0);
    nap(500);
    EXPECT_EQ(v.state(to_kernel).messages, 0u) << "they wait for the period";
    Netlink n;
    Request r(SHMQ_CMD_DEV_SET);
    ASSERT_EQ(n.call(r.u32(SHMQ_A_DEV_INDEX, 0).u32(SHMQ_A_DEV_PERIOD_US, 50'000)).error, 0);
    for (const char* m :
         {"shmq0: 3 bytes: one\n", "shmq0: 3 bytes: two\n", "shmq0: 5 bytes: three\n"})
        EXPECT_TRUE(log.comes_to_say(m));
}

TEST_F(LogByPeriod, AWriterWaitsForTheRoomThatAPeriodMakes) {
    reload("handler=log period_us=20000 size=8K");
    Child writer([] {
        const Device d;
        for (std::uint32_t i = 0; i < 100; i++)
            CHILD_CHECK(d.write(pattern(i, 500)) == 0);
        return 0;
    });
    EXPECT_EQ(writer.wait(), 0);
    const Device d;
    const View v(d);
    EXPECT_TRUE(eventually([&] { return v.state(to_kernel).messages == 100; }));
}

// ---- the sample of RTLinux ----

int run(const std::string& command) {
    const int status =
        std::system(command.c_str()); // NOLINT(cert-env33-c): a shell is what a person has
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

TEST(RtLinux, TheNumbersOfItsProgramArePrintedByTheKernel) {
    const Module m("layout=raw handler=print print_format=s32 period_us=500000 priority=1");
    KernelLog log;
    ASSERT_EQ(run("(echo 42; sleep 2; echo -7; sleep 2; echo quit) | rtlinux_write /dev/shmq0"), 0);
    EXPECT_TRUE(log.comes_to_say("shmq0: at 0: 42\n")) << log.text();
    EXPECT_TRUE(log.comes_to_say("shmq0: at 0: -7\n"));
    EXPECT_TRUE(log.comes_to_say("shmq0: at 0: 0\n")) << "quit is no number, as there";
    const Device d;
    EXPECT_EQ(d.map(4096).need("mmap").data()[4], 1) << "the flag behind the number";
}

TEST(RtLinux, TheSameWithACellHasNoRace) {
    const Module m("layout=cell cell_size=8 handler=print print_words=2 print_format=s32 "
                   "period_us=500000 priority=1");
    KernelLog log;
    ASSERT_EQ(run("(echo 42; sleep 2; echo -7; echo -8; sleep 2; echo quit) | "
                  "rtlinux_cell /dev/shmq0"),
              0);
    EXPECT_TRUE(log.comes_to_say("shmq0: write 1: 42 1\n")) << log.text();
    EXPECT_TRUE(log.comes_to_say("shmq0: write 3: -8 3\n")) << log.text();
    // Another program goes on where the first was.
    ASSERT_EQ(run("(echo 5; sleep 2) | rtlinux_cell /dev/shmq0"), 0);
    EXPECT_TRUE(log.comes_to_say("shmq0: write 4: 5 1\n")) << log.text();
}

} // namespace
