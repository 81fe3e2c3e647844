// SPDX-License-Identifier: GPL-2.0-only OR MIT
// Kernel senders: several at once, in atomic context, asleep, interrupted.
#include "support/api.hpp"
#include "support/process.hpp"
#include "support/ring.hpp"

#include <optional>
#include <vector>

namespace {

using namespace test;

struct Senders : DriverTest {};

// A message of shmq_test_senders.ko.
struct Sent {
    std::uint32_t sender = 0, number = 0;

    static bool parse(const std::string& m, Sent& s) {
        std::uint32_t word[3];
        if (m.size() < sizeof(word))
            return false;
        std::memcpy(word, m.data(), sizeof(word));
        s = {word[0], word[1]};
        return word[2] == m.size() &&
               m.find_first_not_of(static_cast<char>(s.number), sizeof(word)) == std::string::npos;
    }
};

std::string senders_module(unsigned senders, unsigned count, unsigned largest) {
    return "senders=" + std::to_string(senders) + " count=" + std::to_string(count) +
           " largest=" + std::to_string(largest);
}

// Reads all, each sender's messages in its order.
template <class Next>
void expect_all(unsigned senders, unsigned count, Next next) {
    std::vector<std::uint32_t> expected(senders + 1, 0);
    for (unsigned n = 0; n < senders * count; n++) {
        std::string m;
        ASSERT_TRUE(next(m)) << "only " << n << " of " << senders * count << " came";
        Sent s;
        ASSERT_TRUE(Sent::parse(m, s)) << "message " << n << " is not whole";
        ASSERT_TRUE(s.sender >= 1 && s.sender <= senders);
        ASSERT_EQ(s.number, expected[s.sender]) << "of sender " << s.sender;
        expected[s.sender]++;
    }
    EXPECT_TRUE(eventually([&] {
        return module_parameter("shmq_test_senders", "sent") == std::to_string(senders * count);
    }));
    EXPECT_EQ(module_parameter("shmq_test_senders", "failed"), "0");
}

TEST_F(Senders, EightThreadsLoseNothingAndKeepTheirOrder) {
    reload("handler=none size=64K");
    const Device d;
    const View v(d);
    const unsigned count = 2000 * long_factor();
    const Module senders(senders_module(8, count, 2000), "shmq_test_senders");
    Receiver r(d, v);
    expect_all(8, count, [&](std::string& m) { return r.receive(m) == SHMQ_OK; });
    EXPECT_EQ(v.state(from_kernel).dropped, 0u);
    EXPECT_EQ(v.state(from_kernel).messages, 8 * count);
}

TEST_F(Senders, ForAReaderOfTheFile) {
    reload("handler=none size=64K framing=plain");
    const Device d;
    const Module senders(senders_module(4, 1000, 5000), "shmq_test_senders");
    expect_all(4, 1000, [&](std::string& m) { return d.read(m) == 0; });
}

// Large and small ones wait for room in one queue: a wake-up for one must not
// be taken from the other.
TEST_F(Senders, BesideEchoesInAFullQueue) {
    reload("size=64K");
    const Device d;
    const View v(d);
    const unsigned count = 1500 * long_factor(), echoes = 20'000 * long_factor();
    const Module senders(senders_module(2, count, 25'000), "shmq_test_senders");
    Child user([&] {
        const Device mine;
        const View mapped(mine);
        Sender s(mine, mapped);
        for (unsigned i = 0; i < echoes; i++)
            CHILD_CHECK(s.send("e" + std::to_string(i)) == SHMQ_OK);
        return 0;
    });
    Receiver r(d, v);
    unsigned next = 0;
    expect_all(2, count, [&](std::string& m) {
        while (r.receive(m) == SHMQ_OK) {
            if (m.empty() || m[0] != 'e')
                return true;
            EXPECT_EQ(m, "e" + std::to_string(next));
            next++;
        }
        return false;
    });
    std::string m;
    while (next < echoes && !HasFailure()) {
        ASSERT_EQ(r.receive(m), SHMQ_OK);
        ASSERT_EQ(m, "e" + std::to_string(next));
        next++;
    }
    EXPECT_EQ(user.wait(), 0);
}

TEST_F(Senders, FromATimerDropsAreCountedAndOrderIsKept) {
    reload("handler=none size=4K");
    const Device d(O_RDWR | O_NONBLOCK);
    const View v(d);
    const Module senders("timer=1 senders=0", "shmq_test_senders");
    ASSERT_TRUE(eventually([&] { return v.state(from_kernel).dropped > 20; }));
    std::string m;
    Sent s;
    for (std::uint32_t expected = 0; expected < 200; expected++) {
        ASSERT_TRUE(d.poll(POLLIN) & POLLIN);
        ASSERT_EQ(d.read(m), 0);
        ASSERT_TRUE(Sent::parse(m, s));
        ASSERT_EQ(s.sender, 0u);
        ASSERT_EQ(s.number, expected) << "it counts on only after a send that worked";
    }
}

TEST_F(Senders, AtomicOnesBesideSleepingOnes) {
    reload("handler=none size=16K");
    const Device d;
    const View v(d);
    const Module senders("timer=1 " + senders_module(4, 1000, 3000), "shmq_test_senders");
    Receiver r(d, v);
    std::uint32_t atomic = 0;
    expect_all(4, 1000, [&](std::string& m) {
        Sent s;
        while (r.receive(m) == SHMQ_OK) {
            if (!Sent::parse(m, s) || s.sender != 0)
                return true;
            EXPECT_EQ(s.number, atomic);
            atomic++;
        }
        return false;
    });
    EXPECT_GT(atomic, 0u);
}

// ---- the API's answers ----

struct Api : DriverTest {
    void SetUp() override {
        DriverTest::SetUp();
        api.emplace("", "shmq_test_api");
    }
    void TearDown() override {
        api.reset();
        DriverTest::TearDown();
    }
    void reload_both(const std::string& parameters) {
        api.reset();
        reload_driver(parameters);
        api.emplace("", "shmq_test_api");
    }
    void reload_driver(const std::string& parameters) {
        ASSERT_EQ(unload_module(), 0);
        ASSERT_EQ(load_module(parameters), 0);
    }

    std::optional<Module> api;
};

TEST_F(Api, GetSaysWhatIsInTheWay) {
    EXPECT_EQ(call("get 1"), ENODEV);
    EXPECT_EQ(call("get 4294967295"), ENODEV);
    EXPECT_EQ(call("get 0"), 0);
    EXPECT_EQ(call("put"), 0);

    reload_both("handler=none");
    {
        const Device d;
        ASSERT_EQ(d.claim(from_kernel, producer), 0);
        EXPECT_EQ(call("get 0"), EBUSY);
    }
    EXPECT_EQ(call("get 0"), 0);
    EXPECT_EQ(Device().claim(from_kernel, producer), EBUSY);
    EXPECT_EQ(call("put"), 0);
    EXPECT_EQ(Device().claim(from_kernel, producer), 0);

    reload_both("layout=raw");
    EXPECT_EQ(call("get 0"), EOPNOTSUPP);
}

TEST_F(Api, SendSendsWithItsTag) {
    reload_both("framing=plain handler=none");
    const Device d;
    const View v(d);
    Receiver r(d, v);
    ASSERT_EQ(call("get 0"), 0);
    std::string m;
    for (const char* how : {"send", "try"}) {
        ASSERT_EQ(call(std::string(how) + " 7 abc"), 0);
        ASSERT_EQ(r.receive(m), SHMQ_OK);
        EXPECT_EQ(m, "abcabca");
        EXPECT_EQ(r.tag, 7u);
        ASSERT_EQ(call(std::string(how) + " 0 x"), 0);
        ASSERT_EQ(r.receive(m), SHMQ_OK);
        EXPECT_EQ(m, "");
    }
}

TEST_F(Api, TooLongIsRefused) {
    ASSERT_EQ(call("get 0"), 0);
    EXPECT_EQ(call("send 65537 x"), EMSGSIZE);
    EXPECT_EQ(call("try 65537 x"), EMSGSIZE);
    EXPECT_EQ(call("try 16777216 x"), EMSGSIZE);
    EXPECT_EQ(call("try 65536 x"), 0);
    const Device d;
    EXPECT_EQ(d.read(), std::string(65536, 'x'));
    EXPECT_EQ(View(d).state(from_kernel).dropped, 0u);
}

TEST_F(Api, AFullQueueDropsWhatDoesNotWait) {
    const Device d(O_RDWR | O_NONBLOCK);
    const View v(d);
    ASSERT_EQ(call("get 0"), 0);
    while (call("try 30000 x") == 0) {
    }
    EXPECT_EQ(errno, EAGAIN);
    EXPECT_EQ(v.state(from_kernel).dropped, 1u);
    EXPECT_EQ(call("try 30000 x"), EAGAIN);
    EXPECT_EQ(v.state(from_kernel).dropped, 2u);
    EXPECT_EQ(d.read().size(), 30'000u);
    EXPECT_EQ(call("try 30000 x"), 0);
}

void fill_return_queue() {
    while (call("try 30000 x") == 0) {
    }
    while (call("try 0 x") == 0) {
    }
}

TEST_F(Api, SendSleepsUntilThereIsRoom) {
    const Device d;
    const View v(d);
    ASSERT_EQ(call("get 0"), 0);
    fill_return_queue();
    const std::uint64_t dropped = v.state(from_kernel).dropped;
    Child sender([] {
        CHILD_CHECK(call("send 20000 y") == 0);
        return 0;
    });
    ASSERT_TRUE(comes_to_sleep(sender.pid()));
    nap(50);
    EXPECT_EQ(Task{sender.pid()}.state(), 'S');
    EXPECT_NE(v.sleeping(SHMQ_BELL_ROOM(from_kernel)), 0u);
    EXPECT_EQ(d.read().size(), 30'000u);
    EXPECT_EQ(sender.wait(), 0);
    EXPECT_EQ(v.state(from_kernel).dropped, dropped);
}

TEST_F(Api, ASignalEndsASleepingSend) {
    const Device d;
    ASSERT_EQ(call("get 0"), 0);
    fill_return_queue();
    Child sender([] {
        struct sigaction action = {};
        action.sa_handler = [](int) {};
        sigaction(SIGUSR1, &action, nullptr);
        CHILD_CHECK(call("send 20000 y") == EINTR);
        return 0;
    });
    ASSERT_TRUE(comes_to_sleep(sender.pid()));
    nap(50);
    sender.signal(SIGUSR1);
    EXPECT_EQ(sender.wait(), 0);
}

TEST_F(Api, AStopEndsASleepingSend) {
    const Device d(O_RDWR | O_NONBLOCK);
    const View v(d);
    ASSERT_EQ(call("get 0"), 0);
    fill_return_queue();
    Child sender([] {
        CHILD_CHECK(call("send 20000 y") == EIO);
        return 0;
    });
    ASSERT_TRUE(comes_to_sleep(sender.pid()));
    nap(50);
    v.set_position(from_kernel, SHMQ_READ_POSITION, v.capacity(from_kernel));
    ASSERT_EQ(d.kick(), 0);
    EXPECT_EQ(sender.wait(), 0);
    EXPECT_EQ(call("send 1 y"), EIO);
    EXPECT_EQ(call("try 1 y"), EIO);
    EXPECT_EQ(call("get 0"), 0) << "the kernel has the end already";
    ASSERT_EQ(d.reset(), 0);
    EXPECT_EQ(call("send 1 y"), 0);
    ASSERT_TRUE(d.poll(POLLIN) & POLLIN);
    EXPECT_EQ(d.read(), "y");
}

TEST_F(Api, AResetWakesASleepingSend) {
    const Device d(O_RDWR | O_NONBLOCK);
    ASSERT_EQ(call("get 0"), 0);
    fill_return_queue();
    Child sender([] {
        CHILD_CHECK(call("send 20000 y") == 0);
        return 0;
    });
    ASSERT_TRUE(comes_to_sleep(sender.pid()));
    nap(50);
    ASSERT_EQ(d.reset(), 0);
    EXPECT_EQ(sender.wait(), 0);
    ASSERT_TRUE(d.poll(POLLIN) & POLLIN);
    EXPECT_EQ(d.read(), std::string(20'000, 'y'));
}

TEST_F(Api, AQueueThatIsBrokenIsNotTaken) {
    reload_both("handler=none");
    const Device d;
    const View v(d);
    v.set_position(from_kernel, SHMQ_WRITE_POSITION, 0xfffffff0);
    EXPECT_EQ(call("get 0"), EIO);
    EXPECT_EQ(call("set 0 echo"), EIO);
    EXPECT_EQ(d.info().areas[0].kernel_ends | d.info().areas[1].kernel_ends, 0u);
    ASSERT_EQ(d.reset(), 0);
    EXPECT_EQ(call("get 0"), 0);
    EXPECT_EQ(call("set 0 echo"), 0);
}

// A thread of a module that sleeps in shmq_send() must be able to stop.
TEST_F(Api, AModuleWhoseThreadsSleepInSendCanBeUnloaded) {
    api.reset();
    reload("handler=none size=4K");
    const Device d(O_RDWR | O_NONBLOCK);
    ASSERT_EQ(load_module(senders_module(2, 1'000'000, 500), "shmq_test_senders"), 0);
    const auto thread = Task::named("senders/1");
    ASSERT_TRUE(thread);
    ASSERT_TRUE(comes_to_sleep(thread->pid));
    Child remover([] { return unload_module("shmq_test_senders"); });
    const bool gone = eventually([] { return !module_loaded("shmq_test_senders"); }, 20);
    EXPECT_TRUE(gone) << "rmmod waits for a thread that waits for a reader";
    std::string m;
    while (!gone && module_loaded("shmq_test_senders"))
        if (d.read(m) != 0)
            nap(1);
    EXPECT_EQ(remover.wait(), 0);
}

} // namespace
