// SPDX-License-Identifier: GPL-2.0-only
/*
 * What devices do with messages: the register of handlers, and the built-in
 * ones. A device without one ("none") is left to two user programs.
 */
#include <linux/list.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "internal.h"

/* echo: what comes in goes back; waits for room, so that nothing is lost. */
static int shmq_handle_echo(struct shmq_device *dev, u32 tag, const void *data, u32 length)
{
	return shmq_reply(dev, tag, data, length);
}

/* count: the statistics say it all. */
static int shmq_handle_count(struct shmq_device *dev, u32 tag, const void *data, u32 length)
{
	return 0;
}

/*
 * log: the first bytes of each message, escaped; at most some hundred a second. With
 * a period, those that came since the last.
 */
static int shmq_handle_log(struct shmq_device *dev, u32 tag, const void *data, u32 length)
{
	int shown = min(length, 128u);

	if (__ratelimit(&dev->log_limit))
		dev_info(&dev->device, "%u bytes: %*pE%s\n", length, shown, (const char *)data,
			 shown < length ? " ..." : "");
	return 0;
}

static const struct shmq_handler shmq_builtin[] = {
	{ .name = "echo", .message = shmq_handle_echo, .quick = true },
	{ .name = "log", .message = shmq_handle_log, .by_period = true },
	{ .name = "count", .message = shmq_handle_count },
	{ .name = "print", .period = shmq_handle_print },
};

/* A handler of another module. */
struct shmq_registered {
	struct list_head list;
	const struct shmq_handler *handler;
};

static LIST_HEAD(shmq_registered);
/* Held while a handler is looked up and put to use: outside every device's locks. */
static DEFINE_MUTEX(shmq_handlers_lock);

static const struct shmq_handler *shmq_handler_find(const char *name)
{
	const struct shmq_registered *entry;
	size_t i;

	lockdep_assert_held(&shmq_handlers_lock);
	for (i = 0; i < ARRAY_SIZE(shmq_builtin); i++)
		if (!strcmp(shmq_builtin[i].name, name))
			return &shmq_builtin[i];
	list_for_each_entry(entry, &shmq_registered, list)
		if (!strcmp(entry->handler->name, name))
			return entry->handler;
	return NULL;
}

static bool shmq_is_none(const char *name)
{
	return !strcmp(name, "none");
}

/* Messages are for those that take them; print is for memory without queues. */
static bool shmq_handler_fits(const struct shmq_handler *handler, enum shmq_layout layout)
{
	return !!handler->message == (layout == SHMQ_LAYOUT_CHANNEL);
}

/* Return: 0, -ENOENT no such handler, -EOPNOTSUPP not with that layout. */
int shmq_handler_check(const char *name, enum shmq_layout layout)
{
	const struct shmq_handler *handler;
	int err = 0;

	if (shmq_is_none(name))
		return 0;
	mutex_lock(&shmq_handlers_lock);
	handler = shmq_handler_find(name);
	if (!handler)
		err = -ENOENT;
	else if (!shmq_handler_fits(handler, layout))
		err = -EOPNOTSUPP;
	mutex_unlock(&shmq_handlers_lock);
	return err;
}

/* Takes or gives the ends that a handler needs. */
static int shmq_handler_ends(struct shmq_device *dev, bool wanted)
{
	struct shmq_queue *from = &dev->queue[SHMQ_FROM_USER];
	struct shmq_queue *to = &dev->queue[SHMQ_TO_USER];
	int err;

	if (!dev->queue_count)
		return 0;
	if (wanted) {
		err = shmq_kernel_take(from, SHMQ_END_CONSUMER);
		if (err)
			return err;
		err = shmq_kernel_take(to, SHMQ_END_PRODUCER);
		if (!err)
			return 0;
	} else {
		err = 0;
	}
	shmq_kernel_give(from, SHMQ_END_CONSUMER);
	if (!dev->senders)
		shmq_kernel_give(to, SHMQ_END_PRODUCER);
	return err;
}

