#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# offers.t - offers are asked for by a query, sorted and in pages; the command line shows them, and where a query is wrong
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/machine.sh"
start_market --set limits.signups_burst=1000 --set timing.lost_contact=600s --set 'market.regions=eu us'
# Lines are as if each had been measured, at more than any machine here offers.
sql "ALTER TABLE cpushare.machine ALTER line_up_kbit_s SET DEFAULT 1000000, ALTER line_down_kbit_s SET DEFAULT 1000000"
signup seller && SELLER=$TOKEN
i=0
for country in DE FR US DE; do # desk1 … desk4: dearer and faster one by one, but for desk4, which costs what desk3 does
	i=$((i + 1))
	new_machine desk$i "$SELLER" || bail "$BODY"
	M_COUNTRY=$country M_CORES=$((2 * i)) M_MEMORY=$((1024 * i)) M_SCORE=$((100 * i)) M_PRICE=$((i < 4 ? i * 10000 : 30000)) M_ACCEL=$([ $i = 1 ] && echo tcg || echo kvm)
	# What is known of desk1 is nothing; desk4 has measured a region that the market has not.
	M_TERMS=$([ $i = 1 ] && echo '{}' || jq -nc --argjson i $i '{cpu_vendor: "amd", direct: ($i == 2), up_kbit_s: ($i * 10000), down_kbit_s: 100000,
		rtt: [{region: "eu", rtt_ms: ($i * 10)}, {region: (if $i == 4 then "moon" else "us" end), rtt_ms: 5}]}')
	report desk$i
	[ "$STATUS" = 200 ] || bail "$BODY"
done
# ask PARAMETER...: the machines of the answer
ask() {
	local args=()
	for p; do args+=(--data-urlencode "$p"); done
	curl -ks -m 20 -G "${args[@]}" "$URL/v1/offers" >"$WORK/body"
	jq -r '[.items[].machine_name] | join(" ")' "$WORK/body" 2>/dev/null
}
same_price() { [ "$(ask "$@" | tr ' ' '\n' | sort | tr '\n' ' ')" = "desk1 desk2 desk3 desk4 " ]; }
ok "all of them" same_price
is "$(ask | cut -d' ' -f1-2)" "desk1 desk2" "the cheapest first"
is "$(ask 'q=cores>=4 country notin [US]')" "desk2 desk4" "those that meet every term"
is "$(ask 'q=memory>2G' 'sort=-score')" "desk4 desk3" "sorted"
is "$(ask 'q=accel=tcg price<=0.01')" desk1 "by price and by kind"
is "$(ask 'q=vendor=amd up>=30')" "desk3 desk4" "by processor and line"
is "$(ask 'q=direct=yes trusted=no')" desk2 "by what is reached without a relay, and proven nothing"
is "$(ask 'q=rtt.eu<=30ms') + $(ask 'q=rtt<40ms')" "desk2 desk3 + desk2 desk3" "by the round trip to a region, and to the nearest"
is "$(ask sort=-rtt) + $(ask sort=rtt.us)" "desk4 desk2 desk3 desk1 + desk2 desk3 desk1 desk4" "sorted by it, what is not known last"
is "$(ask q=machine=desk4; jq -c '.items[0] | [.cpu_vendor, .up_kbit_s, .down_kbit_s, .rtt, .direct, .trusted]' "$WORK/body")" \
	'desk4
["amd",40000,100000,[{"region":"eu","rtt_ms":40}],false,false]' "all of it stands in the offer, with the regions that the market has"
is "$(api GET /v1/market; jq -c .regions <<<"$BODY")" '["eu","us"]' "which it names"
is "$(ask 'q=cores>=100')" "" "none"
is "$(jq -c '[.items, .next]' "$WORK/body")" '[[],null]' "is an empty page"
seen='' cursor=()
for page in 1 2 3 4; do
	seen+="$(ask sort=price limit=1 "${cursor[@]}") "
	next=$(jq -r '.next // ""' "$WORK/body")
	cursor=("cursor=$next")
	[ -n "$next" ] || break
done
is "$page $(tr ' ' '\n' <<<"$seen" | sort -u | tr '\n' ' ')" "4  desk1 desk2 desk3 desk4 " "pages show each once, where two cost the same too"
is "$next" "" "and end"
for bad in 'q=prize<=1' 'q=rtt.moon<40' sort=rtt.moon 'q=cores' 'sort=country' 'cursor=1' 'cursor=x.y' limit=0 limit=501; do
	ask "$bad" >/dev/null
	is "$(jq -r '"\(.code) \(.errors[0].field)"' "$WORK/body")" "bad_field ${bad%%=*}" "$bad is refused"
done

list() { as stranger cpushare offer list --market "$URL" --pin "$PIN" "$@"; }
is "$(list 'cores>=4' 'country in [DE,FR]' -o csv --columns machine,cores | sort | tr '\n' ' ')" "desk2,4 desk4,8 machine_name,cores " "the command line asks the same"
is "$(list --sort -score --limit 2 --columns machine --no-header | tr '\n' ' ')" "desk4 desk3 " "and sorts"
done_testing
