// SPDX-License-Identifier: GPL-2.0-only OR MIT
// boost::lockfree::spsc_queue of fixed capacity, in the shared memory.
#include "../peer.hpp"

#include <boost/lockfree/spsc_queue.hpp>

#include <new>

namespace bench {

namespace {

template <std::size_t N>
struct Boost {
    using Ring =
        boost::lockfree::spsc_queue<Message<N>, boost::lockfree::capacity<BENCH_CAPACITY(N)>>;

    static constexpr std::size_t bytes = sizeof(Ring);
    static constexpr std::size_t batch = 1;
    static int create(void* memory) {
        new (memory) Ring;
        return 0;
    }

    struct End {
        explicit End(void* memory) : ring(*static_cast<Ring*>(memory)) {}
        Ring& ring;
    };

    struct Sender : End {
        using End::End;

        std::size_t send(Source<N>& source, std::size_t) {
            if (!this->ring.push(*source.next()))
                return 0;
            source.sent();
            return 1;
        }
    };

    struct Receiver : End {
        using End::End;

        std::size_t receive(Sink<N>& sink, std::size_t) {
            if (!this->ring.pop(*sink.buffer()))
                return 0;
            sink.take();
            return 1;
        }
    };
};

template <std::size_t N>
struct BoostBulk : Boost<N> {
    static constexpr std::size_t batch = BENCH_BATCH(N);

    struct Sender : Boost<N>::End {
        using Boost<N>::End::End;

        std::size_t send(Source<N>& source, std::size_t most) {
            const std::size_t n = this->ring.push(source.next(most), most);
            source.sent(n);
            return n;
        }
    };

    struct Receiver : Boost<N>::End {
        using Boost<N>::End::End;

        std::size_t receive(Sink<N>& sink, std::size_t most) {
            const std::size_t n = this->ring.pop(sink.buffer(), std::min(most, batch));
            sink.take(n);
            return n;
        }
    };
};

} // namespace

std::span<const bench_peer> boost_spsc() {
    static const bench_peer peers[] = {
        {"boost", "boost::lockfree::spsc_queue: push, pop", BENCH_RING, 1, at<Boost>},
        {"boost-bulk", "boost::lockfree::spsc_queue: push(p, n), pop(p, n)", BENCH_BULK, 0,
         at<BoostBulk>},
    };
    return peers;
}

} // namespace bench
