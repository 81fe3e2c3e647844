// SPDX-License-Identifier: GPL-2.0-only
/*
 * The life of a device: made whole before its node appears; after removal kept
 * by open files and mappings until the last of them goes.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/fs.h>
#include <linux/gfp.h>
#include <linux/slab.h>
#include <linux/xarray.h>

#include "compat.h"
#include "internal.h"

static dev_t shmq_devt;
static struct class *shmq_class;
static umode_t shmq_mode;
static DEFINE_XARRAY(shmq_devices);

static char *shmq_devnode(shmq_devnode_arg *device, umode_t *mode)
{
	if (mode)
		*mode = shmq_mode;
	return NULL;
}

int shmq_devices_init(umode_t mode)
{
	int err = alloc_chrdev_region(&shmq_devt, 0, SHMQ_DEVICES_MAX, "shmq");

	if (err)
		return err;
	shmq_class = shmq_class_create("shmq");
	if (IS_ERR(shmq_class)) {
		unregister_chrdev_region(shmq_devt, SHMQ_DEVICES_MAX);
		return PTR_ERR(shmq_class);
	}
	shmq_mode = mode;
	shmq_class->devnode = shmq_devnode;
	return 0;
}

void shmq_devices_exit(void)
{
	struct shmq_device *dev;
	unsigned long index;

	xa_for_each(&shmq_devices, index, dev)
		shmq_device_destroy(dev);
	xa_destroy(&shmq_devices);
	class_destroy(shmq_class);
	unregister_chrdev_region(shmq_devt, SHMQ_DEVICES_MAX);
}

/* A reference, or NULL; put_device() gives it back. */
struct shmq_device *shmq_device_find(u32 index)
{
	struct shmq_device *dev;

	xa_lock(&shmq_devices);
	dev = xa_load(&shmq_devices, index);
	if (dev)
		get_device(&dev->device);
	xa_unlock(&shmq_devices);
	return dev;
}

void shmq_devices_each(void (*fn)(struct shmq_device *dev, const void *arg), const void *arg)
{
	struct shmq_device *dev;
	u32 index;

	for (index = 0; index < SHMQ_DEVICES_MAX; index++) {
		dev = shmq_device_find(index);
		if (!dev)
			continue;
		fn(dev, arg);
		put_device(&dev->device);
	}
}

static void shmq_device_free(struct device *device)
{
	struct shmq_device *dev = container_of(device, struct shmq_device, device);

	kvfree(dev->buffer);
	shmq_region_free(&dev->region);
	free_page((unsigned long)dev->state);
	free_page((unsigned long)dev->wake);
	kfree(dev->config.handler);
	kfree(dev);
}

/* Two halves: the first from user space to the kernel, the second back. */
static int shmq_device_lay_out(struct shmq_device *dev)
{
	const struct shmq_config *config = &dev->config;
	u64 half = config->length / 2;
	u32 i, most;

	if (config->layout == SHMQ_LAYOUT_RAW)
		return 0;
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

static int shmq_device_fill(struct shmq_device *dev)
{
	int err;

	dev->config.handler = kstrdup(dev->config.handler, GFP_KERNEL);
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
	int err = 0;

	if (dev->queue_count)
		err = shmq_handler_set(dev, dev->config.handler);
	if (!err)
		err = shmq_thread_start(dev);
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
	shmq_thread_stop(dev);
}

/**
 * shmq_device_create() - makes a device, all but its node
 * @index: the N of /dev/shmqN
 * @config: copied
 *
 * Return: the device, or ERR_PTR(): -EINVAL a config that cannot be, -ENOMEM
 * no such memory (the log says what can be had), -EBUSY the number is taken.
 */
struct shmq_device *shmq_device_create(u32 index, const struct shmq_config *config)
{
	struct shmq_device *dev = kzalloc(sizeof(*dev), GFP_KERNEL);
	int err;

	if (!dev)
		return ERR_PTR(-ENOMEM);
	dev->config = *config;
	device_initialize(&dev->device);
	dev->device.class = shmq_class;
	dev->device.devt = MKDEV(MAJOR(shmq_devt), MINOR(shmq_devt) + index);
	dev->device.release = shmq_device_free;
	cdev_init(&dev->cdev, &shmq_fops);
	dev->cdev.owner = THIS_MODULE;
	mutex_init(&dev->lock);
	mutex_init(&dev->consume_lock);
	init_waitqueue_head(&dev->work);
	ratelimit_state_init(&dev->log_limit, 5 * HZ, 1000);

	err = shmq_device_fill(dev);
	if (!err)
		err = dev_set_name(&dev->device, "shmq%u", index);
	if (err)
		goto put;
	err = shmq_device_start(dev);
	if (!err)
		err = xa_insert(&shmq_devices, index, dev, GFP_KERNEL);
	if (err)
		goto stop;
	return dev;

stop:
	shmq_device_stop(dev);
put:
	put_device(&dev->device);
	return ERR_PTR(err);
}

/* Shows the node: from here on it may be opened at any time. */
int shmq_device_add(struct shmq_device *dev)
{
	int err = cdev_device_add(&dev->cdev, &dev->device);

	dev->added = !err;
	return err;
}

void shmq_device_destroy(struct shmq_device *dev)
{
	xa_erase(&shmq_devices, MINOR(dev->device.devt) - MINOR(shmq_devt));
	if (dev->added)
		cdev_device_del(&dev->cdev, &dev->device);
	shmq_device_stop(dev);
	put_device(&dev->device);
}
