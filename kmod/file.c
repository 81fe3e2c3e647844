// SPDX-License-Identifier: GPL-2.0-only
/*
 * The file: open, read, write, poll.
 *
 * read(2) and write(2) move one whole message, for shells and scripts: the
 * driver is then the user's end. It claims that end for the open file, keeps
 * no position between calls, and neither sleeps nor touches user memory with a
 * lock held.
 */
#include <linux/fs.h>
#include <linux/mm.h>
#include <linux/poll.h>
#include <linux/slab.h>
#include <linux/uio.h>

#include "internal.h"
#include "trace.h"

/* How many bytes one turn of read(2) examines before it looks for signals. */
#define SHMQ_READ_WORK	SZ_256K

static int shmq_open(struct inode *inode, struct file *filp)
{
	struct shmq_device *dev = container_of(inode->i_cdev, struct shmq_device, cdev);
	struct shmq_file *file;

	/* By a node that somebody made and kept. */
	if (READ_ONCE(dev->removed))
		return -ENODEV;
	file = kzalloc(sizeof(*file), GFP_KERNEL_ACCOUNT);
	if (!file)
		return -ENOMEM;
	file->dev = dev;
	get_device(&dev->device);
	filp->private_data = file;
	return stream_open(inode, filp);
}

static int shmq_close(struct inode *inode, struct file *filp)
{
	struct shmq_file *file = filp->private_data;

	shmq_claim_release_all(file);
	shmq_owner_release_all(file);
	put_device(&file->dev->device);
	kfree(file);
	return 0;
}

static bool shmq_nonblocking(const struct kiocb *iocb)
{
	return (iocb->ki_flags & IOCB_NOWAIT) || (iocb->ki_filp->f_flags & O_NONBLOCK);
}

static int shmq_wait(struct shmq_queue *q, enum shmq_end_id end, u32 room)
{
	int err;

	trace_shmq_sleep(q->dev, shmq_bell(q, end));
	err = wait_event_interruptible(q->wait[end == SHMQ_END_PRODUCER],
				       shmq_look(q, end, room));
	return err ? err : shmq_queue_error(q);
}

/*
 * Is that end still this file's? Another thread may have released it while this
 * one slept, and another file may have it by now. An end changes hands under
 * io_lock too, so that the answer holds for as long as the caller has the lock.
 */
static bool shmq_io_owns(const struct shmq_file *file, const struct shmq_queue *q,
			 enum shmq_end_id end)
{
	lockdep_assert_held(&q->io_lock);
	return q->owner[end] == file && q->by_io[end];
}

/* Locks an end for one look at it, claimed for the file. */
static int shmq_io_lock(struct shmq_file *file, struct shmq_queue *q, enum shmq_end_id end)
{
	int err;

	for (;;) {
		mutex_lock(&q->io_lock);
		if (shmq_io_owns(file, q, end))
			return 0;
		mutex_unlock(&q->io_lock);
		err = shmq_claim_for_io(file, q, end);
		if (err)
			return err;
	}
}

/* The queue that a file reads or writes, claimed for it. */
static struct shmq_queue *shmq_io_queue(struct shmq_file *file, u32 index, enum shmq_end_id end)
{
	struct shmq_device *dev = file->dev;
	struct shmq_queue *q = &dev->queue[index];
	int err;

	if (!dev->queue_count)
		return ERR_PTR(-EINVAL);
	err = shmq_claim_for_io(file, q, end);
	if (!err)
		err = shmq_queue_error(q);
	return err ? ERR_PTR(err) : q;
}

/* One message from the user's end to @buffer; publishes all but that message. */
static enum shmq_status shmq_peek(struct shmq_queue *q, struct shmq_consumer *c, void *buffer,
				  u32 room, struct shmq_message *message)
{
	enum shmq_status status = shmq_consumer_attach(c, q->base, q->length);
	struct shmq_reader reader;

	if (status != SHMQ_OK)
		return status;
	shmq_consumer_hold(c);
	shmq_reader_init(&reader, c, &q->dev->config.format);
	reader.limit = SHMQ_READ_WORK;
	reader.lost = q->io_lost;
	status = shmq_frame_read(&reader, buffer, room, message);
	if (status != SHMQ_OK) {
		/* Skipped garbage does not come back. */
		shmq_consumer_publish(c);
		WRITE_ONCE(q->io_lost, reader.lost);
	}
	if (c->end.publishes)
		shmq_ring_if_asleep(q->dev, SHMQ_BELL_ROOM(q->index));
	return status;
}

