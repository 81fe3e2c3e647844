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

/* The page at an mmap offset, or NULL. */
static struct page *shmq_page_at(struct shmq_device *dev, unsigned long pgoff)
{
	if (pgoff == SHMQ_STATE_OFFSET >> PAGE_SHIFT)
		return virt_to_page(dev->state);
	if (pgoff == SHMQ_WAKE_OFFSET >> PAGE_SHIFT)
		return virt_to_page(dev->wake);
	if (pgoff < dev->region.mapped >> PAGE_SHIFT && !dev->region.from_dma)
		return pfn_to_page(dev->region.pfn + pgoff);
	return NULL;
}

/*
 * Pages are put in place by mmap itself, so that using the region never faults;
 * this serves what takes them out again: MADV_DONTNEED, mremap of length 0.
 */
static vm_fault_t shmq_fault(struct vm_fault *vmf)
{
	struct page *page = shmq_page_at(vmf->vma->vm_private_data, vmf->pgoff);

	if (!page)
		return VM_FAULT_SIGBUS;
	get_page(page);
	vmf->page = page;
	return 0;
}

static const struct vm_operations_struct shmq_vm_ops = {
	.fault = shmq_fault,
};

static int shmq_mmap_pages(struct shmq_device *dev, struct vm_area_struct *vma)
{
	unsigned long i;
	int err = 0;

	vma->vm_private_data = dev;
	vma->vm_ops = &shmq_vm_ops;
	for (i = 0; i < vma_pages(vma) && !err; i++)
		err = vm_insert_page(vma, vma->vm_start + (i << PAGE_SHIFT),
				     shmq_page_at(dev, vma->vm_pgoff + i));
	return err;
}

static int shmq_mmap_region(struct shmq_device *dev, struct vm_area_struct *vma)
{
	unsigned long pages = dev->region.mapped >> PAGE_SHIFT;
	unsigned long count = vma_pages(vma);

	if (vma->vm_pgoff >= pages || count > pages - vma->vm_pgoff)
		return -EINVAL;
	/* Memory of the DMA API may not be handed out page by page. */
	if (dev->region.from_dma)
		return remap_pfn_range(vma, vma->vm_start, dev->region.pfn + vma->vm_pgoff,
				       count << PAGE_SHIFT, vma->vm_page_prot);
	return shmq_mmap_pages(dev, vma);
}

static int shmq_mmap_control(struct shmq_device *dev, struct vm_area_struct *vma)
{
	return vma_pages(vma) == 1 ? shmq_mmap_pages(dev, vma) : -EINVAL;
}

int shmq_mmap(struct file *filp, struct vm_area_struct *vma)
{
	struct shmq_file *file = filp->private_data;
	struct shmq_device *dev = file->dev;

	if (READ_ONCE(dev->removed))
		return -ENODEV;
	/* A private copy would be a queue that nobody reads. */
	if (!(vma->vm_flags & VM_MAYSHARE)) /* not VM_SHARED: that needs a writer */
		return -EINVAL;
	vm_flags_set(vma, VM_DONTEXPAND | VM_DONTDUMP);

	switch (vma->vm_pgoff) {
	case SHMQ_STATE_OFFSET >> PAGE_SHIFT:
		if (vma->vm_flags & VM_WRITE)
			return -EACCES;
		vm_flags_clear(vma, VM_MAYWRITE);
		return shmq_mmap_control(dev, vma);
	case SHMQ_WAKE_OFFSET >> PAGE_SHIFT:
		return shmq_mmap_control(dev, vma);
	default:
		return shmq_mmap_region(dev, vma);
	}
}
