/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * Access to shared memory: the only file that knows about memory order.
 *
 * Shared memory is a base address and 32-bit byte offsets from it. Nothing
 * else in core/ casts, dereferences or orders an access to it.
 *
 *   shmq_load_relaxed    one untorn read, no order
 *   shmq_load_acquire    later accesses stay after it; pairs with store_release
 *   shmq_store_relaxed   one untorn write, no order
 *   shmq_store_release   earlier accesses stay before it; pairs with load_acquire
 *   shmq_cmpxchg         compare-exchange, acquire on success
 *   shmq_full_fence      orders everything, a store before a later load too
 *   shmq_load_fence      earlier loads stay before later loads and stores
 *   shmq_store_fence     earlier loads and stores stay before later stores
 *   shmq_copy_in/_out    bulk copies; what was copied in is not read again
 *   shmq_copy_racy_in/_out  the same while the other side may be at the same
 *                        bytes: what comes of it must be checked before use
 *   shmq_prefetch        bytes that will be copied in soon
 *   shmq_hint_load/_store  of private memory, for words whose value may be wrong:
 *                        a signal handler or another thread may change them too
 *
 * Words are 32 bits and 4-byte aligned; nothing wider is atomic on every
 * machine that may be the other end.
 *
 * Define SHMQ_DEVICE_BARRIERS before including this where the other end is not
 * a coherent CPU of the same system (a Cortex-M behind Linux on Arm): the
 * barriers then reach the whole system and survive a uniprocessor kernel.
 */
#ifndef SHMQ_CORE_BARRIER_H
#define SHMQ_CORE_BARRIER_H

#ifdef __KERNEL__
#include <linux/compiler.h>
#include <linux/string.h>
#include <linux/types.h>
#include <asm/barrier.h>
#include <asm/cmpxchg.h>
#else
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#endif

/*
 * For what every message passes through: a copy of a size that the caller knows
 * is then a move. Where size counts, the compiler decides.
 */
#ifdef __OPTIMIZE_SIZE__
#define SHMQ_HOT static inline
#else
#define SHMQ_HOT static inline __attribute__((__always_inline__))
#endif
/* For what not every message needs: it does not take the registers of the rest. */
#define SHMQ_APART static __attribute__((__noinline__, __unused__))
/* For what few messages need: it does not take the room of the rest. */
#define SHMQ_COLD SHMQ_APART __attribute__((__cold__))

/*
 * A length that the compiler does not know stays one of which it knows nothing:
 * where it can tell that few bytes are copied it uses instructions for strings,
 * which need longer to start than the C library's copy needs to end.
 */
SHMQ_HOT uint32_t shmq_opaque_length(uint32_t n)
{
	if (!__builtin_constant_p(n))
		__asm__("" : "+r"(n));
	return n;
}

/* For what C++ can compute before the program starts. */
#ifdef __cplusplus
#define SHMQ_LAYOUT static constexpr
#else
#define SHMQ_LAYOUT static inline
#endif

#ifdef SHMQ_MODEL

/* All of the names below over the types of a model checker: tests/model. */
#include "shmq_model_memory.h"

#else

/* Where a region starts in this address space; 8-byte aligned. */
typedef uint8_t *shmq_base;

/* The address of in-place data: for callers of reserve() and front(). */
static inline uint8_t *shmq_at(shmq_base base, uint32_t off)
{
	return base + off;
}

#ifdef __KERNEL__

static inline u32 *shmq_word(shmq_base base, uint32_t off)
{
	return (u32 *)(base + off);
}

static inline uint32_t shmq_load_relaxed(shmq_base base, uint32_t off)
{
	return READ_ONCE(*shmq_word(base, off));
}

static inline void shmq_store_relaxed(shmq_base base, uint32_t off, uint32_t value)
{
	WRITE_ONCE(*shmq_word(base, off), value);
}

#ifdef SHMQ_DEVICE_BARRIERS

static inline uint32_t shmq_load_acquire(shmq_base base, uint32_t off)
{
	uint32_t value = READ_ONCE(*shmq_word(base, off));

	mb(); /* pairs with the other end's barrier before it publishes */
	return value;
}

static inline void shmq_store_release(shmq_base base, uint32_t off, uint32_t value)
{
	mb(); /* pairs with the other end's barrier after it reads the word */
	WRITE_ONCE(*shmq_word(base, off), value);
}

