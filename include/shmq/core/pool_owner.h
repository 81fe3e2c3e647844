/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * A pool that several owners share: its header, who they are, how a block goes
 * from one to another, and what becomes of it when one dies.
 *
 *   offset 0    u32  magic, stored last: until then there is no pool
 *          4    u32  version, 1
 *          8    u32  bytes of all
 *         12    u32  blocks
 *         16    u32  bytes from block to block
 *         20    u32  alignment of a block
 *         24    u32  owners, 2 to 256
 *         28    zeroes to 64
 *         64    u32 x owners: the low 2 bits SHMQ_OWNER_*, then how often it was
 *                             taken, 24 bits
 *               then, each from a multiple of 64 on: the words (pool.h) and
 *               directly behind them their summary, the blocks
 *
 * All native-endian and relative. The fields above the owners never change once
 * the magic is there; shmq_pool_open() reads each once and checks its copy.
 *
 * A block goes owned(s) -> transit(s, r) -> owned(r), each step one
 * compare-exchange. Whoever dies in between:
 *
 *   the receiver    a sweep frees what it had and what was on its way to it
 *   the sender      what is on its way stays so, for its message may have been
 *                   published: the receiver adopts it, or, when it has read all
 *                   that there is, settles: then what no message told of is free
 *
 * So a block is lost to nobody, and what was published arrives. Until all that
 * a dead owner left is swept and settled, nobody else can be in its slot.
 *
 * Who is dead core/ does not know: the caller does, by a lock (lib/pool_claim.hpp)
 * or because it is the only one who could be there.
 *
 *   C: sender makes it transit, fence, looks at the receiver's owner word
 *   D: sweeper marks that word gone, fence, looks at the blocks
 *      Either the sender sees that the receiver is gone, or the sweeper sees
 *      the block.
 *   E: a new owner takes the slot, then blocks         pairs with
 *   F: sweeper reads a block's word, then whether the slot is still gone
 *
 * Threads: everything here, at once. Crash: sweep, settle and leave may be cut
 * off anywhere and done again, by anybody.
 */
#ifndef SHMQ_CORE_POOL_OWNER_H
#define SHMQ_CORE_POOL_OWNER_H

#include "pool.h"

#define SHMQ_POOL_MAGIC		0x504d4853u	/* "SHMP" in little endian */
#define SHMQ_POOL_VERSION	1u
#define SHMQ_POOL_HEADER	64u

#define SHMQ_POOL_AT_MAGIC	0u
#define SHMQ_POOL_AT_VERSION	4u
#define SHMQ_POOL_AT_TOTAL	8u
#define SHMQ_POOL_AT_BLOCKS	12u
#define SHMQ_POOL_AT_STRIDE	16u
#define SHMQ_POOL_AT_ALIGN	20u
#define SHMQ_POOL_AT_OWNERS	24u

#define SHMQ_POOL_OWNERS_MIN	2u
#define SHMQ_POOL_PAGE		4096u	/* bytes; that of most machines */

/* States of an owner's slot. */
#define SHMQ_OWNER_NOBODY	0u	/* free, and no block names it */
#define SHMQ_OWNER_UNLOCKED	1u	/* taken, but nothing tells if it dies: firmware */
#define SHMQ_OWNER_HELD		2u	/* taken, for as long as a lock is held */
#define SHMQ_OWNER_GONE		3u	/* dead; blocks may still name it */
#define SHMQ_OWNER_STATE	3u	/* mask */
#define SHMQ_OWNER_TAKEN_MASK	0xffffffu

/*
 * An owner, for others: the slot in the low 8 bits, then how often it was taken,
 * so that a successor in its slot is not it.
 */
typedef uint32_t shmq_owner_id;

/* Why there is no pool to open. */
enum shmq_pool_fault {
	SHMQ_POOL_OK = 0,
	SHMQ_POOL_TRUNCATED,	/* less memory than the header tells, or needs */
	SHMQ_POOL_NOT_READY,	/* no magic yet: its creator is not done, or died */
	SHMQ_POOL_NO_POOL,	/* not a pool, or of the other byte order */
	SHMQ_POOL_BAD_VERSION,
	SHMQ_POOL_BAD_LAYOUT,	/* the blocks cannot lie as it says */
};

/* ---- making and opening ---- */

