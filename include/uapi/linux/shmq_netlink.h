/* SPDX-License-Identifier: ((GPL-2.0-only WITH Linux-syscall-note) OR MIT) */
/*
 * Generic netlink family "shmq": devices made, changed, removed and watched at
 * run time.
 *
 * docs/netlink/shmq.yaml is the description: which attributes a request takes
 * and a reply has, units and limits. The names and numbers below are those
 * that it gives. Attributes are in native byte order.
 *
 * The family is in the initial network namespace only. What changes anything
 * needs CAP_NET_ADMIN in the initial user namespace; anybody may look. A
 * refusal says why in a sentence (NETLINK_EXT_ACK).
 */
#ifndef _UAPI_LINUX_SHMQ_NETLINK_H
#define _UAPI_LINUX_SHMQ_NETLINK_H

#define SHMQ_FAMILY_NAME	"shmq"
#define SHMQ_FAMILY_VERSION	1

/* The multicast group of events. */
#define SHMQ_MCGRP_EVENTS	"events"

/* Devices are numbered from 0 to below this. */
#define SHMQ_DEVICES_MAX	4096

enum shmq_layout {
	SHMQ_LAYOUT_CHANNEL = 0,	/* two queues, one each way */
	SHMQ_LAYOUT_RAW = 1,		/* memory without structure */
	SHMQ_LAYOUT_CELL = 2,		/* one cell */
	SHMQ_LAYOUT_POOL = 3,		/* one pool of blocks */
};

/* How the handler "print" writes a word. */
enum shmq_print_format {
	SHMQ_PRINT_HEX = 0,
	SHMQ_PRINT_U32 = 1,
	SHMQ_PRINT_S32 = 2,
};

/*
 * How late periods began: bucket b counts those from its lower limit on to below
 * that of b + 1, the last bucket all the rest. The lower limits are 0, 1, 2, 3
 * microseconds, and (4 + b % 4) << (b / 4 - 1) from b = 4 on: four buckets for
 * each power of two.
 */
#define SHMQ_LATENESS_BUCKETS	80

enum {
	SHMQ_CMD_DEV_GET = 1,		/* do and dump */
	SHMQ_CMD_DEV_NEW = 2,
	SHMQ_CMD_DEV_SET = 3,
	SHMQ_CMD_DEV_DEL = 4,
	SHMQ_CMD_STATS_GET = 5,		/* do and dump */
	SHMQ_CMD_STATS_RESET = 6,
	/* Events, to the group. */
	SHMQ_CMD_DEV_ADD_NTF = 7,
	SHMQ_CMD_DEV_CHANGE_NTF = 8,
	SHMQ_CMD_DEV_DEL_NTF = 9,
	SHMQ_CMD_END_CLAIM_NTF = 10,
	SHMQ_CMD_END_RELEASE_NTF = 11,
	SHMQ_CMD_PEER_DIED_NTF = 12,
	SHMQ_CMD_QUEUE_STOP_NTF = 13,
	SHMQ_CMD_MISSED_NTF = 14,

	__SHMQ_CMD_MAX,
	SHMQ_CMD_MAX = (__SHMQ_CMD_MAX - 1)
};

