/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The driver's own types and what its files offer each other.
 *
 * Locks, in the order in which they are taken:
 *
 *   shmq_device.lock          mutex: claims, handler, kernel ends, removal
 *   shmq_device.consume_lock  mutex: the kernel's consumer, its buffer, the
 *                             handler's pointer while it runs
 *   shmq_queue.io_lock        mutex: the user's end as read(2), write(2) use it
 *   shmq_queue.lock           spinlock, interrupts off: the kernel's producer,
 *                             counters, run state
 */
#ifndef SHMQ_KMOD_INTERNAL_H
#define SHMQ_KMOD_INTERNAL_H

#include <linux/cdev.h>
#include <linux/completion.h>
#include <linux/device.h>
#include <linux/mutex.h>
#include <linux/ratelimit.h>
#include <linux/sizes.h>
#include <linux/spinlock.h>
#include <linux/types.h>
#include <linux/uidgid.h>
#include <linux/wait.h>
#include <linux/workqueue.h>

#include <linux/shmq.h>
#include <uapi/linux/shmq_netlink.h>
#include <shmq/core/cell.h>
#include <shmq/core/doorbell.h>
#include <shmq/core/frame.h>
#include <shmq/core/pool_owner.h>

/* mmap offsets; the region may not reach them. */
#define SHMQ_REGION_MAX		SZ_1G
#define SHMQ_STATE_OFFSET	0x40000000UL
#define SHMQ_WAKE_OFFSET	0x40010000UL

/* A shorter period is a busy loop, a longer one a mistake. */
#define SHMQ_PERIOD_MIN_US	50
#define SHMQ_PERIOD_MAX_US	(60 * 1000 * 1000)
#define SHMQ_TICK_MAX_MS	(24 * 60 * 60 * 1000)
#define SHMQ_REGION_MIN		128

#define SHMQ_DEFAULT_PREFIX	"SHMQ"

#define SHMQ_PRIORITY_MAX	99
#define SHMQ_CPU_ANY		(-1)

/* What the handler print shows at once; a line of the log is short. */
#define SHMQ_PRINT_WORDS_MAX	16
/* How much of a cell's value it reaches: it copies all up to its last word. */
#define SHMQ_PRINT_REACH	SZ_4K

/* A cell of which nothing is said. */
#define SHMQ_CELL_SIZE		64
#define SHMQ_CELL_READERS	8

/* Likewise a pool. */
#define SHMQ_BLOCK_SIZE		4096
#define SHMQ_POOL_OWNERS	32

/* For shmq_device_create(): the lowest number that is free. */
#define SHMQ_ANY_INDEX		U32_MAX

struct genl_family;
struct genl_info;
struct shmq_device;
struct shmq_file;
struct sk_buff;

/**
 * struct shmq_print - what the handler print shows
 * @offset: of the first word, in the region or in the cell's value, bytes
 * @words: how many
 * @format: of each
 */
struct shmq_print {
	u32 offset;
	u32 words;
	enum shmq_print_format format;
};

/**
 * struct shmq_config - what a device is made with
 * @length: of the region, bytes
 * @layout: enum shmq_layout
 * @format: of the messages
 * @max_message: longest message for the kernel, bytes; 0: the default
 * @period_us: how often to look without a doorbell; 0: never
 * @priority: of the thread that does it: 0 fair, else SCHED_FIFO
 * @cpu: that it is bound to, or SHMQ_CPU_ANY
 * @print: changes under both locks of the device
 * @cell_size: of the value, bytes; layout cell only
 * @cell_readers: that can register; layout cell only
 * @pool_block_size: bytes; layout pool only
 * @pool_owners: at once, at most; layout pool only
 * @tick_ms: period of the built-in source; 0: none
 * @restart: a peer that zeroes the positions is followed, not stopped
 * @mode: of the node, bits of 0666
 * @uid: its owner
 * @gid: its group
 * @handler: name
 */
struct shmq_config {
	u64 length;
	enum shmq_layout layout;
	struct shmq_format format;
	u32 max_message;
	u32 period_us;
	u32 priority;
	int cpu;
	struct shmq_print print;
	u32 cell_size;
	u32 cell_readers;
	u32 pool_block_size;
	u32 pool_owners;
	u32 tick_ms;
	bool restart;
	umode_t mode;
	kuid_t uid;
	kgid_t gid;
	const char *handler;
};

/**
 * struct shmq_region - physically contiguous memory
 * @base: where the kernel sees it
 * @length: as asked for, bytes
 * @mapped: whole pages
 * @pfn: of the first page
 * @dma: bus address, for memory from the DMA API
 * @from_dma: it is, and has no pages that could be handed out one by one
 */
struct shmq_region {
	void *base;
	size_t length;
	size_t mapped;
	unsigned long pfn;
	dma_addr_t dma;
	bool from_dma;
};

