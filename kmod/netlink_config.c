// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a netlink request wants a device to be. Single values have passed the
 * policy; here is what they must be to each other.
 */
#include <net/genetlink.h>

#include "internal.h"

static int shmq_refuse(struct genl_info *info, int attribute, int err)
{
	if (info->attrs[attribute])
		NL_SET_BAD_ATTR(info->extack, info->attrs[attribute]);
	return err;
}

static int shmq_config_region(struct genl_info *info, struct shmq_config *config)
{
	struct nlattr **attrs = info->attrs;

	if (attrs[SHMQ_A_DEV_LAYOUT])
		config->layout = nla_get_u32(attrs[SHMQ_A_DEV_LAYOUT]);
	if (attrs[SHMQ_A_DEV_SIZE])
		config->length = nla_get_u64(attrs[SHMQ_A_DEV_SIZE]);
	if (config->length % 8) {
		NL_SET_ERR_MSG(info->extack, "size must be a multiple of 8");
		return shmq_refuse(info, SHMQ_A_DEV_SIZE, -EINVAL);
	}
	return 0;
}

static int shmq_config_format(struct genl_info *info, struct shmq_config *config)
{
	struct shmq_format *format = &config->format;
	struct nlattr **attrs = info->attrs;

	if (attrs[SHMQ_A_DEV_FRAMING])
		format->framing = nla_get_u32(attrs[SHMQ_A_DEV_FRAMING]);
	if (format->framing == SHMQ_PLAIN) {
		if (attrs[SHMQ_A_DEV_PREFIX]) {
			NL_SET_ERR_MSG(info->extack, "plain framing has no prefix");
			return shmq_refuse(info, SHMQ_A_DEV_PREFIX, -EINVAL);
		}
		if (config->length % 16) {
			NL_SET_ERR_MSG(info->extack,
				       "size must be a multiple of 16 with plain framing");
			return shmq_refuse(info, SHMQ_A_DEV_SIZE, -EINVAL);
		}
		return 0;
	}
	if (attrs[SHMQ_A_DEV_PREFIX]) {
		format->prefix_length = nla_len(attrs[SHMQ_A_DEV_PREFIX]);
		memcpy(format->prefix, nla_data(attrs[SHMQ_A_DEV_PREFIX]), format->prefix_length);
	} else {
		format->prefix_length = strlen(SHMQ_DEFAULT_PREFIX);
		memcpy(format->prefix, SHMQ_DEFAULT_PREFIX, format->prefix_length);
	}
	return 0;
}

static int shmq_config_messages(struct genl_info *info, struct shmq_config *config)
{
	u64 half = config->length / 2;
	u32 most;

	if (info->attrs[SHMQ_A_DEV_MAX_MESSAGE])
		config->max_message = nla_get_u32(info->attrs[SHMQ_A_DEV_MAX_MESSAGE]);
	if (config->layout != SHMQ_LAYOUT_CHANNEL) {
		if (!config->max_message)
			return 0;
		NL_SET_ERR_MSG(info->extack, "only layout channel has messages");
		return shmq_refuse(info, SHMQ_A_DEV_MAX_MESSAGE, -EINVAL);
	}
	most = shmq_message_max(&config->format, half - SHMQ_QUEUE_HEADER);
	if (!most) {
		NL_SET_ERR_MSG(info->extack,
			       "half of this size holds no message with such a prefix; ask for more");
		return shmq_refuse(info, SHMQ_A_DEV_SIZE, -EINVAL);
	}
	if (config->max_message > most) {
		NL_SET_ERR_MSG(info->extack,
			       "half of the size holds no message as long as max-message");
		return shmq_refuse(info, SHMQ_A_DEV_MAX_MESSAGE, -EINVAL);
	}
	return 0;
}

