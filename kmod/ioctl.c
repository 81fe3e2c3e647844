// SPDX-License-Identifier: GPL-2.0-only
/* The ioctls of include/uapi/linux/shmq.h. */
#include <linux/capability.h>
#include <linux/compiler.h>
#include <linux/fs.h>
#include <linux/uaccess.h>

#include "internal.h"

/*
 * Copies an argument that begins with its size and flags. A program built with
 * a later header may pass more, if the rest is zero: the kernel then knows all
 * that it asks for. `flags` are those it may set.
 */
static int shmq_arg_in(void *arg, size_t known, u32 flags, const void __user *from)
{
	u32 size;
	int err;

	if (get_user(size, (const u32 __user *)from))
		return -EFAULT;
	if (size < known || size > PAGE_SIZE)
		return -EINVAL;
	err = copy_struct_from_user(arg, known, from, size);
	if (err)
		return err;
	return ((u32 *)arg)[1] & ~flags ? -EINVAL : 0;
}

static u32 shmq_area_type(const struct shmq_device *dev)
{
	switch (dev->config.layout) {
	case SHMQ_LAYOUT_CELL:
		return SHMQ_AREA_CELL;
	case SHMQ_LAYOUT_POOL:
		return SHMQ_AREA_POOL;
	default:
		return SHMQ_AREA_RAW;
	}
}

static void shmq_area_fill(struct shmq_device *dev, struct shmq_info *info)
{
	struct shmq_area *area = info->areas;
	u32 i, end;

	if (!dev->queue_count) {
		info->area_count = 1;
		area->type = shmq_area_type(dev);
		area->length = dev->region.length;
		return;
	}
	info->area_count = dev->queue_count;
	for (i = 0; i < dev->queue_count; i++, area++) {
		struct shmq_queue *q = &dev->queue[i];

		area->type = SHMQ_AREA_QUEUE;
		area->queue = i;
		area->direction = i == SHMQ_FROM_USER ? SHMQ_DIRECTION_FROM_USER
						      : SHMQ_DIRECTION_TO_USER;
		area->framing = dev->config.format.framing;
		for (end = SHMQ_END_PRODUCER; end <= SHMQ_END_CONSUMER; end++)
			if (shmq_kernel_holds(q, end))
				area->kernel_ends |= 1u << end;
		area->offset = q->offset;
		area->length = q->length;
	}
}

static long shmq_ioctl_info(struct shmq_device *dev, void __user *arg)
{
	struct shmq_info info;
	u32 size;
	int err;

	err = shmq_arg_in(&info, sizeof(info), 0, arg);
	if (err)
		return err;
	size = info.size;
	if (info.reserved)
		return -EINVAL;

	memset(&info, 0, sizeof(info));
	info.size = sizeof(info);
	info.abi_version = SHMQ_ABI_VERSION;
	info.device = dev->index;
	info.features = SHMQ_FEATURE_PERIOD;
	info.region_length = dev->region.length;
	if (capable(CAP_SYS_RAWIO))
		info.phys_addr = (u64)dev->region.pfn << PAGE_SHIFT;
	info.state_offset = SHMQ_STATE_OFFSET;
	info.wake_offset = SHMQ_WAKE_OFFSET;
	info.control_length = PAGE_SIZE;
	info.period_us = dev->config.period_us;
	info.max_message = dev->max_message;
	info.prefix_length = dev->config.format.prefix_length;
	memcpy(info.prefix, dev->config.format.prefix, sizeof(info.prefix));

	mutex_lock(&dev->lock);
	info.epoch = dev->state->epoch;
	strscpy(info.handler, dev->handler ? dev->handler->name : "none", sizeof(info.handler));
	shmq_area_fill(dev, &info);
	mutex_unlock(&dev->lock);

	/* A newer program's struct is longer: the rest of it stays zero. */
	return copy_to_user(arg, &info, min_t(u32, size, sizeof(info))) ? -EFAULT : 0;
}

static int shmq_claim_arg(struct shmq_device *dev, struct shmq_claim *claim, u32 flags,
			  void __user *arg)
{
	int err = shmq_arg_in(claim, sizeof(*claim), flags, arg);

	if (err)
		return err;
	if (claim->reserved || claim->queue >= dev->queue_count || claim->end > SHMQ_END_CONSUMER ||
	    (claim->end == SHMQ_END_CONSUMER && claim->room))
		return -EINVAL;
	return 0;
}

static long shmq_ioctl_claim(struct shmq_file *file, void __user *arg)
{
	struct shmq_device *dev = file->dev;
	struct shmq_claim claim;
	struct shmq_queue *q;
	bool bytes;
	u32 size;
	int err;

	err = shmq_claim_arg(dev, &claim, SHMQ_CLAIM_BYTES, arg);
	if (err)
		return err;
	q = &dev->queue[claim.queue];
	bytes = claim.flags & SHMQ_CLAIM_BYTES;
	size = q->length - SHMQ_QUEUE_HEADER;
	if (claim.room > (bytes ? size - 1 : shmq_message_max(&dev->config.format, size)))
		return -EMSGSIZE;
	return shmq_claim(file, q, claim.end, max(claim.room, 1u), bytes);
}

