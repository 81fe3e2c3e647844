// SPDX-License-Identifier: GPL-2.0-only
/* A device and its queues as netlink attributes. */
#include <net/netlink.h>

#include "internal.h"

static int shmq_show_queue(struct sk_buff *skb, struct shmq_queue *q)
{
	const struct shmq_queue_state *state = q->state;

	if (nla_put_u32(skb, SHMQ_A_QUEUE_INDEX, q->index) ||
	    nla_put_u32(skb, SHMQ_A_QUEUE_STATE, READ_ONCE(state->state)) ||
	    nla_put_u32(skb, SHMQ_A_QUEUE_PRODUCER, READ_ONCE(state->producer)) ||
	    nla_put_u32(skb, SHMQ_A_QUEUE_CONSUMER, READ_ONCE(state->consumer)) ||
	    nla_put_u32(skb, SHMQ_A_QUEUE_CAPACITY, shmq_queue_capacity(q)))
		return -EMSGSIZE;
	return 0;
}

static int shmq_show_counters(struct sk_buff *skb, struct shmq_queue *q)
{
	const struct shmq_queue_state *state = q->state;
	const struct {
		int attribute;
		u64 value;
	} counters[] = {
		{ SHMQ_A_QUEUE_MESSAGES, READ_ONCE(state->messages) },
		{ SHMQ_A_QUEUE_BYTES, READ_ONCE(state->bytes) },
		{ SHMQ_A_QUEUE_DROPPED, READ_ONCE(state->dropped) },
		{ SHMQ_A_QUEUE_REFUSED, READ_ONCE(state->refused) },
		{ SHMQ_A_QUEUE_DAMAGED, READ_ONCE(state->damaged) },
		{ SHMQ_A_QUEUE_WAKEUPS, READ_ONCE(state->wakeups) },
		{ SHMQ_A_QUEUE_TURNS, READ_ONCE(q->turns) },
	};
	size_t i;

	if (nla_put_u32(skb, SHMQ_A_QUEUE_FILL, shmq_queue_fill(q)) ||
	    nla_put_u32(skb, SHMQ_A_QUEUE_HIGH_WATER, READ_ONCE(q->high_water)))
		return -EMSGSIZE;
	for (i = 0; i < ARRAY_SIZE(counters); i++)
		if (nla_put_u64_64bit(skb, counters[i].attribute, counters[i].value,
				      SHMQ_A_QUEUE_PAD))
			return -EMSGSIZE;
	return 0;
}

static int shmq_show_queues(struct sk_buff *skb, struct shmq_device *dev, bool counters)
{
	u32 i;

	for (i = 0; i < dev->queue_count; i++) {
		struct nlattr *nest = nla_nest_start(skb, SHMQ_A_DEV_QUEUE);

		if (!nest || shmq_show_queue(skb, &dev->queue[i]) ||
		    (counters && shmq_show_counters(skb, &dev->queue[i])))
			return -EMSGSIZE;
		nla_nest_end(skb, nest);
	}
	return 0;
}

static int shmq_show_changeable(struct sk_buff *skb, struct shmq_device *dev)
{
	const struct shmq_config *config = &dev->config;
	int err;

	mutex_lock(&dev->lock);
	err = nla_put_string(skb, SHMQ_A_DEV_HANDLER,
			     dev->handler ? dev->handler->name : "none") ||
	      nla_put_u32(skb, SHMQ_A_DEV_PERIOD_US, config->period_us) ||
	      nla_put_u32(skb, SHMQ_A_DEV_PRIORITY, config->priority) ||
	      nla_put_s32(skb, SHMQ_A_DEV_CPU, config->cpu) ||
	      nla_put_u32(skb, SHMQ_A_DEV_PRINT_OFFSET, config->print.offset) ||
	      nla_put_u32(skb, SHMQ_A_DEV_PRINT_WORDS, config->print.words) ||
	      nla_put_u32(skb, SHMQ_A_DEV_PRINT_FORMAT, config->print.format) ||
	      nla_put_u32(skb, SHMQ_A_DEV_TICK_MS, config->tick_ms) ||
	      nla_put_u8(skb, SHMQ_A_DEV_RESTART, config->restart) ||
	      nla_put_u32(skb, SHMQ_A_DEV_MODE, config->mode) ||
	      nla_put_u32(skb, SHMQ_A_DEV_UID, from_kuid(&init_user_ns, config->uid)) ||
	      nla_put_u32(skb, SHMQ_A_DEV_GID, from_kgid(&init_user_ns, config->gid)) ||
	      nla_put_u32(skb, SHMQ_A_DEV_EPOCH, dev->state->epoch);
	mutex_unlock(&dev->lock);
	return err ? -EMSGSIZE : 0;
}

