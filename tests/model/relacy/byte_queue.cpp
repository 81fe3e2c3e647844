// SPDX-License-Identifier: GPL-2.0-only OR MIT
// core/byte_queue.h with its producer and its consumer in two threads.
#include "memory.hpp"
#include "run.hpp"

#include <shmq/core/stage.h>

namespace {

using model::QueueMemory;

// Passes the time of a thread that polls.
void again() {
    rl::yield(1, RL_INFO);
}

// Both ends of a queue of N bytes; byte i of the stream is i + 1.
template <std::size_t N>
class Stream {
public:
    Stream() {
        MODEL_REQUIRE(shmq_queue_create(memory_.base(), memory_.length) == SHMQ_OK);
        MODEL_REQUIRE(shmq_producer_attach(&p, memory_.base(), memory_.length) == SHMQ_OK);
        MODEL_REQUIRE(shmq_consumer_attach(&c, memory_.base(), memory_.length) == SHMQ_OK);
    }

    void put(std::uint32_t n) {
        std::uint8_t data[N];
        for (std::uint32_t i = 0; i < n; i++)
            data[i] = static_cast<std::uint8_t>(written + i + 1);
        if (std::uint8_t* const at = shmq_producer_stage(&p, n)) {
            std::copy_n(data, n, at);
        } else {
            shmq_producer_put(&p, 0, data, n);
            shmq_producer_commit(&p, n);
        }
        written += n;
    }

    void get(std::uint32_t n) {
        std::uint8_t data[N];
        shmq_consumer_get(&c, 0, data, n);
        for (std::uint32_t i = 0; i < n; i++)
            MODEL_REQUIRE(data[i] == static_cast<std::uint8_t>(read + i + 1));
        shmq_consumer_release(&c, n);
        read += n;
    }

    shmq_producer p{};
    shmq_consumer c{};
    std::uint32_t written = 0;
    std::uint32_t read = 0;

private:
    QueueMemory<N> memory_;
};

std::uint32_t random_up_to(std::uint32_t most) {
    return 1 + rl::rand(most);
}

// One or two bytes at a time, all or nothing, three times round.
struct Bytes : rl::test_suite<Bytes, 2>, Stream<3> {
    static constexpr std::uint32_t total = 9;

    void thread(unsigned index) { index == 0 ? produce() : consume(); }

    void produce() {
        while (written < total) {
            const std::uint32_t n = random_up_to(std::min(2u, total - written));
            const shmq_status s = shmq_producer_reserve(&p, n);
            MODEL_REQUIRE(s == SHMQ_OK || s == SHMQ_FULL);
            s == SHMQ_OK ? put(n) : again();
        }
    }

    void consume() {
        while (read < total) {
            const std::uint32_t n = random_up_to(std::min(2u, total - read));
            const shmq_status s = shmq_consumer_request(&c, n);
            MODEL_REQUIRE(s == SHMQ_OK || s == SHMQ_EMPTY);
            s == SHMQ_OK ? get(n) : again();
        }
    }
};

// Each side now and then in a batch, which gathers single bytes: positions lag,
// caches are used up.
struct Batches : rl::test_suite<Batches, 2>, Stream<9> {
    static constexpr std::uint32_t total = 27;

    void thread(unsigned index) { index == 0 ? produce() : consume(); }

    void produce() {
        while (written < total) {
            std::uint8_t stage[4];
            const bool batch = rl::rand(2);
            if (batch)
                shmq_producer_batch_gather(&p, stage, sizeof(stage));
            for (std::uint32_t turn = random_up_to(3); turn && written < total; turn--) {
                const std::uint32_t n = random_up_to(std::min(4u, total - written));
                if (shmq_producer_space(&p, n) < n) {
                    again();
                    break;
                }
                put(n);
            }
            if (batch)
                shmq_producer_batch_end(&p);
        }
    }

    void consume() {
        while (read < total) {
            const bool batch = rl::rand(2);
            if (batch)
                shmq_consumer_batch_begin(&c);
            for (std::uint32_t turn = random_up_to(3); turn && read < total; turn--) {
                const std::uint32_t n = std::min(random_up_to(4), shmq_consumer_available(&c, 4));
                if (n == 0) {
                    again();
                    break;
                }
                get(n);
            }
            if (batch)
                shmq_consumer_batch_end(&c);
        }
    }

    void after() {
        MODEL_REQUIRE(p.end.error == SHMQ_OK && c.end.error == SHMQ_OK);
        MODEL_REQUIRE(c.end.published == p.end.published);
    }
};

// In place, as reserve/commit and front/release of the library do it: a consumer
// that still looks at what it has released, or a producer that writes into it,
// would race.
struct InPlace : rl::test_suite<InPlace, 2>, Stream<5> {
    static constexpr std::uint32_t total = 15;

    void thread(unsigned index) { index == 0 ? produce() : consume(); }

    void produce() {
        while (written < total) {
            const std::uint32_t n = random_up_to(std::min(3u, total - written));
            if (shmq_producer_reserve(&p, n) != SHMQ_OK) {
                again();
                continue;
            }
            const shmq_pieces room = shmq_span(&p.end, 0, n);
            for (int piece = 0; piece < 2; piece++)
                for (std::uint32_t i = 0; i < room.len[piece]; i++)
                    model::set(*shmq_at(p.end.base, room.off[piece] + i),
                               static_cast<std::uint8_t>(++written));
            shmq_producer_commit(&p, n);
        }
    }

    void consume() {
        while (read < total) {
            const std::uint32_t n = shmq_consumer_available(&c, 1);
            if (n == 0) {
                again();
                continue;
            }
            const shmq_pieces data = shmq_span(&c.end, 0, n);
            for (int piece = 0; piece < 2; piece++)
                for (std::uint32_t i = 0; i < data.len[piece]; i++)
                    MODEL_REQUIRE(model::get(*shmq_at(c.end.base, data.off[piece] + i)) ==
                                  static_cast<std::uint8_t>(++read));
            shmq_consumer_release(&c, n);
        }
    }
};

// As little as wraps, in every order.
struct EveryOrder : rl::test_suite<EveryOrder, 2>, Stream<2> {
    static constexpr std::uint32_t total = 4;

    void thread(unsigned index) {
        if (index == 0)
            while (written < total)
                shmq_producer_reserve(&p, 1) == SHMQ_OK ? put(1) : again();
        else
            while (read < total)
                shmq_consumer_request(&c, 1) == SHMQ_OK ? get(1) : again();
    }
};

} // namespace

int main(int argc, char** argv) {
    return model::run(
        argc, argv,
        {model::random<Bytes>("bytes", 300000), model::random<Batches>("batches", 300000),
         model::random<InPlace>("in_place", 300000), model::all<EveryOrder>("every_order", 4)});
}
