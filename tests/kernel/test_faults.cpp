// SPDX-License-Identifier: GPL-2.0-only OR MIT
// Every allocation of every operation fails once, and every copy from and to the
// program: the error is ENOMEM or EFAULT, or the operation succeeds, no message is
// lost, and nothing is left behind (the debug kernel's kmemleak looks after the run).
// Needs a kernel with fault injection.
#include "support/module.hpp"
#include "support/process.hpp"
#include "support/ring.hpp"

#include <fcntl.h>
#include <fstream>
#include <functional>
#include <sys/syscall.h>

namespace {

using namespace test;

bool put(const std::string& file, const std::string& value) {
    std::ofstream out(file);
    out << value << std::flush;
    return out.good();
}

bool is_fault(int error) {
    return error == ENOMEM || error == EFAULT;
}

class FailNth {
public:
    // The nth allocation or copy of this thread from now on fails.
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
            ASSERT_LT(n, most) << "there is no end of faults";
            FailNth fault(n);
            const int error = operation();
            const bool happened = fault.happened();
            if (!happened) {
                EXPECT_EQ(error, 0) << "without any fault";
                break;
            }
            EXPECT_TRUE(error == 0 || is_fault(error)) << "fault " << n << ": " << error;
        }
        std::printf("%d faults\n", n - 1);
        EXPECT_GT(n, 1) << "nothing was ever allocated";
    }
};

// Loads it from a file that is open already, and unloads it again.
int load_and_unload(const Fd& file, const std::string& parameters, const std::string& name) {
    // platform_device_add() goes on without the name that it had no memory for, and
    // then refuses a device without a name.
    if (syscall(SYS_finit_module, file.get(), parameters.c_str(), 0))
        return errno == EINVAL ? ENOMEM : errno;
    int error = unload_module(name);
    if (is_fault(error)) // it is a fault only once
        error = unload_module(name);
    EXPECT_EQ(error, 0) << "rmmod " << name;
    return 0;
}

TEST_F(Faults, InLoading) {
    const Fd file(::open("shmq.ko", O_RDONLY | O_CLOEXEC));
    ASSERT_TRUE(file.valid());
    for (const char* parameters : {"", "handler=none devices=3", "tick_ms=1000 period_us=1000"}) {
        SCOPED_TRACE(parameters);
        fail_each([&] { return load_and_unload(file, parameters, "shmq"); }, 20'000);
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
    std::string m;
    unsigned sent = 0;
    fail_each([&] {
        const std::string message = "message " + std::to_string(sent);
        if (int error = d.write(message))
            return error;
        sent++;
        struct pollfd p = {d.fd(), POLLIN, 0};
        ::poll(&p, 1, patience_ms); // may be what fails
        int error = d.read(m);
        while (is_fault(error)) // the message stayed
            error = d.read(m);
        EXPECT_EQ(m, message);
        return error;
    });
    EXPECT_GT(sent, 1u);
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
    const Fd file(::open("shmq_upper.ko", O_RDONLY | O_CLOEXEC));
    ASSERT_TRUE(file.valid());
    fail_each([&] { return load_and_unload(file, "", "shmq_upper"); }, 20'000);
    const Device d;
    ASSERT_EQ(d.write("still there"), 0);
    ASSERT_NE(d.poll(POLLIN), 0);
    EXPECT_EQ(d.read(), "still there");
}

} // namespace
