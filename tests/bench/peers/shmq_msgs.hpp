// SPDX-License-Identifier: GPL-2.0-only OR MIT
// MsgQueue, of either framing, used in three ways.
#ifndef BENCH_PEERS_SHMQ_MSGS_HPP
#define BENCH_PEERS_SHMQ_MSGS_HPP

#include "shmq.hpp"

namespace bench {

// Derive from these: to g++ 12, aliases of one name in two files are one thing.
// `Framing` has format() and overhead(N), which is what a frame adds.
template <typename Framing, std::size_t N>
struct Msgs {
    static constexpr std::size_t bytes = queue_bytes(N + Framing::overhead(N), BENCH_CAPACITY(N));
    static constexpr std::size_t batch = 1;
    static int create(void* memory) { return create_shmq(memory, bytes); }

    struct Sender {
        explicit Sender(void* memory)
            : end(shmq::MsgProducer::attach(memory_of(memory, bytes), Framing::format())) {}

        std::size_t send(Source<N>& source, std::size_t) {
            if (!done(end.try_write(bytes_of(*source.next())), shmq::Status::Full))
                return 0;
            source.sent();
            return 1;
        }

        shmq::MsgProducer end;
    };

    struct Receiver {
        explicit Receiver(void* memory)
            : end(shmq::MsgConsumer::attach(memory_of(memory, bytes), Framing::format())) {}

        std::size_t receive(Sink<N>& sink, std::size_t) {
            const shmq::Message m = end.try_read();
            if (!done(m.status(), shmq::Status::Empty))
                return 0;
            sink.take(m.data());
            return 1;
        }

        shmq::MsgConsumer end;
    };
};

// The same calls in batches.
template <typename Framing, std::size_t N>
struct MsgsBatch : Msgs<Framing, N> {
    using One = Msgs<Framing, N>;
    static constexpr std::size_t batch = BENCH_BATCH(N);

    struct Sender : One::Sender {
        using One::Sender::Sender;

        std::size_t send(Source<N>& source, std::size_t most) {
            const auto scope = this->end.batch();
            std::size_t n = 0;
            while (n < most && One::Sender::send(source, 1) == 1)
                ++n;
            return n;
        }
    };

    // One batch for as long as it lives: it gives room back when it finds nothing.
    struct Receiver : One::Receiver {
        explicit Receiver(void* memory) : One::Receiver(memory), scope(this->end.batch()) {}

        shmq::ConsumerBatch scope;
    };
};

// Made and read where they lie in the ring, in batches.
template <typename Framing, std::size_t N>
struct MsgsInPlace : Msgs<Framing, N> {
    using One = Msgs<Framing, N>;
    static constexpr std::size_t batch = BENCH_BATCH(N);

    struct Sender : One::Sender {
        using One::Sender::Sender;

        std::size_t send(Source<N>& source, std::size_t most) {
            const auto scope = this->end.batch();
            std::size_t n = 0;
            for (; n < most; ++n) {
                auto message = this->end.try_reserve(N);
                if (!done(message.status(), shmq::Status::Full))
                    break;
                source.write_to(message.room().first(), message.room().second());
                static_cast<void>(done(message.commit(), shmq::Status::Ok));
                source.sent();
            }
            return n;
        }
    };

    struct Receiver : MsgsBatch<Framing, N>::Receiver {
        using MsgsBatch<Framing, N>::Receiver::Receiver;

        std::size_t receive(Sink<N>& sink, std::size_t) {
            const shmq::Front m = this->end.try_front();
            if (!done(m.status(), shmq::Status::Empty))
                return 0;
            sink.read_from(m.data().first(), m.data().second());
            return 1;
        }
    };
};

} // namespace bench

#endif // BENCH_PEERS_SHMQ_MSGS_HPP
