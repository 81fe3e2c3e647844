// SPDX-License-Identifier: GPL-2.0-only OR MIT
// SHMQ_IOC_INFO: what a program learns of a device.
#include "support/module.hpp"
#include "support/process.hpp"

#include <vector>

namespace {

using namespace test;

struct Info : DriverTest {
    Info() : DriverTest("mode=0666") {}
};

TEST_F(Info, TellsWhatTheDeviceIs) {
    const Device device;
    const shmq_info i = device.info();
    EXPECT_EQ(i.size, sizeof(shmq_info));
    EXPECT_EQ(i.flags, 0u);
    EXPECT_EQ(i.abi_version, unsigned{SHMQ_ABI_VERSION});
    EXPECT_EQ(i.device, 0u);
    EXPECT_TRUE(i.features & SHMQ_FEATURE_PERIOD);
    EXPECT_EQ(i.region_length, 256u * 1024);
    EXPECT_EQ(i.control_length, static_cast<std::uint64_t>(getpagesize()));
    EXPECT_EQ(i.epoch, 0u);
    EXPECT_EQ(i.period_us, 0u);
    EXPECT_EQ(i.max_message, 65536u);
    EXPECT_EQ(i.prefix_length, 4u);
    EXPECT_EQ(i.reserved, 0u);
    EXPECT_EQ(std::string_view(reinterpret_cast<const char*>(i.prefix), 5),
              std::string_view("SHMQ\0", 5));
    EXPECT_STREQ(i.handler, "echo");
}

TEST_F(Info, OffsetsAreApartAndOnPages) {
    const shmq_info i = Device().info();
    EXPECT_EQ(i.state_offset % i.control_length, 0u);
    EXPECT_EQ(i.wake_offset % i.control_length, 0u);
    EXPECT_GE(i.state_offset, i.region_length);
    EXPECT_GE(i.wake_offset, i.region_length);
    EXPECT_NE(i.state_offset, i.wake_offset);
}

TEST_F(Info, ListsTheQueuesOfAChannel) {
    const shmq_info i = Device().info();
    ASSERT_EQ(i.area_count, 2u);
    const std::uint32_t directions[] = {SHMQ_DIRECTION_FROM_USER, SHMQ_DIRECTION_TO_USER};
    const std::uint32_t held[] = {1u << consumer, 1u << producer};
    for (unsigned q = 0; q < 2; q++) {
        const shmq_area& a = i.areas[q];
        EXPECT_EQ(a.type, unsigned{SHMQ_AREA_QUEUE});
        EXPECT_EQ(a.queue, q);
        EXPECT_EQ(a.direction, directions[q]);
        EXPECT_EQ(a.framing, unsigned{SHMQ_FRAMING_CHECKED});
        EXPECT_EQ(a.kernel_ends, held[q]);
        EXPECT_EQ(a.reserved, 0u);
        EXPECT_EQ(a.offset, q * i.region_length / 2);
        EXPECT_EQ(a.length, i.region_length / 2);
    }
    const shmq_area none{};
    for (unsigned a = 2; a < SHMQ_MAX_AREAS; a++)
        EXPECT_EQ(std::memcmp(&i.areas[a], &none, sizeof(none)), 0) << "area " << a;
}

TEST_F(Info, TellsPlainFraming) {
    reload("framing=plain");
    const shmq_info i = Device().info();
    EXPECT_EQ(i.areas[0].framing, unsigned{SHMQ_FRAMING_PLAIN});
    EXPECT_EQ(i.areas[1].framing, unsigned{SHMQ_FRAMING_PLAIN});
    EXPECT_EQ(i.prefix_length, 0u);
}

TEST_F(Info, RawLayoutIsOneAreaWithoutStructure) {
    reload("layout=raw size=64K");
    const shmq_info i = Device().info();
    ASSERT_EQ(i.area_count, 1u);
    EXPECT_EQ(i.areas[0].type, unsigned{SHMQ_AREA_RAW});
    EXPECT_EQ(i.areas[0].direction, unsigned{SHMQ_DIRECTION_NONE});
    EXPECT_EQ(i.areas[0].kernel_ends, 0u);
    EXPECT_EQ(i.areas[0].offset, 0u);
    EXPECT_EQ(i.areas[0].length, 65536u);
    EXPECT_STREQ(i.handler, "none");
}

TEST_F(Info, WithoutAHandlerTheKernelHoldsNoEnd) {
    reload("handler=none");
    const shmq_info i = Device().info();
    EXPECT_STREQ(i.handler, "none");
    EXPECT_EQ(i.areas[0].kernel_ends, 0u);
    EXPECT_EQ(i.areas[1].kernel_ends, 0u);
}

TEST_F(Info, TheTickHoldsTheSendingEnd) {
    reload("handler=none tick_ms=1000");
    const shmq_info i = Device().info();
    EXPECT_EQ(i.areas[0].kernel_ends, 0u);
    EXPECT_EQ(i.areas[1].kernel_ends, 1u << producer);
}

TEST_F(Info, TellsTheParameters) {
    reload("devices=3 size=128K handler=count prefix=0x00ff10 max_msg=1000 period_us=2000");
    for (unsigned n = 0; n < 3; n++) {
        const shmq_info i = Device(O_RDWR, n).info();
        EXPECT_EQ(i.device, n);
        EXPECT_EQ(i.region_length, 128u * 1024);
        EXPECT_STREQ(i.handler, "count");
        EXPECT_EQ(i.max_message, 1000u);
        EXPECT_EQ(i.period_us, 2000u);
        ASSERT_EQ(i.prefix_length, 3u);
        EXPECT_EQ(i.prefix[0], 0x00);
        EXPECT_EQ(i.prefix[1], 0xff);
        EXPECT_EQ(i.prefix[2], 0x10);
        EXPECT_EQ(i.prefix[3], 0x00);
    }
}

// The page frame behind an address of ours.
std::uint64_t physical(const void* at) {
    const Fd pagemap(::open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC));
    const auto page = static_cast<std::uint64_t>(getpagesize());
    std::uint64_t entry = 0;
    const auto where = reinterpret_cast<std::uintptr_t>(at) / page * sizeof(entry);
    if (pread(pagemap.get(), &entry, sizeof(entry), static_cast<off_t>(where)) != sizeof(entry))
        fail("read of the page map");
    return (entry & ((1ull << 55) - 1)) * page;
}

