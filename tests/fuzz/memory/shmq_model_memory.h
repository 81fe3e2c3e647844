// SPDX-License-Identifier: GPL-2.0-only OR MIT
// The third branch of core/barrier.h for the fuzzer: shared memory whose other
// holder changes it between any two accesses of the real core. What it changes,
// and when, the fuzzer's input says.
#ifndef SHMQ_MODEL_MEMORY_H
#define SHMQ_MODEL_MEMORY_H

#include "../input.hpp"

#include <cstdint>
#include <cstring>

typedef uint8_t* shmq_base;

static inline uint8_t* shmq_at(shmq_base base, uint32_t off) {
    return base + off;
}

static inline uint32_t shmq_load_relaxed(shmq_base base, uint32_t off) {
    uint32_t value;
    fuzz::peer.act();
    memcpy(&value, base + off, sizeof(value));
    return value;
}

static inline uint32_t shmq_load_acquire(shmq_base base, uint32_t off) {
    return shmq_load_relaxed(base, off);
}

static inline void shmq_store_relaxed(shmq_base base, uint32_t off, uint32_t value) {
    fuzz::peer.act();
    memcpy(base + off, &value, sizeof(value));
}

static inline void shmq_store_release(shmq_base base, uint32_t off, uint32_t value) {
    shmq_store_relaxed(base, off, value);
}

static inline void shmq_full_fence(void) {}
static inline void shmq_compiler_barrier(void) {}

static inline bool shmq_cmpxchg(shmq_base base, uint32_t off, uint32_t from, uint32_t to) {
    if (shmq_load_relaxed(base, off) != from)
        return false;
    memcpy(base + off, &to, sizeof(to));
    return true;
}

// A copy is not one access: what lies in it may be from before and after a change.
static inline void shmq_copy_in(void* to, shmq_base base, uint32_t off, uint32_t n) {
    fuzz::peer.act();
    memcpy(to, base + off, n / 2);
    fuzz::peer.act();
    memcpy(static_cast<uint8_t*>(to) + n / 2, base + off + n / 2, n - n / 2);
}

// A hint can do no harm; that it points outside would be an error all the same.
static inline void shmq_prefetch(shmq_base base, uint32_t off, uint32_t n) {
    for (uint32_t i = 0; i < n; i++)
        static_cast<void>(*const_cast<const volatile uint8_t*>(base + off + i));
}

static inline void shmq_copy_out(shmq_base base, uint32_t off, const void* from, uint32_t n) {
    memcpy(base + off, from, n);
    fuzz::peer.act();
}

#endif // SHMQ_MODEL_MEMORY_H
