#!/usr/bin/env bash
# A Kubernetes of the tests' own: API server, controllers, scheduler, kubelet, kube-proxy and CoreDNS, in network, mount and process
# namespaces of their own. Sourced after install.sh and gotools.sh.
#
#   kube_up                    starts it, and exports KUBECONFIG, OPENCLAW_KUBE_HOST, OPENCLAW_KUBE_LAN
#   kube_host COMMAND...       runs a command on the node
#   kube_lan COMMAND...        runs a command on another machine of the node's network
#   kube_load < ARCHIVE        puts the images of a `docker save` into the cluster
#   kube_down                  ends and removes it
#
# $kube_directory/bin holds kubectl and helm for it, which work from anywhere.
#
# A cluster of the caller's is used instead where both are set: KUBECONFIG, and OPENCLAW_KUBE_LOAD, a command that reads such an
# archive. Both, because no test may touch a cluster only since somebody's shell knows one.
#
# Several at once, and beside any other cluster: the names are in namespaces, the directory and the control groups are its own. The
# kernel ends everything with the shell that called kube_up, whatever becomes of it, and a process that waits for that removes the
# directory and the control groups.

# Longest time from start to a node that is ready, in seconds: an idle machine needs about fifteen.
readonly kube_start_seconds=180
# The node, as the other machine sees it, and that machine.
readonly kube_node=10.20.0.1 kube_neighbour=10.20.0.50
readonly kube_services=10.96.0.0/16 kube_pods=10.244.0.0/24 kube_dns=10.96.0.10
kube_library=$(cd "${BASH_SOURCE[0]%/*}" && pwd)/kubernetes
readonly kube_library

