#!/usr/bin/env bash
# What the libraries beside this file need when one of them is run by itself and not by scripts/test. Sourced.

work=$(mktemp -d "${TMPDIR:-/tmp}/openclaw-tools.XXXXXX") || exit 1
readonly work
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM

cannot_run() {
  echo "cannot run: $*" >&2
  return 1
}

bounded() {
  timeout --kill-after=10 "${OPENCLAW_TEST_SUITE_TIMEOUT:-40m}" "$@" < /dev/null
}
