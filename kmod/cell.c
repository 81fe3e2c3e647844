// SPDX-License-Identifier: GPL-2.0-only
/*
 * Layout cell: the driver makes a cell in the region and is one of its readers,
 * without a seat. It remembers by itself how the cell lies; what a program stores
 * there can make a value wrong, or none, and no more.
 */
#include "internal.h"

/* What cannot be, or NULL; see shmq_config_fault(). */
const char *shmq_cell_config_fault(const struct shmq_config *config, int *attribute)
{
	struct shmq_cell_layout layout;

	*attribute = SHMQ_A_DEV_CELL_READERS;
	if (config->cell_readers > SHMQ_CELL_SEATS_MAX)
		return "at most 30 readers can register";
	*attribute = SHMQ_A_DEV_CELL_SIZE;
	switch (shmq_cell_fit(&layout, config->length, config->cell_size, config->cell_readers)) {
	case SHMQ_CELL_OK:
		return NULL;
	case SHMQ_CELL_TRUNCATED:
		return "the memory is too small for the cell's value, once a reader and twice more";
	default:
		return "a cell's value must be 1 byte or more, and fit into the memory";
	}
}

/* Before anybody can map it. Return: 0, -EINVAL. */
int shmq_cell_make(struct shmq_device *dev)
{
	const struct shmq_config *config = &dev->config;
	struct shmq_cell_layout layout;

	if (shmq_cell_fit(&layout, config->length, config->cell_size, config->cell_readers) ||
	    shmq_cell_create(&dev->cell, dev->region.base, config->length, &layout))
		return -EINVAL;
	return 0;
}

/**
 * shmq_cell_look() - copies the start of the latest value to the device's buffer
 * @dev: of layout cell
 * @length: at most SHMQ_PRINT_REACH bytes; what the value does not have is 0
 * @stamp: out: which value it is
 *
 * Context: consume_lock is held.
 * Return: SHMQ_OK; SHMQ_EMPTY nothing was published yet; SHMQ_AGAIN the publisher was
 * too fast; SHMQ_CORRUPT a program stored what cannot be.
 */
enum shmq_status shmq_cell_look(struct shmq_device *dev, u32 length,
				struct shmq_cell_stamp *stamp)
{
	lockdep_assert_held(&dev->consume_lock);
	memset(dev->buffer, 0, length);
	return shmq_cell_read(&dev->cell, dev->buffer, min(length, dev->cell.layout.size), stamp,
			      SHMQ_CELL_TRIES);
}