/* Return: 0, -EMSGSIZE. */
int shmq_show_device(struct sk_buff *skb, struct shmq_device *dev)
{
	const struct shmq_format *format = &dev->config.format;

	if (nla_put_u32(skb, SHMQ_A_DEV_INDEX, dev->index) ||
	    nla_put_u64_64bit(skb, SHMQ_A_DEV_SIZE, dev->region.length, SHMQ_A_DEV_PAD) ||
	    nla_put_u32(skb, SHMQ_A_DEV_LAYOUT, dev->config.layout) ||
	    nla_put(skb, SHMQ_A_DEV_PREFIX, format->prefix_length, format->prefix) ||
	    nla_put_u32(skb, SHMQ_A_DEV_FRAMING, format->framing) ||
	    nla_put_u32(skb, SHMQ_A_DEV_MAX_MESSAGE, dev->max_message) ||
	    shmq_show_changeable(skb, dev))
		return -EMSGSIZE;
	if (dev->config.layout == SHMQ_LAYOUT_CELL &&
	    (nla_put_u32(skb, SHMQ_A_DEV_CELL_SIZE, dev->config.cell_size) ||
	     nla_put_u32(skb, SHMQ_A_DEV_CELL_READERS, dev->config.cell_readers)))
		return -EMSGSIZE;
	if (dev->config.layout == SHMQ_LAYOUT_POOL &&
	    (nla_put_u32(skb, SHMQ_A_DEV_POOL_BLOCK_SIZE, dev->pool.size) ||
	     nla_put_u32(skb, SHMQ_A_DEV_POOL_OWNERS, dev->pool.owners) ||
	     nla_put_u32(skb, SHMQ_A_DEV_POOL_BLOCKS, dev->pool.blocks)))
		return -EMSGSIZE;
	return shmq_show_queues(skb, dev, false);
}

static int shmq_show_periods(struct sk_buff *skb, const struct shmq_periods *periods)
{
	if (nla_put_u64_64bit(skb, SHMQ_A_DEV_PERIODS, READ_ONCE(periods->begun),
			      SHMQ_A_DEV_PAD) ||
	    nla_put_u64_64bit(skb, SHMQ_A_DEV_PERIODS_MISSED, READ_ONCE(periods->missed),
			      SHMQ_A_DEV_PAD) ||
	    nla_put_u64_64bit(skb, SHMQ_A_DEV_LATENESS_MAX_NS, READ_ONCE(periods->latest_ns),
			      SHMQ_A_DEV_PAD))
		return -EMSGSIZE;
	if (!READ_ONCE(periods->begun))
		return 0;
	return nla_put_64bit(skb, SHMQ_A_DEV_LATENESS, sizeof(periods->late), periods->late,
			     SHMQ_A_DEV_PAD);
}

/* Return: 0, -EMSGSIZE. */
int shmq_show_statistics(struct sk_buff *skb, struct shmq_device *dev)
{
	if (nla_put_u32(skb, SHMQ_A_DEV_INDEX, dev->index) ||
	    shmq_show_periods(skb, &dev->periods))
		return -EMSGSIZE;
	return shmq_show_queues(skb, dev, true);
}
