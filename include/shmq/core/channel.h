/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * The header page of a channel that processes share without a driver.
 *
 *   offset 0    u32  magic, stored last: until then there is no channel
 *          4    u32  version, 1
 *          8    u32  bytes of header, 4096
 *         12    u32  flags, SHMQ_CHANNEL_*
 *         16    u32  bytes of all, header included
 *         20    u32  framing, enum shmq_framing
 *         24    u32  bytes of prefix
 *         28    u32  0
 *         32    2 x  { u32 offset, u32 length } of each queue
 *         48    u32 x 4  who has each end, by SHMQ_CHANNEL_END
 *         64    64 bytes of prefix
 *        256    4 x  { u32 sleep word, 60 bytes unused }, in the order of
 *                    struct shmq_wake_page: data, room of each queue
 *        512    zeroes to 4096
 *
 * All native-endian (a foreign magic is no magic), all relative to the header:
 * each process may map it elsewhere. The first side writes to queue 0 and
 * reads queue 1. The fields above the holders never change once the magic is
 * there.
 *
 * The header says nothing that is trusted: shmq_channel_open() reads each field
 * once and checks its copy, holders and sleep words decide nothing but when to
 * look again.
 */
#ifndef SHMQ_CORE_CHANNEL_H
#define SHMQ_CORE_CHANNEL_H

#include "frame.h"

#define SHMQ_CHANNEL_MAGIC	0x434d4853u	/* "SHMC" in little endian */
#define SHMQ_CHANNEL_VERSION	1u
#define SHMQ_CHANNEL_HEADER	4096u
#define SHMQ_CHANNEL_QUEUES	2u
#define SHMQ_CHANNEL_ENDS	4u

/* Neither end ever sleeps: the sleep words are not used, no fence is paid. */
#define SHMQ_CHANNEL_SPIN_ONLY	1u
#define SHMQ_CHANNEL_FLAGS	SHMQ_CHANNEL_SPIN_ONLY

#define SHMQ_CHANNEL_AT_MAGIC	0u
#define SHMQ_CHANNEL_AT_VERSION	4u
#define SHMQ_CHANNEL_AT_HEADER	8u
#define SHMQ_CHANNEL_AT_FLAGS	12u
#define SHMQ_CHANNEL_AT_TOTAL	16u
#define SHMQ_CHANNEL_AT_FRAMING	20u
#define SHMQ_CHANNEL_AT_PREFIX_LENGTH 24u
#define SHMQ_CHANNEL_AT_QUEUE	32u
#define SHMQ_CHANNEL_AT_HOLDER	48u
#define SHMQ_CHANNEL_AT_PREFIX	64u
#define SHMQ_CHANNEL_AT_BELL	256u
#define SHMQ_CHANNEL_BELL_SIZE	64u

/* The number of an end: producer and consumer of each queue. */
#define SHMQ_CHANNEL_END(queue, consumer) (2u * (queue) + (consumer))

/* The low bits of a holder word; the rest counts claims. */
#define SHMQ_CHANNEL_NOBODY	0u	/* nobody has claimed it yet */
#define SHMQ_CHANNEL_UNLOCKED	1u	/* held, but nothing tells if the holder dies */
#define SHMQ_CHANNEL_HELD	2u	/* held, with a lock on byte n of the file for end n */
#define SHMQ_CHANNEL_GONE	3u	/* given back, or seen to be dead */
#define SHMQ_CHANNEL_HOLDER	3u	/* mask */

/* A queue of the channel: bytes from the header. */
struct shmq_channel_area {
	uint32_t offset;
	uint32_t length;
};

/* A private, checked copy of what the header says. */
struct shmq_channel {
	uint32_t flags;
	uint32_t total;
	struct shmq_channel_area queue[SHMQ_CHANNEL_QUEUES];
	struct shmq_format format;
};

