/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * The cell: one latest value, one publisher, many readers. This file has its
 * bytes, its creation, and the reader that needs nothing but to see the memory;
 * the publisher is in cell_publisher.h, readers with a seat in cell_seat.h.
 *
 *   offset 0   u32  magic, stored last: until then there is no cell
 *          4   u32  version, 1
 *          8   u32  bytes of all
 *         12   u32  bytes of the value
 *         16   u32  slots
 *         20   u32  seats
 *         24   u32  bytes from one slot to the next
 *         28   u32  offset of the first slot
 *         32   u32  type: what both sides agree on, or 0
 *         36   u32  flags, SHMQ_CELL_LOCKS
 *         40   zeroes to 64
 *         64   u32  latest: the count of the publication << 6 | its slot
 *         68   u32  publisher: SHMQ_CELL_NOBODY and so on
 *         72   u32  fences: 1, the publisher fences each publication; 0, only
 *                   while somebody attends (cell_publisher.h)
 *         76   u32  attendance: bit n, seat n is taken; SHMQ_CELL_SLEEPERS;
 *                   SHMQ_CELL_POLLERS
 *        128   u32  sleep word of those who wait (shmq_cell_arm)
 *        132   u32  sleep word of those who poll
 *        192   seats x { u32 what its reader looks at (cell_seat.h), 60 bytes
 *                   unused }
 *        ...   slots x { u32 sequence; 4 bytes unused; u64 writes; u64 time;
 *                   8 bytes unused; the value; unused to a multiple of 64 }
 *
 * All native-endian (a foreign magic is no magic). The fields before 64 never
 * change once the magic is there. A slot's sequence is twice the count of the
 * publication in it, and odd while it is written.
 *
 * The publisher writes to the slot that is longest out of use, neither the
 * latest nor one that a seat pins, and then makes it the latest. So a value stays
 * where it is for as many publications as there are free slots, and a reader
 * without a seat, which copies and then asks whether the slot is still the same,
 * has that long to copy.
 *
 * A value never goes back: a slot counts as the latest only with the count that
 * the word `latest` tells, or a reader would take one that is not published yet
 * and then the one before.
 *
 * What wraps: the 26 bits of a count beside the slot, and 31 bits of it in the
 * sequence. A reader without a seat is deceived if, between two of its loads, the
 * publisher has published an exact multiple of 2^26 values (2^31 during its
 * copy) and its slot has just the last of them. The count of writes has 64 bits.
 *
 * Crash: a publisher killed at any instruction leaves the last whole value the
 * latest. A reader without a seat leaves nothing.
 */
#ifndef SHMQ_CORE_CELL_H
#define SHMQ_CORE_CELL_H

#include "barrier.h"
#include "status.h"

#define SHMQ_CELL_MAGIC		0x4c434853u	/* "SHCL" in little endian */
#define SHMQ_CELL_VERSION	1u

#define SHMQ_CELL_AT_MAGIC	0u
#define SHMQ_CELL_AT_VERSION	4u
#define SHMQ_CELL_AT_TOTAL	8u
#define SHMQ_CELL_AT_SIZE	12u
#define SHMQ_CELL_AT_SLOTS	16u
#define SHMQ_CELL_AT_SEATS	20u
#define SHMQ_CELL_AT_STRIDE	24u
#define SHMQ_CELL_AT_FIRST	28u
#define SHMQ_CELL_AT_TYPE	32u
#define SHMQ_CELL_AT_FLAGS	36u
#define SHMQ_CELL_AT_LATEST	64u
#define SHMQ_CELL_AT_PUBLISHER	68u
#define SHMQ_CELL_AT_FENCES	72u
#define SHMQ_CELL_AT_ATTENDANCE	76u
#define SHMQ_CELL_AT_SLEEP	128u
#define SHMQ_CELL_AT_POLL	132u
#define SHMQ_CELL_AT_SEAT	192u
#define SHMQ_CELL_SEAT_SIZE	64u

