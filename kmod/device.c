// SPDX-License-Identifier: GPL-2.0-only
/*
 * The life of a device: made whole before its node appears; after removal kept
 * by open files and mappings until the last of them goes.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/fs.h>
#include <linux/gfp.h>
#include <linux/idr.h>
#include <linux/slab.h>
#include <linux/xarray.h>

#include "compat.h"
#include "internal.h"

static dev_t shmq_devt;
static struct class *shmq_class;
/* From the first step of a device's making to the last of its end. */
static DEFINE_XARRAY(shmq_devices);
/* A number is free again when the memory of its device is. */
static DEFINE_IDA(shmq_numbers);
/* Held while a device appears or is picked to go: the one who picks it ends it. */
static DEFINE_MUTEX(shmq_devices_lock);
/* Changes with each that appears or goes. */
static atomic_t shmq_generation = ATOMIC_INIT(1);

static char *shmq_devnode(shmq_devnode_arg *device, umode_t *mode, kuid_t *uid, kgid_t *gid)
{
	const struct shmq_device *dev = container_of(device, struct shmq_device, device);

	if (mode)
		*mode = READ_ONCE(dev->config.mode);
	if (uid)
		*uid = dev->config.uid;
	if (gid)
		*gid = dev->config.gid;
	return NULL;
}

static const struct device_type shmq_device_type = {
	.groups = shmq_attribute_groups,
	.devnode = shmq_devnode,
};

int __init shmq_devices_init(void)
{
	int err = alloc_chrdev_region(&shmq_devt, 0, SHMQ_DEVICES_MAX, "shmq");

	if (err)
		return err;
	shmq_sysfs_init();
	shmq_class = shmq_class_create("shmq");
	if (IS_ERR(shmq_class)) {
		unregister_chrdev_region(shmq_devt, SHMQ_DEVICES_MAX);
		return PTR_ERR(shmq_class);
	}
	return 0;
}

/* No new ones are made any more. */
void shmq_devices_exit(void)
{
	struct shmq_device *dev;
	unsigned long index;

	xa_for_each(&shmq_devices, index, dev)
		shmq_device_destroy(dev);
	xa_destroy(&shmq_devices);
	ida_destroy(&shmq_numbers);
	class_destroy(shmq_class);
	unregister_chrdev_region(shmq_devt, SHMQ_DEVICES_MAX);
}

u32 shmq_devices_generation(void)
{
	return atomic_read(&shmq_generation);
}

/* The first device that is there, from @index on; a reference, or NULL. */
struct shmq_device *shmq_device_from(u32 index)
{
	struct shmq_device *dev;
	unsigned long i = index;

	xa_lock(&shmq_devices);
	for (dev = xa_find(&shmq_devices, &i, ULONG_MAX, XA_PRESENT); dev;
	     dev = xa_find_after(&shmq_devices, &i, ULONG_MAX, XA_PRESENT)) {
		if (READ_ONCE(dev->added) && !READ_ONCE(dev->removed)) {
			get_device(&dev->device);
			break;
		}
	}
	xa_unlock(&shmq_devices);
	return dev;
}

/* A reference, or NULL; put_device() gives it back. */
struct shmq_device *shmq_device_find(u32 index)
{
	struct shmq_device *dev = shmq_device_from(index);

	if (dev && dev->index != index) {
		put_device(&dev->device);
		dev = NULL;
	}
	return dev;
}

/* All, those too that are being made or removed. */
void shmq_devices_each(void (*fn)(struct shmq_device *dev, const void *arg), const void *arg)
{
	struct shmq_device *dev;
	unsigned long index = 0;

	for (;;) {
		xa_lock(&shmq_devices);
		dev = xa_find(&shmq_devices, &index, ULONG_MAX, XA_PRESENT);
		if (dev)
			get_device(&dev->device);
		xa_unlock(&shmq_devices);
		if (!dev)
			break;
		fn(dev, arg);
		put_device(&dev->device);
		index++;
	}
}

