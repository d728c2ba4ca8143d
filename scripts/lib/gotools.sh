#!/usr/bin/env bash
# Programs that Debian has too old or not at all, built once from their Go modules, into $cache/NAME-VERSION/NAME.
#
#   scripts/lib/gotools.sh NAME...    builds what is missing and prints the path of each
#
# Sourced (after install.sh): go_tools, go_tools_in, go_tool, go_module_files, docker_config.

# What builds the rest. An installed Go that is not older than this one is used as it is.
readonly go_version=1.26.8

readonly -A go_tool_sources=(
  # name                    module                                version         package
  [docker-compose]='        github.com/docker/compose/v2          v2.40.3         ./cmd'
  [docker-buildx]='         github.com/docker/buildx              v0.33.0         ./cmd/buildx'
  [helm]='                  helm.sh/helm/v3                       v3.22.0         ./cmd/helm'
  [traefik]='               github.com/traefik/traefik/v3         v3.5.4          ./cmd/traefik'
  [coredns]='               github.com/coredns/coredns            v1.12.4         .'
  # Every part of a cluster, and kubectl, in one program: the module is ours, beside this file. Later kubelets refuse cgroup v1 and
  # Debian 12's containerd.
  [kubernetes]='            -                                     v1.34.4         .'
  # The Docker engine of today, beside Debian's.
  [dockerd]='               github.com/moby/moby/v2               v2.0.0-beta.24  ./cmd/dockerd'
  [docker-proxy]='          github.com/moby/moby/v2               v2.0.0-beta.24  ./cmd/docker-proxy'
  [containerd]='            github.com/containerd/containerd/v2   v2.1.4          ./cmd/containerd'
  [containerd-shim-runc-v2]='github.com/containerd/containerd/v2  v2.1.4          ./cmd/containerd-shim-runc-v2'
  [runc]='                  github.com/opencontainers/runc        v1.3.4          .'
)

# Some refuse to work, or are refused by others, when they do not know their own version.
readonly -A go_tool_variables=(
  [docker-compose]='github.com/docker/compose/v2/internal.Version=v2.40.3'
  [docker-buildx]='github.com/docker/buildx/version.Version=v0.33.0'
  [helm]='helm.sh/helm/v3/internal/version.version=v3.22.0
    helm.sh/helm/v3/pkg/chartutil.k8sVersionMajor=1 helm.sh/helm/v3/pkg/chartutil.k8sVersionMinor=34
    helm.sh/helm/v3/pkg/lint/rules.k8sVersionMajor=1 helm.sh/helm/v3/pkg/lint/rules.k8sVersionMinor=34'
  [kubernetes]='k8s.io/component-base/version.gitVersion=v1.34.4 k8s.io/component-base/version.gitMajor=1 k8s.io/component-base/version.gitMinor=34'
  [containerd]='github.com/containerd/containerd/v2/version.Version=v2.1.4'
  [runc]='main.version=1.3.4'
)

# The path of the program $1, built or not.
go_tool() {
  local version
  read -r _ version _ <<< "${go_tool_sources[$1]:?there is no tool $1}"
  printf '%s\n' "${cache:?}/$1-${version#v}/$1"
}