/* What it must be, shmq_config_fault() says. */
static int shmq_config_cell(struct genl_info *info, struct shmq_config *config)
{
	struct nlattr **attrs = info->attrs;

	if (attrs[SHMQ_A_DEV_CELL_SIZE])
		config->cell_size = nla_get_u32(attrs[SHMQ_A_DEV_CELL_SIZE]);
	if (attrs[SHMQ_A_DEV_CELL_READERS])
		config->cell_readers = nla_get_u32(attrs[SHMQ_A_DEV_CELL_READERS]);
	if (config->layout == SHMQ_LAYOUT_CELL)
		return 0;
	if (!attrs[SHMQ_A_DEV_CELL_SIZE] && !attrs[SHMQ_A_DEV_CELL_READERS])
		return 0;
	NL_SET_ERR_MSG(info->extack, "only layout cell has a cell");
	return shmq_refuse(info, attrs[SHMQ_A_DEV_CELL_SIZE] ? SHMQ_A_DEV_CELL_SIZE
							     : SHMQ_A_DEV_CELL_READERS, -EINVAL);
}

/* Likewise. */
static int shmq_config_pool(struct genl_info *info, struct shmq_config *config)
{
	struct nlattr **attrs = info->attrs;

	if (attrs[SHMQ_A_DEV_POOL_BLOCK_SIZE])
		config->pool_block_size = nla_get_u32(attrs[SHMQ_A_DEV_POOL_BLOCK_SIZE]);
	if (attrs[SHMQ_A_DEV_POOL_OWNERS])
		config->pool_owners = nla_get_u32(attrs[SHMQ_A_DEV_POOL_OWNERS]);
	if (config->layout == SHMQ_LAYOUT_POOL)
		return 0;
	if (!attrs[SHMQ_A_DEV_POOL_BLOCK_SIZE] && !attrs[SHMQ_A_DEV_POOL_OWNERS])
		return 0;
	NL_SET_ERR_MSG(info->extack, "only layout pool has blocks and owners");
	return shmq_refuse(info, attrs[SHMQ_A_DEV_POOL_BLOCK_SIZE] ? SHMQ_A_DEV_POOL_BLOCK_SIZE
								   : SHMQ_A_DEV_POOL_OWNERS,
			   -EINVAL);
}

static int shmq_config_node(struct genl_info *info, struct shmq_config *config)
{
	struct nlattr **attrs = info->attrs;

	if (attrs[SHMQ_A_DEV_MODE])
		config->mode = nla_get_u32(attrs[SHMQ_A_DEV_MODE]);
	if (attrs[SHMQ_A_DEV_UID])
		config->uid = make_kuid(&init_user_ns, nla_get_u32(attrs[SHMQ_A_DEV_UID]));
	if (attrs[SHMQ_A_DEV_GID])
		config->gid = make_kgid(&init_user_ns, nla_get_u32(attrs[SHMQ_A_DEV_GID]));
	if (!uid_valid(config->uid)) {
		NL_SET_ERR_MSG(info->extack, "no user has that number");
		return shmq_refuse(info, SHMQ_A_DEV_UID, -EINVAL);
	}
	if (!gid_valid(config->gid)) {
		NL_SET_ERR_MSG(info->extack, "no group has that number");
		return shmq_refuse(info, SHMQ_A_DEV_GID, -EINVAL);
	}
	return 0;
}

/* Only what is in the request changes. */
static int shmq_config_service(struct genl_info *info, struct shmq_config *config)
{
	struct nlattr **attrs = info->attrs;

	if (attrs[SHMQ_A_DEV_PERIOD_US])
		config->period_us = nla_get_u32(attrs[SHMQ_A_DEV_PERIOD_US]);
	if (attrs[SHMQ_A_DEV_TICK_MS])
		config->tick_ms = nla_get_u32(attrs[SHMQ_A_DEV_TICK_MS]);
	if (attrs[SHMQ_A_DEV_RESTART])
		config->restart = nla_get_u8(attrs[SHMQ_A_DEV_RESTART]);

	if (config->period_us && config->period_us < SHMQ_PERIOD_MIN_US) {
		NL_SET_ERR_MSG(info->extack, "period-us must be 0, or 50 to 60000000");
		return shmq_refuse(info, SHMQ_A_DEV_PERIOD_US, -EINVAL);
	}
	if (config->tick_ms && config->layout != SHMQ_LAYOUT_CHANNEL) {
		NL_SET_ERR_MSG(info->extack, "this layout has no queue to send ticks to");
		return shmq_refuse(info, SHMQ_A_DEV_TICK_MS, -EINVAL);
	}
	return 0;
}

