// SPDX-License-Identifier: GPL-2.0-only
/*
 * A module that adds a handler: it answers each message in capitals.
 *
 *	insmod shmq.ko
 *	insmod shmq_upper.ko
 *	echo hello > /dev/shmq0; head -n 1 /dev/shmq0
 */
#include <linux/ctype.h>
#include <linux/module.h>
#include <linux/slab.h>

#include <linux/shmq.h>

static uint device;
module_param(device, uint, 0444);
MODULE_PARM_DESC(device, "the N of /dev/shmqN whose handler to be (default 0)");

static int upper(struct shmq_device *dev, u32 tag, const void *data, u32 length)
{
	const char *in = data;
	char *out = kmalloc(length, GFP_KERNEL);
	int err;
	u32 i;

	if (!out)
		return -ENOMEM;
	for (i = 0; i < length; i++)
		out[i] = toupper(in[i]);
	err = shmq_reply(dev, tag, out, length); /* -EAGAIN: we are called again */
	kfree(out);
	return err;
}

static struct shmq_handler handler = {
	.name = "upper",
	.message = upper,
};

static int __init upper_init(void)
{
	int err = shmq_register_handler(&handler);

	if (err)
		return err;
	err = shmq_set_handler(device, "upper");
	if (err)
		shmq_unregister_handler(&handler);
	return err;
}

static void __exit upper_exit(void)
{
	shmq_unregister_handler(&handler); /* the device goes back to its own */
}

module_init(upper_init);
module_exit(upper_exit);

MODULE_DESCRIPTION("shmq example: a handler");
MODULE_AUTHOR("The shmq authors");
MODULE_LICENSE("GPL");
