// SPDX-License-Identifier: GPL-2.0-only
/*
 * Layout pool: the driver lays a pool out in the region, and knows which open
 * file is in which owner's slot, so that programs can tell the dead from the
 * living whatever node each of them opened. What they store it never follows:
 * handles, and who has which block, are between them.
 */
#include <linux/slab.h>

#include "internal.h"

static bool shmq_pool_fits(struct shmq_pool_shape *shape, const struct shmq_config *config)
{
	struct shmq_pool pool;

	return shmq_pool_plan_fit(&pool, shape, config->length, config->pool_block_size,
				   config->pool_owners);
}

/* What cannot be, or NULL; see shmq_config_fault(). */
const char *shmq_pool_config_fault(const struct shmq_config *config, int *attribute)
{
	struct shmq_pool_shape shape;

	*attribute = SHMQ_A_DEV_POOL_OWNERS;
	if (config->pool_owners < SHMQ_POOL_OWNERS_MIN ||
	    config->pool_owners > SHMQ_POOL_OWNERS_MAX)
		return "a pool is for 2 to 256 owners";
	*attribute = SHMQ_A_DEV_POOL_BLOCK_SIZE;
	if (!config->pool_block_size || config->pool_block_size > config->length)
		return "a pool's block must be 1 byte or more, and fit into the memory";
	if (!shmq_pool_fits(&shape, config))
		return "the memory is too small for a pool's header, its owners and one block";
	return NULL;
}

static int shmq_pool_lay(struct shmq_device *dev)
{
	struct shmq_pool pool;

	return shmq_pool_create(&pool, dev->region.base, dev->config.length, &dev->pool) ? -EINVAL
											 : 0;
}

/* Before anybody can map it. Return: 0, -EINVAL, -ENOMEM. */
int shmq_pool_make(struct shmq_device *dev)
{
	if (!shmq_pool_fits(&dev->pool, &dev->config))
		return -EINVAL;
	dev->owner = kcalloc(dev->pool.owners, sizeof(*dev->owner), GFP_KERNEL);
	if (!dev->owner)
		return -ENOMEM;
	return shmq_pool_lay(dev);
}

/* All blocks free, whatever was stored there. Nobody may be in a slot. */
void shmq_pool_reset(struct shmq_device *dev)
{
	lockdep_assert_held(&dev->lock);
	if (!dev->owner)
		return;
	/* Who opens it meanwhile finds no pool until it is whole again. */
	shmq_store_relaxed(dev->region.base, SHMQ_POOL_AT_MAGIC, 0);
	shmq_full_fence();
	shmq_pool_lay(dev); /* as it did when the device was made */
}

/* Return: 0, also if it has it already; -EBUSY, -EINVAL no such slot. */
int shmq_owner_claim(struct shmq_file *file, u32 slot)
{
	struct shmq_device *dev = file->dev;
	int err = 0;

	if (!dev->owner || slot >= dev->pool.owners)
		return -EINVAL;
	mutex_lock(&dev->lock);
	if (!dev->owner[slot])
		dev->owner[slot] = file;
	else if (dev->owner[slot] != file)
		err = -EBUSY;
	mutex_unlock(&dev->lock);
	return err;
}

/* Return: 0, -EPERM if the file does not have that slot, -EINVAL no such slot. */
int shmq_owner_release(struct shmq_file *file, u32 slot)
{
	struct shmq_device *dev = file->dev;
	int err = -EPERM;

	if (!dev->owner || slot >= dev->pool.owners)
		return -EINVAL;
	mutex_lock(&dev->lock);
	if (dev->owner[slot] == file) {
		dev->owner[slot] = NULL;
		err = 0;
	}
	mutex_unlock(&dev->lock);
	return err;
}

/* The file is closed: whoever was in its slots is dead, or has left. */
void shmq_owner_release_all(struct shmq_file *file)
{
	struct shmq_device *dev = file->dev;
	u32 slot;

	if (!dev->owner)
		return;
	mutex_lock(&dev->lock);
	for (slot = 0; slot < dev->pool.owners; slot++)
		if (dev->owner[slot] == file)
			dev->owner[slot] = NULL;
	mutex_unlock(&dev->lock);
}

/* Anybody at all, the one who asks too: a reset would take blocks from under it. */
bool shmq_pool_in_use(const struct shmq_device *dev)
{
	u32 slot;

	lockdep_assert_held(&dev->lock);
	for (slot = 0; dev->owner && slot < dev->pool.owners; slot++)
		if (dev->owner[slot])
			return true;
	return false;
}
