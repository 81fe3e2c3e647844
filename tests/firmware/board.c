// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * A Cortex-M from reset to main, its timer, and the emulator's ear
 * (semihosting: "Semihosting for AArch32 and AArch64", Arm).
 */
#include "board.h"

#define SYS_WRITE0		0x04u
#define SYS_EXIT_EXTENDED	0x20u
#define APPLICATION_EXIT	0x20026u

#define SYST_CSR	(*(volatile uint32_t *)0xe000e010u)
#define SYST_RVR	(*(volatile uint32_t *)0xe000e014u)
#define SYST_CVR	(*(volatile uint32_t *)0xe000e018u)

extern uint32_t bss_start[], bss_end[], stack_top[];

void reset(void);

static uint32_t semihost(uint32_t call, const void *argument)
{
	register uint32_t r0 __asm__("r0") = call;
	register const void *r1 __asm__("r1") = argument;

	__asm__ __volatile__("bkpt 0xab" : "+r"(r0) : "r"(r1) : "memory");
	return r0;
}

static void leave(uint32_t status)
{
	const uint32_t why[2] = { APPLICATION_EXIT, status };

	semihost(SYS_EXIT_EXTENDED, why);
	for (;;)
		;
}

void board_print(const char *text)
{
	semihost(SYS_WRITE0, text);
}

void board_tick_in(uint32_t cycles)
{
	SYST_RVR = cycles;
	SYST_CVR = 0;
	SYST_CSR = 7; /* the processor's clock, interrupt, enable */
}

static void fault(void)
{
	board_print("fault\n");
	leave(3);
}

void reset(void)
{
	uint32_t *word;

	for (word = bss_start; word < bss_end; word++)
		*(volatile uint32_t *)word = 0;
	leave((uint32_t)firmware_main());
}

__attribute__((section(".vectors"), used)) static const void *const vectors[16] = {
	stack_top, (void *)reset, (void *)fault, (void *)fault, (void *)fault, (void *)fault,
	(void *)fault, 0, 0, 0, 0, (void *)fault, (void *)fault, 0, (void *)fault,
	(void *)firmware_tick,
};
