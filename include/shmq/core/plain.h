/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * Plain frames (format.h), written and read the shortest way. Nearly always a
 * frame does not wrap: it is then a few moves.
 *
 * Included by frame.h; who knows the framing beforehand may come here at once.
 */
#ifndef SHMQ_CORE_PLAIN_H
#define SHMQ_CORE_PLAIN_H

#include "format.h"
#include "stage.h"

/* Bytes that a plain message takes in the queue, if it fits one. */
static inline uint32_t shmq_plain_length(uint32_t length)
{
	return SHMQ_PLAIN_HEAD + ((length + 7) & ~7u);
}

/* ---- writing ---- */

SHMQ_HOT void shmq_plain_put_head(struct shmq_producer *p, uint32_t tag, uint32_t length)
{
	const struct shmq_end *e = &p->end;
	uint8_t head[SHMQ_PLAIN_HEAD];

	if (e->size - e->pos >= SHMQ_PLAIN_HEAD) {
		shmq_copy_out_le32(e->base, SHMQ_QUEUE_HEADER + e->pos, length);
		shmq_copy_out_le32(e->base, SHMQ_QUEUE_HEADER + e->pos + 4, tag);
	} else {
		shmq_put_le32(head, length);
		shmq_put_le32(head + 4, tag);
		shmq_producer_put(p, 0, head, sizeof(head));
	}
}

/* Sends the `length` bytes that lie after the head, in room that is reserved. */
SHMQ_HOT void shmq_plain_commit(struct shmq_producer *p, uint32_t tag, uint32_t length)
{
	const uint8_t zeros[8] = { 0 };

	shmq_plain_put_head(p, tag, length);
	if (length & 7)
		shmq_producer_put(p, SHMQ_PLAIN_HEAD + length, zeros, (0u - length) & 7u);
	shmq_producer_commit(p, shmq_plain_length(length));
}

/* Sends a message of many parts, `length` bytes in all, in room that is reserved. */
static inline void shmq_plain_put(struct shmq_producer *p, uint32_t tag,
				  const struct shmq_part *parts, uint32_t count, uint32_t length)
{
	uint32_t at = SHMQ_PLAIN_HEAD;
	uint32_t i;

	for (i = 0; i < count; i++) {
		shmq_producer_put(p, at, parts[i].data, parts[i].length);
		at += parts[i].length;
	}
	shmq_plain_commit(p, tag, length);
}

/* Makes the frame of a message of many parts in the private memory at `at`. */
static inline void shmq_plain_fill(uint8_t *at, uint32_t tag, const struct shmq_part *parts,
				   uint32_t count, uint32_t length)
{
	uint32_t i;

	shmq_put_le32(at, length);
	shmq_put_le32(at + 4, tag);
	at += SHMQ_PLAIN_HEAD;
	for (i = 0; i < count; i++) {
		if (parts[i].length) /* no bytes may be at a null pointer */
			memcpy(at, parts[i].data, parts[i].length);
		at += parts[i].length;
	}
	memset(at, 0, (0u - length) & 7u);
}

/* Whether a batch has gathered a message of one part. */
SHMQ_HOT bool shmq_plain_stage(struct shmq_producer *p, uint32_t tag, const void *data,
			       uint32_t length)
{
	const uint8_t zeros[8] = { 0 };
	uint8_t *at;

	if (length >= p->stage_size) /* its frame's length might overflow */
		return false;
	at = shmq_producer_stage(p, shmq_plain_length(length));
	if (!at)
		return false;
	shmq_put_le32(at, length);
	shmq_put_le32(at + 4, tag);
	if (length & 7) /* the padding, in one move; the data goes over it */
		memcpy(at + (length & ~7u) + SHMQ_PLAIN_HEAD, zeros, sizeof(zeros));
	if (length) /* no bytes may be at a null pointer */
		memcpy(at + SHMQ_PLAIN_HEAD, data, length);
	return true;
}

/*
 * Sends a message of one part that fits the queue: SHMQ_OK, FULL, or why the
 * producer stopped.
 */
SHMQ_HOT enum shmq_status shmq_plain_write(struct shmq_producer *p, uint32_t tag, const void *data,
					   uint32_t length)
{
	const struct shmq_part part = { data, length };
	const uint8_t zeros[8] = { 0 };
	struct shmq_end *e = &p->end;
	uint32_t total = shmq_plain_length(length);
	enum shmq_status status;
	uint32_t off;

	if (shmq_plain_stage(p, tag, data, length))
		return SHMQ_OK;
	status = shmq_producer_reserve(p, total);
	if (status != SHMQ_OK)
		return status;
	off = SHMQ_QUEUE_HEADER + e->pos;
	if (total > e->size - e->pos) {
		shmq_plain_put(p, tag, &part, 1, length);
		return SHMQ_OK;
	}
	shmq_copy_out_le32(e->base, off, length);
	shmq_copy_out_le32(e->base, off + 4, tag);
	if (length & 7) /* the padding, in one move; the data goes over it */
		shmq_copy_out(e->base, off + total - 8, zeros, sizeof(zeros));
	if (length) /* no bytes may be at a null pointer */
		shmq_copy_out(e->base, off + SHMQ_PLAIN_HEAD, data, length);
	shmq_producer_commit(p, total);
	return SHMQ_OK;
}

