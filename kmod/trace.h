/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Tracepoints: what passes through the kernel, who sleeps, who is woken.
 *
 *	perf trace -e 'shmq:*'
 *	trace-cmd record -e shmq
 *
 * What two programs send each other by themselves is not seen here.
 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM shmq

#if !defined(SHMQ_KMOD_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define SHMQ_KMOD_TRACE_H

#include <linux/tracepoint.h>

#include "internal.h"

DECLARE_EVENT_CLASS(shmq_message,
	TP_PROTO(const struct shmq_queue *q, u32 length),
	TP_ARGS(q, length),
	TP_STRUCT__entry(
		__field(u32, dev)
		__field(u32, queue)
		__field(u32, length)
	),
	TP_fast_assign(
		__entry->dev = q->dev->index;
		__entry->queue = q->index;
		__entry->length = length;
	),
	TP_printk("shmq%u queue=%u length=%u", __entry->dev, __entry->queue, __entry->length)
);

/* The driver has put a message into a queue: a kernel sender, or write(2). */
DEFINE_EVENT(shmq_message, shmq_enqueue,
	TP_PROTO(const struct shmq_queue *q, u32 length),
	TP_ARGS(q, length)
);

/* The driver has taken a message: for the handler, or for read(2). */
DEFINE_EVENT(shmq_message, shmq_dequeue,
	TP_PROTO(const struct shmq_queue *q, u32 length),
	TP_ARGS(q, length)
);

DECLARE_EVENT_CLASS(shmq_sleeper,
	TP_PROTO(const struct shmq_device *dev, u32 bell),
	TP_ARGS(dev, bell),
	TP_STRUCT__entry(
		__field(u32, dev)
		__field(u32, bell)
	),
	TP_fast_assign(
		__entry->dev = dev->index;
		__entry->bell = bell;
	),
	TP_printk("shmq%u queue=%u waits_for=%s", __entry->dev, __entry->bell / 2,
		  __entry->bell & 1 ? "room" : "data")
);

/* Who waits for data or room has looked once more, and sleeps. */
DEFINE_EVENT(shmq_sleeper, shmq_sleep,
	TP_PROTO(const struct shmq_device *dev, u32 bell),
	TP_ARGS(dev, bell)
);

/* A sleep word was set, so the driver wakes who sleeps there. */
DEFINE_EVENT(shmq_sleeper, shmq_wake,
	TP_PROTO(const struct shmq_device *dev, u32 bell),
	TP_ARGS(dev, bell)
);

/* A queue is stopped for what a program stored in it. */
TRACE_EVENT(shmq_corrupt,
	TP_PROTO(const struct shmq_queue *q, bool recreated),
	TP_ARGS(q, recreated),
	TP_STRUCT__entry(
		__field(u32, dev)
		__field(u32, queue)
		__field(bool, recreated)
	),
	TP_fast_assign(
		__entry->dev = q->dev->index;
		__entry->queue = q->index;
		__entry->recreated = recreated;
	),
	TP_printk("shmq%u queue=%u why=%s", __entry->dev, __entry->queue,
		  __entry->recreated ? "recreated" : "corrupt")
);

#endif /* SHMQ_KMOD_TRACE_H */

/* Kbuild says where this directory is. */
#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE trace
#include <trace/define_trace.h>
