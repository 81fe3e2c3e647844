/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * How messages lie on a byte queue. A frame is head, data, tail:
 *
 *   checked  prefix (0..64 bytes) | version 1 | u32 LE data size | u32 LE CRC of
 *            all before || data || u32 LE CRC of all before
 *   plain    u32 LE data size | u32 LE tag || data || zeroes to a multiple of 8
 *
 * Checked frames survive garbage and damage: a reader drops a byte and looks
 * for the next prefix. Plain frames are for coherent memory and trusted
 * writers; a size that cannot be is SHMQ_CORRUPT, for nothing tells where the
 * next frame starts. Plain needs 8-byte aligned memory and N a multiple of 8.
 */
#ifndef SHMQ_CORE_FORMAT_H
#define SHMQ_CORE_FORMAT_H

#include "byte_queue.h"

#define SHMQ_PREFIX_MAX		64u
#define SHMQ_FRAME_VERSION	1u
#define SHMQ_CHECKED_FIELDS	9u	/* version, size, header CRC */
#define SHMQ_CRC_SIZE		4u
#define SHMQ_PLAIN_HEAD		8u
#define SHMQ_HEAD_MAX		(SHMQ_PREFIX_MAX + SHMQ_CHECKED_FIELDS)
#define SHMQ_TAIL_MAX		7u
#define SHMQ_NO_LIMIT		0xffffffffu

enum shmq_framing {
	SHMQ_CHECKED = 0,
	SHMQ_PLAIN = 1,
};

/* What both ends must agree on. */
struct shmq_format {
	uint32_t framing;	/* enum shmq_framing */
	uint32_t prefix_length;	/* checked only; 0 is allowed */
	uint8_t prefix[SHMQ_PREFIX_MAX];
};

/* A stretch of the caller's own memory. */
struct shmq_part {
	const void *data;
	uint32_t length;
};

/* A message found at the consumer's position. */
struct shmq_message {
	uint32_t length;	/* bytes of data */
	uint32_t tag;		/* plain framing; 0 otherwise */
	uint32_t head_length;
	uint32_t frame_length;	/* what release gives back */
};

static inline void shmq_put_le32(uint8_t *to, uint32_t value)
{
	to[0] = (uint8_t)value;
	to[1] = (uint8_t)(value >> 8);
	to[2] = (uint8_t)(value >> 16);
	to[3] = (uint8_t)(value >> 24);
}

static inline uint32_t shmq_get_le32(const uint8_t *from)
{
	return (uint32_t)from[0] | (uint32_t)from[1] << 8 | (uint32_t)from[2] << 16 |
	       (uint32_t)from[3] << 24;
}

/* The same in the ring, at an offset from its base. */
SHMQ_HOT void shmq_copy_out_le32(shmq_base base, uint32_t off, uint32_t value)
{
	uint8_t bytes[4];

	shmq_put_le32(bytes, value);
	shmq_copy_out(base, off, bytes, sizeof(bytes));
}

SHMQ_HOT uint32_t shmq_copy_in_le32(shmq_base base, uint32_t off)
{
	uint8_t bytes[4];

	shmq_copy_in(bytes, base, off, sizeof(bytes));
	return shmq_get_le32(bytes);
}

/* Whether a queue of `length` bytes at `base` can carry this format. */
static inline enum shmq_status shmq_format_check(const struct shmq_format *f, shmq_base base,
						 uint64_t length)
{
	if (f->prefix_length > SHMQ_PREFIX_MAX || !shmq_queue_length_ok(length))
		return SHMQ_INVALID;
	if (f->framing == SHMQ_CHECKED)
		return SHMQ_OK;
	if (f->framing != SHMQ_PLAIN || f->prefix_length)
		return SHMQ_INVALID;
	return ((uintptr_t)base | length) & 7 || length < 24 ? SHMQ_INVALID : SHMQ_OK;
}

/* Never more than there is room for, whoever made the format. */
static inline uint32_t shmq_prefix_length(const struct shmq_format *f)
{
	return f->prefix_length < SHMQ_PREFIX_MAX ? f->prefix_length : SHMQ_PREFIX_MAX;
}

static inline uint32_t shmq_head_length(const struct shmq_format *f)
{
	return f->framing == SHMQ_PLAIN ? SHMQ_PLAIN_HEAD
					: shmq_prefix_length(f) + SHMQ_CHECKED_FIELDS;
}

static inline uint32_t shmq_tail_length(const struct shmq_format *f, uint32_t data_length)
{
	return f->framing == SHMQ_PLAIN ? (0u - data_length) & 7u : SHMQ_CRC_SIZE;
}

/* Bytes that a message of `data_length` takes in the queue. */
static inline uint64_t shmq_frame_length(const struct shmq_format *f, uint32_t data_length)
{
	return (uint64_t)shmq_head_length(f) + data_length + shmq_tail_length(f, data_length);
}

/* The largest message that ever fits a queue with N bytes of data. */
static inline uint32_t shmq_message_max(const struct shmq_format *f, uint32_t size)
{
	uint32_t capacity = f->framing == SHMQ_PLAIN ? (size - 1) & ~7u : size - 1;
	uint32_t fixed = shmq_head_length(f) + (f->framing == SHMQ_PLAIN ? 0 : SHMQ_CRC_SIZE);

	return capacity > fixed ? capacity - fixed : 0;
}

#endif /* SHMQ_CORE_FORMAT_H */
