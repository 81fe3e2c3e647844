// SPDX-License-Identifier: GPL-2.0-only
/*
 * Test: core/pool.h in the kernel. Loading it lets two threads and a timer's
 * interrupts allocate, mark and free blocks of one pool; it fails with EIO if two
 * had the same block, or one was lost.
 */
#include <linux/completion.h>
#include <linux/err.h>
#include <linux/hrtimer.h>
#include <linux/kthread.h>
#include <linux/ktime.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/slab.h>

#include <shmq/core/pool_owner.h>

#include "../../../kmod/compat.h"

#define BLOCKS		64u
#define ROUNDS		100000u
#define TICKS		100

static struct shmq_pool pool;
static struct shmq_pool_hints hints[3];
static atomic_t errors = ATOMIC_INIT(0);
static atomic_t ticks = ATOMIC_INIT(0);
static struct hrtimer timer;
static DECLARE_COMPLETION(over);

/* Takes four blocks, and gives them back if nobody else wrote to them. */
static void use(u32 owner, u32 n)
{
	struct shmq_pool_handle h[4];
	u32 i, got;

	for (got = 0; got < ARRAY_SIZE(h); got++) {
		if (shmq_pool_alloc(&pool, owner, &hints[owner], &h[got]) != SHMQ_OK)
			break;
		shmq_store_relaxed(pool.base, shmq_pool_offset(&pool, h[got].index),
				   owner << 30 | n);
	}
	for (i = 0; i < got; i++) {
		u32 mark = shmq_load_relaxed(pool.base, shmq_pool_offset(&pool, h[i].index));

		if (mark != (owner << 30 | n) ||
		    shmq_pool_free(&pool, owner, &hints[owner], h[i]) != SHMQ_OK ||
		    shmq_pool_free(&pool, owner, &hints[owner], h[i]) == SHMQ_OK)
			atomic_inc(&errors);
	}
}

static int user(void *data)
{
	u32 owner = (u32)(unsigned long)data;
	u32 n;

	for (n = 0; n < ROUNDS || atomic_read(&ticks) < TICKS; n++) {
		use(owner, n & 0xffff);
		cond_resched();
	}
	complete(&over);
	while (!kthread_should_stop())
		schedule_timeout_uninterruptible(1);
	return 0;
}

static enum hrtimer_restart tick(struct hrtimer *t)
{
	use(2, (u32)atomic_inc_return(&ticks) & 0xffff);
	hrtimer_forward_now(t, ns_to_ktime(50000));
	return HRTIMER_RESTART;
}

static int run(void)
{
	struct task_struct *threads[2];
	unsigned long i;

	hrtimer_setup(&timer, tick, CLOCK_MONOTONIC, HRTIMER_MODE_REL_HARD);
	for (i = 0; i < ARRAY_SIZE(threads); i++) {
		threads[i] = kthread_run(user, (void *)i, "shmq_test_pool");
		if (IS_ERR(threads[i]))
			threads[i] = NULL;
	}
	hrtimer_start(&timer, ns_to_ktime(50000), HRTIMER_MODE_REL_HARD);
	/* One that is stopped before it began never begins. */
	for (i = 0; i < ARRAY_SIZE(threads); i++)
		if (threads[i])
			wait_for_completion(&over);
	for (i = 0; i < ARRAY_SIZE(threads); i++)
		if (!threads[i] || kthread_stop(threads[i]))
			atomic_inc(&errors);
	hrtimer_cancel(&timer);
	return atomic_read(&errors) || shmq_pool_count(&pool).free != BLOCKS ? -EIO : 0;
}

static int __init shmq_test_pool_init(void)
{
	const struct shmq_pool_shape shape = { BLOCKS, 64, 64, 4 };
	void *memory;
	shmq_owner_id id;
	int error = 0;
	u32 i;

	memory = kvzalloc(2 * PAGE_SIZE, GFP_KERNEL);
	if (!memory)
		return -ENOMEM;
	if (shmq_pool_create(&pool, memory, 2 * PAGE_SIZE, &shape) != SHMQ_POOL_OK)
		error = -EINVAL;
	for (i = 0; i < 3 && !error; i++)
		if (!shmq_pool_join(&pool, i, SHMQ_OWNER_UNLOCKED, &id))
			error = -EINVAL;
	if (!error)
		error = run();
	kvfree(memory);
	return error;
}

static void __exit shmq_test_pool_exit(void)
{
}

module_init(shmq_test_pool_init);
module_exit(shmq_test_pool_exit);

MODULE_DESCRIPTION("Test of core/pool.h");
MODULE_LICENSE("GPL");
