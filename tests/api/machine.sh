# SPDX-License-Identifier: Apache-2.0
# machine.sh - a selling machine made of curl and openssl: what a test wants it to say, it says
#
# new_machine NAME TOKEN enrols one; report NAME [LEASES] sends what is in the M_… variables and sets STATUS, BODY.

declare -A M_ID M_TOKEN M_SEQ M_BOOT
M_CORES=4 M_MEMORY=4096 M_PRICE=1000000 M_PRICE_MEMORY=100000 M_PRICE_TRANSFER=10000 M_ACCEPTING=true M_ACCEL=kvm M_SCORE=500
M_COUNTRY=DE M_TERMS={} M_MAX_DURATION=0

# sign NAME: signs stdin with the machine's key, as hex
sign() {
	cat >"$WORK/$1.tosign"
	openssl pkeyutl -sign -rawin -inkey "$WORK/$1.key" -in "$WORK/$1.tosign" | xxd -p -c 256
}
machine_key() { # NAME: makes the key; prints the public half
	[ -f "$WORK/$1.key" ] || openssl genpkey -algorithm ed25519 -out "$WORK/$1.key" 2>/dev/null
	openssl pkey -in "$WORK/$1.key" -pubout -outform DER | tail -c 32 | xxd -p -c 64
}
enrolment() { # NAME: the body
	local public proof
	public=$(machine_key "$1")
	proof=$(printf 'cpushare-enrol-v1\0%s' "$1" | sign "$1")
	jq -cn --arg n "$1" --arg k "$public" --arg p "$proof" '{name: $n, public_key: $k, proof: $p}'
}
new_machine() {
	api POST /v1/machines "$(enrolment "$1")" "$2"
	[ "$STATUS" = 201 ] || return 1
	M_ID[$1]=$(jq -r .id <<<"$BODY") M_TOKEN[$1]=$(jq -r .token <<<"$BODY") M_SEQ[$1]=0 M_BOOT[$1]=$(cat /proc/sys/kernel/random/uuid)
}
# report_body NAME LEASES
report_body() {
	jq -cn --arg boot "${M_BOOT[$1]}" --argjson seq "${M_SEQ[$1]}" --argjson leases "${2:-[]}" --argjson accepting "$M_ACCEPTING" \
		--arg accel "$M_ACCEL" --argjson cores "$M_CORES" --argjson memory "$M_MEMORY" --argjson score "$M_SCORE" \
		--argjson p1 "$M_PRICE" --argjson p2 "$M_PRICE_MEMORY" --argjson p3 "$M_PRICE_TRANSFER" --arg country "$M_COUNTRY" --argjson terms "$M_TERMS" \
		--argjson longest "$M_MAX_DURATION" \
		'{boot: $boot, seq: $seq, version: "0.1.0", accepting: $accepting, accel: $accel, country: $country, cores: $cores,
		memory_mib: $memory, score: $score, price_per_core_hour_micro: $p1, price_per_gib_hour_micro: $p2,
		price_per_gib_transferred_micro: $p3, max_duration_s: $longest, terms: $terms, leases: $leases}'
}
report() {
	M_SEQ[$1]=$((M_SEQ[$1] + 1))
	api POST "/v1/machines/${M_ID[$1]}/report" "$(report_body "$1" "${2:-[]}")" "${M_TOKEN[$1]}"
}
# usage NAME LEASE SEQ VCPU_NS RUNNING_US TX RX PREVIOUS: prints the record; its hash goes to $WORK/usage_hash
NO_HASH=0000000000000000000000000000000000000000000000000000000000000000
usage() {
	local hash signature
	hash=$({
		printf 'cpushare-usage-v1\0'
		xxd -r -p <<<"${2//-/}"
		printf '%016x%016x%016x%016x%016x%s' "$3" "$4" "$5" "$6" "$7" "$8" | xxd -r -p
	} | sha256sum | cut -d' ' -f1)
	echo "$hash" >"$WORK/usage_hash"
	signature=$(xxd -r -p <<<"$hash" | sign "$1")
	jq -cn --argjson s "$3" --argjson v "$4" --argjson r "$5" --argjson t "$6" --argjson x "$7" --arg p "$8" --arg g "$signature" \
		'{seq: $s, vcpu_ns: $v, running_us: $r, tx_bytes: $t, rx_bytes: $x, previous: $p, signature: $g}'
}
# said LEASE STATE [REASON] [USAGE] [MORE]: one lease of a report
said() {
	local none=null
	jq -cn --arg l "$1" --arg s "$2" --arg r "${3:-}" --argjson u "${4:-$none}" --argjson more "${5:-{\}}" \
		'{lease: $l, state: $s, reason: $r} + (if $u then {usage: $u} else {} end) + $more'
}

