// SPDX-License-Identifier: GPL-2.0-only
/*
 * The generic netlink family: devices made, changed, removed and looked at while
 * the module is loaded. docs/netlink/shmq.yaml is its description.
 *
 * Devices belong to no network namespace, as their nodes do not: the family is
 * there in the initial one only. Who changes something needs CAP_NET_ADMIN in
 * the initial user namespace, so that root of a container cannot.
 *
 * No module alias: a lookup of the family, which anybody may ask for, would load
 * the module.
 */
#include <linux/module.h>
#include <net/genetlink.h>

#include "compat.h"
#include "internal.h"

/* Not const: 6.1 has no const in struct nla_policy. */
static struct netlink_range_validation shmq_size_range = {
	.min = SHMQ_REGION_MIN, .max = SHMQ_REGION_MAX,
};

static struct netlink_range_validation shmq_period_range = { .max = SHMQ_PERIOD_MAX_US };
static struct netlink_range_validation shmq_tick_range = { .max = SHMQ_TICK_MAX_MS };

#define SHMQ_POLICY_INDEX	NLA_POLICY_MAX(NLA_U32, SHMQ_DEVICES_MAX - 1)
#define SHMQ_POLICY_FIXED	\
	NLA_POLICY_REJECT("fixed when the device was made: remove it, make another")

/* What a device is made with and what can be changed. */
#define SHMQ_POLICY_CHANGEABLE								\
	[SHMQ_A_DEV_HANDLER] = { .type = NLA_NUL_STRING, .len = SHMQ_HANDLER_NAME - 1 }, \
	[SHMQ_A_DEV_PERIOD_US] = NLA_POLICY_FULL_RANGE(NLA_U32, &shmq_period_range),	\
	[SHMQ_A_DEV_PRIORITY] = NLA_POLICY_MAX(NLA_U32, SHMQ_PRIORITY_MAX),		\
	[SHMQ_A_DEV_CPU] = NLA_POLICY_MIN(NLA_S32, SHMQ_CPU_ANY),			\
	[SHMQ_A_DEV_PRINT_OFFSET] = { .type = NLA_U32 },				\
	[SHMQ_A_DEV_PRINT_WORDS] = NLA_POLICY_RANGE(NLA_U32, 1, SHMQ_PRINT_WORDS_MAX),	\
	[SHMQ_A_DEV_PRINT_FORMAT] = NLA_POLICY_MAX(NLA_U32, SHMQ_PRINT_S32),		\
	[SHMQ_A_DEV_TICK_MS] = NLA_POLICY_FULL_RANGE(NLA_U32, &shmq_tick_range),	\
	[SHMQ_A_DEV_RESTART] = NLA_POLICY_MAX(NLA_U8, 1),				\
	[SHMQ_A_DEV_MODE] = NLA_POLICY_MASK(NLA_U32, 0666),				\
	[SHMQ_A_DEV_UID] = { .type = NLA_U32 },						\
	[SHMQ_A_DEV_GID] = { .type = NLA_U32 }

static const struct nla_policy shmq_new_policy[SHMQ_A_DEV_MAX + 1] = {
	[SHMQ_A_DEV_INDEX] = SHMQ_POLICY_INDEX,
	[SHMQ_A_DEV_SIZE] = NLA_POLICY_FULL_RANGE(NLA_U64, &shmq_size_range),
	[SHMQ_A_DEV_LAYOUT] = NLA_POLICY_MAX(NLA_U32, SHMQ_LAYOUT_POOL),
	[SHMQ_A_DEV_PREFIX] = { .type = NLA_BINARY, .len = SHMQ_MAX_PREFIX },
	[SHMQ_A_DEV_FRAMING] = NLA_POLICY_MAX(NLA_U32, SHMQ_FRAMING_PLAIN),
	[SHMQ_A_DEV_MAX_MESSAGE] = { .type = NLA_U32 },
	[SHMQ_A_DEV_CELL_SIZE] = { .type = NLA_U32 },
	[SHMQ_A_DEV_CELL_READERS] = NLA_POLICY_MAX(NLA_U32, SHMQ_CELL_SEATS_MAX),
	[SHMQ_A_DEV_POOL_BLOCK_SIZE] = { .type = NLA_U32 },
	[SHMQ_A_DEV_POOL_OWNERS] = NLA_POLICY_RANGE(NLA_U32, SHMQ_POOL_OWNERS_MIN,
						    SHMQ_POOL_OWNERS_MAX),
	SHMQ_POLICY_CHANGEABLE,
};

