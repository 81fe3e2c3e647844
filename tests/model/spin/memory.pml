/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * Memory as x86 has it: the stores of a CPU wait in its buffer, in order; its
 * loads look there first; a fence, a locked instruction, a lock empty it. It is
 * the weakest order in which a missing full fence is all that can go wrong; what
 * release and acquire are for is relacy's part.
 *
 * CPUS and VARS are defined by who includes this. A process that runs on CPU c
 * passes c; each CPU has one process at most.
 */
#define DEPTH 2

typedef store_buffer {
	byte n;
	byte var[DEPTH];
	byte val[DEPTH]
}

store_buffer buffer[CPUS];
byte memory[VARS];

/* The hardware: empties the buffers when it likes. */
active [CPUS] proctype drain()
{
end:	do
	:: d_step {
		buffer[_pid].n > 0 ->
		memory[buffer[_pid].var[0]] = buffer[_pid].val[0];
		buffer[_pid].var[0] = buffer[_pid].var[1];
		buffer[_pid].val[0] = buffer[_pid].val[1];
		buffer[_pid].var[1] = 0;
		buffer[_pid].val[1] = 0;
		buffer[_pid].n--
	   }
	od
}

inline store(cpu, to, value)
{
	d_step {
		buffer[cpu].n < DEPTH ->
		buffer[cpu].var[buffer[cpu].n] = to;
		buffer[cpu].val[buffer[cpu].n] = value;
		buffer[cpu].n++
	}
}

inline load(cpu, from, into)
{
	d_step {
		if
		:: buffer[cpu].n > 1 && buffer[cpu].var[1] == from ->
			into = buffer[cpu].val[1]
		:: else ->
			if
			:: buffer[cpu].n > 0 && buffer[cpu].var[0] == from ->
				into = buffer[cpu].val[0]
			:: else ->
				into = memory[from]
			fi
		fi
	}
}

inline fence(cpu)
{
	buffer[cpu].n == 0
}