#define SHMQ_CELL_SLOT_SEQUENCE	0u
#define SHMQ_CELL_SLOT_STAMP	8u	/* struct shmq_cell_stamp, copied with the value */
#define SHMQ_CELL_SLOT_VALUE	32u	/* and bytes before the value */

#define SHMQ_CELL_SEATS_MAX	30u
#define SHMQ_CELL_SLOTS_MAX	64u
#define SHMQ_CELL_SLOTS_MIN	2u	/* and one for each seat */
#define SHMQ_CELL_SIZE_MAX	0x20000000u
#define SHMQ_CELL_TOTAL_MAX	0x80000000u

/* In `latest`: the slot below, the count above. */
#define SHMQ_CELL_SLOT_BITS	6u
#define SHMQ_CELL_SLOT_MASK	0x3fu
#define SHMQ_CELL_COUNT_MASK	0x03ffffffu

/* In `attendance`, beside the seats. */
#define SHMQ_CELL_SLEEPERS	0x40000000u	/* somebody waits at times, by futex */
#define SHMQ_CELL_POLLERS	0x80000000u	/* somebody polls at times */

/*
 * Who has the publisher's end or a seat holds a lock on a byte of the file, which
 * the kernel takes back when it dies: the byte that the cell starts at for the
 * publisher, the one n + 1 after it for seat n. Without the flag nobody does, as
 * there is no file, and the death of either is not noticed.
 */
#define SHMQ_CELL_LOCKS		1u
#define SHMQ_CELL_FLAGS		SHMQ_CELL_LOCKS

/* The low bits of the publisher's word; the rest counts them. */
#define SHMQ_CELL_NOBODY	0u	/* there was none yet */
#define SHMQ_CELL_UNLOCKED	1u	/* there is one; nothing tells if it dies */
#define SHMQ_CELL_HELD		2u	/* there is one, with its lock */
#define SHMQ_CELL_GONE		3u	/* left, or seen to be dead */
#define SHMQ_CELL_HOLDER	3u	/* mask */

/* How often an unregistered reader tries: four are plenty with spare slots. */
#define SHMQ_CELL_TRIES		16u

/* A private, checked copy of what the header says. */
struct shmq_cell_layout {
	uint32_t total;		/* bytes of all */
	uint32_t size;		/* bytes of the value */
	uint32_t slots;
	uint32_t seats;
	uint32_t stride;	/* bytes from slot to slot */
	uint32_t first;		/* offset of the first slot */
	uint32_t type;		/* 0: untold */
	uint32_t flags;		/* SHMQ_CELL_LOCKS */
};

/* A cell in memory. Private; the memory may only be readable. */
struct shmq_cell {
	shmq_base base;		/* 8-byte aligned */
	struct shmq_cell_layout layout;
};

/* What is known of a value. */
struct shmq_cell_stamp {
	uint64_t writes;	/* how many were published, this one included */
	uint64_t time;		/* when, by the publisher's clock (ns, monotonic); 0: untold */
};

/* Why there is no cell to open, or to make. */
enum shmq_cell_fault {
	SHMQ_CELL_OK = 0,
	SHMQ_CELL_TRUNCATED,	/* less memory than the header tells, or needs */
	SHMQ_CELL_NOT_READY,	/* no magic yet: its creator is not done, or died */
	SHMQ_CELL_FOREIGN,	/* not a cell, or of the other byte order */
	SHMQ_CELL_BAD_VERSION,	/* of another version, or unknown flags */
	SHMQ_CELL_BAD_LAYOUT,	/* no such size, seats or slots; does not lie as it must */
};

/* ---- layout ---- */

/*
 * Where everything lies, for a value of `size` bytes, `seats` registered readers
 * and `slots` slots: at least seats + 2, at most 64; 0 means that many and some
 * for readers without a seat. Type and flags may be changed afterwards.
 */
