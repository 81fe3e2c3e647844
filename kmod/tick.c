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

static int shmq_tick_thread(void *data)
{
	struct shmq_device *dev = data;
	u64 period_us = (u64)dev->config.tick_ms * USEC_PER_MSEC;
	ktime_t due = ktime_add_us(ktime_get(), period_us);
	u64 count = 0;

	while (!kthread_should_stop()) {
		char line[64];
		u32 ns;
		u64 s;
		int n;

		set_current_state(TASK_IDLE);
		if (kthread_should_stop()) {
			__set_current_state(TASK_RUNNING);
			break;
		}
		if (schedule_hrtimeout_range(&due, 0, HRTIMER_MODE_ABS))
			continue;
		due = shmq_grid_next(due, period_us);
		s = div_u64_rem(ktime_get_ns(), NSEC_PER_SEC, &ns);
		n = scnprintf(line, sizeof(line), "tick %llu at %llu.%09u\n", ++count, s, ns);
		shmq_try_send(dev, 0, line, n);
	}
	return 0;
}

int shmq_tick_start(struct shmq_device *dev)
{
	struct task_struct *thread;
	int err;

	if (!dev->config.tick_ms)
		return 0;
	mutex_lock(&dev->lock);
	err = shmq_kernel_take(&dev->queue[SHMQ_TO_USER], SHMQ_END_PRODUCER);
	if (!err)
		dev->senders++;
	mutex_unlock(&dev->lock);
	if (err)
		return err;
	thread = kthread_run(shmq_tick_thread, dev, "%s/tick", dev_name(&dev->device));
	if (IS_ERR(thread))
		return PTR_ERR(thread);
	dev->tick = thread;
	return 0;
}

void shmq_tick_stop(struct shmq_device *dev)
{
	if (dev->tick)
		kthread_stop(dev->tick);
	dev->tick = NULL;
}
