// SPDX-License-Identifier: GPL-2.0-only OR MIT
// The third branch of core/barrier.h: the same names over relacy's types, so
// that the model checker runs the real headers.
//
// A byte of memory is a rl::var: two accesses of which none happens before the
// other are reported as a race, a read of what nobody wrote too. A word is a
// rl::atomic: loads return whatever C11 allows. Which offsets are words and
// which are bytes the test says (memory.hpp); an access to anything else, or of
// the wrong kind, fails the test.
//
// Each operation can be broken on purpose (broken.hpp). That is decided here,
// when it runs, and nowhere in core/: the binary that must pass and the one that
// must be caught are the same.
#ifndef SHMQ_MODEL_MEMORY_H
#define SHMQ_MODEL_MEMORY_H

#ifndef __cplusplus
#error "SHMQ_MODEL is for tests/model: C++ with relacy"
#endif

#include "broken.hpp"
#include "relacy.hpp"

#include <cstdint>

// One byte of modelled memory; offsets count these.
struct shmq_model_cell {
    rl::var<std::uint8_t>* byte;
    rl::atomic<std::uint32_t>* word;
};

typedef shmq_model_cell* shmq_base;

// Where core/ makes an access: for relacy's report, and to break one of several.
// (std::source_location, for compilers that have none.)
struct shmq_where {
    const char* function;
    const char* file;
    unsigned line;

    static constexpr shmq_where current(const char* function = __builtin_FUNCTION(),
                                        const char* file = __builtin_FILE(),
                                        unsigned line = __builtin_LINE()) {
        return {function, file, line};
    }
};

namespace model {

inline rl::debug_info info(const shmq_where& at) {
    return {at.function, at.file, at.line};
}

inline bool broken(Broken what, const shmq_where& at) {
    return broken(what, at.function);
}

inline bool broken(Broken what, const shmq_where& at, std::uint32_t off) {
    return broken(what, at) && (breakage->word == off || breakage->word == any_word);
}

// Called before each access: where a test interrupts a thread, or kills it.
inline void (*at_access)() = nullptr;

inline rl::atomic<std::uint32_t>& word(shmq_base base, std::uint32_t off, const shmq_where& at) {
    if (at_access)
        at_access();
    if (!base[off].word)
        rl::ctx().fail_test("no word here", rl::test_result_user_assert_failed, info(at));
    return *base[off].word;
}

inline rl::var<std::uint8_t>& byte(shmq_base base, std::uint32_t off, const shmq_where& at) {
    if (at_access)
        at_access();
    if (!base[off].byte)
        rl::ctx().fail_test("no byte here", rl::test_result_user_assert_failed, info(at));
    return *base[off].byte;
}

// In-place data: what a program reads and writes through shmq_at().
inline std::uint8_t get(const shmq_model_cell& cell, const shmq_where& at = shmq_where::current()) {
    return (*cell.byte)(info(at)).load();
}

inline void set(const shmq_model_cell& cell, std::uint8_t value,
                const shmq_where& at = shmq_where::current()) {
    (*cell.byte)(info(at)).store(value);
}

} // namespace model

static inline shmq_model_cell* shmq_at(shmq_base base, uint32_t off) {
    return base + off;
}

static inline uint32_t shmq_load_relaxed(shmq_base base, uint32_t off,
                                         shmq_where at = shmq_where::current()) {
    return model::word(base, off, at).load(rl::mo_relaxed, model::info(at));
}

static inline uint32_t shmq_load_acquire(shmq_base base, uint32_t off,
                                         shmq_where at = shmq_where::current()) {
    const bool broken = model::broken(model::Broken::look, at, off);
    return model::word(base, off, at)
        .load(broken ? rl::mo_relaxed : rl::mo_acquire, model::info(at));
}

static inline void shmq_store_relaxed(shmq_base base, uint32_t off, uint32_t value,
                                      shmq_where at = shmq_where::current()) {
    if (model::broken(model::Broken::clear, at))
        return;
    model::word(base, off, at).store(value, rl::mo_relaxed, model::info(at));
}

