#!/bin/sh
# Installs the BigQuery emulator that tests use (bqemulator: DuckDB inside) into a cache folder keyed by its versions.
# Prints the folder. Starting it: see test/emulators/bigquery.ts. About two minutes and 600 MB the first time.
set -eu
version=1.4.0-duckdb1.5.5
cache="${TEST_EMULATORS:-$HOME/.cache/quantline-emulators}"
folder="$cache/bqemulator-$version"
if [ ! -d "$folder" ]; then
  building="$folder.$$.part"
  trap 'rm -rf "$building"' EXIT
  mkdir -p "$building/home"
  python3 -m venv "$building/venv"
  "$building/venv/bin/pip" install -q --disable-pip-version-check \
    bqemulator==1.4.0 duckdb==1.5.5 duckdb-extensions==1.5.5 duckdb-extension-spatial==1.5.5 numpy >&2
  HOME="$building/home" "$building/venv/bin/python" -c "from duckdb_extensions import import_extension; import_extension('spatial')" >&2
  mv "$building" "$folder"
  trap - EXIT
fi
# The entry script of a moved environment points to its old place: start it with
# "$folder/venv/bin/python" -c "from bqemulator.cli import main; main()" start …
echo "$folder"
