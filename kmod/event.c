// SPDX-License-Identifier: GPL-2.0-only
/*
 * Events: what happens to devices, to whoever listens to the multicast group.
 *
 * What an administrator does is told at once and always. What a user can do as
 * often as they like is told SHMQ_EVENTS_A_SECOND times a second and device;
 * what was left out is counted in the next event, or in one of its own when the
 * second is over: a listener then looks for itself.
 */
#include <linux/jiffies.h>
#include <net/genetlink.h>

#include "internal.h"

#define SHMQ_EVENTS_A_SECOND	32

/* An event that is being filled. */
struct shmq_event {
	struct sk_buff *skb;
	void *header;
};

static bool shmq_event_begin(struct shmq_event *event, u8 cmd, size_t room)
{
	/* Most of the time nobody listens. */
	if (!genl_has_listeners(&shmq_netlink_family, &init_net, 0))
		return false;
	event->skb = genlmsg_new(room, GFP_KERNEL);
	if (!event->skb)
		return false;
	/* There is room for a header. */
	event->header = genlmsg_put(event->skb, 0, 0, &shmq_netlink_family, 0, cmd);
	return true;
}

static void shmq_event_send(struct shmq_event *event, int err)
{
	if (err) {
		nlmsg_free(event->skb);
		return;
	}
	genlmsg_end(event->skb, event->header);
	/* A listener that does not keep up sees ENOBUFS. */
	genlmsg_multicast(&shmq_netlink_family, event->skb, 0, 0, GFP_KERNEL);
}

/* Added or changed: an administrator did it. */
void shmq_event_device(struct shmq_device *dev, u8 cmd)
{
	struct shmq_event event;

	if (shmq_event_begin(&event, cmd, NLMSG_GOODSIZE))
		shmq_event_send(&event, shmq_show_device(event.skb, dev));
}

void shmq_event_removed(struct shmq_device *dev)
{
	struct shmq_event event;

	if (shmq_event_begin(&event, SHMQ_CMD_DEV_DEL_NTF, NLMSG_DEFAULT_SIZE))
		shmq_event_send(&event, nla_put_u32(event.skb, SHMQ_A_EVENT_DEV, dev->index));
}

static void shmq_events_later(struct shmq_device *dev, unsigned long delay)
{
	if (!READ_ONCE(dev->removed))
		schedule_delayed_work(&dev->events.work, delay);
}

/* May one more be sent in this second? @missed: how many were not before it. */
static bool shmq_event_allowed(struct shmq_device *dev, u32 *missed)
{
	struct shmq_events *events = &dev->events;
	unsigned long flags;
	bool allowed;

	spin_lock_irqsave(&events->lock, flags);
	if (time_after_eq(jiffies, events->since + HZ)) {
		events->since = jiffies;
		events->sent = 0;
	}
	allowed = events->sent < SHMQ_EVENTS_A_SECOND;
	if (allowed) {
		events->sent++;
		*missed = events->missed;
		events->missed = 0;
	} else {
		events->missed++;
	}
	spin_unlock_irqrestore(&events->lock, flags);
	if (!allowed)
		shmq_events_later(dev, HZ);
	return allowed;
}

static int shmq_event_put(struct sk_buff *skb, const struct shmq_device *dev, u32 missed)
{
	int err = nla_put_u32(skb, SHMQ_A_EVENT_DEV, dev->index);

	if (!err && missed)
		err = nla_put_u32(skb, SHMQ_A_EVENT_MISSED, missed);
	return err;
}

/* About a queue: @attribute and @value say what. */
static void shmq_event_queue(struct shmq_queue *q, u8 cmd, int attribute, u32 value)
{
	struct shmq_event event;
	u32 missed;
	int err;

	if (!genl_has_listeners(&shmq_netlink_family, &init_net, 0) ||
	    !shmq_event_allowed(q->dev, &missed) ||
	    !shmq_event_begin(&event, cmd, NLMSG_DEFAULT_SIZE))
		return;
	err = shmq_event_put(event.skb, q->dev, missed);
	if (!err)
		err = nla_put_u32(event.skb, SHMQ_A_EVENT_QUEUE, q->index);
	if (!err)
		err = nla_put_u32(event.skb, attribute, value);
	shmq_event_send(&event, err);
}

void shmq_event_end(struct shmq_queue *q, enum shmq_end_id end, u8 cmd)
{
	if (!READ_ONCE(q->dev->removed))
		shmq_event_queue(q, cmd, SHMQ_A_EVENT_END, end);
}

/* From any context: a work tells of it. */
void shmq_event_stopped(struct shmq_queue *q, u32 state)
{
	WRITE_ONCE(q->dev->events.stopped[q->index], state);
	shmq_events_later(q->dev, 0);
}

static void shmq_events_work(struct work_struct *work)
{
	struct shmq_device *dev = container_of(to_delayed_work(work), struct shmq_device,
					       events.work);
	struct shmq_event event;
	u32 i, state, missed;

	for (i = 0; i < dev->queue_count; i++) {
		state = xchg(&dev->events.stopped[i], 0);
		if (state)
			shmq_event_queue(&dev->queue[i], SHMQ_CMD_QUEUE_STOP_NTF,
					 SHMQ_A_EVENT_STATE, state);
	}
	if (!READ_ONCE(dev->events.missed) || !shmq_event_allowed(dev, &missed) || !missed)
		return;
	if (shmq_event_begin(&event, SHMQ_CMD_MISSED_NTF, NLMSG_DEFAULT_SIZE))
		shmq_event_send(&event, shmq_event_put(event.skb, dev, missed));
}

void shmq_events_init(struct shmq_device *dev)
{
	spin_lock_init(&dev->events.lock);
	dev->events.since = jiffies;
	INIT_DELAYED_WORK(&dev->events.work, shmq_events_work);
}

/* Also once more when the device's memory goes: a late one may have been queued. */
void shmq_events_stop(struct shmq_device *dev)
{
	cancel_delayed_work_sync(&dev->events.work);
}
