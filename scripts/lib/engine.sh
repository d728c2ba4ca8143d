#!/usr/bin/env bash
# A Docker engine of the tests' own, in network, mount and process namespaces of its own: the machine's network, its own engine and
# its /run are never touched. Sourced after install.sh, and after gotools.sh where
# `present` is wanted.
#
#   engine_up [debian|present] [OPTION...]   starts it (OPTION: for dockerd, as --userland-proxy=false), exports DOCKER_HOST
#   engine_host COMMAND...                   runs a command on what is the host to the engine: where published ports are
#   engine_lan COMMAND...                    runs a command on another machine of that host's network
#   engine_down                              ends and removes it
#
# `debian` is Docker 20.10 from Debian's packages, `present` today's, built from its Go modules. A DOCKER_HOST that the caller has set
# is used instead, and this machine is the host then.
#
# Several at once: each has names, addresses and directories of its own, so run as many as the memory holds, one a shell; call
# engine_up in the shell that lives as long as the engine is needed, never in $(…), because the engine ends with that shell.
#
# The host has 192.168.10.1 and fd00:10::1 towards the other machine, which has 192.168.10.50 and fd00:10::50 and is its router.
# Programs that know no shell find the two network namespaces in OPENCLAW_ENGINE_HOST and OPENCLAW_ENGINE_LAN, for nsenter --net=….
#
# Whatever becomes of the shell, the kernel ends everything in the namespaces with it, and a process that waits for just that removes the
# directory and the cgroups.

# Longest time from start to the first answer, in seconds: an idle machine needs three.
readonly engine_start_seconds=60

engine_up() {
  local kind=${1:-debian} attempt
  shift || true
  if [[ -n ${DOCKER_HOST:-} && -z ${engine_pid:-} ]]; then
    engine_client || return
    docker version > /dev/null 2>&1 || { cannot_run "no engine answers at DOCKER_HOST=$DOCKER_HOST"; return; }
    return
  fi
  engine_down
  [[ $(id -u) -eq 0 ]] || { cannot_run 'an engine in a namespace of its own needs root'; return; }
  debian_command ip iproute2 && debian_command iptables iptables && debian_command setpriv util-linux || return
  "engine_install_$kind" || return
  engine_client || return
  # The kind of storage that the engine chooses by itself works nearly everywhere; plain copies work everywhere else.
  for attempt in '' vfs; do
    engine_start "$kind" "$attempt" "$@" && return
  done
  cannot_run "the $kind engine does not start"
}

engine_down() {
  [[ -n ${engine_pid:-} ]] || return 0
  kill -KILL "$engine_pid" "$engine_lan_pid" 2> /dev/null
  # Reaps them quietly, and then waits for the one that removes what they leave.
  wait "$engine_pid" "$engine_lan_pid" "$engine_janitor_pid" 2> /dev/null
  unset engine_pid engine_lan_pid engine_janitor_pid DOCKER_HOST OPENCLAW_ENGINE_HOST OPENCLAW_ENGINE_LAN
}

engine_host() {
  if [[ -n ${OPENCLAW_ENGINE_HOST:-} ]]; then nsenter --net="$OPENCLAW_ENGINE_HOST" -- "$@"; else "$@"; fi
}

engine_lan() {
  [[ -n ${OPENCLAW_ENGINE_LAN:-} ]] || { echo "no other machine is known in the network of DOCKER_HOST" >&2; return 1; }
  nsenter --net="$OPENCLAW_ENGINE_LAN" -- "$@"
}

# The client, which is part of Debian's package.
engine_client() {
  debian_command docker docker.io
}

engine_install_debian() {
  local version
  debian_command /usr/sbin/dockerd docker.io || return
  version=$(/usr/sbin/dockerd --version 2> /dev/null)
  [[ $version == *' 20.10.'* ]] || echo "the installed engine is not the one of Debian 12: $version"
}

engine_install_present() {
  declare -F go_tools > /dev/null || { cannot_run 'scripts/lib/gotools.sh is not sourced'; return; }
  go_tools dockerd docker-proxy containerd containerd-shim-runc-v2 runc
}

# Starts the engine $1 with the storage driver $2 and the options that follow.
engine_start() {
  local kind=$1 storage=$2 directory
  shift 2
  # Short: containerd's socket below it must fit 107 bytes.
  directory=$(mktemp -d "${TMPDIR:-/tmp}/engine.XXXX") || return
  engine_configure "$directory" "$kind" "$storage"

  # The kernel kills what is in the namespaces when their first process ends; that ends with unshare, and unshare with this shell.
  setpriv --pdeathsig KILL unshare --net --mount --pid --fork --kill-child --mount-proc \
    bash "${BASH_SOURCE[0]}" inside "$directory" "$kind" "$@" > "$directory/log" 2>&1 < /dev/null &
  engine_pid=$!
  setpriv --pdeathsig KILL unshare --net sleep infinity < /dev/null > /dev/null 2>&1 &
  engine_lan_pid=$!
  # In a session of its own, so that whatever kills this shell spares it.
  setsid bash "${BASH_SOURCE[0]}" janitor "$directory" "$engine_pid" < /dev/null > /dev/null 2>&1 &
  engine_janitor_pid=$!

  export OPENCLAW_ENGINE_HOST=/proc/$engine_pid/ns/net OPENCLAW_ENGINE_LAN=/proc/$engine_lan_pid/ns/net
  export DOCKER_HOST=unix://$directory/docker.sock
  if engine_network && engine_answers; then
    echo "engine: $(docker version --format '{{.Server.Version}}'), $(docker info --format '{{.Driver}}')"
    return
  fi
  tail -n 20 "$directory/log" >&2
  engine_down
  return 1
}

