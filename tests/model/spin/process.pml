/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * Two processes, one queue, no driver (lib/process_bell.cpp). Every message
 * arrives: whoever sleeps for ever blocks the search at a state that is no end.
 *
 * How both wait:
 *   FUTEX   read() and write(): futex(2) on the word
 *   EDGE    try_read() until Empty, try_write() until Full, then EPOLLET on the
 *           end's eventfd
 *   LEVEL   likewise, level-triggered
 *
 * To be caught:
 *   NO_FENCE_IN_ARM   between setting the word and looking again
 *   NO_FENCE_IN_TAKE  between publishing and reading the word
 *   CLEAR_AFTER_RING  the waker rings, then clears
 *   ARM_AFTER_LOOK    the word is set after the last look
 *   QUIET_AFTER_ARM   rings are taken back after the word is set
 */
#define CPUS 2
#define PRODUCER 0
#define CONSUMER 1

#define WRITE_POSITION 0
#define READ_POSITION 1
#define DATA 2
#define ROOM 3
#define VARS 4

#define MESSAGES 8
#define SLOTS 3			/* one stays spare */
#define next(position) ((position + 1) % SLOTS)

bool asleep[CPUS];		/* in futex(2) */
bool readable[CPUS];		/* the eventfd of an end */
bool ready[CPUS];		/* epoll's item of it is on its list */
bool done[CPUS];

#include "bell.pml"

#define sleeper_of(word) (word == DATA -> CONSUMER : PRODUCER)

/* Each system call takes a lock, which empties the buffer. */
inline ring(cpu, word)
{
	atomic {
		buffer[cpu].n == 0 ->
		asleep[sleeper_of(word)] = false
	};
	atomic {
		readable[sleeper_of(word)] = true;
		ready[sleeper_of(word)] = true
	}
}

inline quiet(cpu)
{
	atomic { buffer[cpu].n == 0 -> readable[cpu] = false }
}

/* The look at the word and going to sleep are one step. */
inline sleep_on(cpu, word)
{
	atomic {
		buffer[cpu].n == 0 ->
		if
		:: memory[word] -> asleep[cpu] = true
		:: else
		fi
	};
	!asleep[cpu]
}

/* epoll_wait(2); an edge is no event if its rings were taken back. */
inline poll_on(cpu)
{
#ifdef EDGE
	do
	:: atomic { ready[cpu] -> ready[cpu] = false };
	   if
	   :: readable[cpu] -> break
	   :: else
	   fi
	od
#else
	readable[cpu]
#endif
}

#include "library.pml"

#define PRODUCER_END PRODUCER, WRITE_POSITION, READ_POSITION, ROOM, DATA, position, next(position) == seen, seen
#define CONSUMER_END CONSUMER, READ_POSITION, WRITE_POSITION, DATA, ROOM, position, position == seen, seen

active proctype producer()
{
	byte position, seen, sent;
	bool armed, got, set;

	do
	:: sent == MESSAGES -> break
	:: else ->
#ifdef FUTEX
		wait(PRODUCER_END, armed, set);
		sent++
#else
		attempt(PRODUCER_END, armed, got, set);
		if
		:: got -> sent++
		:: else -> poll_on(PRODUCER)
		fi
#endif
	od;
	done[PRODUCER] = true
}

active proctype consumer()
{
	byte position, seen, received;
	bool armed, got, set;

	do
	:: received == MESSAGES -> break
	:: else ->
#ifdef FUTEX
		wait(CONSUMER_END, armed, set);
		received++
#else
		attempt(CONSUMER_END, armed, got, set);
		if
		:: got -> received++
		:: else -> poll_on(CONSUMER)
		fi
#endif
	od;
	done[CONSUMER] = true
}

ltl arrives { <> (done[PRODUCER] && done[CONSUMER]) }