static inline void shmq_full_fence(void)
{
	mb(); /* pairs with the other end's shmq_full_fence() */
}

static inline void shmq_load_fence(void)
{
	mb(); /* pairs with the other end's shmq_store_fence() */
}

static inline void shmq_store_fence(void)
{
	mb(); /* pairs with the other end's shmq_load_fence() */
}

#else

/* virt_*: the other end is another CPU even if this kernel has only one. */
static inline uint32_t shmq_load_acquire(shmq_base base, uint32_t off)
{
	/* pairs with shmq_store_release() of the other end */
	return virt_load_acquire(shmq_word(base, off));
}

static inline void shmq_store_release(shmq_base base, uint32_t off, uint32_t value)
{
	/* pairs with shmq_load_acquire() of the other end */
	virt_store_release(shmq_word(base, off), value);
}

static inline void shmq_full_fence(void)
{
	virt_mb(); /* pairs with the other end's shmq_full_fence() */
}

static inline void shmq_load_fence(void)
{
	virt_rmb(); /* pairs with the other end's shmq_store_fence() */
}

static inline void shmq_store_fence(void)
{
	virt_wmb(); /* pairs with the other end's shmq_load_fence() */
}

#endif

static inline bool shmq_cmpxchg(shmq_base base, uint32_t off, uint32_t from, uint32_t to)
{
	return cmpxchg(shmq_word(base, off), from, to) == from;
}

static inline void shmq_compiler_barrier(void)
{
	barrier();
}

static inline uint32_t shmq_hint_load(const uint32_t *hint)
{
	return READ_ONCE(*hint);
}

static inline void shmq_hint_store(uint32_t *hint, uint32_t value)
{
	WRITE_ONCE(*hint, value);
}

#else /* user space and bare metal */

typedef uint32_t __attribute__((__may_alias__)) shmq_word_t;

static inline shmq_word_t *shmq_word(shmq_base base, uint32_t off)
{
	return (shmq_word_t *)(void *)(base + off);
}

static inline uint32_t shmq_load_relaxed(shmq_base base, uint32_t off)
{
	return __atomic_load_n(shmq_word(base, off), __ATOMIC_RELAXED);
}

static inline void shmq_store_relaxed(shmq_base base, uint32_t off, uint32_t value)
{
	__atomic_store_n(shmq_word(base, off), value, __ATOMIC_RELAXED);
}

static inline void shmq_full_fence(void)
{
	/* pairs with the other end's shmq_full_fence() */
#if defined(SHMQ_DEVICE_BARRIERS) && (defined(__arm__) || defined(__aarch64__))
	__asm__ __volatile__("dmb sy" ::: "memory");
#else
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
#endif
}

#ifdef SHMQ_DEVICE_BARRIERS

static inline uint32_t shmq_load_acquire(shmq_base base, uint32_t off)
{
	uint32_t value = shmq_load_relaxed(base, off);

	shmq_full_fence(); /* pairs with the barrier before the other end publishes */
	return value;
}

static inline void shmq_store_release(shmq_base base, uint32_t off, uint32_t value)
{
	shmq_full_fence(); /* pairs with the barrier after the other end's read */
	shmq_store_relaxed(base, off, value);
}

static inline void shmq_load_fence(void)
{
	shmq_full_fence(); /* pairs with the other end's shmq_store_fence() */
}

static inline void shmq_store_fence(void)
{
	shmq_full_fence(); /* pairs with the other end's shmq_load_fence() */
}

#else

static inline void shmq_load_fence(void)
{
	/* pairs with the other end's shmq_store_fence() */
	__atomic_thread_fence(__ATOMIC_ACQUIRE);
}

static inline void shmq_store_fence(void)
{
	/* pairs with the other end's shmq_load_fence() */
	__atomic_thread_fence(__ATOMIC_RELEASE);
}

static inline uint32_t shmq_load_acquire(shmq_base base, uint32_t off)
{
	/* pairs with shmq_store_release() of the other end */
	return __atomic_load_n(shmq_word(base, off), __ATOMIC_ACQUIRE);
}

static inline void shmq_store_release(shmq_base base, uint32_t off, uint32_t value)
{
	/* pairs with shmq_load_acquire() of the other end */
	__atomic_store_n(shmq_word(base, off), value, __ATOMIC_RELEASE);
}

#endif

static inline bool shmq_cmpxchg(shmq_base base, uint32_t off, uint32_t from, uint32_t to)
{
	return __atomic_compare_exchange_n(shmq_word(base, off), &from, to, false,
					   __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE);
}