static long shmq_ioctl_release(struct shmq_file *file, void __user *arg)
{
	struct shmq_claim claim;
	int err = shmq_claim_arg(file->dev, &claim, 0, arg);

	return err ? err : shmq_claim_release(file, &file->dev->queue[claim.queue], claim.end);
}

/* For who may write only: others have no business with blocks. */
static long shmq_ioctl_owner(struct file *filp, int (*change)(struct shmq_file *file, u32 slot),
			     void __user *arg)
{
	struct shmq_owner owner;
	int err = shmq_arg_in(&owner, sizeof(owner), 0, arg);

	if (err)
		return err;
	if (owner.reserved)
		return -EINVAL;
	if (!(filp->f_mode & FMODE_WRITE))
		return -EBADF;
	return change(filp->private_data, owner.slot);
}

/*
 * Starts the queues, or the pool, over. Nobody else may hold an end, and nobody be
 * an owner; the kernel steps aside.
 */
static int shmq_reset(struct shmq_file *file, u32 *epoch)
{
	struct shmq_device *dev = file->dev;
	int err = 0;
	u32 i;

	mutex_lock(&dev->lock);
	if (dev->removed)
		err = -ENODEV;
	else if (shmq_claimed_by_others(file) || shmq_pool_in_use(dev))
		err = -EBUSY;
	if (!err) {
		mutex_lock(&dev->consume_lock);
		dev->pending = false;
		/* First the epoch: who sees the empty queue must see it too. */
		WRITE_ONCE(dev->state->epoch, dev->state->epoch + 1);
		for (i = 0; i < dev->queue_count; i++) {
			mutex_lock(&dev->queue[i].io_lock);
			shmq_queue_reset(&dev->queue[i]);
			mutex_unlock(&dev->queue[i].io_lock);
		}
		shmq_pool_reset(dev);
		dev->reader.lost = false;
		*epoch = dev->state->epoch;
		mutex_unlock(&dev->consume_lock);
		shmq_wake_all(dev);
	}
	mutex_unlock(&dev->lock);
	return err;
}

static long shmq_ioctl_reset(struct file *filp, void __user *arg)
{
	struct shmq_reset reset;
	int err = shmq_arg_in(&reset, sizeof(reset), 0, arg);

	if (err)
		return err;
	if (reset.reserved)
		return -EINVAL;
	if (!(filp->f_mode & FMODE_WRITE))
		return -EBADF;
	err = shmq_reset(filp->private_data, &reset.epoch);
	if (err)
		return err;
	return copy_to_user(arg, &reset, sizeof(reset)) ? -EFAULT : 0;
}

static long shmq_ioctl_kick(struct shmq_device *dev, unsigned long bells)
{
	u32 bell;

	if (bells >> SHMQ_BELLS)
		return -EINVAL;
	for (bell = 0; bell < 2 * dev->queue_count; bell++)
		if (!bells || (bells & (1ul << bell)))
			shmq_ring(dev, bell);
	return 0;
}

/* Programs go on with the blocks of a device that is removed, and some of them die. */
static bool shmq_ioctl_outlives(unsigned int cmd)
{
	return _IOC_TYPE(cmd) == SHMQ_IOC_TYPE &&
	       (_IOC_NR(cmd) == _IOC_NR(SHMQ_IOC_OWN) || _IOC_NR(cmd) == _IOC_NR(SHMQ_IOC_DISOWN));
}

long shmq_ioctl(struct file *filp, unsigned int cmd, unsigned long arg)
{
	struct shmq_file *file = filp->private_data;
	void __user *user = (void __user *)arg;

	if (READ_ONCE(file->dev->removed) && !shmq_ioctl_outlives(cmd))
		return -ENODEV;
	if (_IOC_TYPE(cmd) != SHMQ_IOC_TYPE)
		return -ENOTTY;
	/* By number: a newer header's longer struct changes the size in cmd. */
	switch (_IOC_NR(cmd)) {
	case _IOC_NR(SHMQ_IOC_INFO):
		return shmq_ioctl_info(file->dev, user);
	case _IOC_NR(SHMQ_IOC_CLAIM):
		return shmq_ioctl_claim(file, user);
	case _IOC_NR(SHMQ_IOC_RELEASE):
		return shmq_ioctl_release(file, user);
	case _IOC_NR(SHMQ_IOC_RESET):
		return shmq_ioctl_reset(filp, user);
	case _IOC_NR(SHMQ_IOC_KICK):
		return shmq_ioctl_kick(file->dev, arg);
	case _IOC_NR(SHMQ_IOC_OWN):
		return shmq_ioctl_owner(filp, shmq_owner_claim, user);
	case _IOC_NR(SHMQ_IOC_DISOWN):
		return shmq_ioctl_owner(filp, shmq_owner_release, user);
	default:
		return -ENOTTY;
	}
}
