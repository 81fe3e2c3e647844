/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * The byte queue: a single-producer single-consumer ring of bytes.
 *
 *   offset 0   u32  write position, stored by the producer alone
 *   offset 4   u32  read position, stored by the consumer alone
 *   offset 8   N    bytes of data; N = length - 8, any N >= 2
 *
 * Positions are native-endian, lie in [0, N) and wrap at N. One byte stays
 * spare: equal positions mean empty, N - 1 bytes mean full.
 *
 * Each end keeps its own position privately and only publishes it; memory is
 * never asked for it again, except to notice that somebody else wrote it. The
 * other end's position is cached, read again only when the cached one says
 * full or empty, and checked before use. Both sides of a transfer are then one
 * release store and one acquire load:
 *
 *   A: producer publishes its write position   pairs with   B: consumer reads it
 *   C: consumer publishes its read position    pairs with   D: producer reads it
 *
 * Threads: one thread (or lock) an end at a time; the two ends need nothing
 * between them. Crash: what was published before a kill at any instruction
 * stays, what was not is as if it had never been.
 */
#ifndef SHMQ_CORE_BYTE_QUEUE_H
#define SHMQ_CORE_BYTE_QUEUE_H

#include "barrier.h"
#include "status.h"

#define SHMQ_WRITE_POSITION	0u
#define SHMQ_READ_POSITION	4u
#define SHMQ_QUEUE_HEADER	8u	/* bytes before the data */
#define SHMQ_QUEUE_MIN		(SHMQ_QUEUE_HEADER + 2u)
/* A position plus a length must not overflow 32 bits. */
#define SHMQ_QUEUE_MAX		0x80000000u

/* Up to two contiguous stretches of the region, in order. */
struct shmq_pieces {
	uint32_t off[2];	/* from the base */
	uint32_t len[2];	/* bytes; the second may be 0 */
};

/*
 * One end of a queue. Private to its owner; the shared memory holds only the
 * two positions.
 */
struct shmq_end {
	shmq_base base;		/* of the queue, 4-byte aligned */
	uint32_t size;		/* N, bytes of data */
	uint32_t pos;		/* own position */
	uint32_t published;	/* own position as the memory has it */
	uint32_t publishes;	/* how often that changed: a position comes round again */
	uint32_t peer;		/* last checked position of the other end */
	uint32_t lag;		/* in a batch: bytes that may stay unpublished */
	enum shmq_status error;	/* SHMQ_OK, or why this end stopped for good */
};

/* Distinct types, so that a producer that reads does not compile. */
struct shmq_producer {
	struct shmq_end end;
	uint8_t *stage;		/* in a batch that gathers: private memory of the caller */
	uint32_t stage_size;	/* bytes of it */
	uint32_t staged;	/* bytes that lie there, to go to the ring at the position */
	uint32_t stage_limit;	/* how many may lie there before anything else is looked at */
};

struct shmq_consumer {
	struct shmq_end end;
};

SHMQ_HOT uint32_t shmq_wrap(uint32_t size, uint32_t pos)
{
	return pos >= size ? pos - size : pos;
}

/* Bytes between a read and a write position. */
SHMQ_HOT uint32_t shmq_distance(uint32_t size, uint32_t from, uint32_t to)
{
	return to >= from ? to - from : size - from + to;
}

/* The stretches of `n` bytes that start `skip` bytes after a position. */
SHMQ_HOT struct shmq_pieces shmq_span(const struct shmq_end *e, uint32_t skip, uint32_t n)
{
	uint32_t start = shmq_wrap(e->size, e->pos + skip);
	uint32_t first = e->size - start;
	struct shmq_pieces p;

	if (first > n)
		first = n;
	p.off[0] = SHMQ_QUEUE_HEADER + start;
	p.len[0] = first;
	p.off[1] = SHMQ_QUEUE_HEADER;
	p.len[1] = n - first;
	return p;
}

/* Is `length` bytes of memory a possible queue? */
static inline bool shmq_queue_length_ok(uint64_t length)
{
	return length >= SHMQ_QUEUE_MIN && length <= SHMQ_QUEUE_MAX;
}

/*
 * Makes an empty queue of the memory. Once, before either end attaches.
 */
static inline enum shmq_status shmq_queue_create(shmq_base base, uint64_t length)
{
	if (!shmq_queue_length_ok(length))
		return SHMQ_INVALID;
	shmq_store_release(base, SHMQ_WRITE_POSITION, 0);
	shmq_store_release(base, SHMQ_READ_POSITION, 0);
	return SHMQ_OK;
}

