/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * A producer that is killed at any instruction, also between clearing the sleep
 * word and ringing: what it has published is received all the same.
 *
 * Who receives, and what helps:
 *   THREAD     the driver's thread; the release of the claim wakes it
 *   PROGRAM    another program on the device; likewise
 *   FUTEX      a process, no driver: it sleeps a slice at a time
 *   SUCCESSOR  a process that polls its eventfd: the next producer rings when it
 *              attaches
 *
 * To be caught:
 *   RELEASE_WAKES_POLLERS   the release wakes wait queues, not the thread
 *   RELEASE_WAKES_NOBODY
 *   NO_SLICE                FUTEX sleeps until rung
 *   NO_RING_AT_ATTACH       the successor rings only after it has published
 */
#define CPUS 2
#define PRODUCER 0
#define CONSUMER 1

#define WRITE_POSITION 0
#define DATA 1
#define KICKED 2
#define VARS 3

#define MESSAGES 3

bool killed;			/* by somebody, any time */
bool asleep;			/* the consumer */
bool rung_bell;			/* it was rung since it last looked: epoll, eventfd */
byte received;

#include "bell.pml"

inline ring(cpu)
{
#ifdef THREAD
	store(cpu, KICKED, 1);
#endif
	atomic {
		buffer[cpu].n == 0 ->
		asleep = false;
		rung_bell = true
	}
}

active proctype producer()
{
	byte position;
	bool set;

	{
		do
		:: position == MESSAGES -> break
		:: else ->
			position++;
			store(PRODUCER, WRITE_POSITION, position);
			take(PRODUCER, DATA, set);
			if
			:: set -> ring(PRODUCER)
			:: else
			fi
		od
	} unless {
		killed
	};

	/* The CPU completes what it has begun; ->release follows. */
	fence(PRODUCER);
#ifdef THREAD
#if !defined(RELEASE_WAKES_POLLERS) && !defined(RELEASE_WAKES_NOBODY)
	memory[KICKED] = 1;
	asleep = false;
#endif
#endif
#ifdef PROGRAM
#ifndef RELEASE_WAKES_NOBODY
	atomic { asleep = false; rung_bell = true }
#endif
#endif
#ifdef SUCCESSOR
#ifndef NO_RING_AT_ATTACH
	atomic { asleep = false; rung_bell = true };
#endif
	load(PRODUCER, WRITE_POSITION, position);
	if			/* it has something to say, or not */
	:: position++;
	   store(PRODUCER, WRITE_POSITION, position);
	   take(PRODUCER, DATA, set);
	   if
	   :: set -> ring(PRODUCER)
	   :: else
	   fi
	:: skip
	fi;
	fence(PRODUCER)
#endif
}

active proctype killer()
{
	if
	:: killed = true
	:: skip
	fi
}

inline sleep_until_rung()
{
#if defined(FUTEX)
	atomic {
		buffer[CONSUMER].n == 0 ->
		if
		:: memory[DATA] -> asleep = true
		:: else
		fi
	};
end_asleep:
	if
	:: !asleep
#ifndef NO_SLICE
	:: true			/* time passes */
#endif
	fi;
	asleep = false
#elif defined(THREAD)
	fence(CONSUMER);
end_asleep:
	!asleep
#else
	skip;
end_asleep:
	atomic { rung_bell -> rung_bell = false }
#endif
}

active proctype consumer()
{
	byte seen;
	bool set;

	do
	:: load(CONSUMER, WRITE_POSITION, seen);
	   received = seen;
#ifdef THREAD
	   atomic { buffer[CONSUMER].n == 0 -> asleep = true };
	   atomic { buffer[CONSUMER].n == 0 -> set = memory[KICKED]; memory[KICKED] = 0 };
	   if
	   :: set -> set = false; asleep = false
	   :: else ->
#endif
		arm(CONSUMER, DATA);
		load(CONSUMER, WRITE_POSITION, seen);
		if
		:: seen == received ->
			sleep_until_rung()
		:: else
		fi
#ifdef THREAD
	   fi;
	   asleep = false
#endif
	od
}

/* Nothing moves any more. */
active proctype at_rest()
{
end:	timeout -> assert(received == memory[WRITE_POSITION])
}

/* Where time passes, there is no rest: sooner or later, then. */
ltl delivered { <> [] (received == memory[WRITE_POSITION]) }
