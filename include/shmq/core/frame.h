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

#include "checked.h"
#include "plain.h"

static inline void shmq_make_head(const struct shmq_format *f, uint32_t tag, uint32_t length,
				  uint8_t *head)
{
	if (f->framing == SHMQ_CHECKED) {
		shmq_checked_make_head(f, length, head);
		return;
	}
	shmq_put_le32(head, length);
	shmq_put_le32(head + 4, tag);
}

/* ---- writing: sealed beforehand, for a producer behind a lock ---- */

/* A frame's head and tail, made before the queue is touched. */
struct shmq_envelope {
	uint32_t head_length;
	uint32_t data_length;
	uint32_t tail_length;
	uint8_t head[SHMQ_HEAD_MAX];
	uint8_t tail[SHMQ_TAIL_MAX];
};

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

/* ---- writing ---- */

static inline void shmq_writer_init(struct shmq_writer *w, struct shmq_producer *p,
				    const struct shmq_format *f)
{
	w->producer = p;
	w->format = f;
	w->head.size = 0;
	w->head.length = 0;
}

/* Whether a batch has gathered a message of `length` bytes that fits the queue. */
static inline bool shmq_frame_stage(struct shmq_writer *w, uint32_t tag,
				    const struct shmq_part *parts, uint32_t count, uint32_t length)
{
	uint8_t *at;

	if (w->format->framing == SHMQ_CHECKED)
		return shmq_checked_stage(w, parts, count, length);
	at = shmq_producer_stage(w->producer, shmq_plain_length(length));
	if (at)
		shmq_plain_fill(at, tag, parts, count, length);
	return at;
}

/* Sends a message; a full queue costs no CRC. */
static inline enum shmq_status shmq_frame_write(struct shmq_writer *w, uint32_t tag,
						const struct shmq_part *parts, uint32_t count)
{
	const struct shmq_format *f = w->format;
	struct shmq_producer *p = w->producer;
	enum shmq_status status;
	uint64_t length = 0;
	uint32_t i;

	for (i = 0; i < count; i++)
		length += parts[i].length;
	if (length > shmq_message_max(f, p->end.size))
		return SHMQ_TOO_BIG;
	if (shmq_frame_stage(w, tag, parts, count, (uint32_t)length))
		return SHMQ_OK;
	status = shmq_producer_reserve(p, (uint32_t)shmq_frame_length(f, (uint32_t)length));
	if (status != SHMQ_OK)
		return status;
	if (f->framing == SHMQ_PLAIN)
		shmq_plain_put(p, tag, parts, count, (uint32_t)length);
	else
		shmq_checked_put(w, parts, count, (uint32_t)length);
	return SHMQ_OK;
}

/*
 * Room for a message of up to `length` bytes, to be filled in place. Nothing
 * is visible until shmq_frame_commit(); a second reserve starts over.
 */
static inline enum shmq_status shmq_frame_reserve(struct shmq_writer *w, uint32_t length,
						  struct shmq_pieces *room)
{
	const struct shmq_format *f = w->format;
	struct shmq_producer *p = w->producer;
	enum shmq_status status;

	if (length > shmq_message_max(f, p->end.size))
		return SHMQ_TOO_BIG;
	status = shmq_producer_reserve(p, (uint32_t)shmq_frame_length(f, length));
	if (status == SHMQ_OK)
		*room = shmq_span(&p->end, shmq_head_length(f), length);
	return status;
}

/* Sends what was filled in: `length` bytes, at most what was reserved. */
static inline void shmq_frame_commit(struct shmq_writer *w, uint32_t tag, uint32_t length)
{
	if (w->format->framing == SHMQ_PLAIN)
		shmq_plain_commit(w->producer, tag, length);
	else
		shmq_checked_commit(w, length);
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
	r->head.size = 0;
	r->head.length = 0;
}

/* Finds the next message and checks its head. */
static inline enum shmq_status shmq_frame_find(struct shmq_reader *r, struct shmq_message *m)
{
	bool straight = false;

	return r->format->framing == SHMQ_PLAIN ? shmq_plain_find(r->consumer, m, &straight)
						: shmq_checked_find(r, m);
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
	return r->format->framing == SHMQ_PLAIN ? shmq_plain_read(r->consumer, to, room, m)
						: shmq_checked_read(r, to, room, m);
}

/*
 * The next message in place, checked where it lies: for a peer that does not
 * change what it has published. It stays until shmq_frame_release().
 */
static inline enum shmq_status shmq_frame_front(struct shmq_reader *r, struct shmq_message *m,
						struct shmq_pieces *data)
{
	return r->format->framing == SHMQ_PLAIN ? shmq_plain_front(r->consumer, m, data)
						: shmq_checked_front(r, m, data);
}

static inline void shmq_frame_release(struct shmq_reader *r, const struct shmq_message *m)
{
	shmq_consumer_release(r->consumer, m->frame_length);
}

#endif /* SHMQ_CORE_FRAME_H */
