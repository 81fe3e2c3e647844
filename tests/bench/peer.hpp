// SPDX-License-Identifier: GPL-2.0-only OR MIT
// How a C++ peer is written: a file in peers/, and one line in peers/table.cpp.
//
//   template <std::size_t N>
//   struct MyQueue {
//       static constexpr std::size_t bytes = …;   // shared memory for one queue
//       static constexpr std::size_t batch = 1;   // most messages a transfer
//       static int create(void* memory);          // before the processes; 0 or an errno
//       struct Sender {                           // in the sending process
//           explicit Sender(void* memory);
//           std::size_t send(Source<N>&, std::size_t most);    // 0: full
//       };
//       struct Receiver {                         // in the receiving one
//           explicit Receiver(void* memory);
//           std::size_t receive(Sink<N>&, std::size_t most);   // 0: empty
//       };
//   };
//   std::span<const bench_peer> my_queue() {
//       static const bench_peer peers[] = {
//           {"my-queue", "push and pop", BENCH_RING, 1, bench::at<MyQueue>}};
//       return peers;
//   }
//
// Each moves up to `most` messages and returns how many. The loops here ask
// again, after waiting as the policy says; a failure that is neither "full" nor
// "empty" throws.
#ifndef BENCH_PEER_HPP
#define BENCH_PEER_HPP

#include "message.hpp"

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>

namespace bench {

template <typename Q, std::size_t N>
concept Queue = requires(void* memory, Source<N>& source, Sink<N>& sink, std::size_t most,
                         typename Q::Sender& sender, typename Q::Receiver& receiver) {
    { Q::bytes } -> std::convertible_to<std::size_t>;
    { Q::batch } -> std::convertible_to<std::size_t>;
    { Q::create(memory) } -> std::same_as<int>;
    requires std::constructible_from<typename Q::Sender, void*>;
    requires std::constructible_from<typename Q::Receiver, void*>;
    { sender.send(source, most) } -> std::same_as<std::size_t>;
    { receiver.receive(sink, most) } -> std::same_as<std::size_t>;
};

template <template <std::size_t> class Q, std::size_t N>
requires Queue<Q<N>, N>
struct Loops {
    using Sender = typename Q<N>::Sender;
    using Receiver = typename Q<N>::Receiver;

    // They live until the process exits.
    static void* sender(void* memory) { return new Sender(memory); }
    static void* receiver(void* memory) { return new Receiver(memory); }

    static void send(void* end, bench_run* run) {
        auto& out = *static_cast<Sender*>(end);
        Source<N> source(run->first, Q<N>::batch);
        for (std::uint64_t left = run->count; left > 0;) {
            const auto most = std::min<std::uint64_t>(left, Q<N>::batch);
            const std::size_t n = out.send(source, most);
            if (n == 0)
                bench_wait_full(&run->waiter);
            left -= n;
        }
    }

    static void receive(void* end, bench_run* run) {
        auto& in = *static_cast<Receiver*>(end);
        Sink<N> sink(run->first, Q<N>::batch);
        for (std::uint64_t left = run->count; left > 0;) {
            const std::size_t n = in.receive(sink, left);
            if (n == 0)
                bench_wait_empty(&run->waiter);
            left -= n;
        }
        run->bad = sink.bad();
    }

    static void ping(void* sender, void* receiver, bench_run* run) {
        Source<N> source(run->first, 1);
        Sink<N> sink(run->first, 1);
        for (std::uint64_t i = 0; i < run->count; ++i) {
            const std::uint64_t start = bench_ticks();
            send_one(sender, source, run);
            receive_one(receiver, sink, run);
            run->ticks[i] = bench_ticks() - start;
        }
        run->bad = sink.bad();
    }

    static void pong(void* sender, void* receiver, bench_run* run) {
        Source<N> source(run->first, 1);
        Sink<N> sink(run->first, 1);
        for (std::uint64_t i = 0; i < run->count; ++i) {
            receive_one(receiver, sink, run);
            send_one(sender, source, run);
        }
        run->bad = sink.bad();
    }

    static constexpr bench_ops ops = {
        Q<N>::bytes, Q<N>::create, sender, receiver, send, receive, ping, pong,
    };

private:
    static void send_one(void* end, Source<N>& source, bench_run* run) {
        while (static_cast<Sender*>(end)->send(source, 1) == 0)
            bench_wait_full(&run->waiter);
    }

    static void receive_one(void* end, Sink<N>& sink, bench_run* run) {
        while (static_cast<Receiver*>(end)->receive(sink, 1) == 0)
            bench_wait_empty(&run->waiter);
    }
};

/// For bench_peer::at: a peer that carries messages of every size.
template <template <std::size_t> class Q>
const bench_ops* at(std::uint32_t size) {
    switch (size) {
#define BENCH_CASE(n)                                                                              \
    case n:                                                                                        \
        return &Loops<Q, n>::ops;
        BENCH_SIZES(BENCH_CASE)
#undef BENCH_CASE
    default:
        return nullptr;
    }
}

} // namespace bench

#endif // BENCH_PEER_HPP
