// SPDX-License-Identifier: GPL-2.0-only OR MIT
// SHMQ_IOC_CLAIM and RELEASE: an end belongs to one open file at a time.
#include "support/module.hpp"
#include "support/process.hpp"
#include "support/ring.hpp"

#include <memory>

#ifndef POLLRDHUP
#define POLLRDHUP 0x2000
#endif

namespace {

using namespace test;

struct Claim : DriverTest {
    Claim() : DriverTest("handler=none") {}
};

struct ClaimBesideEcho : DriverTest {};

std::uint32_t holder(const View& v, unsigned queue, std::uint32_t end) {
    return end == producer ? v.state(queue).producer : v.state(queue).consumer;
}

TEST_F(Claim, EachEndHasOneHolder) {
    const Device a, b;
    for (unsigned q : {0u, 1u}) {
        for (std::uint32_t end : {producer, consumer}) {
            EXPECT_EQ(a.claim(q, end), 0);
            EXPECT_EQ(b.claim(q, end), EBUSY);
            EXPECT_EQ(a.claim(q, end), EBUSY) << "its own";
        }
    }
}

TEST_F(Claim, TheTwoEndsMayHaveTwoHolders) {
    const Device a, b;
    EXPECT_EQ(a.claim(0, producer), 0);
    EXPECT_EQ(b.claim(0, consumer), 0);
    EXPECT_EQ(b.claim(1, producer), 0);
    EXPECT_EQ(a.claim(1, consumer), 0);
}

TEST_F(Claim, TheStatePageTellsTheHolder) {
    const Device a;
    const View v(a);
    for (unsigned q : {0u, 1u}) {
        for (std::uint32_t end : {producer, consumer}) {
            EXPECT_EQ(holder(v, q, end), unsigned{SHMQ_HOLDER_NONE});
            ASSERT_EQ(a.claim(q, end), 0);
            EXPECT_EQ(holder(v, q, end), unsigned{SHMQ_HOLDER_USER});
            ASSERT_EQ(a.release(q, end), 0);
            EXPECT_EQ(holder(v, q, end), unsigned{SHMQ_HOLDER_GONE});
            ASSERT_EQ(a.claim(q, end), 0);
            EXPECT_EQ(holder(v, q, end), unsigned{SHMQ_HOLDER_USER});
        }
    }
}

TEST_F(ClaimBesideEcho, WhatTheKernelHoldsIsBusy) {
    const Device a;
    const View v(a);
    EXPECT_EQ(a.claim(to_kernel, consumer), EBUSY);
    EXPECT_EQ(a.claim(from_kernel, producer), EBUSY);
    EXPECT_EQ(holder(v, to_kernel, consumer), unsigned{SHMQ_HOLDER_KERNEL});
    EXPECT_EQ(holder(v, from_kernel, producer), unsigned{SHMQ_HOLDER_KERNEL});
    EXPECT_EQ(a.release(to_kernel, consumer), EPERM);
    EXPECT_EQ(a.release(from_kernel, producer), EPERM);
    EXPECT_EQ(a.claim(to_kernel, producer), 0);
    EXPECT_EQ(a.claim(from_kernel, consumer), 0);
}

TEST_F(Claim, OnlyTheHolderReleases) {
    const Device a, b;
    EXPECT_EQ(a.release(0, producer), EPERM) << "nobody has it";
    ASSERT_EQ(a.claim(0, producer), 0);
    EXPECT_EQ(b.release(0, producer), EPERM);
    EXPECT_EQ(b.claim(0, producer), EBUSY) << "it was given away";
    EXPECT_EQ(a.release(0, producer), 0);
    EXPECT_EQ(a.release(0, producer), EPERM) << "twice";
    EXPECT_EQ(b.claim(0, producer), 0);
}

TEST_F(Claim, RefusesWhatIsNotThere) {
    const Device a;
    for (unsigned long request : {SHMQ_IOC_CLAIM, SHMQ_IOC_RELEASE}) {
        auto no = [&](auto change) {
            shmq_claim c = Device::claim_of(0, producer);
            change(c);
            return a.ioctl(request, &c);
        };
        EXPECT_EQ(no([](auto& c) { c.queue = 2; }), EINVAL);
        EXPECT_EQ(no([](auto& c) { c.queue = 0xffffffff; }), EINVAL);
        EXPECT_EQ(no([](auto& c) { c.end = 2; }), EINVAL);
        EXPECT_EQ(no([](auto& c) { c.end = 0xffffffff; }), EINVAL);
        EXPECT_EQ(no([](auto& c) { c.reserved = 1; }), EINVAL);
        EXPECT_EQ(no([](auto& c) { c.flags = 0x80000000; }), EINVAL);
        EXPECT_EQ(no([](auto& c) { c.size = 0; }), EINVAL);
        EXPECT_EQ(no([](auto& c) { c.size -= 4; }), EINVAL);
        EXPECT_EQ(no([](auto& c) { c.end = consumer, c.room = 1; }), EINVAL)
            << "a consumer declares no room";
        EXPECT_EQ(a.ioctl(request, nullptr), EFAULT);
    }
    // None of that claimed anything.
    EXPECT_EQ(a.claim(0, producer), 0);
}

TEST_F(Claim, RoomIsAtMostWhatTheQueueHolds) {
    const Device a;
    const View v(a);
    const std::uint32_t most = shmq_message_max(&v.format, v.capacity(0));
    EXPECT_EQ(a.claim(0, producer, most + 1), EMSGSIZE);
    EXPECT_EQ(a.claim(0, producer, 0xffffffff), EMSGSIZE);
    EXPECT_EQ(a.claim(0, producer, most), 0);
}

TEST_F(Claim, ForBytesRoomIsAtMostTheCapacity) {
    const Device a;
    const View v(a);
    shmq_claim c = Device::claim_of(0, producer, v.capacity(0));
    c.flags = SHMQ_CLAIM_BYTES;
    EXPECT_EQ(a.ioctl(SHMQ_IOC_CLAIM, &c), EMSGSIZE);
    c.room--;
    EXPECT_EQ(a.ioctl(SHMQ_IOC_CLAIM, &c), 0);
    EXPECT_EQ(a.ioctl(SHMQ_IOC_RELEASE, &c), EINVAL) << "a flag of CLAIM only";
    EXPECT_EQ(a.release(0, producer), 0);
}

TEST_F(Claim, RefusesUnknownFlags) {
    const Device a;
    for (std::uint32_t bit = 1; bit; bit <<= 1) {
        shmq_claim c = Device::claim_of(0, producer);
        c.flags = bit;
        EXPECT_EQ(a.ioctl(SHMQ_IOC_RELEASE, &c), EINVAL) << bit;
        if (bit != SHMQ_CLAIM_BYTES) {
            EXPECT_EQ(a.ioctl(SHMQ_IOC_CLAIM, &c), EINVAL) << bit;
        }
    }
}

TEST_F(Claim, TakesALongerStructWhoseRestIsZero) {
    const Device a;
    struct {
        shmq_claim known;
        std::uint64_t rest;
    } longer = {Device::claim_of(0, producer), 1};
    longer.known.size = sizeof(longer);
    EXPECT_EQ(a.ioctl(SHMQ_IOC_CLAIM, &longer), E2BIG);
    longer.rest = 0;
    EXPECT_EQ(a.ioctl(SHMQ_IOC_CLAIM, &longer), 0);
    EXPECT_EQ(a.release(0, producer), 0);
}

TEST_F(Claim, RawLayoutHasNoEnds) {
    reload("layout=raw");
    const Device a;
    EXPECT_EQ(a.claim(0, producer), EINVAL);
    EXPECT_EQ(a.release(0, producer), EINVAL);
}

// ---- when it ends ----

TEST_F(Claim, CloseReleases) {
    Device a;
    const Device b;
    ASSERT_EQ(a.claim(0, producer), 0);
    ASSERT_EQ(a.claim(1, consumer), 0);
    a.close();
    EXPECT_EQ(b.claim(0, producer), 0);
    EXPECT_EQ(b.claim(1, consumer), 0);
}

TEST_F(Claim, ADuplicateKeepsIt) {
    Device a;
    const Device b;
    ASSERT_EQ(a.claim(0, producer), 0);
    Fd twin(dup(a.fd()));
    a.close();
    EXPECT_EQ(b.claim(0, producer), EBUSY);
    twin.close();
    EXPECT_EQ(b.claim(0, producer), 0);
}

TEST_F(Claim, AMappingKeepsIt) {
    Device a;
    const Device b;
    ASSERT_EQ(a.claim(0, producer), 0);
    Mapping m = a.map(4096).need("mmap");
    a.close();
    EXPECT_EQ(b.claim(0, producer), EBUSY);
    m.unmap();
    EXPECT_EQ(b.claim(0, producer), 0);
}

TEST_F(Claim, AForkedChildKeepsItAndMayReleaseIt) {
    auto a = std::make_unique<Device>();
    const Device b;
    ASSERT_EQ(a->claim(0, producer), 0);
    ASSERT_EQ(a->claim(1, consumer), 0);
    Gate closed, released, done;
    Child child([&] {
        closed.pass();
        CHILD_CHECK(a->release(1, consumer) == 0);
        released.open();
        done.pass();
        return 0;
    });
    a.reset();
    EXPECT_EQ(b.claim(0, producer), EBUSY);
    EXPECT_EQ(b.claim(1, consumer), EBUSY);
    closed.open();
    released.pass();
    EXPECT_EQ(b.claim(1, consumer), 0);
    EXPECT_EQ(b.claim(0, producer), EBUSY);
    done.open();
    EXPECT_EQ(child.wait(), 0);
    EXPECT_EQ(b.claim(0, producer), 0);
}

// A holder that is killed, and what its peer at the other end sees.
void killed_holder_is_told(unsigned queue, std::uint32_t end) {
    const Device peer;
    const View v(peer);
    ASSERT_EQ(peer.claim(queue, end == producer ? consumer : producer), 0);
    Gate claimed;
    Child holding([&] {
        const Device d;
        const View mapped(d);
        CHILD_CHECK(d.claim(queue, end) == 0);
        claimed.open();
        for (;;)
            pause();
        return 0;
    });
    claimed.pass();
    EXPECT_EQ(peer.poll(POLLRDHUP, 0) & POLLRDHUP, 0);
    EXPECT_EQ(holder(v, queue, end), unsigned{SHMQ_HOLDER_USER});

    // Asleep when it happens.
    Child killer([&] {
        nap(200);
        kill(holding.pid(), SIGKILL);
        return 0;
    });
    EXPECT_TRUE(peer.poll(POLLRDHUP) & POLLRDHUP);
    EXPECT_EQ(holder(v, queue, end), unsigned{SHMQ_HOLDER_GONE});
    EXPECT_EQ(killer.wait(), 0);
    EXPECT_EQ(holding.wait(), 128 + SIGKILL);

    // A successor takes over.
    const Device next;
    EXPECT_EQ(next.claim(queue, end), 0);
    EXPECT_EQ(peer.poll(POLLRDHUP, 0) & POLLRDHUP, 0);
}

TEST_F(Claim, AKilledProducerReleasesAndItsConsumerIsTold) {
    killed_holder_is_told(0, producer);
}

TEST_F(Claim, AKilledConsumerReleasesAndItsProducerIsTold) {
    killed_holder_is_told(0, consumer);
}

TEST_F(Claim, OnTheSecondQueueToo) {
    killed_holder_is_told(1, producer);
    killed_holder_is_told(1, consumer);
}

// ---- read(2) and write(2) claim too ----

TEST_F(ClaimBesideEcho, WriteAndReadClaim) {
    const Device a(O_RDWR | O_NONBLOCK), b(O_RDWR | O_NONBLOCK);
    const View v(a);
    std::string m;
    ASSERT_EQ(a.write("x"), 0);
    ASSERT_TRUE(a.poll(POLLIN) & POLLIN);
    ASSERT_EQ(a.read(m), 0);
    EXPECT_EQ(holder(v, to_kernel, producer), unsigned{SHMQ_HOLDER_USER});
    EXPECT_EQ(holder(v, from_kernel, consumer), unsigned{SHMQ_HOLDER_USER});
    EXPECT_EQ(b.write("y"), EBUSY);
    EXPECT_EQ(b.read(m), EBUSY);
    EXPECT_EQ(b.claim(to_kernel, producer), EBUSY);
    EXPECT_EQ(b.claim(from_kernel, consumer), EBUSY);
    EXPECT_EQ(a.write("z"), 0) << "again and again";
}

TEST_F(ClaimBesideEcho, WhatReadAndWriteClaimedIsReleasedByCloseAndByRelease) {
    Device a(O_RDWR | O_NONBLOCK);
    const Device b(O_RDWR | O_NONBLOCK);
    std::string m;
    ASSERT_EQ(a.write("x"), 0);
    ASSERT_EQ(a.release(to_kernel, producer), 0);
    EXPECT_EQ(b.write("y"), 0);
    a.read(m); // EAGAIN or not: claims
    ASSERT_EQ(b.claim(from_kernel, consumer), EBUSY);
    a.close();
    EXPECT_EQ(b.claim(from_kernel, consumer), 0);
}

TEST_F(ClaimBesideEcho, AClaimForTheMappingExcludesReadAndWrite) {
    const Device a(O_RDWR | O_NONBLOCK), b(O_RDWR | O_NONBLOCK);
    std::string m;
    ASSERT_EQ(a.claim(to_kernel, producer), 0);
    ASSERT_EQ(a.claim(from_kernel, consumer), 0);
    EXPECT_EQ(b.write("x"), EBUSY);
    EXPECT_EQ(b.read(m), EBUSY);
    EXPECT_EQ(a.write("x"), EBUSY) << "two writers at one end, even of one file";
    EXPECT_EQ(a.read(m), EBUSY);
}

// ---- unknown requests ----

TEST_F(ClaimBesideEcho, UnknownRequestsAreNotOurs) {
    const Device a;
    std::uint64_t zero[64] = {};
    for (unsigned nr : {7u, 100u, 255u}) {
        EXPECT_EQ(a.ioctl(_IO(SHMQ_IOC_TYPE, nr), zero), ENOTTY) << nr;
        EXPECT_EQ(a.ioctl(_IOWR(SHMQ_IOC_TYPE, nr, shmq_info), zero), ENOTTY) << nr;
    }
    shmq_info info{};
    info.size = sizeof(info);
    for (unsigned type : {0u, 0xC4u, 0xC6u, unsigned{'T'}})
        EXPECT_EQ(a.ioctl(_IOWR(type, 0, shmq_info), &info), ENOTTY) << type;
    EXPECT_EQ(a.ioctl(0, zero), ENOTTY);
    EXPECT_EQ(a.ioctl(0xffffffff, zero), ENOTTY);
}

TEST_F(ClaimBesideEcho, KickTakesKnownBellsOnly) {
    const Device a;
    for (unsigned long bells = 0; bells < 1ul << SHMQ_BELLS; bells++)
        EXPECT_EQ(a.kick(bells), 0) << bells;
    for (unsigned bit = SHMQ_BELLS; bit < 64; bit++)
        EXPECT_EQ(a.kick(1ul << bit), EINVAL) << bit;
    EXPECT_EQ(a.kick(1 | 1ul << 40), EINVAL);
}

TEST_F(ClaimBesideEcho, KickAloneIsHarmless) {
    const Device a;
    for (int i = 0; i < 1000; i++)
        ASSERT_EQ(a.kick(), 0);
    ASSERT_EQ(a.write("still here"), 0);
    EXPECT_EQ(a.read(), "still here");
}

} // namespace
