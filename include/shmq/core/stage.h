/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * A producer's batch that gathers what is small in private memory. Most of the
 * ring's cache lines are in the other CPU's cache: written message by message
 * each is waited for, in one copy many are under way at once.
 *
 * What is staged is reserved and committed, and goes to the ring before anything
 * else is done there (byte_queue.h): order is kept, and nothing is lost.
 */
#ifndef SHMQ_CORE_STAGE_H
#define SHMQ_CORE_STAGE_H

#include "byte_queue.h"

/* Begins such a batch, in `size` bytes at `stage`. Not while one is under way. */
static inline void shmq_producer_batch_gather(struct shmq_producer *p, uint8_t *stage,
					      uint32_t size)
{
	shmq_producer_batch_begin(p);
	p->stage = stage;
	p->stage_size = size;
}

/* As shmq_producer_stage(), where it must look at more. */
static inline uint8_t *shmq_producer_stage_anew(struct shmq_producer *p, uint32_t n)
{
	uint32_t space;

	if (n > p->stage_size / 4) /* one copy more would cost more than it spares */
		return NULL;
	space = shmq_producer_space(p, 0); /* as far as is known: who reserves looks */
	if (space < n)
		return NULL;
	p->staged = n;
	p->stage_limit = space < p->stage_size ? space : p->stage_size;
	return p->stage;
}

/*
 * Reserves, commits and shows `n` bytes of private memory that are to be filled
 * before anything else is done. NULL: no room is known of, or this batch does not
 * gather, or not what is that large; reserve room in the ring.
 */
SHMQ_HOT uint8_t *shmq_producer_stage(struct shmq_producer *p, uint32_t n)
{
	uint8_t *at = p->stage;

	if (!at)
		return NULL;
	if (n > p->stage_limit - p->staged)
		return shmq_producer_stage_anew(p, n);
	at += p->staged;
	p->staged += n;
	return at;
}

#endif /* SHMQ_CORE_STAGE_H */
