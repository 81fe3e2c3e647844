// SPDX-License-Identifier: GPL-2.0-only OR MIT
// Every allocation of every operation fails once: the error is ENOMEM or the
// operation succeeds, and nothing is left behind (the debug kernel's kmemleak
// looks after the run). Needs a kernel with fault injection.
#include "support/module.hpp"
#include "support/process.hpp"
#include "support/ring.hpp"

#include <fstream>
#include <functional>

namespace {

using namespace test;

bool put(const std::string& file, const std::string& value) {
    std::ofstream out(file);
    out << value << std::flush;
    return out.good();
}

class FailNth {
public:
    // The nth allocation of this thread from now on fails.
    explicit FailNth(int n) { put(file, std::to_string(n)); }
    // Whether it came to that; counting ends.
    bool happened() {
        std::string left;
        std::getline(std::ifstream(file), left);
        put(file, "0");
        return left == "0";
    }

private:
    static constexpr const char* file = "/proc/thread-self/fail-nth";
};

struct Faults : testing::Test {
    void SetUp() override {
        if (access("/proc/thread-self/fail-nth", W_OK))
            GTEST_SKIP() << "this kernel has no fault injection";
        for (const char* kind : {"failslab", "fail_page_alloc"}) {
            const std::string at = std::string("/sys/kernel/debug/") + kind;
            ASSERT_TRUE(put(at + "/ignore-gfp-wait", "N")) << at;
            put(at + "/verbose", "0");
        }
        put("/sys/kernel/debug/fail_page_alloc/min-order", "0");
    }

    // Calls it with the first, second, ... allocation failing, until none is left.
    void fail_each(const std::function<int()>& operation, int most = 2000) {
        int n = 1;
        for (;; n++) {
            ASSERT_LT(n, most) << "there is no end of allocations";
            FailNth fault(n);
            const int error = operation();
            const bool happened = fault.happened();
            if (!happened) {
                EXPECT_EQ(error, 0) << "without any fault";
                break;
            }
            EXPECT_TRUE(error == 0 || error == ENOMEM) << "allocation " << n << ": " << error;
        }
        std::printf("%d allocations failed\n", n - 1);
        EXPECT_GT(n, 1) << "nothing was ever allocated";
    }
};

TEST_F(Faults, InLoading) {
    for (const char* parameters : {"", "handler=none devices=3", "tick_ms=1000 period_us=1000"}) {
        SCOPED_TRACE(parameters);
        fail_each(
            [&] {
                const int error = load_module(parameters);
                if (!error) {
                    EXPECT_EQ(unload_module(), 0);
                }
                return error;
            },
            20'000);
    }
}

TEST_F(Faults, InOpenReadWriteAndPoll) {
    const Module module("");
    fail_each([] {
        const int fd = ::open("/dev/shmq0", O_RDWR);
        if (fd < 0)
            return errno;
        ::close(fd);
        return 0;
    });
    const Device d;
    fail_each([&] { return d.write("written with faults"); });
    std::string m;
    ASSERT_EQ(d.read(m), 0);
    m.reserve(70'000);
    fail_each([&] {
        if (int error = d.write("again")) // may be the one that fails
            return error;
        d.poll(POLLIN);
        int error = d.read(m);
        while (error == ENOMEM) // the message stayed
            error = d.read(m);
        EXPECT_EQ(m, "again");
        return error;
    });
}

TEST_F(Faults, InMappingAndForking) {
    const Module module("");
    const Device d;
    const shmq_info info = d.info();
    fail_each([&] {
        const Mapping region = d.map(info.region_length);
        return region.error();
    });
    const Mapping region = d.map(info.region_length);
    ASSERT_EQ(region.error(), 0);
    region.data()[0] = region.data()[0];
    fail_each([&] {
        const pid_t pid = fork();
        if (pid == 0)
            _exit(0);
        if (pid < 0)
            return errno;
        waitpid(pid, nullptr, 0);
        return 0;
    });
}

TEST_F(Faults, InOtherModulesCalls) {
    const Module module("");
    fail_each(
        [] {
            const int error = load_module("", "shmq_upper");
            if (!error) {
                EXPECT_EQ(unload_module("shmq_upper"), 0);
            }
            return error;
        },
        20'000);
    const Device d;
    ASSERT_EQ(d.write("still there"), 0);
    ASSERT_NE(d.poll(POLLIN), 0);
    EXPECT_EQ(d.read(), "still there");
}

} // namespace
