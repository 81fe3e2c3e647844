/* SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note */
/*
 * /dev/shmqN: what kernel and user space share.
 *
 * A device is one region of physically contiguous memory. mmap() at offset 0 is
 * that region, bare, with the areas in it that SHMQ_IOC_INFO lists. Two control
 * pages lie beside it, at the offsets that SHMQ_IOC_INFO tells: the state page
 * (the kernel's, read-only) and the wake page (sleep words, read-write).
 *
 * read(2) returns and write(2) sends one whole message, without its frame. See
 * shmq(4).
 */
#ifndef _UAPI_LINUX_SHMQ_H
#define _UAPI_LINUX_SHMQ_H

#include <linux/ioctl.h>
#include <linux/types.h>

/* Raised when something here changes in a way that old programs cannot ignore. */
#define SHMQ_ABI_VERSION	1

#define SHMQ_MAX_AREAS		8
#define SHMQ_MAX_QUEUES		2
#define SHMQ_MAX_PREFIX		64
#define SHMQ_HANDLER_NAME	16

enum shmq_area_type {
	SHMQ_AREA_RAW = 0,	/* no structure */
	SHMQ_AREA_QUEUE = 1,	/* byte queue, with messages in `framing` on it */
	SHMQ_AREA_CELL = 2,	/* one latest value; its header tells sizes */
	SHMQ_AREA_POOL = 3,	/* blocks that programs share; likewise */
};

enum shmq_area_direction {
	SHMQ_DIRECTION_NONE = 0,
	SHMQ_DIRECTION_FROM_USER = 1,	/* the first side writes: user, where the kernel reads */
	SHMQ_DIRECTION_TO_USER = 2,	/* the first side reads */
};

enum shmq_area_framing {
	SHMQ_FRAMING_CHECKED = 0,
	SHMQ_FRAMING_PLAIN = 1,
};

enum shmq_end_id {
	SHMQ_END_PRODUCER = 0,
	SHMQ_END_CONSUMER = 1,
};

/**
 * struct shmq_area - a part of the region
 * @type: enum shmq_area_type
 * @queue: index of the queue: in the state page, in sleep words, in claims; 0 for
 *         other areas
 * @direction: enum shmq_area_direction
 * @framing: enum shmq_area_framing
 * @kernel_ends: bit 1 << enum shmq_end_id for each end that the kernel holds
 * @reserved: 0
 * @offset: from the start of the region, bytes
 * @length: bytes
 */
struct shmq_area {
	__u32 type;
	__u32 queue;
	__u32 direction;
	__u32 framing;
	__u32 kernel_ends;
	__u32 reserved;
	__u64 offset;
	__u64 length;
};

/* What the running driver can do: struct shmq_info.features. */
#define SHMQ_FEATURE_PERIOD	(1ULL << 0)	/* serves peers without a doorbell */

/**
 * struct shmq_info - SHMQ_IOC_INFO
 * @size: in: sizeof(struct shmq_info) as the caller knows it; out: as the
 *        kernel does
 * @flags: in: 0
 * @abi_version: SHMQ_ABI_VERSION of the kernel
 * @device: the N of /dev/shmqN
 * @features: SHMQ_FEATURE_*
 * @region_length: bytes to map at offset 0
 * @phys_addr: physical address of the region, or 0 for a caller without
 *             CAP_SYS_RAWIO
 * @state_offset: mmap offset of struct shmq_state_page, read-only
 * @wake_offset: mmap offset of struct shmq_wake_page
 * @control_length: bytes to map at each of the two
 * @epoch: raised by each SHMQ_IOC_RESET
 * @period_us: how often the kernel looks unasked, microseconds; 0: never
 * @max_message: longest message that the kernel takes or sends, bytes
 * @prefix_length: bytes of @prefix that each checked frame starts with
 * @area_count: how many of @areas there are
 * @reserved: 0
 * @prefix: the prefix
 * @handler: what the kernel does with messages, NUL-terminated
 * @areas: the areas, by ascending offset
 */
struct shmq_info {
	__u32 size;
	__u32 flags;
	__u32 abi_version;
	__u32 device;
	__u64 features;
	__u64 region_length;
	__u64 phys_addr;
	__u64 state_offset;
	__u64 wake_offset;
	__u64 control_length;
	__u32 epoch;
	__u32 period_us;
	__u32 max_message;
	__u32 prefix_length;
	__u32 area_count;
	__u32 reserved;
	__u8 prefix[SHMQ_MAX_PREFIX];
	char handler[SHMQ_HANDLER_NAME];
	struct shmq_area areas[SHMQ_MAX_AREAS];
};

/*
 * The end moves bytes without frames: POLLIN means any byte, not a whole
 * message.
 */
#define SHMQ_CLAIM_BYTES	(1U << 0)

/**
 * struct shmq_claim - SHMQ_IOC_CLAIM, SHMQ_IOC_RELEASE
 * @size: sizeof(struct shmq_claim)
 * @flags: SHMQ_CLAIM_*
 * @queue: index of the queue
 * @end: enum shmq_end_id
 * @room: producer: POLLOUT means room for a message of this many bytes (with
 *        SHMQ_CLAIM_BYTES: for these bytes); 0 means the default, one byte
 * @reserved: 0
 *
 * An end belongs to one open file at a time. It is given back by RELEASE or
 * when the last descriptor and mapping of the file are gone.
 */