kube_up() {
  if [[ -n ${KUBECONFIG:-} && -n ${OPENCLAW_KUBE_LOAD:-} && -z ${kube_pid:-} ]]; then
    go_tools kubernetes helm || return
    kube_directory=$(mktemp -d "${TMPDIR:-/tmp}/kube.XXXX") && kube_commands "$kube_directory" || return
    "$kube_directory/bin/kubectl" get --raw /readyz > /dev/null || { cannot_run "no cluster answers by $KUBECONFIG"; return; }
    return
  fi
  kube_down
  [[ $(id -u) -eq 0 ]] || { cannot_run 'a cluster in namespaces of its own needs root'; return; }
  debian_command ip iproute2 && debian_command iptables iptables && debian_command setpriv util-linux &&
    debian_command openssl openssl && debian_command etcd etcd-server && debian_command containerd containerd &&
    debian_command runc runc && debian_command gcc gcc && debian_package containernetworking-plugins || return
  go_tools kubernetes coredns helm || return
  # Short: containerd's socket below it must fit 107 bytes.
  kube_directory=$(mktemp -d "${TMPDIR:-/tmp}/kube.XXXX") || return
  mkdir "$kube_directory"/{log,pki,pv,images}
  kube_images "$kube_directory" || { cannot_run 'the images of the cluster itself cannot be made'; return; }

  # The kernel kills what is in the namespaces when their first process ends; that ends with unshare, and unshare with this shell.
  setpriv --pdeathsig KILL unshare --net --mount --pid --fork --kill-child --mount-proc \
    bash "$kube_library/../kube.sh" inside "$kube_directory" "$(go_tool kubernetes)" > "$kube_directory/log/inside" 2>&1 < /dev/null &
  kube_pid=$!
  setpriv --pdeathsig KILL unshare --net sleep infinity < /dev/null > /dev/null 2>&1 &
  kube_lan_pid=$!
  # In a session of its own, so that whatever kills this shell spares it.
  setsid bash "$kube_library/../kube.sh" janitor "$kube_directory" "$kube_pid" < /dev/null > /dev/null 2>&1 &
  kube_janitor_pid=$!

  export OPENCLAW_KUBE_HOST=/proc/$kube_pid/ns/net OPENCLAW_KUBE_LAN=/proc/$kube_lan_pid/ns/net
  if kube_network && kube_wait "$kube_start_seconds" kube_ready_or_ended && [[ -e $kube_directory/ready ]]; then
    export KUBECONFIG=$kube_directory/pki/admin.conf
    kube_commands "$kube_directory" nsenter "--net=$OPENCLAW_KUBE_HOST" -- || return
    echo "kubernetes: $("$kube_directory/bin/kubectl" version | sed -n 's/^Server Version: //p')"
    return
  fi
  tail -n 5 "$kube_directory"/log/* >&2
  kube_down
  cannot_run 'the cluster does not start'
}

kube_down() {
  if [[ -z ${kube_pid:-} ]]; then
    [[ -z ${kube_directory:-} ]] || rm -rf "$kube_directory"
    unset kube_directory
    return 0
  fi
  local status=0
  kill -KILL "$kube_pid" "$kube_lan_pid" 2> /dev/null
  # Reaps them quietly, and then waits for the one that removes what they leave.
  wait "$kube_pid" "$kube_lan_pid" "$kube_janitor_pid" 2> /dev/null || status=$?
  [[ $status -eq 0 ]] || echo "not everything of the cluster in $kube_directory could be removed" >&2
  unset kube_pid kube_lan_pid kube_janitor_pid kube_directory KUBECONFIG OPENCLAW_KUBE_HOST OPENCLAW_KUBE_LAN
  return "$status"
}

kube_host() {
  if [[ -n ${OPENCLAW_KUBE_HOST:-} ]]; then nsenter --net="$OPENCLAW_KUBE_HOST" -- "$@"; else "$@"; fi
}

kube_lan() {
  [[ -n ${OPENCLAW_KUBE_LAN:-} ]] || { echo 'no other machine is known in the network of the cluster' >&2; return 1; }
  nsenter --net="$OPENCLAW_KUBE_LAN" -- "$@"
}

kube_load() {
  if [[ -n ${kube_pid:-} ]]; then
    ctr --address "$kube_directory/containerd.sock" --namespace k8s.io images import - > /dev/null
  else
    bash -c "$OPENCLAW_KUBE_LOAD"
  fi
}

# Directory $1/bin with the commands that users have, each run by the rest of the line.
kube_commands() {
  local directory=$1
  shift
  mkdir -p "$directory/bin"
  # shellcheck disable=SC2016 # expanded when they run
  printf '#!/bin/sh\nexec %s "$@"\n' "${*@Q} $(go_tool kubernetes) kubectl" > "$directory/bin/kubectl" &&
    printf '#!/bin/sh\nexec %s "$@"\n' "${*@Q} $(go_tool helm)" > "$directory/bin/helm" &&
    chmod +x "$directory"/bin/*
}

# What every pod's first container is, and CoreDNS, as images of one file: no registry is reached, and no builder is needed.
kube_images() {
  cat > "$1/pause.c" << 'C'
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>
static void stop(int signal) { (void)signal; _exit(0); }
static void reap(int signal) { (void)signal; while (waitpid(-1, 0, WNOHANG) > 0); }
int main(void) { signal(SIGTERM, stop); signal(SIGINT, stop); signal(SIGCHLD, reap); for (;;) pause(); }
C
  gcc -static -Os -o "$1/pause" "$1/pause.c" && kube_image "$1" pause "$1/pause" && kube_image "$1" coredns "$(go_tool coredns)"
}

# The program $3 as image local/$2:1, in $1/images/$2.tar, in the form of `docker save`.
kube_image() {
  local layers=$1/images/$2
  mkdir -p "$layers" &&
    tar --create --file="$layers/layer.tar" --directory="${3%/*}" --transform="s,^,," --owner=0 --group=0 --mode=0755 "${3##*/}" &&
    cat > "$layers/config.json" << JSON && cat > "$layers/manifest.json" << JSON2 &&
{ "architecture": "$(kube_architecture)", "os": "linux", "config": { "Entrypoint": ["/${3##*/}"] }, "history": [{}],
  "rootfs": { "type": "layers", "diff_ids": ["sha256:$(sha256sum "$layers/layer.tar" | cut -d ' ' -f 1)"] } }
JSON
[{ "Config": "config.json", "RepoTags": ["local/$2:1"], "Layers": ["layer.tar"] }]
JSON2
    tar --create --file="$layers.tar" --directory="$layers" manifest.json config.json layer.tar && rm -r "$layers"
}

kube_architecture() {
  case $(uname -m) in
    aarch64) echo arm64 ;;
    *) echo amd64 ;;
  esac
}