engine_configure() {
  local name=${1##*/} options=
  [[ -n $3 ]] && options=", \"storage-driver\": \"$3\""
  cat > "$1/daemon.json" << JSON
{ "hosts": ["unix://$1/docker.sock"], "data-root": "$1/data", "exec-root": "$1/exec", "pidfile": "$1/pid", "bip": "172.17.0.1/16",
  "exec-opts": ["native.cgroupdriver=cgroupfs"], "cgroup-parent": "/openclaw-$name"$options }
JSON
  [[ $2 == present ]] || return 0
  local tool
  mkdir "$1/bin"
  for tool in dockerd docker-proxy containerd containerd-shim-runc-v2 runc; do
    ln -s "$(go_tool "$tool")" "$1/bin/"
  done
  cat > "$1/containerd.toml" << TOML
version = 3
root = "$1/containerd"
state = "/run/containerd"
[grpc]
  address = "/run/containerd/containerd.sock"
TOML
}

# Waits until both namespaces are there, and connects them.
engine_network() {
  local pid own
  own=$(readlink /proc/self/ns/net)
  for pid in "$engine_pid" "$engine_lan_pid"; do
    engine_wait 10 engine_elsewhere "$pid" "$own" || return
  done
  # Behind a bridge, because a default route over a veth is the mark of a container and not of a host.
  engine_host ip link add lan0 type bridge && engine_host ip link set lan0 up &&
    engine_host ip link add lan1 type veth peer name eth0 netns "$engine_lan_pid" &&
    engine_host ip link set lan1 master lan0 up && engine_host ip link set lo up &&
    engine_lan ip link set lo up && engine_lan ip link set eth0 up &&
    engine_host ip address add 192.168.10.1/24 dev lan0 && engine_lan ip address add 192.168.10.50/24 dev eth0 &&
    # Without waiting for neighbours to object: there are none.
    engine_host ip address add fd00:10::1/64 dev lan0 nodad && engine_lan ip address add fd00:10::50/64 dev eth0 nodad &&
    engine_host ip route add default via 192.168.10.50 &&
    # What is meant for elsewhere is turned away at once.
    engine_lan sh -c 'echo 1 > /proc/sys/net/ipv4/ip_forward' && engine_lan ip route add unreachable default
}

engine_elsewhere() {
  [[ $(readlink "/proc/$1/ns/net") != "$2" ]]
}

engine_answers() {
  engine_wait "$engine_start_seconds" engine_answers_or_ended && [[ -d /proc/$engine_pid ]]
}

engine_answers_or_ended() {
  [[ ! -d /proc/$engine_pid ]] || docker version > /dev/null 2>&1
}

# Waits up to $1 seconds for the command that follows to succeed.
engine_wait() {
  local end=$((SECONDS + $1))
  shift
  until "$@"; do
    [[ $SECONDS -lt $end ]] || { echo "not within the time for it: $*" >&2; return 1; }
    sleep 0.1
  done
}

# The first process in the namespaces: prepares them and runs the engine until either is killed.
engine_inside() {
  local directory=$1 kind=$2
  shift 2
  # Runtimes have fixed names below /run, the same ones for every engine.
  mount -t tmpfs tmpfs /run || return
  # An engine under load that restarts its containerd leaves a trace of the old one there.
  mkdir "$directory/tmp" && export TMPDIR=$directory/tmp || return
  echo 1 > /proc/sys/net/ipv4/ip_forward
  echo 1 > /proc/sys/net/ipv6/conf/all/forwarding
  local -a command=(/usr/sbin/dockerd)
  if [[ $kind == present ]]; then
    PATH=$directory/bin:$PATH
    containerd --config "$directory/containerd.toml" &
    # Clients of older engines may use it too.
    export DOCKER_MIN_API_VERSION=1.24
    command=(dockerd --containerd /run/containerd/containerd.sock
      --userland-proxy-path "$directory/bin/docker-proxy")
  fi
  "${command[@]}" --config-file "$directory/daemon.json" "$@" &
  # Orphans of the containers are reaped by this shell meanwhile.
  wait $!
}

# Removes what is left in the file system when the process $2 has ended, and with it all that used it.
engine_janitor() {
  local directory=$1 attempt
  trap '' HUP INT TERM
  # A zombie has ended too: who must reap it may take long.
  while grep -qs '^State:[[:space:]]*[^ZX]' "/proc/$2/status"; do
    sleep 0.2
  done
  for attempt in {1..50}; do
    find /sys/fs/cgroup -depth -type d -path "*/openclaw-${directory##*/}*" -exec rmdir {} + 2> /dev/null
    rm -rf "$directory" 2> /dev/null && return
    sleep 0.1
  done
}

if [[ ${BASH_SOURCE[0]} == "$0" ]]; then
  case ${1:-} in
    inside) engine_inside "${@:2}" ;;
    janitor) engine_janitor "${@:2}" ;;
    *) sed -n '2,/^$/{/^#/s/^#  *//p}' "$0"; exit 2 ;;
  esac
fi