/* ---- reading ---- */

/* Frames are published whole: less than one is none that can be. */
SHMQ_COLD enum shmq_status shmq_plain_damage(struct shmq_consumer *c)
{
	if (c->end.error == SHMQ_EMPTY) /* frozen: tells, but stops nothing */
		return SHMQ_CORRUPT;
	if (c->end.error == SHMQ_OK) {
		c->end.error = SHMQ_CORRUPT;
		c->end.peer = c->end.pos;
	}
	return c->end.error;
}

/*
 * Finds the next message: SHMQ_OK, EMPTY, or why the consumer stopped. Each word
 * of the head is read once. `*straight`: the frame does not wrap.
 */
SHMQ_HOT enum shmq_status shmq_plain_find(struct shmq_consumer *c, struct shmq_message *m,
					  bool *straight)
{
	const struct shmq_end *e = &c->end;
	uint32_t available = shmq_consumer_available(c, SHMQ_PLAIN_HEAD);
	uint32_t off = SHMQ_QUEUE_HEADER + e->pos;
	uint32_t to_end = e->size - e->pos;
	uint8_t head[SHMQ_PLAIN_HEAD];
	uint64_t total;

	m->length = 0;
	m->tag = 0;
	m->head_length = SHMQ_PLAIN_HEAD;
	m->frame_length = 0;
	if (!available)
		return e->error != SHMQ_OK ? e->error : SHMQ_EMPTY;
	if (available < SHMQ_PLAIN_HEAD)
		return shmq_plain_damage(c);
	if (to_end >= SHMQ_PLAIN_HEAD) {
		m->length = shmq_copy_in_le32(e->base, off);
		m->tag = shmq_copy_in_le32(e->base, off + 4);
	} else {
		shmq_consumer_get(c, 0, head, sizeof(head));
		m->length = shmq_get_le32(head);
		m->tag = shmq_get_le32(head + 4);
	}
	total = SHMQ_PLAIN_HEAD + (((uint64_t)m->length + 7) & ~(uint64_t)7);
	if (total > available &&
	    (total > e->size - 1 || shmq_consumer_available(c, (uint32_t)total) < total))
		return shmq_plain_damage(c);
	m->frame_length = (uint32_t)total;
	*straight = total <= to_end;
	return SHMQ_OK;
}

/* Copies `n` bytes of data that do not wrap; `to` may be NULL if there are none. */
SHMQ_HOT void shmq_plain_get(const struct shmq_end *e, uint32_t off, void *to, uint32_t n)
{
	uint64_t first, last;

	if (n - 8 > 8) { /* or less than 8 */
		if (n)
			shmq_copy_in(to, e->base, off, n);
		return;
	}
	/* Two moves that may overlap take a third of the time of a call. */
	shmq_copy_in(&first, e->base, off, sizeof(first));
	shmq_copy_in(&last, e->base, off + n - 8, sizeof(last));
	memcpy(to, &first, sizeof(first));
	memcpy((uint8_t *)to + n - 8, &last, sizeof(last));
}

/* As shmq_frame_read(). */
SHMQ_HOT enum shmq_status shmq_plain_read(struct shmq_consumer *c, void *to, uint32_t room,
					  struct shmq_message *m)
{
	uint32_t off = SHMQ_QUEUE_HEADER + c->end.pos + SHMQ_PLAIN_HEAD;
	bool straight = false;
	enum shmq_status status = shmq_plain_find(c, m, &straight);

	if (status != SHMQ_OK)
		return status;
	if (m->length > room)
		return SHMQ_SHORT_BUFFER;
	if (straight)
		shmq_plain_get(&c->end, off, to, m->length);
	else
		shmq_consumer_get(c, SHMQ_PLAIN_HEAD, to, m->length);
	shmq_consumer_release(c, m->frame_length);
	return SHMQ_OK;
}

/* As shmq_frame_front(). */
SHMQ_HOT enum shmq_status shmq_plain_front(struct shmq_consumer *c, struct shmq_message *m,
					   struct shmq_pieces *data)
{
	bool straight = false;
	enum shmq_status status = shmq_plain_find(c, m, &straight);

	if (status == SHMQ_OK)
		*data = shmq_span(&c->end, SHMQ_PLAIN_HEAD, m->length);
	return status;
}

#endif /* SHMQ_CORE_PLAIN_H */
