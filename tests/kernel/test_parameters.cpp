// SPDX-License-Identifier: GPL-2.0-only OR MIT
// Each module parameter: what it does, what it refuses and says to it.
#include "support/module.hpp"
#include "support/process.hpp"
#include "support/ring.hpp"

#include <fstream>
#include <sstream>

#include <sys/stat.h>
#include <sys/sysinfo.h>

namespace {

using namespace test;

// ---- what cannot be ----

struct Refusal {
    const char* name;
    const char* parameters;
    int error;
    const char* sentence; // in the log
};

void PrintTo(const Refusal& r, std::ostream* os) {
    *os << r.parameters;
}

struct Refused : testing::TestWithParam<Refusal> {};

TEST_P(Refused, WithASentence) {
    KernelLog log;
    const Refusal& r = GetParam();
    EXPECT_EQ(load_module(r.parameters), r.error);
    EXPECT_TRUE(log.says(r.sentence)) << "the log says:\n" << log.text();
    EXPECT_NE(access("/dev/shmq0", F_OK), 0) << "a node was left";
    EXPECT_NE(access("/sys/class/shmq", F_OK), 0) << "a class was left";
    EXPECT_FALSE(Task::named("shmq0")) << "a thread was left";
    if (module_loaded())
        unload_module();
    // Nothing else was left either.
    EXPECT_EQ(load_module(""), 0);
    EXPECT_EQ(unload_module(), 0);
}

#define HUGE_PREFIX "0123456789012345678901234567890123456789012345678901234567890123"
#define HUGE_HEX                                                                                   \
    "0x00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"                           \
    "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"

const Refusal refusals[] = {
    {"TooManyDevices", "devices=257", EINVAL, "devices=257: must be 0 to 256"},
    {"SizeNotMultipleOf4", "size=262145", EINVAL, "size=262145: must be a multiple of"},
    {"SizeNotMultipleOf4By2", "size=262146", EINVAL, "size=262146: must be a multiple of"},
    // Its second half would not be aligned.
    {"SizeWhoseHalfIsNotMultipleOf4", "size=262148", EINVAL, "size=262148: must be a multiple of"},
    {"Size13", "size=13", EINVAL, "size=13: "},
    {"Size0", "size=0", EINVAL, "size=0: "},
    {"SizeTiny", "size=8", EINVAL, "size=8: "},
    {"SizeEmpty", "size=", EINVAL, "size=: not a size"},
    {"SizeGarbage", "size=many", EINVAL, "size=many: not a size"},
    {"SizeNegative", "size=-4096", EINVAL, "size=-4096: not a size"},
    {"SizeWithGarbageBehind", "size=64Kx", EINVAL, "size=64Kx: not a size"},
    {"SizeUnknownSuffix", "size=64Q", EINVAL, "size=64Q: not a size"},
    {"SizeHuge", "size=1025M", EINVAL, "size=1025M: must be from"},
    {"SizeTerabytes", "size=1T", EINVAL, "size=1T: not a size"},
    {"SizeThatWrapsTo256K", "size=18446744073709813760", EINVAL, "size=18446744073709813760: "},
    {"SizeWhoseSuffixWrapsTo1M", "size=18446744073709551617M", EINVAL,
     "size=18446744073709551617M: "},
    {"SizeWhoseSuffixShiftsTo256K", "size=18014398509482240K", EINVAL, "size=18014398509482240K: "},
    {"SizeThatHoldsNoMessage", "size=128 prefix=" HUGE_PREFIX, EINVAL, "holds no message"},
    {"PlainSizeNotMultipleOf16", "framing=plain size=262152", EINVAL,
     "size=262152: framing=plain needs a multiple of 16"},
    {"MoreThanTheMachineHas", "size=1024M", ENOMEM, "of contiguous memory"},
    {"UnknownHandler", "handler=nonsense", EINVAL,
     "handler=nonsense: unknown; known are echo, log, count, print and none"},
    {"EmptyHandler", "handler=", EINVAL, "handler=: unknown"},
    {"UnknownLayout", "layout=rows", EINVAL,
     "layout=rows: unknown; known are channel, raw, cell and pool"},
    {"UnknownFraming", "framing=json", EINVAL,
     "framing=json: unknown; known are checked and plain"},
    {"PrefixTooLong", "prefix=" HUGE_PREFIX "x", EINVAL, "longer than 64 bytes"},
    {"HexPrefixTooLong", "prefix=" HUGE_HEX "00", EINVAL, "pairs of hex digits"},
    {"HexPrefixOdd", "prefix=0x123", EINVAL, "prefix=0x123: needs pairs of hex digits"},
    {"HexPrefixNotHex", "prefix=0x12zz", EINVAL, "prefix=0x12zz: needs pairs of hex digits"},
    {"MaxMessageAboveTheQueue", "size=64K max_msg=40000", EINVAL,
     "max_msg=40000: half of size=65536 holds messages of"},
    {"PeriodTooShort", "period_us=49", EINVAL, "period_us=49: must be 0, or 50 to 60000000"},
    {"PeriodTooLong", "period_us=60000001", EINVAL, "period_us=60000001: must be 0"},
    {"TickTooLong", "tick_ms=86400001", EINVAL, "tick_ms=86400001: must be at most"},
    {"TickWithoutAQueue", "layout=raw tick_ms=100", EINVAL,
     "tick_ms=100: layout=raw has no queue to send to"},
    {"TickWithACell", "layout=cell tick_ms=100", EINVAL,
     "tick_ms=100: layout=cell has no queue to send to"},
    {"PriorityTooHigh", "period_us=1000 priority=100", EINVAL,
     "priority=100: the priority must be 0 (fair) or 1 to 99"},
    {"PriorityWithoutAPeriod", "priority=1", EINVAL, "need period_us"},
    {"CpuWithoutAPeriod", "cpu=0", EINVAL, "need period_us"},
    {"NoSuchCpu", "period_us=1000 cpu=4000", EINVAL, "cpu=4000: no CPU of that number is online"},
    {"CpuNegative", "period_us=1000 cpu=-2", EINVAL, "cpu=-2: no CPU of that number is online"},
    {"PrintWithoutAPeriod", "layout=raw handler=print", EINVAL,
     "period_us=0: the handler print needs a period"},
    {"PrintOfQueues", "handler=print period_us=1000", EINVAL,
     "handler=print: not with layout=channel"},
    {"LogWithoutQueues", "layout=raw handler=log", EINVAL, "handler=log: not with layout=raw"},
    {"PrintOffsetOdd", "layout=raw print_offset=2", EINVAL, "must be a multiple of 4"},
    {"PrintNothing", "layout=raw print_words=0", EINVAL, "1 to 16 words"},
    {"PrintTooMuch", "layout=raw print_words=17", EINVAL, "1 to 16 words"},
    {"PrintPastTheEnd", "layout=raw size=4K print_offset=4092 print_words=2", EINVAL,
     "not all in the memory of the device"},
    {"PrintFarPastTheEnd", "layout=raw size=4K print_offset=4294967292 print_words=2", EINVAL,
     "not all in the memory of the device"},
    {"PrintUnknownFormat", "layout=raw print_format=octal", EINVAL,
     "print_format=octal: unknown; known are hex, u32 and s32"},
    {"CellOfNothing", "layout=cell cell_size=0", EINVAL, "must be 1 byte or more"},
    {"CellThatDoesNotFit", "layout=cell size=4K cell_size=2000", EINVAL,
     "cell_size=2000 cell_readers=8: the memory is too small"},
    {"CellHuge", "layout=cell cell_size=4294967295", EINVAL, "must be 1 byte or more, and fit"},
    {"CellReaders", "layout=cell cell_readers=31", EINVAL, "at most 30 readers"},
    {"PrintPastTheValue", "layout=cell print_offset=64", EINVAL, "value ends before"},
    {"PrintFarInAValue", "layout=cell cell_size=8192 print_offset=4096", EINVAL,
     "only the first 4096 bytes"},
    {"TickWithAPool", "layout=pool tick_ms=100", EINVAL,
     "tick_ms=100: layout=pool has no queue to send to"},
    {"PoolOfEmptyBlocks", "layout=pool pool_block_size=0", EINVAL, "must be 1 byte or more"},
    {"PoolWhoseBlockIsTheMemory", "layout=pool size=4K pool_block_size=4096", EINVAL,
     "pool_block_size=4096 pool_owners=32: the memory is too small for a pool's header"},
    {"PoolTiny", "layout=pool size=128 pool_block_size=1", EINVAL, "the memory is too small"},
    {"PoolHugeBlock", "layout=pool pool_block_size=4294967295", EINVAL, "and fit into the memory"},
    {"PoolOfOneOwner", "layout=pool pool_owners=1", EINVAL, "a pool is for 2 to 256 owners"},
    {"PoolOfManyOwners", "layout=pool pool_owners=257", EINVAL, "a pool is for 2 to 256 owners"},
    {"PrintPastThePool", "layout=pool size=8K print_offset=8192", EINVAL,
     "not all in the memory of the device"},
    {"LogWithAPool", "layout=pool handler=log", EINVAL, "handler=log: not with layout=pool"},
    {"ModeExecutable", "mode=0777", EINVAL, "mode=0777: only the bits of 0666"},
    {"NoSuchUser", "uid=4294967295", EINVAL, "uid=4294967295 gid=0: no user or group"},
    {"NoSuchGroup", "gid=4294967295", EINVAL, "uid=0 gid=4294967295: no user or group"},
    {"ModeHuge", "mode=0x80000180", EINVAL, "only the bits of 0666"},
    // Refused by the kernel itself, in its own words.
    {"DevicesNotANumber", "devices=x", EINVAL, "`x' invalid for parameter `devices'"},
    {"DevicesNegative", "devices=-1", EINVAL, "`-1' invalid for parameter `devices'"},
    {"RestartNotABool", "restart=perhaps", EINVAL, "invalid for parameter `restart'"},
};

INSTANTIATE_TEST_SUITE_P(Parameter, Refused, testing::ValuesIn(refusals),
                         [](const auto& i) { return std::string(i.param.name); });

// ---- what can ----

struct Parameters : testing::Test {
    void TearDown() override {
        if (module_loaded())
            unload_module();
    }
};

TEST_F(Parameters, SizeTakesSuffixes) {
    const std::pair<const char*, std::uint64_t> sizes[] = {
        {"size=65536", 65536}, {"size=64K", 65536},  {"size=64k", 65536},
        {"size=1M", 1 << 20},  {"size=4M", 4 << 20}, {"size=128 prefix=x", 128},
        {"size=4104", 4104}};
    for (const auto& [text, size] : sizes) {
        Module m(text);
        const Device d(O_RDWR | O_NONBLOCK);
        const shmq_info i = d.info();
        EXPECT_EQ(i.region_length, size) << text;
        EXPECT_EQ(i.areas[0].length, size / 2) << text;
        EXPECT_EQ(i.areas[1].offset, size / 2) << text;
        EXPECT_EQ(d.write("12345678"), 0) << text;
        ASSERT_TRUE(d.poll(POLLIN) & POLLIN) << text;
        EXPECT_EQ(d.read(), "12345678") << text;
    }
}

// 8 MiB are more than the page allocator gives; where there is free CMA they work.
TEST_F(Parameters, SizeBeyondThePageAllocatorWorksOrSaysWhatCan) {
    KernelLog log;
    const int error = load_module("size=8M");
    if (!error) {
        const Device d;
        const View v(d);
        EXPECT_EQ(v.info.region_length, 8u << 20);
        for (std::size_t at = 0; at < v.info.region_length; at += 4096)
            v.region.data()[at] = 0;
        ASSERT_EQ(d.reset(), 0);
        ASSERT_EQ(d.write("large"), 0);
        EXPECT_EQ(d.read(), "large");
        return;
    }
    EXPECT_EQ(error, ENOMEM);
    EXPECT_TRUE(
        log.says("size=8388608: no 8192 KiB of contiguous memory: the page allocator gives "
                 "at most 4096 KiB, and for more the kernel needs free CMA (boot with cma="))
        << log.text();
}

TEST_F(Parameters, AsManyDevicesAsFitThenNone) {
    // The last ones cannot be made: nothing of the first remains.
    struct sysinfo memory;
    ASSERT_EQ(sysinfo(&memory), 0);
    if (memory.totalram * memory.mem_unit > (1ull << 30))
        GTEST_SKIP() << "this machine has memory for 256 devices of 4 MiB";
    KernelLog log;
    EXPECT_EQ(load_module("devices=256 size=4M"), ENOMEM);
    EXPECT_TRUE(log.says("no 4096 KiB of contiguous memory now: the largest free block is"))
        << log.text();
    EXPECT_TRUE(log.says("not made (error -12), so the module is not loaded")) << log.text();
    EXPECT_NE(access("/dev/shmq0", F_OK), 0);
    Module again("size=4M");
    EXPECT_EQ(Device().info().region_length, 4u << 20);
}

// A node that appears before the module is sure to stay lets a program hold a
// file of a module that is gone.
TEST_F(Parameters, NoDeviceCanBeOpenedBeforeAllAreMade) {
    struct sysinfo memory;
    ASSERT_EQ(sysinfo(&memory), 0);
    if (memory.totalram * memory.mem_unit > (1ull << 30))
        GTEST_SKIP() << "this machine has memory for 256 devices of 4 MiB";
    Gate ready;
    Child opener([&] {
        ready.open();
        for (;;)
            if (open("/dev/shmq0", O_RDWR) >= 0)
                _exit(1); // before anything is done with it
        return 0;
    });
    ready.pass();
    EXPECT_EQ(load_module("devices=256 size=4M"), ENOMEM);
    EXPECT_NE(Task{opener.pid()}.state(), 'Z') << "/dev/shmq0 could be opened";
}

TEST_F(Parameters, TwoHundredFiftySixDevices) {
    Module m("devices=256 size=4K handler=none");
    for (unsigned n : {0u, 1u, 99u, 255u}) {
        const Device d(O_RDWR, n);
        EXPECT_EQ(d.info().device, n);
        EXPECT_EQ(d.claim(0, producer), 0);
    }
    EXPECT_NE(access("/dev/shmq256", F_OK), 0);
}

TEST_F(Parameters, DevicesAreApart) {
    Module m("devices=3");
    const Device a(O_RDWR, 0), b(O_RDWR, 1), c(O_RDWR, 2);
    ASSERT_EQ(a.write("to 0"), 0);
    ASSERT_EQ(c.write("to 2"), 0);
    EXPECT_EQ(c.read(), "to 2");
    EXPECT_EQ(a.read(), "to 0");
    EXPECT_EQ(b.poll(POLLIN, 0), 0);
    EXPECT_EQ(b.claim(to_kernel, producer), 0);
}

TEST_F(Parameters, ModeIsThatOfTheNodes) {
    for (unsigned mode : {0600u, 0660u, 0666u, 0444u, 0200u}) {
        Module m("devices=2 mode=" + std::to_string(mode));
        for (unsigned n : {0u, 1u}) {
            struct stat s;
            ASSERT_EQ(stat(device_path(n).c_str(), &s), 0);
            EXPECT_TRUE(S_ISCHR(s.st_mode));
            EXPECT_EQ(s.st_mode & 07777, mode);
        }
    }
}

TEST_F(Parameters, ByDefaultOnlyRootOpens) {
    Module m("");
    Child user([] {
        CHILD_CHECK(setresuid(1000, 1000, 1000) == 0);
        CHILD_CHECK(open("/dev/shmq0", O_RDONLY) < 0 && errno == EACCES);
        return 0;
    });
    EXPECT_EQ(user.wait(), 0);
}

// Each prefix is in the frames, and messages pass.
TEST_F(Parameters, PrefixMayBeTextHexOrEmpty) {
    const std::pair<const char*, std::string> prefixes[] = {
        {"prefix=SHMQ", "SHMQ"},    {"prefix=x", "x"},
        {"prefix=0x0", "\x01"},     {"prefix=", ""},
        {"prefix=0x", "0x"},        {"prefix=0xDEadbeef", "\xde\xad\xbe\xef"},
        {"prefix=0x00", {"\0", 1}}, {"prefix=" HUGE_PREFIX, HUGE_PREFIX}};
    for (const auto& [text, prefix] : prefixes) {
        if (prefix == "\x01") { // odd: refused above
            EXPECT_EQ(load_module(text), EINVAL);
            continue;
        }
        Module m(text);
        const Device d;
        const View v(d);
        ASSERT_EQ(v.info.prefix_length, prefix.size()) << text;
        EXPECT_EQ(std::memcmp(v.info.prefix, prefix.data(), prefix.size()), 0) << text;
        ASSERT_EQ(d.write("hello"), 0) << text;
        EXPECT_EQ(d.read(), "hello") << text;
        const auto* frame = v.base(to_kernel) + SHMQ_QUEUE_HEADER;
        EXPECT_EQ(std::memcmp(frame, prefix.data(), prefix.size()), 0) << text;
        EXPECT_EQ(frame[prefix.size()], SHMQ_FRAME_VERSION) << text;
    }
}

TEST_F(Parameters, TheNodesBelongToWhomTheyShall) {
    Module m("devices=2 mode=0660 uid=1000 gid=990");
    for (const char* node : {"/dev/shmq0", "/dev/shmq1"}) {
        struct stat s {};
        ASSERT_EQ(stat(node, &s), 0);
        EXPECT_EQ(s.st_mode, mode_t{S_IFCHR | 0660});
        EXPECT_EQ(s.st_uid, 1000u);
        EXPECT_EQ(s.st_gid, 990u);
    }
}

TEST_F(Parameters, LayoutRawHasNoStructureAndNoThread) {
    Module m("layout=raw");
    const Device d(O_RDWR | O_NONBLOCK);
    const Mapping region = d.map(d.info().region_length).need("mmap");
    for (std::size_t i = 0; i < region.size(); i++)
        ASSERT_EQ(region.data()[i], 0) << "byte " << i;
    std::memset(region.data(), 0xff, region.size());
    EXPECT_EQ(d.kick(), 0);
    EXPECT_EQ(d.poll(POLLIN | POLLOUT, 0) & (POLLIN | POLLOUT | POLLERR), 0);
    std::string s;
    EXPECT_EQ(d.read(s), EINVAL);
    EXPECT_EQ(d.write("x"), EINVAL);
    EXPECT_FALSE(Task::named("shmq0"));
}

TEST_F(Parameters, TheSmallestMaxMessage) {
    Module m("max_msg=1");
    const Device d(O_RDWR | O_NONBLOCK);
    EXPECT_EQ(d.info().max_message, 1u);
    EXPECT_EQ(d.write("12"), EMSGSIZE);
    EXPECT_EQ(d.write("1"), 0);
    ASSERT_TRUE(d.poll(POLLIN) & POLLIN);
    EXPECT_EQ(d.read(), "1");
}

TEST_F(Parameters, MaxMessageMayFillTheQueue) {
    Module m("size=64K max_msg=32742"); // 32768 - 8 - 1 - 4 - 13
    const Device d;
    EXPECT_EQ(d.info().max_message, 32742u);
    const std::string most(32742, 'm');
    for (int i = 0; i < 3; i++) {
        ASSERT_EQ(d.write(most), 0);
        EXPECT_EQ(d.read(), most);
    }
}

TEST_F(Parameters, SmallQueuesLimitTheDefaultMaxMessage) {
    Module m("size=64K");
    EXPECT_EQ(Device().info().max_message, 32742u);
}

TEST_F(Parameters, AreShownInSysfs) {
    Module m("devices=2 size=64K handler=count period_us=500 mode=432");
    EXPECT_EQ(module_parameter("shmq", "devices"), "2");
    EXPECT_EQ(module_parameter("shmq", "size"), "64K");
    EXPECT_EQ(module_parameter("shmq", "handler"), "count");
    EXPECT_EQ(module_parameter("shmq", "layout"), "channel");
    EXPECT_EQ(module_parameter("shmq", "framing"), "checked");
    EXPECT_EQ(module_parameter("shmq", "prefix"), "SHMQ");
    EXPECT_EQ(module_parameter("shmq", "max_msg"), "0");
    EXPECT_EQ(module_parameter("shmq", "period_us"), "500");
    EXPECT_EQ(module_parameter("shmq", "tick_ms"), "0");
    EXPECT_EQ(module_parameter("shmq", "restart"), "N");
}

// What modinfo prints is the section .modinfo: NUL-separated "key=value".
TEST_F(Parameters, ModinfoDescribesEach) {
    std::ifstream file("shmq.ko", std::ios::binary);
    std::ostringstream all;
    all << file.rdbuf();
    const std::string text = all.str();
    const auto value = [&](const std::string& key) {
        const auto at = text.find(std::string(1, '\0') + key);
        return at == std::string::npos ? std::string() : std::string(&text[at + 1 + key.size()]);
    };
    for (const char* name :
         {"devices", "size", "layout", "handler", "framing", "prefix", "max_msg", "period_us",
          "tick_ms", "restart", "mode", "priority", "cpu", "print_offset", "print_words",
          "print_format", "cell_size", "cell_readers"}) {
        const std::string described = value("parm=" + std::string(name) + ":");
        EXPECT_GT(described.size(), 20u) << name;
        EXPECT_NE(described.find("default"), std::string::npos) << name << ": " << described;
        EXPECT_FALSE(value("parmtype=" + std::string(name) + ":").empty()) << name;
    }
    // No parameter without a description.
    std::size_t described = 0, typed = 0, at = 0;
    const std::string parm = std::string(1, '\0') + "parm=";
    const std::string type = std::string(1, '\0') + "parmtype=";
    for (at = 0; (at = text.find(parm, at)) != std::string::npos; at++)
        described++;
    for (at = 0; (at = text.find(type, at)) != std::string::npos; at++)
        typed++;
    EXPECT_EQ(described, typed);
    EXPECT_EQ(value("license="), "GPL");
    EXPECT_FALSE(value("description=").empty());
    EXPECT_FALSE(value("version=").empty());
}

// Any user may look a netlink family up.
TEST_F(Parameters, NoLookupOfTheFamilyLoadsTheModule) {
    std::ifstream file("shmq.ko", std::ios::binary);
    std::ostringstream all;
    all << file.rdbuf();
    EXPECT_EQ(all.str().find("alias=net-pf-"), std::string::npos);
}

} // namespace
