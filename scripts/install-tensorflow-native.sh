#!/bin/sh
# Completes @tensorflow/tfjs-node in node_modules of the checkout it lies in, where the package's own install script could
# not download its library: libtensorflow comes from PyPI's wheel, the binding is compiled from the package's source.
# Both lie in a cache folder keyed by their versions; safe to repeat. Linux on x64; needs python3 with pip, g++ and npm.
# About two minutes and 600 MB the first time. Prints the binding's path.
set -eu
tfjs=4.22.0
tensorflow=2.15.1
headers=1.9.0
root=$(cd "$(dirname "$0")/.." && pwd -P)
cache="${XDG_CACHE_HOME:-$HOME/.cache}/quantline-native"
folder="$cache/tensorflow-$tensorflow-tfjs-$tfjs"
package="$root/node_modules/@tensorflow/tfjs-node"
binding="$package/lib/napi-v8/tfjs_binding.node"

if [ "$(uname -sm)" != "Linux x86_64" ]; then
  echo "This builds the native engine on Linux x64 only; elsewhere: npm rebuild @tensorflow/tfjs-node." >&2
  exit 1
fi
if [ ! -f "$package/package.json" ]; then
  (cd "$root" && npm install --no-save --ignore-scripts --no-audit --no-fund "@tensorflow/tfjs-node@$tfjs" >&2)
fi
found=$(node -p "require('$package/package.json').version")
if [ "$found" != "$tfjs" ]; then
  echo "node_modules has @tensorflow/tfjs-node $found; this script builds $tfjs." >&2
  exit 1
fi

if [ ! -d "$folder" ]; then
  building="$folder.$$.part"
  trap 'rm -rf "$building"' EXIT
  mkdir -p "$building/lib" "$building/download"
  python3 -m pip download -q --disable-pip-version-check --no-deps --only-binary=:all: --python-version 3.11 \
    --implementation cp --platform manylinux2014_x86_64 -d "$building/download" "tensorflow-cpu==$tensorflow" >&2
  python3 - "$building" >&2 <<'PY'
import glob, os, sys, zipfile
building = sys.argv[1]
with zipfile.ZipFile(glob.glob(os.path.join(building, "download", "*.whl"))[0]) as wheel:
    for name in wheel.namelist():
        inside = name.removeprefix("tensorflow/")
        if inside in ("libtensorflow_cc.so.2", "libtensorflow_framework.so.2"):
            target = os.path.join(building, "lib", inside)
        elif inside.startswith(("include/tensorflow/", "include/tsl/")) and inside.endswith(".h"):
            target = os.path.join(building, inside)
        else:
            continue
        os.makedirs(os.path.dirname(target), exist_ok=True)
        with wheel.open(name) as source, open(target, "wb") as out:
            while chunk := source.read(1 << 20):
                out.write(chunk)
PY
  ln -s libtensorflow_cc.so.2 "$building/lib/libtensorflow.so"
  ln -s libtensorflow_framework.so.2 "$building/lib/libtensorflow_framework.so"
  (cd "$building/download" && npm pack --silent "node-api-headers@$headers" >/dev/null && tar xzf node-api-headers-*.tgz)
  # The run path is the folder's final name: the binding is only used from there.
  g++ -O2 -std=c++17 -fPIC -shared -DNAPI_VERSION=8 -DNODE_GYP_MODULE_NAME=tfjs_binding -DBUILDING_NODE_EXTENSION \
    -I"$building/download/package/include" -I"$package" -I"$package/.." -I"$building/include" \
    "$package/binding/tfjs_backend.cc" "$package/binding/tfjs_binding.cc" \
    -o "$building/tfjs_binding.node" -L"$building/lib" -ltensorflow -ltensorflow_framework -Wl,-rpath,"$folder/lib" >&2
  rm -rf "$building/download"
  # Another start may have been quicker; its folder is as good.
  mv -T "$building" "$folder" 2>/dev/null || [ -d "$folder" ]
fi

mkdir -p "$(dirname "$binding")"
cp "$folder/tfjs_binding.node" "$binding.$$.part"
mv -f "$binding.$$.part" "$binding"
echo "$binding"
