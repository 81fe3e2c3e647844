// SPDX-License-Identifier: GPL-2.0-only
/*
 * The kernel's ends of the queues, over the shared core, and the doorbells.
 *
 * The memory is hostile. The core keeps the kernel's position to itself, reads
 * the other one once and checks it; here a queue that lies is stopped: its
 * state says why, everybody who waits is woken, every call says -EIO until a
 * reset.
 */
#include <linux/poll.h>

#include "internal.h"
#include "trace.h"

static_assert((int)SHMQ_CHECKED == (int)SHMQ_FRAMING_CHECKED);
static_assert((int)SHMQ_PLAIN == (int)SHMQ_FRAMING_PLAIN);
static_assert(SHMQ_PREFIX_MAX == SHMQ_MAX_PREFIX);
static_assert(sizeof(struct shmq_area) == 40 && sizeof(struct shmq_claim) == 24);
static_assert(sizeof(struct shmq_info) % 8 == 0 && sizeof(struct shmq_reset) == 16);
static_assert(sizeof(struct shmq_state_page) <= PAGE_SIZE);
static_assert(sizeof(struct shmq_wake_page) <= PAGE_SIZE);

/* Bytes that one look examines: garbage beyond that is worth a read(2). */
#define SHMQ_LOOK_WORK	SZ_4K

int shmq_errno(enum shmq_status status)
{
	switch (status) {
	case SHMQ_OK:
		return 0;
	case SHMQ_FULL:
	case SHMQ_EMPTY:
	case SHMQ_AGAIN:
		return -EAGAIN;
	case SHMQ_TOO_BIG:
	case SHMQ_SHORT_BUFFER:
		return -EMSGSIZE;
	case SHMQ_BAD_CRC:
	case SHMQ_BAD_VERSION:
		return -EBADMSG;
	case SHMQ_INVALID:
		return -EINVAL;
	case SHMQ_CORRUPT:
	case SHMQ_RECREATED:
	case SHMQ_STALE: /* pools': no queue says so */
	case SHMQ_FOREIGN:
	case SHMQ_NO_OWNER:
		break;
	}
	return -EIO;
}

void shmq_queue_init(struct shmq_queue *q, struct shmq_device *dev, u32 index, u64 offset,
		     u64 length)
{
	q->dev = dev;
	q->index = index;
	q->base = dev->region.base + offset;
	q->offset = offset;
	q->length = length;
	q->state = &dev->state->queues[index];
	q->room = 1;
	spin_lock_init(&q->lock);
	mutex_init(&q->io_lock);
	init_waitqueue_head(&q->wait[0]);
	init_waitqueue_head(&q->wait[1]);
	shmq_queue_create(q->base, length);
}

int shmq_queue_attach_producer(struct shmq_queue *q)
{
	unsigned long flags;
	enum shmq_status status;

	spin_lock_irqsave(&q->lock, flags);
	status = shmq_producer_attach(&q->producer, q->base, q->length);
	spin_unlock_irqrestore(&q->lock, flags);
	return shmq_errno(status);
}

int shmq_queue_attach_consumer(struct shmq_queue *q)
{
	struct shmq_device *dev = q->dev;
	enum shmq_status status;

	mutex_lock(&dev->consume_lock);
	status = shmq_consumer_attach(&q->consumer, q->base, q->length);
	shmq_reader_init(&dev->reader, &q->consumer, &dev->config.format);
	mutex_unlock(&dev->consume_lock);
	return shmq_errno(status);
}

/* Empties a queue and lets it run again. The caller has locked out its users. */
void shmq_queue_reset(struct shmq_queue *q)
{
	unsigned long flags;

	lockdep_assert_held(&q->io_lock);
	q->io_reads++;
	WRITE_ONCE(q->io_lost, false);
	spin_lock_irqsave(&q->lock, flags);
	shmq_queue_create(q->base, q->length);
	/* Not what the memory says: a program may have stored to it meanwhile. */
	shmq_end_start(&q->producer.end, q->base, q->length);
	shmq_end_start(&q->consumer.end, q->base, q->length);
	WRITE_ONCE(q->state->state, SHMQ_QUEUE_RUNNING);
	spin_unlock_irqrestore(&q->lock, flags);
}

/* Return: 0, -EIO for a stopped queue, -ENODEV. */
int shmq_queue_error(const struct shmq_queue *q)
{
	if (READ_ONCE(q->dev->removed))
		return -ENODEV;
	return READ_ONCE(q->state->state) == SHMQ_QUEUE_RUNNING ? 0 : -EIO;
}

/* ---- doorbells ---- */

