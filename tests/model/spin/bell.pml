/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * Sleep words: core/doorbell.h, word for word, and what can be wrong with it.
 */
#include "memory.pml"

/* Before the last look at the queue. */
inline arm(cpu, word)
{
	store(cpu, word, 1);
#ifndef NO_FENCE_IN_ARM
	fence(cpu)
#endif
}

/* After publishing. Leaves `set` true if the peer must be rung. */
inline take(cpu, word, set)
{
#ifndef NO_FENCE_IN_TAKE
	fence(cpu);
#endif
	load(cpu, word, set);
#ifndef CLEAR_AFTER_RING
	if
	:: set -> store(cpu, word, 0)
	:: else
	fi
#endif
}

/* After the ring. */
inline rung(cpu, word)
{
#ifdef CLEAR_AFTER_RING
	store(cpu, word, 0);
#endif
	skip
}
