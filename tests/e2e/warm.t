#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# warm.t - guests that start from a template: where image and buyer say so, each with its own name, numbers and random bytes; never from what was changed
. "$(dirname "$0")/../lib.sh"

# tiny, that says what it reads of the kernel's generator as soon as it goes on; and tiny that does not say that it may be cloned before its network
# may have told it to: once two of them have heard each other.
extra() { # NAME SED-SCRIPT: $WORK/NAME.iso
	mkdir -p "$WORK/$1/etc" && sed "$2" "$TOP/images/tiny/boot" >"$WORK/$1/etc/boot" && chmod 755 "$WORK/$1/etc/boot" &&
		EXTRA=$WORK/$1 "$TOP/images/tiny/build.sh" "$WORK/$1.iso"
}
early='^warm$/c warm wait; echo "EARLY $(head -c 64 /dev/urandom | hexdump -v -e '\''/1 "%02x"'\'')" >/dev/console; warm own'
ok "an image that tells its random bytes" extra early "/$early"
late='(until ping -c 1 -W 1 vm1 \&\& ping -c 1 -W 1 vm2; do sleep 1; done >/dev/null 2>\&1; printf "\\ncpushare-warm: may be cloned\\n" >/dev/console) \&'
ok "an image that says so too late" extra late "s/^warm\$/warm own/;\$a $late"

start_market
ok "operator, buyer, seller" eval 'new_operator && new_user buyer && add_funds buyer 5 && new_seller desk --cores 6 --memory 2G'
start_seller desk
ok "the images are uploaded" eval 'for image in early late; do as buyer cpushare image upload "$WORK/$image.iso" -q || break; done'
create() { as buyer cpushare order create --memory 160M --max-price 1 -o name --warm "$@"; }
refused() { [[ $(create "$@" 2>&1) =~ $WHY ]]; }
echo '#!/bin/sh' >"$WORK/user-data"
WHY=user_data ok "not with user-data" refused --image early.iso --user-data "$WORK/user-data"
WHY=constraints.warm ok "not with a scratch disk" refused --image early.iso --scratch 64M
WHY=constraints.warm ok "not where machines must be trusted" refused --image early.iso --trusted require

