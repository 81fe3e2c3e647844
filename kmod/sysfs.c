// SPDX-License-Identifier: GPL-2.0-only
/*
 * /sys/class/shmq/shmqN: read-only, one value a file. docs/abi/sysfs-class-shmq
 * describes them.
 */
#include <linux/device.h>
#include <linux/sysfs.h>

#include "internal.h"

static struct shmq_device *shmq_of(struct device *device)
{
	return container_of(device, struct shmq_device, device);
}

/* ---- the device ---- */

static ssize_t size_show(struct device *device, struct device_attribute *attr, char *buf)
{
	return sysfs_emit(buf, "%zu\n", shmq_of(device)->region.length);
}
static DEVICE_ATTR_RO(size);

static ssize_t layout_show(struct device *device, struct device_attribute *attr, char *buf)
{
	return sysfs_emit(buf, "%s\n", shmq_of(device)->config.layout == SHMQ_LAYOUT_RAW ?
			  "raw" : "channel");
}
static DEVICE_ATTR_RO(layout);

static ssize_t framing_show(struct device *device, struct device_attribute *attr, char *buf)
{
	return sysfs_emit(buf, "%s\n", shmq_of(device)->config.format.framing == SHMQ_PLAIN ?
			  "plain" : "checked");
}
static DEVICE_ATTR_RO(framing);

static ssize_t max_message_show(struct device *device, struct device_attribute *attr, char *buf)
{
	return sysfs_emit(buf, "%u\n", shmq_of(device)->max_message);
}
static DEVICE_ATTR_RO(max_message);

static ssize_t handler_show(struct device *device, struct device_attribute *attr, char *buf)
{
	struct shmq_device *dev = shmq_of(device);
	ssize_t length;

	mutex_lock(&dev->lock);
	length = sysfs_emit(buf, "%s\n", dev->handler ? dev->handler->name : "none");
	mutex_unlock(&dev->lock);
	return length;
}
static DEVICE_ATTR_RO(handler);

static ssize_t period_us_show(struct device *device, struct device_attribute *attr, char *buf)
{
	return sysfs_emit(buf, "%u\n", READ_ONCE(shmq_of(device)->config.period_us));
}
static DEVICE_ATTR_RO(period_us);

static ssize_t tick_ms_show(struct device *device, struct device_attribute *attr, char *buf)
{
	return sysfs_emit(buf, "%u\n", READ_ONCE(shmq_of(device)->config.tick_ms));
}
static DEVICE_ATTR_RO(tick_ms);

static ssize_t epoch_show(struct device *device, struct device_attribute *attr, char *buf)
{
	return sysfs_emit(buf, "%u\n", READ_ONCE(shmq_of(device)->state->epoch));
}
static DEVICE_ATTR_RO(epoch);

static struct attribute *shmq_device_attributes[] = {
	&dev_attr_size.attr,
	&dev_attr_layout.attr,
	&dev_attr_framing.attr,
	&dev_attr_max_message.attr,
	&dev_attr_handler.attr,
	&dev_attr_period_us.attr,
	&dev_attr_tick_ms.attr,
	&dev_attr_epoch.attr,
	NULL
};

static const struct attribute_group shmq_device_group = {
	.attrs = shmq_device_attributes,
};

/* ---- its queues ---- */

struct shmq_queue_attribute {
	struct device_attribute attribute;
	u32 queue;
	ssize_t (*show)(struct shmq_queue *q, char *buf);
};

static ssize_t shmq_queue_attribute_show(struct device *device, struct device_attribute *attr,
					 char *buf)
{
	struct shmq_queue_attribute *a = container_of(attr, struct shmq_queue_attribute, attribute);

	return a->show(&shmq_of(device)->queue[a->queue], buf);
}

static const char *const shmq_run_names[] = { "running", "corrupt", "recreated" };
static const char *const shmq_holder_names[] = { "none", "kernel", "user", "gone" };

static ssize_t shmq_show_state(struct shmq_queue *q, char *buf)
{
	return sysfs_emit(buf, "%s\n", shmq_run_names[READ_ONCE(q->state->state)]);
}

static ssize_t shmq_show_producer(struct shmq_queue *q, char *buf)
{
	return sysfs_emit(buf, "%s\n", shmq_holder_names[READ_ONCE(q->state->producer)]);
}

static ssize_t shmq_show_consumer(struct shmq_queue *q, char *buf)
{
	return sysfs_emit(buf, "%s\n", shmq_holder_names[READ_ONCE(q->state->consumer)]);
}

