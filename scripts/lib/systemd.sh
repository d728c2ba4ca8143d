#!/usr/bin/env bash
# A machine that systemd was the first process of, in namespaces of its own: a Debian of its own, its own processes, users and network
# (loopback and nothing else). Sourced after install.sh.
#
#   systemd_up PROGRAM     starts it with PROGRAM as /usr/local/bin/openclaw; exports OPENCLAW_SYSTEMD_PID, its first process as this
#                          machine numbers it, for nsenter --target PID --all
#   systemd_down           ends and removes it

# Debian's release, and what the machine has beyond the least: no bus for users, which is a package of its own.
readonly systemd_suite=bookworm
readonly systemd_packages=systemd,systemd-sysv,dbus,libpam-systemd
# Longest time from start to a system that has come up, in seconds: an idle machine needs two.
readonly systemd_start_seconds=90

# The root file system, as $cache/systemd-SUITE/root.tar.
systemd_install() {
  [[ $(id -u) -eq 0 ]] || { cannot_run 'a machine in namespaces of its own needs root'; return; }
  debian_command debootstrap debootstrap && debian_command ip iproute2 || return
  once "systemd-$systemd_suite" systemd_bootstrap || cannot_run "debootstrap of $systemd_suite failed"
}

systemd_bootstrap() {
  bounded debootstrap --variant=minbase "--include=$systemd_packages" "$systemd_suite" "$1/root" "${DEBIAN_MIRROR:-http://deb.debian.org/debian}" \
    > "$1/log" 2>&1 || { tail -n 20 "$1/log"; return 1; }
  rm -rf "$1"/root/var/cache/apt/* "$1"/root/var/lib/apt/lists/*
  tar --one-file-system -C "$1/root" -cf "$1/root.tar" . && rm -rf "$1/root"
}

systemd_up() {
  local directory=${work:?}/systemd group=openclaw-test-$$ waited
  systemd_down
  systemd_install || return
  # shellcheck disable=SC2154 # cache is install.sh's
  mkdir -p "$directory/root" && tar -C "$directory/root" -xf "$cache/systemd-$systemd_suite/root.tar" || return
  install -m 0755 "$1" "$directory/root/usr/local/bin/openclaw" || return
  systemd_hierarchy=/sys/fs/cgroup
  [[ -d /sys/fs/cgroup/systemd ]] && systemd_hierarchy=/sys/fs/cgroup/systemd
  systemd_group=$systemd_hierarchy/$group
  mkdir "$systemd_group" || { cannot_run "no control group can be made in $systemd_hierarchy"; return; }
  # shellcheck disable=SC2016 # expanded by the inner shell
  bash -c 'echo $$ > "$1/cgroup.procs" && exec unshare --pid --fork --kill-child --mount --uts --ipc --net --cgroup --propagation private \
    bash "$2" "$3"' _ "$systemd_group" "$(dirname "${BASH_SOURCE[0]}")/systemd-boot.sh" "$directory/root" \
    > "$directory/log" 2>&1 < /dev/null &
  systemd_shell=$!
  for ((waited = 0; waited < systemd_start_seconds * 5; waited++)); do
    kill -0 "$systemd_shell" 2> /dev/null || break
    OPENCLAW_SYSTEMD_PID=$(pgrep --parent "$systemd_shell" || true)
    export OPENCLAW_SYSTEMD_PID
    case $(systemd_run systemctl is-system-running 2> /dev/null) in
      running | degraded) return ;;
    esac
    sleep 0.2
  done
  tail -n 20 "$directory/log"
  systemd_down
  cannot_run 'systemd does not come up as the first process of namespaces here'
}

# Runs a command in the machine, as root.
systemd_run() {
  nsenter --target "${OPENCLAW_SYSTEMD_PID:?}" --all -- env -i PATH=/usr/local/bin:/usr/bin:/usr/sbin:/bin:/sbin HOME=/root "$@"
}

systemd_down() {
  [[ -n ${systemd_shell:-} ]] || return 0
  # The kernel ends everything in the namespaces with their first process.
  [[ -n ${OPENCLAW_SYSTEMD_PID:-} ]] && kill -KILL "$OPENCLAW_SYSTEMD_PID" 2> /dev/null
  kill -KILL "$systemd_shell" 2> /dev/null
  wait "$systemd_shell" 2> /dev/null
  # A group can only go when the kernel has let go of the last process in it.
  local attempt
  for attempt in {1..50}; do
    find "$systemd_group" -depth -type d -exec rmdir {} + 2> /dev/null
    [[ -d $systemd_group ]] || break
    sleep 0.1
  done
  [[ $attempt -lt 50 ]] || echo "control groups were left behind: $systemd_group" >&2
  rm -rf "${work:?}/systemd"
  unset systemd_shell OPENCLAW_SYSTEMD_PID
}
