#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# build.sh WORK OUT.iso - the tiny image with the program of a market's calibrations in it; nothing else tells the two apart
set -euo pipefail
work=${1:?usage: build.sh WORK OUT.iso} out=${2:?usage: build.sh WORK OUT.iso}
extra=$(mktemp -d)
trap 'rm -rf "$extra"' EXIT
mkdir "$extra/bin"
install -m 755 "$work" "$extra/bin/work"
EXTRA=$extra "$(dirname "$(readlink -f "$0")")/../tiny/build.sh" "$out"
