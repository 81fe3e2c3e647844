// SPDX-License-Identifier: GPL-2.0-only
/*
 * shmq - shared-memory queues at /dev/shmqN.
 *
 * Loading, unloading and what a person can say at insmod. A parameter that
 * cannot be is refused with a sentence in the log.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/ctype.h>
#include <linux/kernel.h>
#include <linux/module.h>
#include <linux/moduleparam.h>
#include <linux/slab.h>

#include "compat.h"
#include "internal.h"

static uint devices = 1;
module_param(devices, uint, 0444);
MODULE_PARM_DESC(devices, "how many devices /dev/shmq0, /dev/shmq1 ... to make at once, 0 to 256; with 0 all are made at run time, over netlink (default 1)");

static char *size = "256K";
module_param(size, charp, 0444);
MODULE_PARM_DESC(size, "bytes of contiguous memory a device, with an optional K or M; a multiple of 8 (default 256K)");

static char *layout = "channel";
module_param(layout, charp, 0444);
MODULE_PARM_DESC(layout, "what is in the memory: channel (two queues, one each way), cell (one latest value), pool (blocks that programs share) or raw (nothing) (default channel)");

static uint cell_size = SHMQ_CELL_SIZE;
module_param(cell_size, uint, 0444);
MODULE_PARM_DESC(cell_size, "with layout=cell: bytes of the value (default 64)");

static uint cell_readers = SHMQ_CELL_READERS;
module_param(cell_readers, uint, 0444);
MODULE_PARM_DESC(cell_readers, "with layout=cell: how many readers can register, 0 to 30; any number read without (default 8)");

static uint pool_block_size = SHMQ_BLOCK_SIZE;
module_param(pool_block_size, uint, 0444);
MODULE_PARM_DESC(pool_block_size, "with layout=pool: bytes of a block, rounded up to a multiple of 64; there are as many as the memory holds (default 4096)");

static uint pool_owners = SHMQ_POOL_OWNERS;
module_param(pool_owners, uint, 0444);
MODULE_PARM_DESC(pool_owners, "with layout=pool: how many can share it at once, 2 to 256 (default 32)");

static char *handler = "echo";
module_param(handler, charp, 0444);
MODULE_PARM_DESC(handler, "what the kernel does: with messages echo, log or count; print (words of memory, with other layouts); or none (default echo, none with other layouts)");

static char *framing = "checked";
module_param(framing, charp, 0444);
MODULE_PARM_DESC(framing, "how messages lie in a queue: checked (CRCs, the bytes of the Rust crate shared-mem-queue) or plain (size and tag, for trusted writers) (default checked)");

static char *prefix = SHMQ_DEFAULT_PREFIX;
module_param(prefix, charp, 0444);
MODULE_PARM_DESC(prefix, "what each checked message starts with: text, or 0x and hex digits; at most 64 bytes, may be empty (default SHMQ)");

static uint max_msg;
module_param(max_msg, uint, 0444);
MODULE_PARM_DESC(max_msg, "longest message that the kernel takes or sends, bytes (default 65536, or what the queue holds)");

static uint period_us;
module_param(period_us, uint, 0444);
MODULE_PARM_DESC(period_us, "look at the queue each so many microseconds, for peers that ring no doorbell; 0 is never, else at least 50 (default 0)");

static uint priority;
module_param(priority, uint, 0444);
MODULE_PARM_DESC(priority, "of the threads with a period_us: 0 is fair, 1 to 99 SCHED_FIFO (default 0)");

static int cpu = SHMQ_CPU_ANY;
module_param(cpu, int, 0444);
MODULE_PARM_DESC(cpu, "that the threads with a period_us are bound to; -1 is any (default -1)");

static uint print_offset;
module_param(print_offset, uint, 0444);
MODULE_PARM_DESC(print_offset, "where handler=print starts, bytes; a multiple of 4 (default 0)");

static uint print_words = 1;
module_param(print_words, uint, 0444);
MODULE_PARM_DESC(print_words, "how many 32-bit words handler=print shows, 1 to 16 (default 1)");

static char *print_format = "hex";
module_param(print_format, charp, 0444);
MODULE_PARM_DESC(print_format, "how handler=print shows a word: hex, u32 or s32 (default hex)");

static uint tick_ms;
module_param(tick_ms, uint, 0444);
MODULE_PARM_DESC(tick_ms, "send a line with the time to user space each so many milliseconds; 0 is never (default 0)");

static bool restart;
module_param(restart, bool, 0444);
MODULE_PARM_DESC(restart, "follow a peer that restarts and zeroes the queue, instead of stopping it (default N)");

static uint mode = 0600;
module_param(mode, uint, 0444);
MODULE_PARM_DESC(mode, "permissions of the device nodes, in C notation (default 0600)");

static uint uid;
module_param(uid, uint, 0444);
MODULE_PARM_DESC(uid, "user that the device nodes belong to (default 0)");

static uint gid;
module_param(gid, uint, 0444);
MODULE_PARM_DESC(gid, "group that the device nodes belong to (default 0)");

/* More are made one by one, over netlink. */
#define SHMQ_DEVICES_AT_LOAD	256
#define SHMQ_SIZE_TEXT		10

