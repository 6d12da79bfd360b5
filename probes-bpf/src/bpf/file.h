/* SPDX-License-Identifier: GPL-2.0-only OR MIT OR Apache-2.0 */
/*
 * What a descriptor is: its file's path, or what it is instead of one, and the ends of a socket. Read from
 * the thread's own table of files at the very moment of the entry or the return, so that it is what the call
 * means.
 *
 * Other threads may close the descriptor meanwhile. Then nothing is said of it.
 */
#ifndef RSTRACE_FILE_H
#define RSTRACE_FILE_H

#define PIPEFS_MAGIC 0x50495045
#define SOCKFS_MAGIC 0x534f434b
#define ANON_INODE_FS_MAGIC 0x09041934
#define NSFS_MAGIC 0x6e736673
#define PID_FS_MAGIC 0x50494446 /* from 6.9 on */
#define DMA_BUF_MAGIC 0x444d4142
#define AF_UNIX 1
#define AF_INET 2
#define AF_INET6 10
/* The inode number of the initial PID namespace: PROC_PID_INIT_INO. */
#define INITIAL_PIDS 0xEFFFFFFC
/* "[pidfd]" with its terminator, as a number. */
#define PIDFD_NAME 0x005d64666469705bULL
/* sizeof(sun_path) */
#define UNIX_NAME_LEN 108

/* Appends a name of the kernel's. */
static __always_inline void append_name(struct scratch *s, const void *name)
{
	u64 off = s->len;
	long n;

	barrier_var(off);
	if (off > MAX_DATA - NAME_LEN)
		return;
	n = bpf_probe_read_kernel_str(s->data + off, NAME_LEN, name);
	if (n > 0 && n <= NAME_LEN)
		s->len = off + n - 1;
}

/* Appends the ends of a socket; not 0 if it is none that can be looked at. */
static __always_inline int append_socket(struct scratch *s, struct file *file)
{
	struct socket *socket = BPF_CORE_READ(file, private_data);
	struct socket_ends *ends;
	u64 off = s->len;
	struct sock *sk;

	barrier_var(off);
	if (off > MAX_DATA - sizeof(*ends) - UNIX_NAME_LEN)
		return -1;
	/* a file that was closed and used again is no longer the socket's */
	if (!socket || BPF_CORE_READ(socket, file) != file)
		return -1;
	sk = BPF_CORE_READ(socket, sk);
	if (!sk)
		return -1;
	ends = (void *)s->data + off;
	__builtin_memset(ends, 0, sizeof(*ends));
	ends->family = BPF_CORE_READ(sk, __sk_common.skc_family);
	ends->type = BPF_CORE_READ(sk, sk_type);
	ends->protocol = BPF_CORE_READ(sk, sk_protocol);
	ends->state = BPF_CORE_READ(sk, __sk_common.skc_state);
	s->len = off + sizeof(*ends);
	if (ends->family == AF_INET || ends->family == AF_INET6) {
		ends->port = BPF_CORE_READ(sk, __sk_common.skc_num);
		ends->peer_port = __builtin_bswap16(BPF_CORE_READ(sk, __sk_common.skc_dport));
	}
	if (ends->family == AF_INET) {
		bpf_core_read(ends->address, 4, &sk->__sk_common.skc_rcv_saddr);
		bpf_core_read(ends->peer_address, 4, &sk->__sk_common.skc_daddr);
	} else if (ends->family == AF_INET6 && bpf_core_field_exists(sk->__sk_common.skc_v6_daddr)) {
		bpf_core_read(ends->address, 16, &sk->__sk_common.skc_v6_rcv_saddr);
		bpf_core_read(ends->peer_address, 16, &sk->__sk_common.skc_v6_daddr);
	} else if (ends->family == AF_NETLINK) {
		ends->port_id = BPF_CORE_READ((struct netlink_sock *)sk, portid);
	} else if (ends->family == AF_UNIX && bpf_core_type_exists(struct unix_sock)) {
		struct unix_address *address = BPF_CORE_READ((struct unix_sock *)sk, addr);
		struct sock *peer = BPF_CORE_READ((struct unix_sock *)sk, peer);
		u64 len = 0;

		if (peer)
			ends->peer = BPF_CORE_READ(peer, sk_socket, file, f_inode, i_ino);
		if (address)
			len = (u32)BPF_CORE_READ(address, len) - (u32)sizeof(u16);
		/* not 0 as well: the compiler makes one check of both, of a number that the verifier can't
		 * relate */
		barrier_var(len);
		if (len <= UNIX_NAME_LEN &&
		    !bpf_probe_read_kernel(s->data + off + sizeof(*ends), len,
					   (void *)__builtin_preserve_access_index(&address->name) +
						   sizeof(u16))) {
			ends->name_len = len;
			s->len = off + sizeof(*ends) + len;
		}
	}
	return 0;
}

/*
 * The process that a pidfd stands for, if it is still there. Its name follows behind what was written, after
 * a zero, where names are told.
 */