/* Why there is no channel to open. */
enum shmq_channel_fault {
	SHMQ_CHANNEL_OK = 0,
	SHMQ_CHANNEL_TRUNCATED,		/* less memory than the header tells, or needs */
	SHMQ_CHANNEL_NOT_READY,		/* no magic yet: its creator is not done, or died */
	SHMQ_CHANNEL_FOREIGN,		/* not a channel, or of the other byte order */
	SHMQ_CHANNEL_BAD_VERSION,	/* of another version, or unknown flags */
	SHMQ_CHANNEL_BAD_LAYOUT,	/* the queues cannot lie where it says */
	SHMQ_CHANNEL_BAD_FORMAT,	/* no such framing or prefix */
};

/* The offset of a sleep word; `bell` as SHMQ_BELL_DATA, SHMQ_BELL_ROOM. */
static inline uint32_t shmq_channel_bell(uint32_t bell)
{
	return SHMQ_CHANNEL_AT_BELL + bell * SHMQ_CHANNEL_BELL_SIZE;
}

static inline uint32_t shmq_channel_holder(uint32_t end)
{
	return SHMQ_CHANNEL_AT_HOLDER + 4 * end;
}

/* Whether the areas lie behind the header, inside, aligned and apart. */
static inline enum shmq_channel_fault shmq_channel_check(const struct shmq_channel *ch,
							 shmq_base base, uint64_t length)
{
	const struct shmq_channel_area *q = ch->queue;
	uint32_t i;

	if (ch->flags & ~SHMQ_CHANNEL_FLAGS)
		return SHMQ_CHANNEL_BAD_VERSION;
	if (ch->total < SHMQ_CHANNEL_HEADER)
		return SHMQ_CHANNEL_BAD_LAYOUT;
	if (ch->total > length)
		return SHMQ_CHANNEL_TRUNCATED;
	for (i = 0; i < SHMQ_CHANNEL_QUEUES; i++) {
		if (q[i].offset < SHMQ_CHANNEL_HEADER || q[i].offset % 8 ||
		    !shmq_queue_length_ok(q[i].length) || q[i].offset > ch->total ||
		    q[i].length > ch->total - q[i].offset)
			return SHMQ_CHANNEL_BAD_LAYOUT;
		if (shmq_format_check(&ch->format, base + q[i].offset, q[i].length) != SHMQ_OK)
			return SHMQ_CHANNEL_BAD_FORMAT;
	}
	/* Both are inside: the sums do not overflow. */
	if (q[0].offset < q[1].offset + q[1].length && q[1].offset < q[0].offset + q[0].length)
		return SHMQ_CHANNEL_BAD_LAYOUT;
	return SHMQ_CHANNEL_OK;
}

/*
 * Makes a channel, with empty queues, of zeroed memory. `ch` says what; the
 * memory is 8-byte aligned. Nobody finds it before all of it is there.
 */
static inline enum shmq_channel_fault shmq_channel_create(shmq_base base, uint64_t length,
							  const struct shmq_channel *ch)
{
	enum shmq_channel_fault fault = shmq_channel_check(ch, base, length);
	uint32_t i;

	if (fault != SHMQ_CHANNEL_OK)
		return fault;
	shmq_store_relaxed(base, SHMQ_CHANNEL_AT_VERSION, SHMQ_CHANNEL_VERSION);
	shmq_store_relaxed(base, SHMQ_CHANNEL_AT_HEADER, SHMQ_CHANNEL_HEADER);
	shmq_store_relaxed(base, SHMQ_CHANNEL_AT_FLAGS, ch->flags);
	shmq_store_relaxed(base, SHMQ_CHANNEL_AT_TOTAL, ch->total);
	shmq_store_relaxed(base, SHMQ_CHANNEL_AT_FRAMING, ch->format.framing);
	shmq_store_relaxed(base, SHMQ_CHANNEL_AT_PREFIX_LENGTH, ch->format.prefix_length);
	shmq_copy_out(base, SHMQ_CHANNEL_AT_PREFIX, ch->format.prefix, SHMQ_PREFIX_MAX);
	for (i = 0; i < SHMQ_CHANNEL_QUEUES; i++) {
		shmq_store_relaxed(base, SHMQ_CHANNEL_AT_QUEUE + 8 * i, ch->queue[i].offset);
		shmq_store_relaxed(base, SHMQ_CHANNEL_AT_QUEUE + 8 * i + 4, ch->queue[i].length);
		shmq_queue_create(base + ch->queue[i].offset, ch->queue[i].length);
	}
	shmq_store_release(base, SHMQ_CHANNEL_AT_MAGIC, SHMQ_CHANNEL_MAGIC);
	return SHMQ_CHANNEL_OK;
}

