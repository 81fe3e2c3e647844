// SPDX-License-Identifier: GPL-2.0-only OR MIT
// Programs that do to the region what they like: they stop their own queue, no more.
#include "support/module.hpp"
#include "support/netlink.hpp"
#include "support/process.hpp"
#include "support/ring.hpp"

#include <random>
#include <vector>

namespace {

using namespace test;

// Two devices: the first suffers, the second must not notice.
struct Hostile : DriverTest {
    Hostile() : DriverTest("devices=2 size=64K max_msg=4096") {}
};

unsigned seed() {
    const char* text = std::getenv("SHMQ_TEST_SEED");
    const unsigned s = text ? static_cast<unsigned>(std::atoi(text)) : 20261121u;
    testing::Test::RecordProperty("seed", static_cast<int>(s));
    std::printf("seed %u (SHMQ_TEST_SEED)\n", s);
    return s;
}

// A round trip over the device by read(2) and write(2).
void expect_echo(unsigned n) {
    const Device d(O_RDWR, n);
    ASSERT_EQ(d.write("are you there"), 0);
    ASSERT_NE(d.poll(POLLIN) & POLLIN, 0);
    EXPECT_EQ(d.read(), "are you there");
}

// Brings the first device back and shows that it works.
void expect_recovery() {
    Device d;
    ASSERT_EQ(d.reset(), 0);
    const View v(d);
    EXPECT_EQ(v.state(0).state, unsigned{SHMQ_QUEUE_RUNNING});
    EXPECT_EQ(v.state(1).state, unsigned{SHMQ_QUEUE_RUNNING});
    d.close();
    expect_echo(0);
}

// Scribbles, kicks, reads, writes and polls until it is killed.
int vandal(unsigned random_seed) {
    std::minstd_rand random(random_seed);
    const Device d(O_RDWR | O_NONBLOCK);
    const View v(d);
    auto anything = [&](const Mapping& m) {
        const std::size_t at = random() % m.size();
        const std::size_t n = std::min<std::size_t>(random() % 600, m.size() - at);
        for (std::size_t i = 0; i < n; i++)
            m.data()[at + i] = static_cast<std::uint8_t>(random() >> 8);
    };
    std::string m;
    for (;;) {
        switch (random() % 10) {
        case 0:
        case 1:
            anything(v.region);
            break;
        case 2:
            anything(v.wake_page);
            break;
        case 3: { // a plausible position
            const unsigned q = random() % 2;
            v.set_position(q, random() % 2 ? SHMQ_READ_POSITION : SHMQ_WRITE_POSITION,
                           static_cast<std::uint32_t>(random() % v.capacity(q)));
            break;
        }
        case 4:
            d.kick(random() % 16);
            break;
        case 5:
            d.write(pattern(static_cast<std::uint32_t>(random()), 3000));
            break;
        case 6:
            d.read(m);
            break;
        case 7:
            d.poll(POLLIN | POLLOUT, 0);
            break;
        case 8:
            d.reset();
            break;
        case 9: { // a good frame, where the positions are now
            shmq_producer p{};
            if (shmq_producer_attach(&p, v.base(0), v.length(0)) == SHMQ_OK) {
                const std::string text = pattern(static_cast<std::uint32_t>(random()), 500);
                const shmq_part part = {text.data(), static_cast<std::uint32_t>(text.size())};
                shmq_writer w;
                shmq_writer_init(&w, &p, &v.format);
                shmq_frame_write(&w, 0, &part, 1);
            }
            break;
        }
        }
    }
}

TEST_F(Hostile, RandomWritesAndKillsHarmNobodyElse) {
    std::minstd_rand random(seed());
    const unsigned rounds = 15 * long_factor();
    const Device bystander(O_RDWR, 1);
    const View view(bystander);
    Sender to(bystander, view);
    Receiver from(bystander, view);
    std::uint32_t number = 0;

    for (unsigned round = 0; round < rounds; round++) {
        std::vector<Child> vandals;
        for (unsigned i = 0; i < 3; i++) {
            const unsigned s = static_cast<unsigned>(random());
            vandals.emplace_back([s] { return vandal(s); });
        }
        const unsigned messages = 20 + static_cast<unsigned>(random() % 100);
        for (unsigned i = 0; i < messages; i++, number++) {
            std::string answer;
            ASSERT_EQ(to.send(pattern(number, 4000)), SHMQ_OK) << "round " << round;
            ASSERT_EQ(from.receive(answer), SHMQ_OK) << "round " << round;
            ASSERT_EQ(answer, pattern(number, 4000)) << "round " << round;
        }
        vandals.clear(); // SIGKILL, in the middle of whatever they do
        expect_recovery();
    }
    EXPECT_EQ(view.state(0).state, unsigned{SHMQ_QUEUE_RUNNING});
    EXPECT_EQ(view.state(0).damaged, 0u);
}

// What each impossible position does, seen by all who look.
struct BadPosition : Hostile {
    void expect_stopped(const Device& d, const View& v, unsigned queue, std::uint32_t state) {
        ASSERT_TRUE(eventually([&] { return v.state(queue).state == state; }))
            << "state " << v.state(queue).state;
        EXPECT_NE(d.poll(POLLIN | POLLOUT) & POLLERR, 0);
        const Device other(O_RDWR | O_NONBLOCK);
        std::string m;
        EXPECT_EQ(queue == to_kernel ? other.write("x") : other.read(m), EIO);
        expect_echo(1);
    }
};

TEST_F(BadPosition, AWritePositionOutsideStopsTheQueue) {
    const Device d;
    const View v(d);
    for (std::uint32_t bad : {v.capacity(0), v.capacity(0) + 1, 0x80000000u, 0xffffffffu}) {
        KernelLog log;
        v.set_position(0, SHMQ_WRITE_POSITION, bad);
        ASSERT_EQ(d.kick(), 0);
        expect_stopped(d, v, 0, SHMQ_QUEUE_CORRUPT);
        ASSERT_EQ(d.reset(), 0);
        EXPECT_EQ(v.state(0).state, unsigned{SHMQ_QUEUE_RUNNING});
    }
}

TEST_F(BadPosition, AReadPositionOutsideStopsTheKernelsProducer) {
    reload("devices=2 size=8K max_msg=1024");
    const Device d(O_RDWR | O_NONBLOCK);
    const View v(d);
    v.set_position(1, SHMQ_READ_POSITION, 0xfffffff0u);
    // Answers until the producer has to look where the reader is.
    Sender to(d, v);
    for (int i = 0; i < 200 && v.state(1).state == SHMQ_QUEUE_RUNNING; i++) {
        to.try_send(std::string(200, 'x'));
        nap(1);
    }
    expect_stopped(d, v, 1, SHMQ_QUEUE_CORRUPT);
}

TEST_F(BadPosition, PositionsZeroedInMidStreamAreNoticed) {
    const Device d;
    const View v(d);
    KernelLog log;
    Sender to(d, v);
    Receiver from(d, v);
    std::string answer;
    for (int i = 0; i < 10; i++) {
        ASSERT_EQ(to.send("in full swing"), SHMQ_OK);
        ASSERT_EQ(from.receive(answer), SHMQ_OK);
    }
    shmq_queue_create(v.base(0), v.length(0));
    ASSERT_EQ(d.kick(), 0);
    expect_stopped(d, v, 0, SHMQ_QUEUE_RECREATED);
    EXPECT_TRUE(log.comes_to_say("set its positions back"));
    expect_recovery();
}

TEST_F(BadPosition, ZeroedPositionsOfTheAnswersAreNoticedByTheNextAnswer) {
    const Device d;
    const View v(d);
    Sender to(d, v);
    ASSERT_EQ(to.send("one"), SHMQ_OK);
    ASSERT_NE(d.poll(POLLIN) & POLLIN, 0);
    shmq_queue_create(v.base(1), v.length(1));
    ASSERT_EQ(to.send("two"), SHMQ_OK);
    expect_stopped(d, v, 1, SHMQ_QUEUE_RECREATED);
}

TEST_F(BadPosition, WakesThoseWhoSleepInReadAndWrite) {
    reload("devices=2 size=8K max_msg=1024 handler=none");
    Child reader([] {
        const Device d;
        std::string m;
        return d.read(m) == EIO ? 0 : 1;
    });
    ASSERT_TRUE(comes_to_sleep(reader.pid()));
    Child writer([] {
        const Device d;
        int error = 0;
        while (!error)
            error = d.write(std::string(500, 'w')); // until it blocks, and then fails
        return error == EIO ? 0 : 1;
    });
    ASSERT_TRUE(comes_to_sleep(writer.pid()));
    const Device d;
    const View v(d);
    v.set_position(0, SHMQ_READ_POSITION, 0x7fffffffu);
    v.set_position(1, SHMQ_WRITE_POSITION, 0x7fffffffu);
    ASSERT_EQ(d.kick(), 0);
    EXPECT_EQ(reader.wait(), 0);
    EXPECT_EQ(writer.wait(), 0);
}

TEST_F(Hostile, APeerThatRestartsIsFollowedIfTheDeviceIsMadeForIt) {
    reload("restart=1 size=64K");
    const Device d;
    const View v(d);
    std::string answer;
    for (int life = 0; life < 5; life++) {
        // A firmware that boots: creates both queues, then uses them.
        shmq_queue_create(v.base(0), v.length(0));
        shmq_queue_create(v.base(1), v.length(1));
        ASSERT_EQ(d.kick(), 0);
        nap(20); // the kernel looks at the empty queues
        Sender to(d, v);
        Receiver from(d, v);
        for (int i = 0; i < 20; i++) {
            const std::string m = "life " + std::to_string(life) + " message " + std::to_string(i);
            ASSERT_EQ(to.send(m), SHMQ_OK);
            ASSERT_EQ(from.receive(answer), SHMQ_OK);
            ASSERT_EQ(answer, m);
        }
    }
    EXPECT_EQ(v.state(0).state, unsigned{SHMQ_QUEUE_RUNNING});
    EXPECT_EQ(v.state(1).state, unsigned{SHMQ_QUEUE_RUNNING});
}

// Puts bytes into the queue to the kernel as they are.
void inject(const View& v, const std::string& bytes) {
    shmq_producer p{};
    ASSERT_EQ(shmq_producer_attach(&p, v.base(0), v.length(0)), SHMQ_OK);
    ASSERT_EQ(shmq_producer_reserve(&p, static_cast<std::uint32_t>(bytes.size())), SHMQ_OK);
    shmq_producer_put(&p, 0, bytes.data(), static_cast<std::uint32_t>(bytes.size()));
    shmq_producer_commit(&p, static_cast<std::uint32_t>(bytes.size()));
}

std::string frame(const View& v, const std::string& data) {
    const shmq_part part = {data.data(), static_cast<std::uint32_t>(data.size())};
    shmq_envelope e{};
    shmq_frame_seal(&v.format, 0, &part, 1, &e);
    return std::string(reinterpret_cast<char*>(e.head), e.head_length) + data +
           std::string(reinterpret_cast<char*>(e.tail), e.tail_length);
}

TEST_F(Hostile, DamagedFramesAreCountedAndTheNextGoodOneIsDelivered) {
    const Device d;
    const View v(d);
    std::string bad_body = frame(v, "will be damaged");
    bad_body[20] = static_cast<char>(bad_body[20] ^ 1);
    std::string bad_version = frame(v, "of the future");
    bad_version[4] = 2;
    inject(v, "garbage " + bad_body + " more " + bad_version + "SHM" + frame(v, "good"));
    ASSERT_EQ(d.kick(), 0);
    EXPECT_EQ(d.read(), "good");
    EXPECT_EQ(v.state(0).damaged, 2u);
    EXPECT_EQ(v.state(0).messages, 1u);
}

TEST_F(Hostile, AnOverlongMessageIsSkippedWithAllThatLooksLikeMessagesInIt) {
    const Device d;
    const View v(d);
    std::string big(5000, '.'); // max_msg is 4096
    big += frame(v, "forged, inside of another message");
    inject(v, frame(v, big) + frame(v, "after it"));
    ASSERT_EQ(d.kick(), 0);
    EXPECT_EQ(d.read(), "after it");
    EXPECT_EQ(v.state(0).refused, 1u);
    EXPECT_EQ(v.state(0).messages, 1u);
}

TEST_F(Hostile, BytesThatAreNoMessageDoNotKeepTheKernelAwake) {
    const Device d;
    const View v(d);
    // Half a frame: the start of a good one, then nothing more.
    inject(v, frame(v, std::string(1000, 'h')).substr(0, 700));
    ASSERT_EQ(d.kick(), 0);
    ASSERT_TRUE(comes_to_rest());
    const std::uint64_t before = turns();
    EXPECT_GT(before, 0u);
    nap(1500);
    EXPECT_EQ(turns(), before);
}

TEST_F(Hostile, AReaderOfHalfAFrameSleeps) {
    reload("handler=none size=64K");
    const Device d;
    const View v(d);
    Sender other_side(d, v, 1);
    const std::string half = frame(v, std::string(900, 'h')).substr(0, 500);
    ASSERT_EQ(shmq_producer_reserve(&other_side.end, 500), SHMQ_OK);
    shmq_producer_put(&other_side.end, 0, half.data(), 500);
    shmq_producer_commit(&other_side.end, 500);
    Child reader([] {
        const Device r;
        std::string m;
        return r.read(m) == 0 && m == std::string(900, 'h') ? 0 : 1;
    });
    ASSERT_TRUE(comes_to_sleep(reader.pid()));
    const unsigned long sleeps = Task{reader.pid()}.switches();
    nap(500);
    EXPECT_EQ(Task{reader.pid()}.switches(), sleeps);
    // The rest of it comes.
    const std::string rest = frame(v, std::string(900, 'h')).substr(500);
    ASSERT_EQ(shmq_producer_reserve(&other_side.end, static_cast<std::uint32_t>(rest.size())),
              SHMQ_OK);
    shmq_producer_put(&other_side.end, 0, rest.data(), static_cast<std::uint32_t>(rest.size()));
    shmq_producer_commit(&other_side.end, static_cast<std::uint32_t>(rest.size()));
    ASSERT_EQ(d.kick(), 0);
    EXPECT_EQ(reader.wait(), 0);
}

TEST_F(Hostile, NestedForgedHeadersDoNotStopOthers) {
    const Device d;
    const View v(d);
    // Each byte run is a header whose CRC is right and whose body is what
    // follows: the kernel must hash a body for each of them.
    const std::uint32_t claimed = 4000;
    std::uint8_t head[SHMQ_HEAD_MAX];
    shmq_make_head(&v.format, 0, claimed, head);
    const std::uint32_t length = shmq_head_length(&v.format);
    std::string bytes;
    while (bytes.size() + length < v.capacity(0))
        bytes.append(reinterpret_cast<char*>(head), length);
    inject(v, bytes);
    ASSERT_EQ(d.kick(), 0);
    expect_echo(1);
    EXPECT_TRUE(eventually([&] { return v.state(0).damaged > 100; }));
    EXPECT_TRUE(comes_to_rest()) << "it never comes to the end of the garbage";
    expect_echo(1);
}

TEST_F(Hostile, SleepWordsOfAnyValueOnlyCostWakeUps) {
    const Device d;
    const View v(d);
    std::minstd_rand random(seed());
    Sender to(d, v);
    Receiver from(d, v);
    Child liar([&] {
        std::minstd_rand r(7);
        for (;;)
            shmq_store_relaxed(v.wake(), View::word(static_cast<unsigned>(r() % SHMQ_BELLS)),
                               static_cast<std::uint32_t>(r()) | 1u);
        return 0;
    });
    std::string answer;
    for (std::uint32_t i = 0; i < 500; i++) {
        ASSERT_EQ(to.send(pattern(i, 1000)), SHMQ_OK);
        ASSERT_EQ(from.receive(answer), SHMQ_OK);
        ASSERT_EQ(answer, pattern(i, 1000));
    }
}

TEST_F(Hostile, AWriterKilledInTheMiddleLosesOnlyWhatItHadNotPublished) {
    const unsigned rounds = 10 * long_factor();
    for (unsigned round = 0; round < rounds; round++) {
        Child writer([] {
            const Device d;
            const View v(d);
            Sender to(d, v);
            for (std::uint32_t i = 0;; i++)
                to.send(pattern(i, 3000));
            return 0;
        });
        {
            const Device d;
            const View v(d);
            Receiver from(d, v);
            std::string m;
            std::uint32_t next = 0;
            for (; next < 30; next++) {
                ASSERT_EQ(from.receive(m), SHMQ_OK);
                ASSERT_EQ(m, pattern(next, 3000)) << "round " << round;
            }
            writer.kill();
            // What it had published is still answered, in order and whole.
            while (from.receive(m, 200) == SHMQ_OK)
                ASSERT_EQ(m, pattern(next++, 3000)) << "round " << round;
            EXPECT_EQ(v.state(0).state, unsigned{SHMQ_QUEUE_RUNNING});
            EXPECT_EQ(v.state(0).damaged, 0u);
        }
        ASSERT_EQ(Device().reset(), 0);
    }
}

} // namespace
