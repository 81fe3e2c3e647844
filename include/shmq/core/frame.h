/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * Messages on a byte queue. A frame is head, data, tail:
 *
 *   checked  prefix (0..64 bytes) | version 1 | u32 LE data size | u32 LE CRC of
 *            all before || data || u32 LE CRC of all before
 *   plain    u32 LE data size | u32 LE tag || data || zeroes to a multiple of 8
 *
 * Checked frames survive garbage and damage: a reader drops a byte and looks
 * for the next prefix. Plain frames are for coherent memory and trusted
 * writers; a size that cannot be is SHMQ_CORRUPT, for nothing tells where the
 * next frame starts. Plain needs 8-byte aligned memory and N a multiple of 8.
 *
 * A frame is published by one store: no reader sees half of one.
 *
 * Towards a hostile peer only shmq_frame_read() is safe: it copies, then checks
 * the copy. reserve/commit and front/release work in place and trust the peer
 * not to change what it has published.
 */
#ifndef SHMQ_CORE_FRAME_H
#define SHMQ_CORE_FRAME_H

#include "byte_queue.h"
#include "crc32.h"

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

/* A frame's head and tail, made before the queue is touched. */
struct shmq_envelope {
	uint32_t head_length;
	uint32_t data_length;
	uint32_t tail_length;
	uint8_t head[SHMQ_HEAD_MAX];
	uint8_t tail[SHMQ_TAIL_MAX];
};

/* A message found at the consumer's position. */
struct shmq_message {
	uint32_t length;	/* bytes of data */
	uint32_t tag;		/* plain framing; 0 otherwise */
	uint32_t head_length;
	uint32_t frame_length;	/* what release gives back */
};

/* A consumer that reads frames. */
struct shmq_reader {
	struct shmq_consumer *consumer;
	const struct shmq_format *format;
	uint32_t limit;		/* bytes skipped or hashed before SHMQ_AGAIN */
	uint32_t work;		/* bytes skipped or hashed by the last call */
	bool lost;		/* in a run of garbage that was reported */
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

static inline void shmq_make_head(const struct shmq_format *f, uint32_t tag, uint32_t length,
				  uint8_t *head)
{
	uint32_t p = shmq_prefix_length(f);

	if (f->framing == SHMQ_PLAIN) {
		shmq_put_le32(head, length);
		shmq_put_le32(head + 4, tag);
		return;
	}
	memcpy(head, f->prefix, p);
	head[p] = SHMQ_FRAME_VERSION;
	shmq_put_le32(head + p + 1, length);
	shmq_put_le32(head + p + 5, shmq_crc32(0, head, p + 5));
}

/* ---- writing ---- */

/*
 * Makes head and tail for a message that lies in `count` parts. Touches no
 * shared memory: the CRC is done before any lock is taken. SHMQ_TOO_BIG if the
 * parts add up to more than 32 bits can say.
 */
static inline enum shmq_status shmq_frame_seal(const struct shmq_format *f, uint32_t tag,
					       const struct shmq_part *parts, uint32_t count,
					       struct shmq_envelope *e)
{
	uint64_t length = 0;
	uint32_t crc, i;

