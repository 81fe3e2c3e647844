// SPDX-License-Identifier: GPL-2.0-only
/* Changing a device that may be in use: all that is asked for, or nothing. */
#include <net/genetlink.h>

#include "internal.h"

/* One change at a time: each undoes only what it did itself. */
static DEFINE_MUTEX(shmq_change_lock);

/* As the device is now; its handler's name in @handler. */
static void shmq_config_now(struct shmq_device *dev, struct shmq_config *config, char *handler)
{
	mutex_lock(&dev->lock);
	*config = dev->config;
	strscpy(handler, dev->handler ? dev->handler->name : "none", SHMQ_HANDLER_NAME);
	mutex_unlock(&dev->lock);
	config->handler = handler;
}

static int shmq_change_handler(struct shmq_device *dev, const struct shmq_config *from,
			       const struct shmq_config *to, struct genl_info *info)
{
	int err;

	if (!strcmp(from->handler, to->handler))
		return 0;
	err = shmq_handler_set(dev, to->handler);
	if (err == -EBUSY)
		NL_SET_ERR_MSG_ATTR(info->extack, info->attrs[SHMQ_A_DEV_HANDLER],
				    "a program has an end that the handler needs");
	return err;
}

static int shmq_change_period(struct shmq_device *dev, const struct shmq_config *from,
			      const struct shmq_config *to)
{
	if (from->period_us == to->period_us && from->priority == to->priority &&
	    from->cpu == to->cpu)
		return 0;
	return shmq_period_set(dev, to);
}

static int shmq_change_tick(struct shmq_device *dev, const struct shmq_config *from,
			    const struct shmq_config *to, struct genl_info *info)
{
	int err;

	if (from->tick_ms == to->tick_ms)
		return 0;
	err = shmq_tick_set(dev, to->tick_ms);
	if (err == -EBUSY)
		NL_SET_ERR_MSG_ATTR(info->extack, info->attrs[SHMQ_A_DEV_TICK_MS],
				    "a program has the end that ticks are sent from");
	return err;
}

static int shmq_change_node(struct shmq_device *dev, const struct shmq_config *from,
			    const struct shmq_config *to, struct genl_info *info)
{
	struct nlattr **attrs = info->attrs;
	int err;

	if (!attrs[SHMQ_A_DEV_MODE] && !attrs[SHMQ_A_DEV_UID] && !attrs[SHMQ_A_DEV_GID])
		return 0;
	err = shmq_node_change(dev, to->mode, to->uid, to->gid);
	if (err)
		NL_SET_ERR_MSG(info->extack,
			       "the node in /dev cannot be changed: is it there, and may you?");
	return err;
}

/* Nothing here can fail. */
static void shmq_change_rest(struct shmq_device *dev, const struct shmq_config *to)
{
	mutex_lock(&dev->lock);
	mutex_lock(&dev->consume_lock);
	dev->config.print = to->print;
	mutex_unlock(&dev->consume_lock);
	WRITE_ONCE(dev->config.mode, to->mode);
	dev->config.uid = to->uid;
	dev->config.gid = to->gid;
	WRITE_ONCE(dev->config.restart, to->restart);
	mutex_unlock(&dev->lock);
	/* For a daemon that keeps permissions; it finds them in the event. */
	kobject_uevent(&dev->device.kobj, KOBJ_CHANGE);
}

/**
 * shmq_device_change() - dev-set
 * @dev: a device
 * @info: the request
 *
 * Context: process, of the one who asks.
 * Return: 0, or why nothing was changed, with a sentence for the caller.
 */
int shmq_device_change(struct shmq_device *dev, struct genl_info *info)
{
	char handler[SHMQ_HANDLER_NAME];
	struct shmq_config from, to;
	int err;

	mutex_lock(&shmq_change_lock);
	shmq_config_now(dev, &from, handler);
	to = from;
	err = shmq_config_change(info, &to);
	if (err)
		goto unlock;
	err = shmq_change_handler(dev, &from, &to, info);
	if (err)
		goto unlock;
	err = shmq_change_period(dev, &from, &to);
	if (err)
		goto handler;
	err = shmq_change_tick(dev, &from, &to, info);
	if (err)
		goto period;
	err = shmq_change_node(dev, &from, &to, info);
	if (err)
		goto tick;
	shmq_change_rest(dev, &to);
	goto unlock;

tick:
	shmq_change_tick(dev, &to, &from, info);
period:
	shmq_change_period(dev, &to, &from);
handler:
	shmq_change_handler(dev, &to, &from, info);
unlock:
	mutex_unlock(&shmq_change_lock);
	return err;
}