static ssize_t shmq_show_capacity(struct shmq_queue *q, char *buf)
{
	return sysfs_emit(buf, "%u\n", shmq_queue_capacity(q));
}

static ssize_t shmq_show_fill(struct shmq_queue *q, char *buf)
{
	return sysfs_emit(buf, "%u\n", shmq_queue_fill(q));
}

static ssize_t shmq_show_high_water(struct shmq_queue *q, char *buf)
{
	return sysfs_emit(buf, "%u\n", READ_ONCE(q->high_water));
}

static ssize_t shmq_show_turns(struct shmq_queue *q, char *buf)
{
	return sysfs_emit(buf, "%llu\n", READ_ONCE(q->turns));
}

#define SHMQ_SHOW_COUNTER(counter)						\
static ssize_t shmq_show_##counter(struct shmq_queue *q, char *buf)		\
{										\
	return sysfs_emit(buf, "%llu\n", READ_ONCE(q->state->counter));		\
}

SHMQ_SHOW_COUNTER(messages)
SHMQ_SHOW_COUNTER(bytes)
SHMQ_SHOW_COUNTER(dropped)
SHMQ_SHOW_COUNTER(refused)
SHMQ_SHOW_COUNTER(damaged)
SHMQ_SHOW_COUNTER(wakeups)

#define SHMQ_QUEUE_ATTRIBUTE(n, name_) {					\
	.attribute = {								\
		.attr = { .name = __stringify(name_), .mode = 0444 },		\
		.show = shmq_queue_attribute_show,				\
	},									\
	.queue = (n),								\
	.show = shmq_show_##name_,						\
}

#define SHMQ_QUEUE_ATTRIBUTES(n) {						\
	SHMQ_QUEUE_ATTRIBUTE(n, state),						\
	SHMQ_QUEUE_ATTRIBUTE(n, producer),					\
	SHMQ_QUEUE_ATTRIBUTE(n, consumer),					\
	SHMQ_QUEUE_ATTRIBUTE(n, capacity),					\
	SHMQ_QUEUE_ATTRIBUTE(n, fill),						\
	SHMQ_QUEUE_ATTRIBUTE(n, high_water),					\
	SHMQ_QUEUE_ATTRIBUTE(n, messages),					\
	SHMQ_QUEUE_ATTRIBUTE(n, bytes),						\
	SHMQ_QUEUE_ATTRIBUTE(n, dropped),					\
	SHMQ_QUEUE_ATTRIBUTE(n, refused),					\
	SHMQ_QUEUE_ATTRIBUTE(n, damaged),					\
	SHMQ_QUEUE_ATTRIBUTE(n, wakeups),					\
	SHMQ_QUEUE_ATTRIBUTE(n, turns),						\
}

#define SHMQ_QUEUE_VALUES	13

static struct shmq_queue_attribute shmq_queue_attributes[SHMQ_MAX_QUEUES][SHMQ_QUEUE_VALUES] = {
	SHMQ_QUEUE_ATTRIBUTES(0),
	SHMQ_QUEUE_ATTRIBUTES(1),
};

/* NULL behind the last. */
static struct attribute *shmq_queue_lists[SHMQ_MAX_QUEUES][SHMQ_QUEUE_VALUES + 1];

/* Layout raw has no queues. */
static umode_t shmq_queue_visible(struct kobject *kobj, struct attribute *attr, int n)
{
	return shmq_of(kobj_to_dev(kobj))->queue_count ? attr->mode : 0;
}

static const struct attribute_group shmq_queue_groups[SHMQ_MAX_QUEUES] = {
	{ .name = "queue0", .attrs = shmq_queue_lists[0], .is_visible = shmq_queue_visible },
	{ .name = "queue1", .attrs = shmq_queue_lists[1], .is_visible = shmq_queue_visible },
};

const struct attribute_group *shmq_attribute_groups[] = {
	&shmq_device_group,
	&shmq_queue_groups[0],
	&shmq_queue_groups[1],
	NULL
};

/* Before the first device. */
void shmq_sysfs_init(void)
{
	u32 queue, i;

	for (queue = 0; queue < SHMQ_MAX_QUEUES; queue++)
		for (i = 0; i < SHMQ_QUEUE_VALUES; i++)
			shmq_queue_lists[queue][i] =
				&shmq_queue_attributes[queue][i].attribute.attr;
}