/*
 * Takes what shmq_peek() found, if it is still there: another thread may have
 * read it from the same open file meanwhile, or reset the device. The position
 * alone does not tell: it comes round again.
 */
static bool shmq_take(struct shmq_file *file, struct shmq_queue *q, struct shmq_consumer *c,
		      u64 reads)
{
	bool mine;

	mutex_lock(&q->io_lock);
	mine = q->io_reads == reads && shmq_io_owns(file, q, SHMQ_END_CONSUMER) &&
	       shmq_end_intact(&c->end, SHMQ_READ_POSITION);
	if (mine) {
		q->io_reads++;
		WRITE_ONCE(q->io_lost, false);
		shmq_consumer_publish(c);
	}
	mutex_unlock(&q->io_lock);
	if (mine)
		shmq_ring_if_asleep(q->dev, SHMQ_BELL_ROOM(q->index));
	return mine;
}

static ssize_t shmq_read_message(struct shmq_queue *q, struct kiocb *iocb, struct iov_iter *to,
				 void *buffer, u32 room)
{
	struct shmq_file *file = iocb->ki_filp->private_data;
	struct shmq_message message;
	struct shmq_consumer c;
	enum shmq_status status;
	size_t copied;
	u64 reads;
	int err;

	for (;;) {
		err = shmq_io_lock(file, q, SHMQ_END_CONSUMER);
		if (err)
			return err;
		reads = q->io_reads;
		status = shmq_peek(q, &c, buffer, room, &message);
		status = shmq_queue_judge(q, status);
		mutex_unlock(&q->io_lock);

		switch (status) {
		case SHMQ_OK:
			/* A fault here must not lose the message: copy, then take. */
			copied = copy_to_iter(buffer, message.length, to);
			if (copied != message.length)
				return -EFAULT;
			if (shmq_take(file, q, &c, reads)) {
				trace_shmq_dequeue(q, message.length);
				return message.length;
			}
			iov_iter_revert(to, copied);
			break;
		case SHMQ_EMPTY:
			if (shmq_nonblocking(iocb))
				return -EAGAIN;
			err = shmq_wait(q, SHMQ_END_CONSUMER, 0);
			if (err)
				return err;
			break;
		case SHMQ_AGAIN:
			break;
		case SHMQ_TOO_BIG:
			return -EBADMSG;
		default:
			return shmq_errno(status);
		}
		if (signal_pending(current))
			return -ERESTARTSYS;
		cond_resched();
	}
}

static ssize_t shmq_read_iter(struct kiocb *iocb, struct iov_iter *to)
{
	struct shmq_file *file = iocb->ki_filp->private_data;
	u32 room = min_t(size_t, iov_iter_count(to), file->dev->max_message);
	struct shmq_queue *q = shmq_io_queue(file, SHMQ_TO_USER, SHMQ_END_CONSUMER);
	void *buffer;
	ssize_t ret;

	if (IS_ERR(q))
		return PTR_ERR(q);
	buffer = kvmalloc(max(room, 1u), GFP_KERNEL_ACCOUNT);
	if (!buffer)
		return -ENOMEM;
	ret = shmq_read_message(q, iocb, to, buffer, room);
	kvfree(buffer);
	return ret;
}

static ssize_t shmq_write_message(struct shmq_queue *q, struct kiocb *iocb,
				  const struct shmq_part *part)
{
	const struct shmq_format *format = &q->dev->config.format;
	struct shmq_file *file = iocb->ki_filp->private_data;
	struct shmq_envelope envelope;
	struct shmq_producer p;
	enum shmq_status status;
	int err;

	shmq_frame_seal(format, 0, part, 1, &envelope);
	for (;;) {
		err = shmq_io_lock(file, q, SHMQ_END_PRODUCER);
		if (err)
			return err;
		status = shmq_producer_attach(&p, q->base, q->length);
		if (status == SHMQ_OK)
			status = shmq_frame_send(&p, &envelope, part, 1);
		status = shmq_queue_judge(q, status);
		mutex_unlock(&q->io_lock);

		if (status == SHMQ_OK) {
			trace_shmq_enqueue(q, part->length);
			shmq_ring_if_asleep(q->dev, SHMQ_BELL_DATA(q->index));
			return part->length;
		}
		if (status != SHMQ_FULL && status != SHMQ_AGAIN)
			return shmq_errno(status);
		if (shmq_nonblocking(iocb))
			return -EAGAIN;
		err = shmq_wait(q, SHMQ_END_PRODUCER, part->length);
		if (err)
			return err;
	}
}

