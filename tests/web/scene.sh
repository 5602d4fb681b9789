# SPDX-License-Identifier: Apache-2.0
# scene.sh - accounts, a reporting machine and an image, made by nothing but the HTTP interface; needs lib.sh

hex() { od -An -v -tx1 | tr -d ' \n'; }
uuid() { cat /proc/sys/kernel/random/uuid; }
# sign_up EMAIL NAME: prints the token
sign_up() {
	api POST /v1/accounts "$(jq -nc --arg e "$1" --arg n "$2" --arg p "$PASSWORD" '{email: $e, name: $n, password: $p}')"
	jq -r .token <<<"$BODY"
}
# enrol NAME TOKEN: sets MACHINE, MACHINE_TOKEN
enrol() {
	openssl genpkey -algorithm ed25519 -out "$WORK/key.pem" 2>/dev/null
	printf 'cpushare-enrol-v1\0%s' "$1" >"$WORK/proof"
	openssl pkeyutl -sign -inkey "$WORK/key.pem" -rawin -in "$WORK/proof" -out "$WORK/signature"
	api POST /v1/machines "$(jq -nc --arg n "$1" --arg k "$(openssl pkey -in "$WORK/key.pem" -pubout -outform DER | tail -c 32 | hex)" \
		--arg s "$(hex <"$WORK/signature")" '{name: $n, public_key: $k, proof: $s}')" "$2"
	MACHINE=$(jq -r .id <<<"$BODY") MACHINE_TOKEN=$(jq -r .token <<<"$BODY") BOOT=$(uuid) SEQ=0
}
# report PRICE CORES: the machine says that it is there
report() {
	SEQ=$((SEQ + 1))
	api POST "/v1/machines/$MACHINE/report" "$(jq -nc --arg b "$BOOT" --argjson s $SEQ --argjson p "$1" --argjson c "$2" '{boot: $b, seq: $s,
		version: "0.1.0", accepting: true, accel: "kvm", country: "DE", cores: $c, memory_mib: 4096, score: 412, terms: {display: true}, leases: [],
		price_per_core_hour_micro: $p, price_per_gib_hour_micro: 1000, price_per_gib_transferred_micro: 5000}')" "$MACHINE_TOKEN"
}
# A 1 MiB image of zeros, whole.
upload() { # TOKEN
	local hash
	head -c 1048576 /dev/zero >"$WORK/image"
	hash=$(sha256sum "$WORK/image" | cut -d' ' -f1)
	api POST /v1/images "$(jq -nc --arg h "$hash" '{name: "zeros", size_bytes: 1048576, pieces: [$h]}')" "$1"
	IMAGE=$(jq -r .id <<<"$BODY")
	curl -ks -X PUT -H "Authorization: Bearer $1" -H 'Content-Type: application/octet-stream' --data-binary @"$WORK/image" \
		"$URL/v1/images/$IMAGE/pieces/0"
}
# pay TOKEN AMOUNT_MICRO
pay() {
	local deposit
	api POST /v1/deposits "{\"amount_micro\":$2,\"provider\":\"manual\"}" "$1" "$(key)"
	deposit=$(jq -r .id <<<"$BODY")
	api POST "/v1/deposits/$deposit/confirm" "" "$OPERATOR"
}

# new_operator_token: sets OPERATOR
new_operator_token() {
	sign_up operator@example.org operator >/dev/null
	cpushare-market operator grant operator@example.org --data "$MARKET_DATA" >/dev/null
	api POST /v1/sessions "{\"email\":\"operator@example.org\",\"password\":\"$PASSWORD\"}"
	OPERATOR=$(jq -r .token <<<"$BODY")
}