/**
 * struct shmq_queue - a queue and the kernel's end of it
 * @dev: whose
 * @index: in the state page, in bells
 * @base: where it starts
 * @length: bytes
 * @offset: from the start of the region
 * @state: its part of the state page; written under @lock
 * @lock: see above
 * @io_lock: see above
 * @producer: valid while the kernel holds that end, under @lock
 * @consumer: valid while the kernel holds that end, under dev->consume_lock
 * @owner: by enum shmq_end_id: the open file that has it; changes under both
 *         dev->lock and @io_lock
 * @unrung: replies of a batch whose reader was not rung for, under @lock
 * @io_reads: messages that read(2) took, and resets, under @io_lock
 * @io_lost: read(2) is in a run of garbage that it told, under @io_lock
 * @by_io: by enum shmq_end_id: read(2) or write(2) claimed it
 * @bytes: by enum shmq_end_id: its owner moves bytes without frames
 * @room: what POLLOUT promises, bytes of message
 * @wait: by 0: for data, 1: for room
 * @high_water: the highest fill that the kernel saw, bytes; racy, for people
 * @turns: times that the kernel's consumer looked, under dev->consume_lock
 */
struct shmq_queue {
	struct shmq_device *dev;
	u32 index;
	shmq_base base;
	u32 length;
	u64 offset;
	struct shmq_queue_state *state;
	spinlock_t lock; /* the kernel's producer, counters, run state */
	struct mutex io_lock; /* the user's end of read(2), write(2) */
	struct shmq_producer producer;
	struct shmq_consumer consumer;
	bool unrung;
	struct shmq_file *owner[2];
	u64 io_reads;
	bool io_lost;
	bool by_io[2];
	bool bytes[2];
	u32 room;
	wait_queue_head_t wait[2];
	u32 high_water;
	u64 turns;
};

/* Bytes that it holds, frames included: one is always spare. */
static inline u32 shmq_queue_capacity(const struct shmq_queue *q)
{
	return q->length - SHMQ_QUEUE_HEADER - 1;
}

/* Which way each queue of a channel goes. */
#define SHMQ_FROM_USER	0
#define SHMQ_TO_USER	1

/**
 * struct shmq_events - what keeps the events of a device few
 * @lock: for the rest
 * @since: start of the present second, jiffies
 * @sent: events in it
 * @missed: events left out since the last that was sent
 * @stopped: by queue: it was stopped, and why; 0 if not, or told
 * @work: tells of stops, and of missed events when the second is over
 */
struct shmq_events {
	spinlock_t lock; /* for the rest */
	unsigned long since;
	u32 sent;
	u32 missed;
	u32 stopped[SHMQ_MAX_QUEUES];
	struct delayed_work work;
};

/**
 * struct shmq_periods - how well a periodic thread kept its time
 * @begun: periods
 * @missed: that passed without one
 * @latest_ns: how late the latest began
 * @late: how many, by lateness; see SHMQ_LATENESS_BUCKETS
 *
 * Written under shmq_device.consume_lock.
 */
struct shmq_periods {
	u64 begun;
	u64 missed;
	u64 latest_ns;
	u64 late[SHMQ_LATENESS_BUCKETS];
};

/**
 * struct shmq_device - /dev/shmqN
 * @device: counts the references; its release frees all
 * @cdev: the node
 * @index: the N
 * @numbered: it has that number
 * @lock: see above
 * @consume_lock: see above
 * @config: as made; @config.handler is the one to fall back to
 * @region: the memory
 * @state: the page that user space may only read
 * @wake: the page that both write
 * @queue_count: 0 for layouts without queues
 * @queue: the queues
 * @cell: of layout cell; a private copy of how it lies
 * @pool: of layout pool; what it was made as
 * @owner: of layout pool: by slot, the open file that has it; under @lock
 * @max_message: bytes
 * @end: who polls a device without queues waits here, for its removal
 * @added: its node was made
 * @doomed: somebody is removing it
 * @removed: nothing more will happen
 * @senders: kernel users of the sending end, under @lock
 * @handler: what runs, NULL for none
 * @reader: the kernel's reader of queue 0
 * @buffer: a private copy of the message at hand
 * @pending: @buffer holds a message that the handler could not take yet
 * @message: of @buffer
 * @reply_length: what a pending handler waits for room for, bytes
 * @work: the consumer on demand
 * @turning: who makes a turn of the consumer now, or NULL
 * @thread: the consumer's with a period, NULL without
 * @bell: what that sleeps on
 * @kicked: somebody rang it
 * @by_period: the handler gets messages when a period begins, not before
 * @periods: how well the thread kept its time
 * @tick: the built-in source's thread, or NULL
 * @log_limit: how fast a user can make this device write the kernel log
 * @events: how fast a user can make this device send events
 */
