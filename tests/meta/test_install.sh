#!/bin/bash
# SPDX-License-Identifier: MIT
# Checks where `meson install` puts files. It installs into an empty folder, builds a C program against that with
# pkg-config alone and runs it, inspects the plugin, and asks the installed sta command. Exit status 77 = skipped.
set -euo pipefail
build=$1 model=$2 source=$3
command -v pkg-config >/dev/null || exit 77
dest=$(mktemp -d)
trap 'rm -rf "$dest"' EXIT
meson install -C "$build" --destdir "$dest" --no-rebuild >"$dest/log" 2>&1 || { cat "$dest/log"; exit 1; }

pc=$(find "$dest" -name sta-core.pc)
[ -n "$pc" ] || { echo "sta-core.pc was not installed"; exit 1; }
export PKG_CONFIG_PATH=${pc%/*} PKG_CONFIG_SYSROOT_DIR=$dest
lib=$(find "$dest" -name libsta-core.so -printf '%h\n' | head -n 1)
# shellcheck disable=SC2046 # words are meant
cc -std=c11 "$source" $(pkg-config --cflags sta-core) $(pkg-config --libs sta-core) -lm -o "$dest/consumer"
LD_LIBRARY_PATH=$lib "$dest/consumer" "$model"

plugin=$(find "$dest" -path '*gstreamer-1.0/libgststa.so' -printf '%h\n')
[ -n "$plugin" ] || { echo "libgststa.so was not installed into the GStreamer folder"; exit 1; }
GST_PLUGIN_PATH=$plugin GST_REGISTRY=$dest/registry gst-inspect-1.0 staaction >/dev/null
LD_LIBRARY_PATH=$lib "$(find "$dest" -path '*/bin/sta')" flops --arch vit_base --json | grep -q '"drop_number":64'
# The models must be installed too, and the monitor's own file with every key must be readable.
monitor=$(find "$dest" -path '*/bin/sta-monitor')
if [ -n "$monitor" ]; then
  "$monitor" --print-defaults >"$dest/cameras.yaml"
  STA_MODELS=$(find "$dest" -path '*/sta/models' -type d) "$monitor" --check "$dest/cameras.yaml"
fi
! ldd "$plugin/libgststa.so" | grep -q torch || { echo "libgststa.so must not link LibTorch"; exit 1; }
echo "install: headers, library, plugin and command work"
