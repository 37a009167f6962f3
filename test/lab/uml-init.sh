#!/bin/bash
# Process 1 of the lab's kernel; test/lab/uml copies it there. Never run it on a host.
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8 TERM=dumb
if [ "${1:-}" != stage2 ]; then
	mount -t proc proc /proc
	grep -qs 'User Mode Linux' /proc/cpuinfo || exit 1
	# the tree read-only below, a tmpfs above: each boot starts from the same tree
	insmod "$(find "/root/uml/usr/lib/uml/modules/$(uname -r)/" -name 'overlay.ko*' | head -1)"
	mount -t tmpfs -o mode=755,size=60% over /mnt && mkdir -p /mnt/u /mnt/w /mnt/r
	mount -t overlay -o lowerdir=/,upperdir=/mnt/u,workdir=/mnt/w over /mnt/r || exec busybox poweroff -f
	mkdir -p /mnt/r/.old /mnt/r/.lab
	mount -t hostfs -o hostfs=/.lab/run none /mnt/r/.lab || exec busybox poweroff -f
	umount /proc
	cd /mnt/r && busybox pivot_root . .old && exec chroot . /bin/bash /.lab/init stage2
fi
umount -l /.old && rmdir /.old
mount -t proc -o nosuid,nodev,noexec proc /proc
mount -t sysfs -o nosuid,nodev,noexec sys /sys
mount -t securityfs -o nosuid,nodev,noexec securityfs /sys/kernel/security
mountpoint -q /dev || mount -t devtmpfs -o nosuid,mode=755 dev /dev
mkdir -p /dev/pts /dev/shm /dev/mqueue
mount -t devpts -o nosuid,noexec,gid=5,mode=620,ptmxmode=666 devpts /dev/pts
mount -t tmpfs -o nosuid,nodev,mode=1777 shm /dev/shm
mount -t mqueue -o nosuid,nodev,noexec mqueue /dev/mqueue
ln -sfn /proc/self/fd /dev/fd
ln -sfn /proc/self/fd/0 /dev/stdin
ln -sfn /proc/self/fd/1 /dev/stdout
ln -sfn /proc/self/fd/2 /dev/stderr
mount -t tmpfs -o nosuid,nodev,mode=755 run /run
mount -t tmpfs -o nosuid,nodev,mode=1777 tmp /tmp
mkdir -p /run/lock
while IFS=$'\t' read -r number path; do
	mkdir -p "$path" && mount -t hostfs -o "hostfs=/.lab/share/$number" none "$path" || echo "share $path failed" >&2
done < /.lab/shares
for module in overlay loop veth bridge dummy tun; do modprobe -q $module; done
# a fork of a process that has an io_uring mapped (node has) corrupts this kernel's memory
echo 2 > /proc/sys/kernel/io_uring_disabled
ip link set lo up
hostname lab
for tty in 0 1; do stty -F /dev/ttyS$tty raw -echo -onlcr; done
cat > /run/lab-command << 'X'
#!/bin/bash
. /.lab/env
cd "$(cat /.lab/cwd)"
# pipes, not ttys, for the command's output; what it leaves running may hold them open: wait a second at most
mkfifo /run/lab-out /run/lab-err
cat /run/lab-out > /dev/ttyS0 & out=$!
cat /run/lab-err > /dev/ttyS1 & err=$!
bash -c "$(cat /.lab/cmd)" < /dev/null > /run/lab-out 2> /run/lab-err
status=$?
for _ in 1 2 3 4 5 6 7 8 9 10; do kill -0 $out 2> /dev/null || kill -0 $err 2> /dev/null || break; sleep 0.1; done
sleep 0.05
echo $status > /.lab/status
X
if [ "$(cat /.lab/kind)" = systemd ]; then exec /bin/bash /.lab/systemd; fi
# like systemd does: nothing in the root of the tree, all controllers on for children
mount -t cgroup2 -o nosuid,nodev,noexec,nsdelegate cgroup2 /sys/fs/cgroup
mkdir /sys/fs/cgroup/init.scope && echo 1 > /sys/fs/cgroup/init.scope/cgroup.procs
for controller in $(cat /sys/fs/cgroup/cgroup.controllers); do
	echo "+$controller" > /sys/fs/cgroup/cgroup.subtree_control
done
setsid /bin/bash /run/lab-command < /dev/null
sync
exec busybox poweroff -f
