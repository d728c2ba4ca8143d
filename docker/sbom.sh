#!/usr/bin/env bash
# Writes what is in the binary, and under which licences: sbom.sh DIRECTORY
#
#   openclaw.cdx.json   the software bill of materials, CycloneDX 1.5
#   licenses.txt        every licence with its text, and what is under it
#
# cargo-cyclonedx and cargo-about are built once, into ${OPENCLAW_TEST_CACHE:-~/.cache/openclaw-tests}.
set -euo pipefail

readonly cyclonedx_version=0.5.9 about_version=0.9.3 target=x86_64-unknown-linux-gnu

[[ $# -eq 1 && $1 != -* ]] || { sed -n '2,/^$/s/^# \{0,1\}//p' "$0" >&2; exit 2; }
mkdir -p "$1"
out=$(cd "$1" && pwd)
cd "$(dirname "${BASH_SOURCE[0]}")/.."
# shellcheck source=scripts/lib/install.sh
source scripts/lib/install.sh
# shellcheck source=scripts/lib/standalone.sh
source scripts/lib/standalone.sh

install_cargo_tool cargo-cyclonedx "$cyclonedx_version" --debug
install_cargo_tool cargo-about "$about_version" --features cli

# It writes beside the manifest; a copy keeps the work tree clean, also when this is cut short.
mkdir "$work/source"
cp -r Cargo.toml Cargo.lock build.rs src benches "$work/source/"
(
  cd "$work/source"
  "$cache/cargo-cyclonedx-$cyclonedx_version/bin/cargo-cyclonedx" cyclonedx \
    --format json --spec-version 1.5 --target "$target" --override-filename openclaw.cdx
)
mv "$work/source/openclaw.cdx.json" "$out/"

cargo fetch --locked --target "$target"
# What the crates themselves bring is what counts: nobody else is asked.
"$cache/cargo-about-$about_version/bin/cargo-about" generate --offline --config docker/about.toml --target "$target" \
  --output-file "$out/licenses.txt" docker/licenses.hbs
printf '%s\n' "$out/openclaw.cdx.json" "$out/licenses.txt"
