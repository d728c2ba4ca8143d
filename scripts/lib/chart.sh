#!/usr/bin/env bash
# The suites that need a cluster. Sourced by scripts/test, after the libraries that they use, which set cache, work and the like.
# shellcheck disable=SC2154

# The custom resources that the chart can make.
readonly gateway_api_version=v1.4.0 prometheus_operator_version=v0.85.0

suite_chart() {
  local status=0
  python_yaml && go_tools helm || return
  if kube_up && chart_schemas; then
    PATH=$kube_directory/bin:$PATH bounded "$python" tests/run_python.py tests/chart || status=$?
  else
    # What needs no API server is still said.
    status=1
    PATH=$(dirname "$(go_tool helm)"):$PATH bounded "$python" tests/run_python.py tests/chart
  fi
  chart_forget
  kube_down || status=1
  return "$status"
}

# Teaches the cluster what it must know to check the objects of the chart. What a caller's cluster knows already stays as it is.
chart_schemas() {
  local file kubectl=$kube_directory/bin/kubectl
  local gateway_api=$cache/gateway-api-${gateway_api_version#v} prometheus_operator=$cache/prometheus-operator-${prometheus_operator_version#v}
  go_module_files sigs.k8s.io/gateway-api "$gateway_api_version" config/crd/standard gateway-api &&
    go_module_files github.com/prometheus-operator/prometheus-operator "$prometheus_operator_version" \
      example/prometheus-operator-crd prometheus-operator || return
  : > "$work/schemas"
  for file in "$gateway_api"/*.yaml "$prometheus_operator/monitoring.coreos.com_servicemonitors.yaml"; do
    "$kubectl" get --filename "$file" > /dev/null 2>&1 || "$kubectl" create --filename "$file" --output name >> "$work/schemas" || return
  done
  # Until then the API server knows their names and not their objects.
  [[ ! -s $work/schemas ]] || xargs "$kubectl" wait --for=condition=Established --timeout=60s < "$work/schemas" > /dev/null
}

# A caller's cluster forgets what chart_schemas taught it; one of our own ends anyway.
chart_forget() {
  [[ -z ${kube_pid:-} && -s $work/schemas ]] && xargs "$kube_directory/bin/kubectl" delete --ignore-not-found < "$work/schemas" > /dev/null
  rm -f "$work/schemas"
}

suite_kubernetes() {
  local status=0 binary log_directory=/tmp/openclaw made=
  local -a alone=()
  binary=$(realpath -m "${CARGO_TARGET_DIR:-target}/$(uname -m)-unknown-linux-gnu/release/openclaw")
  install_openclaw && python_yaml && debian_command curl curl && go_tools traefik || return
  kube_product_images "$work/images.tar" || return
  # The log of every real OpenClaw program is in one directory, whatever its environment says.
  if unshare --mount true 2> /dev/null; then
    [[ -d $log_directory ]] || { mkdir "$log_directory" && made=$log_directory; }
    # shellcheck disable=SC2016 # expanded by the inner shell
    alone=(unshare --mount bash -c 'mount -t tmpfs none "$0" && exec "$@"' "$log_directory")
  fi
  if kube_up && kube_load < "$work/images.tar" && kube_traefik && chart_schemas; then
    OPENCLAW_TEST_CACHE=$cache OPENCLAW_BINARY=$binary PATH=$kube_directory/bin:$PATH \
      bounded "${alone[@]}" "$python" tests/run_python.py tests/kubernetes || status=$?
  else
    status=1
  fi
  chart_forget
  kube_down || status=1
  [[ -z $made ]] || rmdir "$made"
  rm -f "$work/images.tar"
  return "$status"
}

# Builds the images, and saves them as $1.
kube_product_images() {
  local version status=0
  version=$(sed -n '/^\[package\]/,/^\[/s/^version = "\(.*\)"$/\1/p' Cargo.toml)
  engine_up || return
  bounded docker/build.sh --way bring &&
    docker save --output "$1" "openclaw-gateway:$version" "openclaw-cli:$version" || status=$?
  engine_down
  return "$status"
}

# Puts Traefik into the cluster, as an image of its one file.
kube_traefik() {
  mkdir -p "$work/traefik/images" &&
    kube_image "$work/traefik" traefik "$(go_tool traefik)" &&
    kube_load < "$work/traefik/images/traefik.tar" &&
    rm -r "$work/traefik"
}

# Python with its YAML library, as $python.
python_yaml() {
  python=python3
  python3 -c 'import yaml' 2> /dev/null && return
  debian_package python3-yaml && python=/usr/bin/python3
}