/* Reads and checks the header of a channel in `length` bytes of memory. */
static inline enum shmq_channel_fault shmq_channel_open(shmq_base base, uint64_t length,
							struct shmq_channel *ch)
{
	uint32_t magic, i;

	if (length < SHMQ_CHANNEL_HEADER)
		return SHMQ_CHANNEL_TRUNCATED;
	/* pairs with the release of shmq_channel_create() */
	magic = shmq_load_acquire(base, SHMQ_CHANNEL_AT_MAGIC);
	if (magic != SHMQ_CHANNEL_MAGIC)
		return magic ? SHMQ_CHANNEL_FOREIGN : SHMQ_CHANNEL_NOT_READY;
	if (shmq_load_relaxed(base, SHMQ_CHANNEL_AT_VERSION) != SHMQ_CHANNEL_VERSION ||
	    shmq_load_relaxed(base, SHMQ_CHANNEL_AT_HEADER) != SHMQ_CHANNEL_HEADER)
		return SHMQ_CHANNEL_BAD_VERSION;
	ch->flags = shmq_load_relaxed(base, SHMQ_CHANNEL_AT_FLAGS);
	ch->total = shmq_load_relaxed(base, SHMQ_CHANNEL_AT_TOTAL);
	for (i = 0; i < SHMQ_CHANNEL_QUEUES; i++) {
		ch->queue[i].offset = shmq_load_relaxed(base, SHMQ_CHANNEL_AT_QUEUE + 8 * i);
		ch->queue[i].length = shmq_load_relaxed(base, SHMQ_CHANNEL_AT_QUEUE + 8 * i + 4);
	}
	ch->format.framing = shmq_load_relaxed(base, SHMQ_CHANNEL_AT_FRAMING);
	ch->format.prefix_length = shmq_load_relaxed(base, SHMQ_CHANNEL_AT_PREFIX_LENGTH);
	shmq_copy_in(ch->format.prefix, base, SHMQ_CHANNEL_AT_PREFIX, SHMQ_PREFIX_MAX);
	return shmq_channel_check(ch, base, length);
}

/* ---- who has an end ---- */

/*
 * Claims an end that nobody else has, as the caller knows; `how` is
 * SHMQ_CHANNEL_HELD or UNLOCKED. Returns the word, for leave_end.
 */
static inline uint32_t shmq_channel_take_end(shmq_base base, uint32_t end, uint32_t how)
{
	uint32_t word = shmq_load_relaxed(base, shmq_channel_holder(end));

	word = ((word | SHMQ_CHANNEL_HOLDER) + 1) | how;
	shmq_store_release(base, shmq_channel_holder(end), word);
	return word;
}

/*
 * The holder that left `word` is gone: what it had published is visible to who
 * reads GONE. Has no effect on a successor.
 */
static inline void shmq_channel_leave_end(shmq_base base, uint32_t end, uint32_t word)
{
	shmq_full_fence(); /* pairs with the acquire of who reads GONE */
	shmq_cmpxchg(base, shmq_channel_holder(end), word, word | SHMQ_CHANNEL_GONE);
}

#endif /* SHMQ_CORE_CHANNEL_H */
