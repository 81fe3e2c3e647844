// SPDX-License-Identifier: GPL-2.0-only OR MIT
// The driver's consumer thread and a program that sleeps in poll, transcribed from
// kmod/ (shmq_ring, shmq_sleep, shmq_look) over the real core: its plain flag, its
// wait queues and the sleep words in C11's memory order. tests/model/spin has the
// rest of the driver.
#include "bells.hpp"
#include "memory.hpp"
#include "run.hpp"

#include <shmq/core/byte_queue.h>
#include <shmq/core/doorbell.h>

namespace {

struct Thread : rl::test_suite<Thread, 2> {
    static constexpr std::uint32_t length = SHMQ_QUEUE_MIN;
    static constexpr std::uint32_t data_word = 12;
    static constexpr std::uint32_t room_word = 16;
    static constexpr std::uint32_t kicked = 20; // not shared with the program
    static constexpr std::uint8_t total = 3;

    Thread() {
        memory.queue(0, length);
        memory.word(data_word);
        memory.word(room_word);
        memory.word(kicked);
        shmq_queue_create(memory.base(), length);
        shmq_producer_attach(&p, memory.base(), length);
        shmq_consumer_attach(&c, memory.base(), length);
    }

    void thread(unsigned index) { index == 0 ? program() : consumer(); }

    void program() {
        for (std::uint8_t byte = 1; byte <= total; byte++) {
            while (shmq_producer_reserve(&p, 1) != SHMQ_OK)
                poll_for_room();
            shmq_producer_put(&p, 0, &byte, 1);
            shmq_producer_commit(&p, 1);
            ring_if_asleep(data_word, [&] {
                shmq_store_relaxed(memory.base(), kicked, 1); // WRITE_ONCE()
                work.wake_up();
            });
        }
    }

    void poll_for_room() {
        for (;;) {
            room.prepare_to_wait();
            shmq_producer looker{};
            shmq_doorbell_arm(memory.base(), room_word);
            shmq_producer_attach(&looker, memory.base(), length);
            if (shmq_producer_space(&looker, 1))
                break;
            room.schedule();
        }
        room.finish_wait();
    }

    void consumer() {
        while (received < total) {
            turn();
            if (received < total)
                sleep();
        }
    }

    void turn() {
        std::uint8_t byte = 0;
        const std::uint8_t before = received;
        while (shmq_consumer_request(&c, 1) == SHMQ_OK) {
            shmq_consumer_get(&c, 0, &byte, 1);
            MODEL_REQUIRE(byte == ++received);
            shmq_consumer_release(&c, 1);
        }
        if (before != received)
            ring_if_asleep(room_word, [&] { room.wake_up(); });
    }

    void sleep() {
        work.prepare_to_wait();
        shmq_full_fence(); // xchg()
        if (!shmq_cmpxchg(memory.base(), kicked, 1, 0)) {
            shmq_doorbell_arm(memory.base(), data_word);
            if (shmq_consumer_changed(&c))
                shmq_doorbell_disarm(memory.base(), data_word);
            else
                work.schedule();
        }
        work.finish_wait();
    }

    template <typename Ring>
    void ring_if_asleep(std::uint32_t word, Ring ring) {
        if (!shmq_doorbell_take(memory.base(), word))
            return;
        ring();
        if (model::broken(model::Broken::clear))
            shmq_doorbell_disarm(memory.base(), word);
    }

    model::Memory<24, 5, 2> memory;
    model::WaitQueue work;
    model::WaitQueue room;
    shmq_producer p{};
    shmq_consumer c{};
    std::uint8_t received = 0;
};

} // namespace

int main(int argc, char** argv) {
    return model::run(argc, argv, {model::random<Thread>("thread", 200000)});
}
