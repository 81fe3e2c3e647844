// SPDX-License-Identifier: GPL-2.0-only OR MIT
// core/channel.h: who sees the magic sees all of the header and the queues, and
// who is told that the peer has gone sees all that it had published.
#include "memory.hpp"
#include "run.hpp"

#include <shmq/core/channel.h>

namespace {

constexpr std::uint32_t queue_length = 16;
constexpr std::uint32_t total = SHMQ_CHANNEL_HEADER + 2 * queue_length;
constexpr std::uint32_t first_queue = SHMQ_CHANNEL_HEADER;
constexpr std::uint32_t second_queue = SHMQ_CHANNEL_HEADER + queue_length;
constexpr std::uint32_t producer_of_first = SHMQ_CHANNEL_END(0, 0);

shmq_channel plan() {
    shmq_channel ch{};
    ch.total = total;
    ch.queue[0] = {first_queue, queue_length};
    ch.queue[1] = {second_queue, queue_length};
    ch.format.framing = SHMQ_CHECKED;
    ch.format.prefix_length = 2;
    ch.format.prefix[0] = 's';
    ch.format.prefix[1] = 'q';
    return ch;
}

struct ChannelMemory : model::Memory<total, 18 + 4, SHMQ_PREFIX_MAX + 2 * (queue_length - 8)> {
    ChannelMemory() {
        for (std::uint32_t off = 0; off < SHMQ_CHANNEL_AT_PREFIX; off += 4)
            word(off);
        bytes(SHMQ_CHANNEL_AT_PREFIX, SHMQ_PREFIX_MAX);
        queue(first_queue, queue_length);
        queue(second_queue, queue_length);
    }
};

// The header is opened while it is made, and a byte comes through the queue.
struct Open : rl::test_suite<Open, 2>, ChannelMemory {
    void thread(unsigned index) { index == 0 ? create() : open(); }

    void create() {
        const shmq_channel ch = plan();
        shmq_producer p{};
        const std::uint8_t byte = 42;
        MODEL_REQUIRE(shmq_channel_create(base(), total, &ch) == SHMQ_CHANNEL_OK);
        MODEL_REQUIRE(shmq_producer_attach(&p, base() + first_queue, queue_length) == SHMQ_OK);
        MODEL_REQUIRE(shmq_producer_reserve(&p, 1) == SHMQ_OK);
        shmq_producer_put(&p, 0, &byte, 1);
        shmq_producer_commit(&p, 1);
    }

    void open() {
        shmq_channel ch{};
        shmq_channel_fault fault;
        while ((fault = shmq_channel_open(base(), total, &ch)) == SHMQ_CHANNEL_NOT_READY)
            rl::yield(1, RL_INFO);
        MODEL_REQUIRE(fault == SHMQ_CHANNEL_OK);
        MODEL_REQUIRE(ch.total == total && ch.queue[0].offset == first_queue &&
                      ch.queue[1].offset == second_queue && ch.queue[0].length == queue_length &&
                      ch.queue[1].length == queue_length && ch.flags == 0);
        MODEL_REQUIRE(ch.format.framing == SHMQ_CHECKED && ch.format.prefix_length == 2 &&
                      ch.format.prefix[0] == 's' && ch.format.prefix[1] == 'q');

        shmq_consumer c{};
        std::uint8_t byte = 0;
        MODEL_REQUIRE(shmq_consumer_attach(&c, base() + ch.queue[0].offset, queue_length) ==
                      SHMQ_OK);
        while (shmq_consumer_request(&c, 1) != SHMQ_OK)
            rl::yield(1, RL_INFO);
        shmq_consumer_get(&c, 0, &byte, 1);
        MODEL_REQUIRE(byte == 42);
    }
};

// A producer publishes and gives its end back: a consumer that reads GONE finds
// what it published in one more look.
struct Leave : rl::test_suite<Leave, 2>, ChannelMemory {
    Leave() {
        const shmq_channel ch = plan();
        MODEL_REQUIRE(shmq_channel_create(base(), total, &ch) == SHMQ_CHANNEL_OK);
        held = shmq_channel_take_end(base(), producer_of_first, SHMQ_CHANNEL_HELD);
        shmq_producer_attach(&p, base() + first_queue, queue_length);
        shmq_consumer_attach(&c, base() + first_queue, queue_length);
    }

    void thread(unsigned index) { index == 0 ? publish_and_go() : read_the_last(); }

    void publish_and_go() {
        const std::uint8_t byte = 42;
        MODEL_REQUIRE(shmq_producer_reserve(&p, 1) == SHMQ_OK);
        shmq_producer_put(&p, 0, &byte, 1);
        shmq_producer_commit(&p, 1);
        shmq_channel_leave_end(base(), producer_of_first, held);
    }

    void read_the_last() {
        // As EndClaim::health() looks, and Waiter::last_look() after it.
        while ((shmq_load_acquire(base(), shmq_channel_holder(producer_of_first)) &
                SHMQ_CHANNEL_HOLDER) != SHMQ_CHANNEL_GONE)
            rl::yield(1, RL_INFO);
        MODEL_REQUIRE(shmq_consumer_request(&c, 1) == SHMQ_OK);
        std::uint8_t byte = 0;
        shmq_consumer_get(&c, 0, &byte, 1);
        MODEL_REQUIRE(byte == 42);
    }

    std::uint32_t held = 0;
    shmq_producer p{};
    shmq_consumer c{};
};

} // namespace

int main(int argc, char** argv) {
    return model::run(argc, argv,
                      {model::random<Open>("open", 100000), model::random<Leave>("leave", 100000)});
}
