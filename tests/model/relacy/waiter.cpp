// SPDX-License-Identifier: GPL-2.0-only OR MIT
// The library's own Waiter (waiter.hpp, lib/waiting.cpp) on both sides of a queue:
// nobody sleeps for ever, however an end waits.
#include "bells.hpp"
#include "memory.hpp"
#include "run.hpp"

#include <shmq/batch.hpp>
#include <shmq/waiter.hpp>

#include <memory>

// Compiled here once more, over the checker's types.
#include "../../../lib/waiting.cpp"

namespace {

using shmq::Status;
using shmq::Wait;

constexpr std::uint32_t data_word = 16;
constexpr std::uint32_t room_word = 20;

// As lib/process_bell.cpp: futex on the word; the peer's eventfd too.
class FutexBell final : public shmq::Bell {
public:
    FutexBell(const shmq::SleepWords& words, model::EventFd& own, model::EventFd& peer)
        : Bell(words, Wait::Duration::max()), own_(own), peer_(peer) {}

    void ring() noexcept override {
        model::futex_ring(words().base, words().peer);
        peer_.ring();
        if (model::broken(model::Broken::clear))
            shmq_doorbell_disarm(words().base, words().peer);
    }
    Woken sleep(Clock::time_point) noexcept override {
        model::futex_sleep(words().base, words().own);
        return Woken::rung;
    }
    void quiet() noexcept override { own_.quiet(); }

private:
    model::EventFd& own_;
    model::EventFd& peer_;
};

// A queue of N bytes whose both ends may sleep; byte i of the stream is i + 1.
template <std::uint32_t N>
class Ends {
public:
    Ends() {
        constexpr std::uint32_t length = SHMQ_QUEUE_HEADER + N;
        static_assert(length <= data_word);
        memory_.queue(0, length);
        memory_.word(data_word);
        memory_.word(room_word);
        shmq_queue_create(memory_.base(), length);
        shmq_producer_attach(&p, memory_.base(), length);
        shmq_consumer_attach(&c, memory_.base(), length);
    }

    Status put(std::uint32_t n) {
        const auto s = static_cast<Status>(shmq_producer_reserve(&p, n));
        if (s != Status::Ok)
            return s;
        std::uint8_t bytes[N];
        for (std::uint32_t i = 0; i < n; i++)
            bytes[i] = static_cast<std::uint8_t>(++written);
        shmq_producer_put(&p, 0, bytes, n);
        shmq_producer_commit(&p, n);
        return s;
    }

    Status get(std::uint32_t n) {
        const auto s = static_cast<Status>(shmq_consumer_request(&c, n));
        if (s != Status::Ok)
            return s;
        std::uint8_t bytes[N];
        shmq_consumer_get(&c, 0, bytes, n);
        for (std::uint32_t i = 0; i < n; i++)
            MODEL_REQUIRE(bytes[i] == static_cast<std::uint8_t>(++read));
        shmq_consumer_release(&c, n);
        return s;
    }

    // Reads all that comes, in one operation: as a reader that looks for a frame
    // in what is none.
    Status skip_garbage() {
        while (read < total) {
            const std::uint32_t n = shmq_consumer_available(&c, 1);
            if (n == 0)
                return Status::Empty;
            get(n);
        }
        return Status::Ok;
    }

    std::uint32_t total = 0;
    std::uint32_t written = 0;
    std::uint32_t read = 0;
    model::EventFd data; // polled by the consumer
    model::EventFd room; // polled by the producer
    shmq_producer p{};
    shmq_consumer c{};

private:
    model::Memory<24, 4, N> memory_;
    FutexBell producer_bell_{{memory_.base(), room_word, data_word}, room, data};
    FutexBell consumer_bell_{{memory_.base(), data_word, room_word}, data, room};

    // Not owned: relacy and shared_ptr do not agree on who frees what.
    static std::shared_ptr<shmq::Bell> borrow(FutexBell& bell) {
        return {std::shared_ptr<shmq::Bell>(), &bell};
    }

public:
    shmq::detail::Waiter producer{Wait::sleep(), borrow(producer_bell_)};
    shmq::detail::Waiter consumer{Wait::sleep(), borrow(consumer_bell_)};
};

// read() and write(), each in batches or not, of one and two bytes.
struct Blocking : rl::test_suite<Blocking, 2>, Ends<4> {
    Blocking() { total = 6; }
    void thread(unsigned index) { index == 0 ? produce() : consume(); }

    void produce() {
        while (written < total) {
            if (rl::rand(2)) {
                const shmq::ProducerBatch batch(p, producer);
                write(1);
                if (written < total)
                    write(1);
            } else {
                write(std::min(2u, total - written));
            }
        }
    }

    void write(std::uint32_t n) {
        MODEL_REQUIRE(producer.wait(p, Status::Full, shmq::forever, [&] { return put(n); }) ==
                      Status::Ok);
    }

    void consume() {
        while (read < total) {
            const std::uint32_t n = 1 + rl::rand(std::min(2u, total - read));
            MODEL_REQUIRE(consumer.wait(c, Status::Empty, shmq::forever, [&] { return get(n); }) ==
                          Status::Ok);
        }
    }
};

// try_read() and try_write() until Empty and Full, then edge-triggered epoll.
struct Polled : rl::test_suite<Polled, 2>, Ends<3> {
    Polled() { total = 4; }
    void thread(unsigned index) { index == 0 ? produce() : consume(); }

    void produce() {
        while (written < total) {
            const Status s = producer.attempt(p, Status::Full, [&] { return put(1); });
            MODEL_REQUIRE(s == Status::Ok || s == Status::Full);
            if (s == Status::Full)
                room.wait_edge();
        }
    }

    void consume() {
        while (read < total) {
            const Status s = consumer.attempt(c, Status::Empty, [&] { return get(1); });
            MODEL_REQUIRE(s == Status::Ok || s == Status::Empty);
            if (s == Status::Empty)
                data.wait_edge();
        }
    }
};

// A consumer that releases as many bytes as the ring has in one operation stands
// where it stood: it must ring all the same.
struct WholeRing : rl::test_suite<WholeRing, 2>, Ends<4> {
    WholeRing() { total = 8; }
    void thread(unsigned index) { index == 0 ? produce() : consume(); }

    void produce() {
        while (written < total)
            producer.wait(p, Status::Full, shmq::forever, [&] { return put(2); });
    }

    void consume() {
        consumer.wait(c, Status::Empty, shmq::forever, [&] { return skip_garbage(); });
    }
};

} // namespace

int main(int argc, char** argv) {
    return model::run(argc, argv,
                      {model::random<Blocking>("blocking", 200000),
                       model::random<Polled>("polled", 200000),
                       model::random<WholeRing>("whole_ring", 200000)});
}