/* Wakes whoever waits behind a bell: user space, kernel senders, the consumer. */
void shmq_ring(struct shmq_device *dev, u32 bell)
{
	struct shmq_queue *q = &dev->queue[bell / 2];
	bool room = bell & 1;

	wake_up_poll(&q->wait[room],
		     room ? EPOLLOUT | EPOLLWRNORM : EPOLLIN | EPOLLRDNORM);
	if (bell == SHMQ_BELL_DATA(SHMQ_FROM_USER) || bell == SHMQ_BELL_ROOM(SHMQ_TO_USER))
		shmq_service_kick(dev);
}

/* After publishing. Pairs with shmq_doorbell_arm() of whoever sleeps. */
void shmq_ring_if_asleep(struct shmq_device *dev, u32 bell)
{
	struct shmq_queue *q = &dev->queue[bell / 2];
	unsigned long flags;

	if (!shmq_doorbell_take(shmq_wake_words(dev), shmq_bell_word(bell)))
		return;
	trace_shmq_wake(dev, bell);
	spin_lock_irqsave(&q->lock, flags);
	WRITE_ONCE(q->state->wakeups, q->state->wakeups + 1);
	spin_unlock_irqrestore(&q->lock, flags);
	shmq_ring(dev, bell);
}

/* Something happened that everybody must see: a stop, a reset, a removal. */
void shmq_wake_all(struct shmq_device *dev)
{
	u32 i;

	for (i = 0; i < dev->queue_count; i++) {
		wake_up_all(&dev->queue[i].wait[0]);
		wake_up_all(&dev->queue[i].wait[1]);
	}
	wake_up_all(&dev->end);
	shmq_service_kick(dev);
}

static bool shmq_is_fault(enum shmq_status status)
{
	return status == SHMQ_CORRUPT || status == SHMQ_RECREATED;
}

/*
 * Stops a queue for what was seen in it. The lock under which that was seen is
 * still held, one that a reset takes too: else this could stop the queue that
 * the reset has just started anew.
 *
 * Return: whether it ran until now; the caller then announces the stop.
 */
static bool shmq_queue_mark(struct shmq_queue *q, enum shmq_status why)
{
	u32 state = why == SHMQ_RECREATED ? SHMQ_QUEUE_RECREATED : SHMQ_QUEUE_CORRUPT;

	return shmq_is_fault(why) &&
	       cmpxchg(&q->state->state, SHMQ_QUEUE_RUNNING, state) == SHMQ_QUEUE_RUNNING;
}

static void shmq_queue_announce_stop(struct shmq_queue *q, enum shmq_status why)
{
	trace_shmq_corrupt(q, why == SHMQ_RECREATED);
	dev_warn_ratelimited(&q->dev->device, "queue %u stopped: %s; SHMQ_IOC_RESET starts it anew\n",
			     q->index,
			     why == SHMQ_RECREATED ? "a program set its positions back"
						   : "a program stored what cannot be");
	shmq_wake_all(q->dev);
	shmq_event_stopped(q, why == SHMQ_RECREATED ? SHMQ_QUEUE_RECREATED : SHMQ_QUEUE_CORRUPT);
}

/* Was the queue started over, on a device made for peers that do that? */
static bool shmq_is_restart(const struct shmq_queue *q, enum shmq_status status)
{
	return status == SHMQ_RECREATED && q->dev->config.restart;
}

/* Stops the queue if it must be, else says what to do. As shmq_queue_mark(). */
enum shmq_status shmq_queue_judge(struct shmq_queue *q, enum shmq_status status)
{
	if (shmq_is_restart(q, status))
		return SHMQ_AGAIN; /* who attaches again takes it as it is now */
	if (shmq_queue_mark(q, status))
		shmq_queue_announce_stop(q, status);
	return status;
}

/*
 * ---- looking: the user's ends, nothing kept between calls ----
 *
 * Impossible positions are worth a look too: the caller then meets the error.
 */

/* Whether a consumer at the user's end would find a message, or an error. */
bool shmq_queue_readable(struct shmq_queue *q)
{
	struct shmq_reader reader;
	struct shmq_message message;
	struct shmq_consumer c;

	if (shmq_consumer_attach(&c, q->base, q->length) != SHMQ_OK)
		return true;
	if (q->bytes[SHMQ_END_CONSUMER])
		return c.end.pos != c.end.peer;
	shmq_consumer_freeze(&c);
	shmq_reader_init(&reader, &c, &q->dev->config.format);
	reader.limit = SHMQ_LOOK_WORK;
	reader.lost = READ_ONCE(q->io_lost);
	return shmq_frame_find(&reader, &message) != SHMQ_EMPTY;
}

