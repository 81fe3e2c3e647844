/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * The publisher of a cell (cell.h): one at a time, wait-free whatever readers do.
 *
 * With seats it is the writer of J. Chen and A. Burns, "A Fully Asynchronous
 * Reader/Writer Mechanism for Multiprocessor Real-Time Systems" (University of
 * York, YCS-288, 1997): a reader announces that it chooses, then chooses the
 * latest slot by compare-exchange; a publisher that comes between chooses for
 * it. So seats + 2 slots are enough: one a seat, the latest, and the one that
 * is written. More of them are for readers without a seat.
 *
 *   publisher: store the latest, full fence, look at the seats
 *   reader:    announce in its seat, full fence, load the latest
 *
 * With both fences one of the two sees the other's store (Dekker): who did not
 * choose before the publisher looked has the new one, not the slot that the
 * publisher writes to next. The same fence serves sleep words.
 *
 * The fence is most of what a small value costs, so a publisher may leave it out
 * while nobody attends. Then whoever comes must, after announcing that
 * (shmq_cell_attend) and before anything else, make the publisher run a full
 * fence: membarrier(2). What the publisher stored before that is then seen by the
 * reader, and what it loads after it tells of the reader.
 *
 * Crash: a publisher killed at any instruction leaves the last whole value, and
 * perhaps readers that it did not choose for. Its successor, who must know that
 * it is dead, does that first (shmq_cell_publisher_attach).
 */
#ifndef SHMQ_CORE_CELL_PUBLISHER_H
#define SHMQ_CORE_CELL_PUBLISHER_H

#include "cell.h"

/* In the word of a seat. */
#define SHMQ_CELL_IDLE		0u
#define SHMQ_CELL_CHOOSING	1u
#define SHMQ_CELL_PINS		2u	/* and the number of the slot */

#define SHMQ_CELL_SEATS_MASK	0x3fffffffu	/* of `attendance` */

/* Private to the publisher, which never asks the memory for it again. */
struct shmq_cell_publisher {
	struct shmq_cell cell;
	uint64_t latest;	/* values published << SHMQ_CELL_SLOT_BITS | the latest slot */
	uint32_t busy[2];	/* slots that seats pinned at the last look */
	bool fences;		/* each publication, not only with somebody there */
	bool looks;		/* round with each: it fences, or somebody was there */
};

/* A value that was begun. */
struct shmq_cell_next {
	uint32_t slot;
	uint32_t off;		/* of the slot */
};

static inline uint64_t shmq_cell_writes(const struct shmq_cell_publisher *p)
{
	return p->latest >> SHMQ_CELL_SLOT_BITS;
}

static inline uint32_t shmq_cell_latest_slot(const struct shmq_cell_publisher *p)
{
	return (uint32_t)p->latest & SHMQ_CELL_SLOT_MASK;
}

static inline bool shmq_cell_is_busy(const struct shmq_cell_publisher *p, uint32_t slot)
{
	return p->busy[slot >> 5] >> (slot & 31) & 1;
}

/* Looks at one seat, and chooses for its reader. */
static inline void shmq_cell_help(struct shmq_cell_publisher *p, uint32_t seat)
{
	shmq_base base = p->cell.base;
	uint32_t word = shmq_cell_seat_word(seat);
	/* D: pairs with the release of shmq_cell_unpin(): its reader has read */
	uint32_t looks = shmq_load_acquire(base, word);

	if (looks == SHMQ_CELL_CHOOSING) {
		looks = SHMQ_CELL_PINS + shmq_cell_latest_slot(p);
		if (!shmq_cmpxchg(base, word, SHMQ_CELL_CHOOSING, looks))
			looks = shmq_load_acquire(base, word); /* it chose itself */
	}
	looks -= SHMQ_CELL_PINS; /* what pins none becomes too large, or is nonsense */
	if (looks < p->cell.layout.slots)
		p->busy[looks >> 5] |= 1u << (looks & 31);
}

