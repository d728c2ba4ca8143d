#!/bin/sh
# What the compiling stages of the Dockerfile run: toolchain.sh install|dependencies|build ARCHITECTURE
#
# ARCHITECTURE is Docker's name of the one that the binary is for. The C library is linked in: the images hold nothing else.
set -eu

case $2 in
  amd64) target=x86_64-unknown-linux-gnu prefix=x86_64-linux-gnu package=gcc-x86-64-linux-gnu ;;
  arm64) target=aarch64-unknown-linux-gnu prefix=aarch64-linux-gnu package=gcc-aarch64-linux-gnu ;;
  *) echo "there is no image for the architecture $2: amd64 and arm64" >&2; exit 2 ;;
esac

install() {
  if ! command -v "$prefix-gcc" > /dev/null; then
    apt-get update
    # The other architecture's C library comes with its compiler.
    apt-get install --yes --no-install-recommends "$package" "libc6-dev-$2-cross"
    rm -rf /var/lib/apt/lists/*
  fi
  rustup target list --installed | grep -qx "$target" || rustup target add "$target"
}

compile() {
  name=$(echo "$target" | tr 'a-z-' 'A-Z_')
  env "CARGO_TARGET_${name}_LINKER=$prefix-gcc" "CC_$(echo "$target" | tr - _)=$prefix-gcc" \
    RUSTFLAGS="-C target-feature=+crt-static --cfg=getrandom_backend=\"linux_getrandom\" --remap-path-prefix=$PWD=/src --remap-path-prefix=${CARGO_HOME:-$HOME/.cargo}=/cargo" \
    cargo build --release --locked --target "$target" --bin openclaw
}

case $1 in
  install) install "$@" ;;
  dependencies)
    # Sources that say nothing, so that this layer changes with the dependencies only.
    mkdir -p src benches/gateway
    echo 'fn main() {}' | tee src/main.rs > benches/gateway/main.rs
    : > src/lib.rs
    compile
    ;;
  build)
    # Cargo goes by the time of files, and those of a checkout may be older than the stand-ins.
    touch src/main.rs src/lib.rs
    compile
    mkdir -p /out
    cp "target/$target/release/openclaw" /out/openclaw
    ;;
  *) echo "toolchain.sh install|dependencies|build ARCHITECTURE" >&2; exit 2 ;;
esac
