/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * One side of a channel over a Unix socket (lib/connection.cpp, socket_bell.cpp):
 * a producer and a consumer in two threads, one socket for the bells of both. The
 * producer sleeps for room. Every message arrives, control messages too, and the
 * end of the peer is told: whoever sleeps for ever blocks the search at a state
 * that is no end, or, while another naps, is found by the second search.
 *
 * How the consumer waits:
 *   THREAD  it sleeps in the library
 *   END     the program polls rx.fd(), EPOLLET: try_read() until Empty
 *   WHOLE   the program polls Channel::fd(), EPOLLET: take_rings() before that
 * What the peer does at any time, beside what the queues make it do:
 *   DATA_BELLS, ROOM_BELLS  so many that nobody waits for: its ends are made anew
 *   CONTROL                 sends a control message, which the program of END and
 *                           WHOLE receives
 *   HANG_UP                 dies, after its messages; else its sending end leaves
 *
 * To be caught:
 *   POP_AFTER_EMPTY_LOOK  take_rings() finds nothing there, and takes what comes
 *   TAKES_OF_SLEEPERS     an end takes the bell by which the other is woken
 *   POLLER_LEAVES         the poller leaves such a bell, and what is behind it
 *   POLLER_WAKES_NOBODY   it takes it, and that is all
 *   TAKES_LAST            a sleeper takes all its bells before the poller has asked
 *   DROPPED_IS_FORGOTTEN  it wakes by bells alone, not by words that are clear
 *   RING_KEEPS_WORD       a bell that nobody waits for leaves the word alone
 *   SLEEP_UNCHECKED       no look at the own word after it is known who sleeps
 *   FEW                   a turn ends after a few packets, whatever stands there
 *   WHAT_STOOD            a turn ends with the last packet that stood there
 *   CROWD_UNSEEN          an end goes to sleep however much stands there
 *   NOT_TIMED             also when it may not take what stands there
 *
 * Memory is sequential here: what fences are for is process.pml's part. Two ends
 * that are both polled are not here: docs/channel.md says what they do not get.
 */
#define CONSUMER 0		/* enum shmq_end_id; the bell for it is data */
#define PRODUCER 1		/* room */
#define CONTROL_MESSAGE 2
#define NOTHING 3

#ifndef DATA
#define DATA 1			/* messages to the near side */
#endif
#ifndef ROOM
#define ROOM 1			/* and from it; a queue holds one, and is full first */
#endif
#ifndef DATA_BELLS
#define DATA_BELLS 0
#endif
#ifndef ROOM_BELLS
#define ROOM_BELLS 0
#endif
#ifndef PLACES
#define PLACES 3		/* in the socket: no fewer than the next two together */
#endif
#define FEW_PACKETS 1
#ifndef CROWD
#define CROWD 2
#endif

#ifdef THREAD
#define POLLS(end) false
#else
#define POLLS(end) ((end) == CONSUMER)
#endif

chan packets = [PLACES] of { byte };
bool hup;			/* the peer has */
bool hung_up;			/* and it was noticed */
bool gone;			/* its sending end has left */

byte there[2];			/* a message for the consumer, room for the producer */
bool word[2];

bool locked;
bool asleep[2];
bool woken[2];
bool obstructed[2];
byte inbox;

bool ready[2];			/* epoll's item of the socket is on its list */
bool alarmed[2];		/* that of the alarm */

byte received;
bool done[2];

#define nothing(end) (there[end] == 0)
#define was_rung(end) (asleep[end] && !word[end])

inline lock()
{
	atomic { !locked -> locked = true }
}

inline arrives(kind)
{
	d_step {
		if
		:: len(packets) < PLACES -> packets!kind; ready[0] = true; ready[1] = true
		:: else		/* dropped */
		fi
	}
}

/* ---- Connection ---- */

#define is_bell(kind) (kind <= PRODUCER)
#define shared_with_another(end) asleep[1 - end]
#define left_to_another(end) (WHOLE_MODE || POLLS(1 - end))

