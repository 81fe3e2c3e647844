/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * Readers of a cell (cell.h) with a seat: wait-free, and what they look at stays
 * as it is until they look away. The algorithm and its fences are in
 * cell_publisher.h.
 *
 * Crash: a reader killed at any instruction leaves its seat taken and at most one
 * slot pinned, which the publisher does without. Who knows that it is dead gives
 * the seat back (shmq_cell_leave), or takes it over (shmq_cell_sit).
 */
#ifndef SHMQ_CORE_CELL_SEAT_H
#define SHMQ_CORE_CELL_SEAT_H

#include "cell_publisher.h"

/*
 * Announces seats, SHMQ_CELL_SLEEPERS or SHMQ_CELL_POLLERS to the publisher.
 * Returns true if the caller must now make the publisher fence, by membarrier(2)
 * with MEMBARRIER_CMD_GLOBAL_EXPEDITED, before it relies on that. Sleepers and
 * pollers stay announced.
 */
static inline bool shmq_cell_attend(const struct shmq_cell *c, uint32_t bits)
{
	uint32_t old;

	do {
		old = shmq_load_relaxed(c->base, SHMQ_CELL_AT_ATTENDANCE);
	} while (!shmq_cmpxchg(c->base, SHMQ_CELL_AT_ATTENDANCE, old, old | bits));
	shmq_full_fence(); /* pairs with E */
	return !shmq_load_relaxed(c->base, SHMQ_CELL_AT_FENCES);
}

/* Whether seat `seat` is taken, or was by somebody who is dead. */
static inline bool shmq_cell_is_taken(const struct shmq_cell *c, uint32_t seat)
{
	return shmq_load_relaxed(c->base, SHMQ_CELL_AT_ATTENDANCE) >> seat & 1;
}

/*
 * Takes a seat that is the caller's by a lock; where the cell has no locks,
 * shmq_cell_claim(). Returns as shmq_cell_attend().
 */
static inline bool shmq_cell_sit(const struct shmq_cell *c, uint32_t seat)
{
	/* What a dead reader had pinned. */
	shmq_store_release(c->base, shmq_cell_seat_word(seat), SHMQ_CELL_IDLE);
	return shmq_cell_attend(c, 1u << seat);
}

/* Makes a free seat the caller's; false if it is taken. Then shmq_cell_sit(). */
static inline bool shmq_cell_claim(const struct shmq_cell *c, uint32_t seat)
{
	uint32_t old = shmq_load_relaxed(c->base, SHMQ_CELL_AT_ATTENDANCE);

	while (!(old >> seat & 1)) {
		if (shmq_cmpxchg(c->base, SHMQ_CELL_AT_ATTENDANCE, old, old | 1u << seat))
			return true;
		old = shmq_load_relaxed(c->base, SHMQ_CELL_AT_ATTENDANCE);
	}
	return false;
}

/* Gives a seat back: one's own, or one whose lock the caller holds. */
static inline void shmq_cell_leave(const struct shmq_cell *c, uint32_t seat)
{
	uint32_t old;

	shmq_store_release(c->base, shmq_cell_seat_word(seat), SHMQ_CELL_IDLE);
	shmq_full_fence(); /* pairs with the acquire of the attendance */
	do {
		old = shmq_load_relaxed(c->base, SHMQ_CELL_AT_ATTENDANCE);
	} while (!shmq_cmpxchg(c->base, SHMQ_CELL_AT_ATTENDANCE, old, old & ~(1u << seat)));
}

/*
 * Looks at the latest value through a seat: it stays at `off`, whole and as it is,
 * until shmq_cell_unpin(). In a bounded number of steps. SHMQ_EMPTY: pinned, but
 * no value was ever published. SHMQ_CORRUPT: somebody else wrote there; nothing
 * is pinned.
 */
SHMQ_HOT enum shmq_status shmq_cell_pin(const struct shmq_cell *c, uint32_t seat, uint32_t *off,
					struct shmq_cell_stamp *stamp)
{
	uint32_t word = shmq_cell_seat_word(seat);
	uint32_t pin, slot;

	/* A release, as all stores to the word: the last look is over (D). */
	shmq_store_release(c->base, word, SHMQ_CELL_CHOOSING);
	shmq_full_fence(); /* pairs with E */
	/* A: pairs with the release in shmq_cell_commit() */
	pin = shmq_load_acquire(c->base, SHMQ_CELL_AT_LATEST) & SHMQ_CELL_SLOT_MASK;
	if (!shmq_cmpxchg(c->base, word, SHMQ_CELL_CHOOSING, SHMQ_CELL_PINS + pin))
		/* The publisher chose; pairs with its compare-exchange. */
		pin = shmq_load_acquire(c->base, word) - SHMQ_CELL_PINS;
	if (pin >= c->layout.slots) {
		shmq_store_release(c->base, word, SHMQ_CELL_IDLE);
		return SHMQ_CORRUPT;
	}
	slot = shmq_cell_slot(c, pin);
	shmq_copy_racy_in(stamp, c->base, slot + SHMQ_CELL_SLOT_STAMP, sizeof(*stamp));
	*off = slot + SHMQ_CELL_SLOT_VALUE;
	return stamp->writes ? SHMQ_OK : SHMQ_EMPTY;
}

/*
 * To sleep on `word` (SHMQ_CELL_AT_SLEEP, after announcing SHMQ_CELL_SLEEPERS) until
 * something new is published: arm, look again, sleep while the word is what this
 * returned. Who need not sleep after all leaves the word alone: it costs one
 * ring, and others may be asleep on it. Likewise SHMQ_CELL_AT_POLL.
 */
static inline uint32_t shmq_cell_arm(const struct shmq_cell *c, uint32_t word)
{
	uint32_t old;

	do {
		old = shmq_load_relaxed(c->base, word);
	} while (!shmq_cmpxchg(c->base, word, old, old | 1));
	shmq_full_fence(); /* pairs with E */
	return old | 1;
}

/* Looks away. */
SHMQ_HOT void shmq_cell_unpin(const struct shmq_cell *c, uint32_t seat)
{
	/* D: pairs with the acquire in shmq_cell_help() */
	shmq_store_release(c->base, shmq_cell_seat_word(seat), SHMQ_CELL_IDLE);
}

#endif /* SHMQ_CORE_CELL_SEAT_H */
