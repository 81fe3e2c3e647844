/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* What no_division must find. */
unsigned int divide(unsigned int a, unsigned int b);

unsigned int divide(unsigned int a, unsigned int b)
{
	return a / b;
}
