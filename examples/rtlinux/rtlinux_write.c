// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * The user's side of RTLinux's shared-memory sample: maps the start of a device,
 * and stores each number that is typed in, and a flag, until "quit". There it
 * mapped /dev/mem, as root; only the path is another.
 *
 *	insmod shmq.ko layout=raw handler=print print_format=s32 period_us=500000 priority=1
 *	rtlinux_write /dev/shmq0
 *
 * A kernel thread of priority 1 prints the number each half second. The program
 * and the thread agree on nothing: a number may be printed twice or never, and
 * two that belong together may be printed when only the first is new.
 * rtlinux_cell.cpp has neither fault. See docs/realtime.md.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

struct shared {
	int number;
	char ready;
};

int main(int argc, char **argv)
{
	const char *path = argc > 1 ? argv[1] : "/dev/shmq0";
	volatile struct shared *shared;
	char word[40];
	int fd;

	fd = open(path, O_RDWR);
	if (fd < 0) {
		perror(path);
		return 1;
	}
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (shared == MAP_FAILED) {
		perror("mmap");
		return 1;
	}
	printf("numbers, or quit\n");
	while (scanf("%39s", word) == 1) {
		shared->number = atoi(word);
		shared->ready = 1;
		if (!strcmp(word, "quit"))
			break;
	}
	munmap((void *)shared, sizeof(*shared));
	close(fd);
	return 0;
}
