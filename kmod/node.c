// SPDX-License-Identifier: GPL-2.0-only
/*
 * The permissions of a node that is there already. devtmpfs sets them when it
 * makes the node and has no call to change them, so this does what chmod(1) and
 * chown(1) would, in the file systems that the caller sees, and tells udev.
 */
#include <linux/fs.h>
#include <linux/mount.h>
#include <linux/namei.h>

#include "compat.h"
#include "internal.h"

static int shmq_node_apply(const struct path *path, const struct shmq_device *dev, umode_t mode,
			   kuid_t uid, kgid_t gid)
{
	struct inode *inode = d_inode(path->dentry);
	struct iattr change = {
		.ia_valid = ATTR_MODE | ATTR_UID | ATTR_GID,
		.ia_mode = S_IFCHR | mode,
		.ia_uid = uid,
		.ia_gid = gid,
	};
	int err;

	/* Somebody else's file, of that name by chance. */
	if (!S_ISCHR(inode->i_mode) || inode->i_rdev != dev->device.devt)
		return -ENOENT;
	err = mnt_want_write(path->mnt);
	if (err)
		return err;
	inode_lock(inode);
	err = shmq_notify_change(path, &change);
	inode_unlock(inode);
	mnt_drop_write(path->mnt);
	return err;
}

/**
 * shmq_node_change() - new permissions for the node
 * @dev: the device
 * @mode: bits of 0666
 * @uid: owner
 * @gid: group
 *
 * Context: process, of the one who asks: their rights, their /dev.
 * Return: 0, -ENOENT there is no such node, -EPERM, -EROFS.
 */
int shmq_node_change(struct shmq_device *dev, umode_t mode, kuid_t uid, kgid_t gid)
{
	struct path path;
	char name[32];
	int err;

	snprintf(name, sizeof(name), "/dev/%s", dev_name(&dev->device));
	err = kern_path(name, 0, &path);
	if (err)
		return err;
	err = shmq_node_apply(&path, dev, mode, uid, gid);
	path_put(&path);
	return err;
}