/* What the module was loaded with. */
static struct shmq_config shmq_defaults;

static int shmq_parse_length(u64 *length)
{
	char *end;

	/* No longer than the largest that can be: memparse() does not see overflow. */
	*length = memparse(size, &end);
	if (!isdigit(*size) || *end || strlen(size) > SHMQ_SIZE_TEXT ||
	    strpbrk(size, "tTpPeExX")) {
		pr_err("size=%s: not a size; use bytes, or a number with K or M\n", size);
		return -EINVAL;
	}
	if (*length % 8) {
		pr_err("size=%s: must be a multiple of 8 (of 16 with framing=plain)\n", size);
		return -EINVAL;
	}
	if (*length < SHMQ_REGION_MIN || *length > SHMQ_REGION_MAX) {
		pr_err("size=%s: must be from 128 bytes to 1024M\n", size);
		return -EINVAL;
	}
	return 0;
}

static int shmq_parse_prefix(struct shmq_format *format)
{
	size_t length = strlen(prefix);

	if (length > 2 && !strncmp(prefix, "0x", 2)) {
		length -= 2;
		if (length % 2 || length / 2 > SHMQ_MAX_PREFIX ||
		    hex2bin(format->prefix, prefix + 2, length / 2)) {
			pr_err("prefix=%s: needs pairs of hex digits after 0x, at most %d\n",
			       prefix, SHMQ_MAX_PREFIX);
			return -EINVAL;
		}
		format->prefix_length = length / 2;
		return 0;
	}
	if (length > SHMQ_MAX_PREFIX) {
		pr_err("prefix=%s: longer than %d bytes\n", prefix, SHMQ_MAX_PREFIX);
		return -EINVAL;
	}
	memcpy(format->prefix, prefix, length);
	format->prefix_length = length;
	return 0;
}

static int shmq_parse_layout(struct shmq_config *config)
{
	static const char *const layouts[] = {
		[SHMQ_LAYOUT_CHANNEL] = "channel",
		[SHMQ_LAYOUT_RAW] = "raw",
		[SHMQ_LAYOUT_CELL] = "cell",
		[SHMQ_LAYOUT_POOL] = "pool",
	};
	int known = match_string(layouts, ARRAY_SIZE(layouts), layout);

	if (known < 0) {
		pr_err("layout=%s: unknown; known are channel, raw, cell and pool\n", layout);
		return -EINVAL;
	}
	if (tick_ms && known != SHMQ_LAYOUT_CHANNEL) {
		pr_err("tick_ms=%u: layout=%s has no queue to send to\n", tick_ms, layout);
		return -EINVAL;
	}
	config->layout = known;
	config->cell_size = cell_size;
	config->cell_readers = cell_readers;
	config->pool_block_size = pool_block_size;
	config->pool_owners = pool_owners;
	return 0;
}

static int shmq_parse_format(struct shmq_config *config)
{
	if (!strcmp(framing, "checked"))
		return shmq_parse_prefix(&config->format);
	if (strcmp(framing, "plain")) {
		pr_err("framing=%s: unknown; known are checked and plain\n", framing);
		return -EINVAL;
	}
	config->format.framing = SHMQ_PLAIN;
	if (config->length % 16) {
		pr_err("size=%s: framing=plain needs a multiple of 16\n", size);
		return -EINVAL;
	}
	return 0;
}