	for (i = 0; i < count; i++)
		length += parts[i].length;
	if (length > SHMQ_QUEUE_MAX)
		return SHMQ_TOO_BIG;
	e->head_length = shmq_head_length(f);
	e->data_length = (uint32_t)length;
	e->tail_length = shmq_tail_length(f, e->data_length);
	shmq_make_head(f, tag, e->data_length, e->head);
	if (f->framing == SHMQ_PLAIN) {
		memset(e->tail, 0, sizeof(e->tail));
		return SHMQ_OK;
	}
	crc = SHMQ_CRC_RESIDUE; /* the head ends with its CRC */
	for (i = 0; i < count; i++)
		crc = shmq_crc32(crc, parts[i].data, parts[i].length);
	shmq_put_le32(e->tail, crc);
	return SHMQ_OK;
}

/* Puts a sealed message into room that is reserved. */
static inline void shmq_frame_put(struct shmq_producer *p, const struct shmq_envelope *e,
				  const struct shmq_part *parts, uint32_t count)
{
	uint32_t at = e->head_length;
	uint32_t i;

	if (e->head_length == SHMQ_PLAIN_HEAD) /* no checked head is that short */
		shmq_producer_put(p, 0, e->head, SHMQ_PLAIN_HEAD);
	else
		shmq_producer_put(p, 0, e->head, e->head_length);
	for (i = 0; i < count; i++) {
		shmq_producer_put(p, at, parts[i].data, parts[i].length);
		at += parts[i].length;
	}
	if (e->tail_length == SHMQ_CRC_SIZE)
		shmq_producer_put(p, at, e->tail, SHMQ_CRC_SIZE);
	else if (e->tail_length)
		shmq_producer_put(p, at, e->tail, e->tail_length);
	shmq_producer_commit(p, at + e->tail_length);
}

/* Sends a sealed message: SHMQ_OK, FULL, TOO_BIG or why the producer stopped. */
static inline enum shmq_status shmq_frame_send(struct shmq_producer *p,
					       const struct shmq_envelope *e,
					       const struct shmq_part *parts, uint32_t count)
{
	enum shmq_status status;

	status = shmq_producer_reserve(p, e->head_length + e->data_length + e->tail_length);
	if (status == SHMQ_OK)
		shmq_frame_put(p, e, parts, count);
	return status;
}

/* Seals and sends; a full queue costs no CRC. */
static inline enum shmq_status shmq_frame_write(struct shmq_producer *p,
						const struct shmq_format *f, uint32_t tag,
						const struct shmq_part *parts, uint32_t count)
{
	struct shmq_envelope e;
	enum shmq_status status;
	uint64_t length = 0;
	uint32_t i;

	for (i = 0; i < count; i++)
		length += parts[i].length;
	if (length > shmq_message_max(f, p->end.size))
		return SHMQ_TOO_BIG;
	status = shmq_producer_reserve(p, (uint32_t)shmq_frame_length(f, (uint32_t)length));
	if (status != SHMQ_OK)
		return status;
	status = shmq_frame_seal(f, tag, parts, count, &e);
	if (status == SHMQ_OK)
		shmq_frame_put(p, &e, parts, count);
	return status;
}

/*
 * Room for a message of up to `length` bytes, to be filled in place. Nothing
 * is visible until shmq_frame_commit(); a second reserve starts over.
 */
static inline enum shmq_status shmq_frame_reserve(struct shmq_producer *p,
						  const struct shmq_format *f, uint32_t length,
						  struct shmq_pieces *room)
{
	enum shmq_status status;

