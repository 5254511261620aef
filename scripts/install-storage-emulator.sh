#!/bin/sh
# Installs the Cloud Storage emulator that tests use (fake-gcs-server) into a cache folder keyed by its version.
# Prints the folder; starting it: see test/emulators/storage.ts. Needs Go; about two minutes and 50 MB the first time.
set -eu
version=1.56.1
cache="${TEST_EMULATORS:-$HOME/.cache/quantline-emulators}"
folder="$cache/fake-gcs-server-$version"
if [ ! -d "$folder" ]; then
  if ! command -v go >/dev/null 2>&1; then
    echo "fake-gcs-server is built from source: install Go (https://go.dev/dl, or your system's package golang)." >&2
    exit 3
  fi
  building="$folder.$$.part"
  trap 'rm -rf "$building"' EXIT
  mkdir -p "$building"
  CGO_ENABLED=0 GOBIN="$building" GOFLAGS=-trimpath go install "github.com/fsouza/fake-gcs-server@v$version" >&2
  mv "$building" "$folder"
  trap - EXIT
fi
echo "$folder"
