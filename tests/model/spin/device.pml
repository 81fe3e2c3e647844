/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * A program and the driver's echo thread, over both queues and all four words.
 * Every message comes back: whoever sleeps for ever, while there is something to
 * do, blocks the search at a state that is no end.
 *
 * How the program waits:
 *   EDGE      one thread, EPOLLET on the device: writes until Full, reads until
 *             Empty, waits
 *   LEVEL     one thread, epoll: one message a wake-up
 *   POLL      likewise with poll(2)
 *   BLOCKING  write() in one thread, read() in another
 * With SENDER another module sends a message through the same queue, and sleeps
 * for room in it. With STRANGER another program polls the same device once.
 *
 * To be caught:
 *   NO_FENCE_IN_ARM, NO_FENCE_IN_TAKE, CLEAR_AFTER_RING, ARM_AFTER_LOOK
 *                           as in process.pml
 *   POLL_ARMS_AFTER_LOOK    the driver's poll looks, then sets the word
 *   POLL_DOES_NOT_ARM       it only looks
 *   POSITION_TELLS_RELEASE  the thread rings if its position differs from where
 *                           its turn started: a whole ring of messages does not
 *   DISARM_SHARED_WORD      the thread, awake, takes the word back by which
 *                           another sender sleeps
 *   UNPROMPTED_READ         LEVEL, and one read that epoll did not ask for, and not
 *                           until Empty: it may take the word back that the
 *                           driver's poll has set
 */
#define USER 0
#define KERNEL 1
#if defined(BLOCKING) || defined(STRANGER)
#define SECOND 2		/* thread, or program */
#define SENDER_CPU 3
#else
#define SENDER_CPU 2
#endif
#ifdef SENDER
#undef SENDER
#define SENDER SENDER_CPU
#define CPUS (SENDER_CPU + 1)
#define TOTAL (MESSAGES + 1)
#else
#define CPUS SENDER_CPU
#define TOTAL MESSAGES
#endif
#ifndef MESSAGES
#define MESSAGES 3
#endif

#define EPOLL_OUT 0
#ifdef BLOCKING
#define EPOLL_IN 1		/* each end has its own */
#else
#define EPOLL_IN 0
#endif

#include "driver.pml"

bool done;

/* KICK */
inline ring(cpu, word)
{
	ring_kernel(cpu)
}

/* The driver's descriptor has nothing to take back. */
inline quiet(cpu)
{
	skip
}

/*
 * DeviceBell::sleep(): an edge-triggered epoll of the end's own. The driver's
 * poll says what is ready; nothing makes epoll call it again but a ring.
 */
inline sleep_on(cpu, word)
{
	do
	:: word == DATA1 ->
		atomic { ready[EPOLL_IN] -> ready[EPOLL_IN] = false };
		look_in(cpu, x, y, found);
		if
		:: found -> break
		:: else
		fi
	:: else ->
		atomic { ready[EPOLL_OUT] -> ready[EPOLL_OUT] = false };
		look_out(cpu, x, y, found);
		if
		:: found -> break
		:: else
		fi
	od;
	found = false
}

#include "library.pml"

#define READ_END(cpu)  cpu, R1, W1, DATA1, ROOM1, r, r == seen, seen
#define WRITE_END(cpu) cpu, W0, R0, ROOM0, DATA0, w, next(w) == seen, seen

#ifdef BLOCKING

active proctype writer()
{
	byte w, seen, sent, x, y;
	bool armed, set, found;

	do
	:: sent == MESSAGES -> break
	:: else ->
		wait(WRITE_END(USER), armed, set);
		sent++
	od
}

active proctype reader()
{
	byte r, seen, received, x, y;
	bool armed, set, found;

	do
	:: received == TOTAL -> break
	:: else ->
		wait(READ_END(SECOND), armed, set);
		received++
	od;
	done = true
}

#else

active proctype user()
{
	byte w, r, seen, sent, received, x, y;
	bool armed_in, armed_out, got, set, in, out;
#ifdef UNPROMPTED_READ
	bool unprompted;
#endif

	ready[0] = true;		/* EPOLL_CTL_ADD finds room */
	do
	:: sent == MESSAGES && received == TOTAL -> break
	:: else ->
#ifdef EDGE
		do
		:: sent == MESSAGES -> break
		:: else ->
			attempt(WRITE_END(USER), armed_out, got, set);
			if
			:: got -> sent++
			:: else -> break
			fi
		od;
		do
		:: received == TOTAL -> break
		:: else ->
			attempt(READ_END(USER), armed_in, got, set);
			if
			:: got -> received++
			:: else -> break
			fi
		od;
		got = false;
		if
		:: sent == MESSAGES && received == TOTAL -> break
		:: else
		fi;
#endif
#ifdef POLL
		ready[0] = true;
#endif
		do			/* epoll_wait(), poll() */
		:: atomic { ready[0] -> ready[0] = false };
		   look_in(USER, x, y, in);
		   if
		   :: sent < MESSAGES -> look_out(USER, x, y, out)
		   :: else
		   fi;
		   if
		   :: in || out -> break
		   :: else
		   fi
#ifdef UNPROMPTED_READ
		:: !unprompted && received < TOTAL ->	/* it timed out */
			unprompted = true;
			attempt(READ_END(USER), armed_in, got, set);
			received = received + got;
			got = false;
			if
			:: received == TOTAL && sent == MESSAGES -> break
			:: else
			fi
#endif
		od;
#ifdef LEVEL
		ready[0] = true;
#endif
#ifndef EDGE
		if
		:: in ->
			attempt(READ_END(USER), armed_in, got, set);
			received = received + got;
			got = false
		:: else
		fi;
		if
		:: out ->
			attempt(WRITE_END(USER), armed_out, got, set);
			sent = sent + got;
			got = false
		:: else
		fi;
#endif
		in = false;
		out = false
	od;
	done = true
}

#endif

#ifdef STRANGER
active proctype stranger()
{
	byte x, y;
	bool found;

	look_in(SECOND, x, y, found);
	look_out(SECOND, x, y, found)
}
#endif

ltl arrives { <> done }