/* Looks at all seats that are taken. Returns the attendance. */
SHMQ_COLD uint32_t shmq_cell_look_round(struct shmq_cell_publisher *p)
{
	uint32_t attendance, seat;

	shmq_full_fence(); /* E: pairs with the ones in shmq_cell_attend() and shmq_cell_pin() */
	/* pairs with the release in shmq_cell_leave() */
	attendance = shmq_load_acquire(p->cell.base, SHMQ_CELL_AT_ATTENDANCE);
	p->busy[0] = 0;
	p->busy[1] = 0;
	for (seat = 0; seat < p->cell.layout.seats; seat++) {
		if (attendance >> seat & 1)
			shmq_cell_help(p, seat);
	}
	p->looks = p->fences || attendance;
	return attendance;
}

/*
 * Becomes the publisher of a cell whose last one, if there was one, will not
 * store to it again. `fences`: false only if whoever attends can make this
 * thread fence. SHMQ_CORRUPT: what is there cannot be a value; make the cell
 * anew.
 */
static inline enum shmq_status shmq_cell_publisher_attach(struct shmq_cell_publisher *p,
							  const struct shmq_cell *c, bool fences)
{
	struct shmq_cell_stamp stamp;
	uint32_t latest, slot, sequence;

	p->cell = *c;
	/* pairs with the release of the last publisher */
	latest = shmq_load_acquire(c->base, SHMQ_CELL_AT_LATEST);
	if ((latest & SHMQ_CELL_SLOT_MASK) >= c->layout.slots)
		return SHMQ_CORRUPT;
	slot = shmq_cell_slot(c, latest & SHMQ_CELL_SLOT_MASK);
	sequence = shmq_load_acquire(c->base, slot + SHMQ_CELL_SLOT_SEQUENCE);
	shmq_copy_racy_in(&stamp, c->base, slot + SHMQ_CELL_SLOT_STAMP, sizeof(stamp));
	if (!shmq_cell_is_latest(sequence, latest) || sequence != (uint32_t)stamp.writes << 1 ||
	    stamp.writes >> (64 - SHMQ_CELL_SLOT_BITS))
		return SHMQ_CORRUPT;
	p->latest = stamp.writes << SHMQ_CELL_SLOT_BITS | (latest & SHMQ_CELL_SLOT_MASK);
	shmq_store_relaxed(c->base, SHMQ_CELL_AT_FENCES, fences);
	p->fences = fences;
	shmq_cell_look_round(p); /* its fence is between FENCES and the attendance */
	return SHMQ_OK;
}

/*
 * Starts a value: in the slot that this returns, whose bytes (from `off` +
 * SHMQ_CELL_SLOT_VALUE on) hold something old, to be filled with
 * shmq_copy_racy_out(), or by the program itself, and committed. To begin again
 * instead leaves the last value as it was.
 */
SHMQ_HOT struct shmq_cell_next shmq_cell_begin(const struct shmq_cell_publisher *p)
{
	const uint32_t latest = shmq_cell_latest_slot(p);
	struct shmq_cell_next next;

	next.slot = latest;
	/* Seats and the latest leave one at least; who does not look has seen none. */
	do {
		next.slot++;
		if (next.slot == p->cell.layout.slots)
			next.slot = 0;
	} while (p->looks && (shmq_cell_is_busy(p, next.slot) || next.slot == latest));
	next.off = shmq_cell_slot(&p->cell, next.slot);
	shmq_store_relaxed(p->cell.base, next.off + SHMQ_CELL_SLOT_SEQUENCE,
			   (uint32_t)(shmq_cell_writes(p) + 1) << 1 | 1);
	shmq_store_fence(); /* C: pairs with the fence in shmq_cell_try_read() */
	return next;
}

/*
 * Publishes what was begun. Returns the attendance: with SHMQ_CELL_SLEEPERS or
 * SHMQ_CELL_POLLERS in it, somebody may have to be woken (shmq_cell_ring()).
 */
