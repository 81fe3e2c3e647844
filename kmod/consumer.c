// SPDX-License-Identifier: GPL-2.0-only
/*
 * The consumer: takes messages from the queue from user space and gives them to
 * the handler. Workers that all devices share do it when somebody rings; an idle
 * device has neither thread nor turn. A device with a period has a thread: period.c.
 */
#include <linux/jiffies.h>
#include <linux/sched.h>
#include <linux/workqueue.h>

#include "internal.h"
#include "trace.h"

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
bool shmq_turn(struct shmq_device *dev)
{
	struct shmq_queue *q = &dev->queue[SHMQ_FROM_USER];
	struct shmq_queue *replies = &dev->queue[SHMQ_TO_USER];
	enum shmq_status status;
	u32 publishes;
	bool released;

	mutex_lock(&dev->consume_lock);
	if (!dev->handler || !dev->queue_count)
		goto nothing;
	WRITE_ONCE(dev->turning, current);
	q->turns++;
	shmq_queue_fill(q); /* for its high-water mark */
	if (dev->pending && !shmq_deliver(dev))
		goto nothing;
	publishes = q->consumer.end.publishes;
	shmq_consumer_batch_begin(&q->consumer);
	if (dev->handler->quick)
		shmq_queue_batch_begin(replies);
	status = shmq_pump(dev);
	shmq_queue_batch_end(replies);
	shmq_consumer_batch_end(&q->consumer);
	released = publishes != q->consumer.end.publishes;
	shmq_queue_fill(replies);
	WRITE_ONCE(dev->turning, NULL);
	mutex_unlock(&dev->consume_lock);

	if (released)
		shmq_ring_if_asleep(dev, SHMQ_BELL_ROOM(SHMQ_FROM_USER));
	return status == SHMQ_AGAIN;

nothing:
	WRITE_ONCE(dev->turning, NULL);
	mutex_unlock(&dev->consume_lock);
	return false;
}

/*
 * Announces that the consumer sleeps, then looks: true if it must not. What it
 * waits for is room for an answer, if it holds a message, and data otherwise.
 */
bool shmq_has_work(struct shmq_device *dev)
{
	struct shmq_queue *from = &dev->queue[SHMQ_FROM_USER];
	struct shmq_queue *to = &dev->queue[SHMQ_TO_USER];
	bool pending = READ_ONCE(dev->pending);
	u32 bell = pending ? SHMQ_BELL_ROOM(to->index) : SHMQ_BELL_DATA(from->index);
	u32 word = shmq_bell_word(bell);
	bool work;

	if (!READ_ONCE(dev->handler) || !dev->queue_count)
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
	if (!work)
		trace_shmq_sleep(dev, bell);
	return work;
}

/* For those who wait for a peer that does not ring: look in its stead. */
void shmq_serve_sleepers(struct shmq_device *dev)
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

/* ---- on demand: a work, run when somebody rings ---- */

static struct workqueue_struct *shmq_workers;

/*
 * Ends when there is nothing to do, or no room for an answer: the sleep word
 * that shmq_has_work() has set then queues it again. So a device whose user
 * never reads holds no worker.
 */
static void shmq_work(struct work_struct *work)
{
	struct shmq_device *dev = container_of(work, struct shmq_device, work);

	while (!READ_ONCE(dev->removed) && (shmq_turn(dev) || shmq_has_work(dev)))
		cond_resched();
}

/* ---- for the rest of the driver ---- */

int shmq_services_init(void)
{
	shmq_workers = alloc_workqueue("shmq", WQ_UNBOUND | WQ_SYSFS, WQ_MAX_ACTIVE);
	return shmq_workers ? 0 : -ENOMEM;
}

void shmq_services_exit(void)
{
	destroy_workqueue(shmq_workers);
}

void shmq_service_init(struct shmq_device *dev)
{
	INIT_WORK(&dev->work, shmq_work);
	init_waitqueue_head(&dev->bell);
}

/* A device that looks periodically has a thread, any other needs none. */
int shmq_service_start(struct shmq_device *dev)
{
	return dev->config.period_us ? shmq_period_start(dev) : 0;
}

/* Waits for a turn under way. The device was marked as removed before. */
void shmq_service_stop(struct shmq_device *dev)
{
	shmq_period_stop(dev);
	cancel_work_sync(&dev->work);
}

/* Somebody rang. Context: that of shmq_try_send(). */
void shmq_service_kick(struct shmq_device *dev)
{
	if (READ_ONCE(dev->thread)) {
		WRITE_ONCE(dev->kicked, true);
		wake_up(&dev->bell);
	} else if (READ_ONCE(dev->handler) && !READ_ONCE(dev->removed)) {
		queue_work(shmq_workers, &dev->work);
	}
}