/* A device: what it was made with, and how it is. */
enum {
	SHMQ_A_DEV_INDEX = 1,		/* u32: the N of /dev/shmqN */
	SHMQ_A_DEV_SIZE = 2,		/* u64: of the region, bytes */
	SHMQ_A_DEV_LAYOUT = 3,		/* u32: enum shmq_layout */
	SHMQ_A_DEV_PREFIX = 4,		/* binary: what each checked message starts with */
	SHMQ_A_DEV_FRAMING = 5,		/* u32: enum shmq_area_framing */
	SHMQ_A_DEV_MAX_MESSAGE = 6,	/* u32: bytes */
	SHMQ_A_DEV_HANDLER = 7,		/* string */
	SHMQ_A_DEV_PERIOD_US = 8,	/* u32: microseconds; 0: none */
	SHMQ_A_DEV_TICK_MS = 9,		/* u32: milliseconds; 0: none */
	SHMQ_A_DEV_RESTART = 10,	/* u8: 0 or 1 */
	SHMQ_A_DEV_MODE = 11,		/* u32: of the node, bits of 0666 */
	SHMQ_A_DEV_UID = 12,		/* u32: owner of the node */
	SHMQ_A_DEV_GID = 13,		/* u32: group of the node */
	SHMQ_A_DEV_EPOCH = 14,		/* u32: raised by each reset */
	SHMQ_A_DEV_QUEUE = 15,		/* nest of SHMQ_A_QUEUE_*, one a queue */
	SHMQ_A_DEV_PAD = 16,
	SHMQ_A_DEV_PRIORITY = 17,	/* u32: 0 fair, 1 to 99 SCHED_FIFO */
	SHMQ_A_DEV_CPU = 18,		/* s32: -1 any */
	SHMQ_A_DEV_PRINT_OFFSET = 19,	/* u32: bytes */
	SHMQ_A_DEV_PRINT_WORDS = 20,	/* u32 */
	SHMQ_A_DEV_PRINT_FORMAT = 21,	/* u32: enum shmq_print_format */
	SHMQ_A_DEV_CELL_SIZE = 22,	/* u32: of the value, bytes */
	SHMQ_A_DEV_CELL_READERS = 23,	/* u32: registered ones, at most */
	SHMQ_A_DEV_PERIODS = 24,	/* u64: begun */
	SHMQ_A_DEV_PERIODS_MISSED = 25,	/* u64: that passed without one */
	SHMQ_A_DEV_LATENESS_MAX_NS = 26,	/* u64: nanoseconds */
	SHMQ_A_DEV_LATENESS = 27,	/* u64[SHMQ_LATENESS_BUCKETS]; absent without periods */
	SHMQ_A_DEV_POOL_BLOCK_SIZE = 28,	/* u32: bytes */
	SHMQ_A_DEV_POOL_OWNERS = 29,	/* u32: at once, at most */
	SHMQ_A_DEV_POOL_BLOCKS = 30,	/* u32: as many as the memory holds */

	__SHMQ_A_DEV_MAX,
	SHMQ_A_DEV_MAX = (__SHMQ_A_DEV_MAX - 1)
};

/* A queue of a device. The counters are those of struct shmq_queue_state. */
enum {
	SHMQ_A_QUEUE_INDEX = 1,		/* u32 */
	SHMQ_A_QUEUE_STATE = 2,		/* u32: enum shmq_queue_run */
	SHMQ_A_QUEUE_PRODUCER = 3,	/* u32: enum shmq_end_holder */
	SHMQ_A_QUEUE_CONSUMER = 4,	/* u32: enum shmq_end_holder */
	SHMQ_A_QUEUE_CAPACITY = 5,	/* u32: bytes, frames included */
	SHMQ_A_QUEUE_FILL = 6,		/* u32: bytes, frames included */
	SHMQ_A_QUEUE_HIGH_WATER = 7,	/* u32: highest fill that the kernel saw */
	SHMQ_A_QUEUE_MESSAGES = 8,	/* u64 */
	SHMQ_A_QUEUE_BYTES = 9,		/* u64 */
	SHMQ_A_QUEUE_DROPPED = 10,	/* u64: found it full */
	SHMQ_A_QUEUE_REFUSED = 11,	/* u64 */
	SHMQ_A_QUEUE_DAMAGED = 12,	/* u64 */
	SHMQ_A_QUEUE_WAKEUPS = 13,	/* u64: of sleeping programs */
	SHMQ_A_QUEUE_TURNS = 14,	/* u64: of the kernel's consumer */
	SHMQ_A_QUEUE_PAD = 15,

	__SHMQ_A_QUEUE_MAX,
	SHMQ_A_QUEUE_MAX = (__SHMQ_A_QUEUE_MAX - 1)
};

/* What an event tells. */
enum {
	SHMQ_A_EVENT_DEV = 1,		/* u32: index of the device */
	SHMQ_A_EVENT_QUEUE = 2,		/* u32: index of the queue */
	SHMQ_A_EVENT_END = 3,		/* u32: enum shmq_end_id */
	SHMQ_A_EVENT_STATE = 4,		/* u32: enum shmq_queue_run */
	SHMQ_A_EVENT_MISSED = 5,	/* u32: events of the device left out before this one */

	__SHMQ_A_EVENT_MAX,
	SHMQ_A_EVENT_MAX = (__SHMQ_A_EVENT_MAX - 1)
};

#endif /* _UAPI_LINUX_SHMQ_NETLINK_H */
