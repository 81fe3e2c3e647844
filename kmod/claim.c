// SPDX-License-Identifier: GPL-2.0-only
/*
 * Who has which end of a queue. An end belongs to one open file at a time, or
 * to the kernel; its other end is told when that changes.
 */
#include "internal.h"

static u32 *shmq_holder(struct shmq_queue *q, enum shmq_end_id end)
{
	return end == SHMQ_END_PRODUCER ? &q->state->producer : &q->state->consumer;
}

bool shmq_kernel_holds(const struct shmq_queue *q, enum shmq_end_id end)
{
	return READ_ONCE(*shmq_holder((struct shmq_queue *)q, end)) == SHMQ_HOLDER_KERNEL;
}

static void shmq_set_holder(struct shmq_queue *q, enum shmq_end_id end, u32 holder)
{
	WRITE_ONCE(*shmq_holder(q, end), holder);
	/*
	 * Everybody, the consumer too: a holder that was killed may have
	 * taken a sleep word and not rung any more.
	 */
	shmq_wake_all(q->dev);
}

/* The kernel takes an end for itself. */
int shmq_kernel_take(struct shmq_queue *q, enum shmq_end_id end)
{
	int err;

	lockdep_assert_held(&q->dev->lock);
	if (shmq_kernel_holds(q, end))
		return 0;
	if (q->owner[end])
		return -EBUSY;
	err = end == SHMQ_END_PRODUCER ? shmq_queue_attach_producer(q)
				       : shmq_queue_attach_consumer(q);
	if (!err)
		shmq_set_holder(q, end, SHMQ_HOLDER_KERNEL);
	return err;
}

void shmq_kernel_give(struct shmq_queue *q, enum shmq_end_id end)
{
	lockdep_assert_held(&q->dev->lock);
	if (shmq_kernel_holds(q, end))
		shmq_set_holder(q, end, SHMQ_HOLDER_NONE);
}

static int shmq_claim_free(struct shmq_file *file, struct shmq_queue *q, enum shmq_end_id end,
			   bool by_io)
{
	lockdep_assert_held(&q->dev->lock);
	if (q->dev->removed)
		return -ENODEV;
	if (q->owner[end] || shmq_kernel_holds(q, end))
		return -EBUSY;
	mutex_lock(&q->io_lock);
	q->owner[end] = file;
	q->by_io[end] = by_io;
	mutex_unlock(&q->io_lock);
	if (!shmq_is_first_side(q, end))
		file->second_side++;
	shmq_set_holder(q, end, SHMQ_HOLDER_USER);
	shmq_event_end(q, end, SHMQ_CMD_END_CLAIM_NTF);
	return 0;
}

/**
 * shmq_claim() - gives an end to an open file that maps the queue
 * @file: to whom
 * @q: of which queue
 * @end: which
 * @room: producer: what POLLOUT promises, bytes
 * @bytes: it moves bytes, not messages
 *
 * Return: 0, -EBUSY if somebody has it, -ENODEV.
 */
int shmq_claim(struct shmq_file *file, struct shmq_queue *q, enum shmq_end_id end, u32 room,
	       bool bytes)
{
	int err;

	mutex_lock(&q->dev->lock);
	err = shmq_claim_free(file, q, end, false);
	if (!err) {
		q->bytes[end] = bytes;
		if (end == SHMQ_END_PRODUCER)
			WRITE_ONCE(q->room, room);
	}
	mutex_unlock(&q->dev->lock);
	return err;
}

/* The same for read(2) and write(2), which ask each time. */
int shmq_claim_for_io(struct shmq_file *file, struct shmq_queue *q, enum shmq_end_id end)
{
	int err = 0;

	mutex_lock(&q->dev->lock);
	if (q->dev->removed)
		err = -ENODEV;
	else if (q->owner[end] != file || !q->by_io[end])
		err = shmq_claim_free(file, q, end, true);
	mutex_unlock(&q->dev->lock);
	return err;
}

static void shmq_claim_drop(struct shmq_file *file, struct shmq_queue *q, enum shmq_end_id end)
{
	if (!shmq_is_first_side(q, end))
		file->second_side--;
	mutex_lock(&q->io_lock); /* after what a read(2) or write(2) is doing with it */
	q->owner[end] = NULL;
	q->bytes[end] = false;
	if (end == SHMQ_END_CONSUMER)
		WRITE_ONCE(q->io_lost, false);
	mutex_unlock(&q->io_lock);
	if (end == SHMQ_END_PRODUCER)
		WRITE_ONCE(q->room, 1);
	shmq_set_holder(q, end, SHMQ_HOLDER_GONE);
}

/* Return: 0, -EPERM if the file does not have that end. */
int shmq_claim_release(struct shmq_file *file, struct shmq_queue *q, enum shmq_end_id end)
{
	struct shmq_device *dev = file->dev;
	int err = -EPERM;

	mutex_lock(&dev->lock);
	if (q->owner[end] == file) {
		shmq_claim_drop(file, q, end);
		shmq_event_end(q, end, SHMQ_CMD_END_RELEASE_NTF);
		err = 0;
	}
	mutex_unlock(&dev->lock);
	return err;
}

/* The file is closed. A program that maps gives its ends back first, if it lives. */
void shmq_claim_release_all(struct shmq_file *file)
{
	struct shmq_device *dev = file->dev;
	u32 i, end;

	mutex_lock(&dev->lock);
	for (i = 0; i < dev->queue_count; i++) {
		struct shmq_queue *q = &dev->queue[i];

		for (end = SHMQ_END_PRODUCER; end <= SHMQ_END_CONSUMER; end++) {
			if (q->owner[end] != file)
				continue;
			shmq_claim_drop(file, q, end);
			shmq_event_end(q, end,
				       q->by_io[end] ? SHMQ_CMD_END_RELEASE_NTF
						     : SHMQ_CMD_PEER_DIED_NTF);
		}
	}
	mutex_unlock(&dev->lock);
}

bool shmq_claimed_by_others(struct shmq_file *file)
{
	struct shmq_device *dev = file->dev;
	u32 i, end;

	lockdep_assert_held(&dev->lock);
	for (i = 0; i < dev->queue_count; i++)
		for (end = SHMQ_END_PRODUCER; end <= SHMQ_END_CONSUMER; end++)
			if (dev->queue[i].owner[end] && dev->queue[i].owner[end] != file)
				return true;
	return false;
}