static int shmq_parse_times(struct shmq_config *config)
{
	if (period_us && (period_us < SHMQ_PERIOD_MIN_US || period_us > SHMQ_PERIOD_MAX_US)) {
		pr_err("period_us=%u: must be 0, or %u to %u\n", period_us, SHMQ_PERIOD_MIN_US,
		       SHMQ_PERIOD_MAX_US);
		return -EINVAL;
	}
	if (tick_ms > SHMQ_TICK_MAX_MS) {
		pr_err("tick_ms=%u: must be at most %u (a day)\n", tick_ms, SHMQ_TICK_MAX_MS);
		return -EINVAL;
	}
	config->period_us = period_us;
	config->tick_ms = tick_ms;
	return 0;
}

static int shmq_parse_print(struct shmq_config *config)
{
	static const char *const formats[] = {
		[SHMQ_PRINT_HEX] = "hex", [SHMQ_PRINT_U32] = "u32", [SHMQ_PRINT_S32] = "s32",
	};
	int format = match_string(formats, ARRAY_SIZE(formats), print_format);

	if (format < 0) {
		pr_err("print_format=%s: unknown; known are hex, u32 and s32\n", print_format);
		return -EINVAL;
	}
	config->print = (struct shmq_print) { print_offset, print_words, format };
	return 0;
}

static int shmq_parse_schedule(struct shmq_config *config)
{
	config->priority = priority;
	config->cpu = cpu;
	if (!period_us && (priority || cpu != SHMQ_CPU_ANY)) {
		pr_err("priority=%u cpu=%d: need period_us: without a period there is no thread\n",
		       priority, cpu);
		return -EINVAL;
	}
	return 0;
}

/* After the layout is known. */
static int shmq_parse_handler(struct shmq_config *config)
{
	bool queues = config->layout == SHMQ_LAYOUT_CHANNEL;
	int err;

	/* The default is for queues. */
	config->handler = !queues && !strcmp(handler, "echo") ? "none" : handler;
	err = shmq_handler_check(config->handler, config->layout);
	if (err == -ENOENT)
		pr_err("handler=%s: unknown; known are echo, log, count, print and none\n",
		       handler);
	else if (err)
		pr_err("handler=%s: not with layout=%s, which has %s\n", handler, layout,
		       queues ? "queues" : "no queues");
	return err ? -EINVAL : 0;
}

/* What a request over netlink must be too. */
static int shmq_parse_rest(const struct shmq_config *config)
{
	int attribute;
	const char *fault = shmq_config_fault(config, &attribute);

	if (!fault)
		return 0;
	switch (attribute) {
	case SHMQ_A_DEV_PRIORITY:
		pr_err("priority=%u: %s\n", priority, fault);
		break;
	case SHMQ_A_DEV_CPU:
		pr_err("cpu=%d: %s\n", cpu, fault);
		break;
	case SHMQ_A_DEV_CELL_SIZE:
	case SHMQ_A_DEV_CELL_READERS:
		pr_err("cell_size=%u cell_readers=%u: %s\n", cell_size, cell_readers, fault);
		break;
	case SHMQ_A_DEV_POOL_BLOCK_SIZE:
	case SHMQ_A_DEV_POOL_OWNERS:
		pr_err("pool_block_size=%u pool_owners=%u: %s\n", pool_block_size, pool_owners,
		       fault);
		break;
	case SHMQ_A_DEV_PERIOD_US:
		pr_err("period_us=%u: %s\n", period_us, fault);
		break;
	default:
		pr_err("print_offset=%u print_words=%u: %s\n", print_offset, print_words, fault);
	}
	return -EINVAL;
}

