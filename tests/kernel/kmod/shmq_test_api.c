// SPDX-License-Identifier: GPL-2.0-only
/*
 * Test: calls the driver's API for other modules as a program asks it to, by
 * writing a line to /sys/module/shmq_test_api/parameters/call. The write fails
 * with what the call returned.
 *
 *	get N            shmq_get(), kept
 *	put              shmq_put()
 *	send N TEXT      shmq_send(): TEXT repeated to N bytes, with tag N
 *	try N TEXT       shmq_try_send(), likewise
 *	register NAME    shmq_register_handler() of a second handler by that name
 *	unregister       shmq_unregister_handler() of that
 *	set N NAME       shmq_set_handler()
 *	behave HOW       what the handler "test" does, below
 */
#include <linux/delay.h>
#include <linux/err.h>
#include <linux/kernel.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <linux/string.h>

#include <linux/shmq.h>

/* How the handler answers. */
enum behaviour {
	BEHAVE_ECHO,	/* as the built-in one */
	BEHAVE_TWICE,	/* the message twice over: longer than what came */
	BEHAVE_AGAIN,	/* -EAGAIN for the first three calls with a message */
	BEHAVE_REFUSE,	/* -EINVAL for each message that starts with 'r' */
	BEHAVE_SLOW,	/* after 50 ms */
	BEHAVE_NEVER,	/* -EAGAIN for ever */
};

static const char * const behaviours[] = {
	[BEHAVE_ECHO] = "echo",	    [BEHAVE_TWICE] = "twice", [BEHAVE_AGAIN] = "again",
	[BEHAVE_REFUSE] = "refuse", [BEHAVE_SLOW] = "slow",   [BEHAVE_NEVER] = "never",
};

static uint behaviour;

static ulong calls;
module_param(calls, ulong, 0444);
MODULE_PARM_DESC(calls, "how often the handler was called");

static ulong periods;
module_param(periods, ulong, 0444);
MODULE_PARM_DESC(periods, "how often its period began");

static uint period_ms;
module_param(period_ms, uint, 0644);
MODULE_PARM_DESC(period_ms, "how long it works in each period");

static struct shmq_device *dev;
static DEFINE_MUTEX(lock); /* dev, second, second_name */

static int answer_twice(struct shmq_device *to, u32 tag, const void *data, u32 length)
{
	char *twice = kvmalloc(2 * length + 1, GFP_KERNEL);
	int err;

	if (!twice)
		return -ENOMEM;
	memcpy(twice, data, length);
	memcpy(twice + length, data, length);
	err = shmq_reply(to, tag, twice, 2 * length);
	kvfree(twice);
	return err;
}

static int message(struct shmq_device *from, u32 tag, const void *data, u32 length)
{
	static uint tries;

	WRITE_ONCE(calls, calls + 1);
	switch (READ_ONCE(behaviour)) {
	case BEHAVE_TWICE:
		return answer_twice(from, tag, data, length);
	case BEHAVE_AGAIN:
		if (++tries % 4)
			return -EAGAIN;
		break;
	case BEHAVE_REFUSE:
		if (length && *(const char *)data == 'r')
			return -EINVAL;
		break;
	case BEHAVE_SLOW:
		msleep(50);
		break;
	case BEHAVE_NEVER:
		return -EAGAIN;
	}
	return shmq_reply(from, tag, data, length);
}

static void period(struct shmq_device *of)
{
	WRITE_ONCE(periods, periods + 1);
	if (READ_ONCE(period_ms))
		msleep(READ_ONCE(period_ms));
	/* Without a reader the queue fills; it is not waited for. */
	shmq_reply(of, 0, "period", 6);
}

static struct shmq_handler handler = {
	.name = "test",
	.message = message,
	.period = period,
};

static char second_name[64];
static struct shmq_handler second = {
	.name = second_name,
	.message = message,
};

static bool registered;

static int call_get(uint n)
{
	struct shmq_device *got = shmq_get(n);

	if (IS_ERR(got))
		return PTR_ERR(got);
	shmq_put(dev);
	dev = got;
	return 0;
}

static int call_send(bool now, uint length, const char *text)
{
	size_t n = strlen(text);
	char *data;
	uint i;
	int err;

	if (!dev || !n || length > SZ_16M)
		return -ENXIO;
	data = kvmalloc(length + 1, GFP_KERNEL);
	if (!data)
		return -ENOMEM;
	for (i = 0; i < length; i++)
		data[i] = text[i % n];
	err = now ? shmq_try_send(dev, length, data, length) : shmq_send(dev, length, data, length);
	kvfree(data);
	return err;
}

static int call_register(const char *name)
{
	int err;

	if (registered)
		return -EALREADY;
	strscpy(second_name, name, sizeof(second_name));
	second.name = strcmp(name, "null") ? second_name : NULL;
	second.message = strcmp(name, "no-function") ? message : NULL;
	err = shmq_register_handler(&second);
	registered = !err;
	return err;
}

static int call_behave(const char *how)
{
	int i = match_string(behaviours, ARRAY_SIZE(behaviours), how);

	if (i < 0)
		return i;
	WRITE_ONCE(behaviour, i);
	return 0;
}

static int call_locked(const char *line)
{
	char text[64] = "";
	uint n;

	if (sscanf(line, "get %u", &n) == 1)
		return call_get(n);
	if (sscanf(line, "send %u %63s", &n, text) == 2)
		return call_send(false, n, text);
	if (sscanf(line, "try %u %63s", &n, text) == 2)
		return call_send(true, n, text);
	if (sscanf(line, "set %u %63s", &n, text) == 2)
		return shmq_set_handler(n, text);
	if (sscanf(line, "register %63s", text) == 1)
		return call_register(text);
	if (sscanf(line, "behave %63s", text) == 1)
		return call_behave(text);
	if (sysfs_streq(line, "register")) /* an empty name */
		return call_register("");
	if (sysfs_streq(line, "unregister") && registered) {
		registered = false;
		shmq_unregister_handler(&second);
		return 0;
	}
	if (sysfs_streq(line, "put")) {
		shmq_put(dev);
		dev = NULL;
		return 0;
	}
	return -ENXIO;
}

static int call_set(const char *line, const struct kernel_param *param)
{
	int err = mutex_lock_interruptible(&lock);

	if (err)
		return err;
	err = call_locked(line);
	mutex_unlock(&lock);
	return err;
}

static const struct kernel_param_ops call_ops = {
	.set = call_set,
};
module_param_cb(call, &call_ops, NULL, 0200);
MODULE_PARM_DESC(call, "what to call");

static int __init api_init(void)
{
	return shmq_register_handler(&handler);
}

static void __exit api_exit(void)
{
	if (registered)
		shmq_unregister_handler(&second);
	shmq_unregister_handler(&handler);
	shmq_put(dev);
}

module_init(api_init);
module_exit(api_exit);

MODULE_DESCRIPTION("shmq test: the API for other modules");
MODULE_AUTHOR("The shmq authors");
MODULE_LICENSE("GPL");
