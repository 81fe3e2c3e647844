// SPDX-License-Identifier: GPL-2.0-only OR MIT
// What the harness and the peers agree on, in C, so that peers written in Rust
// are measured by the same harness and wait by the same code.
//
// A message of N bytes is: a word with the sequence number in its low 56 bits
// and the number's low byte on top; bytes that never change; and that low byte
// once more as the last byte. With N = 8 the word is all there is.
#ifndef BENCH_ABI_H
#define BENCH_ABI_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

// The sizes that every peer with fixed-size elements is compiled for.
#define BENCH_SIZES(X) X(8) X(64) X(256) X(1024) X(4096) X(65536)

// Messages that a queue has room for, whatever its framing adds.
#define BENCH_QUEUE_BYTES 262144u
#define BENCH_CAPACITY(n) (BENCH_QUEUE_BYTES / (n))

// Most messages in one transfer of a peer that can batch.
#define BENCH_BATCH(n) ((n) >= 16384u ? 1u : 16384u / (n) > 64u ? 64u : 16384u / (n))

enum bench_policy {
    BENCH_SPIN = 0,   // look again at once
    BENCH_GATHER = 1, // after an empty look, leave the queue alone for 4 us
};

struct bench_waiter {
    uint32_t policy;
    uint32_t pad;
    uint64_t empty_looks;
    uint64_t full_looks;
};

// To be called after each look that found nothing, or no room.
void bench_wait_empty(struct bench_waiter* waiter);
void bench_wait_full(struct bench_waiter* waiter);

// A clock for round trips, in ticks of bench_ticks_per_us().
uint64_t bench_ticks(void);

// One run of a loop.
struct bench_run {
    uint64_t first; // sequence number of its first message
    uint64_t count;
    struct bench_waiter waiter;
    uint64_t* ticks; // ping: how long each round trip took
    uint64_t bad;    // receive, ping, pong: messages that are not what was sent
};

// A peer at one message size. `create` runs once, before the two processes that
// call `sender` and `receiver`; all three see the memory at the same address.
// ping sends a message into one queue and waits for its answer in another, pong
// answers; null where that cannot be measured, as are send and receive.
struct bench_ops {
    uint64_t bytes;             // of shared memory, for one queue
    int (*create)(void* memory); // 0 or an errno
    void* (*sender)(void* memory);
    void* (*receiver)(void* memory);
    void (*send)(void* sender, struct bench_run* run);
    void (*receive)(void* receiver, struct bench_run* run);
    void (*ping)(void* sender, void* receiver, struct bench_run* run);
    void (*pong)(void* sender, void* receiver, struct bench_run* run);
};

enum bench_kind {
    BENCH_OURS = 0,
    BENCH_CRATE = 1,  // the crate whose bytes ours are
    BENCH_RING = 2,   // another user-space ring that copies, a message a call
    BENCH_BULK = 3,   // the same, an array of messages a call
    BENCH_KERNEL = 4, // waits in the kernel: no policy of ours
    BENCH_LIMIT = 5,  // what the memory allows at most
};

struct bench_peer {
    const char* name;
    const char* note; // how it is used
    uint32_t kind;
    uint32_t round_trip; // 1: measure ping and pong too
    // Null if it cannot carry messages of this size.
    const struct bench_ops* (*at)(uint32_t size);
};

#ifdef __cplusplus
}
#endif

#endif // BENCH_ABI_H