static void shmq_device_free(struct device *device)
{
	struct shmq_device *dev = container_of(device, struct shmq_device, device);

	/* Who rang while the device stopped may have queued them once more. */
	shmq_service_stop(dev);
	shmq_events_stop(dev);
	kvfree(dev->buffer);
	kfree(dev->owner);
	shmq_region_free(&dev->region);
	free_page((unsigned long)dev->state);
	free_page((unsigned long)dev->wake);
	kfree(dev->config.handler);
	if (dev->numbered)
		ida_free(&shmq_numbers, dev->index);
	kfree(dev);
}

/* A channel has two halves: the first from user space to the kernel, the second back. */
static int shmq_device_lay_out(struct shmq_device *dev)
{
	const struct shmq_config *config = &dev->config;
	u64 half = config->length / 2;
	u32 i, most;

	if (config->layout == SHMQ_LAYOUT_RAW)
		return 0;
	if (config->layout == SHMQ_LAYOUT_CELL)
		return shmq_cell_make(dev);
	if (config->layout == SHMQ_LAYOUT_POOL)
		return shmq_pool_make(dev);
	most = shmq_message_max(&config->format, half - SHMQ_QUEUE_HEADER);
	if (!most || shmq_format_check(&config->format, dev->region.base, half) != SHMQ_OK) {
		pr_err("size=%llu: half of it holds no message with a prefix of %u bytes; ask for more\n",
		       config->length, config->format.prefix_length);
		return -EINVAL;
	}
	if (config->max_message > most) {
		pr_err("max_msg=%u: half of size=%llu holds messages of %u bytes at most\n",
		       config->max_message, config->length, most);
		return -EINVAL;
	}
	dev->max_message = config->max_message ? config->max_message : min_t(u32, SZ_64K, most);
	for (i = 0; i < SHMQ_MAX_QUEUES; i++)
		shmq_queue_init(&dev->queue[i], dev, i, i * half, half);
	dev->queue_count = SHMQ_MAX_QUEUES;
	dev->state->queue_count = SHMQ_MAX_QUEUES;
	return 0;
}

static int shmq_device_fill(struct shmq_device *dev, const char *handler)
{
	int err;

	dev->config.handler = kstrdup(handler, GFP_KERNEL);
	dev->state = (void *)get_zeroed_page(GFP_KERNEL);
	dev->wake = (void *)get_zeroed_page(GFP_KERNEL);
	if (!dev->config.handler || !dev->state || !dev->wake)
		return -ENOMEM;
	err = shmq_region_alloc(&dev->region, dev->config.length);
	if (err)
		return err;
	dev->state->abi_version = SHMQ_ABI_VERSION;
	return shmq_device_lay_out(dev);
}

static int shmq_device_start(struct shmq_device *dev)
{
	int err = shmq_handler_set(dev, dev->config.handler);

	if (!err)
		err = shmq_service_start(dev);
	if (!err)
		err = shmq_tick_start(dev);
	return err;
}

/* Nothing more will happen; who waits is told. */
static void shmq_device_stop(struct shmq_device *dev)
{
	mutex_lock(&dev->lock);
	WRITE_ONCE(dev->removed, true);
	WRITE_ONCE(dev->state->removed, 1);
	shmq_wake_all(dev);
	mutex_unlock(&dev->lock);
	shmq_tick_stop(dev);
	shmq_service_stop(dev);
	/* Of a module that may go: nobody calls it from here on. */
	mutex_lock(&dev->consume_lock);
	WRITE_ONCE(dev->handler, NULL);
	mutex_unlock(&dev->consume_lock);
	shmq_events_stop(dev);
}