#ifdef WHOLE
#define WHOLE_MODE true
#else
#define WHOLE_MODE false
#endif
#ifdef TAKES_OF_SLEEPERS
#define may_take(kind, end) true
#else
#define may_take(kind, end) (kind == end || !is_bell(kind) || !was_rung(kind))
#endif

#ifdef POLLER_WAKES_NOBODY
#define wake(end) skip
#else
#define wake(end) woken[end] = true; alarmed[end] = true
#endif

inline peek(kind)
{
	d_step {
		if
		:: len(packets) > 0 -> packets?<kind>
		:: else -> kind = NOTHING; hung_up = hung_up || hup
		fi
	}
}

inline pop(kind)
{
	d_step {
		if
		:: len(packets) > 0 ->
			packets?kind;
			if
			:: kind == CONTROL_MESSAGE -> inbox++
			:: else
			fi
		:: else -> kind = NOTHING; hung_up = hung_up || hup
		fi
	}
}

/* Breaks out of a loop of pops if the turn is over; `turn` counts down from then. */
inline goes_on(turn, counted)
{
	if
	:: !counted && turn < FEW_PACKETS -> turn++
#ifdef FEW
	:: !counted && turn == FEW_PACKETS -> break
#else
	:: !counted && turn == FEW_PACKETS ->
		counted = true;
		turn = len(packets)
#endif
#ifdef WHAT_STOOD
	:: counted && turn > 1 -> turn--
	:: counted && turn <= 1 -> break
#else
	:: counted && turn > 0 -> turn--
	:: counted && turn == 0 -> break
#endif
	fi
}

inline wake_who_was_rung(other)
{
#if !defined(DROPPED_IS_FORGOTTEN) && !defined(POLLER_LEAVES)
	d_step {
		if
		:: was_rung(other) && !woken[other] -> wake(other)
		:: else
		fi
	}
#else
	skip
#endif
}

#ifdef TAKES_LAST
#define LAST 0
#else
#define LAST 1
#endif
#ifdef POLLER_LEAVES
#define may_wake(end, kind) false
#else
#define may_wake(end, kind) (POLLS(end) && kind == 1 - end && was_rung(kind))
#endif

/* Connection::take() */
inline take(end, all, kind, turn, counted, room)
{
	atomic {
		!locked -> locked = true;
		obstructed[end] = false;
		room = POLLS(end) || (asleep[1 - end] && len(packets) >= CROWD)
	};
	do
	:: left_to_another(end) ->
		atomic {
			if
			:: len(packets) > LAST && packets?[eval(end)] -> pop(kind)
			:: else ->
				obstructed[end] = (len(packets) >= CROWD);
				break
			fi
		}
	:: !left_to_another(end) ->
	   atomic {
		goes_on(turn, counted);
		if
		:: shared_with_another(end) ->
			peek(kind);
			if
			:: kind == NOTHING -> break
			:: kind != NOTHING && may_wake(end, kind) -> wake(1 - end)
			:: kind != NOTHING && !may_wake(end, kind) && may_take(kind, end)
			:: kind != NOTHING && !may_wake(end, kind) && !may_take(kind, end) ->
				obstructed[end] = true;
				break
			fi
		:: else
		fi
	   };
	   atomic {
		pop(kind);
		if
		:: kind == NOTHING || (kind == end && !all) -> break
		:: else -> kind = 0
		fi
	   }
	od;
	atomic {
		if
		:: room || counted -> wake_who_was_rung(1 - end)
		:: else
		fi;
		locked = false;
		kind = 0;
		turn = 0;
		counted = false;
		all = false;
		room = false
	}
}