/* An end of a queue that was made just now: nothing is read from the memory. */
static inline void shmq_end_start(struct shmq_end *e, shmq_base base, uint64_t length)
{
	e->base = base;
	e->size = (uint32_t)(length - SHMQ_QUEUE_HEADER);
	e->pos = 0;
	e->published = 0;
	e->publishes = 0;
	e->peer = 0;
	e->lag = 0;
	e->error = SHMQ_OK;
}

/* Where it fails, no position of the memory's stays in the end. */
static inline enum shmq_status shmq_end_attach(struct shmq_end *e, shmq_base base, uint64_t length,
					       uint32_t own, uint32_t other)
{
	uint32_t pos, peer;

	if (!shmq_queue_length_ok(length))
		return SHMQ_INVALID;
	shmq_end_start(e, base, length);
	pos = shmq_load_acquire(base, own);
	peer = shmq_load_acquire(base, other);
	if (pos >= e->size || peer >= e->size)
		return SHMQ_CORRUPT;
	e->pos = pos;
	e->published = pos;
	e->peer = peer;
	return SHMQ_OK;
}

/*
 * Asks whether somebody else stored this end's position: a program that zeroed
 * the queue, or a second program at this end.
 */
static inline bool shmq_end_intact(const struct shmq_end *e, uint32_t own)
{
	return shmq_load_relaxed(e->base, own) == e->published;
}

/*
 * What a position of the other end says that cannot have come about: one that
 * lies inside was stored by somebody who started the queue over.
 */
static inline enum shmq_status shmq_end_blame(const struct shmq_end *e, uint32_t seen)
{
	return seen < e->size ? SHMQ_RECREATED : SHMQ_CORRUPT;
}

SHMQ_HOT void shmq_end_publish(struct shmq_end *e, uint32_t own)
{
	if (e->published == e->pos || e->error != SHMQ_OK)
		return;
	shmq_store_release(e->base, own, e->pos); /* A, C: pair with B, D */
	e->published = e->pos;
	e->publishes++;
}

/* ---- the producer's end ---- */

/* Ends this end for a reason that lies outside the queue: full for ever. */
static inline void shmq_producer_stop(struct shmq_producer *p, enum shmq_status why)
{
	p->end.error = why;
	p->end.peer = shmq_wrap(p->end.size, p->end.pos + 1);
	p->staged = 0;
	p->stage_limit = 0;
}

/*
 * Attaches to a queue that exists; the memory is not changed. SHMQ_CORRUPT if
 * a position lies outside: the end is then stopped. SHMQ_INVALID for an
 * impossible length: there is no end.
 */
static inline enum shmq_status shmq_producer_attach(struct shmq_producer *p, shmq_base base,
						    uint64_t length)
{
	enum shmq_status status;

	p->stage = NULL;
	p->stage_size = 0;
	p->staged = 0;
	p->stage_limit = 0;
	status = shmq_end_attach(&p->end, base, length, SHMQ_WRITE_POSITION, SHMQ_READ_POSITION);
	if (status == SHMQ_CORRUPT)
		shmq_producer_stop(p, status);
	return status;
}

/* Copies bytes to `skip` bytes after the position; the room must be reserved. */
SHMQ_HOT void shmq_producer_put(struct shmq_producer *p, uint32_t skip, const void *from,
				uint32_t n)
{
	const struct shmq_end *e = &p->end;
	uint32_t start = shmq_wrap(e->size, e->pos + skip);
	uint32_t first = e->size - start;

	if (n <= first) { /* a constant n makes a move of it */
		if (n) /* no bytes may be at a null pointer */
			shmq_copy_out(e->base, SHMQ_QUEUE_HEADER + start, from, n);
		return;
	}
	shmq_copy_out(e->base, SHMQ_QUEUE_HEADER + start, from, first);
	shmq_copy_out(e->base, SHMQ_QUEUE_HEADER, (const uint8_t *)from + first, n - first);
}

/* Brings what a batch has gathered into the ring. */
static inline void shmq_producer_flush(struct shmq_producer *p)
{
	uint32_t n = p->staged;

	p->staged = 0;
	p->stage_limit = 0;
	shmq_producer_put(p, 0, p->stage, n);
	p->end.pos = shmq_wrap(p->end.size, p->end.pos + n);
}

SHMQ_HOT void shmq_producer_publish(struct shmq_producer *p)
{
	if (p->staged)
		shmq_producer_flush(p);
	shmq_end_publish(&p->end, SHMQ_WRITE_POSITION);
}

