/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Kernel-to-user messaging for other modules.
 *
 *	struct shmq_device *dev = shmq_get(0);
 *
 *	if (!IS_ERR(dev)) {
 *		shmq_send(dev, 0, "hello", 5);
 *		shmq_put(dev);
 *	}
 *
 * A module that calls these keeps shmq.ko loaded; a reference from shmq_get()
 * keeps the device's memory, not the device: after its removal every call says
 * -ENODEV.
 */
#ifndef _LINUX_SHMQ_H
#define _LINUX_SHMQ_H

#include <linux/types.h>
#include <uapi/linux/shmq.h>

struct shmq_device;

/**
 * shmq_get() - a reference to /dev/shmqN, to send to its user
 * @index: the N
 *
 * The kernel takes the sending end of the device's second queue if it does not
 * have it yet. Any number of modules may hold a device.
 *
 * Context: process context, may sleep; not from a handler.
 * Return: the device, or ERR_PTR(): -ENODEV there is none, -EBUSY a program has
 * claimed that end, -EOPNOTSUPP the device has no queues (layout raw), -EIO a
 * program has broken the queue (SHMQ_IOC_RESET mends it).
 */
struct shmq_device *shmq_get(unsigned int index);

/**
 * shmq_put() - gives the reference back
 * @dev: from shmq_get(); may be NULL
 *
 * Context: process context, may sleep; not from a handler.
 */
void shmq_put(struct shmq_device *dev);

/**
 * shmq_send() - sends a message to user space, waits for room
 * @dev: from shmq_get()
 * @tag: the message's type; carried by plain framing only
 * @data: the message; not needed after the call
 * @length: bytes, at most the device's max_msg
 *
 * Context: process context, may sleep; not from a handler, which replies.
 * Return: 0; -EDEADLK from a handler of that device; -EINTR a signal came
 * first; -EMSGSIZE; -EIO the queue has been stopped; -ENODEV the device was
 * removed.
 */
int shmq_send(struct shmq_device *dev, u32 tag, const void *data, u32 length);

/**
 * shmq_try_send() - sends a message to user space now or not at all
 * @dev: from shmq_get(), or the device a handler was called with
 * @tag: as for shmq_send()
 * @data: as for shmq_send()
 * @length: as for shmq_send()
 *
 * Messages of one caller arrive in order; those of several callers interleave
 * whole. Costs a CRC and a copy of the message, the copy with interrupts off.
 *
 * Context: any, hard interrupts included, but not hard interrupts on
 * PREEMPT_RT and not NMI.
 * Return: as shmq_send(), and -EAGAIN: the queue is full; the message was
 * dropped and counted where the reader sees it.
 */
int shmq_try_send(struct shmq_device *dev, u32 tag, const void *data, u32 length);

/**
 * struct shmq_handler - what a device does with messages from user space
 * @name: at most SHMQ_HANDLER_NAME - 1 characters, unique
 * @message: takes one message. @data is a private copy of @length bytes that
 *	user space cannot change, valid during the call. Process context, one
 *	call at a time a device. It may sleep, but then delays the device and
 *	holds one of the workers that all devices share: wait for room by
 *	-EAGAIN, not by sleeping.
 *	Return 0, or -EAGAIN: not now, call me again with this message when
 *	there is room in the queue to user space (a handler that answers), or
 *	any other error: the message is dropped and counted as refused.
 * @period: may be NULL. Called when a period of the device begins, before the
 *	messages that wait then; not at all without a period. Process context,
 *	in the thread that @message is called from; may shmq_reply().
 * @by_period: with a period, messages wait until one begins.
 * @quick: @message never sleeps. Its replies to messages that come in a row may
 *	then become visible together, at most 16.
 */
struct shmq_handler {
	const char *name;
	int (*message)(struct shmq_device *dev, u32 tag, const void *data, u32 length);
	void (*period)(struct shmq_device *dev);
	bool by_period;
	bool quick;
};

/**
 * shmq_reply() - shmq_try_send() for handlers
 * @dev: the device the handler was called with
 * @tag: as for shmq_send()
 * @data: as for shmq_send()
 * @length: as for shmq_send()
 *
 * As shmq_try_send(), but a full queue is not counted as a drop: return the
 * -EAGAIN and be called again.
 *
 * Context: process context, in a handler.
 */
int shmq_reply(struct shmq_device *dev, u32 tag, const void *data, u32 length);

/**
 * shmq_register_handler() - makes a handler known by name
 * @handler: stays valid until shmq_unregister_handler() returns
 *
 * Context: process context, may sleep.
 * Return: 0, -EINVAL for a bad name, -EEXIST.
 */
int shmq_register_handler(struct shmq_handler *handler);

/**
 * shmq_unregister_handler() - forgets a handler
 * @handler: from shmq_register_handler()
 *
 * A device that runs it goes back to the handler it was made with. Waits for
 * a call under way.
 *
 * Context: process context, may sleep.
 */
void shmq_unregister_handler(struct shmq_handler *handler);

/**
 * shmq_set_handler() - changes what a device does with messages
 * @index: the N of /dev/shmqN
 * @name: a registered handler, or "none"
 *
 * Context: process context, may sleep; not from a handler.
 * Return: 0; -ENODEV no such device; -ENOENT no such handler; -EBUSY a program
 * has claimed an end that the kernel needs; -EOPNOTSUPP layout raw.
 */
int shmq_set_handler(unsigned int index, const char *name);

#endif /* _LINUX_SHMQ_H */
