// SPDX-License-Identifier: GPL-2.0-only OR MIT
#include "peers.hpp"

#include <shmq/shmq.hpp>

#include <atomic>
#include <cstring>
#include <new>
#include <stdexcept>

#include <pthread.h>

namespace bench {

namespace {

/// Keeps the compiler from leaving a copy out.
void used(const void* p) {
    asm volatile("" : : "r"(p) : "memory");
}

// A bare seqlock: one value, copied as a struct is, which C++ calls a race.
template <typename T>
class Seqlock : public Peer {
public:
    void write(unsigned count) override {
        for (unsigned i = 0; i < count; ++i) {
            used(&source_);
            const unsigned n = sequence_.load(std::memory_order_relaxed);
            sequence_.store(n + 1, std::memory_order_relaxed);
            std::atomic_thread_fence(std::memory_order_release);
            std::memcpy(&value_, &source_, sizeof(T));
            sequence_.store(n + 2, std::memory_order_release);
        }
    }

    std::unique_ptr<Reader> reader() override { return std::make_unique<End>(*this); }

private:
    class End : public Reader {
    public:
        explicit End(Seqlock& lock) : lock_(lock) {}
        unsigned read(unsigned most) override {
            for (unsigned failed = 0;; ++failed) {
                const unsigned n = lock_.sequence_.load(std::memory_order_acquire);
                if (!(n & 1)) {
                    std::memcpy(&copy_, &lock_.value_, sizeof(T));
                    used(&copy_);
                    std::atomic_thread_fence(std::memory_order_acquire);
                    if (lock_.sequence_.load(std::memory_order_relaxed) == n)
                        return failed;
                }
                if (failed == most)
                    return failed;
            }
        }

    private:
        Seqlock& lock_;
        T copy_{};
    };

    T source_{};
    alignas(64) std::atomic<unsigned> sequence_{0};
    T value_{};
};

// A process-shared rwlock, as tism has it (but initialised as one).
template <typename T>
class Rwlock : public Peer {
public:
    Rwlock() {
        pthread_rwlockattr_t attributes;
        pthread_rwlockattr_init(&attributes);
        pthread_rwlockattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
        pthread_rwlock_init(&lock_, &attributes);
        pthread_rwlockattr_destroy(&attributes);
    }
    ~Rwlock() override { pthread_rwlock_destroy(&lock_); }

    void write(unsigned count) override {
        for (unsigned i = 0; i < count; ++i) {
            used(&source_);
            pthread_rwlock_wrlock(&lock_);
            std::memcpy(&value_, &source_, sizeof(T));
            pthread_rwlock_unlock(&lock_);
        }
    }

    std::unique_ptr<Reader> reader() override { return std::make_unique<End>(*this); }

private:
    class End : public Reader {
    public:
        explicit End(Rwlock& lock) : lock_(lock) {}
        unsigned read(unsigned) override {
            pthread_rwlock_rdlock(&lock_.lock_);
            std::memcpy(&copy_, &lock_.value_, sizeof(T));
            pthread_rwlock_unlock(&lock_.lock_);
            used(&copy_);
            return 0;
        }

    private:
        Rwlock& lock_;
        T copy_{};
    };

    T source_{};
    alignas(64) pthread_rwlock_t lock_{};
    alignas(64) T value_{};
};

// A cell in a memfd, whose readers have seats or none.
template <typename T, shmq::CellSeat Seat, shmq::CellClock Clock>
class CellPeer : public Peer {
public:
    CellPeer()
        : memory_(shmq::Region::memfd("bench", shmq::Cell<T>::required(options()))),
          publisher_(shmq::Cell<T>::create_in(shmq::Region::from_fd(memory_.fd()), 0, options())) {
        publisher_.write(source_);
    }

    void write(unsigned count) override {
        for (unsigned i = 0; i < count; ++i) {
            used(&source_);
            publisher_.write(source_);
        }
    }

    std::unique_ptr<Reader> reader() override {
        return std::make_unique<End>(
            shmq::Cell<T>::attach(shmq::Region::from_fd(memory_.fd()), 0, {.seat = Seat}));
    }

private:
    static shmq::CellOptions options() { return {.readers = 8, .clock = Clock}; }

    class End : public Reader {
    public:
        explicit End(typename shmq::Cell<T>::Reader reader) : reader_(std::move(reader)) {}
        unsigned read(unsigned most) override {
            for (unsigned failed = 0;; ++failed) {
                const shmq::Status status = reader_.read(copy_);
                used(&copy_);
                if (status == shmq::Status::Ok || failed == most)
                    return failed;
                if (status != shmq::Status::Again)
                    throw std::runtime_error(to_string(status));
            }
        }

    private:
        typename shmq::Cell<T>::Reader reader_;
        T copy_{};
    };

    T source_{};
    shmq::Region memory_;
    typename shmq::Cell<T>::Publisher publisher_;
};

template <std::size_t Size>
struct Value {
    alignas(8) std::byte bytes[Size];
};

template <typename P>
std::unique_ptr<Peer> make() {
    return std::make_unique<P>();
}

template <std::size_t Size>
std::vector<Kind> kinds_of() {
    using shmq::CellClock;
    using shmq::CellSeat;
    using T = Value<Size>;
    return {
        {"seqlock", make<Seqlock<T>>},
        {"rwlock", make<Rwlock<T>>},
        {"cell, copied", make<CellPeer<T, CellSeat::none, CellClock::none>>},
        {"cell, seats", make<CellPeer<T, CellSeat::required, CellClock::none>>},
        {"cell, copied, stamped", make<CellPeer<T, CellSeat::none, CellClock::coarse>>},
    };
}

} // namespace

std::vector<Kind> kinds(std::size_t size) {
    switch (size) {
    case 64:
        return kinds_of<64>();
    case 1024:
        return kinds_of<1024>();
    case 4096:
        return kinds_of<4096>();
    default:
        throw std::runtime_error("there are values of 64, 1024 and 4096 bytes");
    }
}

} // namespace bench