struct shmq_device {
	struct device device;
	struct cdev cdev;
	u32 index;
	bool numbered;
	struct mutex lock; /* claims, handler, kernel ends, removal */
	struct mutex consume_lock; /* the kernel's consumer */
	struct shmq_config config;
	struct shmq_region region;
	struct shmq_state_page *state;
	struct shmq_wake_page *wake;
	u32 queue_count;
	struct shmq_queue queue[SHMQ_MAX_QUEUES];
	struct shmq_cell cell;
	struct shmq_pool_shape pool;
	struct shmq_file **owner;
	u32 max_message;
	wait_queue_head_t end;
	bool added;
	bool doomed;
	bool removed;
	u32 senders;
	const struct shmq_handler *handler;
	struct shmq_reader reader;
	void *buffer;
	bool pending;
	struct shmq_message message;
	u32 reply_length;
	struct work_struct work;
	struct task_struct *turning;
	struct task_struct *thread;
	struct completion begun;
	wait_queue_head_t bell;
	bool kicked;
	bool by_period;
	struct shmq_periods periods;
	struct task_struct *tick;
	struct ratelimit_state log_limit;
	struct shmq_events events;
};

/**
 * struct shmq_file - one open file
 * @dev: a reference
 * @second_side: claimed ends of the second side, under dev->lock
 */
struct shmq_file {
	struct shmq_device *dev;
	u32 second_side;
};

/**
 * enum shmq_sender - what a message to user space is to the one who sends it
 * @SHMQ_SENDER_WAITS: it waits if the queue is full
 * @SHMQ_SENDER_DROPS: a full queue loses it, which is counted
 * @SHMQ_SENDER_REPLIES: as @SHMQ_SENDER_WAITS, and a batch may hold it back
 */
enum shmq_sender {
	SHMQ_SENDER_WAITS,
	SHMQ_SENDER_DROPS,
	SHMQ_SENDER_REPLIES,
};

/* main.c */
struct shmq_config shmq_config_default(void);

/* device.c */
int shmq_devices_init(void);
void shmq_devices_exit(void);
u32 shmq_devices_generation(void);
struct shmq_device *shmq_device_from(u32 index);
struct shmq_device *shmq_device_create(u32 index, const struct shmq_config *config);
int shmq_device_add(struct shmq_device *dev);
void shmq_device_destroy(struct shmq_device *dev);
int shmq_device_remove(struct shmq_device *dev);
struct shmq_device *shmq_device_find(u32 index);
void shmq_devices_each(void (*fn)(struct shmq_device *dev, const void *arg), const void *arg);

/* statistics.c */
int shmq_statistics_reset(struct shmq_device *dev);

/* region.c */
int shmq_regions_init(void);
void shmq_regions_exit(void);
int shmq_region_alloc(struct shmq_region *region, u64 length);
void shmq_region_free(struct shmq_region *region);

/* queue.c */
void shmq_queue_init(struct shmq_queue *q, struct shmq_device *dev, u32 index, u64 offset,
		     u64 length);
int shmq_queue_attach_producer(struct shmq_queue *q);
int shmq_queue_attach_consumer(struct shmq_queue *q);
void shmq_queue_reset(struct shmq_queue *q);
enum shmq_status shmq_queue_judge(struct shmq_queue *q, enum shmq_status status);
int shmq_queue_error(const struct shmq_queue *q);
int shmq_queue_send(struct shmq_queue *q, u32 tag, const void *data, u32 length,
		    enum shmq_sender who);
void shmq_queue_batch_begin(struct shmq_queue *q);
void shmq_queue_batch_publish(struct shmq_queue *q);
void shmq_queue_batch_end(struct shmq_queue *q);
bool shmq_queue_can_send(struct shmq_queue *q, u32 length);
enum shmq_status shmq_queue_receive(struct shmq_queue *q, u32 limit);
bool shmq_queue_readable(struct shmq_queue *q);
bool shmq_queue_writable(struct shmq_queue *q, u32 length);
bool shmq_look(struct shmq_queue *q, enum shmq_end_id end, u32 room);
void shmq_ring(struct shmq_device *dev, u32 bell);
void shmq_ring_if_asleep(struct shmq_device *dev, u32 bell);
void shmq_wake_all(struct shmq_device *dev);
u32 shmq_queue_fill(struct shmq_queue *q);
int shmq_errno(enum shmq_status status);

static inline shmq_base shmq_wake_words(struct shmq_device *dev)
{
	return (shmq_base)dev->wake;
}

static inline u32 shmq_bell_word(u32 bell)
{
	return bell * sizeof(struct shmq_sleep_word);
}

static inline u32 shmq_bell(const struct shmq_queue *q, enum shmq_end_id end)
{
	return end == SHMQ_END_CONSUMER ? SHMQ_BELL_DATA(q->index) : SHMQ_BELL_ROOM(q->index);
}

