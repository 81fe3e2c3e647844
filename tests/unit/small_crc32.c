/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* The bare-metal CRC, in a program that also has the hosted one. */
#ifndef SHMQ_SMALL_CRC
#define SHMQ_SMALL_CRC
#endif
#include <shmq/core/barrier.h>
#include <shmq/core/crc32.h>

uint32_t small_crc32(uint32_t crc, const void *data, size_t n);

uint32_t small_crc32(uint32_t crc, const void *data, size_t n)
{
	return shmq_crc32(crc, data, n);
}