# Waits until both namespaces are there, and connects them.
kube_network() {
  local pid own
  own=$(readlink /proc/self/ns/net)
  for pid in "$kube_pid" "$kube_lan_pid"; do
    kube_wait 10 kube_elsewhere "$pid" "$own" || return
  done
  kube_host ip link add lan0 type veth peer name eth0 netns "$kube_lan_pid" &&
    kube_host ip link set lo up && kube_host ip link set lan0 up &&
    kube_lan ip link set lo up && kube_lan ip link set eth0 up &&
    kube_host ip address add "$kube_node/24" dev lan0 && kube_lan ip address add "$kube_neighbour/24" dev eth0 &&
    kube_host ip route add default via "$kube_neighbour" && kube_lan ip route add default via "$kube_node"
}

kube_elsewhere() {
  [[ $(readlink "/proc/$1/ns/net") != "$2" ]]
}

kube_ready_or_ended() {
  [[ -e $kube_directory/ready || ! -d /proc/$kube_pid ]]
}

# Waits up to $1 seconds for the command that follows to succeed.
kube_wait() {
  local end=$((SECONDS + $1))
  shift
  until "$@" > /dev/null 2>&1; do
    [[ $SECONDS -lt $end ]] || { echo "not within the time for it: $*" >&2; return 1; }
    sleep 0.1
  done
}

