// SPDX-License-Identifier: GPL-2.0-only
/*
 * The consumer thread: takes messages from the queue from user space and gives
 * them to the handler. It sleeps until the doorbell; with a period it also
 * looks by itself, for peers that know no doorbell, and wakes those who wait
 * for such a peer.
 */
#include <linux/hrtimer.h>
#include <linux/jiffies.h>
#include <linux/kthread.h>
#include <linux/sched.h>

#include "grid.h"
#include "internal.h"

/* A turn: as much as one device may do before others get the CPU. */
#define SHMQ_TURN_MESSAGES	64
#define SHMQ_TURN_BYTES		SZ_256K
/* Replies of so many messages are published together, if they come quickly. */
#define SHMQ_TURN_BATCH		16

/* Gives the message at hand to the handler. False: it must wait for room. */
static bool shmq_deliver(struct shmq_device *dev)
{
	struct shmq_queue *q = &dev->queue[SHMQ_FROM_USER];
	int err;

	dev->reply_length = dev->message.length;
	err = dev->handler->message(dev, dev->message.tag, dev->buffer, dev->message.length);
	if (err == -EAGAIN) {
		dev->pending = true;
		return false;
	}
	dev->pending = false;
	if (err)
		WRITE_ONCE(q->state->refused, q->state->refused + 1);
	return true;
}

/* Receives and delivers until there is nothing, or enough for one turn. */
static enum shmq_status shmq_pump(struct shmq_device *dev)
{
	struct shmq_queue *q = &dev->queue[SHMQ_FROM_USER];
	enum shmq_status status = SHMQ_AGAIN;
	unsigned long now = jiffies;
	u32 messages = 0, bytes = 0;

	while (status == SHMQ_AGAIN && messages++ < SHMQ_TURN_MESSAGES &&
	       bytes < SHMQ_TURN_BYTES) {
		status = shmq_queue_receive(q, SHMQ_TURN_BYTES);
		bytes += dev->reader.work;
		if (status == SHMQ_OK && shmq_deliver(dev))
			status = SHMQ_AGAIN;
		/* Long messages take their time too. */
		if (messages % SHMQ_TURN_BATCH == 0 || time_after(jiffies, now)) {
			shmq_queue_batch_publish(&dev->queue[SHMQ_TO_USER]);
			now = jiffies;
		}
	}
	return status;
}

/* One turn. True: there may be more to do. */
static bool shmq_turn(struct shmq_device *dev)
{
	struct shmq_queue *q = &dev->queue[SHMQ_FROM_USER];
	struct shmq_queue *replies = &dev->queue[SHMQ_TO_USER];
	enum shmq_status status;
	u32 publishes;
	bool released;

	mutex_lock(&dev->consume_lock);
	if (!dev->handler || (dev->pending && !shmq_deliver(dev))) {
		mutex_unlock(&dev->consume_lock);
		return false;
	}
	q->turns++;
	shmq_queue_fill(q);
	publishes = q->consumer.end.publishes;
	shmq_consumer_batch_begin(&q->consumer);
	if (dev->handler->quick)
		shmq_queue_batch_begin(replies);
	status = shmq_pump(dev);
	shmq_queue_batch_end(replies);
	shmq_consumer_batch_end(&q->consumer);
	released = publishes != q->consumer.end.publishes;
	mutex_unlock(&dev->consume_lock);

	if (released)
		shmq_ring_if_asleep(dev, SHMQ_BELL_ROOM(SHMQ_FROM_USER));
	return status == SHMQ_AGAIN;
}

/*
 * Announces that this thread sleeps, then looks: true if it must not. What it
 * waits for is room for an answer, if it holds a message, and data otherwise.
 */
