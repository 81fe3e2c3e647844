// SPDX-License-Identifier: GPL-2.0-only OR MIT
// The region's pages in the hands of other parts of the kernel: a disk's DMA, a
// pipe, another process.
#include "support/module.hpp"
#include "support/process.hpp"
#include "support/ring.hpp"

#include <vector>

#include <sys/uio.h>

namespace {

using namespace test;

constexpr std::size_t page = 4096;

struct Pinned : DriverTest {
    Pinned() : DriverTest("layout=raw size=64K") {}
};

std::vector<std::uint8_t> noise(std::size_t n, std::uint32_t seed) {
    std::vector<std::uint8_t> v(n);
    for (auto& b : v) {
        seed = seed * 1664525u + 1013904223u;
        b = static_cast<std::uint8_t>(seed >> 24);
    }
    return v;
}

TEST_F(Pinned, ADiskWritesAndReadsItDirectly) {
    const Fd disk(::open("/dev/vda", O_RDWR | O_DIRECT | O_CLOEXEC));
    if (!disk.valid())
        GTEST_SKIP() << "there is no scratch disk /dev/vda";
    const Device d;
    const Mapping m = d.map(d.info().region_length).need("mmap");
    const auto out = noise(m.size(), 1), in = noise(m.size(), 2);

    std::memcpy(m.data(), out.data(), out.size());
    ASSERT_EQ(pwrite(disk.get(), m.data(), m.size(), 0), static_cast<ssize_t>(m.size()));
    const Mapping copy(-1, m.size(), 0, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS);
    ASSERT_EQ(pread(disk.get(), copy.data(), copy.size(), 0), static_cast<ssize_t>(copy.size()));
    EXPECT_EQ(std::memcmp(copy.data(), out.data(), out.size()), 0);

    std::memcpy(copy.data(), in.data(), in.size());
    ASSERT_EQ(pwrite(disk.get(), copy.data(), copy.size(), 1 << 20),
              static_cast<ssize_t>(copy.size()));
    ASSERT_EQ(pread(disk.get(), m.data(), m.size(), 1 << 20), static_cast<ssize_t>(m.size()));
    const Device other;
    const Mapping seen = other.map(m.size()).need("mmap");
    EXPECT_EQ(std::memcmp(seen.data(), in.data(), in.size()), 0);

    // A part, at an offset.
    ASSERT_EQ(pwrite(disk.get(), m.data() + 2 * page, page, 0), static_cast<ssize_t>(page));
    ASSERT_EQ(pread(disk.get(), copy.data(), page, 0), static_cast<ssize_t>(page));
    EXPECT_EQ(std::memcmp(copy.data(), in.data() + 2 * page, page), 0);
}

TEST_F(Pinned, AFileAndAPipeTakeIt) {
    const Device d;
    const Mapping m = d.map(d.info().region_length).need("mmap");
    const auto data = noise(m.size(), 3);
    std::memcpy(m.data(), data.data(), data.size());
    const Fd file(memfd_create("copy", MFD_CLOEXEC));
    ASSERT_EQ(write(file.get(), m.data(), m.size()), static_cast<ssize_t>(m.size()));
    std::vector<std::uint8_t> back(m.size());
    ASSERT_EQ(pread(file.get(), back.data(), back.size(), 0), static_cast<ssize_t>(back.size()));
    EXPECT_EQ(back, data);
}

struct Pipe {
    Pipe() {
        int fd[2];
        if (pipe2(fd, O_CLOEXEC))
            fail("pipe");
        in = Fd(fd[0]);
        out = Fd(fd[1]);
    }
    Fd in, out;
};

TEST_F(Pinned, VmspliceGivesThePagesThemselves) {
    const Device d;
    const Mapping m = d.map(d.info().region_length).need("mmap");
    const Pipe pipe;
    m.data()[page] = 1;
    const iovec part = {m.data() + page, page};
    ASSERT_EQ(vmsplice(pipe.out.get(), &part, 1, 0), static_cast<ssize_t>(page));
    m.data()[page] = 2;
    std::vector<std::uint8_t> got(page);
    ASSERT_EQ(read(pipe.in.get(), got.data(), page), static_cast<ssize_t>(page));
    EXPECT_EQ(got[0], 2) << "a copy";
}

// Who pinned pages keeps them when everything else is gone, the module too.
TEST_F(Pinned, PagesOutliveTheModule) {
    const Pipe pipe;
    const auto data = noise(4 * page, 4);
    {
        const Device d;
        const Mapping m = d.map(d.info().region_length).need("mmap");
        std::memcpy(m.data(), data.data(), data.size());
        const iovec part = {m.data(), data.size()};
        ASSERT_EQ(vmsplice(pipe.out.get(), &part, 1, 0), static_cast<ssize_t>(data.size()));
    }
    ASSERT_EQ(unload_module(), 0);
    // Make the kernel use what was freed.
    for (int i = 0; i < 8; i++) {
        Mapping m(-1, 64 << 20, 0, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS);
        std::memset(m.data(), 0xa5, m.size());
    }
    std::vector<std::uint8_t> got(data.size());
    for (std::size_t at = 0; at < got.size();) {
        const ssize_t n = read(pipe.in.get(), got.data() + at, got.size() - at);
        ASSERT_GT(n, 0);
        at += static_cast<std::size_t>(n);
    }
    EXPECT_EQ(got, data);
}

TEST_F(Pinned, AnotherProcessReadsIt) {
    const Device d;
    const Mapping m = d.map(d.info().region_length).need("mmap");
    const auto data = noise(m.size(), 5);
    std::memcpy(m.data(), data.data(), data.size());
    const pid_t us = getpid();
    Child reader([&] {
        std::vector<std::uint8_t> got(data.size());
        const iovec local = {got.data(), got.size()}, remote = {m.data(), m.size()};
        CHILD_CHECK(process_vm_readv(us, &local, 1, &remote, 1, 0) ==
                    static_cast<ssize_t>(got.size()));
        CHILD_CHECK(got == data);
        return 0;
    });
    EXPECT_EQ(reader.wait(), 0);
}

// read(2) and write(2) of the device with its own mapping as the buffer.
TEST_F(Pinned, TheDeviceReadsAndWritesItsOwnMapping) {
    reload("");
    const Device d;
    const View v(d);
    std::uint8_t* buffer = v.base(to_kernel) + 64 * 1024; // not yet reached by messages
    for (unsigned i = 0; i < 20; i++) {
        const std::string message = pattern(i, 1500);
        std::memcpy(buffer, message.data(), message.size());
        ASSERT_EQ(madvise(v.region.data(), v.region.size(), MADV_DONTNEED), 0);
        ASSERT_EQ(d.raw_write(buffer, message.size()), static_cast<long>(message.size()));
        ASSERT_TRUE(d.poll(POLLIN) & POLLIN);
        std::memset(buffer, 0, 2000);
        ASSERT_EQ(madvise(v.region.data(), v.region.size(), MADV_DONTNEED), 0);
        ASSERT_EQ(d.raw_read(buffer, 2000), static_cast<long>(message.size()));
        ASSERT_EQ(std::memcmp(buffer, message.data(), message.size()), 0);
    }
}

} // namespace