TEST_F(Info, PhysicalAddressIsThatOfTheMapping) {
    const Device device;
    const shmq_info i = device.info();
    ASSERT_NE(i.phys_addr, 0u);
    const Mapping region = device.map(i.region_length).need("mmap");
    const std::size_t page = i.control_length;
    for (std::size_t at = 0; at < i.region_length; at += page) {
        region.data()[at] = 1;
        ASSERT_EQ(physical(region.data() + at), i.phys_addr + at) << "page " << at / page;
    }
}

TEST_F(Info, PhysicalAddressIsHiddenFromUsers) {
    Child user([] {
        CHILD_CHECK(setresgid(1000, 1000, 1000) == 0 && setresuid(1000, 1000, 1000) == 0);
        const shmq_info i = Device().info();
        CHILD_CHECK(i.phys_addr == 0);
        CHILD_CHECK(i.region_length == 256 * 1024);
        return 0;
    });
    EXPECT_EQ(user.wait(), 0);
}

TEST_F(Info, WorksOnAnyDescriptor) {
    for (int flags : {O_RDONLY, O_WRONLY, O_RDWR})
        EXPECT_EQ(Device(flags).info().area_count, 2u);
}

// ---- the argument ----

TEST_F(Info, RefusesAShorterStruct) {
    const Device device;
    for (std::uint32_t size : {0u, 1u, 8u, static_cast<unsigned>(sizeof(shmq_info)) - 8}) {
        shmq_info i{};
        i.size = size;
        EXPECT_EQ(device.ioctl(SHMQ_IOC_INFO, &i), EINVAL) << size;
    }
}

TEST_F(Info, TakesALongerStructWhoseRestIsZero) {
    const Device device;
    for (std::size_t more : {8ul, 1024ul}) {
        std::vector<std::uint64_t> memory((sizeof(shmq_info) + more) / 8);
        auto* i = reinterpret_cast<shmq_info*>(memory.data());
        i->size = static_cast<std::uint32_t>(sizeof(shmq_info) + more);
        ASSERT_EQ(device.ioctl(SHMQ_IOC_INFO, i), 0) << more;
        EXPECT_EQ(i->size, sizeof(shmq_info));
        EXPECT_EQ(i->area_count, 2u);
        EXPECT_EQ(memory.back(), 0u);
    }
}

TEST_F(Info, RefusesALongerStructWithSomethingInTheRest) {
    const Device device;
    std::vector<std::uint8_t> memory(sizeof(shmq_info) + 64);
    auto* i = reinterpret_cast<shmq_info*>(memory.data());
    for (std::size_t at : {sizeof(shmq_info), memory.size() - 1}) {
        std::fill(memory.begin(), memory.end(), std::uint8_t{0});
        i->size = static_cast<std::uint32_t>(memory.size());
        memory[at] = 1;
        EXPECT_EQ(device.ioctl(SHMQ_IOC_INFO, i), E2BIG) << at;
    }
}

TEST_F(Info, RefusesAnAbsurdSize) {
    const Device device;
    shmq_info i{};
    for (std::uint32_t size : {0x10000u, 0x80000000u, 0xffffffffu}) {
        i.size = size;
        EXPECT_EQ(device.ioctl(SHMQ_IOC_INFO, &i), EINVAL) << size;
    }
}

TEST_F(Info, RefusesUnknownFlagsAndReservedFields) {
    const Device device;
    for (std::uint32_t bit = 1; bit; bit <<= 1) {
        shmq_info i{};
        i.size = sizeof(i);
        i.flags = bit;
        EXPECT_EQ(device.ioctl(SHMQ_IOC_INFO, &i), EINVAL) << bit;
        i.flags = 0;
        i.reserved = bit;
        EXPECT_EQ(device.ioctl(SHMQ_IOC_INFO, &i), EINVAL) << bit;
    }
}

TEST_F(Info, BadPointersAreFaults) {
    const Device device;
    EXPECT_EQ(device.ioctl(SHMQ_IOC_INFO, nullptr), EFAULT);
    EXPECT_EQ(device.ioctl(SHMQ_IOC_INFO, reinterpret_cast<void*>(-4096l)), EFAULT);

    const auto page = static_cast<std::size_t>(getpagesize());
    const Mapping two(-1, 2 * page, 0, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS);
    ASSERT_EQ(mprotect(two.data() + page, page, PROT_NONE), 0);
    const std::uint32_t size = sizeof(shmq_info);
    for (std::size_t there : {4ul, 8ul, sizeof(shmq_info) - 8}) {
        std::memcpy(two.data() + page - there, &size, 4);
        EXPECT_EQ(device.ioctl(SHMQ_IOC_INFO, two.data() + page - there), EFAULT) << there;
    }
    // It can be read but not be answered.
    std::memcpy(two.data(), &size, 4);
    ASSERT_EQ(mprotect(two.data(), page, PROT_READ), 0);
    EXPECT_EQ(device.ioctl(SHMQ_IOC_INFO, two.data()), EFAULT);
}

} // namespace
