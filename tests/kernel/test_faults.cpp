// SPDX-License-Identifier: GPL-2.0-only OR MIT
// Every allocation of every operation fails once, and every copy from and to the
// program: the error is ENOMEM or EFAULT, or the operation succeeds, no message is
// lost, and nothing is left behind (the debug kernel's kmemleak looks after the run).
// Needs a kernel with fault injection.
#include "support/module.hpp"
#include "support/netlink.hpp"
#include "support/process.hpp"
#include "support/ring.hpp"

#include <fcntl.h>
#include <fstream>
#include <functional>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>

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

// Where a function of the kernel lies, as two hexadecimal numbers; empty: there is none.
std::pair<std::string, std::string> place_of(const std::string& function) {
    std::ifstream symbols("/proc/kallsyms");
    std::string address, type, name, start;
    while (symbols >> address >> type >> name) {
        if (!start.empty() && address != start)
            return {"0x" + start, "0x" + address};
        if (name == function)
            start = address;
        std::getline(symbols, name);
    }
    return {};
}

struct Faults : testing::Test {
    void SetUp() override {
        if (access("/proc/thread-self/fail-nth", W_OK))
            GTEST_SKIP() << "this kernel has no fault injection";
        for (const char* kind : {"failslab", "fail_page_alloc"}) {
            const std::string at = std::string("/sys/kernel/debug/") + kind;
            ASSERT_TRUE(put(at + "/ignore-gfp-wait", "N")) << at;
            put(at + "/verbose", "0");
            // The kernel's own tracing warns if it has no memory for a module's events.
            const auto [start, end] = place_of("event_create_dir");
            put(at + "/reject-start", start);
            put(at + "/reject-end", end);
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

TEST_F(Faults, InDevicesMadeChangedAndRemovedAtRunTime) {
    const Module module("devices=0");
    Netlink n, listener;
    listener.subscribe();
    Request make(SHMQ_CMD_DEV_NEW);
    make.u64(SHMQ_A_DEV_SIZE, 8192).u32(SHMQ_A_DEV_PERIOD_US, 60'000'000);
    make.u32(SHMQ_A_DEV_TICK_MS, 86'400'000);
    // A reply or an acknowledgement that there was no memory for: no answer comes.
    struct timeval patience = {.tv_sec = 1, .tv_usec = 0};
    ASSERT_EQ(setsockopt(n.fd(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)), 0);
    const auto answered = [&](const Request& request) {
        try {
            return n.call(request).error;
        } catch (const std::system_error& e) {
            const int error = e.code().value();
            n = Netlink();
            setsockopt(n.fd(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
            return error == EAGAIN || error == ENOBUFS ? ENOMEM : error;
        }
    };
    // Whatever there is: a fault may have hit the answer, or a node, but not the device.
    const auto forget_all = [&] {
        for (std::uint32_t index = 0; index < 2; index++)
            for (int tries = 0; tries < 8; tries++)
                if (answered(Request(SHMQ_CMD_DEV_DEL).u32(SHMQ_A_DEV_INDEX, index)) == ENODEV)
                    break;
    };
    fail_each(
        [&] {
            const int error = answered(make);
            forget_all();
            return error == ENFILE ? ENOMEM : error;
        },
        4000);
    forget_all();
    EXPECT_TRUE(n.indices().empty());
    ASSERT_EQ(n.add(), 0u);
    Request change(SHMQ_CMD_DEV_SET);
    change.u32(SHMQ_A_DEV_INDEX, 0).u32(SHMQ_A_DEV_PERIOD_US, 60'000'000);
    change.u32(SHMQ_A_DEV_TICK_MS, 86'400'000).u32(SHMQ_A_DEV_MODE, 0660);
    Request back(SHMQ_CMD_DEV_SET);
    back.u32(SHMQ_A_DEV_INDEX, 0).u32(SHMQ_A_DEV_PERIOD_US, 0);
    back.u32(SHMQ_A_DEV_TICK_MS, 0).text(SHMQ_A_DEV_HANDLER, "none");
    fail_each([&] {
        const int error = answered(change);
        const int undone = answered(back);
        return error ? error : undone;
    });
    fail_each([&] { return answered(Request(SHMQ_CMD_STATS_GET).u32(SHMQ_A_DEV_INDEX, 0)); });
    fail_each([&] { return answered(Request(SHMQ_CMD_DEV_GET, NLM_F_DUMP)); });
    ASSERT_EQ(n.call(back).error, 0);
    EXPECT_EQ(n.remove(0), 0);
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