/* The first side of a channel writes queue 0 and reads queue 1. */
static inline bool shmq_is_first_side(const struct shmq_queue *q, enum shmq_end_id end)
{
	return end == (q->index == SHMQ_FROM_USER ? SHMQ_END_PRODUCER : SHMQ_END_CONSUMER);
}

/* claim.c */
int shmq_claim(struct shmq_file *file, struct shmq_queue *q, enum shmq_end_id end, u32 room,
	       bool bytes);
int shmq_claim_for_io(struct shmq_file *file, struct shmq_queue *q, enum shmq_end_id end);
int shmq_claim_release(struct shmq_file *file, struct shmq_queue *q, enum shmq_end_id end);
void shmq_claim_release_all(struct shmq_file *file);
bool shmq_claimed_by_others(struct shmq_file *file);
int shmq_kernel_take(struct shmq_queue *q, enum shmq_end_id end);
void shmq_kernel_give(struct shmq_queue *q, enum shmq_end_id end);
bool shmq_kernel_holds(const struct shmq_queue *q, enum shmq_end_id end);

/* file.c, mmap.c, ioctl.c */
extern const struct file_operations shmq_fops;
int shmq_mmap(struct file *filp, struct vm_area_struct *vma);
long shmq_ioctl(struct file *filp, unsigned int cmd, unsigned long arg);

/* consumer.c */
int shmq_services_init(void);
void shmq_services_exit(void);
void shmq_service_init(struct shmq_device *dev);
int shmq_service_start(struct shmq_device *dev);
void shmq_service_stop(struct shmq_device *dev);
void shmq_service_kick(struct shmq_device *dev);
bool shmq_turn(struct shmq_device *dev);
bool shmq_has_work(struct shmq_device *dev);
void shmq_serve_sleepers(struct shmq_device *dev);

/* period.c */
int shmq_period_start(struct shmq_device *dev);
void shmq_period_stop(struct shmq_device *dev);
int shmq_period_set(struct shmq_device *dev, const struct shmq_config *to);
void shmq_periods_forget(struct shmq_device *dev);

/* print.c */
void shmq_handle_print(struct shmq_device *dev);

/* cell.c */
const char *shmq_cell_config_fault(const struct shmq_config *config, int *attribute);
int shmq_cell_make(struct shmq_device *dev);
enum shmq_status shmq_cell_look(struct shmq_device *dev, u32 length,
				struct shmq_cell_stamp *stamp);

/* pool.c */
const char *shmq_pool_config_fault(const struct shmq_config *config, int *attribute);
int shmq_pool_make(struct shmq_device *dev);
void shmq_pool_reset(struct shmq_device *dev);
int shmq_owner_claim(struct shmq_file *file, u32 slot);
int shmq_owner_release(struct shmq_file *file, u32 slot);
void shmq_owner_release_all(struct shmq_file *file);
bool shmq_pool_in_use(const struct shmq_device *dev);

/* config.c */
const char *shmq_config_fault(const struct shmq_config *config, int *attribute);

/* handler.c */
int shmq_handler_check(const char *name, enum shmq_layout layout);
int shmq_handler_set(struct shmq_device *dev, const char *name);

/* tick.c */
int shmq_tick_start(struct shmq_device *dev);
void shmq_tick_stop(struct shmq_device *dev);
int shmq_tick_set(struct shmq_device *dev, u32 tick_ms);

/* netlink.c */
extern struct genl_family shmq_netlink_family;
int shmq_netlink_init(void);
void shmq_netlink_ready(void);
void shmq_netlink_exit(void);

/* netlink_show.c */
int shmq_show_device(struct sk_buff *skb, struct shmq_device *dev);
int shmq_show_statistics(struct sk_buff *skb, struct shmq_device *dev);

/* netlink_config.c */
int shmq_config_new(struct genl_info *info, struct shmq_config *config);
int shmq_config_change(struct genl_info *info, struct shmq_config *config);

/* change.c */
int shmq_device_change(struct shmq_device *dev, struct genl_info *info);

/* event.c */
void shmq_events_init(struct shmq_device *dev);
void shmq_events_stop(struct shmq_device *dev);
void shmq_event_device(struct shmq_device *dev, u8 cmd);
void shmq_event_removed(struct shmq_device *dev);
void shmq_event_end(struct shmq_queue *q, enum shmq_end_id end, u8 cmd);
void shmq_event_stopped(struct shmq_queue *q, u32 state);

/* sysfs.c */
extern const struct attribute_group *shmq_attribute_groups[];
void shmq_sysfs_init(void);

/* node.c */
int shmq_node_change(struct shmq_device *dev, umode_t mode, kuid_t uid, kgid_t gid);

#endif /* SHMQ_KMOD_INTERNAL_H */
