/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* What an operation on a queue or a pool can answer. */
#ifndef SHMQ_CORE_STATUS_H
#define SHMQ_CORE_STATUS_H

enum shmq_status {
	SHMQ_OK = 0,
	SHMQ_FULL,		/* no room now; later there may be */
	SHMQ_EMPTY,		/* nothing (or not a whole message) to read now */
	SHMQ_TOO_BIG,		/* can never fit this queue */
	SHMQ_BAD_CRC,		/* header or message check failed; one byte was dropped */
	SHMQ_BAD_VERSION,	/* frame of another protocol version; one byte was dropped */
	SHMQ_SHORT_BUFFER,	/* the caller's buffer is too small; the message stays */
	SHMQ_AGAIN,		/* stopped at the work limit; call again */
	SHMQ_CORRUPT,		/* the other end published something impossible; final */
	SHMQ_RECREATED,		/* positions went back: the queue was started over; final */
	SHMQ_INVALID,		/* wrong argument: size, alignment, prefix */
	SHMQ_STALE,		/* pool: the block was freed or handed on since; nothing done */
	SHMQ_FOREIGN,		/* pool: the block is another owner's; nothing done */
	SHMQ_NO_OWNER,		/* pool: that owner is gone */
};

#endif /* SHMQ_CORE_STATUS_H */
