#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# cluster.t - three sellers and a buyer, each behind a NAT of another kind, rent out and use a cluster: MPI, Slurm, iperf3, NFS, sshfs
#
# The market and the relay stand in the internet. Sellers: "open" behind a full cone, "closed" behind a symmetric NAT, and "walled", whose
# router lets no UDP out; the buyer's NAT is port-restricted. Who can be reached directly must be, the rest goes through the relay.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/../nat.sh"
CLUSTER=$BUILD/images/cluster.iso
make --no-print-directory -C "$TOP" BUILD="$BUILD" image-cluster >"$WORK/make.log" 2>&1 || bail "no image: $(tail -n 20 "$WORK/make.log")"
mpicc -O2 -o "$WORK/ring" "$TOP/examples/mpi/ring.c" || bail "mpicc"

# ---- the internet, the market, the relay, four homes ----
site 1 full
site 2 symmetric
site 3 symmetric
site 4 port
in_space ${P}r3 nft add rule ip filter forward meta l4proto udp drop
export IN="ip netns exec ${P}i" MARKET_LISTEN=198.51.100.1:8443
PLACE=([operator]=$IN [open]="ip netns exec ${P}h1" [closed]="ip netns exec ${P}h2" [walled]="ip netns exec ${P}h3" [buyer]="ip netns exec ${P}h4")
RELAY=198.51.100.1:3478
start_market --set "relay.relays=$RELAY/198.51.100.1:443/$(cpushare-relay pin "$WORK/relay.pem")" --set "relay.stun=$RELAY 198.51.100.2:3478"
$IN cpushare-relay serve --listen $RELAY --listen 198.51.100.2:3478 --listen-tls 198.51.100.1:443 --tls-key "$WORK/relay.pem" \
	--ticket-key "$MARKET_DATA/relay/ticket.pub" >"$WORK/relay.log" 2>&1 &
cleanup "end $!"
ok "there is an operator" new_operator
for name in open closed walled; do
	ok "$name has a machine" new_seller "$name" --cores 1 --memory 768M
	start_seller "$name"
done
buyer() { as buyer "$@"; }
ok "the buyer signs up" new_user buyer
ok "and has funds" add_funds buyer 10

# ---- the order ----
ok "the image is uploaded" buyer cpushare image upload "$CLUSTER" -q
ssh-keygen -q -t ed25519 -N '' -f "$WORK/key"
"$TOP/examples/slurm/user-data.sh" "$WORK/key" 3 >"$WORK/user-data"
ok "three VMs are ordered and run" buyer cpushare order create --image cluster.iso --count 3 --memory 512M --max-price 1 --name job \
	--user-data "$WORK/user-data" --wait --timeout 4m
is "$(buyer cpushare node list job -o json | jq -r '[.items[].machine_name] | sort | join(" ")')" "closed open walled" "one at each seller"
# What else this machine tests at the same time would leave nothing to guests of the idle class: these are given their share.
share() {
	local pid
	for pid; do
		chrt -a -o -p 0 "$pid" && echo 0 >"/proc/$pid/autogroup"
		share $(pgrep -P "$pid")
	done
} 2>/dev/null
share $(cat "$WORK"/*/leases/*/vmrun.pid)
said() { buyer cpushare node console "job/$1" | tr -d '\r' | grep -qx 'cpushare-cluster: user-data exit 0'; }
for vm in vm1 vm2 vm3; do
	ok "$vm has booted" within 240 said $vm || { buyer cpushare node console "job/$vm" | tail -n 20 | sed 's/^/#   /'; bail "without $vm"; }
done
declare -A IP VM
while read -r vm ip machine; do IP[$vm]=$ip VM[$machine]=$vm; done < <(buyer cpushare node list job -o json | jq -r '.items[] | "\(.name) \(.ip) \(.machine_name)"')

# ---- the buyer's machine on the LAN ----
ok "the buyer joins" buyer cpushare net up job
for vm in vm1 vm2 vm3; do ok "$vm answers" within 60 buyer ping -c 1 -W 2 "${IP[$vm]}"; done
on() { # VM COMMAND
	buyer timeout 240 ssh -i "$WORK/key" -o BatchMode=yes -o StrictHostKeyChecking=accept-new -o UserKnownHostsFile="$WORK/known" \
		-o ConnectTimeout=20 -o LogLevel=ERROR "root@${IP[$1]}" "$2"
}
to() { # FILE VM
	buyer timeout 240 scp -q -i "$WORK/key" -o BatchMode=yes -o StrictHostKeyChecking=accept-new -o UserKnownHostsFile="$WORK/known" \
		"$1" "root@${IP[$2]}:"
}

# ---- MPI ----
for vm in vm1 vm2 vm3; do ok "the program is copied to $vm" to "$WORK/ring" $vm; done
out=$(on vm1 'mpirun --host vm1,vm2,vm3 ./ring' 2>&1)
is $? 0 "mpirun ends well"
is "$(grep -c '^rank [0-2] of 3 on vm[123]$' <<<"$out")" 3 "a rank on each of the three VMs"
like "$out" 'ring: 512 KiB, 4 laps through 3 ranks, all words right' "the ring is whole"
like "$out" 'reduction: pi = 3\.141592654' "the reduction is right"
note "$out"

# ---- Slurm ----
nodes() { [ "$(on vm1 'sinfo -h -t idle -o %D')" = 3 ]; }
ok "Slurm has three nodes" within 120 nodes
is "$(on vm1 'srun -N 3 hostname' | sort | paste -sd' ')" "vm1 vm2 vm3" "srun runs on all of them"
out=$(on vm1 'salloc -Q -N 3 mpirun ./ring' 2>&1)
like "$out" '3 ranks, all words right' "mpirun in an allocation takes its nodes from Slurm"

