/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * Sleep words: how an end learns that the other one must be woken.
 *
 * A consumer that waits for data and a producer that waits for room each have
 * one word, outside the queue's bytes. Non-zero means: I may be asleep, ring.
 *
 *   sleeper: set the word, full fence, look at the queue again, sleep
 *   waker:   publish the position, full fence, read the word, ring if set
 *
 * With both fences one of the two must see the other's store (Dekker), so no
 * wake-up is lost. The waker clears the word before it rings: a sleeper that
 * wakes and finds nothing sets it again.
 *
 * A word may be set without need (one superfluous ring) and may be written by
 * anyone; nothing but wake-ups depends on it.
 */
#ifndef SHMQ_CORE_DOORBELL_H
#define SHMQ_CORE_DOORBELL_H

#include "barrier.h"

/* Before the last look at the queue. */
static inline void shmq_doorbell_arm(shmq_base base, uint32_t word)
{
	shmq_store_relaxed(base, word, 1);
	shmq_full_fence(); /* pairs with the one in shmq_doorbell_take() */
}

static inline void shmq_doorbell_disarm(shmq_base base, uint32_t word)
{
	shmq_store_relaxed(base, word, 0);
}

/* After publishing: whether the other end has to be woken, which it then is. */
static inline bool shmq_doorbell_take(shmq_base base, uint32_t word)
{
	shmq_full_fence(); /* pairs with the one in shmq_doorbell_arm() */
	if (!shmq_load_relaxed(base, word))
		return false;
	shmq_store_relaxed(base, word, 0);
	return true;
}

#endif /* SHMQ_CORE_DOORBELL_H */