struct shmq_claim {
	__u32 size;
	__u32 flags;
	__u32 queue;
	__u32 end;
	__u32 room;
	__u32 reserved;
};

/**
 * struct shmq_reset - SHMQ_IOC_RESET
 * @size: sizeof(struct shmq_reset)
 * @flags: 0
 * @epoch: out: the new epoch
 * @reserved: 0
 */
struct shmq_reset {
	__u32 size;
	__u32 flags;
	__u32 epoch;
	__u32 reserved;
};

/**
 * struct shmq_owner - SHMQ_IOC_OWN, SHMQ_IOC_DISOWN
 * @size: sizeof(struct shmq_owner)
 * @flags: 0
 * @slot: of an owner, in the pool; less than its number of owners
 * @reserved: 0
 *
 * A slot belongs to one open file at a time, by whatever node it was opened. It
 * is given back by DISOWN or when the last descriptor and mapping of the file are
 * gone: so who gets a slot knows that nobody else is in it. Both work after the
 * device was removed, too.
 */
struct shmq_owner {
	__u32 size;
	__u32 flags;
	__u32 slot;
	__u32 reserved;
};

/* Doorbells: bits of SHMQ_IOC_KICK, words of struct shmq_wake_page. */
#define SHMQ_BELL_DATA(queue)	(2 * (queue))		/* its consumer waits for data */
#define SHMQ_BELL_ROOM(queue)	(2 * (queue) + 1)	/* its producer waits for room */
#define SHMQ_BELLS		(2 * SHMQ_MAX_QUEUES)

#define SHMQ_IOC_TYPE		0xC5
#define SHMQ_IOC_INFO		_IOWR(SHMQ_IOC_TYPE, 0, struct shmq_info)
#define SHMQ_IOC_CLAIM		_IOW(SHMQ_IOC_TYPE, 1, struct shmq_claim)
#define SHMQ_IOC_RELEASE	_IOW(SHMQ_IOC_TYPE, 2, struct shmq_claim)
#define SHMQ_IOC_RESET		_IOWR(SHMQ_IOC_TYPE, 3, struct shmq_reset)
/* The argument is a mask of 1 << SHMQ_BELL_*; 0 rings all. */
#define SHMQ_IOC_KICK		_IO(SHMQ_IOC_TYPE, 4)
#define SHMQ_IOC_OWN		_IOW(SHMQ_IOC_TYPE, 5, struct shmq_owner)
#define SHMQ_IOC_DISOWN		_IOW(SHMQ_IOC_TYPE, 6, struct shmq_owner)

/* Why a queue does not run: struct shmq_queue_state.state. */
enum shmq_queue_run {
	SHMQ_QUEUE_RUNNING = 0,
	SHMQ_QUEUE_CORRUPT = 1,		/* a position or frame that cannot be */
	SHMQ_QUEUE_RECREATED = 2,	/* positions went back, as if made anew */
};

/* Who has an end: struct shmq_queue_state.producer, .consumer. */
enum shmq_end_holder {
	SHMQ_HOLDER_NONE = 0,		/* nobody has claimed it yet */
	SHMQ_HOLDER_KERNEL = 1,
	SHMQ_HOLDER_USER = 2,
	SHMQ_HOLDER_GONE = 3,		/* was claimed and given back, or its holder died */
};

/**
 * struct shmq_queue_state - what the kernel tells of a queue
 * @state: enum shmq_queue_run
 * @producer: enum shmq_end_holder
 * @consumer: enum shmq_end_holder
 * @reserved: 0
 * @messages: messages that the kernel has sent or taken here
 * @bytes: their bytes, without frames
 * @dropped: messages that a kernel sender could not place
 * @damaged: damaged frames that the kernel skipped
 * @refused: messages that the handler refused
 * @wakeups: times that a sleeping user was woken
 *
 * A 64-bit counter may be read torn by a 32-bit program.
 */
struct shmq_queue_state {
	__u32 state;
	__u32 producer;
	__u32 consumer;
	__u32 reserved;
	__u64 messages;
	__u64 bytes;
	__u64 dropped;
	__u64 damaged;
	__u64 refused;
	__u64 wakeups;
};

/**
 * struct shmq_state_page - the kernel's page, read-only for user space
 * @abi_version: SHMQ_ABI_VERSION
 * @epoch: raised by each reset; a program that attached earlier must attach anew
 * @removed: the device is gone: nothing more will happen here
 * @queue_count: queues in @queues
 * @queues: by index
 */
struct shmq_state_page {
	__u32 abi_version;
	__u32 epoch;
	__u32 removed;
	__u32 queue_count;
	struct shmq_queue_state queues[SHMQ_MAX_QUEUES];
};

/**
 * struct shmq_sleep_word - one doorbell, alone on its cache line
 * @sleeping: not 0: somebody sleeps, ring after you publish
 * @reserved: not used
 */
struct shmq_sleep_word {
	__u32 sleeping;
	__u32 reserved[15];
};

/**
 * struct shmq_wake_page - sleep words, written by both sides
 * @bells: by SHMQ_BELL_*
 */
struct shmq_wake_page {
	struct shmq_sleep_word bells[SHMQ_BELLS];
};

#endif /* _UAPI_LINUX_SHMQ_H */
