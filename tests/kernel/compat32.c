// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * A 32-bit program on a 64-bit kernel: the structures are the same, every ioctl,
 * read, write, poll and the mapped queues work. Exits 0, or says which line was
 * wrong. Without the library, whose dependencies are of the other size.
 */
#define _GNU_SOURCE
#define _FILE_OFFSET_BITS 64
#define SHMQ_SMALL_CRC 1

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <linux/shmq.h>
#include <shmq/core/doorbell.h>
#include <shmq/core/frame.h>

_Static_assert(sizeof(void *) == 4, "this has to be a 32-bit program");
_Static_assert(sizeof(struct shmq_info) == 488, "as on a 64-bit kernel");
_Static_assert(sizeof(struct shmq_queue_state) == 64, "as on a 64-bit kernel");

#define CHECK(condition)                                                        \
	do {                                                                    \
		if (!(condition)) {                                             \
			fprintf(stderr, "%s:%d: not so: %s (errno %d)\n",       \
				__FILE__, __LINE__, #condition, errno);         \
			exit(1);                                                \
		}                                                               \
	} while (0)

static struct shmq_info info;

static void *map(int fd, size_t length, __u64 offset, int prot)
{
	void *at = mmap(NULL, length, prot, MAP_SHARED, fd, (off_t)offset);

	CHECK(at != MAP_FAILED);
	return at;
}

static void echo_through_the_mapping(int fd, uint8_t *region, shmq_base wake)
{
	struct shmq_format format = { .framing = info.areas[0].framing,
				      .prefix_length = info.prefix_length };
	struct shmq_producer p;
	struct shmq_consumer c;
	struct shmq_writer w;
	struct shmq_reader r;
	struct shmq_message m;
	char text[32], answer[64];
	int i;

	memcpy(format.prefix, info.prefix, sizeof(format.prefix));
	CHECK(shmq_producer_attach(&p, region + info.areas[0].offset, info.areas[0].length) == 0);
	CHECK(shmq_consumer_attach(&c, region + info.areas[1].offset, info.areas[1].length) == 0);
	shmq_writer_init(&w, &p, &format);
	shmq_reader_init(&r, &c, &format);
	for (i = 0; i < 200; i++) {
		int n = snprintf(text, sizeof(text), "message %d", i);
		struct shmq_part part = { text, (uint32_t)n };
		struct pollfd pfd = { fd, POLLIN, 0 };
		enum shmq_status status;

		CHECK(shmq_frame_write(&w, 0, &part, 1) == SHMQ_OK);
		if (shmq_doorbell_take(wake, SHMQ_BELL_DATA(0) * sizeof(struct shmq_sleep_word)))
			CHECK(ioctl(fd, SHMQ_IOC_KICK, 1ul << SHMQ_BELL_DATA(0)) == 0);
		while ((status = shmq_frame_read(&r, answer, sizeof(answer), &m)) == SHMQ_EMPTY)
			CHECK(poll(&pfd, 1, 60000) == 1);
		CHECK(status == SHMQ_OK && m.length == (uint32_t)n && !memcmp(answer, text, m.length));
	}
}

int main(void)
{
	int fd = open("/dev/shmq0", O_RDWR);
	struct shmq_claim claim = { .size = sizeof(claim), .end = SHMQ_END_PRODUCER };
	struct shmq_reset reset = { .size = sizeof(reset) };
	const struct shmq_state_page *state;
	char buffer[64];

	CHECK(fd >= 0);
	info.size = sizeof(info);
	CHECK(ioctl(fd, SHMQ_IOC_INFO, &info) == 0);
	CHECK(info.size == sizeof(info) && info.abi_version == SHMQ_ABI_VERSION);
	CHECK(info.area_count == 2 && info.areas[1].offset + info.areas[1].length ==
					       info.region_length);

	CHECK(write(fd, "thirty-two", 10) == 10);
	CHECK(poll(&(struct pollfd){ fd, POLLIN, 0 }, 1, 60000) == 1);
	CHECK(read(fd, buffer, sizeof(buffer)) == 10 && !memcmp(buffer, "thirty-two", 10));
	close(fd);

	fd = open("/dev/shmq0", O_RDWR);
	CHECK(ioctl(fd, SHMQ_IOC_CLAIM, &claim) == 0);
	CHECK(ioctl(fd, SHMQ_IOC_CLAIM, &claim) == -1 && errno == EBUSY);
	state = map(fd, (size_t)info.control_length, info.state_offset, PROT_READ);
	CHECK(state->queues[0].producer == SHMQ_HOLDER_USER);
	CHECK(state->queues[0].consumer == SHMQ_HOLDER_KERNEL);
	echo_through_the_mapping(fd, map(fd, (size_t)info.region_length, 0, PROT_READ | PROT_WRITE),
				 map(fd, (size_t)info.control_length, info.wake_offset,
				     PROT_READ | PROT_WRITE));
	CHECK(state->queues[0].messages == 201);
	CHECK(ioctl(fd, SHMQ_IOC_RELEASE, &claim) == 0);
	CHECK(ioctl(fd, SHMQ_IOC_RESET, &reset) == 0 && reset.epoch == 1);
	CHECK(ioctl(fd, SHMQ_IOC_KICK, 1ul << SHMQ_BELLS) == -1 && errno == EINVAL);
	CHECK(ioctl(fd, _IO(SHMQ_IOC_TYPE, 99)) == -1 && errno == ENOTTY);
	return 0;
}
