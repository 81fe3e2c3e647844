// SPDX-License-Identifier: GPL-2.0-only
/* The kernel's producers: the API of kmod/include/linux/shmq.h. */
#include <linux/err.h>
#include <linux/export.h>

#include "internal.h"

struct shmq_device *shmq_get(unsigned int index)
{
	struct shmq_device *dev = shmq_device_find(index);
	int err;

	if (!dev)
		return ERR_PTR(-ENODEV);
	mutex_lock(&dev->lock);
	if (dev->removed)
		err = -ENODEV;
	else if (!dev->queue_count)
		err = -EOPNOTSUPP;
	else
		err = shmq_kernel_take(&dev->queue[SHMQ_TO_USER], SHMQ_END_PRODUCER);
	if (!err)
		dev->senders++;
	mutex_unlock(&dev->lock);
	if (err) {
		put_device(&dev->device);
		return ERR_PTR(err);
	}
	return dev;
}
EXPORT_SYMBOL_GPL(shmq_get);

void shmq_put(struct shmq_device *dev)
{
	if (!dev)
		return;
	mutex_lock(&dev->lock);
	if (!--dev->senders && !dev->handler)
		shmq_kernel_give(&dev->queue[SHMQ_TO_USER], SHMQ_END_PRODUCER);
	mutex_unlock(&dev->lock);
	put_device(&dev->device);
}
EXPORT_SYMBOL_GPL(shmq_put);

int shmq_try_send(struct shmq_device *dev, u32 tag, const void *data, u32 length)
{
	return shmq_queue_send(&dev->queue[SHMQ_TO_USER], tag, data, length, SHMQ_SENDER_DROPS);
}
EXPORT_SYMBOL_GPL(shmq_try_send);

int shmq_reply(struct shmq_device *dev, u32 tag, const void *data, u32 length)
{
	dev->reply_length = length; /* what the handler will wait for room for */
	return shmq_queue_send(&dev->queue[SHMQ_TO_USER], tag, data, length, SHMQ_SENDER_REPLIES);
}
EXPORT_SYMBOL_GPL(shmq_reply);

/* Announces a sleeper, then looks. */
static bool shmq_may_send(struct shmq_queue *q, u32 length)
{
	shmq_doorbell_arm(shmq_wake_words(q->dev), shmq_bell_word(SHMQ_BELL_ROOM(q->index)));
	return shmq_queue_can_send(q, length);
}

int shmq_send(struct shmq_device *dev, u32 tag, const void *data, u32 length)
{
	struct shmq_queue *q = &dev->queue[SHMQ_TO_USER];
	int err;

	might_sleep();
	/* It would wait for itself: nobody else serves that device. */
	if (current == READ_ONCE(dev->turning))
		return -EDEADLK;
	for (;;) {
		err = shmq_queue_send(q, tag, data, length, SHMQ_SENDER_WAITS);
		if (err != -EAGAIN)
			return err;
		if (wait_event_interruptible(q->wait[1], shmq_may_send(q, length)))
			return -EINTR;
	}
}
EXPORT_SYMBOL_GPL(shmq_send);