SHMQ_HOT uint32_t shmq_cell_commit(struct shmq_cell_publisher *p, struct shmq_cell_next next,
				   uint64_t time)
{
	shmq_base base = p->cell.base;
	const struct shmq_cell_stamp stamp = { shmq_cell_writes(p) + 1, time };
	uint32_t count = (uint32_t)stamp.writes;

	shmq_copy_racy_out(base, next.off + SHMQ_CELL_SLOT_STAMP, &stamp, sizeof(stamp));
	/* B: pairs with the acquire in shmq_cell_try_read() */
	shmq_store_release(base, next.off + SHMQ_CELL_SLOT_SEQUENCE, count << 1);
	p->latest = stamp.writes << SHMQ_CELL_SLOT_BITS | next.slot;
	/* A: pairs with the acquire in shmq_cell_try_read() and shmq_cell_pin() */
	shmq_store_release(base, SHMQ_CELL_AT_LATEST, (uint32_t)p->latest);
	if (!p->looks) {
		shmq_compiler_barrier(); /* pairs with membarrier(2) after shmq_cell_attend() */
		if (!shmq_load_relaxed(base, SHMQ_CELL_AT_ATTENDANCE))
			return 0;
	}
	return shmq_cell_look_round(p);
}

/* Publishes a copy of `n` bytes: of a value, whose size the compiler then knows. */
SHMQ_HOT uint32_t shmq_cell_write_n(struct shmq_cell_publisher *p, const void *from, uint32_t n,
				    uint64_t time)
{
	struct shmq_cell_next next = shmq_cell_begin(p);

	shmq_copy_racy_out(p->cell.base, next.off + SHMQ_CELL_SLOT_VALUE, from, n);
	return shmq_cell_commit(p, next, time);
}

/* Publishes a copy of a value; see shmq_cell_commit(). */
static inline uint32_t shmq_cell_write(struct shmq_cell_publisher *p, const void *from,
				       uint64_t time)
{
	return shmq_cell_write_n(p, from, p->cell.layout.size, time);
}

/*
 * After a commit that told of them: whether those who sleep on `word`
 * (SHMQ_CELL_AT_SLEEP, SHMQ_CELL_AT_POLL) must be woken, all of them. The fence of
 * the commit pairs with the one in shmq_cell_arm().
 *
 * A sleep word is a count of rings, times two, and 1 if somebody is armed. Many
 * sleep on it: were it only the 1, as in doorbell.h, one who arms after a ring
 * would have another sleep on that was rung before it slept.
 */
static inline bool shmq_cell_ring(const struct shmq_cell_publisher *p, uint32_t word)
{
	uint32_t rings = shmq_load_relaxed(p->cell.base, word);

	if (!(rings & 1))
		return false;
	/* Nobody changes it while it is armed but the one publisher. */
	shmq_store_relaxed(p->cell.base, word, rings + 1);
	return true;
}

/* ---- who it is ---- */

/* `how` is SHMQ_CELL_HELD or UNLOCKED. Returns the word, for shmq_cell_resign(). */
static inline uint32_t shmq_cell_appoint(const struct shmq_cell *c, uint32_t how)
{
	uint32_t word = shmq_load_relaxed(c->base, SHMQ_CELL_AT_PUBLISHER);

	word = ((word | SHMQ_CELL_HOLDER) + 1) | how;
	shmq_store_release(c->base, SHMQ_CELL_AT_PUBLISHER, word);
	return word;
}

/*
 * The publisher of that word is gone: its last value is visible to who reads
 * GONE. Has no effect on a successor.
 */
static inline void shmq_cell_resign(const struct shmq_cell *c, uint32_t word)
{
	shmq_full_fence(); /* pairs with the acquire of who reads GONE */
	shmq_cmpxchg(c->base, SHMQ_CELL_AT_PUBLISHER, word, word | SHMQ_CELL_GONE);
}

#endif /* SHMQ_CORE_CELL_PUBLISHER_H */