static const struct nla_policy shmq_set_policy[SHMQ_A_DEV_MAX + 1] = {
	[SHMQ_A_DEV_INDEX] = SHMQ_POLICY_INDEX,
	[SHMQ_A_DEV_SIZE] = SHMQ_POLICY_FIXED,
	[SHMQ_A_DEV_LAYOUT] = SHMQ_POLICY_FIXED,
	[SHMQ_A_DEV_PREFIX] = SHMQ_POLICY_FIXED,
	[SHMQ_A_DEV_FRAMING] = SHMQ_POLICY_FIXED,
	[SHMQ_A_DEV_MAX_MESSAGE] = SHMQ_POLICY_FIXED,
	[SHMQ_A_DEV_CELL_SIZE] = SHMQ_POLICY_FIXED,
	[SHMQ_A_DEV_CELL_READERS] = SHMQ_POLICY_FIXED,
	[SHMQ_A_DEV_POOL_BLOCK_SIZE] = SHMQ_POLICY_FIXED,
	[SHMQ_A_DEV_POOL_OWNERS] = SHMQ_POLICY_FIXED,
	SHMQ_POLICY_CHANGEABLE,
};

static const struct nla_policy shmq_index_policy[SHMQ_A_DEV_INDEX + 1] = {
	[SHMQ_A_DEV_INDEX] = SHMQ_POLICY_INDEX,
};

/* Neither while the module is loaded nor while it goes: under no lock, for it only rises. */
static bool shmq_netlink_open;

/* ---- which device ---- */

static struct shmq_device *shmq_device_of(struct genl_info *info)
{
	struct nlattr *index = info->attrs[SHMQ_A_DEV_INDEX];
	struct shmq_device *dev;

	if (!index) {
		NL_SET_ERR_MSG(info->extack, "which device? the request has no index");
		return ERR_PTR(-EINVAL);
	}
	dev = shmq_device_find(nla_get_u32(index));
	if (!dev) {
		NL_SET_ERR_MSG_ATTR(info->extack, index, "there is no device of that number");
		return ERR_PTR(-ENODEV);
	}
	return dev;
}

/* ---- looking ---- */

typedef int (*shmq_show_fn)(struct sk_buff *skb, struct shmq_device *dev);

static int shmq_reply_with(struct sk_buff *skb, struct genl_info *info, struct shmq_device *dev,
			   shmq_show_fn show)
{
	void *header = genlmsg_put_reply(skb, info, &shmq_netlink_family, 0, info->genlhdr->cmd);
	int err = header ? show(skb, dev) : -EMSGSIZE;

	if (err) {
		nlmsg_free(skb);
		return err;
	}
	genlmsg_end(skb, header);
	return genlmsg_reply(skb, info);
}

static int shmq_do_show(struct genl_info *info, shmq_show_fn show)
{
	struct shmq_device *dev = shmq_device_of(info);
	struct sk_buff *reply;
	int err = -ENOMEM;

	if (IS_ERR(dev))
		return PTR_ERR(dev);
	reply = genlmsg_new(NLMSG_GOODSIZE, GFP_KERNEL);
	if (reply)
		err = shmq_reply_with(reply, info, dev, show);
	put_device(&dev->device);
	return err;
}

static int shmq_do_get(struct sk_buff *skb, struct genl_info *info)
{
	return shmq_do_show(info, shmq_show_device);
}

static int shmq_do_stats(struct sk_buff *skb, struct genl_info *info)
{
	return shmq_do_show(info, shmq_show_statistics);
}

/* One device of a dump, in a message of its own. */
static int shmq_dump_one(struct sk_buff *skb, struct netlink_callback *cb, u8 cmd,
			 struct shmq_device *dev, shmq_show_fn show)
{
	void *header = genlmsg_put(skb, NETLINK_CB(cb->skb).portid, cb->nlh->nlmsg_seq,
				   &shmq_netlink_family, NLM_F_MULTI, cmd);
	int err = header ? show(skb, dev) : -EMSGSIZE;

