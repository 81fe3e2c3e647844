// SPDX-License-Identifier: GPL-2.0-only OR MIT
// core/pool.h and core/pool_owner.h: threads that allocate and free, owners that
// send, sweepers that meet each other.
#include "memory.hpp"
#include "run.hpp"

#include <shmq/core/pool_owner.h>

namespace {

// A pool of `Blocks` blocks of one byte for three owners, who are all there. Two
// that have the same block at once race for its byte.
template <std::uint32_t Blocks>
class Pool {
public:
    static constexpr std::uint32_t owners = 3;

    Pool() {
        MODEL_REQUIRE(shmq_pool_place(&p, memory_.base(), 0, Blocks, 1, 1, owners));
        for (std::uint32_t slot = 0; slot < owners; slot++)
            memory_.word(shmq_pool_owner_word(&p, slot));
        for (std::uint32_t i = 0; i < Blocks; i++) {
            memory_.word(shmq_pool_word(&p, i));
            memory_.bytes(shmq_pool_offset(&p, i), 1);
        }
        memory_.word(p.at_summary);
        for (std::uint32_t slot = 0; slot < owners; slot++)
            MODEL_REQUIRE(shmq_pool_join(&p, slot, SHMQ_OWNER_HELD, &id[slot]));
    }

    void use(shmq_pool_handle h, std::uint8_t value) {
        const std::uint32_t off = shmq_pool_offset(&p, h.index);
        std::uint8_t seen = 0;
        shmq_copy_out(p.base, off, &value, 1);
        shmq_copy_in(&seen, p.base, off, 1);
        MODEL_REQUIRE(seen == value);
    }

    void require_free(std::uint32_t n) {
        const shmq_pool_counts c = shmq_pool_count(&p);
        MODEL_REQUIRE(c.free == n && c.damaged == 0);
    }

    shmq_pool p{};
    shmq_owner_id id[owners]{};

private:
    // Owners, padding to a line, words, summary, blocks.
    model::Memory<64 + 5 * Blocks + 4, owners + Blocks + 1, Blocks> memory_;
};

// Three threads of one owner, fewer blocks than they want.
template <std::uint32_t Blocks, bool Unshared>
struct Threads : rl::test_suite<Threads<Blocks, Unshared>, 3>, Pool<Blocks> {
    using Pool<Blocks>::p;

    void thread(unsigned index) {
        shmq_pool_hints hints{};
        for (unsigned turn = 0; turn < 2; turn++) {
            shmq_pool_handle h{};
            const shmq_status s = shmq_pool_alloc(&p, 0, &hints, &h);
            MODEL_REQUIRE(s == SHMQ_OK || s == SHMQ_EMPTY);
            if (s != SHMQ_OK)
                continue;
            this->use(h, static_cast<std::uint8_t>(index));
            const shmq_status freed = Unshared ? shmq_pool_free_unshared(&p, 0, &hints, h)
                                               : shmq_pool_free(&p, 0, &hints, h);
            MODEL_REQUIRE(freed == SHMQ_OK);
        }
    }

    void after() { this->require_free(Blocks); }
};

// A thread frees twice, while another one of the same owner uses the block.
struct Handles : rl::test_suite<Handles, 2>, Pool<1> {
    void thread(unsigned index) {
        shmq_pool_hints hints{};
        shmq_pool_handle h{};
        if (shmq_pool_alloc(&p, 0, &hints, &h) != SHMQ_OK)
            return;
        use(h, static_cast<std::uint8_t>(index));
        MODEL_REQUIRE(shmq_pool_free(&p, 0, &hints, h) == SHMQ_OK);
        if (index == 0)
            MODEL_REQUIRE(shmq_pool_free(&p, 0, &hints, h) == SHMQ_STALE);
    }

    void after() { require_free(1); }
};

// Two sweep the same dead owner. Who is done takes the slot and the block, which
// the other must not free then.
struct Sweepers : rl::test_suite<Sweepers, 2>, Pool<2> {
    std::uint32_t seen = 0;

    void before() {
        seen = shmq_pool_seen(&p, 2);
        shmq_pool_hints hints{};
        shmq_pool_handle h{};
        MODEL_REQUIRE(shmq_pool_alloc(&p, 2, &hints, &h) == SHMQ_OK);
        MODEL_REQUIRE(shmq_pool_alloc(&p, 2, &hints, &h) == SHMQ_OK);
    }