static void shmq_handler_swap(struct shmq_device *dev, const struct shmq_handler *handler)
{
	struct shmq_queue_state *state = dev->queue[SHMQ_FROM_USER].state;

	mutex_lock(&dev->consume_lock);
	WRITE_ONCE(dev->handler, handler);
	WRITE_ONCE(dev->by_period, handler && handler->by_period);
	/* A message at hand goes to the next handler; without one nobody takes it. */
	if (!handler && dev->pending) {
		dev->pending = false;
		WRITE_ONCE(state->refused, state->refused + 1);
	}
	mutex_unlock(&dev->consume_lock);
}

static int shmq_handler_start(struct shmq_device *dev, const struct shmq_handler *handler)
{
	/* For a message, or the part of a cell that is printed. */
	size_t length = dev->queue_count ? dev->max_message : SHMQ_PRINT_REACH;
	int err;

	if (!dev->buffer) {
		dev->buffer = kvmalloc(length, GFP_KERNEL);
		if (!dev->buffer)
			return -ENOMEM;
	}
	err = shmq_handler_ends(dev, true);
	if (err)
		return err;
	shmq_handler_swap(dev, handler);
	shmq_wake_all(dev);
	return 0;
}

static void shmq_handler_stop(struct shmq_device *dev)
{
	shmq_handler_swap(dev, NULL);
	shmq_handler_ends(dev, false);
	kvfree(dev->buffer);
	dev->buffer = NULL;
}

/* Return: 0, -ENOENT, -EOPNOTSUPP, -EBUSY, -ENOMEM, -ENODEV. */
int shmq_handler_set(struct shmq_device *dev, const char *name)
{
	const struct shmq_handler *handler = NULL;
	int err = 0;

	mutex_lock(&shmq_handlers_lock);
	if (!shmq_is_none(name)) {
		handler = shmq_handler_find(name);
		if (!handler)
			err = -ENOENT;
		else if (!shmq_handler_fits(handler, dev->config.layout))
			err = -EOPNOTSUPP;
	}
	if (!err) {
		mutex_lock(&dev->lock);
		if (dev->removed)
			err = -ENODEV;
		else if (handler)
			err = shmq_handler_start(dev, handler);
		else
			shmq_handler_stop(dev);
		mutex_unlock(&dev->lock);
	}
	mutex_unlock(&shmq_handlers_lock);
	return err;
}

int shmq_set_handler(unsigned int index, const char *name)
{
	struct shmq_device *dev = shmq_device_find(index);
	int err;

	if (!dev)
		return -ENODEV;
	err = shmq_handler_set(dev, name);
	put_device(&dev->device);
	return err;
}
EXPORT_SYMBOL_GPL(shmq_set_handler);

int shmq_register_handler(struct shmq_handler *handler)
{
	struct shmq_registered *entry;
	int err = 0;

	if (!handler->message || !handler->name || !*handler->name ||
	    strlen(handler->name) >= SHMQ_HANDLER_NAME)
		return -EINVAL;
	entry = kzalloc(sizeof(*entry), GFP_KERNEL);
	if (!entry)
		return -ENOMEM;
	entry->handler = handler;
	mutex_lock(&shmq_handlers_lock);
	if (shmq_is_none(handler->name) || shmq_handler_find(handler->name))
		err = -EEXIST;
	else
		list_add_tail(&entry->list, &shmq_registered);
	mutex_unlock(&shmq_handlers_lock);
	if (err)
		kfree(entry);
	return err;
}
EXPORT_SYMBOL_GPL(shmq_register_handler);

/* A device that runs @arg goes back to what it was made with, or to none. */
static void shmq_handler_fall_back(struct shmq_device *dev, const void *arg)
{
	const struct shmq_handler *handler;

	mutex_lock(&dev->lock);
	if (dev->handler == arg) {
		handler = shmq_handler_find(dev->config.handler);
		if (handler && handler != arg)
			shmq_handler_swap(dev, handler);
		else
			shmq_handler_stop(dev);
	}
	mutex_unlock(&dev->lock);
}

void shmq_unregister_handler(struct shmq_handler *handler)
{
	struct shmq_registered *entry;

	mutex_lock(&shmq_handlers_lock);
	shmq_devices_each(shmq_handler_fall_back, handler);
	list_for_each_entry(entry, &shmq_registered, list) {
		if (entry->handler == handler) {
			list_del(&entry->list);
			kfree(entry);
			break;
		}
	}
	mutex_unlock(&shmq_handlers_lock);
}
EXPORT_SYMBOL_GPL(shmq_unregister_handler);
