// SPDX-License-Identifier: GPL-2.0-only
/*
 * A module that sends messages to user space: its load, each second a beat from
 * a timer (atomic context), and its unload.
 *
 *	insmod shmq.ko handler=none
 *	insmod shmq_heartbeat.ko
 *	cat /dev/shmq0
 */
#include <linux/err.h>
#include <linux/jiffies.h>
#include <linux/kernel.h>
#include <linux/module.h>
#include <linux/timer.h>

#include <linux/shmq.h>

static uint device;
module_param(device, uint, 0444);
MODULE_PARM_DESC(device, "the N of /dev/shmqN to send to (default 0)");

static struct shmq_device *dev;
static struct timer_list timer;

static void beat(struct timer_list *t)
{
	char text[48];
	int n = scnprintf(text, sizeof(text), "heartbeat at jiffy %lu\n", jiffies);

	shmq_try_send(dev, 0, text, n); /* a full queue drops it, and counts */
	mod_timer(&timer, jiffies + HZ);
}

static int __init heartbeat_init(void)
{
	static const char hello[] = "heartbeat loaded\n";
	int err;

	dev = shmq_get(device);
	if (IS_ERR(dev))
		return PTR_ERR(dev);
	err = shmq_send(dev, 0, hello, sizeof(hello) - 1); /* waits for room */
	if (err) {
		shmq_put(dev);
		return err;
	}
	timer_setup(&timer, beat, 0);
	mod_timer(&timer, jiffies + HZ);
	return 0;
}

static void __exit heartbeat_exit(void)
{
	static const char bye[] = "heartbeat gone\n";

	timer_shutdown_sync(&timer);
	shmq_try_send(dev, 0, bye, sizeof(bye) - 1);
	shmq_put(dev);
}

module_init(heartbeat_init);
module_exit(heartbeat_exit);

MODULE_DESCRIPTION("shmq example: messages from a module to user space");
MODULE_AUTHOR("The shmq authors");
MODULE_LICENSE("GPL");
