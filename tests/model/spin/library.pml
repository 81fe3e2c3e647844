/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * The library's ends: waiter.hpp and Pace::sleep(). A producer and a consumer do
 * the same: an end has a position, published as `own`, reads the `other` one,
 * sleeps by its `word`; its peer's is `peer_word`. `nothing` is Full or Empty by
 * what it has `seen` of the other position.
 *
 * Whoever includes this says what a bell is:
 *   ring(cpu, peer_word)    wakes the peer
 *   quiet(cpu)              takes back what has rung
 *   sleep_on(cpu, word)     sleeps until rung
 */

/* Waiter::arm(). Leaves `set` true if the last look was after it had been set. */
inline arm_unless_armed(cpu, word, armed, set)
{
#ifndef QUIET_AFTER_ARM
	quiet(cpu);
#endif
	load(cpu, word, set);
	if
	:: armed && set
	:: else ->
		set = false;
		arm(cpu, word);
		armed = true
	fi
#ifdef QUIET_AFTER_ARM
	; quiet(cpu)
#endif
}

/* Waiter::disarm() */
inline disarm(cpu, word, armed)
{
	if
	:: armed -> store(cpu, word, 0); armed = false
	:: else
	fi
}

/* Hands a message over, or its room back; then Waiter::announce(). */
inline advance(cpu, own, peer_word, position, set)
{
	position = next(position);
	store(cpu, own, position);
	take(cpu, peer_word, set);
	if
	:: set -> ring(cpu, peer_word); rung(cpu, peer_word); set = false
	:: else
	fi
}

/* Waiter::attempt(), look_again(). Leaves `got` true for Ok. */
inline attempt(cpu, own, other, word, peer_word, position, nothing, seen, armed, got, set)
{
	got = true;
	load(cpu, other, seen);
	if
	:: nothing ->
#ifdef ARM_AFTER_LOOK
		arm_unless_armed(cpu, word, armed, set);
		got = false;
#else
		arm_unless_armed(cpu, word, armed, set);
		if
		:: set -> got = false
		:: else ->
			load(cpu, other, seen);
			if
			:: nothing -> got = false
			:: else -> disarm(cpu, word, armed)
			fi
		fi;
#endif
		set = false
	:: else
	fi;
	seen = 0;
	if
	:: got -> advance(cpu, own, peer_word, position, set)
	:: else
	fi
}

/* Waiter::wait() by Wait::sleep(). */
inline wait(cpu, own, other, word, peer_word, position, nothing, seen, armed, set)
{
	load(cpu, other, seen);
	if
	:: nothing ->
		do
		:: arm_unless_armed(cpu, word, armed, set);
		   if
#ifndef ARM_AFTER_LOOK
		   :: !set
#endif
		   :: else -> set = false; sleep_on(cpu, word)
		   fi;
		   load(cpu, other, seen);
		   if
		   :: nothing
		   :: else -> break
		   fi
		od;
		disarm(cpu, word, armed)
	:: else
	fi;
	seen = 0;
	advance(cpu, own, peer_word, position, set)
}