static inline enum shmq_cell_fault shmq_cell_plan(struct shmq_cell_layout *l, uint32_t size,
						  uint32_t seats, uint32_t slots)
{
	uint64_t total;

	if (!size || size > SHMQ_CELL_SIZE_MAX || seats > SHMQ_CELL_SEATS_MAX)
		return SHMQ_CELL_BAD_LAYOUT;
	l->size = size;
	l->seats = seats;
	l->stride = (SHMQ_CELL_SLOT_VALUE + size + 63) & ~63u;
	l->first = SHMQ_CELL_AT_SEAT + seats * SHMQ_CELL_SEAT_SIZE;
	l->type = 0;
	l->flags = SHMQ_CELL_LOCKS;
	if (!slots) {
		/* Spare ones, up to 256 KiB of them. */
		slots = seats + SHMQ_CELL_SLOTS_MIN + 2;
		while (slots < seats + 32 &&
		       (uint64_t)l->stride * (slots - seats) < 256u * 1024u)
			slots++;
	}
	if (slots < seats + SHMQ_CELL_SLOTS_MIN || slots > SHMQ_CELL_SLOTS_MAX)
		return SHMQ_CELL_BAD_LAYOUT;
	l->slots = slots;
	total = (uint64_t)l->stride * slots + l->first;
	if (total > SHMQ_CELL_TOTAL_MAX)
		return SHMQ_CELL_BAD_LAYOUT;
	l->total = (uint32_t)total;
	return SHMQ_CELL_OK;
}

/* The same for memory that is there: as many slots as `length` bytes hold. */
static inline enum shmq_cell_fault shmq_cell_fit(struct shmq_cell_layout *l, uint64_t length,
						 uint32_t size, uint32_t seats)
{
	uint32_t slots = SHMQ_CELL_SLOTS_MAX;
	enum shmq_cell_fault fault;

	/* The least number tells whether it is possible at all. */
	fault = shmq_cell_plan(l, size, seats, seats + SHMQ_CELL_SLOTS_MIN);
	if (fault != SHMQ_CELL_OK)
		return fault;
	if (l->total > length)
		return SHMQ_CELL_TRUNCATED;
	while (shmq_cell_plan(l, size, seats, slots) != SHMQ_CELL_OK || l->total > length)
		slots--;
	return SHMQ_CELL_OK;
}

static inline uint32_t shmq_cell_slot(const struct shmq_cell *c, uint32_t slot)
{
	return c->layout.first + slot * c->layout.stride;
}

/* Where the value in a slot starts. */
static inline uint32_t shmq_cell_value(const struct shmq_cell *c, uint32_t slot)
{
	return shmq_cell_slot(c, slot) + SHMQ_CELL_SLOT_VALUE;
}

static inline uint32_t shmq_cell_seat_word(uint32_t seat)
{
	return SHMQ_CELL_AT_SEAT + seat * SHMQ_CELL_SEAT_SIZE;
}

/* ---- creation ---- */

/*
 * Makes a cell that nobody finds yet, so that its publisher can give it a value
 * first; then shmq_cell_announce(). See shmq_cell_create().
 */