/* What a pool shall be, or is. */
struct shmq_pool_shape {
	uint32_t blocks;
	uint32_t size;		/* bytes of a block, a multiple of align */
	uint32_t align;		/* a power of two */
	uint32_t owners;	/* 2 to 256 */
};

/* Lays out the pool; tells in p->total how much memory it takes. */
static inline bool shmq_pool_lay_out(struct shmq_pool *p, shmq_base base,
				     const struct shmq_pool_shape *shape)
{
	return shape->owners >= SHMQ_POOL_OWNERS_MIN &&
	       shmq_pool_place(p, base, SHMQ_POOL_HEADER, shape->blocks, shape->size,
			       shape->align, shape->owners);
}

/*
 * The shape of a pool of blocks of `size` bytes, rounded up to whole lines. Those
 * of whole pages begin with a page: for O_DIRECT, and to be mapped alone. Tells
 * in p->total how much memory it takes. False: impossible.
 */
static inline bool shmq_pool_plan(struct shmq_pool *p, struct shmq_pool_shape *shape,
				  uint32_t blocks, uint32_t size, uint32_t owners)
{
	uint64_t rounded = shmq_pool_align(size, SHMQ_POOL_LINE);

	shape->blocks = blocks;
	shape->size = (uint32_t)rounded;
	shape->align = rounded & (SHMQ_POOL_PAGE - 1) ? SHMQ_POOL_LINE : SHMQ_POOL_PAGE;
	shape->owners = owners;
	return rounded <= 0xffffffffu && shmq_pool_lay_out(p, NULL, shape);
}

/* Likewise, with as many blocks as `length` bytes hold. False: not a single one. */
static inline bool shmq_pool_plan_fit(struct shmq_pool *p, struct shmq_pool_shape *shape,
				      uint64_t length, uint32_t size, uint32_t owners)
{
	uint64_t each = shmq_pool_align(size, SHMQ_POOL_LINE) + 4; /* with its word */
	uint32_t blocks;

	if (length > 0xffffffffu)
		length = 0xffffffffu;
	if (!size || each > length)
		return false;
	/* Less, for the header, the owners, the summary and the alignment. */
	for (blocks = (uint32_t)length / (uint32_t)each; blocks; blocks--)
		if (shmq_pool_plan(p, shape, blocks, size, owners) && p->total <= length)
			return true;
	return false;
}

/*
 * Makes a pool, all blocks free, of memory whose first word is zero and that is
 * aligned as a block is and to 64 bytes at least. Nobody finds it before all of
 * it is there.
 */
static inline enum shmq_pool_fault shmq_pool_create(struct shmq_pool *p, shmq_base base,
						    uint64_t length,
						    const struct shmq_pool_shape *shape)
{
	uint32_t slot;

	if (!shmq_pool_lay_out(p, base, shape))
		return SHMQ_POOL_BAD_LAYOUT;
	if (p->total > length)
		return SHMQ_POOL_TRUNCATED;
	shmq_store_relaxed(base, SHMQ_POOL_AT_VERSION, SHMQ_POOL_VERSION);
	shmq_store_relaxed(base, SHMQ_POOL_AT_TOTAL, p->total);
	shmq_store_relaxed(base, SHMQ_POOL_AT_BLOCKS, shape->blocks);
	shmq_store_relaxed(base, SHMQ_POOL_AT_STRIDE, shape->size);
	shmq_store_relaxed(base, SHMQ_POOL_AT_ALIGN, shape->align);
	shmq_store_relaxed(base, SHMQ_POOL_AT_OWNERS, shape->owners);
	for (slot = 0; slot < shape->owners; slot++)
		shmq_store_relaxed(base, p->at_owners + 4 * slot, SHMQ_OWNER_NOBODY);
	shmq_pool_clear(p);
	/* pairs with the acquire of shmq_pool_open() */
	shmq_store_release(base, SHMQ_POOL_AT_MAGIC, SHMQ_POOL_MAGIC);
	return SHMQ_POOL_OK;
}