/* Connection::take_all() */
inline take_all(kind, turn, counted)
{
	lock();
	do
	:: atomic {
		goes_on(turn, counted);
		if
		:: asleep[PRODUCER] ->
			peek(kind);
			if
#ifndef POP_AFTER_EMPTY_LOOK
			:: kind == NOTHING -> break
#endif
#ifdef POLLER_LEAVES
			:: kind == PRODUCER && was_rung(PRODUCER) -> break
#elif !defined(TAKES_OF_SLEEPERS)
			:: kind == PRODUCER && was_rung(PRODUCER) -> wake(PRODUCER)
#endif
			:: else
			fi
		:: else
		fi
	   };
	   atomic {
		pop(kind);
		if
		:: kind == NOTHING -> break
		:: else -> kind = 0
		fi
	   }
	od;
	atomic {
		wake_who_was_rung(PRODUCER);
		locked = false;
		kind = 0;
		turn = 0;
		counted = false
	}
}

/* Connection::receive_control(), until Empty */
inline receive_control(kind, turn, counted)
{
	lock();
#ifndef WHOLE
	do
	:: inbox > 0 -> break
	:: inbox == 0 ->
		atomic {
			goes_on(turn, counted);
			peek(kind);
			if
			:: kind == NOTHING || is_bell(kind) -> break
			:: else
			fi
		};
		pop(kind)
	od;
#endif
	atomic {
		received = received + inbox;
		inbox = 0;
		locked = false;
		kind = 0;
		turn = 0;
		counted = false
	}
}

/* ---- epoll: an edge is no event if its packet was taken ---- */

inline wait_for_event(end)
{
	do
	:: atomic { alarmed[end] -> alarmed[end] = false; break }
	:: atomic {
		ready[end] -> ready[end] = false;
		if
		:: len(packets) > 0 || hup -> break
		:: else
		fi
	   }
#ifndef NOT_TIMED
	:: obstructed[end] && asleep[end] -> break
#endif
	od
}

/* ---- SocketBell ---- */

inline quiet(end, all, kind, turn, counted, room)
{
	if
	:: obstructed[end] || (POLLS(end) && !WHOLE_MODE) ->
		all = true;
		take(end, all, kind, turn, counted, room)
	:: !obstructed[end] && POLLS(end) && WHOLE_MODE
	:: !obstructed[end] && !POLLS(end) && !WHOLE_MODE && !word[end] ->
		take(end, all, kind, turn, counted, room)
#ifdef OFTEN
	:: !obstructed[end] && !POLLS(end) && !WHOLE_MODE ->
		all = true;
		take(end, all, kind, turn, counted, room)
#endif
	:: !obstructed[end] && !POLLS(end) && (WHOLE_MODE || word[end])
	fi
}

inline sleep(end, all, kind, turn, counted)
{
	atomic { !locked -> asleep[end] = true };
	all = len(packets) >= CROWD;	/* it is crowded */
	if
#ifndef SLEEP_UNCHECKED
	:: !word[end]
	:: word[end] ->
#else
	:: true ->
#endif
		if
#ifndef CROWD_UNSEEN
		:: all && !obstructed[end] -> obstructed[end] = true
		:: !all || obstructed[end] ->
#else
		:: true ->
#endif
			wait_for_event(end);
			hung_up = hung_up || hup
		fi
	fi;
	atomic { !locked -> asleep[end] = false; woken[end] = false; all = false }
}

/* ---- the ends: waiter.hpp ---- */

/* Waiter::arm(). `armed`: the last look was after it. */
inline arm(end, armed, all, kind, turn, counted, room)
{
	quiet(end, all, kind, turn, counted, room);
	atomic {
		if
		:: armed && word[end]
		:: else -> word[end] = true; armed = false
		fi
	}
}

#define ENDED(end) (hung_up || (end == CONSUMER && gone))

/* Waiter::wait() by Wait::sleep(), until there is something or the peer has gone. */
inline wait(end, armed, all, kind, turn, counted, room)
{
	do
	:: !nothing(end) -> break
	:: nothing(end) ->
		arm(end, armed, all, kind, turn, counted, room);
		if
		:: !armed -> armed = true	/* look once more */
		:: else ->
			if
			:: ENDED(end) -> break
			:: else
			fi;
			sleep(end, all, kind, turn, counted)
		fi
	od;
	atomic {
		if
		:: armed -> word[end] = false; armed = false
		:: else
		fi
	}
}