static inline enum shmq_cell_fault shmq_cell_prepare(struct shmq_cell *c, shmq_base base,
						     uint64_t length,
						     const struct shmq_cell_layout *plan)
{
	const struct shmq_cell_stamp none = { 0, 0 };
	struct shmq_cell_layout l;
	enum shmq_cell_fault fault;
	uint32_t i;

	fault = shmq_cell_plan(&l, plan->size, plan->seats, plan->slots);
	if (fault != SHMQ_CELL_OK)
		return fault;
	if (l.total > length)
		return SHMQ_CELL_TRUNCATED;
	if (plan->flags & ~SHMQ_CELL_FLAGS)
		return SHMQ_CELL_BAD_VERSION;
	l.type = plan->type;
	l.flags = plan->flags;
	c->base = base;
	c->layout = l;

	shmq_store_relaxed(base, SHMQ_CELL_AT_MAGIC, 0);
	shmq_store_fence(); /* pairs with the acquire in shmq_cell_open() */
	shmq_store_relaxed(base, SHMQ_CELL_AT_VERSION, SHMQ_CELL_VERSION);
	shmq_store_relaxed(base, SHMQ_CELL_AT_TOTAL, l.total);
	shmq_store_relaxed(base, SHMQ_CELL_AT_SIZE, l.size);
	shmq_store_relaxed(base, SHMQ_CELL_AT_SLOTS, l.slots);
	shmq_store_relaxed(base, SHMQ_CELL_AT_SEATS, l.seats);
	shmq_store_relaxed(base, SHMQ_CELL_AT_STRIDE, l.stride);
	shmq_store_relaxed(base, SHMQ_CELL_AT_FIRST, l.first);
	shmq_store_relaxed(base, SHMQ_CELL_AT_TYPE, l.type);
	shmq_store_relaxed(base, SHMQ_CELL_AT_FLAGS, l.flags);
	shmq_store_relaxed(base, SHMQ_CELL_AT_LATEST, 0);
	shmq_store_relaxed(base, SHMQ_CELL_AT_PUBLISHER, 0);
	shmq_store_relaxed(base, SHMQ_CELL_AT_FENCES, 1);
	shmq_store_relaxed(base, SHMQ_CELL_AT_ATTENDANCE, 0);
	shmq_store_relaxed(base, SHMQ_CELL_AT_SLEEP, 0);
	shmq_store_relaxed(base, SHMQ_CELL_AT_POLL, 0);
	for (i = 0; i < l.seats; i++)
		shmq_store_relaxed(base, shmq_cell_seat_word(i), 0);
	for (i = 0; i < l.slots; i++) {
		shmq_store_relaxed(base, shmq_cell_slot(c, i) + SHMQ_CELL_SLOT_SEQUENCE, 0);
		shmq_copy_racy_out(base, shmq_cell_slot(c, i) + SHMQ_CELL_SLOT_STAMP, &none,
				   sizeof(none));
	}
	return SHMQ_CELL_OK;
}

static inline void shmq_cell_announce(const struct shmq_cell *c)
{
	/* pairs with the acquire in shmq_cell_open() */
	shmq_store_release(c->base, SHMQ_CELL_AT_MAGIC, SHMQ_CELL_MAGIC);
}

/*
 * Makes a cell without a value (reads say SHMQ_EMPTY) as planned; sets `c`. The
 * memory is 8-byte aligned and need not be zero. Nobody finds the cell before
 * all of it is there. Not while anybody uses what was there before.
 */
static inline enum shmq_cell_fault shmq_cell_create(struct shmq_cell *c, shmq_base base,
						    uint64_t length,
						    const struct shmq_cell_layout *plan)
{
	enum shmq_cell_fault fault = shmq_cell_prepare(c, base, length, plan);

	if (fault == SHMQ_CELL_OK)
		shmq_cell_announce(c);
	return fault;
}

/*
 * Reads and checks the header of a cell in `length` bytes of memory, which may be
 * mapped for reading only. What it says afterwards is not asked again.
 */
static inline enum shmq_cell_fault shmq_cell_open(struct shmq_cell *c, shmq_base base,
						  uint64_t length)
{
	struct shmq_cell_layout *l = &c->layout;
	uint32_t magic;

	if (length < SHMQ_CELL_AT_SEAT)
		return SHMQ_CELL_TRUNCATED;
	/* pairs with the release in shmq_cell_announce() */
	magic = shmq_load_acquire(base, SHMQ_CELL_AT_MAGIC);
	if (magic != SHMQ_CELL_MAGIC)
		return magic ? SHMQ_CELL_FOREIGN : SHMQ_CELL_NOT_READY;
	if (shmq_load_relaxed(base, SHMQ_CELL_AT_VERSION) != SHMQ_CELL_VERSION)
		return SHMQ_CELL_BAD_VERSION;
	/* All of the layout follows from three numbers, and must be told alike. */
	l->slots = shmq_load_relaxed(base, SHMQ_CELL_AT_SLOTS);
	if (!l->slots || shmq_cell_plan(l, shmq_load_relaxed(base, SHMQ_CELL_AT_SIZE),
					shmq_load_relaxed(base, SHMQ_CELL_AT_SEATS),
					l->slots) != SHMQ_CELL_OK)
		return SHMQ_CELL_BAD_LAYOUT;
	if (shmq_load_relaxed(base, SHMQ_CELL_AT_TOTAL) != l->total ||
	    shmq_load_relaxed(base, SHMQ_CELL_AT_STRIDE) != l->stride ||
	    shmq_load_relaxed(base, SHMQ_CELL_AT_FIRST) != l->first)
		return SHMQ_CELL_BAD_LAYOUT;
	if (l->total > length)
		return SHMQ_CELL_TRUNCATED;
	l->type = shmq_load_relaxed(base, SHMQ_CELL_AT_TYPE);
	l->flags = shmq_load_relaxed(base, SHMQ_CELL_AT_FLAGS);
	if (l->flags & ~SHMQ_CELL_FLAGS)
		return SHMQ_CELL_BAD_VERSION;
	c->base = base;
	return SHMQ_CELL_OK;
}