# ---- the first one ----
lease_of() { as buyer cpushare node show "$1" -o json | jq -r .id; }
log_of() { tr -d '\r' <"$WORK/desk/leases/$1/console.log"; }
said() { log_of "$1" 2>/dev/null | grep -aE "$2"; }
detail_is() { [ "$(as buyer cpushare node show "$1" -o json | jq -r .detail)" = "$2" ]; }
ready() { local id && id=$(lease_of "$1") && said "$id" 'cpushare-tiny: ready vm[0-9] 10\.'; }
templates() { find "$WORK/desk/warm" -type f | wc -l; }
first=$(create --image early.iso --name first)
create --image late.iso --name late --count 2 >/dev/null
ok "the first guest of an image gets ready" within 180 ready first/vm1
ok "it was started cold" within 20 detail_is first/vm1 "started cold"
ok "and so was the one whose image says so too late" within 180 detail_is late/vm1 "started cold"
too_late() { grep 'a template is not kept .*frames had come before' "$WORK/desk.log"; }
ok "which it does, after it had heard others" within 180 too_late
one_template() { [ "$(templates)" = 1 ]; }
ok "there is one template, of the image that says so in time" within 30 one_template
none_left() { ! ls "$WORK"/desk/leases/*/template.new; }
ok "and of the others nothing is left" within 30 none_left
is "$(stat -c %a "$WORK"/desk/warm/* "$WORK/desk/warm" | xargs)" "600 700" "which only the seller's user can read"
ok "the other one ends" as buyer cpushare order cancel late --wait --timeout 2m

# ---- three at once ----
create --image early.iso --name more --count 3 >/dev/null
for n in 1 2 3; do
	ok "clone $n gets ready, with its name and an address" within 120 ready "more/vm$n"
	ok "clone $n says that it was started warm" within 20 detail_is "more/vm$n" "started warm, from a template"
	id[n]=$(lease_of "more/vm$n")
done
id[0]=$(lease_of first/vm1)
is "$(for n in 1 2 3; do said "${id[n]}" SeaBIOS; done)" "" "no clone's firmware has run"
# typed LEASE TEXT: on its serial console
typed() { ask_socket "$WORK/desk/leases/$1/vmrun.sock" "{\"ask\":\"type\",\"from\":0,\"data\":\"$(base64 -w0 <<<"$2")\"}"; }
for n in 0 1 2 3; do
	typed "${id[n]}" 'echo "BOOT $(cat /proc/sys/kernel/random/boot_id)"; echo "MAC $(cat /sys/class/net/eth0/address)"; echo "ID $(cat /run/instance-id)"; echo "SEED $(hexdump -v -n 32 -e '\''/1 "%02x"'\'' /sys/firmware/qemu_fw_cfg/by_name/opt/org.cpushare/warm/raw)"; echo "CLOCK $(date +%s)"; ping -c 1 -W 9 vm$((HOSTNAME == vm2 ? 3 : 2)) >/dev/null; for try in 1 2 3 4 5 6 7 8; do ping -c 1 -W 3 vm3 >/dev/null && echo REACHED && break; sleep 1; done' >/dev/null
done
all_said() { for n in 0 1 2 3; do said "${id[n]}" '^CLOCK [0-9]' || return 1; done; }
ok "all answer on their consoles" within 60 all_said
different() { # REGEX: each of the four says it, and no two the same
	local lines
	lines=$(for n in 0 1 2 3; do said "${id[n]}" "^$1" | head -n 1; done)
	[ "$(wc -l <<<"$lines")" = 4 ] && [ "$(sort -u <<<"$lines" | wc -l)" = 4 ] || { echo "$lines" && return 1; }
}
ok "no two read the same random bytes, right after they went on" different 'EARLY [0-9a-f]{128}$'
ok "nor have one boot id" different 'BOOT [0-9a-f-]{36}$'
ok "nor one MAC address" different 'MAC [0-9a-f:]{17}$'
ok "nor one instance id" different 'ID [0-9a-f-]{36}$'
ok "nor one seed of their random bytes" different 'SEED [0-9a-f]{64}$'
template_has() { LC_ALL=C grep -qaP "$1" "$WORK"/desk/warm/*; }
# Eight bytes in a row of it, of which none is a zero or ends a line.
seed=$(said "${id[0]}" '^SEED' | cut -d' ' -f2 | sed 's/../\\x&/g' | grep -oP '(\\x(?!0[0a])..){8}' | head -n 1)
ok "whose the template has not: its own machine's would tell its clones what keys that made" eval \
	'[ ${#seed} = 32 ] && template_has "cpushare-warm: may be cloned" && ! template_has "$seed"'
right_clock() { local n now && now=$(date +%s) && for n in 1 2 3; do local at && at=$(said "${id[n]}" '^CLOCK') && at=${at#* } && [ $((now - at)) -lt 100 ] && [ $((at - now)) -lt 5 ] || return 1; done; }
ok "their clocks are right" right_clock
same() { [ "$(for n in 1 2 3; do as buyer cpushare node show "more/vm$n" -o json | jq -r "$1"; done | sort -u | wc -l)" = 3 ]; }
ok "their addresses differ" same .ip
reached() { for n in 1 2; do said "${id[n]}" '^REACHED' || return 1; done; }
ok "and they reach each other" within 60 reached

# ---- a template that was changed ----
ok "all orders end" eval 'as buyer cpushare order cancel more --wait --timeout 2m && as buyer cpushare order cancel first --wait --timeout 2m'
nobody() { [ -z "$(ls -A "$WORK/desk/leases")" ]; }
ok "the seller has no guest" within 60 nobody
in_memory() { find /proc/"$SELLER_PID_desk"/fd -lname '*memfd:template*' | grep .; }
ok "the template stays in memory" in_memory
ok "the owner wants the machine" cpushare-seller pause --state "$WORK/desk"
nothing_in_memory() { ! in_memory; }
ok "then it does not" within 30 nothing_in_memory
printf X | dd of="$(echo "$WORK"/desk/warm/*)" bs=1 seek=$((3 << 20)) conv=notrunc status=none
ok "the machine is given back" cpushare-seller resume --state "$WORK/desk"
ok "an order is placed again" within 30 create --image early.iso --name again
ok "one whose bytes were changed is not started from" within 60 detail_is again/vm1 "started cold"
like "$(<"$WORK/desk.log")" 'a template is not what was made' "and its owner is told"
ok "the order ends" as buyer cpushare order cancel again --wait --timeout 2m
end "$SELLER_PID_desk"
is "$(templates)" 0 "no template outlives the daemon that made it"
done_testing