static int shmq_config_handler(struct genl_info *info, struct shmq_config *config)
{
	int err;

	if (info->attrs[SHMQ_A_DEV_HANDLER])
		config->handler = nla_data(info->attrs[SHMQ_A_DEV_HANDLER]);
	err = shmq_handler_check(config->handler, config->layout);
	if (err == -ENOENT)
		NL_SET_ERR_MSG(info->extack,
			       "no such handler; known are echo, log, count, print, none and those of loaded modules");
	else if (err && config->layout == SHMQ_LAYOUT_CHANNEL)
		NL_SET_ERR_MSG(info->extack, "that handler is for memory without queues");
	else if (err)
		NL_SET_ERR_MSG(info->extack,
			       "this layout has no queues to handle; print is a handler for it");
	return err ? shmq_refuse(info, SHMQ_A_DEV_HANDLER, err) : 0;
}

static void shmq_config_print(struct genl_info *info, struct shmq_config *config)
{
	struct nlattr **attrs = info->attrs;

	if (attrs[SHMQ_A_DEV_PRINT_OFFSET])
		config->print.offset = nla_get_u32(attrs[SHMQ_A_DEV_PRINT_OFFSET]);
	if (attrs[SHMQ_A_DEV_PRINT_WORDS])
		config->print.words = nla_get_u32(attrs[SHMQ_A_DEV_PRINT_WORDS]);
	if (attrs[SHMQ_A_DEV_PRINT_FORMAT])
		config->print.format = nla_get_u32(attrs[SHMQ_A_DEV_PRINT_FORMAT]);
}

static int shmq_config_schedule(struct genl_info *info, struct shmq_config *config)
{
	struct nlattr **attrs = info->attrs;

	if (attrs[SHMQ_A_DEV_PRIORITY])
		config->priority = nla_get_u32(attrs[SHMQ_A_DEV_PRIORITY]);
	if (attrs[SHMQ_A_DEV_CPU])
		config->cpu = nla_get_s32(attrs[SHMQ_A_DEV_CPU]);
	if (config->period_us)
		return 0;
	/* What was set for a period stays for the next one. */
	if (attrs[SHMQ_A_DEV_PRIORITY] && config->priority) {
		NL_SET_ERR_MSG(info->extack,
			       "without a period there is no thread with a priority");
		return shmq_refuse(info, SHMQ_A_DEV_PRIORITY, -EINVAL);
	}
	if (attrs[SHMQ_A_DEV_CPU] && config->cpu != SHMQ_CPU_ANY) {
		NL_SET_ERR_MSG(info->extack, "without a period there is no thread on a CPU");
		return shmq_refuse(info, SHMQ_A_DEV_CPU, -EINVAL);
	}
	return 0;
}

/* What module parameters must be too. */
static int shmq_config_check(struct genl_info *info, const struct shmq_config *config)
{
	int attribute;
	const char *fault = shmq_config_fault(config, &attribute);

	if (!fault)
		return 0;
	if (info->extack)
		info->extack->_msg = fault;
	return shmq_refuse(info, attribute, -EINVAL);
}

/**
 * shmq_config_change() - what dev-set asks for
 * @info: the request
 * @config: in: as the device is; out: as it shall be
 *
 * Return: 0, or why not, with a sentence for the caller.
 */
int shmq_config_change(struct genl_info *info, struct shmq_config *config)
{
	int err = shmq_config_node(info, config);

	if (!err)
		err = shmq_config_service(info, config);
	if (!err)
		err = shmq_config_handler(info, config);
	shmq_config_print(info, config);
	if (!err)
		err = shmq_config_schedule(info, config);
	return err ? err : shmq_config_check(info, config);
}

/**
 * shmq_config_new() - what dev-new asks for
 * @info: the request
 * @config: out; points into the request
 *
 * Return: 0, or why not, with a sentence for the caller.
 */
int shmq_config_new(struct genl_info *info, struct shmq_config *config)
{
	int err;

	*config = shmq_config_default();
	err = shmq_config_region(info, config);
	if (!err)
		err = shmq_config_format(info, config);
	if (!err)
		err = shmq_config_messages(info, config);
	if (!err)
		err = shmq_config_cell(info, config);
	if (!err)
		err = shmq_config_pool(info, config);
	if (err)
		return err;
	if (config->layout != SHMQ_LAYOUT_CHANNEL)
		config->handler = "none";
	return shmq_config_change(info, config);
}
