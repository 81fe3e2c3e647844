/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * The queues of the crate shared-mem-queue, for C. Names follow the crate's.
 *
 * Answers are an enum crate_code, or a count of bytes where the crate returns
 * one. A panic of the crate is CRATE_PANIC (a null pointer where a queue is
 * returned); the queue is then only good to be freed.
 */
#ifndef SHMQ_TESTS_INTEROP_CRATE_H
#define SHMQ_TESTS_INTEROP_CRATE_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum crate_code {
	CRATE_PANIC = -1,
	CRATE_OK = 0,
	CRATE_WOULD_BLOCK,
	CRATE_FULL,
	CRATE_EMPTY,
	CRATE_CRC,
	CRATE_TOO_BIG,
	CRATE_VERSION,
};

struct crate_bytes;
struct crate_msgs;

struct crate_bytes *crate_bytes_create(uint8_t *memory, size_t length);
struct crate_bytes *crate_bytes_attach(uint8_t *memory, size_t length);
void crate_bytes_free(struct crate_bytes *q);

int64_t crate_bytes_space(const struct crate_bytes *q);
int64_t crate_bytes_size(const struct crate_bytes *q);
int64_t crate_bytes_capacity(const struct crate_bytes *q);

int64_t crate_bytes_write_at_most(struct crate_bytes *q, const uint8_t *data, size_t n);
int64_t crate_bytes_write_or_fail(struct crate_bytes *q, const uint8_t *data, size_t n);
int64_t crate_bytes_write_blocking(struct crate_bytes *q, const uint8_t *data, size_t n);
/* By the crate's formatter, which blocks. */
int64_t crate_bytes_print(struct crate_bytes *q, const uint8_t *text, size_t n);

/* At most `n` bytes and at most `room`. */
int64_t crate_bytes_peek_at_most(const struct crate_bytes *q, uint8_t *to, size_t room, size_t n);
int64_t crate_bytes_peek_or_fail(const struct crate_bytes *q, uint8_t *to, size_t n);
int64_t crate_bytes_peek_blocking(const struct crate_bytes *q, uint8_t *to, size_t n);

int64_t crate_bytes_skip_at_most(struct crate_bytes *q, size_t n);
int64_t crate_bytes_skip_or_fail(struct crate_bytes *q, size_t n);
int64_t crate_bytes_skip_blocking(struct crate_bytes *q, size_t n);

int64_t crate_bytes_consume_at_most(struct crate_bytes *q, uint8_t *to, size_t n);
int64_t crate_bytes_consume_or_fail(struct crate_bytes *q, uint8_t *to, size_t n);
int64_t crate_bytes_consume_blocking(struct crate_bytes *q, uint8_t *to, size_t n);

/*
 * A MsgQueue on a ByteQueue that exists. The size of its receive buffer is a
 * constant of the type: 20, 29, 31, 40, 60, 63, 96, 127, 249, 255, 256, 999,
 * 1023, 4092, 4095 or 65535; null for any other.
 */
struct crate_msgs *crate_msgs_attach(uint8_t *memory, size_t length, const uint8_t *prefix,
				     size_t prefix_length, size_t buffer);
void crate_msgs_free(struct crate_msgs *q);

int64_t crate_msgs_write_or_fail(struct crate_msgs *q, const uint8_t *data, size_t n);
int64_t crate_msgs_write_blocking(struct crate_msgs *q, const uint8_t *data, size_t n);

/* `*length` is the message's, of which at most `room` bytes are copied. */
int64_t crate_msgs_read_or_fail(struct crate_msgs *q, uint8_t *to, size_t room, size_t *length);
int64_t crate_msgs_read_blocking(struct crate_msgs *q, uint8_t *to, size_t room, size_t *length);

#ifdef __cplusplus
}
#endif

#endif /* SHMQ_TESTS_INTEROP_CRATE_H */
