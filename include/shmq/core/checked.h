/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * Checked frames (format.h): found again after garbage and damage.
 *
 * Included by frame.h, where is what both framings share.
 */
#ifndef SHMQ_CORE_CHECKED_H
#define SHMQ_CORE_CHECKED_H

#include "crc32.h"
#include "format.h"
#include "stage.h"

/*
 * A head that was made or found good. The next message mostly has the same one,
 * whose CRC is then known: making or checking it would take as long as all the rest
 * of a short message.
 */
struct shmq_head {
	uint32_t size;		/* bytes of it; 0: none yet */
	uint32_t length;	/* bytes of data that it announces */
	uint8_t bytes[SHMQ_HEAD_MAX];
};

/* A producer that writes frames, of one format for as long as it lives. */
struct shmq_writer {
	struct shmq_producer *producer;
	const struct shmq_format *format;
	struct shmq_head head;	/* the last one made */
};

/* A consumer that reads frames, of one format for as long as it lives. */
struct shmq_reader {
	struct shmq_consumer *consumer;
	const struct shmq_format *format;
	uint32_t limit;		/* bytes skipped or hashed before SHMQ_AGAIN */
	uint32_t work;		/* bytes skipped or hashed by the last call */
	bool lost;		/* in a run of garbage that was reported */
	struct shmq_head head;	/* the last good one */
};

/* Bytes of a long message that are copied and hashed at a time: they stay in the L1 cache. */
#define SHMQ_STRETCH	2048u

SHMQ_HOT uint32_t shmq_stretch(uint32_t n)
{
	return n < SHMQ_STRETCH ? n : SHMQ_STRETCH;
}

static inline void shmq_checked_make_head(const struct shmq_format *f, uint32_t length,
					  uint8_t *head)
{
	uint32_t p = shmq_prefix_length(f);

	memcpy(head, f->prefix, p);
	head[p] = SHMQ_FRAME_VERSION;
	shmq_put_le32(head + p + 1, length);
	shmq_put_le32(head + p + 5, shmq_crc32(0, head, p + 5));
}

/* The CRC over `n` bytes in the ring, in place. */
static inline uint32_t shmq_crc32_span(const struct shmq_end *e, uint32_t crc, uint32_t skip,
				       uint32_t n)
{
	struct shmq_pieces s = shmq_span(e, skip, n);

	crc = shmq_crc32(crc, shmq_at(e->base, s.off[0]), s.len[0]);
	return s.len[1] ? shmq_crc32(crc, shmq_at(e->base, s.off[1]), s.len[1]) : crc;
}

/* ---- writing ---- */

/* The head of a message of `length` bytes. */
static inline const struct shmq_head *shmq_checked_head(struct shmq_writer *w, uint32_t length)
{
	struct shmq_head *h = &w->head;

	if (h->length != length || !h->size) {
		shmq_checked_make_head(w->format, length, h->bytes);
		h->length = length;
		h->size = shmq_head_length(w->format);
	}
	return h;
}

/* Whether a batch has gathered a message of `length` bytes. */
static inline bool shmq_checked_stage(struct shmq_writer *w, const struct shmq_part *parts,
				      uint32_t count, uint32_t length)
{
	const struct shmq_head *h;
	uint32_t crc = SHMQ_CRC_RESIDUE; /* the head ends with its CRC */
	uint32_t i, n;
	uint8_t *at;

	if (length >= w->producer->stage_size) /* its frame's length might overflow */
		return false;
	at = shmq_producer_stage(w->producer, shmq_prefix_length(w->format) + SHMQ_CHECKED_FIELDS +
						      length + SHMQ_CRC_SIZE);
	if (!at)
		return false;
	h = shmq_checked_head(w, length);
	memcpy(at, h->bytes, shmq_opaque_length(h->size));
	at += h->size;
	for (i = 0; i < count; i++) {
		n = parts[i].length;
		if (!n) /* and there may be no pointer */
			continue;
		memcpy(at, parts[i].data, shmq_opaque_length(n));
		crc = shmq_crc32(crc, at, n);
		at += n;
	}
	shmq_put_le32(at, crc);
	return true;
}

