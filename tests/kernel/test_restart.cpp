// SPDX-License-Identifier: GPL-2.0-only OR MIT
// restart=1: a peer that boots again and zeroes the queues is followed, wherever
// it was when it stopped.
#include "support/api.hpp"
#include "support/module.hpp"
#include "support/process.hpp"
#include "support/ring.hpp"

namespace {

using namespace test;

struct Restart : DriverTest {
    Restart() : DriverTest("restart=1 size=64K") {}
};

// A firmware's boot: empty queues, in both directions.
void boot(const View& v) {
    for (unsigned q : {to_kernel, from_kernel})
        shmq_queue_create(v.base(q), v.length(q));
}

void expect_service(const Device& d, const View& v, const std::string& when) {
    Sender s(d, v);
    Receiver r(d, v);
    std::string m;
    for (int i = 0; i < 5; i++) {
        const std::string sent = when + " " + std::to_string(i);
        ASSERT_EQ(s.try_send(sent), SHMQ_OK) << when;
        ASSERT_EQ(d.kick(), 0);
        ASSERT_EQ(r.receive(m, 5000), SHMQ_OK)
            << when << ": no answer; queue 0 is in state " << v.state(0).state
            << ", queue 1 in state " << v.state(1).state;
        ASSERT_EQ(m, sent);
    }
}

// The first `bytes` of a frame, published as the Rust crate would.
void half_a_message(const View& v, std::uint32_t bytes) {
    shmq_producer p{};
    ASSERT_EQ(shmq_producer_attach(&p, v.base(to_kernel), v.length(to_kernel)), SHMQ_OK);
    const std::string data(1000, 'h');
    const shmq_part part = {data.data(), 1000};
    shmq_envelope e;
    shmq_frame_seal(&v.format, 0, &part, 1, &e);
    const std::string frame = std::string(reinterpret_cast<char*>(e.head), e.head_length) + data;
    shmq_producer_put(&p, 0, frame.data(), bytes);
    shmq_producer_commit(&p, bytes);
}

TEST_F(Restart, AfterWholeMessages) {
    const Device d;
    const View v(d);
    for (int life = 0; life < 4; life++) {
        boot(v);
        expect_service(d, v, "life " + std::to_string(life));
    }
}

TEST_F(Restart, InTheMiddleOfAMessage) {
    const Device d;
    const View v(d);
    expect_service(d, v, "first");
    half_a_message(v, 500);
    ASSERT_EQ(d.kick(), 0);
    nap(100); // the kernel looks, and waits for the rest
    boot(v);
    expect_service(d, v, "second");
}

// The kernel's own position is then 0 already: the peer's alone goes back.
TEST_F(Restart, InTheMiddleOfItsFirstMessage) {
    const Device d;
    const View v(d);
    half_a_message(v, 500);
    ASSERT_EQ(d.kick(), 0);
    nap(100);
    boot(v);
    ASSERT_EQ(d.kick(), 0);
    nap(100);
    expect_service(d, v, "second");
}

TEST_F(Restart, WithAnswersThatItNeverRead) {
    const Device d;
    const View v(d);
    Sender s(d, v);
    while (s.try_send(std::string(1000, 'x')) == SHMQ_OK)
        nap(1);
    boot(v);
    ASSERT_EQ(d.kick(), 0);
    nap(100);
    // An answer that the kernel held is for the life before.
    Receiver r(d, v);
    std::string m;
    while (r.try_receive(m) == SHMQ_OK)
        EXPECT_EQ(m, std::string(1000, 'x'));
    expect_service(d, v, "second");
}

// A sender that waits for room looks at the queue first when it is rung.
TEST_F(Restart, APositionStoredUnderASleepingSenderIsNotUsed) {
    reload("restart=1 handler=none size=64K");
    const Module api("", "shmq_test_api");
    ASSERT_EQ(call("get 0"), 0);
    const Device d;
    const View v(d);
    while (call("try 1000 x") == 0)
        ;
    Child sender([] { return call("send 1000 y"); });
    ASSERT_TRUE(comes_to_sleep(sender.pid()));
    for (std::uint32_t position : {0x40000000u, v.capacity(from_kernel), 0xfffffff0u}) {
        v.set_position(from_kernel, SHMQ_WRITE_POSITION, position);
        ASSERT_EQ(d.kick(1 << SHMQ_BELL_ROOM(from_kernel)), 0);
    }
    EXPECT_EQ(sender.wait(), 0) << "it starts over with the queue";
    ASSERT_EQ(call("put"), 0);
}

// What cannot be explained by a restart is refused all the same.
TEST_F(Restart, APositionOutsideStillStops) {
    const Device d;
    const View v(d);
    expect_service(d, v, "first");
    v.set_position(to_kernel, SHMQ_WRITE_POSITION, v.capacity(to_kernel));
    ASSERT_EQ(d.kick(), 0);
    EXPECT_TRUE(eventually([&] { return v.state(to_kernel).state == SHMQ_QUEUE_CORRUPT; }));
}

} // namespace
