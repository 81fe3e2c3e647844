/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What differs between kernels 6.1 and 7.3, under the newer name. Nothing else
 * here asks for a version, nor do the example and test modules.
 */
#ifndef SHMQ_KMOD_COMPAT_H
#define SHMQ_KMOD_COMPAT_H

#include <linux/device.h>
#include <linux/fs.h>
#include <linux/hrtimer.h>
#include <linux/kernel.h>
#include <linux/mm.h>
#include <linux/mount.h>
#include <linux/path.h>
#include <linux/version.h>
#include <net/genetlink.h>

/* 6.3: vm_flags became read-only. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 3, 0)
static inline void vm_flags_set(struct vm_area_struct *vma, vm_flags_t flags)
{
	vma->vm_flags |= flags;
}

static inline void vm_flags_clear(struct vm_area_struct *vma, vm_flags_t flags)
{
	vma->vm_flags &= ~flags;
}
#endif

/* 6.4: class_create() lost its owner. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 4, 0)
#define shmq_class_create(name) class_create(THIS_MODULE, name)
#else
#define shmq_class_create(name) class_create(name)
#endif

/* 6.2: devnode() takes a const device. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 2, 0)
#define shmq_devnode_arg struct device
#else
#define shmq_devnode_arg const struct device
#endif

/* 6.3: the idmap of a mount took the place of its user namespace. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 3, 0)
static inline int shmq_notify_change(const struct path *path, struct iattr *change)
{
	return notify_change(mnt_user_ns(path->mnt), path->dentry, change, NULL);
}
#else
static inline int shmq_notify_change(const struct path *path, struct iattr *change)
{
	return notify_change(mnt_idmap(path->mnt), path->dentry, change, NULL);
}
#endif

/* 6.7: a dump has a struct genl_info too. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 7, 0)
#define shmq_dump_attrs(cb) (genl_dumpit_info(cb)->attrs)
#else
#define shmq_dump_attrs(cb) (genl_info_dump(cb)->attrs)
#endif

/* 6.13: hrtimer_setup() took the place of hrtimer_init(), and sets the function too. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 13, 0)
static inline void hrtimer_setup(struct hrtimer *timer,
				 enum hrtimer_restart (*function)(struct hrtimer *timer),
				 clockid_t clock, enum hrtimer_mode mode)
{
	hrtimer_init(timer, clock, mode);
	timer->function = function;
}
#endif

/* 6.14: a kthread is given its CPUs when it first runs, not when it is made. */
#define SHMQ_KTHREAD_PLACED_LATE (LINUX_VERSION_CODE >= KERNEL_VERSION(6, 14, 0))

/* 7.0: kernel.h no longer has hex2bin(). */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(7, 0, 0)
#include <linux/hex.h>
#endif

/* A policy that refuses an attribute with a sentence. */
#define NLA_POLICY_REJECT(message) { .type = NLA_REJECT, .reject_message = message }

/* The largest order of alloc_pages(): exclusive until 6.3, renamed in 6.8. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 4, 0)
#define SHMQ_MAX_ORDER (MAX_ORDER - 1)
#elif LINUX_VERSION_CODE < KERNEL_VERSION(6, 8, 0)
#define SHMQ_MAX_ORDER MAX_ORDER
#else
#define SHMQ_MAX_ORDER MAX_PAGE_ORDER
#endif

#endif /* SHMQ_KMOD_COMPAT_H */
