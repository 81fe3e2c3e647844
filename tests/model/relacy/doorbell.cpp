// SPDX-License-Identifier: GPL-2.0-only OR MIT
// core/doorbell.h: nobody sleeps for ever. A wake-up that is lost leaves both
// threads asleep, which relacy reports as a deadlock.
#include "bells.hpp"
#include "memory.hpp"
#include "run.hpp"

#include <shmq/core/byte_queue.h>
#include <shmq/core/doorbell.h>

namespace {

// Both ends sleep, on a queue that holds one byte: each waits for the other.
struct Futex : rl::test_suite<Futex, 2> {
    static constexpr std::uint32_t queue_length = SHMQ_QUEUE_MIN;
    static constexpr std::uint32_t data_word = 12;
    static constexpr std::uint32_t room_word = 16;
    static constexpr std::uint8_t total = 3;

    Futex() {
        memory.queue(0, queue_length);
        memory.word(data_word);
        memory.word(room_word);
        shmq_queue_create(memory.base(), queue_length);
        shmq_producer_attach(&p, memory.base(), queue_length);
        shmq_consumer_attach(&c, memory.base(), queue_length);
    }

    void thread(unsigned index) {
        if (index == 0)
            for (std::uint8_t i = 1; i <= total; i++)
                write(i);
        else
            for (std::uint8_t i = 1; i <= total; i++)
                MODEL_REQUIRE(read() == i);
    }

    void write(std::uint8_t byte) {
        sleep_until(room_word, [&] { return shmq_producer_reserve(&p, 1) == SHMQ_OK; });
        shmq_producer_put(&p, 0, &byte, 1);
        shmq_producer_commit(&p, 1);
        wake(data_word);
    }

    std::uint8_t read() {
        std::uint8_t byte = 0;
        sleep_until(data_word, [&] { return shmq_consumer_request(&c, 1) == SHMQ_OK; });
        shmq_consumer_get(&c, 0, &byte, 1);
        shmq_consumer_release(&c, 1);
        wake(room_word);
        return byte;
    }

    template <typename Look>
    void sleep_until(std::uint32_t word, Look look) {
        while (!look()) {
            shmq_doorbell_arm(memory.base(), word);
            if (!model::broken(model::Broken::second_look) && look())
                break;
            model::futex_sleep(memory.base(), word);
        }
        shmq_doorbell_disarm(memory.base(), word);
    }

    void wake(std::uint32_t word) {
        if (!shmq_doorbell_take(memory.base(), word))
            return;
        model::futex_ring(memory.base(), word);
        if (model::broken(model::Broken::clear))
            shmq_doorbell_disarm(memory.base(), word);
    }

    model::Memory<20, 4, 2> memory;
    shmq_producer p{};
    shmq_consumer c{};
};

} // namespace

int main(int argc, char** argv) {
    return model::run(
        argc, argv,
        {model::random<Futex>("futex", 300000), model::all<Futex>("futex_every_order", 2)});
}
