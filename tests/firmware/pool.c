// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * core/pool.h on a Cortex-M4: an interrupt takes, keeps and gives back blocks,
 * and gets some sent, while the program that it interrupts does the same. It
 * comes after another number of cycles each time, so between any two
 * instructions.
 */
#include "board.h"

#include <shmq/core/barrier.h>

#ifdef FIRMWARE_BREAK
/* Does in several instructions what must be one: must be noticed. */
static inline bool broken_cmpxchg(shmq_base base, uint32_t off, uint32_t from, uint32_t to)
{
	volatile uint32_t later;

	if (shmq_load_relaxed(base, off) != from)
		return false;
	for (later = 0; later < 8; later = later + 1)
		;
	shmq_store_relaxed(base, off, to);
	return true;
}
#define shmq_cmpxchg broken_cmpxchg
#endif

#include <shmq/core/pool_owner.h>

#define PROGRAM		0u
#define INTERRUPT	1u
#define TICKS		20000u

static struct shmq_pool pool;
static uint64_t memory[64];
static struct shmq_pool_hints hints; /* one for both: they own nothing */
static shmq_owner_id id[2];

/* A block that was sent to the interrupt; its handle's index is NONE if there is none. */
static struct shmq_pool_handle sent = { SHMQ_POOL_NONE, 0 };
static struct shmq_pool_handle kept = { SHMQ_POOL_NONE, 0 };
static volatile uint32_t ticks, adopted, errors, alone;

static uint32_t random_word(void)
{
	static uint32_t state = 1;

	state ^= state << 13;
	state ^= state >> 17;
	state ^= state << 5;
	return state;
}

static void require(bool condition)
{
	if (!condition)
		errors = errors + 1;
}

/* Whoever else has the block too writes something else to it. */
static void mark(struct shmq_pool_handle h, uint32_t value)
{
	shmq_store_relaxed(pool.base, shmq_pool_offset(&pool, h.index), value);
}

static bool marked(struct shmq_pool_handle h, uint32_t value)
{
	return shmq_load_relaxed(pool.base, shmq_pool_offset(&pool, h.index)) == value;
}

void firmware_tick(void)
{
	/* Without hints it takes the first free block: the program may be at it. */
	struct shmq_pool_hints none = { 0, 0, { 0 } };
	struct shmq_pool_handle h;
	uint32_t from = 99;

	ticks = ticks + 1;
	if (sent.index != SHMQ_POOL_NONE) {
		require(shmq_pool_adopt(&pool, INTERRUPT, sent, &from) == SHMQ_OK);
		require(from == PROGRAM && marked(sent, 0x5e4du));
		require(shmq_pool_free(&pool, INTERRUPT, &hints, sent) == SHMQ_OK);
		sent.index = SHMQ_POOL_NONE;
		adopted = adopted + 1;
	}
	if (kept.index != SHMQ_POOL_NONE) {
		require(marked(kept, 0x1417u));
		require(shmq_pool_free(&pool, INTERRUPT, &hints, kept) == SHMQ_OK);
		require(shmq_pool_free(&pool, INTERRUPT, &hints, kept) == SHMQ_STALE);
		kept.index = SHMQ_POOL_NONE;
	}
	if (shmq_pool_alloc(&pool, INTERRUPT, ticks % 2 ? &none : &hints, &h) == SHMQ_OK) {
		mark(h, 0x1417u);
		kept = h;
	} else {
		alone = alone + 1;
	}
	board_tick_in(300 + random_word() % 500);
}

static void program(void)
{
	struct shmq_pool_handle h[3];
	uint32_t n, i;

	for (n = 0; n < 3 && shmq_pool_alloc(&pool, PROGRAM, &hints, &h[n]) == SHMQ_OK; n++)
		mark(h[n], 0x9000u + n);
	for (i = 0; i < n; i++) {
		require(marked(h[i], 0x9000u + i));
		if (i == 0 && sent.index == SHMQ_POOL_NONE) {
			mark(h[i], 0x5e4du);
			require(shmq_pool_send(&pool, PROGRAM, h[i], id[INTERRUPT]) == SHMQ_OK);
			sent.generation = h[i].generation;
			shmq_compiler_barrier();
			shmq_hint_store(&sent.index, h[i].index);
		} else {
			require(shmq_pool_free(&pool, PROGRAM, &hints, h[i]) == SHMQ_OK);
		}
	}
}

int firmware_main(void)
{
	const struct shmq_pool_shape shape = { 4, 16, 8, 2 };
	struct shmq_pool_counts counts;
	uint32_t left;

	if (shmq_pool_create(&pool, (shmq_base)memory, sizeof(memory), &shape) != SHMQ_POOL_OK ||
	    !shmq_pool_join(&pool, PROGRAM, SHMQ_OWNER_UNLOCKED, &id[PROGRAM]) ||
	    !shmq_pool_join(&pool, INTERRUPT, SHMQ_OWNER_UNLOCKED, &id[INTERRUPT])) {
		board_print("no pool\n");
		return 2;
	}
	board_tick_in(1000);
	while (ticks < TICKS)
		program();
	__asm__ __volatile__("cpsid i" ::: "memory");

	shmq_pool_sweep(&pool, INTERRUPT, shmq_pool_seen(&pool, INTERRUPT), &left);
	counts = shmq_pool_count(&pool);
	require(counts.free == 4 && left == 0);
	require(adopted > TICKS / 10);
	require(alone < ticks);
	board_print(errors ? "pool: FAILED\n" : "pool: ok\n");
	return errors ? 1 : 0;
}
