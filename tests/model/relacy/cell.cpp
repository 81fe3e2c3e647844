// SPDX-License-Identifier: GPL-2.0-only OR MIT
// core/cell.h: a value that is read is one that was published, whole, and never
// older than the one before; what a seat looks at is not written; a successor of a
// publisher killed anywhere, and one that fences only when told to, keep all that.
#include "bells.hpp"
#include "memory.hpp"
#include "run.hpp"

#include <shmq/core/cell_seat.h>

#include <array>

namespace {

constexpr std::uint32_t value_size = 8;

enum class Value { copied, in_place };

// A cell whose values are two words, or bytes of which each access is checked.
template <std::uint32_t Seats, std::uint32_t Slots, Value Kind>
struct CellMemory : model::Memory<192 + 64 * (Seats + Slots), 18 + Seats + 7 * Slots, 8 * Slots> {
    CellMemory() {
        model::at_access = nullptr;
        shmq_cell_layout plan{};
        MODEL_REQUIRE(shmq_cell_plan(&plan, value_size, Seats, Slots) == SHMQ_CELL_OK);
        for (std::uint32_t off = 0; off <= SHMQ_CELL_AT_FLAGS; off += 4)
            this->word(off);
        for (std::uint32_t off = SHMQ_CELL_AT_LATEST; off <= SHMQ_CELL_AT_ATTENDANCE; off += 4)
            this->word(off);
        this->word(SHMQ_CELL_AT_SLEEP);
        this->word(SHMQ_CELL_AT_POLL);
        for (std::uint32_t seat = 0; seat < Seats; seat++)
            this->word(shmq_cell_seat_word(seat));
        for (std::uint32_t slot = plan.first; slot < plan.total; slot += plan.stride) {
            this->word(slot + SHMQ_CELL_SLOT_SEQUENCE);
            for (std::uint32_t off = 0; off < sizeof(shmq_cell_stamp); off += 4)
                this->word(slot + SHMQ_CELL_SLOT_STAMP + off);
            if (Kind == Value::in_place)
                this->bytes(slot + SHMQ_CELL_SLOT_VALUE, value_size);
            else
                for (std::uint32_t off = 0; off < value_size; off += 4)
                    this->word(slot + SHMQ_CELL_SLOT_VALUE + off);
        }
        MODEL_REQUIRE(shmq_cell_create(&cell, this->base(), plan.total, &plan) == SHMQ_CELL_OK);
    }

    // The n-th value, whose parts belong together.
    static std::array<std::uint32_t, 2> value(std::uint32_t n) { return {n, ~n}; }

    void attach(bool fences = true) {
        MODEL_REQUIRE(shmq_cell_publisher_attach(&publisher, &cell, fences) == SHMQ_OK);
    }

    std::uint32_t publish(std::uint32_t n) {
        const auto v = value(n);
        if (Kind == Value::copied)
            return shmq_cell_write(&publisher, v.data(), n);
        const shmq_cell_next next = shmq_cell_begin(&publisher);
        shmq_copy_out(this->base(), next.off + SHMQ_CELL_SLOT_VALUE, v.data(), value_size);
        return shmq_cell_commit(&publisher, next, n);
    }

    // A look through a seat: what it shows stays while it lasts. Returns which it was.
    std::uint64_t view(std::uint32_t seat) {
        shmq_cell_stamp stamp{};
        std::uint32_t off = 0;
        const shmq_status status = shmq_cell_pin(&cell, seat, &off, &stamp);
        if (status == SHMQ_EMPTY) {
            shmq_cell_unpin(&cell, seat);
            return 0;
        }
        MODEL_REQUIRE(status == SHMQ_OK);
        std::array<std::uint32_t, 2> first{};
        std::array<std::uint32_t, 2> second{};
        shmq_copy_in(first.data(), this->base(), off, value_size);
        shmq_copy_in(second.data(), this->base(), off, value_size);
        shmq_cell_unpin(&cell, seat);
        const auto n = static_cast<std::uint32_t>(stamp.writes);
        MODEL_REQUIRE(stamp.time == n && first == value(n) && second == first);
        return stamp.writes;
    }

    shmq_cell cell{};
    shmq_cell_publisher publisher{};
};

// Without a seat: as many slots as will have a reader overtaken at once.
struct Copy : rl::test_suite<Copy, 2>, CellMemory<0, 2, Value::copied> {
    static constexpr std::uint32_t total = 5;

    Copy() { attach(); }

    void thread(unsigned index) { index == 0 ? write() : read(); }