static __always_inline u32 append_process(struct scratch *s, struct file *file, bool is_own_fs)
{
	struct pid *pid =
		is_own_fs ? BPF_CORE_READ(file, f_inode, i_private) : BPF_CORE_READ(file, private_data);
	u64 off;

	/* whatever stands there: every id has a number in the initial namespace first */
	if (!pid || BPF_CORE_READ(pid, numbers[0].ns, ns.inum) != INITIAL_PIDS ||
	    !BPF_CORE_READ(pid, tasks[0].first))
		return 0;
	off = s->len;
	barrier_var(off);
	if (config.ids & ID_COMM && off < MAX_DATA - STEP_LEN) {
		struct task_struct *task = task_of(pid);

		s->data[off] = 0;
		bpf_probe_read_kernel(s->data + off + 1, COMM_LEN,
				      __builtin_preserve_access_index(&task->comm));
		s->len = off + 1 + COMM_LEN;
	}
	return BPF_CORE_READ(pid, numbers[0].nr);
}

/* Whether what a number stands for is to be looked up now: as it was before the call, or after it. */
static __always_inline bool is_moment_of_number(struct scratch *s, const struct capture *c)
{
	if (c->when == s->reading.when)
		return 1;
	/* of a call that failed without having been seen entering, it is what it was */
	return s->record.flags & CALL_NO_ENTRY && s->record.ret < 0 && s->record.ret >= -4095;
}

/*
 * Captures what the descriptor is that stands in reading.address. Global, as what is in path.h; what it needs
 * is in the scratch area.
 */
__noinline int capture_file(u32 lane)
{
	struct task_struct *task = (struct task_struct *)bpf_get_current_task();
	struct scratch *s = scratch_of(lane);
	u32 fd, kind, status = PAYLOAD_WHOLE;
	struct dentry *dentry, *root;
	struct file_info *info;
	struct file *file = 0;
	struct inode *inode;
	struct way *way;
	u64 magic;

	if (!s || !HAS_KIND(WHAT_FILE))
		return 0;
	way = &s->way;
	fd = s->reading.address;
	if ((int)fd != AT_FDCWD) {
		file = (int)fd < 0 ? 0 : file_of(way, task, fd);
		if (!file)
			return 0;
	}
	info = begin_found(s, DESCRIPTOR_TAG | fd);
	if (!info)
		return 0;
	__builtin_memset(info, 0, sizeof(*info));
	s->len += sizeof(*info);
	info->kind = FILE_IN_TREE;
	way->state = 0;
	if (!file) {
		capture_way(s, 0, fd);
		status = way->state & WAY_CUT ? PAYLOAD_NO_ROOM : PAYLOAD_WHOLE;
		end_payload(s, status | PAYLOAD_MADE);
		return 0;
	}
	inode = FOLLOW(way, file->f_inode);
	info->mode = BPF_CORE_READ(inode, i_mode);
	info->inode = BPF_CORE_READ(inode, i_ino);
	info->device = BPF_CORE_READ(inode, i_rdev);
	magic = BPF_CORE_READ(inode, i_sb, s_magic);
	dentry = FOLLOW(way, file->f_path.dentry);
	root = BPF_CORE_READ(file, f_path.mnt, mnt_root);
	/* what was never in a directory; a FIFO in the tree has a path */
	if (dentry != root && FOLLOW(way, dentry->d_parent) == dentry) {
		kind = FILE_OF_NO_TREE;
		if (magic == PIPEFS_MAGIC) {
			kind = FILE_PIPE;
		} else if (magic == SOCKFS_MAGIC) {
			kind = FILE_SOCKET;
			append_socket(s, file);
		} else if (magic == NSFS_MAGIC) {
			struct ns_common *ns = BPF_CORE_READ(inode, i_private);

			kind = FILE_NAMESPACE;
			append_name(s, BPF_CORE_READ(ns, ops, name));
		} else if (magic == PID_FS_MAGIC) {
			kind = FILE_ANONYMOUS;
			way->value = PIDFD_NAME;
			append_name(s, &way->value);
			info->pid = append_process(s, file, 1);
		} else if (magic == DMA_BUF_MAGIC) {
			kind = 0;
		} else {
			append_name(s, FOLLOW(way, dentry->d_name.name));
			if (magic == ANON_INODE_FS_MAGIC) {
				kind = FILE_ANONYMOUS;
				way->value = 0;
				bpf_probe_read_kernel(&way->value, sizeof(u64),
						      BPF_CORE_READ(dentry, d_name.name));
				if (way->value == PIDFD_NAME)
					info->pid = append_process(s, file, 0);
			}
		}
		info->kind = kind;
	} else {
		write_way(s, __builtin_preserve_access_index(&file->f_path));
		status = way->state & WAY_CUT ? PAYLOAD_NO_ROOM : PAYLOAD_WHOLE;
	}
	end_payload(s, status | PAYLOAD_MADE);
	/* while it is in the table it is not freed, so all that was read was its own */
	if (file_of(way, task, fd) != file)
		s->len = s->reading.head;
	return 0;
}

#endif
