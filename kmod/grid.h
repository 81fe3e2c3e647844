/* SPDX-License-Identifier: GPL-2.0-only */
/* Periodic threads keep an absolute grid of due times. */
#ifndef SHMQ_KMOD_GRID_H
#define SHMQ_KMOD_GRID_H

#include <linux/ktime.h>
#include <linux/math64.h>

/*
 * The first point of the grid after now: what was missed is not caught up, but
 * told in @missed.
 */
static inline ktime_t shmq_grid_next(ktime_t due, u64 period_us, u64 *missed)
{
	s64 late = ktime_us_delta(ktime_get(), due);

	*missed = late > 0 ? div64_u64(late, period_us) : 0;
	return ktime_add_us(due, (*missed + 1) * period_us);
}

#endif /* SHMQ_KMOD_GRID_H */