	if (err) {
		if (header)
			genlmsg_cancel(skb, header);
		return err;
	}
	genl_dump_check_consistent(cb, header);
	genlmsg_end(skb, header);
	return 0;
}

static int shmq_dump(struct sk_buff *skb, struct netlink_callback *cb, u8 cmd, shmq_show_fn show)
{
	struct nlattr *chosen = shmq_dump_attrs(cb)[SHMQ_A_DEV_INDEX];
	struct shmq_device *dev;
	u32 index = cb->args[0];
	int err = 0;

	if (chosen) {
		NL_SET_ERR_MSG_ATTR(cb->extack, chosen, "a dump is of all devices");
		return -EINVAL;
	}
	cb->seq = shmq_devices_generation();
	while (!err) {
		dev = shmq_device_from(index);
		if (!dev)
			break;
		err = shmq_dump_one(skb, cb, cmd, dev, show);
		if (!err)
			index = dev->index + 1;
		put_device(&dev->device);
	}
	cb->args[0] = index;
	/* What did not fit comes with the next part; what never fits would never end. */
	return err && !skb->len ? err : skb->len;
}

static int shmq_dump_devices(struct sk_buff *skb, struct netlink_callback *cb)
{
	return shmq_dump(skb, cb, SHMQ_CMD_DEV_GET, shmq_show_device);
}

static int shmq_dump_stats(struct sk_buff *skb, struct netlink_callback *cb)
{
	return shmq_dump(skb, cb, SHMQ_CMD_STATS_GET, shmq_show_statistics);
}

/* ---- changing ---- */

static void shmq_say_why(struct genl_info *info, int err)
{
	struct nlattr *index = info->attrs[SHMQ_A_DEV_INDEX];

	switch (err) {
	case -EEXIST:
		NL_SET_ERR_MSG_ATTR(info->extack, index, "there is a device of that number");
		break;
	case -EBUSY:
		NL_SET_ERR_MSG_ATTR(info->extack, index,
				    "the last device of that number is still open or mapped");
		break;
	case -ENOSPC:
		NL_SET_ERR_MSG(info->extack, "all numbers are taken: remove a device");
		break;
	case -ENOMEM:
		NL_SET_ERR_MSG_ATTR(info->extack, info->attrs[SHMQ_A_DEV_SIZE],
				    "no contiguous memory of that size now; the kernel log says what there is");
		break;
	default:
		NL_SET_ERR_MSG(info->extack, "the device could not be made");
	}
}

static int shmq_do_new(struct sk_buff *skb, struct genl_info *info)
{
	struct nlattr *index = info->attrs[SHMQ_A_DEV_INDEX];
	struct shmq_config config;
	struct shmq_device *dev;
	struct sk_buff *reply;
	int err;

	if (!smp_load_acquire(&shmq_netlink_open)) { /* B: pairs with A */
		NL_SET_ERR_MSG(info->extack, "the module is still being loaded");
		return -EAGAIN;
	}
	err = shmq_config_new(info, &config);
	if (err)
		return err;
	/* First what can fail, then the device. */
	reply = genlmsg_new(NLMSG_GOODSIZE, GFP_KERNEL);
	if (!reply)
		return -ENOMEM;
	dev = shmq_device_create(index ? nla_get_u32(index) : SHMQ_ANY_INDEX, &config);
	if (IS_ERR(dev)) {
		err = PTR_ERR(dev);
		goto refuse;
	}
	get_device(&dev->device);
	err = shmq_device_add(dev);
	if (err) {
		shmq_device_destroy(dev);
		put_device(&dev->device);
		goto refuse;
	}
	shmq_event_device(dev, SHMQ_CMD_DEV_ADD_NTF);
	err = shmq_reply_with(reply, info, dev, shmq_show_device);
	put_device(&dev->device);
	return err;

refuse:
	shmq_say_why(info, err);
	nlmsg_free(reply);
	return err;
}