static ssize_t shmq_write_iter(struct kiocb *iocb, struct iov_iter *from)
{
	struct shmq_file *file = iocb->ki_filp->private_data;
	size_t length = iov_iter_count(from);
	struct shmq_part part = { .length = length };
	struct shmq_queue *q;
	void *buffer;
	ssize_t ret;

	if (file->dev->queue_count && length > file->dev->max_message)
		return -EMSGSIZE;
	q = shmq_io_queue(file, SHMQ_FROM_USER, SHMQ_END_PRODUCER);
	if (IS_ERR(q))
		return PTR_ERR(q);
	buffer = kvmalloc(max_t(size_t, length, 1), GFP_KERNEL_ACCOUNT);
	if (!buffer)
		return -ENOMEM;
	part.data = buffer;
	if (copy_from_iter(buffer, length, from) == length)
		ret = shmq_write_message(q, iocb, &part);
	else
		ret = -EFAULT;
	kvfree(buffer);
	return ret;
}

/* ---- poll ---- */

/*
 * Does this file use that end? One that has claimed an end of the second side
 * uses what it claimed; any other is the first side, claims or not.
 */
static bool shmq_uses(const struct shmq_file *file, const struct shmq_queue *q,
		      enum shmq_end_id end)
{
	if (READ_ONCE(file->second_side))
		return READ_ONCE(q->owner[end]) == file;
	return shmq_is_first_side(q, end);
}

static __poll_t shmq_poll_queue(struct shmq_file *file, struct shmq_queue *q, __poll_t wanted)
{
	__poll_t mask = 0;

	if (shmq_uses(file, q, SHMQ_END_CONSUMER)) {
		if ((wanted & (EPOLLIN | EPOLLRDNORM)) && shmq_look(q, SHMQ_END_CONSUMER, 0))
			mask |= EPOLLIN | EPOLLRDNORM;
		if (READ_ONCE(q->state->producer) == SHMQ_HOLDER_GONE)
			mask |= EPOLLRDHUP;
	}
	if (shmq_uses(file, q, SHMQ_END_PRODUCER)) {
		if ((wanted & (EPOLLOUT | EPOLLWRNORM)) &&
		    shmq_look(q, SHMQ_END_PRODUCER, READ_ONCE(q->room)))
			mask |= EPOLLOUT | EPOLLWRNORM;
		if (READ_ONCE(q->state->consumer) == SHMQ_HOLDER_GONE)
			mask |= EPOLLRDHUP;
	}
	if (READ_ONCE(q->state->state) != SHMQ_QUEUE_RUNNING)
		mask |= EPOLLERR;
	return mask;
}

static __poll_t shmq_poll(struct file *filp, poll_table *wait)
{
	struct shmq_file *file = filp->private_data;
	struct shmq_device *dev = file->dev;
	__poll_t wanted = poll_requested_events(wait);
	__poll_t mask = 0;
	u32 i;

	if (!dev->queue_count)
		poll_wait(filp, &dev->end, wait);
	for (i = 0; i < dev->queue_count; i++) {
		poll_wait(filp, &dev->queue[i].wait[0], wait);
		poll_wait(filp, &dev->queue[i].wait[1], wait);
	}
	for (i = 0; i < dev->queue_count; i++)
		mask |= shmq_poll_queue(file, &dev->queue[i], wanted);
	if (READ_ONCE(dev->removed))
		mask |= EPOLLHUP | EPOLLERR;
	return mask;
}

const struct file_operations shmq_fops = {
	.owner = THIS_MODULE,
	.open = shmq_open,
	.release = shmq_close,
	.read_iter = shmq_read_iter,
	.write_iter = shmq_write_iter,
	.poll = shmq_poll,
	.mmap = shmq_mmap,
	.unlocked_ioctl = shmq_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
};