/* The number asked for, or the lowest that is free. */
static int shmq_device_number(struct shmq_device *dev, u32 index)
{
	int number = index == SHMQ_ANY_INDEX ?
		ida_alloc_max(&shmq_numbers, SHMQ_DEVICES_MAX - 1, GFP_KERNEL) :
		ida_alloc_range(&shmq_numbers, index, index, GFP_KERNEL);

	if (number == -ENOSPC && index != SHMQ_ANY_INDEX)
		return xa_load(&shmq_devices, index) ? -EEXIST : -EBUSY;
	if (number < 0)
		return number;
	dev->index = number;
	dev->numbered = true;
	dev->device.devt = MKDEV(MAJOR(shmq_devt), MINOR(shmq_devt) + number);
	return dev_set_name(&dev->device, "shmq%d", number);
}

static struct shmq_device *shmq_device_alloc(const struct shmq_config *config)
{
	struct shmq_device *dev = kzalloc(sizeof(*dev), GFP_KERNEL);

	if (!dev)
		return NULL;
	dev->config = *config;
	dev->config.handler = NULL;
	device_initialize(&dev->device);
	dev->device.class = shmq_class;
	dev->device.type = &shmq_device_type;
	dev->device.release = shmq_device_free;
	cdev_init(&dev->cdev, &shmq_fops);
	dev->cdev.owner = THIS_MODULE;
	mutex_init(&dev->lock);
	mutex_init(&dev->consume_lock);
	init_waitqueue_head(&dev->end);
	shmq_service_init(dev);
	ratelimit_state_init(&dev->log_limit, 5 * HZ, 1000);
	shmq_events_init(dev);
	return dev;
}

/**
 * shmq_device_create() - makes a device, all but its node
 * @index: the N of /dev/shmqN, or SHMQ_ANY_INDEX
 * @config: copied
 *
 * Context: process, may sleep; any number at a time.
 * Return: the device, or ERR_PTR(): -EINVAL a config that cannot be, -ENOMEM
 * no such memory (the log says what can be had), -EEXIST there is one of that
 * number, -EBUSY there was one, and somebody still has it open, -ENOSPC all
 * numbers are taken, -ENOENT no such handler.
 */
struct shmq_device *shmq_device_create(u32 index, const struct shmq_config *config)
{
	struct shmq_device *dev = shmq_device_alloc(config);
	int err;

	if (!dev)
		return ERR_PTR(-ENOMEM);
	err = shmq_device_number(dev, index);
	if (!err)
		err = shmq_device_fill(dev, config->handler);
	if (!err)
		err = xa_insert(&shmq_devices, dev->index, dev, GFP_KERNEL);
	if (err)
		goto put;
	/* Seen by whoever takes a handler away. */
	err = shmq_device_start(dev);
	if (!err)
		return dev;
	shmq_device_stop(dev);
	xa_erase(&shmq_devices, dev->index);
put:
	put_device(&dev->device);
	return ERR_PTR(err);
}

/* Shows the node: from here on it may be opened, and removed, at any time. */
int shmq_device_add(struct shmq_device *dev)
{
	int err;

	mutex_lock(&shmq_devices_lock);
	err = cdev_device_add(&dev->cdev, &dev->device);
	if (!err) {
		atomic_inc(&shmq_generation);
		WRITE_ONCE(dev->added, true);
	}
	mutex_unlock(&shmq_devices_lock);
	return err;
}

/* Ends a device that nobody else ends. */
void shmq_device_destroy(struct shmq_device *dev)
{
	if (dev->added)
		cdev_device_del(&dev->cdev, &dev->device);
	shmq_device_stop(dev);
	xa_erase(&shmq_devices, dev->index);
	put_device(&dev->device);
}

/* Ends a device that was added. Return: 0, -ENODEV somebody else is at it. */
int shmq_device_remove(struct shmq_device *dev)
{
	bool mine;

	mutex_lock(&shmq_devices_lock);
	mine = !dev->doomed;
	dev->doomed = true;
	mutex_unlock(&shmq_devices_lock);
	if (!mine)
		return -ENODEV;
	atomic_inc(&shmq_generation);
	shmq_device_destroy(dev);
	shmq_event_removed(dev);
	return 0;
}