/* Whether a producer at the user's end would find room for a message. */
bool shmq_queue_writable(struct shmq_queue *q, u32 length)
{
	struct shmq_producer p;
	u64 need = q->bytes[SHMQ_END_PRODUCER] ? length :
		   shmq_frame_length(&q->dev->config.format, length);

	return shmq_producer_attach(&p, q->base, q->length) != SHMQ_OK ||
	       p.end.size - 1 - shmq_distance(p.end.size, p.end.peer, p.end.pos) >= need;
}

/* Bytes in the queue as its positions say; 0 where they say what cannot be. */
u32 shmq_queue_fill(struct shmq_queue *q)
{
	struct shmq_consumer c;
	u32 fill;

	if (shmq_consumer_attach(&c, q->base, q->length) != SHMQ_OK)
		return 0;
	fill = shmq_distance(c.end.size, c.end.pos, c.end.peer);
	if (fill > READ_ONCE(q->high_water))
		WRITE_ONCE(q->high_water, fill);
	return fill;
}

/**
 * shmq_look() - announces a sleeper, then looks
 * @q: the queue
 * @end: whose sleep it is
 * @room: producer: for a message of this many bytes
 *
 * The condition of every wait in this driver.
 *
 * Return: true if there is no reason to sleep.
 */
bool shmq_look(struct shmq_queue *q, enum shmq_end_id end, u32 room)
{
	shmq_doorbell_arm(shmq_wake_words(q->dev), shmq_bell_word(shmq_bell(q, end)));
	if (shmq_queue_error(q))
		return true;
	return end == SHMQ_END_CONSUMER ? shmq_queue_readable(q) : shmq_queue_writable(q, room);
}

/* ---- the kernel's ends ---- */

/*
 * Has somebody else moved the kernel's position, or set back their own? A device
 * that was made for peers that restart then starts over too, at zero: what the
 * memory says may be half of the peer's own start.
 */
static enum shmq_status shmq_end_check(struct shmq_queue *q, struct shmq_end *end, u32 word)
{
	u32 publishes = end->publishes;

	if (end->error != SHMQ_RECREATED && shmq_end_intact(end, word))
		return SHMQ_OK;
	if (!q->dev->config.restart)
		return SHMQ_RECREATED;
	shmq_end_start(end, q->base, q->length);
	shmq_store_release(q->base, word, 0); /* pairs with the peer's look at it */
	end->publishes = publishes + 1;
	return SHMQ_OK;
}

static enum shmq_status shmq_producer_check(struct shmq_queue *q)
{
	return shmq_end_check(q, &q->producer.end, SHMQ_WRITE_POSITION);
}

static enum shmq_status shmq_consumer_check(struct shmq_queue *q)
{
	return shmq_end_check(q, &q->consumer.end, SHMQ_READ_POSITION);
}

/**
 * shmq_queue_send() - the kernel's producer
 * @q: a queue whose producer the kernel holds
 * @tag: for plain framing
 * @data: the message
 * @length: bytes
 * @who: what becomes of it if the queue is full, or in a batch
 *
 * Context: any but NMI, and not hard interrupts on PREEMPT_RT.
 * Return: 0, -EAGAIN full, -EMSGSIZE, -EIO, -ENODEV.
 */
int shmq_queue_send(struct shmq_queue *q, u32 tag, const void *data, u32 length,
		    enum shmq_sender who)
{
	struct shmq_device *dev = q->dev;
	struct shmq_part part = { .data = data, .length = length };
	struct shmq_envelope envelope;
	enum shmq_status status;
	unsigned long flags;
	bool stopped, ring = false, again = true;
	int err = shmq_queue_error(q);

	if (err)
		return err;
	if (length > dev->max_message)
		return -EMSGSIZE;
	shmq_frame_seal(&dev->config.format, tag, &part, 1, &envelope);

	spin_lock_irqsave(&q->lock, flags);
	/* Once more: another sender may have stopped the queue meanwhile. */
	err = shmq_queue_error(q);
	if (err) {
		spin_unlock_irqrestore(&q->lock, flags);
		return err;
	}
retry:
	status = shmq_producer_check(q);
	if (status == SHMQ_OK)
		status = shmq_frame_send(&q->producer, &envelope, &part, 1);
	if (shmq_is_restart(q, status)) {
		if (again) {
			again = false;
			goto retry;
		}
		status = SHMQ_FULL; /* a vandal: no peer restarts that fast */
	}
	if (status == SHMQ_OK) {
		WRITE_ONCE(q->state->messages, q->state->messages + 1);
		WRITE_ONCE(q->state->bytes, q->state->bytes + length);
		trace_shmq_enqueue(q, length);
		ring = who != SHMQ_SENDER_REPLIES || !q->producer.end.lag;
		if (ring)
			shmq_producer_publish(&q->producer);
		else
			q->unrung = true;
	} else if (status == SHMQ_FULL && who == SHMQ_SENDER_DROPS) {
		WRITE_ONCE(q->state->dropped, q->state->dropped + 1);
	}
	if (status == SHMQ_FULL && q->unrung) {
		/* Looking for room has published the batch: its reader makes room. */
		q->unrung = false;
		ring = true;
	}
	stopped = shmq_queue_mark(q, status);
	spin_unlock_irqrestore(&q->lock, flags);

