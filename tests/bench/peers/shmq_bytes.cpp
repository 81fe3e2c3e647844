// SPDX-License-Identifier: GPL-2.0-only OR MIT
// ByteQueue: messages of a size that both sides know, as bytes.
#include "shmq.hpp"

namespace bench {

namespace {

using shmq::Status;

template <std::size_t N>
struct Bytes {
    static constexpr std::size_t bytes = queue_bytes(N, BENCH_CAPACITY(N));
    static constexpr std::size_t batch = 1;
    static int create(void* memory) { return create_shmq(memory, bytes); }

    struct Sender {
        explicit Sender(void* memory) : end(shmq::ByteProducer::attach(memory_of(memory, bytes))) {}

        std::size_t send(Source<N>& source, std::size_t) {
            if (!done(end.try_write(bytes_of(*source.next())), Status::Full))
                return 0;
            source.sent();
            return 1;
        }

        shmq::ByteProducer end;
    };

    struct Receiver {
        explicit Receiver(void* memory)
            : end(shmq::ByteConsumer::attach(memory_of(memory, bytes))) {}

        std::size_t receive(Sink<N>& sink, std::size_t) {
            if (!done(end.try_consume(bytes_of(*sink.buffer())), Status::Empty))
                return 0;
            sink.take();
            return 1;
        }

        shmq::ByteConsumer end;
    };
};

// The same calls inside batches.
template <std::size_t N>
struct BytesBatch : Bytes<N> {
    static constexpr std::size_t batch = BENCH_BATCH(N);

    struct Sender : Bytes<N>::Sender {
        using Bytes<N>::Sender::Sender;

        std::size_t send(Source<N>& source, std::size_t most) {
            const auto scope = this->end.batch();
            std::size_t n = 0;
            while (n < most && Bytes<N>::Sender::send(source, 1) == 1)
                ++n;
            return n;
        }
    };

    // One batch for as long as it lives: it gives room back when it finds nothing.
    struct Receiver : Bytes<N>::Receiver {
        explicit Receiver(void* memory) : Bytes<N>::Receiver(memory), scope(this->end.batch()) {}

        shmq::ConsumerBatch scope;
    };
};

// Arrays of messages in one call.
template <std::size_t N>
struct BytesBulk : Bytes<N> {
    static constexpr std::size_t batch = BENCH_BATCH(N);

    struct Sender : Bytes<N>::Sender {
        using Bytes<N>::Sender::Sender;

        std::size_t send(Source<N>& source, std::size_t most) {
            if (!done(this->end.try_write({source.next(most), most * N}), Status::Full))
                return 0;
            source.sent(most);
            return most;
        }
    };

    struct Receiver : Bytes<N>::Receiver {
        using Bytes<N>::Receiver::Receiver;

        std::size_t receive(Sink<N>& sink, std::size_t most) {
            // Whole messages are written, and as many are read as there are.
            const std::size_t n = std::min(most, batch);
            const std::span to = std::as_writable_bytes(std::span(sink.buffer(), n));
            const std::size_t got = this->end.consume_some(to) / N;
            sink.take(got);
            return got;
        }
    };
};

// In place: the bytes are made and read where they lie, all that there are at a time.
template <std::size_t N>
struct BytesInPlace : Bytes<N> {
    static constexpr std::size_t batch = BENCH_BATCH(N);

    struct Sender : Bytes<N>::Sender {
        using Bytes<N>::Sender::Sender;

        std::size_t send(Source<N>& source, std::size_t most) {
            const auto scope = this->end.batch();
            std::size_t n = 0;
            for (; n < most; ++n) {
                const auto room = this->end.reserve(N);
                if (room.empty())
                    break;
                source.write_to(room.first(), room.second());
                source.sent();
                this->end.commit(N);
            }
            return n;
        }
    };

    struct Receiver : BytesBatch<N>::Receiver {
        using BytesBatch<N>::Receiver::Receiver;

        std::size_t receive(Sink<N>& sink, std::size_t most) {
            const auto all = this->end.front();
            std::span<const std::byte> one = all.first();
            std::span<const std::byte> two = all.second();
            std::size_t n = 0;
            for (; n < most && one.size() + two.size() >= N; ++n) {
                if (one.size() >= N) {
                    sink.read_from(one.first(N), {});
                    one = one.subspan(N);
                } else {
                    const std::size_t rest = N - one.size();
                    sink.read_from(one, two.first(rest));
                    one = two.subspan(rest);
                    two = {};
                }
                this->end.release(N);
            }
            return n;
        }
    };
};

} // namespace

std::span<const bench_peer> shmq_bytes() {
    static const bench_peer peers[] = {
        {"bytes", "ByteQueue: try_write, try_consume", BENCH_OURS, 1, at<Bytes>},
        {"bytes-batch", "ByteQueue: the same in batch()", BENCH_OURS, 0, at<BytesBatch>},
        {"bytes-bulk", "ByteQueue: an array of messages in one try_write, consume_some", BENCH_OURS,
         0, at<BytesBulk>},
        {"bytes-inplace", "ByteQueue: reserve, front, in batch()", BENCH_OURS, 1, at<BytesInPlace>},
    };
    return peers;
}

} // namespace bench