active proctype producer()
{
	byte sent, kind, turn;
	bool armed, all, counted, room;

	do
	:: sent == ROOM -> break
	:: else ->
		wait(PRODUCER, armed, all, kind, turn, counted, room);
		atomic {
			if
			:: !nothing(PRODUCER) -> there[PRODUCER]--; sent++
			:: else -> break
			fi
		}
	od;
	done[PRODUCER] = true
}

active proctype consumer()
{
	byte kind, turn;
	bool armed, all, counted, room, over;

#ifdef THREAD
	do
	:: wait(CONSUMER, armed, all, kind, turn, counted, room);
	   atomic {
		if
		:: !nothing(CONSUMER) -> there[CONSUMER]--
		:: else -> break
		fi
	   }
	od;
#else
	do
	::
#ifdef WHOLE
	   take_all(kind, turn, counted);
#endif
	   do			/* Waiter::attempt() */
	   :: atomic { !nothing(CONSUMER) -> there[CONSUMER]-- }
	   :: nothing(CONSUMER) ->
		arm(CONSUMER, armed, all, kind, turn, counted, room);
		over = ENDED(CONSUMER);
		if
		:: armed -> break	/* the last look was after it */
		:: else ->
			atomic {
				if
				:: nothing(CONSUMER) -> armed = true; break
				:: else -> there[CONSUMER]--; word[CONSUMER] = false
				fi
			}
		fi
	   od;
#ifdef CONTROL
	   receive_control(kind, turn, counted);
	   if
	   :: over && received == 1 -> break
	   :: else
	   fi;
#else
	   if
	   :: over -> break
	   :: else
	   fi;
#endif
	   wait_for_event(CONSUMER)
	od;
#endif
	done[CONSUMER] = true
}

/* ---- the peer's ends; the near one takes what is there ---- */

inline ring(end)
{
	word[end] = false;
	arrives(end)
}

inline announce(end)
{
	if
	:: word[end] -> word[end] = false; ring(end)
	:: !word[end]
	fi
}

proctype peers_sender()
{
	byte sent, bells;
#ifdef CONTROL
	bool told;
#endif

	do
	:: sent < DATA ->
		atomic { there[CONSUMER] == 0 -> there[CONSUMER]++ };
		sent++;
		announce(CONSUMER)
	:: bells < DATA_BELLS ->
		bells++;
#ifdef RING_KEEPS_WORD
		arrives(CONSUMER)
#else
		ring(CONSUMER)
#endif
#ifdef CONTROL
	:: atomic { !told && len(packets) < PLACES -> arrives(CONTROL_MESSAGE); told = true }
	:: sent == DATA && told -> break
#else
	:: sent == DATA -> break
#endif
	od;
#ifdef HANG_UP
	atomic { hup = true; ready[0] = true; ready[1] = true }
#else
	gone = true;
#ifdef RING_KEEPS_WORD
	arrives(CONSUMER)
#else
	ring(CONSUMER)
#endif
#endif
}

proctype peers_receiver()
{
	byte taken, bells;

	do
	:: taken < ROOM ->
		atomic {
			if
			:: there[PRODUCER] == 0 -> there[PRODUCER]++; taken++
			:: hup -> break
			fi
		};
		announce(PRODUCER)
	:: bells < ROOM_BELLS ->
		bells++;
#ifdef RING_KEEPS_WORD
		arrives(PRODUCER)
#else
		ring(PRODUCER)
#endif
	:: taken == ROOM -> break
	:: hup -> break
	od
}

init {
	atomic {
		run peers_sender();
		run peers_receiver()
	}
}

ltl arrives_all { <> (done[PRODUCER] && done[CONSUMER]) }
