// SPDX-License-Identifier: GPL-2.0-only
/*
 * Does on purpose, when it is loaded, what tools/vm/run has to notice.
 */
#include <linux/delay.h>
#include <linux/kthread.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/slab.h>
#include <linux/spinlock.h>

static char *kind = "none";
module_param(kind, charp, 0444);

static int *nowhere;

static void do_warn(void)
{
	WARN(1, "on purpose\n");
}

static void do_oops(void)
{
	WRITE_ONCE(*READ_ONCE(nowhere), 1);
}

static void do_panic(void)
{
	panic("on purpose");
}

static void do_leak(void)
{
	int i;

	/* Several: a stray copy of one pointer may hide one of them. */
	for (i = 0; i < 16; i++) {
		int *lost = kmalloc(96, GFP_KERNEL);

		OPTIMIZER_HIDE_VAR(lost);
		if (lost)
			*lost = i;
	}
}

static void do_overrun(void)
{
	char *bytes = kmalloc(61, GFP_KERNEL);

	OPTIMIZER_HIDE_VAR(bytes);
	if (bytes)
		bytes[61] = 1;
	kfree(bytes);
}

static DEFINE_MUTEX(first);
static DEFINE_MUTEX(second);

static void do_locks(void)
{
	mutex_lock(&first);
	mutex_lock(&second);
	mutex_unlock(&second);
	mutex_unlock(&first);

	mutex_lock(&second);
	mutex_lock(&first);
	mutex_unlock(&first);
	mutex_unlock(&second);
}

static DEFINE_SPINLOCK(spinning);

static void do_sleep(void)
{
	spin_lock(&spinning);
	msleep(20);
	spin_unlock(&spinning);
}

/* Takes a reference to itself that nobody gives back. */
static void do_stay(void)
{
	__module_get(THIS_MODULE);
}

static void do_hang(void)
{
	for (;;)
		schedule_timeout_uninterruptible(HZ);
}

static const struct {
	const char *kind;
	void (*function)(void);
} troubles[] = {
	{ "warn", do_warn },
	{ "oops", do_oops },
	{ "panic", do_panic },
	{ "leak", do_leak },
	{ "overrun", do_overrun },
	{ "locks", do_locks },
	{ "sleep", do_sleep },
	{ "stay", do_stay },
	{ "hang", do_hang },
};

static int __init trouble_init(void)
{
	int i;

	for (i = 0; i < ARRAY_SIZE(troubles); i++) {
		if (strcmp(kind, troubles[i].kind) == 0) {
			troubles[i].function();
			return 0;
		}
	}
	return -EINVAL;
}

static void __exit trouble_exit(void)
{
}

module_init(trouble_init);
module_exit(trouble_exit);
MODULE_DESCRIPTION("Makes trouble on purpose");
MODULE_LICENSE("GPL");