    void write() {
        for (std::uint32_t n = 1; n <= total; n++)
            publish(n);
    }

    void read() {
        std::uint64_t last = 0;
        for (int i = 0; i < 4; i++) {
            std::array<std::uint32_t, 2> v{};
            shmq_cell_stamp stamp{};
            const shmq_status status = model::broken(model::Broken::count)
                                           ? read_without_count(v, stamp)
                                           : shmq_cell_read(&cell, v.data(), value_size, &stamp, 2);
            if (status == SHMQ_AGAIN || (status == SHMQ_EMPTY && last == 0))
                continue;
            const auto n = static_cast<std::uint32_t>(stamp.writes);
            MODEL_REQUIRE(status == SHMQ_OK && n <= total);
            MODEL_REQUIRE(v == value(n) && stamp.time == n);
            MODEL_REQUIRE(n >= last);
            last = n;
        }
    }

    // As shmq_cell_try_read(), but for what tells a value that is not published yet.
    shmq_status read_without_count(std::array<std::uint32_t, 2>& v, shmq_cell_stamp& stamp) {
        const std::uint32_t latest = shmq_load_acquire(base(), SHMQ_CELL_AT_LATEST);
        const std::uint32_t slot = shmq_cell_slot(&cell, latest & SHMQ_CELL_SLOT_MASK);
        const std::uint32_t sequence = shmq_load_acquire(base(), slot);
        shmq_copy_racy_in(&stamp, base(), slot + SHMQ_CELL_SLOT_STAMP, sizeof(stamp));
        shmq_copy_racy_in(v.data(), base(), slot + SHMQ_CELL_SLOT_VALUE, value_size);
        shmq_load_fence();
        if (sequence & 1 || shmq_load_relaxed(base(), slot) != sequence)
            return SHMQ_AGAIN;
        return stamp.writes ? SHMQ_OK : SHMQ_EMPTY;
    }
};

// With seats, and no slot more than must be.
template <std::uint32_t Seats>
struct View : rl::test_suite<View<Seats>, Seats + 1>,
              CellMemory<Seats, Seats + 2, Value::in_place> {
    View() {
        for (std::uint32_t seat = 0; seat < Seats; seat++)
            shmq_cell_sit(&this->cell, seat);
        this->attach();
        this->publish(1);
    }

    void thread(unsigned index) {
        if (index == 0) {
            for (std::uint32_t n = 2; n <= 6; n++)
                this->publish(n);
            return;
        }
        std::uint64_t last = 1;
        for (int i = 0; i < 3; i++) {
            const std::uint64_t n = this->view(index - 1);
            MODEL_REQUIRE(n >= last);
            last = n;
        }
    }
};

// The publisher is killed before any one of its accesses. Its successor goes on
// from the last value that was published.
struct Successor : rl::test_suite<Successor, 2>, CellMemory<1, 3, Value::in_place> {
    struct Killed {};

    Successor() {
        shmq_cell_sit(&cell, 0);
        attach();
        publish(1);
    }

    void thread(unsigned index) {
        if (index == 1) {
            std::uint64_t last = 1;
            for (int i = 0; i < 3; i++) {
                const std::uint64_t n = view(0);
                MODEL_REQUIRE(n >= last);
                last = n;
            }
            return;
        }
        victim = true;
        try {
            publish(2);
            publish(3);
        } catch (const Killed&) {
        }
        model::at_access = nullptr;
        victim = false;
        succeed();
        const std::uint64_t writes = shmq_cell_writes(&publisher);
        MODEL_REQUIRE(writes >= 1 && writes <= 3);
        for (int i = 0; i < 3; i++)
            publish(static_cast<std::uint32_t>(shmq_cell_writes(&publisher)) + 1);
    }

    void succeed() {
        if (!model::broken(model::Broken::look_round))
            return attach();
        publisher.latest = shmq_load_acquire(base(), SHMQ_CELL_AT_LATEST);
        publisher.busy[0] = 0;
    }

    void before() {
        lives_left = rl::rand(80);
        of_thread_0 = this;
        model::at_access = [] {
            if (of_thread_0->victim && rl::ctx().threadx_->index_ == 0 &&
                of_thread_0->lives_left-- == 0)
                throw Killed{};
        };
    }

    bool victim = false;
    unsigned lives_left = 0;
    static inline Successor* of_thread_0 = nullptr;
};

// The publisher fences only while somebody attends. membarrier(2) runs a fence
// between two accesses of it, wherever it is.
struct Attend : rl::test_suite<Attend, 2>, CellMemory<1, 3, Value::in_place> {
    Attend() {
        attach(false);
        publish(1);
    }

