// SPDX-License-Identifier: GPL-2.0-only
/* The counters of the state page, and what else is counted: starting over. */
#include "internal.h"

static void shmq_queue_forget(struct shmq_queue *q)
{
	struct shmq_queue_state *state = q->state;
	unsigned long flags;

	spin_lock_irqsave(&q->lock, flags);
	WRITE_ONCE(state->messages, 0);
	WRITE_ONCE(state->bytes, 0);
	WRITE_ONCE(state->dropped, 0);
	WRITE_ONCE(state->damaged, 0);
	WRITE_ONCE(state->refused, 0);
	WRITE_ONCE(state->wakeups, 0);
	WRITE_ONCE(q->high_water, 0);
	q->turns = 0;
	spin_unlock_irqrestore(&q->lock, flags);
}

/**
 * shmq_statistics_reset() - counters, high-water marks and lateness start at 0
 * @dev: whose
 *
 * Context: process; waits for a handler's call under way.
 * Return: 0, -EINTR the caller was killed meanwhile.
 */
int shmq_statistics_reset(struct shmq_device *dev)
{
	u32 i;

	if (mutex_lock_killable(&dev->consume_lock))
		return -EINTR;
	for (i = 0; i < dev->queue_count; i++)
		shmq_queue_forget(&dev->queue[i]);
	shmq_periods_forget(dev);
	mutex_unlock(&dev->consume_lock);
	return 0;
}