/* ---- reading without a seat ---- */

/* Whether a slot with this sequence has just what `latest` tells, whole. */
static inline bool shmq_cell_is_latest(uint32_t sequence, uint32_t latest)
{
	uint32_t count = latest >> SHMQ_CELL_SLOT_BITS;

	return !(sequence & 1) && ((sequence >> 1) & SHMQ_CELL_COUNT_MASK) == count;
}

/*
 * One try of shmq_cell_read(): SHMQ_AGAIN if the publisher came by. `to` may
 * then have anything in it.
 */
static inline enum shmq_status shmq_cell_try_read(const struct shmq_cell *c, void *to, uint32_t n,
						  struct shmq_cell_stamp *stamp)
{
	uint32_t latest, slot, sequence;

	/* A: pairs with the release of `latest` in shmq_cell_commit() */
	latest = shmq_load_acquire(c->base, SHMQ_CELL_AT_LATEST);
	if ((latest & SHMQ_CELL_SLOT_MASK) >= c->layout.slots)
		return SHMQ_CORRUPT;
	slot = shmq_cell_slot(c, latest & SHMQ_CELL_SLOT_MASK);
	/* B: pairs with the release of the sequence in shmq_cell_commit() */
	sequence = shmq_load_acquire(c->base, slot + SHMQ_CELL_SLOT_SEQUENCE);
	if (!shmq_cell_is_latest(sequence, latest))
		return SHMQ_AGAIN;
	shmq_copy_racy_in(stamp, c->base, slot + SHMQ_CELL_SLOT_STAMP, sizeof(*stamp));
	if (n)
		shmq_copy_racy_in(to, c->base, slot + SHMQ_CELL_SLOT_VALUE, n);
	/* C: pairs with the fence in shmq_cell_begin(): what is newer has an odd one */
	shmq_load_fence();
	if (shmq_load_relaxed(c->base, slot + SHMQ_CELL_SLOT_SEQUENCE) != sequence)
		return SHMQ_AGAIN;
	return stamp->writes ? SHMQ_OK : SHMQ_EMPTY;
}

/*
 * Copies the first `n` bytes of the latest value, at most its size; 0 only asks for
 * the stamp. Stores nothing to the memory, in which anything may be. SHMQ_EMPTY:
 * no value was ever published. SHMQ_AGAIN: the publisher overtook each of
 * `tries` copies (SHMQ_CELL_TRIES). SHMQ_CORRUPT: somebody else wrote there.
 * SHMQ_INVALID: `n` is too large. Where it is not SHMQ_OK, `to` and `stamp` may
 * have anything in them.
 */
static inline enum shmq_status shmq_cell_read(const struct shmq_cell *c, void *to, uint32_t n,
					      struct shmq_cell_stamp *stamp, uint32_t tries)
{
	enum shmq_status status = SHMQ_AGAIN;

	if (n > c->layout.size)
		return SHMQ_INVALID;
	while (tries-- && status == SHMQ_AGAIN)
		status = shmq_cell_try_read(c, to, n, stamp);
	return status;
}

#endif /* SHMQ_CORE_CELL_H */
