/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * The driver: its doorbells, its poll, and its consumer thread with the echo
 * handler (kmod/queue.c, file.c, consumer.c). With SENDER another kernel thread
 * sends too, and sleeps for room.
 *
 * Two queues with their positions, and the four sleep words. Queue 0 goes from
 * the user to the kernel, queue 1 back.
 */
#define W0 0			/* positions */
#define R0 1
#define W1 2
#define R1 3
#define DATA0 4			/* sleep words */
#define ROOM0 5
#define DATA1 6
#define ROOM1 7
#define KICKED 8		/* the kernel's own flag: somebody rang */
#define VARS 9

#ifndef SLOTS
#define SLOTS 2			/* one stays spare */
#endif
#define next(position) ((position + 1) % SLOTS)

#include "bell.pml"

bool ready[2];			/* epoll's item of the device is on its list */
bool thread_asleep;
bool sender_asleep;

/* shmq_ring() for a bell of the user: ep_poll_callback(), under locks. */
inline ring_user(cpu, epoll)
{
	atomic { buffer[cpu].n == 0 -> ready[epoll] = true }
}

/* shmq_ring() for a bell of the kernel. */
inline ring_kernel(cpu)
{
	store(cpu, KICKED, 1);
	atomic {
		buffer[cpu].n == 0 ->
		thread_asleep = false;
		sender_asleep = false
	}
}

/* shmq_look(): for a consumer that finds nothing, for a producer of one message. */
inline look(cpu, word, write, read, w, r, found, condition)
{
#if defined(POLL_ARMS_AFTER_LOOK)
	load(cpu, write, w);
	load(cpu, read, r);
	arm(cpu, word);
#elif defined(POLL_DOES_NOT_ARM)
	load(cpu, write, w);
	load(cpu, read, r);
#else
	arm(cpu, word);
	load(cpu, write, w);
	load(cpu, read, r);
#endif
	if
	:: condition -> found = true
	:: else
	fi;
	w = 0;
	r = 0
}

#define look_in(cpu, w, r, found) look(cpu, DATA1, W1, R1, w, r, found, w != r)
#define look_out(cpu, w, r, found) look(cpu, ROOM0, W0, R0, w, r, found, next(w) != r)

/* ---- the kernel's ends ---- */

byte w1, published1;		/* its producer's position, as the memory has it */
bool unrung;			/* replies of a batch are not announced */
bool locked;			/* the lock of these */

inline publish_w1(cpu)
{
	if
	:: published1 != w1 -> store(cpu, W1, w1); published1 = w1
	:: else
	fi
}

inline ring_reader(cpu, set)
{
	take(cpu, DATA1, set);
	if
	:: set -> ring_user(cpu, EPOLL_IN); rung(cpu, DATA1); set = false
	:: else
	fi
}

/* shmq_queue_send(); in a batch what is sent waits for batch_publish() */
inline send(cpu, batch, peer, set, sent)
{
	atomic { !locked -> locked = true };
	load(cpu, R1, peer);
	if
	:: next(w1) == peer -> publish_w1(cpu); load(cpu, R1, peer)
	:: else
	fi;
	if
	:: next(w1) == peer -> sent = false
	:: else ->
		w1 = next(w1);
		sent = true;
		if
		:: batch -> unrung = true
		:: else -> publish_w1(cpu)
		fi
	fi;
	peer = 0;
	atomic { buffer[cpu].n == 0 -> locked = false };
	if
	:: sent && !batch -> ring_reader(cpu, set)
	:: else
	fi
}

/* shmq_queue_batch_publish() */
inline batch_publish(cpu, set)
{
	atomic { !locked -> locked = true };
	publish_w1(cpu);
	set = unrung;
	unrung = false;
	atomic { buffer[cpu].n == 0 -> locked = false };
#ifdef BATCH_WITHOUT_RING
	set = false;
#endif
	if
	:: set -> set = false; ring_reader(cpu, set)
	:: else
	fi
}

/* shmq_doorbell_arm(), then what the sleep is for. */
inline may_send(cpu, peer, may)
{
	arm(cpu, ROOM1);
	load(cpu, R1, peer);
	may = next(w1) != peer;
	peer = 0
}

#define TURN 2			/* messages */

active proctype consumer_thread()
{
	byte r0, published, start, messages, peer;
	bool pending, sent, more, set, work, released;

turn:
	more = false;
	released = false;
	if
	:: pending ->
		send(KERNEL, false, peer, set, sent);
		if
		:: !sent -> goto sleep
		:: else -> pending = false
		fi
	:: else
	fi;
	start = published;
	messages = 0;
	do
	:: messages == TURN -> more = true; break
	:: else ->
		load(KERNEL, W0, peer);
		if
		:: peer == r0 -> break
		:: else ->
			messages++;
			r0 = next(r0);
			if		/* in a batch, the position may lag */
			:: store(KERNEL, R0, r0); published = r0; released = true
			:: skip
			fi;
			peer = 0;
			send(KERNEL, true, peer, set, sent);
			if
			:: !sent -> pending = true; break
			:: else
			fi;
			if		/* enough of them, or the handler took long */
			:: batch_publish(KERNEL, set)
			:: skip
			fi
		fi
	od;
	peer = 0;
	messages = 0;
#ifndef BATCH_STAYS_OPEN
	batch_publish(KERNEL, set);
#endif
	if
	:: published != r0 -> store(KERNEL, R0, r0); published = r0; released = true
	:: else
	fi;
#ifdef POSITION_TELLS_RELEASE
	released = start != published;
#endif
	start = 0;
	if
	:: released ->
		released = false;
		take(KERNEL, ROOM0, set);
		if
		:: set -> ring_user(KERNEL, EPOLL_OUT); rung(KERNEL, ROOM0); set = false
		:: else
		fi
	:: else
	fi;
	if
	:: more -> goto turn
	:: else
	fi;

sleep:
	sent = false;
	atomic { buffer[KERNEL].n == 0 -> thread_asleep = true }; /* prepare_to_wait() */
	atomic {						  /* xchg() */
		buffer[KERNEL].n == 0 ->
		set = memory[KICKED];
		memory[KICKED] = 0
	};
	if
	:: set -> set = false; goto awake
	:: else
	fi;
	/* shmq_has_work() */
	if
	:: pending -> may_send(KERNEL, peer, work)
	:: else ->
		arm(KERNEL, DATA0);
		load(KERNEL, W0, peer);
		work = peer != r0;
		peer = 0
	fi;
	if
	:: work && !pending -> store(KERNEL, DATA0, 0)
#ifdef DISARM_SHARED_WORD
	:: work && pending -> store(KERNEL, ROOM1, 0)
#endif
	:: else
	fi;
	if
	:: work -> work = false
	:: else ->
		fence(KERNEL);
end_asleep:	!thread_asleep
	fi;
awake:
	thread_asleep = false;
	goto turn
}

#ifdef SENDER
/* shmq_send() of another module: one message. */
active proctype sender()
{
	byte peer;
	bool set, sent, may;

	do
	:: send(SENDER, false, peer, set, sent);
	   if
	   :: sent -> break
	   :: else
	   fi;
	   do		/* wait_event() */
	   :: sender_asleep = true;
	      may_send(SENDER, peer, may);
	      if
	      :: may -> break
	      :: else -> !sender_asleep
	      fi
	   od;
	   sender_asleep = false
	od
}
#endif