/* Sends a message of `length` bytes in room that is reserved. */
static inline void shmq_checked_put(struct shmq_writer *w, const struct shmq_part *parts,
				    uint32_t count, uint32_t length)
{
	const struct shmq_head *h = shmq_checked_head(w, length);
	struct shmq_producer *p = w->producer;
	uint32_t crc = SHMQ_CRC_RESIDUE; /* the head ends with its CRC */
	uint8_t tail[SHMQ_CRC_SIZE];
	uint32_t at = h->size;
	uint32_t i, done, n;

	shmq_producer_put(p, 0, h->bytes, h->size);
	for (i = 0; i < count; i++) {
		const uint8_t *data = (const uint8_t *)parts[i].data;

		for (done = 0; done < parts[i].length; done += n) {
			n = shmq_stretch(parts[i].length - done);
			crc = shmq_crc32(crc, data + done, n);
			shmq_producer_put(p, at, data + done, n);
			at += n;
		}
	}
	shmq_put_le32(tail, crc);
	shmq_producer_put(p, at, tail, sizeof(tail));
	shmq_producer_commit(p, at + SHMQ_CRC_SIZE);
}

/* Sends the `length` bytes that lie after the head, in room that is reserved. */
static inline void shmq_checked_commit(struct shmq_writer *w, uint32_t length)
{
	const struct shmq_head *h = shmq_checked_head(w, length);
	struct shmq_producer *p = w->producer;
	uint8_t tail[SHMQ_CRC_SIZE];

	shmq_put_le32(tail, shmq_crc32_span(&p->end, SHMQ_CRC_RESIDUE, h->size, length));
	shmq_producer_put(p, 0, h->bytes, h->size);
	shmq_producer_put(p, h->size + length, tail, sizeof(tail));
	shmq_producer_commit(p, h->size + length + SHMQ_CRC_SIZE);
}

/* ---- reading ---- */

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
 * The next whole head of `n` bytes, in one copy. Where there is none, what is
 * there is judged piece by piece: a stream may have ended in the middle of a
 * head, or be garbage. SHMQ_OK: its start fits; SHMQ_BAD_VERSION and
 * SHMQ_BAD_CRC: a byte is to be dropped; else as shmq_frame_read().
 */