/* Publishes what is pending, then looks where the consumer is. */
SHMQ_COLD void shmq_producer_refresh(struct shmq_producer *p)
{
	struct shmq_end *e = &p->end;
	uint32_t seen;

	if (e->error != SHMQ_OK)
		return;
	if (!shmq_end_intact(e, SHMQ_WRITE_POSITION)) {
		e->error = SHMQ_RECREATED;
	} else {
		shmq_producer_publish(p);
		seen = shmq_load_acquire(e->base, SHMQ_READ_POSITION); /* D: pairs with C */
		/* It can only have moved towards what this end published. */
		if (seen < e->size && shmq_distance(e->size, seen, e->published) <=
					      shmq_distance(e->size, e->peer, e->published)) {
			e->peer = seen;
			return;
		}
		e->error = shmq_end_blame(e, seen);
	}
	e->peer = shmq_wrap(e->size, e->pos + 1); /* stopped: full for ever */
}

/*
 * Bytes that can be written now. Looks at the consumer only if the cached
 * answer is less than `want`.
 */
SHMQ_HOT uint32_t shmq_producer_space(struct shmq_producer *p, uint32_t want)
{
	struct shmq_end *e = &p->end;
	uint32_t space;

	if (p->staged)
		shmq_producer_flush(p);
	space = e->size - 1 - shmq_distance(e->size, e->peer, e->pos);
	if (space >= want)
		return space;
	shmq_producer_refresh(p);
	return e->size - 1 - shmq_distance(e->size, e->peer, e->pos);
}

/* Whether `n` bytes can be written: SHMQ_OK, FULL, TOO_BIG or why the end stopped. */
SHMQ_HOT enum shmq_status shmq_producer_reserve(struct shmq_producer *p, uint32_t n)
{
	if (n > p->end.size - 1)
		return SHMQ_TOO_BIG;
	if (shmq_producer_space(p, n) >= n)
		return SHMQ_OK;
	return p->end.error != SHMQ_OK ? p->end.error : SHMQ_FULL;
}

/* Hands `n` reserved bytes over: at once, or at the end of the batch. */
SHMQ_HOT void shmq_producer_commit(struct shmq_producer *p, uint32_t n)
{
	struct shmq_end *e = &p->end;

	e->pos = shmq_wrap(e->size, e->pos + n);
	if (!e->lag) /* and then nothing is staged */
		shmq_end_publish(e, SHMQ_WRITE_POSITION);
}

/*
 * In a batch, commits wait for its end (or for the ring to fill): many
 * messages, one store that the other end sees.
 */
static inline void shmq_producer_batch_begin(struct shmq_producer *p)
{
	p->end.lag = p->end.size;
}

static inline void shmq_producer_batch_end(struct shmq_producer *p)
{
	shmq_producer_publish(p);
	p->end.lag = 0;
	p->stage = NULL;
	p->stage_size = 0;
	p->stage_limit = 0;
}

/* ---- the consumer's end ---- */

/* Ends this end for a reason that lies outside the queue: empty for ever. */
static inline void shmq_consumer_stop(struct shmq_consumer *c, enum shmq_status why)
{
	c->end.error = why;
	c->end.peer = c->end.pos;
}

/* As shmq_producer_attach(). */
static inline enum shmq_status shmq_consumer_attach(struct shmq_consumer *c, shmq_base base,
						    uint64_t length)
{
	enum shmq_status status;

	status = shmq_end_attach(&c->end, base, length, SHMQ_READ_POSITION, SHMQ_WRITE_POSITION);
	if (status == SHMQ_CORRUPT)
		shmq_consumer_stop(c, status);
	return status;
}

SHMQ_HOT void shmq_consumer_publish(struct shmq_consumer *c)
{
	shmq_end_publish(&c->end, SHMQ_READ_POSITION);
}

/* Publishes what was released, then looks where the producer is. */
SHMQ_COLD void shmq_consumer_refresh(struct shmq_consumer *c)
{
	struct shmq_end *e = &c->end;
	uint32_t seen;

	if (e->error != SHMQ_OK)
		return;
	if (!shmq_end_intact(e, SHMQ_READ_POSITION)) {
		e->error = SHMQ_RECREATED;
	} else {
		seen = shmq_load_acquire(e->base, SHMQ_WRITE_POSITION); /* B: pairs with A */
		/* It can only have moved on, and not past what this end released. */
		if (seen < e->size && shmq_distance(e->size, e->published, seen) >=
					      shmq_distance(e->size, e->published, e->peer)) {
			e->peer = seen;
			shmq_consumer_publish(c);
			return;
		}
		e->error = shmq_end_blame(e, seen);
	}
	e->peer = e->pos; /* stopped: empty for ever */
}

