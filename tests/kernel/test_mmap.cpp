// SPDX-License-Identifier: GPL-2.0-only OR MIT
// mmap(2): what may be mapped, and what may be done to a mapping.
#include "support/module.hpp"
#include "support/process.hpp"
#include "support/ring.hpp"

#include <algorithm>
#include <fstream>
#include <optional>

#include <sys/uio.h>

namespace {

using namespace test;

constexpr std::size_t page = 4096;

// Raw memory: nobody but the test writes it.
struct Mmap : DriverTest {
    Mmap() : DriverTest("layout=raw size=64K") {}
    void SetUp() override {
        DriverTest::SetUp();
        device.emplace();
        info = device->info();
    }
    void TearDown() override {
        device.reset();
        DriverTest::TearDown();
    }
    Mapping whole(int prot = PROT_READ | PROT_WRITE) const {
        return device->map(info.region_length, 0, prot).need("mmap of the region");
    }

    void reload_with(const std::string& parameters) {
        device.reset();
        reload(parameters);
        device.emplace();
        info = device->info();
    }

    std::optional<Device> device;
    shmq_info info{};
};

// The two control pages.
struct Control {
    explicit Control(const Device& d)
        : state(d.map(page, d.info().state_offset, PROT_READ).need("mmap of the state page")),
          wake(d.map(page, d.info().wake_offset).need("mmap of the wake page")) {}
    Mapping state, wake;
};

// The line VmFlags of the mapping that starts at an address.
std::string vm_flags(const void* at) {
    std::ifstream maps("/proc/self/smaps");
    char start[32];
    std::snprintf(start, sizeof(start), "%lx-", reinterpret_cast<unsigned long>(at));
    std::string line;
    while (std::getline(maps, line) && line.rfind(start, 0) != 0) {
    }
    while (std::getline(maps, line) && line.rfind("VmFlags:", 0) != 0) {
    }
    return line;
}

// A byte that only its place decides.
std::uint8_t mark(std::size_t at) {
    return static_cast<std::uint8_t>(at * 7 + at / page * 31 + 1);
}

void paint(std::uint8_t* from, std::size_t n) {
    for (std::size_t i = 0; i < n; i++)
        from[i] = mark(i);
}

testing::AssertionResult painted(const std::uint8_t* at, std::size_t n, std::size_t offset = 0) {
    for (std::size_t i = 0; i < n; i++)
        if (at[i] != mark(offset + i))
            return testing::AssertionFailure() << "byte " << i << " is " << int{at[i]};
    return testing::AssertionSuccess();
}

TEST_F(Mmap, TwoMappingsShowOneMemory) {
    const Device other;
    const Mapping a = whole();
    const Mapping b = other.map(info.region_length).need("mmap");
    EXPECT_NE(a.data(), b.data());
    EXPECT_TRUE(std::all_of(a.data(), a.data() + a.size(), [](auto x) { return x == 0; }));
    paint(a.data(), a.size());
    EXPECT_TRUE(painted(b.data(), b.size()));
}

TEST_F(Mmap, APartAtAnOffset) {
    const Mapping all = whole();
    paint(all.data(), all.size());
    for (std::size_t at = 0; at < all.size(); at += 3 * page) {
        const std::size_t n = std::min(2 * page, all.size() - at);
        const Mapping part = device->map(n, at).need("mmap");
        EXPECT_TRUE(painted(part.data(), n, at)) << "at " << at;
    }
}

TEST_F(Mmap, PastTheEndIsRefused) {
    const std::uint64_t n = info.region_length;
    EXPECT_EQ(device->map(n + page).error(), EINVAL);
    EXPECT_EQ(device->map(page, n).error(), EINVAL);
    EXPECT_EQ(device->map(2 * page, n - page).error(), EINVAL);
    EXPECT_EQ(device->map(page, n - page).error(), 0);
    EXPECT_EQ(device->map(page, 1ull << 40).error(), EINVAL);
    EXPECT_EQ(device->map(page, 1ull << 62).error(), EINVAL);
    EXPECT_EQ(device->map(8ul << 30).error(), EINVAL);
}

TEST_F(Mmap, ControlPagesAreOnePageEach) {
    for (const std::uint64_t at : {info.state_offset, info.wake_offset}) {
        EXPECT_EQ(device->map(page, at, PROT_READ).error(), 0);
        EXPECT_EQ(device->map(2 * page, at, PROT_READ).error(), EINVAL);
        EXPECT_EQ(device->map(page, at + page, PROT_READ).error(), EINVAL);
        EXPECT_EQ(device->map(page, at - page, PROT_READ).error(), EINVAL);
    }
}

TEST_F(Mmap, APrivateMappingIsRefused) {
    for (int prot : {PROT_READ, PROT_READ | PROT_WRITE}) {
        EXPECT_EQ(device->map(page, 0, prot, MAP_PRIVATE).error(), EINVAL);
        EXPECT_EQ(device->map(page, info.state_offset, prot, MAP_PRIVATE).error(), EINVAL);
        EXPECT_EQ(device->map(page, info.wake_offset, prot, MAP_PRIVATE).error(), EINVAL);
    }
}

TEST_F(Mmap, TheStatePageIsReadOnly) {
    EXPECT_EQ(device->map(page, info.state_offset).error(), EACCES);
    EXPECT_EQ(device->map(page, info.state_offset, PROT_WRITE).error(), EACCES);
    const Mapping state = device->map(page, info.state_offset, PROT_READ).need("mmap");
    EXPECT_TRUE(mprotect(state.data(), page, PROT_READ | PROT_WRITE) && errno == EACCES);
    EXPECT_TRUE(mprotect(state.data(), page, PROT_WRITE) && errno == EACCES);
    EXPECT_EQ(reinterpret_cast<const shmq_state_page*>(state.data())->abi_version,
              unsigned{SHMQ_ABI_VERSION});
}

TEST_F(Mmap, AStoreToTheStatePageKills) {
    const Mapping state = device->map(page, info.state_offset, PROT_READ).need("mmap");
    Child writer([&] {
        *const_cast<volatile std::uint8_t*>(state.data()) = 1;
        return 0;
    });
    EXPECT_EQ(writer.wait(), 128 + SIGSEGV);
}

TEST_F(Mmap, TheStatePageCannotBeWrittenThroughProc) {
    const Mapping state = device->map(page, info.state_offset, PROT_READ).need("mmap");
    const Fd memory(::open("/proc/self/mem", O_RDWR | O_CLOEXEC));
    ASSERT_TRUE(memory.valid());
    const auto at = static_cast<off_t>(reinterpret_cast<std::uintptr_t>(state.data()));
    const std::uint32_t before = *reinterpret_cast<const std::uint32_t*>(state.data());
    const std::uint32_t other = before + 1;
    EXPECT_LT(pwrite(memory.get(), &other, sizeof(other), at), 0);

    const iovec local = {const_cast<std::uint32_t*>(&other), 4};
    const iovec remote = {state.data(), 4};
    EXPECT_LT(process_vm_writev(getpid(), &local, 1, &remote, 1, 0), 0);
    EXPECT_EQ(*reinterpret_cast<const volatile std::uint32_t*>(state.data()), before);
}

TEST_F(Mmap, WakePageIsSharedByAll) {
    const Device other;
    const Mapping a = device->map(page, info.wake_offset).need("mmap");
    const Mapping b = other.map(page, info.wake_offset).need("mmap");
    a.data()[0] = 77;
    EXPECT_EQ(b.data()[0], 77);
}

TEST_F(Mmap, AReaderMayMapForReading) {
    const Device reader(O_RDONLY);
    const Mapping all = whole();
    paint(all.data(), all.size());
    const Mapping m = reader.map(info.region_length, 0, PROT_READ);
    ASSERT_EQ(m.error(), 0);
    EXPECT_TRUE(painted(m.data(), m.size()));
    EXPECT_TRUE(mprotect(m.data(), page, PROT_READ | PROT_WRITE) && errno == EACCES);
    EXPECT_EQ(reader.map(page, info.state_offset, PROT_READ).error(), 0);
    EXPECT_EQ(reader.map(page, info.wake_offset, PROT_READ).error(), 0);
    EXPECT_EQ(reader.map(info.region_length).error(), EACCES);
    EXPECT_EQ(reader.map(page, info.wake_offset).error(), EACCES);
    EXPECT_EQ(reader.map(page, 0, PROT_READ, MAP_PRIVATE).error(), EINVAL);
}

TEST_F(Mmap, ADescriptorForWritingAloneCannotMap) {
    const Device writer(O_WRONLY);
    EXPECT_EQ(writer.map(page).error(), EACCES);
}

// ---- what is done to a mapping ----

TEST_F(Mmap, CannotGrow) {
    Mapping half = device->map(info.region_length / 2).need("mmap");
    for (int flags : {0, MREMAP_MAYMOVE}) {
        EXPECT_EQ(mremap(half.data(), half.size(), info.region_length, flags), MAP_FAILED);
        EXPECT_EQ(mremap(half.data(), half.size(), info.region_length + page, flags), MAP_FAILED);
    }
    const Mapping state = device->map(page, info.state_offset, PROT_READ).need("mmap");
    EXPECT_EQ(mremap(state.data(), page, 2 * page, MREMAP_MAYMOVE), MAP_FAILED);
    // Old length 0 would be a second mapping.
    EXPECT_EQ(mremap(half.data(), 0, page, MREMAP_MAYMOVE), MAP_FAILED);
}

// To somewhere else, and back it is the same memory.
std::uint8_t* move(std::uint8_t* from, std::size_t n) {
    void* to = mmap(nullptr, n, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return static_cast<std::uint8_t*>(mremap(from, n, n, MREMAP_MAYMOVE | MREMAP_FIXED, to));
}

TEST_F(Mmap, MovesWithItsContent) {
    const Mapping all = whole();
    paint(all.data(), all.size());
    Mapping other = whole();
    std::uint8_t* moved = move(other.data(), other.size());
    ASSERT_NE(moved, MAP_FAILED);
    EXPECT_TRUE(painted(moved, other.size()));
    moved[5 * page] = 99;
    EXPECT_EQ(all.data()[5 * page], 99);
    // Taken out of the tables and looked up again at its new place.
    ASSERT_EQ(madvise(moved, other.size(), MADV_DONTNEED), 0);
    EXPECT_EQ(moved[5 * page], 99);
    EXPECT_EQ(moved[6 * page + 1], mark(6 * page + 1));
    munmap(moved, other.size());
    other.forget();
}

TEST_F(Mmap, Shrinks) {
    Mapping m = whole();
    paint(m.data(), m.size());
    EXPECT_EQ(mremap(m.data(), m.size(), page, 0), m.data());
    EXPECT_TRUE(painted(m.data(), page));
    const Device other;
    EXPECT_TRUE(painted(whole().data(), info.region_length)) << "the memory itself has shrunk";
}

TEST_F(Mmap, AMiddlePieceMayGo) {
    const Mapping all = whole();
    paint(all.data(), all.size());
    Mapping m = whole();
    ASSERT_EQ(munmap(m.data() + 4 * page, 2 * page), 0);
    EXPECT_TRUE(painted(m.data(), 4 * page));
    EXPECT_TRUE(painted(m.data() + 6 * page, m.size() - 6 * page, 6 * page));
    m.data()[6 * page] = 42;
    EXPECT_EQ(all.data()[6 * page], 42);
    Child toucher([&] { return *const_cast<volatile std::uint8_t*>(m.data() + 4 * page) ? 0 : 1; });
    EXPECT_EQ(toucher.wait(), 128 + SIGSEGV);
    // Each rest holds the file.
    device->close();
    EXPECT_EQ(unload_module(), EWOULDBLOCK);
    munmap(m.data(), 4 * page);
    EXPECT_EQ(unload_module(), EWOULDBLOCK);
    m.unmap();
}

TEST_F(Mmap, ForkInherits) {
    const Mapping m = whole();
    const Control c(*device);
    paint(m.data(), m.size());
    Child child([&] {
        CHILD_CHECK(painted(m.data(), m.size()));
        CHILD_CHECK(reinterpret_cast<const shmq_state_page*>(c.state.data())->abi_version ==
                    SHMQ_ABI_VERSION);
        m.data()[100] = 55;
        c.wake.data()[0] = 66;
        return 0;
    });
    EXPECT_EQ(child.wait(), 0);
    EXPECT_EQ(m.data()[100], 55);
    EXPECT_EQ(c.wake.data()[0], 66);
}

TEST_F(Mmap, DontForkIsKept) {
    const Mapping m = whole();
    ASSERT_EQ(madvise(m.data(), m.size(), MADV_DONTFORK), 0);
    Child child([&] { return *const_cast<volatile std::uint8_t*>(m.data()) ? 0 : 1; });
    EXPECT_EQ(child.wait(), 128 + SIGSEGV);
}

TEST_F(Mmap, IsInNoCoreDump) {
    const Mapping m = whole();
    // VM_DONTDUMP ("dd") from the start; it cannot be asked for.
    const std::string flags = vm_flags(m.data());
    EXPECT_NE(flags.find(" dd"), std::string::npos) << flags;
    EXPECT_NE(flags.find(" de"), std::string::npos) << flags << ": it may grow";
    EXPECT_TRUE(madvise(m.data(), m.size(), MADV_DODUMP) && errno == EINVAL);
}

TEST_F(Mmap, DontNeedForgetsNothing) {
    const Mapping m = whole();
    const Control c(*device);
    paint(m.data(), m.size());
    c.wake.data()[0] = 11;
    for (int round = 0; round < 3; round++) {
        ASSERT_EQ(madvise(m.data(), m.size(), MADV_DONTNEED), 0);
        EXPECT_TRUE(painted(m.data(), m.size()));
    }
    ASSERT_EQ(madvise(m.data(), m.size(), MADV_DONTNEED), 0);
    m.data()[3 * page] = 33;
    EXPECT_EQ(whole().data()[3 * page], 33) << "a page of its own instead of the device's";
}

TEST_F(Mmap, DontNeedForgetsNothingOfTheControlPages) {
    const Control c(*device);
    c.wake.data()[0] = 11;
    Child child([&] {
        CHILD_CHECK(madvise(c.wake.data(), page, MADV_DONTNEED) == 0);
        CHILD_CHECK(*const_cast<volatile std::uint8_t*>(c.wake.data()) == 11);
        CHILD_CHECK(madvise(c.state.data(), page, MADV_DONTNEED) == 0);
        CHILD_CHECK(*reinterpret_cast<const volatile std::uint32_t*>(c.state.data()) ==
                    SHMQ_ABI_VERSION);
        return 0;
    });
    EXPECT_EQ(child.wait(), 0);
}

TEST_F(Mmap, OtherAdviceDoesNoHarm) {
    const Mapping m = whole();
    paint(m.data(), m.size());
    for (int advice : {MADV_NORMAL, MADV_RANDOM, MADV_SEQUENTIAL, MADV_WILLNEED, MADV_FREE,
                       MADV_REMOVE, MADV_COLD, MADV_PAGEOUT, MADV_HUGEPAGE, MADV_MERGEABLE,
                       MADV_POPULATE_READ, MADV_POPULATE_WRITE, MADV_WIPEONFORK})
        madvise(m.data(), m.size(), advice); // may well refuse
    EXPECT_TRUE(painted(m.data(), m.size()));
    EXPECT_TRUE(painted(whole().data(), m.size()));
}

TEST_F(Mmap, CanBeLockedInMemory) {
    const Mapping m = whole();
    paint(m.data(), m.size());
    EXPECT_EQ(mlock(m.data(), m.size()), 0);
    EXPECT_TRUE(painted(m.data(), m.size()));
    EXPECT_EQ(munlock(m.data(), m.size()), 0);
}

TEST_F(Mmap, ALastPartialPageIsMapped) {
    reload_with("layout=raw size=10000");
    const Mapping m = device->map(10000).need("mmap");
    paint(m.data(), 10000);
    EXPECT_TRUE(painted(whole().data(), 10000));
    EXPECT_EQ(device->map(4 * page).error(), EINVAL);
}

// Memory from the contiguous area has no pages to hand out one by one.
TEST_F(Mmap, MoreThanThePageAllocatorGives) {
    device.reset();
    ASSERT_EQ(unload_module(), 0);
    if (load_module("layout=raw size=8M")) {
        ASSERT_EQ(load_module(""), 0);
        GTEST_SKIP() << "this kernel has no free contiguous memory (boot with cma=64M)";
    }
    device.emplace();
    info = device->info();
    Mapping m = whole();
    const Mapping all = whole();
    EXPECT_TRUE(std::all_of(m.data(), m.data() + m.size(), [](auto x) { return x == 0; }));
    paint(m.data(), m.size());
    const Mapping part = device->map(3 * page, 5 * page).need("mmap");
    EXPECT_TRUE(painted(part.data(), 3 * page, 5 * page));
    EXPECT_EQ(device->map(2 * page, info.region_length - page).error(), EINVAL);
    madvise(m.data(), m.size(), MADV_DONTNEED); // may refuse
    EXPECT_TRUE(painted(m.data(), m.size()));
    Child child([&] {
        CHILD_CHECK(painted(m.data(), m.size()));
        return 0;
    });
    EXPECT_EQ(child.wait(), 0);
    ASSERT_EQ(munmap(m.data() + 100 * page, page), 0);
    EXPECT_TRUE(painted(m.data(), 100 * page));
    EXPECT_TRUE(painted(m.data() + 101 * page, 100 * page, 101 * page));
    const Fd disk(::open("/dev/vda", O_RDWR | O_DIRECT | O_CLOEXEC));
    if (disk.valid()) {
        EXPECT_TRUE(pwrite(disk.get(), m.data(), page, 0) < 0 && errno == EFAULT);
    }
    std::uint8_t* moved = move(m.data(), 50 * page);
    ASSERT_NE(moved, MAP_FAILED);
    EXPECT_TRUE(painted(moved, 50 * page));
    munmap(moved, 50 * page);
    EXPECT_TRUE(painted(all.data(), all.size()));
}

// ---- lifetime ----

TEST_F(Mmap, OutlivesItsDescriptor) {
    const Mapping m = whole();
    paint(m.data(), m.size());
    device->close();
    EXPECT_TRUE(painted(m.data(), m.size()));
    ASSERT_EQ(madvise(m.data(), m.size(), MADV_DONTNEED), 0);
    EXPECT_TRUE(painted(m.data(), m.size()));
}

TEST_F(Mmap, TheModuleStaysWhileOpenOrMapped) {
    EXPECT_EQ(unload_module(), EWOULDBLOCK) << "open";
    std::optional<Mapping> m = whole();
    device->close();
    EXPECT_EQ(unload_module(), EWOULDBLOCK) << "mapped";
    m.reset();
    EXPECT_EQ(unload_module(), 0) << "neither";
    EXPECT_NE(access("/dev/shmq0", F_OK), 0);
    EXPECT_NE(access("/sys/class/shmq", F_OK), 0);
    EXPECT_FALSE(module_loaded());
}

TEST_F(Mmap, MemoryOfANewDeviceIsZero) {
    for (int i = 0; i < 5; i++) {
        {
            const Mapping m = whole();
            ASSERT_TRUE(std::all_of(m.data(), m.data() + m.size(), [](auto x) { return x == 0; }));
            std::memset(m.data(), 0xa5, m.size());
        }
        reload_with("layout=raw size=64K");
    }
}

} // namespace