# The first process in the namespaces: starts everything in order, and waits until it is killed.
kube_inside() {
  local directory=$1 program=$2 file
  # Fixed places that these programs write to, and that must be one for all of them.
  mount -t tmpfs tmpfs /run && mount -t tmpfs tmpfs /var/log || return
  mkdir -p /run/netns /run/lock
  mkdir "$directory/tmp" && export TMPDIR=$directory/tmp || return
  # The kubelet sets these, and they are the whole machine's: it gets copies to write to.
  for file in vm/overcommit_memory vm/panic_on_oom kernel/panic kernel/panic_on_oops kernel/keys/root_maxkeys kernel/keys/root_maxbytes; do
    cp --no-preserve=mode "/proc/sys/$file" "$directory/${file##*/}" && mount --bind "$directory/${file##*/}" "/proc/sys/$file" || return
  done
  echo 1 > /proc/sys/net/ipv4/ip_forward
  kube_wait 10 ip -oneline address show dev lan0 to "$kube_node" || return
  cd "$directory" || return
  kube_certificates && kube_configure "$directory" || return

  kube_start etcd etcd --data-dir "$directory/etcd" --listen-client-urls http://127.0.0.1:2379 \
    --advertise-client-urls http://127.0.0.1:2379 --listen-peer-urls http://127.0.0.1:2380 --unsafe-no-fsync
  kube_start containerd containerd --config "$directory/containerd.toml"
  kube_start apiserver "$program" kube-apiserver --etcd-servers=http://127.0.0.1:2379 --advertise-address="$kube_node" \
    --bind-address=0.0.0.0 --service-cluster-ip-range="$kube_services" --allow-privileged \
    --tls-cert-file=pki/apiserver.crt --tls-private-key-file=pki/apiserver.key --client-ca-file=pki/ca.crt \
    --service-account-issuer=https://kubernetes.default.svc --service-account-key-file=pki/accounts.pub \
    --service-account-signing-key-file=pki/accounts.key --authorization-mode=Node,RBAC \
    --enable-admission-plugins=NodeRestriction --kubelet-certificate-authority=pki/ca.crt \
    --kubelet-client-certificate=pki/reader.crt --kubelet-client-key=pki/reader.key \
    --kubelet-preferred-address-types=InternalIP
  kube_wait "$kube_start_seconds" test -S containerd.sock || return
  for file in images/*.tar; do
    ctr --address "$directory/containerd.sock" --namespace k8s.io images import "$file" || return
  done
  export KUBECONFIG=$directory/pki/admin.conf
  kube_wait "$kube_start_seconds" "$program" kubectl get --raw /readyz || return
  kube_start controllers "$program" kube-controller-manager --kubeconfig pki/controllers.conf \
    --authentication-kubeconfig pki/controllers.conf --authorization-kubeconfig pki/controllers.conf \
    --root-ca-file=pki/ca.crt --service-account-private-key-file=pki/accounts.key --use-service-account-credentials \
    --leader-elect=false --cluster-cidr="$kube_pods" --bind-address=127.0.0.1
  kube_start scheduler "$program" kube-scheduler --kubeconfig pki/scheduler.conf --authentication-kubeconfig pki/scheduler.conf \
    --authorization-kubeconfig pki/scheduler.conf --leader-elect=false --bind-address=127.0.0.1
  kube_start kubelet "$program" kubelet --config kubelet.yaml --kubeconfig pki/kubelet.conf --hostname-override node \
    --node-ip "$kube_node" --root-dir "$directory/kubelet"
  # It cannot and need not change the machine's connection tracking.
  kube_start proxy "$program" kube-proxy --kubeconfig pki/proxy.conf --hostname-override node --cluster-cidr "$kube_pods" \
    --proxy-mode iptables --conntrack-max-per-core 0 --conntrack-tcp-timeout-established 0 \
    --conntrack-tcp-timeout-close-wait 0 --bind-address "$kube_node"
  kube_objects "$directory" | "$program" kubectl apply --server-side -f - || return
  "$program" kubectl wait --for=create node/node --timeout="${kube_start_seconds}s" &&
    "$program" kubectl wait --for=condition=Ready node/node --timeout="${kube_start_seconds}s" &&
    "$program" kubectl rollout status --namespace kube-system deployment/coredns --timeout="${kube_start_seconds}s" || return
  touch "$directory/ready"
  # Orphans of the pods are reaped by this shell meanwhile.
  wait
}

# Starts the rest of the line, and keeps what it says in log/$1.
kube_start() {
  local name=$1
  shift
  "$@" > "log/$name" 2>&1 < /dev/null &
}

kube_certificates() {
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout pki/ca.key -out pki/ca.crt -subj /CN=tests -days 7 &&
    openssl ecparam -name prime256v1 -genkey -noout -out pki/accounts.key &&
    openssl ec -in pki/accounts.key -pubout -out pki/accounts.pub &&
    kube_certificate apiserver /CN=kube-apiserver \
      "subjectAltName=IP:$kube_node,IP:${kube_services%.*}.1,IP:127.0.0.1,DNS:kubernetes,DNS:kubernetes.default,DNS:kubernetes.default.svc" &&
    kube_certificate node /CN=node "subjectAltName=IP:$kube_node,DNS:node" &&
    kube_certificate reader /O=system:masters/CN=apiserver &&
    kube_certificate admin /O=system:masters/CN=admin &&
    kube_certificate kubelet /O=system:nodes/CN=system:node:node &&
    kube_certificate controllers /CN=system:kube-controller-manager &&
    kube_certificate scheduler /CN=system:kube-scheduler &&
    kube_certificate proxy /CN=system:kube-proxy
}

# Certificate $1 for the subject $2, with the extension $3 or else as a user of the cluster.
kube_certificate() {
  openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout "pki/$1.key" -out "pki/$1.csr" -subj "$2" &&
    openssl x509 -req -in "pki/$1.csr" -CA pki/ca.crt -CAkey pki/ca.key -CAcreateserial -days 7 -out "pki/$1.crt" \
      -extfile <(printf '%s\n' "${3:-extendedKeyUsage=clientAuth}") || return
  cat > "pki/$1.conf" << YAML
apiVersion: v1
kind: Config
clusters: [{ name: tests, cluster: { server: "https://$kube_node:6443", certificate-authority: "$PWD/pki/ca.crt" } }]
users: [{ name: user, user: { client-certificate: "$PWD/pki/$1.crt", client-key: "$PWD/pki/$1.key" } }]
contexts: [{ name: tests, context: { cluster: tests, user: user } }]
current-context: tests
YAML
}

# The files that containerd and the kubelet read, and the control group that all pods are in.
kube_configure() {
  local directory=$1 group=/openclaw-${1##*/} hierarchy snapshotter=overlayfs
  if [[ -e /sys/fs/cgroup/cgroup.controllers ]]; then
    mkdir -p "/sys/fs/cgroup$group"
  else
    for hierarchy in /sys/fs/cgroup/*/; do
      [[ -L ${hierarchy%/} ]] || mkdir -p "$hierarchy$group" 2> /dev/null
      # A new group of processors has none until it is told.
      [[ ! -e $hierarchy/cpuset.cpus ]] || { cat "$hierarchy/cpuset.cpus" > "$hierarchy$group/cpuset.cpus"; cat "$hierarchy/cpuset.mems" > "$hierarchy$group/cpuset.mems"; }
    done
  fi
  # Layers of layers cannot be made everywhere; plain copies can.
  mkdir lower upper work merged
  mount -t overlay overlay -o lowerdir=lower,upperdir=upper,workdir=work merged && umount merged || snapshotter=native
  cat > containerd.toml << TOML
version = 2
root = "$directory/containerd"
state = "/run/containerd"
[grpc]
  address = "$directory/containerd.sock"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "local/pause:1"
  # Without CAP_SYS_RESOURCE runc could lower no score, and would end without a word about it.
  restrict_oom_score_adj = true
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "/usr/lib/cni"
    conf_dir = "$directory/cni"
  [plugins."io.containerd.grpc.v1.cri".containerd]
    snapshotter = "$snapshotter"
    default_runtime_name = "runc"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
      runtime_type = "io.containerd.runc.v2"
TOML
  mkdir cni
  cat > cni/10-pods.conflist << JSON
{ "cniVersion": "0.4.0", "name": "pods", "plugins": [
  { "type": "bridge", "bridge": "cni0", "isGateway": true, "ipMasq": true, "hairpinMode": true,
    "ipam": { "type": "host-local", "dataDir": "/run/addresses", "ranges": [[{ "subnet": "$kube_pods" }]], "routes": [{ "dst": "0.0.0.0/0" }] } },
  { "type": "portmap", "capabilities": { "portMappings": true } }] }
JSON
  # Names that are not the cluster's have nowhere to go.
  echo 'nameserver 127.0.0.1' > resolv.conf
  cat > kubelet.yaml << YAML
apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
authentication: { anonymous: { enabled: false }, webhook: { enabled: true }, x509: { clientCAFile: "$directory/pki/ca.crt" } }
authorization: { mode: Webhook }
tlsCertFile: "$directory/pki/node.crt"
tlsPrivateKeyFile: "$directory/pki/node.key"
containerRuntimeEndpoint: "unix://$directory/containerd.sock"
volumePluginDir: "$directory/plugins"
cgroupDriver: cgroupfs
cgroupRoot: "$group"
failSwapOn: false
failCgroupV1: false
oomScoreAdj: 0
clusterDomain: cluster.local
clusterDNS: [$kube_dns]
resolvConf: "$directory/resolv.conf"
# Changes of ConfigMaps arrive within a second or two, and not within a minute.
syncFrequency: 2s
configMapAndSecretChangeDetectionStrategy: Watch
evictionHard: { memory.available: 50Mi, nodefs.available: 1%, imagefs.available: 1% }
imageGCHighThresholdPercent: 100
maxPods: 60
YAML
}

# What is in the cluster from the start: names, and volumes to claim. Local ones, since to those the kubelet applies fsGroup.
kube_objects() {
  local number
  sed "s,@DNS@,$kube_dns," "$kube_library/cluster.yaml"
  for number in {1..24}; do
    mkdir -p "$1/pv/$number"
    sed "s,@NUMBER@,$number,; s,@DIRECTORY@,$1/pv/$number," "$kube_library/volume.yaml"
  done
}

# Removes what is left in the file system when the process $2 has ended, and with it all that used it.
kube_janitor() {
  local directory=$1
  trap '' HUP INT TERM
  # A zombie has ended too: who must reap it may take long.
  while grep -qs '^State:[[:space:]]*[^ZX]' "/proc/$2/status"; do
    sleep 0.2
  done
  for _ in {1..100}; do
    find /sys/fs/cgroup -depth -type d -path "*/openclaw-${directory##*/}*" -exec rmdir {} + 2> /dev/null
    rm -rf "$directory" 2> /dev/null && [[ -z $(find /sys/fs/cgroup -type d -name "openclaw-${directory##*/}" -print -quit) ]] && return
    sleep 0.1
  done
  return 1
}

if [[ ${BASH_SOURCE[0]} == "$0" ]]; then
  set -uo pipefail
  case ${1:-} in
    inside) kube_inside "${@:2}" ;;
    janitor) kube_janitor "${@:2}" ;;
    *) sed -n '2,/^$/{/^#/s/^#  *//p}' "$0"; exit 2 ;;
  esac
fi
