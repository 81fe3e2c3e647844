// SPDX-License-Identifier: GPL-2.0-only OR MIT
// The typed stream over ByteQueue: values of one size, as typed rings carry them.
#include "shmq.hpp"

#include <shmq/stream.hpp>

#include <algorithm>
#include <array>

namespace bench {

namespace {

using shmq::Status;

template <std::size_t N>
struct Stream {
    using T = std::array<std::byte, N>;
    static constexpr std::size_t bytes = SHMQ_QUEUE_HEADER + N * (BENCH_CAPACITY(N) + 1);
    static constexpr std::size_t batch = BENCH_BATCH(N);

    static int create(void* memory) { return create_shmq(memory, bytes); }

    struct Sender {
        explicit Sender(void* memory)
            : end(shmq::StreamProducer<T>::attach(memory_of(memory, bytes))) {}

        std::size_t send(Source<N>& source, std::size_t most) {
            const auto scope = end.batch();
            std::size_t n = 0;
            for (; n < most; ++n) {
                const auto& value = reinterpret_cast<const T&>(source.next()->bytes);
                if (!done(end.try_write(value), Status::Full))
                    break;
                source.sent();
            }
            return n;
        }

        shmq::StreamProducer<T> end;
    };

    struct Receiver {
        explicit Receiver(void* memory)
            : end(shmq::StreamConsumer<T>::attach(memory_of(memory, bytes))), scope(end.batch()) {}

        std::size_t receive(Sink<N>& sink, std::size_t most) {
            const auto row = end.front();
            const std::size_t n = std::min(most, row.size());
            for (const T& value : row.first(n))
                sink.read_from(value, {});
            end.release(n);
            return n;
        }

        shmq::StreamConsumer<T> end;
        shmq::ConsumerBatch scope;
    };
};

// Made where they lie in the ring.
template <std::size_t N>
struct StreamInPlace : Stream<N> {
    struct Sender : Stream<N>::Sender {
        using Stream<N>::Sender::Sender;

        std::size_t send(Source<N>& source, std::size_t most) {
            const auto scope = this->end.batch();
            std::size_t n = 0;
            for (; n < most; ++n) {
                const auto room = this->end.reserve();
                if (room.empty())
                    break;
                source.write_to(room.front(), {});
                source.sent();
                this->end.commit();
            }
            return n;
        }
    };
};

} // namespace

std::span<const bench_peer> shmq_stream() {
    static const bench_peer peers[] = {
        {"stream", "StreamProducer, StreamConsumer: try_write, front, in batch()", BENCH_OURS, 1,
         at<Stream>},
        {"stream-inplace", "the same with reserve instead of try_write", BENCH_OURS, 0,
         at<StreamInPlace>},
    };
    return peers;
}

} // namespace bench