	if (ring)
		shmq_ring_if_asleep(dev, SHMQ_BELL_DATA(q->index));
	if (stopped)
		shmq_queue_announce_stop(q, status);
	return shmq_errno(status);
}

/*
 * ---- batches of replies ----
 *
 * Between begin and end, replies wait to be published (and their reader to be
 * rung) until the next shmq_queue_batch_publish(), another sender, or a full
 * queue: the reader's CPU is then not disturbed by each.
 */
void shmq_queue_batch_begin(struct shmq_queue *q)
{
	unsigned long flags;

	spin_lock_irqsave(&q->lock, flags);
	shmq_producer_batch_begin(&q->producer);
	spin_unlock_irqrestore(&q->lock, flags);
}

void shmq_queue_batch_publish(struct shmq_queue *q)
{
	enum shmq_status status;
	unsigned long flags;
	bool ring, stopped;

	spin_lock_irqsave(&q->lock, flags);
	/* Not over a queue that was started over since: that would hide it. */
	status = shmq_producer_check(q);
	if (status == SHMQ_OK)
		shmq_producer_publish(&q->producer);
	ring = q->unrung;
	q->unrung = false;
	stopped = shmq_queue_mark(q, status);
	spin_unlock_irqrestore(&q->lock, flags);
	if (ring)
		shmq_ring_if_asleep(q->dev, SHMQ_BELL_DATA(q->index));
	if (stopped)
		shmq_queue_announce_stop(q, status);
}

void shmq_queue_batch_end(struct shmq_queue *q)
{
	unsigned long flags;

	spin_lock_irqsave(&q->lock, flags);
	q->producer.end.lag = 0;
	spin_unlock_irqrestore(&q->lock, flags);
	shmq_queue_batch_publish(q);
}

/* Whether shmq_queue_send() has something better to say than -EAGAIN. */
bool shmq_queue_can_send(struct shmq_queue *q, u32 length)
{
	u64 need = shmq_frame_length(&q->dev->config.format, length);
	enum shmq_status status;
	unsigned long flags;
	bool stopped = false;

	spin_lock_irqsave(&q->lock, flags);
	status = SHMQ_OK;
	if (!shmq_queue_error(q)) {
		status = shmq_producer_check(q);
		if (status == SHMQ_OK)
			status = shmq_producer_reserve(&q->producer, need);
		stopped = !shmq_is_restart(q, status) && shmq_queue_mark(q, status);
	}
	spin_unlock_irqrestore(&q->lock, flags);
	if (stopped)
		shmq_queue_announce_stop(q, status);
	return status != SHMQ_FULL;
}

/**
 * shmq_queue_receive() - the kernel's consumer: one message into dev->buffer
 * @q: a queue whose consumer the kernel holds
 * @limit: bytes to examine before SHMQ_AGAIN
 *
 * Context: process, dev->consume_lock held.
 * Return: SHMQ_OK with dev->message set, SHMQ_EMPTY, SHMQ_AGAIN: work was done
 * and there may be more, or why the queue was stopped.
 */
enum shmq_status shmq_queue_receive(struct shmq_queue *q, u32 limit)
{
	struct shmq_device *dev = q->dev;
	struct shmq_queue_state *state = q->state;
	enum shmq_status status;

	lockdep_assert_held(&dev->consume_lock);
	if (shmq_queue_error(q))
		return SHMQ_EMPTY;
	status = shmq_consumer_check(q);
	if (status == SHMQ_OK) {
		dev->reader.limit = limit;
		status = shmq_frame_read(&dev->reader, dev->buffer, dev->max_message,
					 &dev->message);
	}
	switch (status) {
	case SHMQ_OK:
		WRITE_ONCE(state->messages, state->messages + 1);
		WRITE_ONCE(state->bytes, state->bytes + dev->message.length);
		trace_shmq_dequeue(q, dev->message.length);
		break;
	case SHMQ_SHORT_BUFFER:
		/* The whole of it goes: what lies inside are not messages. */
		shmq_frame_release(&dev->reader, &dev->message);
		WRITE_ONCE(state->refused, state->refused + 1);
		return SHMQ_AGAIN;
	case SHMQ_BAD_CRC:
	case SHMQ_BAD_VERSION:
	case SHMQ_TOO_BIG:
		WRITE_ONCE(state->damaged, state->damaged + 1);
		return SHMQ_AGAIN;
	default:
		break;
	}
	return shmq_queue_judge(q, status);
}
