#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# build.sh OUT.iso - tiny with a program that tries whatever a guest could try against its host; for the tests of isolation
#
# Needs what tiny needs, and a C compiler.
out=${1:?usage: build.sh OUT.iso}
here=$(dirname "$(readlink -f "$0")")
set -euo pipefail
extra=$(mktemp -d)
trap 'rm -rf "$extra"' EXIT
mkdir -p "$extra/bin"
${CC:-gcc} -O1 -std=gnu17 -D_GNU_SOURCE -Wall -Wextra -static -s -o "$extra/bin/hostile" "$here/hostile.c"
EXTRA=$extra IMAGE_NAME=hostile "$here/../tiny/build.sh" "$out"
