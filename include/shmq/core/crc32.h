/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * CRC-32/ISO-HDLC (the one of zlib, Ethernet and PNG), continued from `crc`;
 * start with 0. The work is done by whoever does it best where we run.
 */
#ifndef SHMQ_CORE_CRC32_H
#define SHMQ_CORE_CRC32_H

#ifndef __KERNEL__
#include <stddef.h>
#include <stdint.h>
#endif

/* The CRC of any bytes that are followed by their own CRC, little-endian. */
#define SHMQ_CRC_RESIDUE	0x2144df1cu

#ifdef __KERNEL__

#include <linux/crc32.h>

static inline uint32_t shmq_crc32(uint32_t crc, const void *data, size_t n)
{
	return crc32_le(crc ^ ~0u, (const unsigned char *)data, n) ^ ~0u;
}

#elif __STDC_HOSTED__ && !defined(SHMQ_SMALL_CRC)

#include <libdeflate.h>

static inline uint32_t shmq_crc32(uint32_t crc, const void *data, size_t n)
{
	/* No bytes may be at a null pointer; to libdeflate that means "start over". */
	return data ? libdeflate_crc32(crc, data, n) : crc;
}

#else

/* Bare metal: four bits at a time from 64 bytes of constants. */
static inline uint32_t shmq_crc32(uint32_t crc, const void *data, size_t n)
{
	static const uint32_t nibble[16] = {
		0x00000000, 0x1db71064, 0x3b6e20c8, 0x26d930ac, 0x76dc4190, 0x6b6b51f4,
		0x4db26158, 0x5005713c, 0xedb88320, 0xf00f9344, 0xd6d6a3e8, 0xcb61b38c,
		0x9b64c2b0, 0x86d3d2d4, 0xa00ae278, 0xbdbdf21c,
	};
	const uint8_t *byte = (const uint8_t *)data;

	crc = ~crc;
	while (n--) {
		crc ^= *byte++;
		crc = (crc >> 4) ^ nibble[crc & 15];
		crc = (crc >> 4) ^ nibble[crc & 15];
	}
	return ~crc;
}

#endif

#endif /* SHMQ_CORE_CRC32_H */
