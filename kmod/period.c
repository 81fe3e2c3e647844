// SPDX-License-Identifier: GPL-2.0-only
/*
 * The thread of a device with a period. It looks by itself, for peers that know
 * no doorbell, wakes those who wait for such a peer, and calls handlers that
 * work by time. It sleeps by a timer of its own, so that nothing but its wake-up
 * happens in interrupt context, on PREEMPT_RT too.
 *
 * A period that begins late begins at once, unless the next is due by then: then
 * it is missed, and counted. So each point of the grid sees one period or none.
 */
#include <linux/cpumask.h>
#include <linux/hrtimer.h>
#include <linux/kthread.h>
#include <linux/log2.h>
#include <linux/sched.h>
#include <linux/sched/isolation.h>
#include <uapi/linux/sched/types.h>

#include "compat.h"
#include "grid.h"
#include "internal.h"

/* ---- how late ---- */

static u32 shmq_lateness_bucket(u64 ns)
{
	u64 us = div_u64(ns, NSEC_PER_USEC);
	u32 power;

	if (us < 4)
		return us;
	power = ilog2(us);
	return min_t(u32, 4 * (power - 1) + ((us >> (power - 2)) & 3), SHMQ_LATENESS_BUCKETS - 1);
}

static void shmq_periods_note(struct shmq_periods *periods, u64 late_ns)
{
	u64 *bucket = &periods->late[shmq_lateness_bucket(late_ns)];

	lockdep_assert_held(&container_of(periods, struct shmq_device, periods)->consume_lock);
	WRITE_ONCE(*bucket, *bucket + 1);
	WRITE_ONCE(periods->begun, periods->begun + 1);
	if (late_ns > periods->latest_ns)
		WRITE_ONCE(periods->latest_ns, late_ns);
}

void shmq_periods_forget(struct shmq_device *dev)
{
	lockdep_assert_held(&dev->consume_lock);
	memset(&dev->periods, 0, sizeof(dev->periods));
}

/* ---- the thread ---- */

/* Sleeps until somebody rings or the next period is due. */
static void shmq_sleep(struct shmq_device *dev, ktime_t due)
{
	DEFINE_WAIT(wait);

	prepare_to_wait(&dev->bell, &wait, TASK_IDLE);
	if (!xchg(&dev->kicked, false) && !kthread_should_stop() &&
	    (READ_ONCE(dev->by_period) || !shmq_has_work(dev)))
		schedule_hrtimeout_range(&due, 0, HRTIMER_MODE_ABS);
	finish_wait(&dev->bell, &wait);
}

/* One period, begun @late_ns after its time. True: there may be more messages. */
static bool shmq_period(struct shmq_device *dev, u64 late_ns)
{
	mutex_lock(&dev->consume_lock);
	shmq_periods_note(&dev->periods, late_ns);
	if (dev->handler && dev->handler->period) {
		WRITE_ONCE(dev->turning, current);
		dev->handler->period(dev);
		WRITE_ONCE(dev->turning, NULL);
	}
	mutex_unlock(&dev->consume_lock);
	shmq_serve_sleepers(dev);
	return shmq_turn(dev);
}

static void shmq_periods_miss(struct shmq_device *dev, u64 missed)
{
	if (!missed)
		return;
	mutex_lock(&dev->consume_lock);
	WRITE_ONCE(dev->periods.missed, dev->periods.missed + missed);
	mutex_unlock(&dev->consume_lock);
}

static int shmq_thread(void *data)
{
	struct shmq_device *dev = data;
	u32 period_us = 0;
	bool more = false;
	ktime_t due = 0;
	s64 late;
	u64 missed;

	complete(&dev->begun);
	while (!kthread_should_stop()) {
		if (period_us != READ_ONCE(dev->config.period_us)) {
			period_us = dev->config.period_us;
			due = ktime_add_us(ktime_get(), period_us);
		}
		if (!more)
			shmq_sleep(dev, due);
		late = ktime_to_ns(ktime_sub(ktime_get(), due));
		if (late >= 0) {
			more = shmq_period(dev, late);
			due = shmq_grid_next(due, period_us, &missed);
			shmq_periods_miss(dev, missed);
		} else {
			more = (more || !READ_ONCE(dev->by_period)) && shmq_turn(dev);
		}
		cond_resched();
	}
	return 0;
}

