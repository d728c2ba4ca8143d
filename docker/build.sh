#!/usr/bin/env bash
# Builds both images, openclaw-gateway:VERSION and openclaw-cli:VERSION, and says which way it took.
set -euo pipefail

usage() {
  cat <<'END'
Usage: docker/build.sh [--way compile|bring] [--binary FILE] [--platform PLATFORM[,PLATFORM]] [--push PREFIX]

  --way compile   compile inside the build, from the toolchain's image: needs a registry
  --way bring     compile here with cargo, or take --binary, and only put it into the images: needs no registry
                  Without --way: compile where the toolchain's image is there or can be pulled, else bring.
  --binary FILE   bring this static binary
  --platform P    for example linux/amd64,linux/arm64: more than one needs buildx, the way compile, and --push
  --push PREFIX   name the images PREFIX/openclaw-gateway and PREFIX/openclaw-cli, and push them

Environment: RUST_IMAGE (the toolchain's image), SOURCE (the URL for the label org.opencontainers.image.source),
SOURCE_DATE_EPOCH (the time that the images bear; default: the last commit's), and what docker itself reads.
END
}

way='' binary='' platform='' prefix=''
while [[ $# -gt 0 ]]; do
  case $1 in
    -h | --help) usage; exit 0 ;;
    --way | --binary | --platform | --push)
      [[ $# -ge 2 ]] || { echo "$1 needs a value" >&2; exit 2; }
      case $1 in
        --way) way=$2 ;;
        --binary) binary=$2 way=bring ;;
        --platform) platform=$2 ;;
        --push) prefix=${2%/} ;;
      esac
      shift 2
      ;;
    *) usage >&2; exit 2 ;;
  esac
done
case $way in
  '' | compile | bring) ;;
  *) usage >&2; exit 2 ;;
esac
[[ $platform != *,* || -n $prefix ]] || { echo 'more than one platform cannot be kept here: add --push' >&2; exit 2; }

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$root"
work=$(mktemp -d "${TMPDIR:-/tmp}/openclaw-images.XXXXXX")
trap 'rm -rf "$work"' EXIT

say() { printf 'docker/build.sh: %s\n' "$*"; }

version=$(sed -n '/^\[package\]/,/^\[/s/^version = "\(.*\)"$/\1/p' Cargo.toml)
revision=$(git rev-parse HEAD 2> /dev/null || echo unknown)
export SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct 2> /dev/null || echo 0)}
created=$(date --utc --date="@$SOURCE_DATE_EPOCH" +%Y-%m-%dT%H:%M:%SZ)
toolchain=${RUST_IMAGE:-$(sed -n 's/^ARG RUST_IMAGE=//p' docker/Dockerfile)}

arguments=(--build-arg "VERSION=$version" --build-arg "REVISION=$revision" --build-arg "CREATED=$created"
  --build-arg "SOURCE_DATE_EPOCH=$SOURCE_DATE_EPOCH")
[[ -z ${SOURCE:-} ]] || arguments+=(--label "org.opencontainers.image.source=$SOURCE")
[[ -z $platform ]] || arguments+=(--platform "$platform")

# BuildKit where there is one: buildx with present-day clients, in the engine itself with 20.10's.
buildkit=0
if docker buildx version > /dev/null 2>&1; then
  buildkit=1
elif [[ $(docker version --format '{{.Client.Version}}') =~ ^(1[89]|20)\. ]]; then
  buildkit=1
fi
export DOCKER_BUILDKIT=${DOCKER_BUILDKIT:-$buildkit}
builder=$([[ $DOCKER_BUILDKIT == 1 ]] && echo BuildKit || echo 'the classic builder')

if [[ -z $way ]]; then
  if [[ $DOCKER_BUILDKIT == 1 ]] &&
    { docker image inspect "$toolchain" || timeout 120 docker pull --quiet "$toolchain"; } > /dev/null 2> "$work/pull"; then
    way=compile
  else
    way=bring
    [[ ! -s $work/pull ]] || say "$toolchain cannot be pulled: $(tail -n 1 "$work/pull")"
  fi
fi

# The directory $context, and the Dockerfile in it, to build from.
case $way in
  compile)
    [[ $DOCKER_BUILDKIT == 1 ]] || { say 'the way compile needs BuildKit' >&2; exit 1; }
    say "compiling inside the build from $toolchain, with $builder"
    context=$root
    arguments+=(--build-arg "RUST_IMAGE=$toolchain" --file docker/Dockerfile)
    ;;
  bring)
    if [[ -z $binary ]]; then
      target=$(uname -m)-unknown-linux-gnu
      say "compiling here with cargo, for $target"
      RUSTFLAGS="-C target-feature=+crt-static --cfg=getrandom_backend=\"linux_getrandom\" --remap-path-prefix=$root=/src --remap-path-prefix=${CARGO_HOME:-$HOME/.cargo}=/cargo" \
        cargo build --release --locked --target "$target" --bin openclaw
      binary=${CARGO_TARGET_DIR:-target}/$target/release/openclaw
    fi
    [[ -x $binary ]] || { say "$binary is no program" >&2; exit 1; }
    # A scratch image has no loader: one that asks for it would end with "no such file".
    if readelf --program-headers "$binary" 2> /dev/null | grep -q INTERP; then
      say "$binary is not linked statically" >&2
      exit 1
    fi
    say "bringing $binary into the images, with $builder"
    context=$work/context
    mkdir "$context"
    docker/rootfs.sh "$binary" "$context/rootfs.tar"
    # The same final stages; what compiles gives way to an archive, which ADD unpacks with its owners and modes.
    {
      printf 'FROM scratch AS binary\nADD rootfs.tar /rootfs/\n\n'
      sed '/^# Compile: begin$/,/^# Compile: end$/d' docker/Dockerfile
    } > "$context/Dockerfile"
    arguments+=(--file "$context/Dockerfile")
    ;;
esac

for target in gateway cli; do
  image=${prefix:+$prefix/}openclaw-$target:$version
  if [[ $platform == *,* ]]; then
    docker buildx build "${arguments[@]}" --target "$target" --tag "$image" --push "$context"
    say "pushed $image for $platform"
    continue
  fi
  docker build "${arguments[@]}" --target "$target" --tag "$image" "$context" > "$work/log" 2>&1 ||
    { cat "$work/log" >&2; exit 1; }
  size=$(docker image inspect --format '{{.Size}}' "$image")
  say "built $image, $((size / 1024)) KiB, for $(docker image inspect --format '{{.Os}}/{{.Architecture}}' "$image")"
  [[ -z $prefix ]] || docker push --quiet "$image"
done