	if (length > shmq_message_max(f, p->end.size))
		return SHMQ_TOO_BIG;
	status = shmq_producer_reserve(p, (uint32_t)shmq_frame_length(f, length));
	if (status == SHMQ_OK)
		*room = shmq_span(&p->end, shmq_head_length(f), length);
	return status;
}

/* The CRC over `n` bytes in the ring, in place. */
static inline uint32_t shmq_crc32_span(const struct shmq_end *e, uint32_t crc, uint32_t skip,
				       uint32_t n)
{
	struct shmq_pieces s = shmq_span(e, skip, n);

	crc = shmq_crc32(crc, shmq_at(e->base, s.off[0]), s.len[0]);
	return s.len[1] ? shmq_crc32(crc, shmq_at(e->base, s.off[1]), s.len[1]) : crc;
}

/* Sends what was filled in: `length` bytes, at most what was reserved. */
static inline void shmq_frame_commit(struct shmq_producer *p, const struct shmq_format *f,
				     uint32_t tag, uint32_t length)
{
	uint32_t head_length = shmq_head_length(f);
	uint32_t tail_length = shmq_tail_length(f, length);
	uint8_t head[SHMQ_HEAD_MAX];
	uint8_t tail[SHMQ_TAIL_MAX] = { 0 };
	uint32_t crc;

	shmq_make_head(f, tag, length, head);
	if (f->framing == SHMQ_CHECKED) {
		crc = shmq_crc32_span(&p->end, SHMQ_CRC_RESIDUE, head_length, length);
		shmq_put_le32(tail, crc);
	}
	shmq_producer_put(p, 0, head, head_length);
	shmq_producer_put(p, head_length + length, tail, tail_length);
	shmq_producer_commit(p, head_length + length + tail_length);
}

/* ---- reading ---- */

/* A reader without a work limit; set `limit` where the other end is hostile. */
static inline void shmq_reader_init(struct shmq_reader *r, struct shmq_consumer *c,
				    const struct shmq_format *f)
{
	r->consumer = c;
	r->format = f;
	r->limit = SHMQ_NO_LIMIT;
	r->work = 0;
	r->lost = false;
}

static inline enum shmq_status shmq_reader_empty(const struct shmq_reader *r)
{
	enum shmq_status error = r->consumer->end.error;

	return error != SHMQ_OK ? error : SHMQ_EMPTY;
}

/* Skips to the prefix; SHMQ_EMPTY if no whole prefix is there yet. */
static inline enum shmq_status shmq_skip_to_prefix(struct shmq_reader *r)
{
	struct shmq_consumer *c = r->consumer;
	const uint8_t *prefix = r->format->prefix;
	uint32_t p = shmq_prefix_length(r->format);
	uint8_t window[SHMQ_PREFIX_MAX + 192];
	uint32_t n, at;

	for (;;) {
		n = shmq_consumer_available(c, p);
		if (n < p)
			return shmq_reader_empty(r);
		if (r->work >= r->limit)
			return SHMQ_AGAIN;
		/* The first look costs no more than the prefix. */
		shmq_consumer_get(c, 0, window, p);
		if (!memcmp(window, prefix, p))
			return SHMQ_OK;

		if (n > sizeof(window))
			n = sizeof(window);
		shmq_consumer_get(c, 0, window, n);
		for (at = 1; at + p <= n; at++)
			if (!memcmp(window + at, prefix, p))
				break;
		shmq_consumer_release(c, at);
		r->work += at;
	}
}

/* Reports damage: drops one byte; the next call searches on. */
static inline enum shmq_status shmq_reader_damage(struct shmq_reader *r, enum shmq_status why)
{
	shmq_consumer_release(r->consumer, 1);
	r->work++;
	/* Without a prefix every byte is a candidate: one report a run. */
	if (r->lost && !r->format->prefix_length)
		return SHMQ_OK;
	r->lost = true;
	return why;
}

/* Whether a head starts as it must. */
static inline bool shmq_head_fits(const struct shmq_format *f, const uint8_t *head)
{
	uint32_t p = shmq_prefix_length(f);

	return head[p] == SHMQ_FRAME_VERSION && !memcmp(head, f->prefix, p);
}

/*
 * The next whole head, in one copy. Where there is none, what is there is
 * judged piece by piece: a stream may have ended in the middle of a head, or
 * be garbage. SHMQ_OK: its start fits; SHMQ_BAD_VERSION and SHMQ_BAD_CRC: a
 * byte is to be dropped.
 */
static inline enum shmq_status shmq_get_head(struct shmq_reader *r, uint8_t *head, uint32_t n)
{
	struct shmq_consumer *c = r->consumer;
	uint32_t p = shmq_prefix_length(r->format);
	uint32_t available = shmq_consumer_available(c, n);
	enum shmq_status status;

	if (available >= n) {
		shmq_consumer_get(c, 0, head, n);
		if (shmq_head_fits(r->format, head))
			return SHMQ_OK;
	}
	if (!available)
		return shmq_reader_empty(r);
	status = p ? shmq_skip_to_prefix(r) : SHMQ_OK;
	if (status != SHMQ_OK)
		return status;
	if (shmq_consumer_available(c, p + 1) < p + 1)
		return shmq_reader_empty(r);
	shmq_consumer_get(c, p, head + p, 1);
	if (head[p] != SHMQ_FRAME_VERSION)
		return SHMQ_BAD_VERSION;
	if (shmq_consumer_available(c, n) < n)
		return shmq_reader_empty(r);
	shmq_consumer_get(c, 0, head, n);
	/* What is checked from here on is this copy: it may be another by now. */
	return shmq_head_fits(r->format, head) ? SHMQ_OK : SHMQ_BAD_CRC;
}

/*
 * Reads the head at the position. SHMQ_OK with m->frame_length 0 means that a
 * byte was dropped silently: look again.
 */
static inline enum shmq_status shmq_parse_checked(struct shmq_reader *r, uint8_t *head,
						  struct shmq_message *m)
{
	struct shmq_consumer *c = r->consumer;
	uint32_t p = shmq_prefix_length(r->format);
	enum shmq_status status;
	uint64_t total;

	m->frame_length = 0;
	m->head_length = p + SHMQ_CHECKED_FIELDS;
	status = shmq_get_head(r, head, m->head_length);
	if (status == SHMQ_BAD_VERSION || status == SHMQ_BAD_CRC)
		return shmq_reader_damage(r, status);
	if (status != SHMQ_OK)
		return status;
	r->work += m->head_length;
	if (shmq_get_le32(head + p + 5) != shmq_crc32(0, head, p + 5))
		return shmq_reader_damage(r, SHMQ_BAD_CRC);
	m->length = shmq_get_le32(head + p + 1);
	m->tag = 0;
	total = shmq_frame_length(r->format, m->length);
	if (total > c->end.size - 1)
		return shmq_reader_damage(r, SHMQ_TOO_BIG);
	if (shmq_consumer_available(c, (uint32_t)total) < total)
		return shmq_reader_empty(r);
	m->frame_length = (uint32_t)total;
	return SHMQ_OK;
}

static inline enum shmq_status shmq_parse_plain(struct shmq_reader *r, uint8_t *head,
						struct shmq_message *m)
{
	struct shmq_consumer *c = r->consumer;
	uint32_t available = shmq_consumer_available(c, SHMQ_PLAIN_HEAD);
	uint64_t total;

