// SPDX-License-Identifier: GPL-2.0-only
/*
 * Where the memory of a device comes from: the page allocator up to its
 * largest block, the contiguous memory area (CMA) above that.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/dma-mapping.h>
#include <linux/gfp.h>
#include <linux/mm.h>
#include <linux/platform_device.h>

#include "compat.h"
#include "internal.h"

/* The DMA API wants a device with a mask; a class device has none. */
static struct platform_device *shmq_dma;

int shmq_regions_init(void)
{
	int err;

	shmq_dma = platform_device_register_simple("shmq", PLATFORM_DEVID_NONE, NULL, 0);
	if (IS_ERR(shmq_dma))
		return PTR_ERR(shmq_dma);
	err = dma_coerce_mask_and_coherent(&shmq_dma->dev, DMA_BIT_MASK(64));
	if (err)
		platform_device_unregister(shmq_dma);
	return err;
}

void shmq_regions_exit(void)
{
	platform_device_unregister(shmq_dma);
}

/* Single pages that happen to be neighbours: each can be mapped and pinned alone. */
static int shmq_region_from_pages(struct shmq_region *region)
{
	region->base = alloc_pages_exact(region->mapped, GFP_KERNEL | __GFP_ZERO | __GFP_NOWARN);
	if (!region->base)
		return -ENOMEM;
	region->pfn = page_to_pfn(virt_to_page(region->base));
	return 0;
}

static int shmq_region_from_dma(struct shmq_region *region)
{
	struct page *page = dma_alloc_pages(&shmq_dma->dev, region->mapped, &region->dma,
					    DMA_BIDIRECTIONAL, GFP_KERNEL | __GFP_NOWARN);

	if (!page)
		return -ENOMEM;
	region->base = page_address(page);
	region->pfn = page_to_pfn(page);
	region->from_dma = true;
	memset(region->base, 0, region->mapped);
	return 0;
}

/* The largest size that can be had right now, for the message. */
static size_t shmq_region_largest(void)
{
	int order;

	for (order = SHMQ_MAX_ORDER; order > 0; order--) {
		struct page *page = alloc_pages(GFP_KERNEL | __GFP_NOWARN | __GFP_NORETRY, order);

		if (page) {
			__free_pages(page, order);
			break;
		}
	}
	return PAGE_SIZE << order;
}

int shmq_region_alloc(struct shmq_region *region, u64 length)
{
	size_t limit = PAGE_SIZE << SHMQ_MAX_ORDER;
	int err;

	region->length = length;
	region->mapped = PAGE_ALIGN(length);
	region->from_dma = false;
	err = region->mapped <= limit ? shmq_region_from_pages(region)
				      : shmq_region_from_dma(region);
	if (!err)
		return 0;
	if (region->mapped > limit)
		pr_err("size=%llu: no %zu KiB of contiguous memory: the page allocator gives at most %zu KiB, and for more the kernel needs free CMA (boot with cma=%zuM)\n",
		       length, region->mapped >> 10, limit >> 10,
		       ALIGN(region->mapped * 2, SZ_16M) >> 20);
	else
		pr_err("size=%llu: no %zu KiB of contiguous memory now: the largest free block is %zu KiB; ask for less, or load the module earlier\n",
		       length, region->mapped >> 10, shmq_region_largest() >> 10);
	return err;
}

void shmq_region_free(struct shmq_region *region)
{
	if (!region->base)
		return;
	if (region->from_dma)
		dma_free_pages(&shmq_dma->dev, region->mapped, virt_to_page(region->base),
			       region->dma, DMA_BIDIRECTIONAL);
	else
		free_pages_exact(region->base, region->mapped);
	region->base = NULL;
}