/* Reads and checks the header of a pool in `length` bytes of memory. */
static inline enum shmq_pool_fault shmq_pool_open(struct shmq_pool *p, shmq_base base,
						  uint64_t length)
{
	struct shmq_pool_shape shape;
	uint32_t magic, total;

	if (length < SHMQ_POOL_HEADER)
		return SHMQ_POOL_TRUNCATED;
	/* pairs with the release of shmq_pool_create() */
	magic = shmq_load_acquire(base, SHMQ_POOL_AT_MAGIC);
	if (magic != SHMQ_POOL_MAGIC)
		return magic ? SHMQ_POOL_NO_POOL : SHMQ_POOL_NOT_READY;
	if (shmq_load_relaxed(base, SHMQ_POOL_AT_VERSION) != SHMQ_POOL_VERSION)
		return SHMQ_POOL_BAD_VERSION;
	total = shmq_load_relaxed(base, SHMQ_POOL_AT_TOTAL);
	shape.blocks = shmq_load_relaxed(base, SHMQ_POOL_AT_BLOCKS);
	shape.size = shmq_load_relaxed(base, SHMQ_POOL_AT_STRIDE);
	shape.align = shmq_load_relaxed(base, SHMQ_POOL_AT_ALIGN);
	shape.owners = shmq_load_relaxed(base, SHMQ_POOL_AT_OWNERS);
	if (!shmq_pool_lay_out(p, base, &shape) || p->total != total)
		return SHMQ_POOL_BAD_LAYOUT;
	return p->total > length ? SHMQ_POOL_TRUNCATED : SHMQ_POOL_OK;
}

/* ---- owners ---- */

/* The owner or sender that a block's word names. */
static inline uint32_t shmq_pool_owner(const struct shmq_pool *p, uint32_t word)
{
	return word >> SHMQ_POOL_STATE_BITS & ((1u << p->owner_bits) - 1);
}

static inline uint32_t shmq_pool_receiver(const struct shmq_pool *p, uint32_t word)
{
	return shmq_pool_owner(p, word >> p->owner_bits);
}

static inline uint32_t shmq_pool_owner_word(const struct shmq_pool *p, uint32_t slot)
{
	return p->at_owners + 4 * slot;
}

static inline shmq_owner_id shmq_owner_id_of(uint32_t slot, uint32_t owner_word)
{
	return (owner_word >> 2 & SHMQ_OWNER_TAKEN_MASK) << 8 | slot;
}

static inline uint32_t shmq_owner_slot(shmq_owner_id id)
{
	return id & 0xff;
}

static inline bool shmq_owner_is_there(uint32_t owner_word)
{
	return (owner_word & SHMQ_OWNER_STATE) == SHMQ_OWNER_HELD ||
	       (owner_word & SHMQ_OWNER_STATE) == SHMQ_OWNER_UNLOCKED;
}

/* The slot's word, for shmq_pool_sweep(). */
static inline uint32_t shmq_pool_seen(const struct shmq_pool *p, uint32_t slot)
{
	return shmq_load_acquire(p->base, shmq_pool_owner_word(p, slot));
}

/* Whether anybody is in the slot. */
static inline bool shmq_pool_slot_taken(const struct shmq_pool *p, uint32_t slot)
{
	return slot < p->owners &&
	       shmq_owner_is_there(shmq_pool_seen(p, slot));
}

/* Whether that owner is there: taken, and not marked gone. */
static inline bool shmq_pool_owner_is(const struct shmq_pool *p, shmq_owner_id id)
{
	uint32_t slot = shmq_owner_slot(id);
	uint32_t word;

	if (slot >= p->owners)
		return false;
	word = shmq_pool_seen(p, slot);
	return shmq_owner_id_of(slot, word) == id && shmq_owner_is_there(word);
}

/* Frees the block if its word is still that. Returns how many that were. */
static inline uint32_t shmq_pool_reap(const struct shmq_pool *p, uint32_t index, uint32_t word)
{
	if (!shmq_cmpxchg(p->base, shmq_pool_word(p, index), word, shmq_pool_freed(p, word)))
		return 0;
	shmq_pool_summary_tell(p, index);
	return 1;
}

/*
 * Takes a slot that is NOBODY's; `how` is SHMQ_OWNER_HELD or UNLOCKED. False:
 * it is somebody's, or a dead one's that is not swept and settled yet.
 *
 * What is on its way to the slot was for somebody before: its sender died
 * between C and the look, or is about to take it back. It is freed.
 */