static inline enum shmq_status shmq_get_head(struct shmq_reader *r, uint8_t *head, uint32_t n)
{
	struct shmq_consumer *c = r->consumer;
	uint32_t p = shmq_prefix_length(r->format);
	enum shmq_status status;

	if (shmq_consumer_available(c, n) >= n) {
		shmq_consumer_get(c, 0, head, n);
		if (shmq_head_fits(r->format, head))
			return SHMQ_OK;
	}
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

/* Makes r->head the head of `n` bytes at the position; answers as shmq_get_head(). */
SHMQ_APART enum shmq_status shmq_learn_head(struct shmq_reader *r, uint32_t n)
{
	struct shmq_head *h = &r->head;
	enum shmq_status status;

	h->size = 0;
	status = shmq_get_head(r, h->bytes, n);
	if (status != SHMQ_OK)
		return status;
	if (shmq_get_le32(h->bytes + n - SHMQ_CRC_SIZE) !=
	    shmq_crc32(0, h->bytes, n - SHMQ_CRC_SIZE)) {
		r->work += n;
		return SHMQ_BAD_CRC;
	}
	h->length = shmq_get_le32(h->bytes + n - 2 * SHMQ_CRC_SIZE);
	h->size = n;
	return SHMQ_OK;
}

/*
 * Whether the next head is the same as the last one. memcmp() on the ring will not do:
 * it may come back to where it found a difference, and find none any more.
 */
SHMQ_HOT bool shmq_head_again(const struct shmq_reader *r, uint32_t n)
{
	const struct shmq_head *h = &r->head;
	const struct shmq_end *e = &r->consumer->end;
	uint32_t off = SHMQ_QUEUE_HEADER + e->pos;
	uint8_t head[SHMQ_HEAD_MAX];
	uint64_t seen, known;
	uint64_t differs = 0;
	uint32_t at;

	if (!h->size)
		return false;
	if (n > e->size - e->pos) { /* it wraps */
		shmq_consumer_get(r->consumer, 0, head, n);
		return !memcmp(head, h->bytes, n);
	}
	for (at = 0; at < n; at += 8) {
		if (at > n - 8) /* a head is never shorter than that */
			at = n - 8;
		shmq_copy_in(&seen, e->base, off + at, 8);
		memcpy(&known, h->bytes + at, sizeof(known));
		differs |= seen ^ known;
	}
	return !differs;
}

/* The same, where the head is mostly that of the message before. */
SHMQ_HOT enum shmq_status shmq_find_head(struct shmq_reader *r, uint32_t n)
{
	uint32_t available = shmq_consumer_available(r->consumer, n);

	if (available >= n && shmq_head_again(r, n))
		return SHMQ_OK;
	return available ? shmq_learn_head(r, n) : shmq_reader_empty(r);
}

/*
 * Reads the head at the position. SHMQ_OK with m->frame_length 0 means that a
 * byte was dropped silently: look again.
 */
static inline enum shmq_status shmq_checked_parse(struct shmq_reader *r, struct shmq_message *m)
{
	struct shmq_consumer *c = r->consumer;
	uint32_t n = shmq_prefix_length(r->format) + SHMQ_CHECKED_FIELDS;
	enum shmq_status status = shmq_find_head(r, n);
	uint64_t total;

	m->length = 0;
	m->tag = 0;
	m->frame_length = 0;
	m->head_length = n;
	if (status == SHMQ_BAD_VERSION || status == SHMQ_BAD_CRC)
		return shmq_reader_damage(r, status);
	if (status != SHMQ_OK)
		return status;
	r->work += n;
	m->length = r->head.length;
	total = (uint64_t)n + m->length + SHMQ_CRC_SIZE;
	if (total > c->end.size - 1)
		return shmq_reader_damage(r, SHMQ_TOO_BIG);
	if (shmq_consumer_available(c, (uint32_t)total) < total)
		return shmq_reader_empty(r);
	m->frame_length = (uint32_t)total;
	return SHMQ_OK;
}

/* Finds the next message and checks its head. */
static inline enum shmq_status shmq_checked_find(struct shmq_reader *r, struct shmq_message *m)
{
	enum shmq_status status;

	do {
		if (r->work >= r->limit)
			return SHMQ_AGAIN;
		status = shmq_checked_parse(r, m);
	} while (status == SHMQ_OK && !m->frame_length);
	return status;
}

/*
 * Copies the data of a frame to `to`: its CRC, continued from the head's. While one
 * stretch is hashed the next one travels.
 */
static inline uint32_t shmq_checked_get(const struct shmq_consumer *c, const struct shmq_message *m,
					uint8_t *to)
{
	uint32_t at = m->head_length;
	uint32_t end = at + m->length;
	uint32_t crc = SHMQ_CRC_RESIDUE;
	uint32_t n;

	for (; at < end; at += n) {
		n = shmq_stretch(end - at);
		shmq_consumer_get(c, at, to, n);
		if (n == SHMQ_STRETCH)
			shmq_consumer_prefetch(c, at + n, shmq_stretch(end - at - n));
		crc = shmq_crc32(crc, to, n);
		to += n;
	}
	return crc;
}

/*
 * Finds the next message whose CRC is the one that follows it: of its copy at `to`,
 * or where it lies. Answers as shmq_frame_read(), and releases nothing but damage.
 */
SHMQ_HOT enum shmq_status shmq_checked_next(struct shmq_reader *r, struct shmq_message *m,
					    bool in_place, void *to, uint32_t room)
{
	const struct shmq_consumer *c = r->consumer;
	uint8_t tail[SHMQ_CRC_SIZE];
	enum shmq_status status;
	uint32_t crc;

	r->work = 0;
	do {
		status = shmq_checked_find(r, m);
		if (status != SHMQ_OK)
			return status;
		if (m->length > room)
			return SHMQ_SHORT_BUFFER;
		if (in_place)
			crc = shmq_crc32_span(&c->end, SHMQ_CRC_RESIDUE, m->head_length,
					      m->length);
		else
			crc = shmq_checked_get(c, m, (uint8_t *)to);
		shmq_consumer_get(c, m->head_length + m->length, tail, sizeof(tail));
		r->work += m->length;
		if (crc == shmq_get_le32(tail)) {
			r->lost = false;
			return SHMQ_OK;
		}
		status = shmq_reader_damage(r, SHMQ_BAD_CRC);
	} while (status == SHMQ_OK);
	return status;
}

/* As shmq_frame_read(). */
static inline enum shmq_status shmq_checked_read(struct shmq_reader *r, void *to, uint32_t room,
						 struct shmq_message *m)
{
	enum shmq_status status = shmq_checked_next(r, m, false, to, room);

	if (status == SHMQ_OK)
		shmq_consumer_release(r->consumer, m->frame_length);
	return status;
}

/* As shmq_frame_front(). */
static inline enum shmq_status shmq_checked_front(struct shmq_reader *r, struct shmq_message *m,
						  struct shmq_pieces *data)
{
	enum shmq_status status = shmq_checked_next(r, m, true, NULL, SHMQ_NO_LIMIT);

	if (status == SHMQ_OK)
		*data = shmq_span(&r->consumer->end, m->head_length, m->length);
	return status;
}

#endif /* SHMQ_CORE_CHECKED_H */
