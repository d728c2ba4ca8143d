#!/bin/sh
# Becomes the first process of a machine without systemd, without a bus and without a container's marks: the programs of this one in
# a root directory of its own, the empty directory $1, and in it /opt/openclaw, which is the program $2. Run in namespaces of its own.
set -eu

root=$1
mount -t tmpfs tmpfs "$root"
for path in /bin /lib /lib32 /lib64 /sbin; do
  if [ -L "$path" ]; then
    cp -P "$path" "$root$path"
  elif [ -d "$path" ]; then
    mkdir "$root$path"
    mount --rbind "$path" "$root$path"
  fi
done
cd "$root"
mkdir dev etc home old opt proc root run tmp usr
mount --rbind /usr usr
mount --rbind /dev dev
mount -t proc proc proc
touch opt/openclaw
mount --bind "$2" opt/openclaw
cp /etc/passwd /etc/group etc/
echo "kim:x:2001:2001::/home/kim:/bin/sh" >> etc/passwd
echo "kim:x:2001:" >> etc/group
mkdir home/kim
chown 2001:2001 home/kim
chmod 1777 tmp
# As Debian's installer writes it.
printf '127.0.0.1 localhost\n127.0.1.1 machine\n' > etc/hosts
hostname machine
ip link set lo up
pivot_root . old
umount --lazy /old
rmdir /old
echo up
exec sleep infinity