static bool shmq_has_work(struct shmq_device *dev)
{
	struct shmq_queue *from = &dev->queue[SHMQ_FROM_USER];
	struct shmq_queue *to = &dev->queue[SHMQ_TO_USER];
	bool pending = READ_ONCE(dev->pending);
	u32 word = shmq_bell_word(pending ? SHMQ_BELL_ROOM(to->index)
					  : SHMQ_BELL_DATA(from->index));
	bool work;

	if (!READ_ONCE(dev->handler))
		return false;
	shmq_doorbell_arm(shmq_wake_words(dev), word);
	if (pending)
		work = shmq_queue_can_send(to, dev->reply_length);
	else
		work = !shmq_queue_error(from) && shmq_consumer_changed(&from->consumer);
	/*
	 * Awake: the other side may save its system call. Not the word for room,
	 * which shmq_send() of other modules sleeps by too.
	 */
	if (work && !pending)
		shmq_doorbell_disarm(shmq_wake_words(dev), word);
	return work;
}

/* For those who wait for a peer that does not ring: look in its stead. */
static void shmq_serve_sleepers(struct shmq_device *dev)
{
	shmq_base words = shmq_wake_words(dev);
	u32 i;

	for (i = 0; i < dev->queue_count; i++) {
		struct shmq_queue *q = &dev->queue[i];

		if (shmq_load_relaxed(words, shmq_bell_word(SHMQ_BELL_DATA(i))) &&
		    shmq_queue_readable(q))
			shmq_ring_if_asleep(dev, SHMQ_BELL_DATA(i));
		if (shmq_load_relaxed(words, shmq_bell_word(SHMQ_BELL_ROOM(i))) &&
		    shmq_queue_writable(q, READ_ONCE(q->room)))
			shmq_ring_if_asleep(dev, SHMQ_BELL_ROOM(i));
	}
}

/* Sleeps until somebody rings or, with a period, until the next look is due. */
static void shmq_sleep(struct shmq_device *dev, ktime_t *due)
{
	u32 period_us = dev->config.period_us;
	DEFINE_WAIT(wait);

	prepare_to_wait(&dev->work, &wait, TASK_IDLE);
	if (!xchg(&dev->kicked, false) && !kthread_should_stop() && !shmq_has_work(dev)) {
		if (!period_us) {
			schedule();
		} else if (!schedule_hrtimeout_range(due, 0, HRTIMER_MODE_ABS)) {
			*due = shmq_grid_next(*due, period_us);
			shmq_serve_sleepers(dev);
		}
	}
	finish_wait(&dev->work, &wait);
}

static int shmq_thread(void *data)
{
	struct shmq_device *dev = data;
	ktime_t due = ktime_add_us(ktime_get(), dev->config.period_us);

	while (!kthread_should_stop()) {
		if (!shmq_turn(dev))
			shmq_sleep(dev, &due);
		cond_resched();
	}
	return 0;
}

/* A device without a handler needs no thread, unless it looks periodically. */
int shmq_thread_start(struct shmq_device *dev)
{
	struct task_struct *thread;

	if (dev->thread || (!dev->handler && !dev->config.period_us))
		return 0;
	thread = kthread_run(shmq_thread, dev, "%s", dev_name(&dev->device));
	if (IS_ERR(thread))
		return PTR_ERR(thread);
	dev->thread = thread;
	return 0;
}

void shmq_thread_stop(struct shmq_device *dev)
{
	if (dev->thread)
		kthread_stop(dev->thread);
	dev->thread = NULL;
}

/* Changes how often it looks. Return: 0, -ENODEV, or no thread could be made. */
int shmq_period_set(struct shmq_device *dev, u32 period_us)
{
	u32 before = dev->config.period_us;
	int err;

	mutex_lock(&dev->lock);
	WRITE_ONCE(dev->config.period_us, period_us);
	err = dev->removed ? -ENODEV : shmq_thread_start(dev);
	if (err)
		WRITE_ONCE(dev->config.period_us, before);
	else if (!period_us && !dev->handler)
		shmq_thread_stop(dev);
	else
		shmq_wake_all(dev);
	mutex_unlock(&dev->lock);
	return err;
}