static int shmq_do_set(struct sk_buff *skb, struct genl_info *info)
{
	struct shmq_device *dev = shmq_device_of(info);
	int err;

	if (IS_ERR(dev))
		return PTR_ERR(dev);
	err = shmq_device_change(dev, info);
	if (!err)
		shmq_event_device(dev, SHMQ_CMD_DEV_CHANGE_NTF);
	put_device(&dev->device);
	return err;
}

static int shmq_do_del(struct sk_buff *skb, struct genl_info *info)
{
	struct shmq_device *dev = shmq_device_of(info);
	int err;

	if (IS_ERR(dev))
		return PTR_ERR(dev);
	err = shmq_device_remove(dev);
	if (err)
		NL_SET_ERR_MSG_ATTR(info->extack, info->attrs[SHMQ_A_DEV_INDEX],
				    "somebody else is removing it");
	put_device(&dev->device);
	return err;
}

static int shmq_do_stats_reset(struct sk_buff *skb, struct genl_info *info)
{
	struct shmq_device *dev = shmq_device_of(info);
	int err;

	if (IS_ERR(dev))
		return PTR_ERR(dev);
	err = shmq_statistics_reset(dev);
	put_device(&dev->device);
	return err;
}

/* ---- the family ---- */

static const struct genl_ops shmq_netlink_ops[] = {
	{
		.cmd = SHMQ_CMD_DEV_GET,
		.doit = shmq_do_get,
		.dumpit = shmq_dump_devices,
		.policy = shmq_index_policy,
		.maxattr = ARRAY_SIZE(shmq_index_policy) - 1,
	},
	{
		.cmd = SHMQ_CMD_DEV_NEW,
		.doit = shmq_do_new,
		.policy = shmq_new_policy,
		.maxattr = ARRAY_SIZE(shmq_new_policy) - 1,
		.flags = GENL_ADMIN_PERM,
	},
	{
		.cmd = SHMQ_CMD_DEV_SET,
		.doit = shmq_do_set,
		.policy = shmq_set_policy,
		.maxattr = ARRAY_SIZE(shmq_set_policy) - 1,
		.flags = GENL_ADMIN_PERM,
	},
	{
		.cmd = SHMQ_CMD_DEV_DEL,
		.doit = shmq_do_del,
		.policy = shmq_index_policy,
		.maxattr = ARRAY_SIZE(shmq_index_policy) - 1,
		.flags = GENL_ADMIN_PERM,
	},
	{
		.cmd = SHMQ_CMD_STATS_GET,
		.doit = shmq_do_stats,
		.dumpit = shmq_dump_stats,
		.policy = shmq_index_policy,
		.maxattr = ARRAY_SIZE(shmq_index_policy) - 1,
	},
	{
		.cmd = SHMQ_CMD_STATS_RESET,
		.doit = shmq_do_stats_reset,
		.policy = shmq_index_policy,
		.maxattr = ARRAY_SIZE(shmq_index_policy) - 1,
		.flags = GENL_ADMIN_PERM,
	},
};

static const struct genl_multicast_group shmq_netlink_groups[] = {
	{ .name = SHMQ_MCGRP_EVENTS },
};

struct genl_family shmq_netlink_family __ro_after_init = {
	.name = SHMQ_FAMILY_NAME,
	.version = SHMQ_FAMILY_VERSION,
	.maxattr = SHMQ_A_DEV_MAX,
	.netnsok = false,
	.parallel_ops = true,
	.module = THIS_MODULE,
	.ops = shmq_netlink_ops,
	.n_ops = ARRAY_SIZE(shmq_netlink_ops),
	.resv_start_op = SHMQ_CMD_DEV_GET,
	.mcgrps = shmq_netlink_groups,
	.n_mcgrps = ARRAY_SIZE(shmq_netlink_groups),
};

int __init shmq_netlink_init(void)
{
	return genl_register_family(&shmq_netlink_family);
}

/* The module will stay: from here on devices may be made. */
void __init shmq_netlink_ready(void)
{
	smp_store_release(&shmq_netlink_open, true); /* A: pairs with B */
}

/* Waits for requests under way. */
void shmq_netlink_exit(void)
{
	genl_unregister_family(&shmq_netlink_family);
}
