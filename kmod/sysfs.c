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
	static const char *const names[] = {
		[SHMQ_LAYOUT_CHANNEL] = "channel",
		[SHMQ_LAYOUT_RAW] = "raw",
		[SHMQ_LAYOUT_CELL] = "cell",
		[SHMQ_LAYOUT_POOL] = "pool",
	};

	return sysfs_emit(buf, "%s\n", names[shmq_of(device)->config.layout]);
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

static ssize_t priority_show(struct device *device, struct device_attribute *attr, char *buf)
{
	return sysfs_emit(buf, "%u\n", READ_ONCE(shmq_of(device)->config.priority));
}
static DEVICE_ATTR_RO(priority);

static ssize_t cpu_show(struct device *device, struct device_attribute *attr, char *buf)
{
	return sysfs_emit(buf, "%d\n", READ_ONCE(shmq_of(device)->config.cpu));
}
static DEVICE_ATTR_RO(cpu);

static ssize_t periods_show(struct device *device, struct device_attribute *attr, char *buf)
{
	return sysfs_emit(buf, "%llu\n", READ_ONCE(shmq_of(device)->periods.begun));
}
static DEVICE_ATTR_RO(periods);

static ssize_t periods_missed_show(struct device *device, struct device_attribute *attr, char *buf)
{
	return sysfs_emit(buf, "%llu\n", READ_ONCE(shmq_of(device)->periods.missed));
}
static DEVICE_ATTR_RO(periods_missed);

static ssize_t lateness_max_ns_show(struct device *device, struct device_attribute *attr,
				    char *buf)
{
	return sysfs_emit(buf, "%llu\n", READ_ONCE(shmq_of(device)->periods.latest_ns));
}
static DEVICE_ATTR_RO(lateness_max_ns);

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
	&dev_attr_priority.attr,
	&dev_attr_cpu.attr,
	&dev_attr_periods.attr,
	&dev_attr_periods_missed.attr,
	&dev_attr_lateness_max_ns.attr,
	&dev_attr_tick_ms.attr,
	&dev_attr_epoch.attr,
	NULL
};

static const struct attribute_group shmq_device_group = {
	.attrs = shmq_device_attributes,
};

/* ---- its queues ---- */

/* What each queue has: @counter is where in struct shmq_queue_state. */
struct shmq_queue_value {
	const char *name;
	ssize_t (*show)(struct shmq_queue *q, const struct shmq_queue_value *value, char *buf);
	size_t counter;
};

struct shmq_queue_attribute {
	struct device_attribute attribute;
	u32 queue;
	const struct shmq_queue_value *value;
};

static ssize_t shmq_queue_attribute_show(struct device *device, struct device_attribute *attr,
					 char *buf)
{
	struct shmq_queue_attribute *a = container_of(attr, struct shmq_queue_attribute, attribute);

	return a->value->show(&shmq_of(device)->queue[a->queue], a->value, buf);
}

static const char *const shmq_run_names[] = { "running", "corrupt", "recreated" };
static const char *const shmq_holder_names[] = { "none", "kernel", "user", "gone" };

static ssize_t shmq_show_state(struct shmq_queue *q, const struct shmq_queue_value *value,
			       char *buf)
{
	return sysfs_emit(buf, "%s\n", shmq_run_names[READ_ONCE(q->state->state)]);
}

static ssize_t shmq_show_producer(struct shmq_queue *q, const struct shmq_queue_value *value,
				  char *buf)
{
	return sysfs_emit(buf, "%s\n", shmq_holder_names[READ_ONCE(q->state->producer)]);
}

static ssize_t shmq_show_consumer(struct shmq_queue *q, const struct shmq_queue_value *value,
				  char *buf)
{
	return sysfs_emit(buf, "%s\n", shmq_holder_names[READ_ONCE(q->state->consumer)]);
}

static ssize_t shmq_show_capacity(struct shmq_queue *q, const struct shmq_queue_value *value,
				  char *buf)
{
	return sysfs_emit(buf, "%u\n", shmq_queue_capacity(q));
}

static ssize_t shmq_show_fill(struct shmq_queue *q, const struct shmq_queue_value *value,
			      char *buf)
{
	return sysfs_emit(buf, "%u\n", shmq_queue_fill(q));
}

static ssize_t shmq_show_high_water(struct shmq_queue *q, const struct shmq_queue_value *value,
				    char *buf)
{
	return sysfs_emit(buf, "%u\n", READ_ONCE(q->high_water));
}

static ssize_t shmq_show_turns(struct shmq_queue *q, const struct shmq_queue_value *value,
			       char *buf)
{
	return sysfs_emit(buf, "%llu\n", READ_ONCE(q->turns));
}

static ssize_t shmq_show_counter(struct shmq_queue *q, const struct shmq_queue_value *value,
				 char *buf)
{
	const u64 *counter = (const void *)q->state + value->counter;

	return sysfs_emit(buf, "%llu\n", READ_ONCE(*counter));
}

static const struct shmq_queue_value shmq_queue_values[] = {
	{ "state", shmq_show_state },
	{ "producer", shmq_show_producer },
	{ "consumer", shmq_show_consumer },
	{ "capacity", shmq_show_capacity },
	{ "fill", shmq_show_fill },
	{ "high_water", shmq_show_high_water },
	{ "messages", shmq_show_counter, offsetof(struct shmq_queue_state, messages) },
	{ "bytes", shmq_show_counter, offsetof(struct shmq_queue_state, bytes) },
	{ "dropped", shmq_show_counter, offsetof(struct shmq_queue_state, dropped) },
	{ "refused", shmq_show_counter, offsetof(struct shmq_queue_state, refused) },
	{ "damaged", shmq_show_counter, offsetof(struct shmq_queue_state, damaged) },
	{ "wakeups", shmq_show_counter, offsetof(struct shmq_queue_state, wakeups) },
	{ "turns", shmq_show_turns },
};

#define SHMQ_QUEUE_VALUES	ARRAY_SIZE(shmq_queue_values)

static struct shmq_queue_attribute shmq_queue_attributes[SHMQ_MAX_QUEUES][SHMQ_QUEUE_VALUES];
/* NULL behind the last. */
static struct attribute *shmq_queue_lists[SHMQ_MAX_QUEUES][SHMQ_QUEUE_VALUES + 1];

/* Only layout channel has queues. */
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

static void __init shmq_queue_attribute_init(struct shmq_queue_attribute *a, u32 queue,
					     const struct shmq_queue_value *value)
{
	a->attribute.attr.name = value->name;
	a->attribute.attr.mode = 0444;
	a->attribute.show = shmq_queue_attribute_show;
	a->queue = queue;
	a->value = value;
}

/* Before the first device. */
void __init shmq_sysfs_init(void)
{
	u32 queue, i;

	for (queue = 0; queue < SHMQ_MAX_QUEUES; queue++) {
		for (i = 0; i < SHMQ_QUEUE_VALUES; i++) {
			struct shmq_queue_attribute *a = &shmq_queue_attributes[queue][i];

			shmq_queue_attribute_init(a, queue, &shmq_queue_values[i]);
			shmq_queue_lists[queue][i] = &a->attribute.attr;
		}
	}
}