/*
 * Bytes that can be read now. Looks at the producer only if the cached answer
 * is less than `want`.
 */
SHMQ_HOT uint32_t shmq_consumer_available(struct shmq_consumer *c, uint32_t want)
{
	struct shmq_end *e = &c->end;
	uint32_t available = shmq_distance(e->size, e->pos, e->peer);

	if (available >= want)
		return available;
	shmq_consumer_refresh(c);
	return shmq_distance(e->size, e->pos, e->peer);
}

/*
 * Whether the memory differs from what the last look saw: the condition of a
 * consumer's sleep. Changes nothing.
 */
static inline bool shmq_consumer_changed(const struct shmq_consumer *c)
{
	return shmq_load_acquire(c->end.base, SHMQ_WRITE_POSITION) != c->end.peer ||
	       !shmq_end_intact(&c->end, SHMQ_READ_POSITION);
}

/* Whether `n` bytes can be read: SHMQ_OK, EMPTY, TOO_BIG or why the end stopped. */
SHMQ_HOT enum shmq_status shmq_consumer_request(struct shmq_consumer *c, uint32_t n)
{
	if (n > c->end.size - 1)
		return SHMQ_TOO_BIG;
	if (shmq_consumer_available(c, n) >= n)
		return SHMQ_OK;
	return c->end.error != SHMQ_OK ? c->end.error : SHMQ_EMPTY;
}

/* Copies bytes from `skip` bytes after the position; they must be available. */
SHMQ_HOT void shmq_consumer_get(const struct shmq_consumer *c, uint32_t skip, void *to,
				uint32_t n)
{
	const struct shmq_end *e = &c->end;
	uint32_t start = shmq_wrap(e->size, e->pos + skip);
	uint32_t first = e->size - start;

	if (n <= first) {
		if (n)
			shmq_copy_in(to, e->base, SHMQ_QUEUE_HEADER + start, n);
		return;
	}
	shmq_copy_in(to, e->base, SHMQ_QUEUE_HEADER + start, first);
	shmq_copy_in((uint8_t *)to + first, e->base, SHMQ_QUEUE_HEADER, n - first);
}

/* Prefetches `n` bytes that are available, from `skip` bytes after the position on. */
SHMQ_HOT void shmq_consumer_prefetch(const struct shmq_consumer *c, uint32_t skip, uint32_t n)
{
	struct shmq_pieces s = shmq_span(&c->end, skip, n);
	int i;

	for (i = 0; i < 2; i++)
		if (s.len[i])
			shmq_prefetch(c->end.base, s.off[i], s.len[i]);
}

/*
 * Gives `n` read bytes back to the producer: at once, or in a batch when an
 * eighth of the ring has gathered.
 */
SHMQ_HOT void shmq_consumer_release(struct shmq_consumer *c, uint32_t n)
{
	struct shmq_end *e = &c->end;

	e->pos = shmq_wrap(e->size, e->pos + n);
	if (shmq_distance(e->size, e->published, e->pos) > e->lag)
		shmq_consumer_publish(c);
}

/*
 * In a batch the read position may lag, so that the other end's cache line is
 * not touched for each message. Every look at an empty queue and the end of
 * the batch publish it: a consumer that blocks elsewhere starves nobody.
 */
static inline void shmq_consumer_batch_begin(struct shmq_consumer *c)
{
	c->end.lag = c->end.size / 8;
}

/*
 * From here on this consumer neither looks at the memory again nor stores to
 * it: to examine what is there without taking part.
 */
static inline void shmq_consumer_freeze(struct shmq_consumer *c)
{
	if (c->end.error == SHMQ_OK)
		c->end.error = SHMQ_EMPTY;
}

/*
 * Publishes nothing that is released from here on until told to: what was read
 * can still be given back by forgetting this consumer. A look at an empty
 * queue publishes all the same.
 */
static inline void shmq_consumer_hold(struct shmq_consumer *c)
{
	c->end.lag = c->end.size;
}

static inline void shmq_consumer_batch_end(struct shmq_consumer *c)
{
	c->end.lag = 0;
	shmq_consumer_publish(c);
}

#endif /* SHMQ_CORE_BYTE_QUEUE_H */