    void before() {
        self = this;
        model::at_access = [] { self->interrupt(); };
    }

    void interrupt() {
        if (!asked || rl::ctx().threadx_->index_ != 0)
            return;
        rl::atomic_thread_fence(rl::mo_seq_cst, RL_INFO);
        asked = false;
    }

    void thread(unsigned index) {
        if (index == 0) {
            for (std::uint32_t n = 2; n <= 7; n++)
                publish(n);
            // A thread that does not run is fenced when it is switched.
            rl::atomic_thread_fence(rl::mo_seq_cst, RL_INFO);
            done = true;
            return;
        }
        MODEL_REQUIRE(shmq_cell_sit(&cell, 0));
        if (!model::broken(model::Broken::membarrier)) {
            asked = true;
            while (asked && !done)
                rl::yield(1, RL_INFO);
            rl::atomic_thread_fence(rl::mo_seq_cst, RL_INFO);
        }
        std::uint64_t last = 1;
        for (int i = 0; i < 2; i++) {
            const std::uint64_t n = view(0);
            MODEL_REQUIRE(n >= last);
            last = n;
        }
    }

    bool asked = false;
    bool done = false;
    static inline Attend* self = nullptr;
};

// Two readers sleep until there is something new; none of them sleeps for ever.
struct Sleep : rl::test_suite<Sleep, 3>, CellMemory<0, 4, Value::copied> {
    static constexpr std::uint32_t total = 3;

    Sleep() {
        shmq_cell_attend(&cell, SHMQ_CELL_SLEEPERS);
        attach();
    }

    void thread(unsigned index) {
        if (index == 0)
            for (std::uint32_t n = 1; n <= total; n++) {
                const std::uint32_t attendance = publish(n);
                if (attendance & SHMQ_CELL_SLEEPERS &&
                    shmq_cell_ring(&publisher, SHMQ_CELL_AT_SLEEP))
                    model::futex_ring(base(), SHMQ_CELL_AT_SLEEP);
            }
        else
            for (std::uint64_t last = 0; last < total;)
                last = sleep(last);
    }

    std::uint64_t sleep(std::uint64_t last) {
        for (;;) {
            std::uint64_t n = look();
            if (n > last)
                return n;
            std::uint32_t armed = shmq_cell_arm(&cell, SHMQ_CELL_AT_SLEEP);
            if (!model::broken(model::Broken::second_look) && (n = look()) > last)
                return n;
            if (model::broken(model::Broken::rings))
                armed = shmq_load_relaxed(base(), SHMQ_CELL_AT_SLEEP) | 1;
            model::futex_sleep(base(), SHMQ_CELL_AT_SLEEP, armed);
        }
    }

    std::uint64_t look() {
        shmq_cell_stamp stamp{};
        shmq_status status;
        while ((status = shmq_cell_read(&cell, nullptr, 0, &stamp, 1)) == SHMQ_AGAIN)
            rl::yield(1, RL_INFO);
        return status == SHMQ_OK ? stamp.writes : 0;
    }
};

// Who reads that the publisher has gone finds its last value.
struct Resign : rl::test_suite<Resign, 2>, CellMemory<0, 2, Value::copied> {
    Resign() {
        word = shmq_cell_appoint(&cell, SHMQ_CELL_HELD);
        attach(false);
    }

    void thread(unsigned index) {
        if (index == 0) {
            publish(1);
            shmq_cell_resign(&cell, word);
            return;
        }
        while ((shmq_load_acquire(base(), SHMQ_CELL_AT_PUBLISHER) & SHMQ_CELL_HOLDER) !=
               SHMQ_CELL_GONE)
            rl::yield(1, RL_INFO);
        std::array<std::uint32_t, 2> v{};
        shmq_cell_stamp stamp{};
        MODEL_REQUIRE(shmq_cell_read(&cell, v.data(), value_size, &stamp, 1) == SHMQ_OK);
        MODEL_REQUIRE(v == value(1));
    }

    std::uint32_t word = 0;
};

} // namespace

int main(int argc, char** argv) {
    return model::run(
        argc, argv,
        {model::random<Copy>("copy", 300000), model::random<View<1>>("view", 300000),
         model::random<View<2>>("two_views", 200000), model::random<Successor>("successor", 300000),
         model::random<Attend>("attend", 300000), model::random<Sleep>("sleep", 100000),
         model::random<Resign>("resign", 100000)});
}
