// SPDX-License-Identifier: GPL-2.0-only
/*
 * Stands in for the driver in tools/vm/selftest.
 */
#include <linux/module.h>

static char *word = "none";
module_param(word, charp, 0444);

static int number;
module_param(number, int, 0444);

static int __init stand_in_init(void)
{
	return number < 0 ? -EINVAL : 0;
}

static void __exit stand_in_exit(void)
{
}

module_init(stand_in_init);
module_exit(stand_in_exit);
MODULE_DESCRIPTION("Stands in for shmq");
MODULE_LICENSE("GPL");
