/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * The pool: blocks of one size in any memory, handed out without a lock.
 *
 * There is no list of free blocks. Each block has one word in a table:
 *
 *   bits 0-1        SHMQ_POOL_FREE, OWNED or TRANSIT
 *   next k bits     the owner, or who sends it; k as the number of owners needs
 *   next k bits     in transit: the owner that it is for
 *   the rest        generation: 30 bits for one owner, 22 for 16, 14 for 256
 *
 * Allocating is one compare-exchange, free -> mine; freeing is one, mine -> free
 * with the next generation. At no instruction is a block neither free nor
 * somebody's, so a kill anywhere loses none and their number stays exact. An
 * all-zero table is a pool whose blocks are free.
 *
 * A block that is free may be taken whatever happened to it since somebody
 * looked: there is no ABA to guard against. Generations are for handles,
 * {index, generation}: a second free, a handle that was kept too long or was
 * made up is found by its value, and for sweeps (pool_owner.h). A handle that
 * was kept while its block was freed 2^(bits of generation) times looks valid
 * again.
 *
 * What finds a free block fast owns nothing and may be wrong at any time:
 *
 *   hints     a thread's, private: the indexes that it freed last
 *   cursor    where that thread found a block last; another start for each
 *   summary   one bit for each group of 32 words: one of them was freed
 *
 * Only the words decide: SHMQ_EMPTY is answered after a look at all of them.
 * Cost: with a hint, one word; without, the words of one group or a few; when
 * the pool is full, all words.
 *
 *   A: the word is freed, release     pairs with   B: it is taken, acquire
 *
 * Threads: any number, interrupts and signal handlers too; lock-free. Give each
 * thread hints of its own, or the same to several: that costs time only.
 * Crash: at any instruction; what the dead held is freed by a sweep.
 *
 * A table of words instead of a Treiber stack (R. K. Treiber, "Systems
 * Programming: Coping with Parallelism", 1986), whose pop takes two steps.
 */
#ifndef SHMQ_CORE_POOL_H
#define SHMQ_CORE_POOL_H

#include "barrier.h"
#include "status.h"

/* States of a block, in the low bits of its word; 3 is none. */
#define SHMQ_POOL_FREE		0u
#define SHMQ_POOL_OWNED		1u
#define SHMQ_POOL_TRANSIT	2u
#define SHMQ_POOL_STATE		3u	/* mask */
#define SHMQ_POOL_STATE_BITS	2u

#define SHMQ_POOL_OWNERS_MAX	256u
#define SHMQ_POOL_GROUP		32u	/* blocks that share a bit of the summary */
#define SHMQ_POOL_LINE		64u	/* alignment of the tables, bytes */
#define SHMQ_POOL_NONE		0xffffffffu /* an index that no block has */

/* Names a block for as long as it is not freed. A value, may be sent anywhere. */
struct shmq_pool_handle {
	uint32_t index;
	uint32_t generation;
};

/* Where all is: private, and checked when the pool was made or opened. */
struct shmq_pool {
	shmq_base base;
	uint32_t blocks;	/* their number */
	uint32_t stride;	/* bytes from block to block */
	uint32_t owners;	/* slots, at least 1 */
	uint32_t owner_bits;	/* k */
	uint32_t generation_shift; /* 2 + 2k */
	uint32_t at_owners;	/* offsets from the base; meaningless for one owner */
	uint32_t at_words;
	uint32_t at_summary;
	uint32_t at_blocks;
	uint32_t total;		/* bytes of all */
};

#define SHMQ_POOL_HINTS		29u

/* What one thread remembers. All-zero is a good start for a single one. */
struct shmq_pool_hints {
	uint32_t count;
	uint32_t cursor;	/* a group */
	uint32_t index[SHMQ_POOL_HINTS];
};

/* ---- layout ---- */

SHMQ_LAYOUT uint64_t shmq_pool_align(uint64_t offset, uint64_t to)
{
	return (offset + to - 1) & ~(to - 1);
}

SHMQ_LAYOUT uint32_t shmq_pool_groups(const struct shmq_pool *p)
{
	return (p->blocks - 1) / SHMQ_POOL_GROUP + 1;
}

/*
 * Lays out a pool from `start` bytes after the base: owners (if more than one),
 * words, summary, blocks. `size` is bytes of a block, a multiple of `align`, which
 * is a power of two; the base must be aligned to that. False: impossible.
 */
SHMQ_LAYOUT bool shmq_pool_place(struct shmq_pool *p, shmq_base base, uint64_t start,
				 uint64_t blocks, uint64_t size, uint32_t align, uint32_t owners)
{
	uint64_t at = shmq_pool_align(start, 4);

	if (!blocks || blocks >= SHMQ_POOL_NONE || !size || size > 0xffffffffu || !owners ||
	    owners > SHMQ_POOL_OWNERS_MAX || !align || (align & (align - 1)) || size & (align - 1))
		return false;
	p->base = base;
	p->blocks = (uint32_t)blocks;
	p->stride = (uint32_t)size;
	p->owners = owners;
	for (p->owner_bits = 0; (1u << p->owner_bits) < owners; p->owner_bits++)
		;
	p->generation_shift = SHMQ_POOL_STATE_BITS + 2 * p->owner_bits;
	p->at_owners = (uint32_t)at;
	if (owners > 1)
		at = shmq_pool_align(at + 4ull * owners, SHMQ_POOL_LINE);
	p->at_words = (uint32_t)at;
	at += 4 * blocks;
	p->at_summary = (uint32_t)at;
	at += 4 * ((shmq_pool_groups(p) - 1) / 32 + 1);
	at = shmq_pool_align(at, align);
	p->at_blocks = (uint32_t)at;
	/* blocks and size are less than 2^32 each. */
	if (at > 0xffffffffu || blocks * size > 0xffffffffu - at)
		return false;
	p->total = (uint32_t)(at + blocks * size);
	return true;
}

/*
 * Lays out as many blocks for one owner as `length` bytes of memory hold.
 * False: not a single one.
 */
SHMQ_LAYOUT bool shmq_pool_fit(struct shmq_pool *p, shmq_base base, uint64_t length,
			       uint64_t size, uint32_t align)
{
	uint32_t blocks = 0;

	if (length > 0xffffffffu)
		length = 0xffffffffu;
	if (!size || size + 4 > length)
		return false;
	/* Less, for what the summary and the alignment take. */
	for (blocks = (uint32_t)length / (uint32_t)(size + 4); blocks; blocks--)
		if (shmq_pool_place(p, base, 0, blocks, size, align, 1) && p->total <= length)
			return true;
	return false;
}

/* Frees all blocks of new memory. Once, before anybody allocates. */
static inline void shmq_pool_clear(const struct shmq_pool *p)
{
	uint32_t off;

	for (off = p->at_words; off < p->at_summary; off += 4)
		shmq_store_relaxed(p->base, off, SHMQ_POOL_FREE);
	for (; off < p->at_summary + 4 * ((shmq_pool_groups(p) - 1) / 32 + 1); off += 4)
		shmq_store_relaxed(p->base, off, 0);
}

/* The group where thread `number` of `threads` begins to search. */
SHMQ_LAYOUT uint32_t shmq_pool_start(const struct shmq_pool *p, uint32_t number, uint32_t threads)
{
	uint32_t groups = shmq_pool_groups(p);

	return groups < threads ? number % groups : groups / threads * number;
}

static inline void shmq_pool_hints_start(const struct shmq_pool *p, struct shmq_pool_hints *h,
					 uint32_t number, uint32_t threads)
{
	shmq_hint_store(&h->count, 0);
	shmq_hint_store(&h->cursor, shmq_pool_start(p, number, threads));
}

/* ---- words ---- */

SHMQ_HOT uint32_t shmq_pool_word(const struct shmq_pool *p, uint32_t index)
{
	return p->at_words + 4 * index;
}

SHMQ_HOT uint32_t shmq_pool_generation(const struct shmq_pool *p, uint32_t word)
{
	return word >> p->generation_shift;
}

SHMQ_HOT uint32_t shmq_pool_owned(const struct shmq_pool *p, uint32_t owner, uint32_t generation)
{
	return generation << p->generation_shift | owner << SHMQ_POOL_STATE_BITS | SHMQ_POOL_OWNED;
}

/* What follows on any word when its block is freed. */
SHMQ_HOT uint32_t shmq_pool_freed(const struct shmq_pool *p, uint32_t word)
{
	return ((word >> p->generation_shift) + 1) << p->generation_shift | SHMQ_POOL_FREE;
}

SHMQ_HOT bool shmq_pool_names_block(const struct shmq_pool *p, struct shmq_pool_handle h)
{
	/* A generation with bits too many would reach into the next word's meaning. */
	return h.index < p->blocks &&
	       h.generation << p->generation_shift >> p->generation_shift == h.generation;
}

/* Where the block lies, bytes from the base. */
SHMQ_HOT uint32_t shmq_pool_offset(const struct shmq_pool *p, uint32_t index)
{
	return p->at_blocks + index * p->stride;
}

/* Why `word` is not what the handle's owner expected of it. */
SHMQ_COLD enum shmq_status shmq_pool_blame(const struct shmq_pool *p, uint32_t word,
					   struct shmq_pool_handle h)
{
	if (shmq_pool_generation(p, word) == h.generation &&
	    (word & SHMQ_POOL_STATE) == SHMQ_POOL_OWNED)
		return SHMQ_FOREIGN;
	return SHMQ_STALE;
}

/* ---- summary: never decides anything ---- */

/* Bytes from the base of the summary word for a group. */
SHMQ_HOT uint32_t shmq_pool_summary(const struct shmq_pool *p, uint32_t group)
{
	return p->at_summary + 4 * (group / 32);
}

SHMQ_COLD void shmq_pool_summary_set(const struct shmq_pool *p, uint32_t group)
{
	uint32_t off = shmq_pool_summary(p, group);
	uint32_t word;

	do {
		word = shmq_load_relaxed(p->base, off);
	} while (!shmq_cmpxchg(p->base, off, word, word | 1u << group % 32));
}

SHMQ_COLD void shmq_pool_summary_clear(const struct shmq_pool *p, uint32_t group)
{
	uint32_t off = shmq_pool_summary(p, group);
	uint32_t word;

	do {
		word = shmq_load_relaxed(p->base, off);
	} while (!shmq_cmpxchg(p->base, off, word, word & ~(1u << group % 32)));
}

/* A block was freed. Without a fence: what this misses costs a longer search. */
SHMQ_HOT void shmq_pool_summary_tell(const struct shmq_pool *p, uint32_t index)
{
	uint32_t group = index / SHMQ_POOL_GROUP;

	if (!(shmq_load_relaxed(p->base, shmq_pool_summary(p, group)) >> group % 32 & 1))
		shmq_pool_summary_set(p, group);
}

/* The first group from `from` on that the summary tells of, or SHMQ_POOL_NONE. */
static inline uint32_t shmq_pool_summary_next(const struct shmq_pool *p, uint32_t from)
{
	uint32_t groups = shmq_pool_groups(p);
	uint32_t skip = from % 32;
	uint32_t word;

	for (from -= skip; from < groups; from += 32, skip = 0) {
		word = shmq_load_relaxed(p->base, shmq_pool_summary(p, from));
		word = word >> skip << skip;
		if (word) { /* written by others: the group may not exist */
			from += (uint32_t)__builtin_ctz(word);
			return from < groups ? from : SHMQ_POOL_NONE;
		}
	}
	return SHMQ_POOL_NONE;
}

/* ---- allocating ---- */

/* Takes block `index` if it is free. */
SHMQ_HOT bool shmq_pool_take(const struct shmq_pool *p, uint32_t owner, uint32_t index,
			     struct shmq_pool_handle *h)
{
	uint32_t word = shmq_load_relaxed(p->base, shmq_pool_word(p, index));
	uint32_t generation = shmq_pool_generation(p, word);

	if ((word & SHMQ_POOL_STATE) != SHMQ_POOL_FREE)
		return false;
	/* B: pairs with A */
	if (!shmq_cmpxchg(p->base, shmq_pool_word(p, index), word,
			  shmq_pool_owned(p, owner, generation)))
		return false;
	h->index = index;
	h->generation = generation;
	return true;
}

/* Takes any free block of a group. */
static inline bool shmq_pool_take_in(const struct shmq_pool *p, uint32_t owner, uint32_t group,
				     struct shmq_pool_handle *h)
{
	uint32_t index = group * SHMQ_POOL_GROUP;
	uint32_t end = p->blocks - index > SHMQ_POOL_GROUP ? index + SHMQ_POOL_GROUP : p->blocks;

	for (; index < end; index++)
		if (shmq_pool_take(p, owner, index, h))
			return true;
	return false;
}

/* Takes a block where the summary tells of one, and corrects the summary. */
SHMQ_COLD bool shmq_pool_take_told(const struct shmq_pool *p, uint32_t owner, uint32_t first,
				   uint32_t end, struct shmq_pool_handle *h, uint32_t *group)
{
	for (*group = shmq_pool_summary_next(p, first); *group < end;
	     *group = shmq_pool_summary_next(p, *group + 1)) {
		if (shmq_pool_take_in(p, owner, *group, h))
			return true;
		shmq_pool_summary_clear(p, *group);
		/* What was freed between the look and the clearing. */
		if (shmq_pool_take_in(p, owner, *group, h)) {
			shmq_pool_summary_set(p, *group);
			return true;
		}
	}
	return false;
}

SHMQ_COLD enum shmq_status shmq_pool_search(const struct shmq_pool *p, uint32_t owner,
					    struct shmq_pool_hints *hints,
					    struct shmq_pool_handle *h)
{
	uint32_t groups, group, left;
	uint32_t start = shmq_hint_load(&hints->cursor);

	if (!p->blocks)
		return SHMQ_EMPTY;
	groups = shmq_pool_groups(p);
	if (start >= groups)
		start = 0;
	if (shmq_pool_take_in(p, owner, start, h))
		return SHMQ_OK;
	if (shmq_pool_take_told(p, owner, start + 1, groups, h, &group) ||
	    shmq_pool_take_told(p, owner, 0, start, h, &group)) {
		shmq_hint_store(&hints->cursor, group);
		return SHMQ_OK;
	}
	/* What nobody told of: never used, or its teller was killed. */
	for (group = start, left = groups; left; left--) {
		if (shmq_pool_take_in(p, owner, group, h)) {
			shmq_hint_store(&hints->cursor, group);
			return SHMQ_OK;
		}
		group = group + 1 == groups ? 0 : group + 1;
	}
	return SHMQ_EMPTY;
}

/*
 * Allocates a block for `owner`, a slot number less than `owners`. SHMQ_OK or
 * SHMQ_EMPTY: none was free when it looked.
 */
SHMQ_HOT enum shmq_status shmq_pool_alloc(const struct shmq_pool *p, uint32_t owner,
					  struct shmq_pool_hints *hints,
					  struct shmq_pool_handle *h)
{
	uint32_t n = shmq_hint_load(&hints->count) - 1;
	struct shmq_pool_handle found = { SHMQ_POOL_NONE, 0 };
	enum shmq_status status;
	uint32_t index;

	if (n < SHMQ_POOL_HINTS) {
		index = shmq_hint_load(&hints->index[n]);
		shmq_hint_store(&hints->count, n);
		if (index < p->blocks && shmq_pool_take(p, owner, index, h))
			return SHMQ_OK;
	}
	/* Not to `h` directly: it stays in registers where this is not called. */
	status = shmq_pool_search(p, owner, hints, &found);
	*h = found;
	return status;
}

/* What follows on every free: the next search is short. */
SHMQ_HOT void shmq_pool_hint(const struct shmq_pool *p, struct shmq_pool_hints *hints,
			     uint32_t index)
{
	uint32_t n = shmq_hint_load(&hints->count);

	shmq_pool_summary_tell(p, index);
	if (n < SHMQ_POOL_HINTS) {
		shmq_hint_store(&hints->index[n], index);
		shmq_hint_store(&hints->count, n + 1);
	}
}

/*
 * Frees a block of `owner`'s. SHMQ_STALE: it is not (any more) the one that the
 * handle names; SHMQ_FOREIGN: another owner's; SHMQ_INVALID: no handle of this
 * pool. Then nothing changes.
 */
SHMQ_HOT enum shmq_status shmq_pool_free(const struct shmq_pool *p, uint32_t owner,
					 struct shmq_pool_hints *hints, struct shmq_pool_handle h)
{
	uint32_t word = shmq_pool_owned(p, owner, h.generation);

	if (!shmq_pool_names_block(p, h))
		return SHMQ_INVALID;
	/* A: pairs with B */
	if (!shmq_cmpxchg(p->base, shmq_pool_word(p, h.index), word, shmq_pool_freed(p, word)))
		return shmq_pool_blame(p, shmq_load_relaxed(p->base, shmq_pool_word(p, h.index)),
				       h);
	shmq_pool_hint(p, hints, h.index);
	return SHMQ_OK;
}

/*
 * As shmq_pool_free(), at half the cost, where the handle cannot be freed by
 * two at once: its holder is move-only, and nobody sweeps. Nobody else changes
 * the word then, so it is looked at and stored.
 */
SHMQ_HOT enum shmq_status shmq_pool_free_unshared(const struct shmq_pool *p, uint32_t owner,
						  struct shmq_pool_hints *hints,
						  struct shmq_pool_handle h)
{
	uint32_t word = shmq_pool_owned(p, owner, h.generation);
	uint32_t off = shmq_pool_word(p, h.index);

	if (!shmq_pool_names_block(p, h))
		return SHMQ_INVALID;
	if (shmq_load_relaxed(p->base, off) != word)
		return shmq_pool_blame(p, shmq_load_relaxed(p->base, off), h);
	shmq_store_release(p->base, off, shmq_pool_freed(p, word)); /* A: pairs with B */
	shmq_pool_hint(p, hints, h.index);
	return SHMQ_OK;
}

/* ---- counting ---- */

/* Exact while nobody allocates or frees. */
struct shmq_pool_counts {
	uint32_t free;
	uint32_t owned;
	uint32_t transit;
	uint32_t damaged;	/* words that nothing here writes */
};

static inline struct shmq_pool_counts shmq_pool_count(const struct shmq_pool *p)
{
	struct shmq_pool_counts c = { 0, 0, 0, 0 };
	uint32_t mask = (1u << p->owner_bits) - 1;
	uint32_t i, word, owner;

	for (i = 0; i < p->blocks; i++) {
		word = shmq_load_relaxed(p->base, shmq_pool_word(p, i));
		owner = word >> SHMQ_POOL_STATE_BITS & mask;
		if ((word & SHMQ_POOL_STATE) == SHMQ_POOL_FREE)
			c.free++;
		else if ((word & SHMQ_POOL_STATE) == SHMQ_POOL_OWNED && owner < p->owners)
			c.owned++;
		else if ((word & SHMQ_POOL_STATE) == SHMQ_POOL_TRANSIT && owner < p->owners)
			c.transit++;
		else
			c.damaged++;
	}
	return c;
}

#endif /* SHMQ_CORE_POOL_H */