	if (!available)
		return shmq_reader_empty(r);
	if (available >= SHMQ_PLAIN_HEAD) {
		shmq_consumer_get(c, 0, head, SHMQ_PLAIN_HEAD);
		r->work += SHMQ_PLAIN_HEAD;
		m->length = shmq_get_le32(head);
		m->tag = shmq_get_le32(head + 4);
		m->head_length = SHMQ_PLAIN_HEAD;
		total = shmq_frame_length(r->format, m->length);
		if (total <= c->end.size - 1 &&
		    shmq_consumer_available(c, (uint32_t)total) >= total) {
			m->frame_length = (uint32_t)total;
			return SHMQ_OK;
		}
	}
	/* Frames are published whole: less than one is no frame. */
	if (c->end.error == SHMQ_EMPTY) /* frozen: tells, but stops nothing */
		return SHMQ_CORRUPT;
	if (c->end.error == SHMQ_OK) {
		c->end.error = SHMQ_CORRUPT;
		c->end.peer = c->end.pos;
	}
	return c->end.error;
}

/* Finds the next message and checks its head; `head` is a private copy of it. */
static inline enum shmq_status shmq_frame_find(struct shmq_reader *r, uint8_t *head,
					       struct shmq_message *m)
{
	enum shmq_status status;

	if (r->format->framing == SHMQ_PLAIN)
		return shmq_parse_plain(r, head, m);
	do {
		if (r->work >= r->limit)
			return SHMQ_AGAIN;
		status = shmq_parse_checked(r, head, m);
	} while (status == SHMQ_OK && !m->frame_length);
	return status;
}

/*
 * Copies the next message to `to`, checks the copy and releases it.
 *
 * SHMQ_OK            m->length bytes at `to`
 * SHMQ_EMPTY         no whole message
 * SHMQ_SHORT_BUFFER  it is of m->length bytes and stays in the queue
 * SHMQ_BAD_CRC, SHMQ_BAD_VERSION, SHMQ_TOO_BIG
 *                    damage, told once; one byte was dropped
 * SHMQ_AGAIN         r->limit bytes were examined; call again
 * SHMQ_CORRUPT, SHMQ_RECREATED
 *                    the consumer stopped
 */
static inline enum shmq_status shmq_frame_read(struct shmq_reader *r, void *to, uint32_t room,
					       struct shmq_message *m)
{
	struct shmq_consumer *c = r->consumer;
	uint8_t head[SHMQ_HEAD_MAX];
	uint8_t tail[SHMQ_CRC_SIZE];
	enum shmq_status status;

	r->work = 0;
	for (;;) {
		status = shmq_frame_find(r, head, m);
		if (status != SHMQ_OK)
			return status;
		if (m->length > room)
			return SHMQ_SHORT_BUFFER;
		shmq_consumer_get(c, m->head_length, to, m->length);
		if (r->format->framing == SHMQ_PLAIN)
			break;
		shmq_consumer_get(c, m->head_length + m->length, tail, sizeof(tail));
		r->work += m->length;
		if (shmq_crc32(SHMQ_CRC_RESIDUE, to, m->length) == shmq_get_le32(tail))
			break;
		status = shmq_reader_damage(r, SHMQ_BAD_CRC);
		if (status != SHMQ_OK)
			return status;
	}
	r->lost = false;
	shmq_consumer_release(c, m->frame_length);
	return SHMQ_OK;
}

/*
 * The next message in place, checked where it lies: for a peer that does not
 * change what it has published. It stays until shmq_frame_release().
 */
static inline enum shmq_status shmq_frame_front(struct shmq_reader *r, struct shmq_message *m,
						struct shmq_pieces *data)
{
	struct shmq_consumer *c = r->consumer;
	uint8_t head[SHMQ_HEAD_MAX];
	uint8_t tail[SHMQ_CRC_SIZE];
	enum shmq_status status;
	uint32_t crc;

	r->work = 0;
	for (;;) {
		status = shmq_frame_find(r, head, m);
		if (status != SHMQ_OK)
			return status;
		if (r->format->framing == SHMQ_PLAIN)
			break;
		shmq_consumer_get(c, m->head_length + m->length, tail, sizeof(tail));
		r->work += m->length;
		crc = shmq_crc32_span(&c->end, SHMQ_CRC_RESIDUE, m->head_length, m->length);
		if (crc == shmq_get_le32(tail))
			break;
		status = shmq_reader_damage(r, SHMQ_BAD_CRC);
		if (status != SHMQ_OK)
			return status;
	}
	r->lost = false;
	*data = shmq_span(&c->end, m->head_length, m->length);
	return SHMQ_OK;
}

static inline void shmq_frame_release(struct shmq_reader *r, const struct shmq_message *m)
{
	shmq_consumer_release(r->consumer, m->frame_length);
}

#endif /* SHMQ_CORE_FRAME_H */