# ---- users without a program ----
signup() { # NAME: sets TOKEN
	api POST /v1/accounts "{\"email\":\"$1@example.org\",\"password\":\"$PASSWORD\",\"name\":\"$1\"}"
	TOKEN=$(jq -r .token <<<"$BODY")
	[ "$STATUS" = 201 ]
}
login() { # NAME: sets TOKEN
	api POST /v1/sessions "{\"email\":\"$1@example.org\",\"password\":\"$PASSWORD\"}"
	TOKEN=$(jq -r .token <<<"$BODY")
	[ "$STATUS" = 201 ]
}
# new_buyer NAME AMOUNT_MICRO: signs up, and an operator's command confirms what it pays; sets TOKEN
new_buyer() {
	signup "$1" && api POST /v1/deposits "{\"amount_micro\":$2,\"provider\":\"manual\"}" "$TOKEN" "$(key)" &&
		cpushare-market deposit confirm "$(jq -r .id <<<"$BODY")" --data "$MARKET_DATA" >/dev/null
}
# new_image TOKEN [BYTES]: an image of random bytes, uploaded; sets IMAGE
new_image() {
	local token=$1 size=${2:-1500000} n i
	head -c "$size" /dev/urandom >"$WORK/image"
	n=$(((size + 1048575) / 1048576))
	rm -f "$WORK"/piece.*
	split -b 1048576 -d -a 4 "$WORK/image" "$WORK/piece."
	api POST /v1/images "$(sha256sum "$WORK"/piece.* | cut -d' ' -f1 | jq -cRn --argjson s "$size" '{name: "test", size_bytes: $s, pieces: [inputs]}')" "$token"
	IMAGE=$(jq -r .id <<<"$BODY")
	for ((i = 0; i < n; i++)); do put_piece "$token" "$IMAGE" $i "$WORK/piece.$(printf %04d $i)" || return 1; done
}
put_piece() { # TOKEN IMAGE INDEX FILE
	STATUS=$(curl -ks -m 20 -X PUT -o "$WORK/body" -w '%{http_code}' -H "Authorization: Bearer $1" \
		-H 'Content-Type: application/octet-stream' --data-binary "@$4" "$URL/v1/images/$2/pieces/$3")
	BODY=$(tr -d '\0' <"$WORK/body")
	[ "$STATUS" = 204 ]
}
# order_body [JQ-FILTER]: an order of 1 VM with 1 core and 512 MiB; the filter changes it
order_body() {
	jq -cn --arg i "$IMAGE" '{image: $i, count: 1, cores: 1, memory_mib: 512, max_price_per_core_hour_micro: 2000000,
		max_price_per_gib_hour_micro: 200000, max_price_per_gib_transferred_micro: 20000}' | jq -c "${1:-.}"
}
new_order() { # TOKEN [JQ-FILTER]: sets ORDER
	api POST /v1/orders "$(order_body "${2:-.}")" "$1" "$(key)"
	ORDER=$(jq -r .id <<<"$BODY")
	[ "$STATUS" = 201 ]
}
field() { jq -r "$1" <<<"$BODY"; }