# Makes every named program available.
go_tools() {
  local name
  local -a missing=()
  for name; do
    [[ -n ${go_tool_sources[$name]:-} ]] || { cannot_run "no tool is called $name"; return; }
    [[ -x $(go_tool "$name") ]] || missing+=("$name")
  done
  [[ ${#missing[@]} -eq 0 ]] || with_go build_go_tools "${missing[@]}"
}

# The files below $3 in version $2 of the Go module $1, as $cache/$4-$2. Modules carry more than code: schemas, for example.
go_module_files() {
  local name=$4-${2#v}
  [[ -e $cache/$name/.complete ]] || with_go once "$name" copy_module_files "$1@$2" "$3" ||
    cannot_run "$3 of $1@$2 could not be fetched"
}

# Makes $1 a configuration directory of Docker's client (DOCKER_CONFIG) that knows Compose and buildx.
docker_config() {
  go_tools_in "$1/cli-plugins" docker-compose docker-buildx
}

# Makes every named program available in the directory $1.
go_tools_in() {
  local directory=$1 name
  shift
  go_tools "$@" && mkdir -p "$directory" || return
  for name; do ln -sf "$(go_tool "$name")" "$directory/"; done
}

# Runs the rest of the line with Go at hand and with caches of its own, which grow to 11 GB and are removed when it has succeeded: what
# was stopped goes on there the next time. No two at a time. A caller that has GOCACHE in its environment wants its own used, and kept.
with_go() (
  mkdir -p "$cache" || exit
  exec 8> "$cache/go-build.lock"
  flock 8
  go_caches=$cache/go-build
  [[ -n ${GOCACHE:-} ]] || export GOPATH=$go_caches/path GOCACHE=$go_caches/build
  # Read-only directories could not be removed by anybody but root.
  export GOFLAGS='-trimpath -buildvcs=false -modcacherw -mod=readonly' GOWORK=off GOTOOLCHAIN=local GOBIN=
  install_go && "$@" && rm -rf "$go_caches"
)

install_go() {
  local installed
  if command -v go > /dev/null; then
    installed=$(go env GOVERSION)
    [[ $(printf '%s\n' "$go_version" "${installed#go}" | sort -V | head -n 1) == "$go_version" ]] && return
  fi
  # Any Go can fetch another one: toolchains are in the module proxy.
  debian_command go golang-go || return
  once "go-$go_version" fetch_go || { cannot_run "Go $go_version could not be fetched"; return; }
  PATH=$cache/go-$go_version/go/bin:$PATH
  unset GOROOT
}

fetch_go() {
  local architecture directory
  architecture=$(go env GOHOSTARCH)
  directory=$(module_directory "golang.org/toolchain@v0.0.1-go$go_version.linux-$architecture") || return
  cp -r --no-preserve=mode "$directory" "$1/go" || return
  # A module may hold neither executable files nor other modules; Go itself mends that when it fetches a toolchain.
  chmod +x "$1"/go/bin/* "$1/go/pkg/tool/linux_$architecture"/* || return
  find "$1/go" -name _go.mod -execdir mv {} go.mod \;
}

# Downloads the module and prints where it is.
module_directory() {
  # -mod is for builds; this command refuses it in a directory without a module.
  (cd / && GOFLAGS=-modcacherw bounded go mod download -json "$1" | sed -n 's/^\t"Dir": "\(.*\)",\{0,1\}$/\1/p' | grep .)
}

build_go_tools() {
  local name
  for name; do
    once "$(basename "$(dirname "$(go_tool "$name")")")" build_go_tool "$name" || { cannot_run "$name could not be built"; return; }
  done
}

# Builds the program $1 in the directory $2.
build_go_tool() {
  local name=$1 building=$2 module version package directory variable flags='-s -w' tags='' cgo=0 start=$SECONDS
  read -r module version package <<< "${go_tool_sources[$name]}"
  echo "building $name $version from its Go module, once"
  if [[ $module == - ]]; then
    directory=$(dirname "${BASH_SOURCE[0]}")/$name
  else
    directory=$(module_directory "$module@$version") || return
  fi
  # A copy: in its own directory a module's replace, exclude and checksums count, which `go install MODULE@VERSION` refuses.
  cp -r --no-preserve=mode "$directory" "$building/source" || return
  for variable in ${go_tool_variables[$name]:-}; do flags+=" -X $variable"; done
  if [[ $name == runc ]]; then
    # Without seccomp it refuses the profile that every engine gives it.
    debian_command pkg-config pkg-config && debian_command gcc gcc && debian_package libseccomp-dev || return
    cgo=1 tags=seccomp
  fi
  (
    cd "$building/source" &&
      CGO_ENABLED=$cgo bounded nice -n 10 go build -tags "$tags" -ldflags "$flags" -o "$building/$name" "$package"
  ) > "$building/log" 2>&1 || { grep -v '^go: downloading' "$building/log" | tail -n 30; return 1; }
  rm -rf "$building/source" "$building/log"
  echo "built $name in $((SECONDS - start)) s"
}

# Keeps what is below $2 in the module $1, in the directory $3.
copy_module_files() {
  local directory
  directory=$(module_directory "$1") || return
  cp -r --no-preserve=mode "$directory/$2/." "$3/"
}

if [[ ${BASH_SOURCE[0]} == "$0" ]]; then
  set -uo pipefail
  # shellcheck source=scripts/lib/install.sh
  source "$(dirname "$0")/install.sh"
  # shellcheck source=scripts/lib/standalone.sh
  source "$(dirname "$0")/standalone.sh"
  go_tools "$@" >&2 || exit
  for name; do go_tool "$name"; done
fi
