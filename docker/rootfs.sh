#!/bin/sh
# Packs the root file system that both images have: rootfs.sh BINARY ARCHIVE
#
# An archive, because it holds owners and modes without anybody having to be root, and the same input gives the same bytes.
set -eu

binary=$1 archive=$2
root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT

mkdir -p "$root/usr/local/bin" "$root/etc" "$root/tmp" "$root/home/node/.openclaw" "$root/run/openclaw"
cp "$binary" "$root/usr/local/bin/openclaw"
# Nothing needs these two; they let people write `docker exec -u root`.
printf '%s\n' 'root:x:0:0::/root:' 'node:x:1000:0::/home/node:' > "$root/etc/passwd"
printf '%s\n' 'root:x:0:' 'node:x:1000:' > "$root/etc/group"
chmod 0755 "$root" "$root/usr" "$root/usr/local" "$root/usr/local/bin" "$root/usr/local/bin/openclaw" "$root/etc" "$root/home" "$root/run"
chmod 0644 "$root/etc/passwd" "$root/etc/group"
chmod 1777 "$root/tmp" "$root/run/openclaw"
# Any user of any group can run the image (OpenShift gives every project a uid of its own), so a new volume is open to whoever
# starts on it first; what the gateway then makes in it is closed to others.
chmod 0777 "$root/home/node/.openclaw"
chmod 0775 "$root/home/node"

# ustar: one header a file, without the times of the machine.
pack() {
  tar --directory="$root" --format=ustar --sort=name --mtime="@${SOURCE_DATE_EPOCH:-0}" --numeric-owner --no-recursion "$@"
}
pack --create --file="$archive" --owner=0 --group=0 \
  etc etc/group etc/passwd home run run/openclaw tmp usr usr/local usr/local/bin usr/local/bin/openclaw
pack --append --file="$archive" --owner=1000 --group=0 home/node home/node/.openclaw
