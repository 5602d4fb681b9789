#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# endpoint.t - a lease has one endpoint: a slow one is waited for, one that hangs is killed, a dead one is replaced
. "$(dirname "$0")/../lib.sh"
start_market
ok "operator, buyer, seller" eval 'new_operator && new_user buyer && add_funds buyer 10 && new_seller desk'
start_seller desk
ok "the image is uploaded" as buyer cpushare image upload "$TINY" -q
ok "a VM is rented" as buyer cpushare order create --image tiny.iso --memory 160M --max-price 1 --name job --wait --timeout 2m -q
dir=$(echo "$WORK"/desk/leases/*)
endpoint() { cat "$dir/net.pid"; }
# Who of all processes works in the lease's directory as an endpoint.
endpoints() {
	local p
	for p in /proc/[0-9]*; do
		[ "$(readlink "$p/cwd")" = "$dir" ] && tr '\0' ' ' <"$p/cmdline" | grep -q 'cpushare-seller endpoint' && echo "${p#/proc/}"
	done 2>/dev/null
}
answers() { ask_socket "$dir/net.sock" '{"ask":"status"}' | jq -e .pin; }
ok "its endpoint answers" within 20 answers
first=$(endpoint)
is "$(endpoints)" "$first" "it is one, and the file names it"

kill -STOP "$first"
sleep 4
is "$(endpoints)" "$first" "while it does not answer no other is started"
kill -CONT "$first"
ok "it answers again" within 20 answers
is "$(endpoints)" "$first" "the same one"
cpushare-seller endpoint "$dir" >"$WORK/second.log" 2>&1
is $? 1 "a second one ends at once"
ok "and leaves the first its socket" answers

another() { [ "$(endpoint)" != "$first" ] && answers; }
kill -STOP "$first"
ok "one that hangs for long is replaced" within 60 another
is "$(endpoints)" "$(endpoint)" "and gone"
like "$(<"$WORK/desk.log")" "hangs and is killed" "the log says so"
first=$(endpoint)
kill -KILL "$first"
ok "one that was killed is replaced" within 20 another
is "$(endpoints)" "$(endpoint)" "by one"
is "$(as buyer cpushare node show job/vm1 -o json | jq -r .state)" running "the VM runs all the time"
ok "the order ends" as buyer cpushare order cancel job --wait --timeout 1m -q
is "$(endpoints)" "" "and no endpoint is left"
done_testing