static inline void shmq_compiler_barrier(void)
{
	__asm__ __volatile__("" ::: "memory");
}

static inline uint32_t shmq_hint_load(const uint32_t *hint)
{
	return __atomic_load_n(hint, __ATOMIC_RELAXED);
}

static inline void shmq_hint_store(uint32_t *hint, uint32_t value)
{
	__atomic_store_n(hint, value, __ATOMIC_RELAXED);
}

#endif

/*
 * Copies out of shared memory: what is parsed afterwards is the private copy.
 * The compiler must believe that the copy has changed since, or it may read the
 * shared bytes a second time instead; it need not believe that of anything else.
 */
SHMQ_HOT void shmq_copy_in(void *to, shmq_base base, uint32_t off, uint32_t n)
{
	if (__builtin_constant_p(n) && n == sizeof(uint32_t)) {
		uint32_t value; /* stays in a register */

		memcpy(&value, base + off, sizeof(value));
		__asm__ __volatile__("" : "+r"(value));
		memcpy(to, &value, sizeof(value));
		return;
	}
	if (__builtin_constant_p(n) && n == sizeof(unsigned long)) {
		unsigned long value;

		memcpy(&value, base + off, sizeof(value));
		__asm__ __volatile__("" : "+r"(value));
		memcpy(to, &value, sizeof(value));
		return;
	}
	memcpy(to, base + off, shmq_opaque_length(n));
	__asm__ __volatile__("" : "+m"(*(uint8_t (*)[])to));
}

/* `n` bytes, at least one, that will be copied in soon. */
SHMQ_HOT void shmq_prefetch(shmq_base base, uint32_t off, uint32_t n)
{
	const uint8_t *at = base + off;
	const uint8_t *last = at + n - 1;

	for (; at < last; at += 64) /* no cache line is shorter that counts */
		__builtin_prefetch(at);
	__builtin_prefetch(last);
}

/* Copies private bytes into shared memory, before the next store-release to it. */
SHMQ_HOT void shmq_copy_out(shmq_base base, uint32_t off, const void *from, uint32_t n)
{
	memcpy(base + off, from, shmq_opaque_length(n));
}

/*
 * Copies of bytes that the other side may be storing, or reading, at the same
 * time. `off` is a multiple of 4, and the memory goes on to the next one after
 * `off + n`. Order comes from the fences around the copy; torn bytes do no harm,
 * as the caller throws away what was not still. What a compiler might do with a
 * race is to read or write twice, or elsewhere in order: the barriers keep it
 * from seeing that it could.
 */
#if defined(__SANITIZE_THREAD__)
#define SHMQ_RACES_ARE_WATCHED
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define SHMQ_RACES_ARE_WATCHED
#endif
#endif

#ifndef SHMQ_RACES_ARE_WATCHED

SHMQ_HOT void shmq_copy_racy_in(void *to, shmq_base base, uint32_t off, uint32_t n)
{
	shmq_compiler_barrier();
	memcpy(to, base + off, n);
	shmq_compiler_barrier();
}

SHMQ_HOT void shmq_copy_racy_out(shmq_base base, uint32_t off, const void *from, uint32_t n)
{
	shmq_compiler_barrier();
	memcpy(base + off, from, n);
	shmq_compiler_barrier();
}

#else /* word by word, so that a checker of races sees no other ones */

static inline void shmq_copy_racy_in(void *to, shmq_base base, uint32_t off, uint32_t n)
{
	uint8_t *out = (uint8_t *)to;
	uint32_t word, part;

	for (; n; n -= part) {
		part = n < sizeof(word) ? n : (uint32_t)sizeof(word);
		word = shmq_load_relaxed(base, off);
		memcpy(out, &word, part);
		off += part;
		out += part;
	}
}

static inline void shmq_copy_racy_out(shmq_base base, uint32_t off, const void *from, uint32_t n)
{
	const uint8_t *in = (const uint8_t *)from;
	uint32_t word, part;

	for (; n; n -= part) {
		part = n < sizeof(word) ? n : (uint32_t)sizeof(word);
		word = 0;
		memcpy(&word, in, part);
		shmq_store_relaxed(base, off, word);
		off += part;
		in += part;
	}
}

#endif

#endif /* SHMQ_MODEL */

#endif /* SHMQ_CORE_BARRIER_H */
