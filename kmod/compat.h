/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What differs between kernels 6.1 and 6.18, under the newer name. Nothing else
 * in the driver asks for a version.
 */
#ifndef SHMQ_KMOD_COMPAT_H
#define SHMQ_KMOD_COMPAT_H

#include <linux/device.h>
#include <linux/mm.h>
#include <linux/version.h>

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

/* The largest order of alloc_pages(): exclusive until 6.3, renamed in 6.8. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 4, 0)
#define SHMQ_MAX_ORDER (MAX_ORDER - 1)
#elif LINUX_VERSION_CODE < KERNEL_VERSION(6, 8, 0)
#define SHMQ_MAX_ORDER MAX_ORDER
#else
#define SHMQ_MAX_ORDER MAX_PAGE_ORDER
#endif

#endif /* SHMQ_KMOD_COMPAT_H */
