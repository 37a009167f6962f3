#!/bin/bash
# The last step of uml-init.sh with LAB_INIT=systemd: process 1 becomes systemd, which boots the system bus, logind and
# one service that runs the command and ends the kernel.
units=/run/systemd/system
mkdir -p $units /etc/systemd/system.conf.d /var/lib/systemd/linger
[ -s /etc/machine-id ] || echo 0123456789abcdef0123456789abcdef > /etc/machine-id
cat > $units/lab.service << 'U'
[Unit]
DefaultDependencies=no
Wants=dbus.service systemd-logind.service
After=basic.target dbus.service systemd-logind.service
[Service]
Environment=HOME=/root LANG=C.UTF-8 PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
StandardInput=null
StandardOutput=null
StandardError=null
TasksMax=infinity
LimitNOFILE=524288
ExecStart=/bin/bash /run/lab-command
ExecStopPost=/bin/sync
ExecStopPost=/usr/bin/busybox poweroff -f
U
printf '[Unit]\nRequires=basic.target\nWants=lab.service\n' > $units/lab.target
# devices do not come and go here, nothing is to be done at times, and what a boot keeps is gone with it
for unit in systemd-udevd.service systemd-udevd-{control,kernel,varlink}.socket systemd-udev-{trigger,settle,load-credentials}.service \
	systemd-tmpfiles-setup-dev.service systemd-tmpfiles-setup-dev-early.service systemd-modules-load.service systemd-random-seed.service \
	systemd-firstboot.service systemd-sysusers.service systemd-hwdb-update.service systemd-journal-catalog-update.service systemd-update-done.service \
	ldconfig.service systemd-journal-flush.service systemd-remount-fs.service modprobe@.service tmp.mount dev-hugepages.mount dev-mqueue.mount \
	sys-kernel-{debug,tracing,config}.mount sys-fs-fuse-connections.mount proc-sys-fs-binfmt_misc.automount systemd-binfmt.service apparmor.service \
	timers.target paths.target; do
	ln -sfn /dev/null $units/$unit
done
printf '[Manager]\nDefaultTimeoutStopSec=5s\n' > /etc/systemd/system.conf.d/lab.conf
exec /usr/lib/systemd/systemd --unit=lab.target --log-target=console --show-status=no < /dev/null
