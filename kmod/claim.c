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
	wake_up_all(&q->wait[0]);
	wake_up_all(&q->wait[1]);
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

/**
 * shmq_claim() - gives an end to an open file
 * @file: to whom
 * @q: of which queue
 * @end: which
 * @by_io: read(2) or write(2) ask, which may ask again and again
 *
 * Return: 0, -EBUSY if somebody has it, -ENODEV.
 */
int shmq_claim(struct shmq_file *file, struct shmq_queue *q, enum shmq_end_id end, bool by_io)
{
	struct shmq_device *dev = file->dev;
	int err = 0;

	mutex_lock(&dev->lock);
	if (dev->removed) {
		err = -ENODEV;
	} else if (!q->owner[end] && !shmq_kernel_holds(q, end)) {
		q->owner[end] = file;
		q->by_io[end] = by_io;
		if (!shmq_is_first_side(q, end))
			file->second_side++;
		shmq_set_holder(q, end, SHMQ_HOLDER_USER);
	} else if (!by_io || q->owner[end] != file || !q->by_io[end]) {
		err = -EBUSY;
	}
	mutex_unlock(&dev->lock);
	return err;
}

static void shmq_claim_drop(struct shmq_file *file, struct shmq_queue *q, enum shmq_end_id end)
{
	if (!shmq_is_first_side(q, end))
		file->second_side--;
	q->owner[end] = NULL;
	if (end == SHMQ_END_PRODUCER)
		q->room = 1;
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
		err = 0;
	}
	mutex_unlock(&dev->lock);
	return err;
}

void shmq_claim_release_all(struct shmq_file *file)
{
	struct shmq_device *dev = file->dev;
	u32 i, end;

	mutex_lock(&dev->lock);
	for (i = 0; i < dev->queue_count; i++)
		for (end = SHMQ_END_PRODUCER; end <= SHMQ_END_CONSUMER; end++)
			if (dev->queue[i].owner[end] == file)
				shmq_claim_drop(file, &dev->queue[i], end);
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
