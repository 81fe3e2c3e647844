// SPDX-License-Identifier: GPL-2.0-only
/*
 * mmap: the region at offset 0, the two control pages at offsets of their own.
 *
 * A mapping holds its open file, which holds the device's memory: no mapping
 * outlives what it shows.
 */
#include <linux/fs.h>
#include <linux/mm.h>

#include "compat.h"
#include "internal.h"

/*
 * Pages are put in place by mmap itself, so that using the region never faults;
 * this serves what takes them out again: MADV_DONTNEED, mremap of length 0.
 */
static vm_fault_t shmq_region_fault(struct vm_fault *vmf)
{
	struct shmq_device *dev = vmf->vma->vm_private_data;

	if (vmf->pgoff >= dev->region.mapped >> PAGE_SHIFT)
		return VM_FAULT_SIGBUS;
	vmf->page = pfn_to_page(dev->region.pfn + vmf->pgoff);
	get_page(vmf->page);
	return 0;
}

static const struct vm_operations_struct shmq_region_vm_ops = {
	.fault = shmq_region_fault,
};

static int shmq_mmap_region(struct shmq_device *dev, struct vm_area_struct *vma)
{
	unsigned long pages = dev->region.mapped >> PAGE_SHIFT;
	unsigned long count = vma_pages(vma);
	unsigned long i;
	int err = 0;

	if (vma->vm_pgoff >= pages || count > pages - vma->vm_pgoff)
		return -EINVAL;
	if (dev->region.from_dma)
		return remap_pfn_range(vma, vma->vm_start, dev->region.pfn + vma->vm_pgoff,
				       count << PAGE_SHIFT, vma->vm_page_prot);

	vma->vm_private_data = dev;
	vma->vm_ops = &shmq_region_vm_ops;
	for (i = 0; i < count && !err; i++)
		err = vm_insert_page(vma, vma->vm_start + (i << PAGE_SHIFT),
				     pfn_to_page(dev->region.pfn + vma->vm_pgoff + i));
	return err;
}

static int shmq_mmap_control(struct vm_area_struct *vma, void *page)
{
	if (vma_pages(vma) != 1)
		return -EINVAL;
	return vm_insert_page(vma, vma->vm_start, virt_to_page(page));
}

int shmq_mmap(struct file *filp, struct vm_area_struct *vma)
{
	struct shmq_file *file = filp->private_data;
	struct shmq_device *dev = file->dev;

	if (READ_ONCE(dev->removed))
		return -ENODEV;
	/* A private copy would be a queue that nobody reads. */
	if (!(vma->vm_flags & VM_SHARED))
		return -EINVAL;
	vm_flags_set(vma, VM_DONTEXPAND | VM_DONTDUMP);

	if (vma->vm_pgoff == SHMQ_STATE_OFFSET >> PAGE_SHIFT) {
		if (vma->vm_flags & VM_WRITE)
			return -EACCES;
		vm_flags_clear(vma, VM_MAYWRITE);
		return shmq_mmap_control(vma, dev->state);
	}
	if (vma->vm_pgoff == SHMQ_WAKE_OFFSET >> PAGE_SHIFT)
		return shmq_mmap_control(vma, dev->wake);
	return shmq_mmap_region(dev, vma);
}
