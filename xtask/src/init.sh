#!/bin/busybox sh
# The first process of a test machine: brings up what the tests expect of a system, runs one command,
# prints how it ended and switches the machine off.
/bin/busybox mkdir -p /proc /sys /dev /tmp /run /root
/bin/busybox mount -t proc proc /proc
/bin/busybox mount -t sysfs sysfs /sys
/bin/busybox mount -t devtmpfs devtmpfs /dev
exec </dev/null >/dev/console 2>&1
/bin/busybox --install -s /bin

mount -t tracefs tracefs /sys/kernel/tracing
mount -t debugfs debugfs /sys/kernel/debug
mount -t bpf bpf /sys/fs/bpf
mount -t cgroup2 cgroup2 /sys/fs/cgroup
mkdir -p /dev/pts /dev/shm
mount -t devpts devpts /dev/pts
mount -t tmpfs tmpfs /dev/shm
mount -t tmpfs -o mode=1777 tmpfs /tmp
ip link set lo up
hostname -F /etc/hostname

. /environment
cd /root
sh /command
status=$?
dmesg | grep -E 'BUG: |Oops: |general protection fault|WARNING: .*CPU' | grep -v 'soft lockup' | sed 's/^/RSTRACE-VM-KERNEL /'
echo "RSTRACE-VM-RESULT status=$status"
sync
poweroff -f