static int shmq_parse(struct shmq_config *config)
{
	int err;

	if (devices > SHMQ_DEVICES_AT_LOAD) {
		pr_err("devices=%u: must be 0 to %d\n", devices, SHMQ_DEVICES_AT_LOAD);
		return -EINVAL;
	}
	if (mode & ~0666u) {
		pr_err("mode=0%o: only the bits of 0666 make sense for a device\n", mode);
		return -EINVAL;
	}
	config->mode = mode;
	config->uid = make_kuid(&init_user_ns, uid);
	config->gid = make_kgid(&init_user_ns, gid);
	if (!uid_valid(config->uid) || !gid_valid(config->gid)) {
		pr_err("uid=%u gid=%u: no user or group has that number\n", uid, gid);
		return -EINVAL;
	}
	config->max_message = max_msg;
	config->restart = restart;
	err = shmq_parse_length(&config->length);
	if (!err)
		err = shmq_parse_layout(config);
	if (!err)
		err = shmq_parse_format(config);
	if (!err)
		err = shmq_parse_handler(config);
	if (!err)
		err = shmq_parse_times(config);
	if (!err)
		err = shmq_parse_schedule(config);
	if (!err)
		err = shmq_parse_print(config);
	return err ? err : shmq_parse_rest(config);
}

/* What a new device is where nothing else is asked for; nodes as the module was loaded. */
struct shmq_config shmq_config_default(void)
{
	return (struct shmq_config) {
		.length = SZ_256K,
		.handler = "echo",
		.cpu = SHMQ_CPU_ANY,
		.print.words = 1,
		.cell_size = SHMQ_CELL_SIZE,
		.cell_readers = SHMQ_CELL_READERS,
		.pool_block_size = SHMQ_BLOCK_SIZE,
		.pool_owners = SHMQ_POOL_OWNERS,
		.mode = shmq_defaults.mode,
		.uid = shmq_defaults.uid,
		.gid = shmq_defaults.gid,
	};
}

static int __init shmq_make_devices(struct shmq_device **made)
{
	uint i;

	for (i = 0; i < devices; i++) {
		made[i] = shmq_device_create(i, &shmq_defaults);
		if (IS_ERR(made[i])) {
			pr_err("shmq%u: not made (error %ld), so the module is not loaded\n", i,
			       PTR_ERR(made[i]));
			return PTR_ERR(made[i]);
		}
	}
	return 0;
}

/*
 * After all have been made: once a node is there it may be open, and then the
 * module must stay.
 */
static int __init shmq_add_devices(struct shmq_device **made)
{
	uint i, added = 0;
	int err, last = 0;

	for (i = 0; i < devices; i++) {
		err = shmq_device_add(made[i]);
		if (err) {
			pr_err("shmq%u: no node (error %d)\n", i, err);
			shmq_device_destroy(made[i]);
			last = err;
		} else {
			added++;
		}
	}
	return added ? 0 : last;
}

static int __init shmq_start_devices(void)
{
	struct shmq_device **made = kcalloc(max(devices, 1u), sizeof(*made), GFP_KERNEL);
	int err;

	if (!made)
		return -ENOMEM;
	err = shmq_make_devices(made);
	if (err)
		goto free;
	err = shmq_netlink_init();
	if (err)
		goto free;
	err = shmq_add_devices(made);
	if (err)
		shmq_netlink_exit();
	else
		shmq_netlink_ready();
free:
	kfree(made);
	return err;
}

static int __init shmq_init(void)
{
	const struct shmq_config *config = &shmq_defaults;
	int err;

	err = shmq_parse(&shmq_defaults);
	if (err)
		return err;
	err = shmq_regions_init();
	if (err)
		return err;
	err = shmq_services_init();
	if (err)
		goto regions;
	err = shmq_devices_init();
	if (err)
		goto consumers;
	err = shmq_start_devices();
	if (err)
		goto devices;
	pr_info("%u device%s of %llu bytes, layout %s, handler %s\n", devices,
		devices == 1 ? "" : "s", config->length, layout,
		config->handler);
	return 0;

devices:
	shmq_devices_exit();
consumers:
	shmq_services_exit();
regions:
	shmq_regions_exit();
	return err;
}

static void __exit shmq_exit(void)
{
	shmq_netlink_exit();
	shmq_devices_exit();
	shmq_services_exit();
	shmq_regions_exit();
}

module_init(shmq_init);
module_exit(shmq_exit);

MODULE_DESCRIPTION("Shared-memory queues between the kernel, programs and other processors");
MODULE_AUTHOR("The shmq authors");
MODULE_LICENSE("GPL");
MODULE_VERSION("0.1.0");
