#!/usr/bin/env bash
# Becomes the first process of a machine whose root file system is in the directory $1. Run by systemd.sh in namespaces of its own.
set -euo pipefail

root=$1
mount --bind "$root" "$root"
mount -t proc proc "$root/proc"
mount -t sysfs sysfs "$root/sys"
for directory in run tmp dev; do
  mount -t tmpfs tmpfs "$root/$directory"
done
for device in null zero full random urandom tty; do
  touch "$root/dev/$device"
  mount --bind "/dev/$device" "$root/dev/$device"
done
mkdir "$root/dev/pts" "$root/dev/shm"
mount -t devpts devpts "$root/dev/pts" -o newinstance,ptmxmode=0666
ln -s pts/ptmx "$root/dev/ptmx"
if [[ -d /sys/fs/cgroup/systemd ]]; then
  # Version 1: systemd needs the hierarchy of its name and no controller.
  mount -t tmpfs tmpfs "$root/sys/fs/cgroup"
  mkdir "$root/sys/fs/cgroup/systemd"
  mount -t cgroup -o none,name=systemd cgroup "$root/sys/fs/cgroup/systemd"
else
  mount -t cgroup2 cgroup2 "$root/sys/fs/cgroup"
fi
ip link set lo up
cd "$root"
pivot_root . mnt
umount --lazy /mnt
# So told, systemd leaves the hardware alone.
exec env -i container=openclaw-test PATH=/usr/sbin:/usr/bin:/sbin:/bin /lib/systemd/systemd --show-status=false