static inline void shmq_store_release(shmq_base base, uint32_t off, uint32_t value,
                                      shmq_where at = shmq_where::current()) {
    const bool broken = model::broken(model::Broken::publish, at, off);
    model::word(base, off, at)
        .store(value, broken ? rl::mo_relaxed : rl::mo_release, model::info(at));
}

static inline void shmq_full_fence(shmq_where at = shmq_where::current()) {
    if (model::broken(model::Broken::fence, at) || model::broken(model::Broken::leave, at))
        return;
    rl::atomic_thread_fence(rl::mo_seq_cst, model::info(at));
}

static inline void shmq_load_fence(shmq_where at = shmq_where::current()) {
    if (!model::broken(model::Broken::fence, at))
        rl::atomic_thread_fence(rl::mo_acquire, model::info(at));
}

static inline void shmq_store_fence(shmq_where at = shmq_where::current()) {
    if (!model::broken(model::Broken::fence, at))
        rl::atomic_thread_fence(rl::mo_release, model::info(at));
}

static inline bool shmq_cmpxchg(shmq_base base, uint32_t off, uint32_t from, uint32_t to,
                                shmq_where at = shmq_where::current()) {
    const bool broken = model::broken(model::Broken::leave, at);
    if (model::broken(model::Broken::help, at))
        return false;
    if (model::broken(model::Broken::generation, at))
        to = from >> model::breakage->word << model::breakage->word |
             (to & ((1u << model::breakage->word) - 1));
    return model::word(base, off, at)
        .compare_exchange(rl::bool_t<false>(), from, to, broken ? rl::mo_relaxed : rl::mo_acq_rel,
                          broken ? rl::mo_relaxed : rl::mo_acquire, model::info(at));
}

static inline void shmq_compiler_barrier(void) {}

static inline uint32_t shmq_hint_load(const uint32_t* hint) {
    return *hint;
}

static inline void shmq_hint_store(uint32_t* hint, uint32_t value) {
    *hint = value;
}

static inline void shmq_copy_in(void* to, shmq_base base, uint32_t off, uint32_t n,
                                shmq_where at = shmq_where::current()) {
    for (uint32_t i = 0; i < n; i++)
        static_cast<uint8_t*>(to)[i] = model::byte(base, off + i, at)(model::info(at)).load();
}

static inline void shmq_copy_out(shmq_base base, uint32_t off, const void* from, uint32_t n,
                                 shmq_where at = shmq_where::current()) {
    for (uint32_t i = 0; i < n; i++)
        model::byte(base, off + i, at)(model::info(at)).store(static_cast<const uint8_t*>(from)[i]);
}

static inline void shmq_prefetch(shmq_base, uint32_t, uint32_t) {}

// Bytes that are copied without regard for the other side are words here, as they
// are accessed; a race between words is none.
static inline void shmq_copy_racy_in(void* to, shmq_base base, uint32_t off, uint32_t n,
                                     shmq_where at = shmq_where::current()) {
    for (uint32_t i = 0; i < n; i += 4) {
        const uint32_t value = shmq_load_relaxed(base, off + i, at);
        std::memcpy(static_cast<uint8_t*>(to) + i, &value, n - i < 4 ? n - i : 4);
    }
}

static inline void shmq_copy_racy_out(shmq_base base, uint32_t off, const void* from, uint32_t n,
                                      shmq_where at = shmq_where::current()) {
    for (uint32_t i = 0; i < n; i += 4) {
        uint32_t value = 0;
        std::memcpy(&value, static_cast<const uint8_t*>(from) + i, n - i < 4 ? n - i : 4);
        shmq_store_relaxed(base, off + i, value, at);
    }
}

// core/crc32.h over bytes in the ring: frames that are made and checked in place.
static inline uint32_t shmq_crc32(uint32_t crc, const shmq_model_cell* data, size_t n) {
    crc = ~crc;
    for (size_t i = 0; i < n; i++) {
        crc ^= model::get(data[i]);
        for (int bit = 0; bit < 8; bit++)
            crc = (crc >> 1) ^ (crc & 1 ? 0xedb88320u : 0);
    }
    return ~crc;
}

#endif // SHMQ_MODEL_MEMORY_H
