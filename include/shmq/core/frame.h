/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * Messages on a byte queue, of either format (format.h).
 *
 * A frame is published by one store: no reader sees half of one.
 *
 * Towards a hostile peer only shmq_frame_read() is safe: it copies, then checks
 * the copy. reserve/commit and front/release work in place and trust the peer
 * not to change what it has published.
 */
#ifndef SHMQ_CORE_FRAME_H
#define SHMQ_CORE_FRAME_H

#include "crc32.h"
#include "plain.h"

/* A frame's head and tail, made before the queue is touched. */
struct shmq_envelope {
	uint32_t head_length;
	uint32_t data_length;
	uint32_t tail_length;
	uint8_t head[SHMQ_HEAD_MAX];
	uint8_t tail[SHMQ_TAIL_MAX];
};

/* A consumer that reads frames. */
struct shmq_reader {
	struct shmq_consumer *consumer;
	const struct shmq_format *format;
	uint32_t limit;		/* bytes skipped or hashed before SHMQ_AGAIN */
	uint32_t work;		/* bytes skipped or hashed by the last call */
	bool lost;		/* in a run of garbage that was reported */
};

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

/* Bytes of a long message that are copied and hashed at a time: they stay in the L1 cache. */
#define SHMQ_STRETCH	4096u

/* Puts a checked message into room that is reserved. */
static inline void shmq_checked_put(struct shmq_producer *p, const struct shmq_format *f,
				    const struct shmq_part *parts, uint32_t count, uint32_t length)
{
	uint32_t at = shmq_prefix_length(f) + SHMQ_CHECKED_FIELDS;
	uint32_t crc = SHMQ_CRC_RESIDUE; /* the head ends with its CRC */
	uint8_t head[SHMQ_HEAD_MAX];
	uint8_t tail[SHMQ_CRC_SIZE];
	uint32_t i, done, n;

	shmq_make_head(f, 0, length, head);
	shmq_producer_put(p, 0, head, at);
	for (i = 0; i < count; i++) {
		const uint8_t *data = (const uint8_t *)parts[i].data;

		for (done = 0; done < parts[i].length; done += n) {
			n = parts[i].length - done;
			if (n > SHMQ_STRETCH)
				n = SHMQ_STRETCH;
			crc = shmq_crc32(crc, data + done, n);
			shmq_producer_put(p, at, data + done, n);
			at += n;
		}
	}
	shmq_put_le32(tail, crc);
	shmq_producer_put(p, at, tail, sizeof(tail));
	shmq_producer_commit(p, at + SHMQ_CRC_SIZE);
}

/* Whether a batch has gathered a message of `length` bytes that fits the queue. */
static inline bool shmq_frame_stage(struct shmq_producer *p, const struct shmq_format *f,
				    uint32_t tag, const struct shmq_part *parts, uint32_t count,
				    uint32_t length)
{
	uint8_t *at = shmq_producer_stage(p, (uint32_t)shmq_frame_length(f, length));
	uint32_t crc = SHMQ_CRC_RESIDUE; /* the head ends with its CRC */
	uint32_t i;

	if (!at)
		return false;
	shmq_make_head(f, tag, length, at);
	at += shmq_head_length(f);
	for (i = 0; i < count; i++) {
		if (!parts[i].length)
			continue;
		memcpy(at, parts[i].data, parts[i].length);
		if (f->framing != SHMQ_PLAIN)
			crc = shmq_crc32(crc, at, parts[i].length);
		at += parts[i].length;
	}
	if (f->framing == SHMQ_PLAIN)
		memset(at, 0, shmq_tail_length(f, length));
	else
		shmq_put_le32(at, crc);
	return true;
}

/* Sends a message; a full queue costs no CRC. */
static inline enum shmq_status shmq_frame_write(struct shmq_producer *p,
						const struct shmq_format *f, uint32_t tag,
						const struct shmq_part *parts, uint32_t count)
{
	enum shmq_status status;
	uint64_t length = 0;
	uint32_t i;

	for (i = 0; i < count; i++)
		length += parts[i].length;
	if (length > shmq_message_max(f, p->end.size))
		return SHMQ_TOO_BIG;
	if (shmq_frame_stage(p, f, tag, parts, count, (uint32_t)length))
		return SHMQ_OK;
	status = shmq_producer_reserve(p, (uint32_t)shmq_frame_length(f, (uint32_t)length));
	if (status != SHMQ_OK)
		return status;
	if (f->framing == SHMQ_PLAIN)
		shmq_plain_put(p, tag, parts, count, (uint32_t)length);
	else
		shmq_checked_put(p, f, parts, count, (uint32_t)length);
	return SHMQ_OK;
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

	if (f->framing == SHMQ_PLAIN) {
		shmq_plain_commit(p, tag, length);
		return;
	}
	shmq_make_head(f, tag, length, head);
	shmq_put_le32(tail, shmq_crc32_span(&p->end, SHMQ_CRC_RESIDUE, head_length, length));
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

	m->length = 0;
	m->tag = 0;
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
	total = shmq_frame_length(r->format, m->length);
	if (total > c->end.size - 1)
		return shmq_reader_damage(r, SHMQ_TOO_BIG);
	if (shmq_consumer_available(c, (uint32_t)total) < total)
		return shmq_reader_empty(r);
	m->frame_length = (uint32_t)total;
	return SHMQ_OK;
}

/* Finds the next message and checks its head; `head` is a private copy of it. */
static inline enum shmq_status shmq_frame_find(struct shmq_reader *r, uint8_t *head,
					       struct shmq_message *m)
{
	enum shmq_status status;
	bool straight = false;

	if (r->format->framing == SHMQ_PLAIN)
		return shmq_plain_find(r->consumer, m, &straight);
	do {
		if (r->work >= r->limit)
			return SHMQ_AGAIN;
		status = shmq_parse_checked(r, head, m);
	} while (status == SHMQ_OK && !m->frame_length);
	return status;
}

/* Copies the data of a checked frame to `to`: its CRC, continued from the head's. */
static inline uint32_t shmq_checked_get(const struct shmq_consumer *c, const struct shmq_message *m,
					uint8_t *to)
{
	uint32_t crc = SHMQ_CRC_RESIDUE;
	uint32_t done, n;

	for (done = 0; done < m->length; done += n) {
		n = m->length - done;
		if (n > SHMQ_STRETCH)
			n = SHMQ_STRETCH;
		shmq_consumer_get(c, m->head_length + done, to + done, n);
		crc = shmq_crc32(crc, to + done, n);
	}
	return crc;
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
	uint32_t crc;

	if (r->format->framing == SHMQ_PLAIN)
		return shmq_plain_read(r->consumer, to, room, m);
	r->work = 0;
	for (;;) {
		status = shmq_frame_find(r, head, m);
		if (status != SHMQ_OK)
			return status;
		if (m->length > room)
			return SHMQ_SHORT_BUFFER;
		crc = shmq_checked_get(c, m, (uint8_t *)to);
		shmq_consumer_get(c, m->head_length + m->length, tail, sizeof(tail));
		r->work += m->length;
		if (crc == shmq_get_le32(tail))
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

	if (r->format->framing == SHMQ_PLAIN)
		return shmq_plain_front(r->consumer, m, data);
	r->work = 0;
	for (;;) {
		status = shmq_frame_find(r, head, m);
		if (status != SHMQ_OK)
			return status;
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