static inline bool shmq_pool_join(const struct shmq_pool *p, uint32_t slot, uint32_t how,
				  shmq_owner_id *id)
{
	uint32_t off = shmq_pool_owner_word(p, slot);
	uint32_t word = shmq_load_relaxed(p->base, off);
	uint32_t taken = ((word >> 2) + 1) & SHMQ_OWNER_TAKEN_MASK;
	uint32_t i;

	if ((word & SHMQ_OWNER_STATE) != SHMQ_OWNER_NOBODY)
		return false;
	if (!shmq_cmpxchg(p->base, off, word, taken << 2 | how)) /* E: pairs with F */
		return false;
	for (i = 0; i < p->blocks; i++) {
		word = shmq_load_acquire(p->base, shmq_pool_word(p, i));
		if ((word & SHMQ_POOL_STATE) == SHMQ_POOL_TRANSIT &&
		    shmq_pool_receiver(p, word) == slot)
			shmq_pool_reap(p, i, word);
	}
	*id = shmq_owner_id_of(slot, taken << 2 | how);
	return true;
}

/* What becomes of a block when the owner in a slot is dead. */
enum shmq_pool_fate {
	SHMQ_POOL_KEEP,
	SHMQ_POOL_REAP,
	SHMQ_POOL_PENDING,	/* its receiver decides */
};

static inline enum shmq_pool_fate shmq_pool_fate(const struct shmq_pool *p, uint32_t word,
						 uint32_t slot)
{
	bool from = shmq_pool_owner(p, word) == slot;
	uint32_t receiver = shmq_pool_receiver(p, word);

	if ((word & SHMQ_POOL_STATE) == SHMQ_POOL_OWNED)
		return from ? SHMQ_POOL_REAP : SHMQ_POOL_KEEP;
	if ((word & SHMQ_POOL_STATE) != SHMQ_POOL_TRANSIT)
		return SHMQ_POOL_KEEP;
	if (receiver == slot)
		return SHMQ_POOL_REAP;
	if (!from)
		return SHMQ_POOL_KEEP;
	return shmq_pool_slot_taken(p, receiver) ? SHMQ_POOL_PENDING : SHMQ_POOL_REAP;
}

/*
 * Frees what a dead owner had and what was on its way to it. `seen` is the
 * slot's word, read before the caller made sure that nobody was in it; nothing
 * happens if it has changed. Returns how many blocks it freed; `left` is how
 * many are on their way from the dead to others: while there are some, the slot
 * stays GONE; then it is NOBODY's.
 */
static inline uint32_t shmq_pool_sweep(const struct shmq_pool *p, uint32_t slot, uint32_t seen,
				       uint32_t *left)
{
	uint32_t off = shmq_pool_owner_word(p, slot);
	uint32_t gone = seen | SHMQ_OWNER_GONE;
	uint32_t freed = 0;
	uint32_t i, word;

	*left = 0;
	if ((seen & SHMQ_OWNER_STATE) == SHMQ_OWNER_NOBODY)
		return 0;
	if (!shmq_cmpxchg(p->base, off, seen, gone) && shmq_load_relaxed(p->base, off) != gone)
		return 0; /* swept by another */
	shmq_full_fence(); /* D: pairs with C */
	for (i = 0; i < p->blocks; i++) {
		enum shmq_pool_fate fate;

		word = shmq_load_acquire(p->base, shmq_pool_word(p, i));
		fate = shmq_pool_fate(p, word, slot);
		if (fate == SHMQ_POOL_KEEP)
			continue;
		/*
		 * F: pairs with E. A faster sweeper may be done and a new owner be
		 * there: then the word is its, or has another generation by now.
		 */
		if (shmq_load_acquire(p->base, off) != gone)
			return freed;
		if (fate == SHMQ_POOL_PENDING)
			++*left;
		else
			freed += shmq_pool_reap(p, i, word);
	}
	if (!*left)
		shmq_cmpxchg(p->base, off, gone, gone & ~SHMQ_OWNER_STATE);
	return freed;
}

/* ---- from one to another ---- */

static inline uint32_t shmq_pool_transit(const struct shmq_pool *p, uint32_t from, uint32_t to,
					 uint32_t generation)
{
	return generation << p->generation_shift |
	       to << (SHMQ_POOL_STATE_BITS + p->owner_bits) | from << SHMQ_POOL_STATE_BITS |
	       SHMQ_POOL_TRANSIT;
}

/*
 * Takes back what was sent but whose message was not published. SHMQ_STALE:
 * the receiver has it, or had it, or a sweep freed it.
 */
