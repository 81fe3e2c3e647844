// SPDX-License-Identifier: GPL-2.0-only
/*
 * The built-in source: a line of text each tick_ms, so that kernel-to-user
 * messaging can be seen without writing a module.
 *
 *	tick 17 at 123.456789012
 *
 * The count, then CLOCK_MONOTONIC in seconds. A full queue drops the newest.
 */
#include <linux/hrtimer.h>
#include <linux/kthread.h>
#include <linux/sched.h>

#include "grid.h"
#include "internal.h"

static void shmq_tick(struct shmq_device *dev, u64 count)
{
	char line[64];
	u32 ns;
	u64 s = div_u64_rem(ktime_get_ns(), NSEC_PER_SEC, &ns);
	int n = scnprintf(line, sizeof(line), "tick %llu at %llu.%09u\n", count, s, ns);

	shmq_try_send(dev, 0, line, n);
}

static int shmq_tick_thread(void *data)
{
	struct shmq_device *dev = data;
	u64 count = 0, period_us = 0, missed;
	ktime_t due = 0;

	while (!kthread_should_stop()) {
		u64 wanted = (u64)READ_ONCE(dev->config.tick_ms) * USEC_PER_MSEC;

		if (period_us != wanted) {
			period_us = wanted;
			due = ktime_add_us(ktime_get(), period_us);
		}
		set_current_state(TASK_IDLE);
		if (kthread_should_stop() ||
		    period_us != (u64)READ_ONCE(dev->config.tick_ms) * USEC_PER_MSEC) {
			__set_current_state(TASK_RUNNING);
			continue;
		}
		if (schedule_hrtimeout_range(&due, 0, HRTIMER_MODE_ABS))
			continue;
		due = shmq_grid_next(due, period_us, &missed);
		shmq_tick(dev, ++count);
	}
	return 0;
}

/* Takes the sending end for the ticks; dev->lock is held. */
static int shmq_tick_hold(struct shmq_device *dev)
{
	int err = shmq_kernel_take(&dev->queue[SHMQ_TO_USER], SHMQ_END_PRODUCER);

	if (!err)
		dev->senders++;
	return err;
}

static void shmq_tick_unhold(struct shmq_device *dev)
{
	if (!--dev->senders && !dev->handler)
		shmq_kernel_give(&dev->queue[SHMQ_TO_USER], SHMQ_END_PRODUCER);
}

/* Return: 0, -EBUSY a program has the sending end, or no thread could be made. */
static int shmq_tick_begin(struct shmq_device *dev)
{
	struct task_struct *thread;
	int err = shmq_tick_hold(dev);

	if (err)
		return err;
	thread = kthread_run(shmq_tick_thread, dev, "%s/tick", dev_name(&dev->device));
	if (IS_ERR(thread)) {
		shmq_tick_unhold(dev);
		return PTR_ERR(thread);
	}
	dev->tick = thread;
	return 0;
}

int shmq_tick_start(struct shmq_device *dev)
{
	int err = 0;

	mutex_lock(&dev->lock);
	if (dev->config.tick_ms)
		err = shmq_tick_begin(dev);
	mutex_unlock(&dev->lock);
	return err;
}

void shmq_tick_stop(struct shmq_device *dev)
{
	if (dev->tick)
		kthread_stop(dev->tick);
	dev->tick = NULL;
}

/* Changes how often it ticks. Return: as shmq_tick_begin(), or -ENODEV. */
int shmq_tick_set(struct shmq_device *dev, u32 tick_ms)
{
	u32 before;
	int err = 0;

	mutex_lock(&dev->lock);
	before = dev->config.tick_ms;
	if (dev->removed) {
		err = -ENODEV;
	} else if (!tick_ms && dev->tick) {
		shmq_tick_stop(dev);
		shmq_tick_unhold(dev);
		WRITE_ONCE(dev->config.tick_ms, 0);
	} else {
		/* The thread reads it. */
		WRITE_ONCE(dev->config.tick_ms, tick_ms);
		if (dev->tick)
			wake_up_process(dev->tick);
		else
			err = shmq_tick_begin(dev);
		if (err)
			WRITE_ONCE(dev->config.tick_ms, before);
	}
	mutex_unlock(&dev->lock);
	return err;
}
