# SPDX-License-Identifier: Apache-2.0
# provider.sh - a market with the stand-in for its payment providers, and what tests do to both
. "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"

PAY=$WORK/pay
mkdir -p "$PAY/faults"
PAY_PORT=$(free_port)
WEBHOOK_ID=WH-1
WEBHOOK_SECRET=whsec_1

# An authority, and a certificate as PayPal's webhooks have; another authority that nobody trusts.
make_certificate() { # NAME CN AUTHORITY
	openssl req -newkey rsa:2048 -nodes -keyout "$PAY/$1.key" -out "$PAY/$1.csr" -subj "/CN=$2" 2>/dev/null &&
		openssl x509 -req -in "$PAY/$1.csr" -CA "$PAY/$3.pem" -CAkey "$PAY/$3.key" -CAcreateserial -days 2 -out "$PAY/$1.pem" \
			-extfile <(printf 'subjectAltName=DNS:%s' "$2") 2>/dev/null
}
for name in authority stranger; do
	openssl req -x509 -newkey rsa:2048 -nodes -keyout "$PAY/$name.key" -out "$PAY/$name.pem" -days 2 -subj "/CN=$name" 2>/dev/null ||
		bail "no authority"
done
make_certificate signer messageverificationcerts.paypal.com authority || bail "no certificate"
cp "$PAY/signer.pem" "$PAY/certificate.pem"

"$TOP/tests/pay/standin" "$PAY_PORT" "$PAY" >"$PAY/out" 2>&1 &
STANDIN_PID=$!
cleanup 'end $STANDIN_PID'
standin_answers() { curl -s -m 1 -o /dev/null "http://127.0.0.1:$PAY_PORT/"; }
within 10 standin_answers || bail "no stand-in: $(<"$PAY/out")"

(
	umask 077
	printf 'client_id = client\nsecret = secret\nwebhook_id = %s\n' "$WEBHOOK_ID" >"$PAY/paypal.ini"
	printf 'secret_key = sk_test_1\nwebhook_secret = %s\n' "$WEBHOOK_SECRET" >"$PAY/stripe.ini"
)
# start_paid_market [OPTION...]
start_paid_market() {
	start_market --set pay.paypal="$PAY/paypal.ini" --set pay.paypal_url="http://127.0.0.1:$PAY_PORT" --set pay.ca="$PAY/authority.pem" \
		--set pay.paypal_certificates="http://127.0.0.1:$PAY_PORT/certs/" --set pay.stripe="$PAY/stripe.ini" \
		--set pay.stripe_url="http://127.0.0.1:$PAY_PORT" "$@"
}

# ---- what happens at the provider ----
FAULT=
fault() { # METHOD PATH-REGEX FAULT: sets FAULT, its file
	printf -v FAULT '%s/faults/%04d' "$PAY" $((FAULT_N = ${FAULT_N:-0} + 1))
	printf '%s' "$*" >"$FAULT"
}
# provider JQ-UPDATE [ARG...]: changes what the stand-in knows
provider() { (flock 9 && jq -c "$@" "$PAY/store.json" >"$PAY/store.new" && mv "$PAY/store.new" "$PAY/store.json") 9>"$PAY/lock"; }
known() { jq -r "$@" "$PAY/store.json"; }
order_of() { known --arg id "$1" '.orders[] | select(.purchase_units[0].custom_id == $id) | .id'; }
session_of() { known --arg id "$1" '.sessions[] | select(.client_reference_id == $id) | .id'; }
approve() { provider --arg o "$(order_of "$1")" '.orders[$o].status = "APPROVED"'; }
asked() { grep -c "$1" "$PAY/log"; }

# ---- webhooks; set STATUS. KEY_NAME, CERT_URL, SENT_AT, SIGNED choose other keys, addresses, times, bodies ----
paypal_event() { # JSON
	local id=${EVENT_ID:-$(cat /proc/sys/kernel/random/uuid)} at=${SENT_AT:-$(date -u +%Y-%m-%dT%H:%M:%SZ)} crc signature
	crc=$(printf %s "${SIGNED:-$1}" | perl -MCompress::Zlib -0777 -ne 'print crc32($_)')
	signature=$(printf '%s|%s|%s|%s' "$id" "$at" "${HOOK:-$WEBHOOK_ID}" "$crc" | openssl dgst -sha256 -sign "$PAY/${KEY_NAME:-signer}.key" | base64 -w0)
	STATUS=$(curl -ks -m 20 -o "$WORK/body" -w '%{http_code}' -X POST "$URL/v1/payments/paypal/webhook" -H 'Content-Type: application/json' \
		-H "PAYPAL-TRANSMISSION-ID: $id" -H "PAYPAL-TRANSMISSION-TIME: $at" -H "PAYPAL-TRANSMISSION-SIG: $signature" \
		-H "PAYPAL-CERT-URL: ${CERT_URL:-http://127.0.0.1:$PAY_PORT/certs/CERT-1}" -H 'PAYPAL-AUTH-ALGO: SHA256withRSA' --data-binary "$1")
}
stripe_event() { # JSON
	local at=${SENT_AT:-$(date +%s)} signature
	signature=$(printf '%s.%s' "$at" "${SIGNED:-$1}" | openssl dgst -sha256 -hmac "${SECRET:-$WEBHOOK_SECRET}" -r | cut -d' ' -f1)
	STATUS=$(curl -ks -m 20 -o "$WORK/body" -w '%{http_code}' -X POST "$URL/v1/payments/stripe/webhook" -H 'Content-Type: application/json' \
		-H "Stripe-Signature: t=$at,v1=${WRONG:-0000},v1=$signature" --data-binary "$1")
}
captured() { # DEPOSIT CAPTURE VALUE [CURRENCY] [STATUS]
	jq -cn --arg d "$1" --arg c "$2" --arg v "$3" --arg u "${4:-EUR}" --arg s "${5:-COMPLETED}" \
		'{id:"WH-E",event_type:"PAYMENT.CAPTURE.\($s)",resource:{id:$c,status:$s,custom_id:$d,amount:{value:$v,currency_code:$u}}}'
}
refunded() { # REFUND CAPTURE VALUE [KIND]
	jq -cn --arg r "$1" --arg c "$2" --arg v "$3" --arg k "${4:-REFUNDED}" \
		'{id:"WH-R",event_type:"PAYMENT.CAPTURE.\($k)",resource:{id:$r,status:"COMPLETED",amount:{value:$v,currency_code:"EUR"},
			links:[{rel:"up",href:"https://api.paypal.com/v2/payments/captures/\($c)"}]}}'
}

# ---- the market ----
deposit() { # USER MICRO PROVIDER: sets DEPOSIT
	api POST /v1/deposits "{\"amount_micro\":$2,\"provider\":\"$3\"}" "$(user_token "$1")" "$(key)"
	DEPOSIT=$(jq -r .id "$WORK/body")
}
state_of() { sql "SELECT state FROM cpushare.deposit WHERE id = '$1'"; }
note_of() { sql "SELECT note FROM cpushare.deposit WHERE id = '$1'"; }
state_is() { [ "$(state_of "$1")" = "$2" ]; }
pending() { within 15 state_is "$1" pending; }
balance() { # USER: available held owed
	api GET /v1/balance "" "$(user_token "$1")"
	jq -r '"\(.available_micro) \(.held_micro) \(.owed_micro)"' "$WORK/body"
}
sound() {
	cpushare-market ledger verify --data "$MARKET_DATA" >"$WORK/verify" 2>&1
	is $? 0 "$1: the ledger holds" || note "$(<"$WORK/verify")"
}