    void thread(unsigned index) {
        std::uint32_t left = 0;
        shmq_owner_id successor = 0;
        shmq_pool_sweep(&p, 2, seen, &left);
        MODEL_REQUIRE(left == 0);
        if (index != 0 || !shmq_pool_join(&p, 2, SHMQ_OWNER_HELD, &successor))
            return;
        shmq_pool_hints hints{};
        shmq_pool_handle h{};
        if (shmq_pool_alloc(&p, 2, &hints, &h) != SHMQ_OK)
            return;
        use(h, 1);
        MODEL_REQUIRE(shmq_pool_free(&p, 2, &hints, h) == SHMQ_OK);
    }

    // One that was overtaken leaves the rest to the other, who is done or is in
    // the slot; dead again, it leaves nothing.
    void after() {
        std::uint32_t left = 0;
        shmq_pool_sweep(&p, 2, shmq_pool_seen(&p, 2), &left);
        require_free(2);
    }
};

// A block is sent to an owner that is being swept.
struct DyingReceiver : rl::test_suite<DyingReceiver, 2>, Pool<1> {
    shmq_pool_handle h{};
    shmq_status sent = SHMQ_INVALID;

    void before() {
        shmq_pool_hints hints{};
        MODEL_REQUIRE(shmq_pool_alloc(&p, 0, &hints, &h) == SHMQ_OK);
    }

    void thread(unsigned index) {
        std::uint32_t left = 0;
        if (index == 0)
            sent = shmq_pool_send(&p, 0, h, id[1]);
        else
            shmq_pool_sweep(&p, 1, shmq_pool_seen(&p, 1), &left);
    }

    void after() {
        shmq_pool_hints hints{};
        MODEL_REQUIRE(sent == SHMQ_OK || sent == SHMQ_NO_OWNER || sent == SHMQ_STALE);
        if (sent == SHMQ_NO_OWNER) // then it is the sender's as before
            MODEL_REQUIRE(shmq_pool_free(&p, 0, &hints, h) == SHMQ_OK);
        require_free(1);
    }
};

// A block is sent by an owner that dies, or not; the receiver adopts it if the
// message came, and settles.
struct DyingSender : rl::test_suite<DyingSender, 3>, Pool<1> {
    rl::atomic<int> message;
    shmq_pool_handle h{};

    DyingSender() { message.store(0, rl::mo_relaxed, RL_INFO); }

    void before() {
        shmq_pool_hints hints{};
        MODEL_REQUIRE(shmq_pool_alloc(&p, 0, &hints, &h) == SHMQ_OK);
        use(h, 7);
        MODEL_REQUIRE(shmq_pool_send(&p, 0, h, id[1]) == SHMQ_OK);
        if (rl::rand(2))
            message.store(1, rl::mo_release, RL_INFO);
    }

    void thread(unsigned index) {
        std::uint32_t left = 0;
        std::uint32_t from = 0;
        shmq_pool_hints hints{};
        if (index != 0) {
            shmq_pool_sweep(&p, 0, shmq_pool_seen(&p, 0), &left); // two sweepers
            return;
        }
        if (message.load(rl::mo_acquire, RL_INFO)) {
            MODEL_REQUIRE(shmq_pool_adopt(&p, 1, h, &from) == SHMQ_OK && from == 0);
            use(h, 8);
            MODEL_REQUIRE(shmq_pool_free(&p, 1, &hints, h) == SHMQ_OK);
        }
        shmq_pool_settle(&p, 1, id[0]);
    }

    void after() {
        std::uint32_t left = 0;
        shmq_pool_settle(&p, 1, id[0]);
        shmq_pool_sweep(&p, 0, shmq_pool_seen(&p, 0), &left);
        MODEL_REQUIRE(left == 0);
        require_free(1);
    }
};

} // namespace

int main(int argc, char** argv) {
    return model::run(argc, argv,
                      {model::random<Threads<2, false>>("blocks", 200000),
                       model::random<Threads<2, true>>("unshared", 200000),
                       model::all<Threads<1, false>>("one_block", 2),
                       model::random<Handles>("handles", 200000),
                       model::all<Sweepers>("sweepers", 3),
                       model::random<DyingReceiver>("dying_receiver", 200000),
                       model::random<DyingSender>("dying_sender", 200000)});
}