static inline enum shmq_status shmq_pool_recall(const struct shmq_pool *p, uint32_t owner,
						struct shmq_pool_handle h, shmq_owner_id to)
{
	if (!shmq_pool_names_block(p, h) || shmq_owner_slot(to) >= p->owners)
		return SHMQ_INVALID;
	return shmq_cmpxchg(p->base, shmq_pool_word(p, h.index),
			    shmq_pool_transit(p, owner, shmq_owner_slot(to), h.generation),
			    shmq_pool_owned(p, owner, h.generation)) ?
		       SHMQ_OK :
		       SHMQ_STALE;
}

/*
 * Gives a block up for another owner, which finds it by the message with the
 * handle that the caller publishes next. What was written to the block before
 * is there for the receiver.
 *
 * SHMQ_NO_OWNER: that owner is gone, the block is still the caller's.
 * SHMQ_STALE, FOREIGN, INVALID: it is not, as shmq_pool_free() says; STALE also
 * if the receiver died at this moment and a sweep freed the block.
 */
static inline enum shmq_status shmq_pool_send(const struct shmq_pool *p, uint32_t owner,
					      struct shmq_pool_handle h, shmq_owner_id to)
{
	if (!shmq_pool_names_block(p, h) || shmq_owner_slot(to) >= p->owners)
		return SHMQ_INVALID;
	if (!shmq_cmpxchg(p->base, shmq_pool_word(p, h.index),
			  shmq_pool_owned(p, owner, h.generation),
			  shmq_pool_transit(p, owner, shmq_owner_slot(to), h.generation)))
		return shmq_pool_blame(p, shmq_load_relaxed(p->base, shmq_pool_word(p, h.index)),
				       h);
	shmq_full_fence(); /* C: pairs with D */
	if (shmq_pool_owner_is(p, to))
		return SHMQ_OK;
	return shmq_pool_recall(p, owner, h, to) == SHMQ_OK ? SHMQ_NO_OWNER : SHMQ_STALE;
}

/*
 * Takes a block that was sent to `owner`. SHMQ_STALE: that is not on its way
 * here (a forged or repeated message); SHMQ_FOREIGN: to another owner;
 * SHMQ_INVALID: no handle of this pool. `from`: the slot that sent it.
 */
static inline enum shmq_status shmq_pool_adopt(const struct shmq_pool *p, uint32_t owner,
					       struct shmq_pool_handle h, uint32_t *from)
{
	uint32_t word;

	if (!shmq_pool_names_block(p, h))
		return SHMQ_INVALID;
	word = shmq_load_acquire(p->base, shmq_pool_word(p, h.index));
	*from = shmq_pool_owner(p, word);
	if (shmq_pool_generation(p, word) != h.generation ||
	    (word & SHMQ_POOL_STATE) != SHMQ_POOL_TRANSIT)
		return SHMQ_STALE;
	if (word != shmq_pool_transit(p, *from, owner, h.generation) || *from >= p->owners)
		return SHMQ_FOREIGN;
	if (!shmq_cmpxchg(p->base, shmq_pool_word(p, h.index), word,
			  shmq_pool_owned(p, owner, h.generation)))
		return SHMQ_STALE;
	return SHMQ_OK;
}

/*
 * Frees what a dead sender had on its way to `owner`, who has read all of its
 * messages and adopted what they told of. Returns how many. Nothing happens
 * while the sender is there.
 */
static inline uint32_t shmq_pool_settle(const struct shmq_pool *p, uint32_t owner,
					shmq_owner_id sender)
{
	uint32_t slot = shmq_owner_slot(sender);
	uint32_t freed = 0;
	uint32_t i, word;

	if (slot >= p->owners || shmq_pool_owner_is(p, sender))
		return 0;
	for (i = 0; i < p->blocks; i++) {
		word = shmq_load_acquire(p->base, shmq_pool_word(p, i));
		if (word != shmq_pool_transit(p, slot, owner, shmq_pool_generation(p, word)))
			continue;
		/* F: pairs with E. A successor's are not the sender's. */
		if (shmq_pool_seen(p, slot) !=
		    ((sender >> 8) << 2 | SHMQ_OWNER_GONE))
			return freed;
		freed += shmq_pool_reap(p, i, word);
	}
	return freed;
}

#endif /* SHMQ_CORE_POOL_OWNER_H */
