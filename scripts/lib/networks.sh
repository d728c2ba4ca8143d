#!/usr/bin/env bash
# The suite `networks`: what it needs, and its runs against each engine. Sourced by scripts/test after install.sh and engine.sh.

# The engine that is started where DOCKER_HOST names none: `debian` or `present`.
networks_engine=${OPENCLAW_TEST_ENGINE:-debian}

# Real proxies and the tools that connect namespaces.
networks_install() {
  local command
  local -A packages=([ip]=iproute2 [iptables]=iptables [nginx]=nginx-light [caddy]=caddy [haproxy]=haproxy [readelf]=binutils)
  [[ $(id -u) -eq 0 ]] || { cannot_run 'network namespaces need root'; return; }
  for command in "${!packages[@]}"; do
    debian_command "$command" "${packages[$command]}" || return
  done
  install_openclaw
}

# Our program as one static binary, unoptimised: $work/openclaw. In a directory of its own, because other flags build everything again.
networks_binary() {
  local target
  target=$(uname -m)-unknown-linux-gnu
  RUSTFLAGS="${RUSTFLAGS:-} -C target-feature=+crt-static --cfg=getrandom_backend=\"linux_getrandom\"" \
    bounded cargo build --locked --target "$target" --target-dir target/static --bin openclaw &&
    # Without what only a debugger reads it is a quarter as large, and it goes into each engine.
    strip -o "${work:?}/openclaw" "target/static/$target/debug/openclaw"
}

# HAProxy as an image, openclaw-test-proxy: on port 8080, before $UPSTREAM, adding X-Forwarded-For.
networks_proxy_image() {
  local root=$work/proxy
  mkdir -p "$root/usr/sbin" || return
  cat > "$root/haproxy.cfg" << 'CFG'
defaults
  mode http
  option forwardfor
  timeout connect 5s
  timeout client 1m
  timeout server 1m
  timeout tunnel 1m
listen front
  bind :8080
  server gateway "$UPSTREAM"
CFG
  cp "$(command -v haproxy)" "$root/usr/sbin/haproxy" &&
    # The libraries under the paths that the program asks for.
    ldd "$root/usr/sbin/haproxy" | grep -o '/[^ ]*' | xargs -I {} cp --parents -L {} "$root" &&
    tar -C "$root" -c . | docker import --change 'ENTRYPOINT ["/usr/sbin/haproxy", "-db", "-f", "/haproxy.cfg"]' - \
      openclaw-test-proxy:1 > /dev/null
}

# Runs the tests of the binary $1 that the other arguments choose against the engine that is up.
networks_run() {
  local version tests=$1
  shift
  version=$(sed -n 's/^version = "\(.*\)"$/\1/p' Cargo.toml | head -n 1)
  bounded docker/build.sh --binary "$work/openclaw" || { cannot_run 'the images could not be built'; return; }
  networks_proxy_image || { cannot_run 'the image of the proxy could not be made'; return; }
  # The log of every real OpenClaw program is in one directory, whatever its environment says.
  # shellcheck disable=SC2016 # expanded by the inner shell
  OPENCLAW_NETWORKS=required OPENCLAW_INTEROP=required OPENCLAW_PLAY=required OPENCLAW_TEST_CACHE=${cache:?} \
    OPENCLAW_STATIC_BINARY=$work/openclaw OPENCLAW_GATEWAY_IMAGE=openclaw-gateway:$version OPENCLAW_CLI_IMAGE=openclaw-cli:$version \
    OPENCLAW_PROXY_IMAGE=openclaw-test-proxy:1 \
    bounded unshare --mount bash -c 'mkdir -p "$0" && mount -t tmpfs none "$0" && exec "$@"' /tmp/openclaw \
    cargo test --locked --offline --no-fail-fast --test "$tests" -- "$@"
}

# The whole case in a container, and on a machine without systemd, which needs no engine.
networks_play() {
  networks_run play on_a_machine_without_a_bus in_a_container
}

networks_suite() {
  local status=0 named=${DOCKER_HOST:-} log_directory=/tmp/openclaw made=
  networks_install && networks_binary && bounded cargo test --locked --test networks --test play --no-run || return
  [[ -d $log_directory ]] || { mkdir "$log_directory" && made=$log_directory; }
  engine_up "$networks_engine" && networks_run networks --skip without_userland_proxy || status=$?
  [[ -e $work/cannot-run ]] || networks_play || status=$?
  engine_down
  # How another engine publishes ports is its owner's choice.
  if [[ -z $named && ! -e $work/cannot-run ]]; then
    engine_up "$networks_engine" --userland-proxy=false && networks_run networks without_userland_proxy || status=$?
    engine_down
  fi
  [[ -z $made ]] || rmdir "$made"
  return "$status"
}
