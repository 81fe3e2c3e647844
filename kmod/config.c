// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a configuration must be, whether it came by module parameters or over
 * netlink.
 */
#include <linux/cpumask.h>

#include "internal.h"

static const char *shmq_schedule_fault(const struct shmq_config *config, int *attribute)
{
	*attribute = SHMQ_A_DEV_PRIORITY;
	if (config->priority > SHMQ_PRIORITY_MAX)
		return "the priority must be 0 (fair) or 1 to 99 (SCHED_FIFO)";
	*attribute = SHMQ_A_DEV_CPU;
	if (config->cpu != SHMQ_CPU_ANY &&
	    (config->cpu < 0 || config->cpu >= nr_cpu_ids || !cpu_online(config->cpu)))
		return "no CPU of that number is online; -1 is any";
	return NULL;
}

static const char *shmq_print_fault(const struct shmq_config *config, int *attribute)
{
	const struct shmq_print *print = &config->print;

	*attribute = SHMQ_A_DEV_PRINT_FORMAT;
	if (print->format > SHMQ_PRINT_S32)
		return "words are printed as hex, u32 or s32";
	*attribute = SHMQ_A_DEV_PRINT_WORDS;
	if (!print->words || print->words > SHMQ_PRINT_WORDS_MAX)
		return "1 to 16 words can be printed";
	*attribute = SHMQ_A_DEV_PRINT_OFFSET;
	if (print->offset % sizeof(u32))
		return "the offset to print at must be a multiple of 4";
	if (config->layout != SHMQ_LAYOUT_CELL &&
	    print->offset + (u64)print->words * sizeof(u32) > config->length)
		return "the words to print are not all in the memory of the device";
	if (config->layout != SHMQ_LAYOUT_CELL)
		return NULL;
	if (print->offset >= config->cell_size)
		return "the cell's value ends before the offset to print at";
	if (print->offset + (u64)print->words * sizeof(u32) > SHMQ_PRINT_REACH)
		return "only the first 4096 bytes of a cell's value can be printed";
	return NULL;
}

/**
 * shmq_config_fault() - what is wrong with the time, cell, pool and print of a device
 * @config: all of it
 * @attribute: out: SHMQ_A_DEV_* of what is wrong
 *
 * Return: NULL if nothing is, or a sentence.
 */
const char *shmq_config_fault(const struct shmq_config *config, int *attribute)
{
	const char *fault = shmq_schedule_fault(config, attribute);

	if (fault || config->layout == SHMQ_LAYOUT_CHANNEL)
		return fault;
	if (config->layout == SHMQ_LAYOUT_CELL)
		fault = shmq_cell_config_fault(config, attribute);
	else if (config->layout == SHMQ_LAYOUT_POOL)
		fault = shmq_pool_config_fault(config, attribute);
	if (!fault)
		fault = shmq_print_fault(config, attribute);
	if (fault)
		return fault;
	*attribute = SHMQ_A_DEV_PERIOD_US;
	if (!strcmp(config->handler, "print") && !config->period_us)
		return "the handler print needs a period";
	return NULL;
}
