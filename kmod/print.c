// SPDX-License-Identifier: GPL-2.0-only
/*
 * print: some words of memory without queues, or of a cell's value, to the kernel
 * log, each period.
 * Each is read once; whatever a program stores there, a line of numbers comes of it.
 */
#include "internal.h"

/* Between them a space; the longest is "-2147483648". */
#define SHMQ_PRINT_LINE		(SHMQ_PRINT_WORDS_MAX * 12 + 1)

static const char *const shmq_print_formats[] = {
	[SHMQ_PRINT_HEX] = " %08x",
	[SHMQ_PRINT_U32] = " %u",
	[SHMQ_PRINT_S32] = " %d",
};

static void shmq_print_line(char *line, const u32 *word, const struct shmq_print *print)
{
	size_t length = 0;
	u32 i;

	for (i = 0; i < print->words; i++)
		length += scnprintf(line + length, SHMQ_PRINT_LINE - length,
				    shmq_print_formats[print->format], word[i]);
}

static void shmq_print_raw(struct shmq_device *dev)
{
	const struct shmq_print *print = &dev->config.print;
	u32 word[SHMQ_PRINT_WORDS_MAX];
	char line[SHMQ_PRINT_LINE];
	u32 i;

	for (i = 0; i < print->words; i++)
		word[i] = shmq_load_relaxed(dev->region.base, print->offset + i * sizeof(u32));
	shmq_print_line(line, word, print);
	dev_info(&dev->device, "at %u:%s\n", print->offset, line);
}

static void shmq_print_cell(struct shmq_device *dev)
{
	const struct shmq_print *print = &dev->config.print;
	struct shmq_cell_stamp stamp;
	char line[SHMQ_PRINT_LINE];

	switch (shmq_cell_look(dev, print->offset + print->words * sizeof(u32), &stamp)) {
	case SHMQ_OK:
		shmq_print_line(line, dev->buffer + print->offset, print);
		dev_info(&dev->device, "write %llu:%s\n", stamp.writes, line);
		break;
	case SHMQ_EMPTY:
		dev_info(&dev->device, "nothing written yet\n");
		break;
	case SHMQ_AGAIN:
		dev_info(&dev->device, "no value: it was written all the time\n");
		break;
	default:
		dev_info(&dev->device, "no value: the cell is damaged\n");
	}
}

/* At most some hundred lines a second, as the handler log. */
void shmq_handle_print(struct shmq_device *dev)
{
	lockdep_assert_held(&dev->consume_lock);
	if (!__ratelimit(&dev->log_limit))
		return;
	if (dev->config.layout == SHMQ_LAYOUT_CELL)
		shmq_print_cell(dev);
	else
		shmq_print_raw(dev);
}
