/* SPDX-License-Identifier: GPL-2.0-only OR MIT OR Apache-2.0 */
/*
 * Where in the tree of files a thread stands: the way from its working directory, its root or a descriptor
 * up to the root of its mount namespace, name by name, over the mounts on the way.
 *
 * The functions are global: the verifier looks at them once, whatever they are called from and however often.
 * So a loop of some thousand steps passes where there is no bpf_loop (before 5.17). As they take numbers
 * only (pointers came with 5.13), their state is in the scratch area of the lane.
 */
#ifndef RSTRACE_PATH_H
#define RSTRACE_PATH_H

#include <bpf/bpf_core_read.h>
#include "scratch.h"

/* Mounts and names on one way are so many times so many: the verifier walks through each loop once. */
#define PATH_STRIDES 64
#define STRIDE_STEPS 64
/* NAME_MAX, and the terminator */
#define NAME_LEN 256
#define AT_FDCWD -100
/* The inode number that mount namespaces without a place in a tree have since 6.18 (MNT_NS_ANON_INO); before
 * 0. */
#define ANONYMOUS_MOUNTS 0xEFFFFFF7

/* A pointer in the kernel's memory, 0 if it can't be read. */
#define FOLLOW(way, from)                                           \
	({                                                          \
		(way)->value = 0;                                   \
		bpf_core_read(&(way)->value, sizeof(u64), &(from)); \
		(void *)(way)->value;                               \
	})

/* Whether a mount is in no namespace's tree. */
static __always_inline bool is_detached(struct way *way, struct mount *mount)
{
	struct mnt_namespace *ns = FOLLOW(way, mount->mnt_ns);
	u32 inum;

	/* an error's number stands there for what is in no namespace any more */
	if (!ns || (u64)ns >= (u64)-4095)
		return 1;
	way->value = 0;
	bpf_core_read(&way->value, sizeof(inum), &ns->ns.inum);
	inum = way->value;
	return !inum || inum == ANONYMOUS_MOUNTS;
}

/* Goes one step up: over a mount, or by a name, which is written behind the data; not 0 at the end. */
__noinline int path_step(u32 lane)
{
	struct scratch *s = scratch_of(lane);
	struct dentry *dentry, *up;
	struct mount *mount, *below;
	struct way *way;
	u64 off;
	long n;

	if (!s)
		return 1;
	way = &s->way;
	dentry = (struct dentry *)way->dentry;
	mount = (struct mount *)way->mount;
	if (dentry == FOLLOW(way, mount->mnt.mnt_root)) {
		below = FOLLOW(way, mount->mnt_parent);
		if (below && below != mount) {
			way->dentry = (u64)FOLLOW(way, mount->mnt_mountpoint);
			way->mount = (u64)below;
			return 0;
		}
		if (is_detached(way, mount))
			way->state |= WAY_DETACHED;
		return 1;
	}
	up = FOLLOW(way, dentry->d_parent);
	if (!up || up == dentry) {
		way->state |= WAY_DETACHED;
		return 1;
	}
	off = s->len;
	barrier_var(off);
	if (off > MAX_DATA - NAME_LEN - 8) {
		way->state |= WAY_CUT;
		return 1;
	}
	n = bpf_probe_read_kernel_str(s->data + off, NAME_LEN, FOLLOW(way, dentry->d_name.name));
	if (n <= 0 || n > NAME_LEN) {
		way->state |= WAY_CUT;
		return 1;
	}
	s->len = off + n;
	way->dentry = (u64)up;
	return 0;
}

/* Goes so many steps up; not 0 at the end. */
__noinline int path_stride(u32 lane)
{
	for (u32 i = 0; i < STRIDE_STEPS; i++) {
		if (path_step(lane))
			return 1;
	}
	return 0;
}

/* Goes up to the end; 0 if that is further than any way may be. */
__noinline int path_climb(u32 lane)
{
	for (u32 i = 0; i < PATH_STRIDES; i++) {
		if (path_stride(lane))
			return 1;
	}
	return 0;
}

/* The file of a descriptor of this thread; 0 if there is none. */
static __always_inline struct file *file_of(struct way *way, struct task_struct *task, u32 fd)
{
	struct files_struct *files = FOLLOW(way, task->files);
	struct fdtable *table = FOLLOW(way, files->fdt);
	struct file **place = FOLLOW(way, table->fd);

	way->value = 0;
	bpf_core_read(&way->value, sizeof(u32), &table->max_fds);
	if (fd >= way->value)
		return 0;
	way->value = 0;
	bpf_probe_read_kernel(&way->value, sizeof(u64), place + fd);
	return (struct file *)way->value;
}

/* The path that a file was opened by, of a descriptor of this thread; 0 if there is none. */
static __always_inline struct path *path_of(struct way *way, struct task_struct *task, u32 fd)
{
	struct file *file = file_of(way, task, fd);

	return file ? __builtin_preserve_access_index(&file->f_path) : 0;
}

/*
 * Writes a way behind the data: how it ended (a byte of enum way_state), and the names, the nearest first,
 * each with its terminator.
 */
static __always_inline void write_way(struct scratch *s, struct path *path)
{
	struct way *way = &s->way;
	struct dentry *dentry;
	u64 off = s->len, mount;

	if (off > MAX_DATA - NAME_LEN - 8)
		return;
	s->len = off + 1;
	mount = path ? (u64)FOLLOW(way, path->mnt) : 0;
	dentry = path ? FOLLOW(way, path->dentry) : 0;
	if (mount && dentry) {
		way->dentry = (u64)dentry;
		way->mount = mount - bpf_core_field_offset(struct mount, mnt);
		/* as d_unlinked() has it; the root of a file system is in no list either */
		if (!FOLLOW(way, dentry->d_hash.pprev) && FOLLOW(way, dentry->d_parent) != dentry)
			way->state |= WAY_DELETED;
		if (!path_climb(way->lane))
			way->state |= WAY_CUT;
	} else {
		way->state |= WAY_NONE;
	}
	if (off < MAX_DATA)
		s->data[off] = way->state;
}

/* Writes the way from the thread's root, or from a directory by its descriptor. */
static __always_inline void capture_way(struct scratch *s, u32 of_root, u32 dirfd)
{
	struct task_struct *task = (struct task_struct *)bpf_get_current_task();
	struct way *way = &s->way;
	struct path *path;

	way->state = of_root ? WAY_OF_ROOT : 0;
	if (of_root || (int)dirfd == AT_FDCWD) {
		struct fs_struct *fs = FOLLOW(way, task->fs);

		path = of_root ? __builtin_preserve_access_index(&fs->root)
			       : __builtin_preserve_access_index(&fs->pwd);
	} else {
		path = path_of(way, task, dirfd);
	}
	write_way(s, path);
}

#endif
