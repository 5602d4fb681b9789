#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# host_key.t - the cluster image's ssh port: who comes before the host key is there waits for it; one that was brought stays
#
# In namespaces of its own, where /etc/ssh is empty and making a key takes until the test says so.
. "$(dirname "$0")/../lib.sh"
[ "$(id -u)" = 0 ] && command -v ssh-keygen >/dev/null || skip_all "needs root and ssh-keygen"
[ "${1:-}" = inside ] || exec unshare --mount --net --pid --fork --kill-child --mount-proc "$0" inside
ip link set lo up
mount -t tmpfs none /etc/ssh
mount -t tmpfs none /run
cp /usr/bin/ssh-keygen "$WORK/keygen"
cat >"$WORK/slow" <<END
#!/bin/sh
: >"$WORK/making"
until [ -e "$WORK/go" ]; do sleep 0.05; done
"$WORK/keygen" "\$@"
END
chmod 755 "$WORK/slow"
mount --bind "$WORK/slow" /usr/bin/ssh-keygen
ok "it is compiled" gcc -std=gnu17 -D_GNU_SOURCE -Wall -Wextra -Wshadow -Werror -o "$WORK/listen" "$TOP/images/cluster/listen.c"
key=/etc/ssh/ssh_host_ed25519_key

begin() { rm -f /etc/ssh/* "$WORK/go" "$WORK/making"; }
# In a namespace whose first process the test is, what the listener leaves behind is its child.
listening() { pgrep -P $$ -x listen; }
stop() { kill "$(listening)" && within 5 eval '! listening >/dev/null'; }
# An sshd says something; where there is none the connection ends. Who is not served waits, which read says by more than 128.
served() { timeout 10 bash -c 'exec 3<>/dev/tcp/127.0.0.1/22 || exit; read -r -t 5 <&3; [ $? -le 128 ]'; }

begin
ok "it listens" "$WORK/listen"
(exec 3<>/dev/tcp/127.0.0.1/22 && : >"$WORK/connected" && read -r -t 30 <&3; : >"$WORK/over") &
ok "at once" within 5 test -e "$WORK/connected"
ok "while it makes a key" within 5 test -e "$WORK/making"
sleep 0.3
ok "who came waits" test ! -e "$WORK/over"
: >"$WORK/go"
ok "and is served once there is one" within 20 test -e "$WORK/over"
wait
is "$(cd /etc/ssh && echo *)" "ssh_host_ed25519_key ssh_host_ed25519_key.pub" "the key and its public half, and no more"
is "$(stat -c %a $key)" 600 "that nobody else reads"
is "$("$WORK/keygen" -y -f $key | cut -d' ' -f2)" "$(cut -d' ' -f2 $key.pub)" "they belong together"
ok "it ends" stop

begin
ok "it listens again" "$WORK/listen"
ok "and makes a key" within 5 test -e "$WORK/making"
ok "user-data brings one meanwhile" "$WORK/keygen" -q -t ed25519 -N '' -C brought -f $key
brought=$(sha256sum $key $key.pub)
: >"$WORK/go"
ok "who comes is served" served
ok "so is the next" eval 'listening >/dev/null && served'
is "$(sha256sum $key $key.pub)" "$brought" "by that one"
is "$(ls /etc/ssh | wc -l)" 2 "and no other is left"
ok "it ends" stop

rm -f "$WORK/making"
ok "with a key that is there from the start" "$WORK/listen"
ok "who comes is served" served
ok "so is the next" eval 'listening >/dev/null && served'
is "$(sha256sum $key $key.pub)" "$brought" "by that one"
ok "none is made" test ! -e "$WORK/making"
ok "it ends" stop

begin
ln -s /nowhere/key /etc/ssh/host_key.new
: >"$WORK/go"
ok "where none can be made" "$WORK/listen"
ok "it listens no more" within 10 eval '! listening >/dev/null'
ok "and nobody is kept waiting" eval '! served 2>/dev/null'
done_testing
