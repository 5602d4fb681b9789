#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# user-data.sh KEY >user-data - an order's user-data that lets the holder of this ssh key into every VM, and each VM into the others
#
# KEY and KEY.pub are files of ssh-keygen, made for this order alone: market and sellers can read user-data.
set -euo pipefail
key=${1:?usage: user-data.sh KEY >user-data}
private=$(<"$key") public=$(<"$key.pub")
cat <<END
#!/bin/sh
umask 077
mkdir -p /root/.ssh
cat >/root/.ssh/id_ed25519 <<'KEY'
$private
KEY
echo '$public' | tee /root/.ssh/id_ed25519.pub >>/root/.ssh/authorized_keys
END
