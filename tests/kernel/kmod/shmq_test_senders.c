// SPDX-License-Identifier: GPL-2.0-only
/*
 * Test: several kernel threads send to one device at once. Each message says
 * who sent it and its number: { u32 sender, u32 number, u32 length, pattern }.
 * Sender 0 is a timer in atomic context if `timer` is set.
 */
#include <linux/delay.h>
#include <linux/err.h>
#include <linux/kthread.h>
#include <linux/module.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <linux/timer.h>

#include <linux/shmq.h>

static uint device;
module_param(device, uint, 0444);
MODULE_PARM_DESC(device, "the N of /dev/shmqN");

static uint senders = 4;
module_param(senders, uint, 0444);
MODULE_PARM_DESC(senders, "threads, 1 to 16");

static uint count = 1000;
module_param(count, uint, 0444);
MODULE_PARM_DESC(count, "messages a thread");

static uint largest = 200;
module_param(largest, uint, 0444);
MODULE_PARM_DESC(largest, "longest message, bytes, at least 12");

static bool timer;
module_param(timer, bool, 0444);
MODULE_PARM_DESC(timer, "also send from a timer with shmq_try_send()");

/* What the threads came to, for the test to read in /sys/module. */
static uint sent;
module_param(sent, uint, 0444);
static uint failed;
module_param(failed, uint, 0444);
static int last_error;
module_param(last_error, int, 0444);

static struct shmq_device *dev;
static struct task_struct *thread[16];
static struct timer_list atomic_timer;
static u32 atomic_number;
static DEFINE_MUTEX(result_lock);

static u32 fill(u32 *message, u32 sender, u32 number)
{
	u32 length = 12 + (number * 7919u) % (largest - 11);

	message[0] = sender;
	message[1] = number;
	message[2] = length;
	memset(message + 3, number & 0xff, length - 12);
	return length;
}

static int send_thread(void *data)
{
	u32 sender = (unsigned long)data;
	u32 *message = kmalloc(largest, GFP_KERNEL);
	u32 number;
	int err = message ? 0 : -ENOMEM;

	for (number = 0; !err && number < count && !kthread_should_stop(); number++) {
		err = shmq_send(dev, sender, message, fill(message, sender, number));
		mutex_lock(&result_lock);
		if (err) {
			failed++;
			last_error = err;
		} else {
			sent++;
		}
		mutex_unlock(&result_lock);
	}
	kfree(message);
	while (!kthread_should_stop())
		schedule_timeout_interruptible(HZ / 20);
	return 0;
}

static void send_atomic(struct timer_list *t)
{
	u32 message[16];
	u32 length = sizeof(message);

	message[0] = 0;
	message[1] = atomic_number;
	message[2] = length;
	memset(message + 3, atomic_number & 0xff, length - 12);
	if (!shmq_try_send(dev, 0, message, length))
		atomic_number++;
	mod_timer(&atomic_timer, jiffies + 1);
}

static void stop(void)
{
	u32 i;

	if (timer)
		timer_shutdown_sync(&atomic_timer);
	for (i = 0; i < ARRAY_SIZE(thread); i++)
		if (thread[i])
			kthread_stop(thread[i]);
	shmq_put(dev);
}

static int __init senders_init(void)
{
	u32 i;

	if (senders > ARRAY_SIZE(thread) || largest < 12 || largest > SZ_1M)
		return -EINVAL;
	dev = shmq_get(device);
	if (IS_ERR(dev))
		return PTR_ERR(dev);
	if (timer) {
		timer_setup(&atomic_timer, send_atomic, 0);
		mod_timer(&atomic_timer, jiffies + 1);
	}
	for (i = 0; i < senders; i++) {
		struct task_struct *t = kthread_run(send_thread, (void *)(unsigned long)(i + 1),
						    "senders/%u", i + 1);

		if (IS_ERR(t)) {
			stop();
			return PTR_ERR(t);
		}
		thread[i] = t;
	}
	return 0;
}

static void __exit senders_exit(void)
{
	stop();
}

module_init(senders_init);
module_exit(senders_exit);

MODULE_DESCRIPTION("shmq test: several kernel senders at once");
MODULE_AUTHOR("The shmq authors");
MODULE_LICENSE("GPL");
