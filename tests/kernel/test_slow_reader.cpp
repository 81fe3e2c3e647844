// SPDX-License-Identifier: GPL-2.0-only OR MIT
// A read(2) that stops in the middle, in a fault on its buffer, while another
// thread reads on.
#include "support/module.hpp"
#include "support/process.hpp"
#include "support/ring.hpp"

#include <thread>

#include <linux/userfaultfd.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>

namespace {

using namespace test;

// A page that is not there until arrive() is called.
class LatePage {
public:
    LatePage()
        : page_(-1, 4096, 0, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS),
          fd_(static_cast<int>(syscall(SYS_userfaultfd, O_CLOEXEC))) {
        if (!fd_.valid())
            return;
        uffdio_api api = {.api = UFFD_API, .features = 0, .ioctls = 0};
        uffdio_register range = {
            .range = where(), .mode = UFFDIO_REGISTER_MODE_MISSING, .ioctls = 0};
        if (ioctl(fd_.get(), UFFDIO_API, &api) || ioctl(fd_.get(), UFFDIO_REGISTER, &range))
            fail("userfaultfd");
    }
    bool possible() const { return fd_.valid(); }
    void* data() const { return page_.data(); }
    // Waits until somebody wants it.
    bool wanted() const {
        pollfd p = {fd_.get(), POLLIN, 0};
        uffd_msg message;
        return poll(&p, 1, patience_ms) == 1 &&
               read(fd_.get(), &message, sizeof(message)) == sizeof(message);
    }
    void arrive() const {
        uffdio_zeropage zero = {.range = where(), .mode = 0, .zeropage = 0};
        if (ioctl(fd_.get(), UFFDIO_ZEROPAGE, &zero))
            fail("UFFDIO_ZEROPAGE");
    }

private:
    uffdio_range where() const {
        return {.start = reinterpret_cast<std::uintptr_t>(page_.data()), .len = 4096};
    }
    Mapping page_;
    Fd fd_;
};

struct SlowReader : DriverTest {
    SlowReader() : DriverTest("handler=none size=64K") {}

    // A slow reader meets message 0; `meanwhile` others are sent and read.
    static void expect_each_once(unsigned meanwhile, std::uint32_t length) {
        const LatePage late;
        if (!late.possible())
            GTEST_SKIP() << "this kernel has no userfaultfd";
        const Device d;
        const View v(d);
        Sender s(d, v, from_kernel);
        auto text = [&](unsigned n) {
            std::string m = std::to_string(n) + " ";
            m.resize(length, 'x');
            return m;
        };
        ASSERT_EQ(s.try_send(text(0)), SHMQ_OK);
        long got = 0;
        std::thread slow([&] { got = d.raw_read(late.data(), 4096); });
        EXPECT_TRUE(late.wanted());
        unsigned next = 0;
        std::string m;
        for (; next < meanwhile; next++) {
            EXPECT_EQ(s.try_send(text(next + 1)), SHMQ_OK);
            EXPECT_EQ(d.read(m), 0);
            EXPECT_EQ(m, text(next));
        }
        late.arrive();
        slow.join();
        ASSERT_EQ(got, static_cast<long>(length));
        // The number and a space tell which it is.
        const std::string slowly(static_cast<char*>(late.data()), length);
        EXPECT_EQ(slowly.substr(0, 5), text(next).substr(0, 5)) << "the other thread read it too";
        EXPECT_TRUE(slowly == text(next));
        ASSERT_EQ(s.try_send(text(next + 1)), SHMQ_OK);
        EXPECT_EQ(d.read(), text(next + 1));
    }
};

TEST_F(SlowReader, TakesAnotherMessageIfItsOwnIsGone) {
    expect_each_once(1, 263);
}

TEST_F(SlowReader, AfterManyMessages) {
    expect_each_once(50, 263);
}

// 117 frames of 280 bytes are the whole ring: the position is what it was.
TEST_F(SlowReader, AfterExactlyOneRoundOfTheRing) {
    expect_each_once(117, 263);
}

TEST_F(SlowReader, AfterARoundInPlainFraming) {
    reload("handler=none size=64K framing=plain");
    expect_each_once(32760 / 280, 272);
}

TEST_F(SlowReader, AResetMeanwhileIsNoticed) {
    const LatePage late;
    if (!late.possible())
        GTEST_SKIP() << "this kernel has no userfaultfd";
    const Device d;
    const View v(d);
    Sender s(d, v, from_kernel);
    ASSERT_EQ(s.try_send("before"), SHMQ_OK);
    long got = 0;
    std::thread slow([&] { got = d.raw_read(late.data(), 4096); });
    EXPECT_TRUE(late.wanted());
    EXPECT_EQ(d.reset(), 0);
    s.attach();
    EXPECT_EQ(s.try_send("after!"), SHMQ_OK);
    late.arrive();
    slow.join();
    ASSERT_EQ(got, 6);
    EXPECT_EQ(std::memcmp(late.data(), "after!", 6), 0);
}

} // namespace
