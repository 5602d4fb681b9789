#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# images.t - uploads that break and go on, pieces that are shared but not given away, quotas, and files that nobody has any more
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/machine.sh"

start_market --set limits.signups_burst=100 --set limits.images_per_account=3 --set limits.images=10M --set limits.image=8M \
	--set timing.pieces_interval=1ms --set timing.pieces_grace=2s --set timing.sweep_interval=100ms
signup anna && ANNA=$TOKEN
signup bert && BERT=$TOKEN
files() { find "$MARKET_DATA/pieces" -type f | wc -l; }
announce() { # TOKEN FILE [SIZE]: sets IMAGE
	rm -f "$WORK"/piece.*
	split -b 1048576 -d -a 4 "$2" "$WORK/piece."
	api POST /v1/images "$(sha256sum "$WORK"/piece.* | cut -d' ' -f1 | jq -cRn --argjson s "${3:-$(stat -c %s "$2")}" '{name: "x", size_bytes: $s, pieces: [inputs]}')" "$1"
	IMAGE=$(field .id)
}
fetch() { # TOKEN INDEX
	STATUS=$(curl -ks -o "$WORK/got" -w '%{http_code}' -H "Authorization: Bearer $1" "$URL/v1/images/$IMAGE/pieces/$2")
}

head -c 3000000 /dev/urandom >"$WORK/one"
announce "$ANNA" "$WORK/one"
is "$STATUS $(field .missing_count)" "201 3" "an image is announced"
put_piece "$ANNA" "$IMAGE" 1 "$WORK/piece.0001"
is "$STATUS" 204 "a piece is sent"
put_piece "$ANNA" "$IMAGE" 1 "$WORK/piece.0001"
is "$STATUS" 204 "again is fine"
api GET "/v1/images/$IMAGE/pieces" "" "$ANNA"
is "$(field '.missing | map(tostring) | join(" ")')" "0 2" "the upload goes on where it stopped"
announce "$ANNA" "$WORK/one"
is "$STATUS $(field .missing_count)" "201 2" "announcing it again loses nothing"
fetch "$ANNA" 1
is "$STATUS" 409 "nothing is read before all is shown"
put_piece "$ANNA" "$IMAGE" 0 "$WORK/piece.0000"
put_piece "$ANNA" "$IMAGE" 2 "$WORK/piece.0002"
api GET "/v1/images/$IMAGE" "" "$ANNA"
is "$(field .state)" ready "all are there: it is ready"
fetch "$ANNA" 2
is "$STATUS $(sha256sum <"$WORK/got")" "200 $(sha256sum <"$WORK/piece.0002")" "and is read"
is "$(files)" 3 "three files"

announce "$BERT" "$WORK/one"
is "$STATUS $(field .missing_count)" "201 3" "who knows the hashes has not shown the bytes"
fetch "$BERT" 0
is "$STATUS" 409 "and does not get them"
for i in 0 1 2; do put_piece "$BERT" "$IMAGE" $i "$WORK/piece.000$i"; done
fetch "$BERT" 0
is "$STATUS" 200 "until they are shown"
is "$(files)" 3 "they are kept once"

api DELETE "/v1/images/$IMAGE" "" "$ANNA"
is "$STATUS" 204 "one deletes it"
sleep 4
is "$(files)" 3 "the other still has it: the files stay"
fetch "$BERT" 1
is "$STATUS" 200 "and are read"
api DELETE "/v1/images/$IMAGE" "" "$BERT"
gone() { [ "$(files)" = 0 ]; }
ok "nobody has it any more: the files go" within 15 gone
announce "$BERT" "$WORK/one"
for i in 0 1 2; do put_piece "$BERT" "$IMAGE" $i "$WORK/piece.000$i"; done
is "$STATUS $(files)" "204 3" "sent anew they are back"
api DELETE "/v1/images/$IMAGE" "" "$BERT"
touch -d '1 hour ago' "$MARKET_DATA/pieces/$(ls "$MARKET_DATA/pieces" | head -n 1)/half-written"
ok "what a killed market had half written goes too" within 15 gone

head -c 8388609 /dev/zero >"$WORK/large"
announce "$ANNA" "$WORK/large"
is "$STATUS $(field .code)" "422 bad_field" "an image above the largest"
for size in 4000000 4000001 1000000; do
	head -c $size /dev/zero >"$WORK/some"
	announce "$ANNA" "$WORK/some"
	is "$STATUS" 201 "$size bytes"
done
head -c 5 /dev/zero >"$WORK/some"
announce "$ANNA" "$WORK/some"
is "$STATUS $(field .code)" "422 limit" "more than three images"
announce "$BERT" "$WORK/one"
head -c 7500000 /dev/zero >"$WORK/some"
announce "$BERT" "$WORK/some"
is "$STATUS $(field .code)" "422 limit" "more bytes than one account may have"
done_testing
