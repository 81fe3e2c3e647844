/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * All of the core in one translation unit, for compilers and machines that the
 * tests in C++ do not reach. Where there is a main(), it returns 0 if a message
 * of either framing arrives and a damaged one does not, and a cell has its value.
 */
#include <shmq/core/cell_seat.h>
#include <shmq/core/channel.h>
#include <shmq/core/doorbell.h>
#include <shmq/core/pool_owner.h>

int core_smoke(shmq_base memory, uint32_t length);

static int round_trip(shmq_base memory, uint32_t length, const struct shmq_format *f)
{
	struct shmq_part part = { "hello", 5 };
	struct shmq_producer p;
	struct shmq_consumer c;
	struct shmq_writer w;
	struct shmq_reader r;
	struct shmq_message m;
	char text[8];
	int i;

	if (shmq_format_check(f, memory, length) != SHMQ_OK ||
	    shmq_queue_create(memory, length) != SHMQ_OK ||
	    shmq_producer_attach(&p, memory, length) != SHMQ_OK ||
	    shmq_consumer_attach(&c, memory, length) != SHMQ_OK)
		return 1;
	shmq_writer_init(&w, &p, f);
	shmq_reader_init(&r, &c, f);
	for (i = 0; i < 100; i++) {
		if (shmq_frame_write(&w, 0, &part, 1) != SHMQ_OK)
			return 2;
		if (shmq_frame_read(&r, text, sizeof(text), &m) != SHMQ_OK || m.length != 5 ||
		    memcmp(text, "hello", 5))
			return 3;
	}
	return shmq_frame_read(&r, text, sizeof(text), &m) == SHMQ_EMPTY ? 0 : 4;
}

/* One value, by either kind of reader; a published one stays where it is pinned. */
static int latest_value(shmq_base memory, uint32_t length)
{
	struct shmq_cell_publisher p;
	struct shmq_cell_layout l;
	struct shmq_cell_stamp s;
	struct shmq_cell c;
	uint32_t off;
	char text[8];

	if (shmq_cell_fit(&l, length, 5, 1) != SHMQ_CELL_OK ||
	    shmq_cell_create(&c, memory, length, &l) != SHMQ_CELL_OK ||
	    shmq_cell_open(&c, memory, length) != SHMQ_CELL_OK ||
	    shmq_cell_publisher_attach(&p, &c, true) != SHMQ_OK ||
	    shmq_cell_read(&c, text, 5, &s, SHMQ_CELL_TRIES) != SHMQ_EMPTY)
		return 7;
	shmq_cell_sit(&c, 0);
	shmq_cell_write(&p, "hello", 1);
	if (shmq_cell_pin(&c, 0, &off, &s) != SHMQ_OK)
		return 8;
	shmq_cell_write(&p, "world", 2);
	shmq_cell_write(&p, "world", 3);
	shmq_cell_write(&p, "again", 4);
	shmq_copy_in(text, memory, off, 5);
	if (memcmp(text, "hello", 5) || s.writes != 1 || s.time != 1)
		return 9;
	shmq_cell_unpin(&c, 0);
	if (shmq_cell_read(&c, text, 5, &s, SHMQ_CELL_TRIES) != SHMQ_OK || s.writes != 4)
		return 10;
	return memcmp(text, "again", 5) ? 11 : 0;
}

static int block_round_trip(shmq_base memory, uint32_t length)
{
	struct shmq_pool_shape shape = { 4, 8, 8, 2 };
	struct shmq_pool_hints hints = { 0, 0, { 0 } };
	struct shmq_pool_handle h;
	struct shmq_pool p, opened;
	shmq_owner_id id[2];
	uint32_t from, left;

	memset(memory, 0, length);
	if (shmq_pool_create(&p, memory, length, &shape) != SHMQ_POOL_OK ||
	    shmq_pool_open(&opened, memory, length) != SHMQ_POOL_OK ||
	    !shmq_pool_join(&p, 0, SHMQ_OWNER_UNLOCKED, &id[0]) ||
	    !shmq_pool_join(&p, 1, SHMQ_OWNER_UNLOCKED, &id[1]))
		return 1;
	if (shmq_pool_alloc(&p, 0, &hints, &h) != SHMQ_OK ||
	    shmq_pool_send(&p, 0, h, id[1]) != SHMQ_OK ||
	    shmq_pool_adopt(&opened, 1, h, &from) != SHMQ_OK ||
	    shmq_pool_free(&p, 0, &hints, h) != SHMQ_FOREIGN ||
	    shmq_pool_free(&opened, 1, &hints, h) != SHMQ_OK ||
	    shmq_pool_free(&opened, 1, &hints, h) != SHMQ_STALE)
		return 2;
	if (shmq_pool_alloc(&p, 0, &hints, &h) != SHMQ_OK ||
	    shmq_pool_send(&p, 0, h, id[1]) != SHMQ_OK || shmq_pool_sweep(&p, 0, shmq_pool_seen(&p, 0), &left) ||
	    left != 1 || shmq_pool_settle(&p, 1, id[0]) != 1)
		return 3;
	return shmq_pool_count(&p).free == 4 ? 0 : 4;
}

int core_smoke(shmq_base memory, uint32_t length)
{
	struct shmq_format checked = { SHMQ_CHECKED, 4, { 'S', 'H', 'M', 'Q' } };
	struct shmq_format plain = { SHMQ_PLAIN, 0, { 0 } };
	struct shmq_channel ch;
	int result = round_trip(memory, length, &checked);

	if (!result)
		result = round_trip(memory, length, &plain);
	if (result)
		return result;

	shmq_doorbell_arm(memory, 0);
	if (!shmq_doorbell_take(memory, 0) || shmq_doorbell_take(memory, 0))
		return 5;
	shmq_doorbell_disarm(memory, 0);
	if (shmq_channel_open(memory, length, &ch) != SHMQ_CHANNEL_TRUNCATED)
		return 6;
	result = latest_value(memory, length);
	if (result)
		return result;
	result = block_round_trip(memory, length);
	return result ? 11 + result : 0;
}

#if __STDC_HOSTED__
int main(void)
{
	static uint64_t memory[64];

	return core_smoke((shmq_base)memory, sizeof(memory));
}
#endif
