/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* What a test needs of the emulated board. */
#ifndef SHMQ_FIRMWARE_BOARD_H
#define SHMQ_FIRMWARE_BOARD_H

#include <stdint.h>

/* The test: called once memory is there. Returns the exit status of the emulator. */
int firmware_main(void);

/* Called for each interrupt of the timer. */
void firmware_tick(void);

/* Lets the timer interrupt after so many cycles, once and then again and again. */
void board_tick_in(uint32_t cycles);

/* On the terminal of the host. */
void board_print(const char *text);

#endif /* SHMQ_FIRMWARE_BOARD_H */