/* ---- starting, stopping, changing ---- */

static int shmq_thread_place(struct task_struct *thread, int cpu)
{
	return set_cpus_allowed_ptr(thread, cpu == SHMQ_CPU_ANY ?
				    housekeeping_cpumask(HK_TYPE_KTHREAD) : cpumask_of(cpu));
}

static int shmq_thread_prioritize(struct task_struct *thread, u32 priority)
{
	struct sched_attr attr = {
		.size = sizeof(attr),
		.sched_policy = priority ? SCHED_FIFO : SCHED_NORMAL,
		.sched_priority = priority,
	};

	return sched_setattr_nocheck(thread, &attr);
}

/*
 * Only what changes is set: chrt(1) and taskset(1) work on the thread too, and
 * what they did stays.
 */
static int shmq_thread_schedule(struct task_struct *thread, const struct shmq_config *from,
				const struct shmq_config *to)
{
	int err = 0;

	if (from->cpu != to->cpu)
		err = shmq_thread_place(thread, to->cpu);
	if (err || from->priority == to->priority)
		return err;
	err = shmq_thread_prioritize(thread, to->priority);
	if (err && from->cpu != to->cpu)
		shmq_thread_place(thread, from->cpu);
	return err;
}

/* Return: 0, or no thread could be made, or not there. */
int shmq_period_start(struct shmq_device *dev)
{
	static const struct shmq_config as_made = { .cpu = SHMQ_CPU_ANY };
	struct task_struct *thread;
	int err;

	init_completion(&dev->begun);
	thread = kthread_create(shmq_thread, dev, "%s", dev_name(&dev->device));
	if (IS_ERR(thread))
		return PTR_ERR(thread);
	/* What it is given before would be lost. */
	if (SHMQ_KTHREAD_PLACED_LATE) {
		wake_up_process(thread);
		wait_for_completion(&dev->begun);
	}
	err = shmq_thread_schedule(thread, &as_made, &dev->config);
	if (err) {
		kthread_stop(thread);
		return err;
	}
	WRITE_ONCE(dev->thread, thread);
	wake_up_process(thread);
	return 0;
}

/* Waits for a period under way. */
void shmq_period_stop(struct shmq_device *dev)
{
	struct task_struct *thread = dev->thread;

	/* From here on whoever rings queues the work. */
	WRITE_ONCE(dev->thread, NULL);
	if (thread)
		kthread_stop(thread);
}

static void shmq_period_config(struct shmq_device *dev, const struct shmq_config *to)
{
	WRITE_ONCE(dev->config.period_us, to->period_us);
	WRITE_ONCE(dev->config.priority, to->priority);
	WRITE_ONCE(dev->config.cpu, to->cpu);
}

/**
 * shmq_period_set() - changes period, priority and CPU
 * @dev: whose
 * @to: of which no more than these three is looked at
 *
 * Return: 0, or nothing was changed: -ENODEV it was removed, -EINVAL the CPU went
 * offline, or no thread could be made.
 */
int shmq_period_set(struct shmq_device *dev, const struct shmq_config *to)
{
	struct shmq_config from;
	int err = 0;

	mutex_lock(&dev->lock);
	from = dev->config;
	if (dev->removed) {
		err = -ENODEV;
	} else if (!to->period_us) {
		shmq_period_stop(dev);
		shmq_period_config(dev, to);
	} else {
		shmq_period_config(dev, to);
		err = dev->thread ? shmq_thread_schedule(dev->thread, &from, to)
				  : shmq_period_start(dev);
		if (err)
			shmq_period_config(dev, &from);
	}
	/* What came while neither looked. */
	shmq_wake_all(dev);
	mutex_unlock(&dev->lock);
	return err;
}