# ---- iperf3 ----
# moved NAME COMMAND...: iperf3's own account of 8 MiB that were sent, received and acknowledged
moved() {
	local name=$1 out
	shift
	out=$("$@")
	like "$(jq -r '.error // .end.sum_sent.bytes' <<<"$out")" '^8[0-9]{6}$' "$name"
	note "$name: $(jq '(.end.sum_received.bits_per_second // 0) / 1e6 | floor' <<<"$out") Mb/s, at $SECONDS s"
}
for vm in vm2 vm3; do on $vm 'iperf3 -s -D'; done
moved "iperf3 from VM to VM" on vm1 'iperf3 -J -n 8M -c vm2'
moved "iperf3 from the buyer to a VM" buyer timeout 240 iperf3 -J -n 8M -c "${IP[vm3]}"

# ---- files ----
sum=$(on vm1 'mkdir -p /srv/share && echo "/srv/share *(rw,no_root_squash,no_subtree_check)" >/etc/exports &&
	service rpcbind start >&2 && service nfs-kernel-server start >&2 && head -c 4M /dev/urandom >/srv/share/file && sha256sum </srv/share/file')
like "$sum" '^[0-9a-f]{64}' "vm1 exports a folder by NFS"
is "$(on vm2 'mount -t nfs4 vm1:/srv/share /mnt && sha256sum </mnt/file && cp /mnt/file /mnt/copy && umount /mnt')" "$sum" "vm2 reads a file there"
is "$(on vm3 'mount -t nfs4 vm1:/srv/share /mnt && sha256sum </mnt/copy && umount /mnt')" "$sum" "and writes one, which vm3 reads"
is "$(on vm3 'sshfs vm1:/srv/share /mnt && sha256sum </mnt/copy')" "$sum" "sshfs: the same"

# ---- paths ----
# What the buyer's own machine sees, and what the market was told by all.
own() { buyer cpushare net status job -o json | jq -r --arg vm "${VM[$1]}" '.items[] | select(.name == $vm) | "\(.path) \(.relay // "")"'; }
is "$(own open)" "direct " "the buyer and open: direct"
is "$(own closed)" "relayed udp" "the buyer and closed: relayed"
is "$(own walled)" "relayed udp" "the buyer and walled: relayed"
map() {
	buyer cpushare net map job -o json | jq -r --arg a "${VM[$1]}" --arg b "${VM[$2]}" \
		'[.paths[] | select(.from == $a and .to == $b or .from == $b and .to == $a) | .path] | unique | join(" ")'
}
map_is() { [ "$(map "$1" "$2")" = "$3" ]; }
for pair in "open closed direct" "open walled relayed" "closed walled relayed"; do
	read -r a b want <<<"$pair"
	ok "$a and $b: $want" within 40 map_is "$a" "$b" "$want" || map "$a" "$b"
done
like "$(ask_socket "$WORK"/walled/leases/*/net.sock '{"ask":"status"}' | jq -r '.peers[].relay' | sort -u)" '^tls' "walled has come to the relay by TLS"

# ---- the end ----
ok "the buyer leaves" buyer cpushare net down job
is "$(buyer cpushare net up job -q -- ssh -i "$WORK/key" -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o LogLevel=ERROR root@vm1 hostname)" \
	vm1 "one command on the LAN, by name"
ok "the order ends" buyer cpushare order cancel job --wait --timeout 2m
is "$(buyer cpushare funds balance -o json | jq .held_micro)" 0 "nothing is held"

# ---- a VM that starts where another one stood, once its Debian had been unpacked ----
OWN='OWN [0-9a-f-]{36} .* END' # not the command, which the terminal shows as well
# alone NAME HOW: it is ready, started like that, and says what should be its own
alone() {
	local lease log
	buyer cpushare order create --image cluster.iso --memory 512M --max-price 1 --name "$1" --warm --prefer "$OPEN" --wait --timeout 4m >/dev/null || return
	lease=$(echo "$WORK"/open/leases/*) log=$lease/console.log
	share $(cat "$lease/vmrun.pid")
	within 240 grep -aq 'cpushare-cluster: ready vm1 10' "$log" && within 20 node_is "$1" "$2" || return
	ask_socket "$lease/vmrun.sock" "{\"ask\":\"type\",\"from\":0,\"data\":\"$(base64 -w0 <<<'until [ -s /etc/ssh/ssh_host_ed25519_key.pub ]; do sleep 0.1; done; echo "OWN $(cat /proc/sys/kernel/random/boot_id) $(head -c 16 /dev/urandom | od -An -tx1 | tr -d " \n") $(cat /sys/class/net/eth0/address) $(cat /run/instance-id) $(cut -d" " -f2 /etc/ssh/ssh_host_ed25519_key.pub)" "END"')\"}" >/dev/null
	within 60 grep -aqE "$OWN" "$log" && grep -aoE "$OWN" "$log" >"$WORK/$1.own" && buyer cpushare order cancel "$1" --wait --timeout 2m
}
node_is() { [ "$(buyer cpushare node show "$1/vm1" -o json | jq -r .detail)" = "$2" ]; }
OPEN=$(buyer cpushare offer list -o json | jq -r '.items[] | select(.machine_name == "open").seller')
ok "a VM that may be cloned is started cold" alone first "started cold"
ok "the next one there is its clone" alone second "started warm, from a template"
is "$(cat "$WORK"/{first,second}.own | tr ' ' '\n' | sort | uniq -d | xargs)" "END OWN" \
	"they have neither boot id, random bytes, MAC address, instance id nor host key in common"
is "$(wc -w <"$WORK/first.own") $(wc -w <"$WORK/second.own")" "7 7" "of which each has all"
done_testing
