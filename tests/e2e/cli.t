#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# cli.t - what programs may rely on: every command of cpushare, cpushare-seller and cpushare-market under -o json
#
# The commands are those that the programs' own `commands -o json` lists, so that none is forgotten. Standard output is JSON or empty; what goes wrong is
# one JSON object on standard error whose "exit" is the exit code; nothing asks where there is no terminal; --help always works.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/../swtpm.sh"

# run WANTED-CODE NAME COMMAND...: runs it under -o json, without a terminal, and checks its manners. Sets OUT.
run() {
	local want=$1 name=$2
	shift 2
	bare "$WORK/ran" "$@"
	judge "$want" "$name" "$WORK/ran"
}
bare() { # FILE COMMAND...
	timeout 330 setsid -w "${@:2}" -o json </dev/null >"$1.out" 2>"$1.err"
	echo $? >"$1.code"
}
judge() { # WANTED-CODE NAME FILE
	local rc bad=
	rc=$(<"$3.code")
	OUT=$(<"$3.out")
	[ "$rc" = "$1" ] || bad="exit $rc, not $1"
	[ ! -s "$3.out" ] || jq -e . "$3.out" >/dev/null 2>&1 || bad="$bad; standard output is not JSON"
	if [ "$rc" = 0 ]; then
		[ ! -s "$3.err" ] || bad="$bad; it says something on standard error"
	else
		jq -se --argjson rc "$rc" 'length == 1 and .[0].exit == $rc and (.[0].error.title | length > 3)' "$3.err" >/dev/null 2>&1 ||
			bad="$bad; the error is not one JSON object with its exit code"
	fi
	[ -z "$bad" ]
	_tap $? "$2: exit $1" || { note "$bad" && head -c 1000 "$3.out" "$3.err" | sed 's/^/#   /'; }
}
# Of one user: the command is named by its words, and counts as tried when it succeeds.
declare -A TRIED
try() { # CODE USER "NOUN VERB" [ARGUMENT...]
	local code=$1 user=$2 words=$3
	shift 3
	# shellcheck disable=SC2086
	HOME=$WORK/home/$user XDG_CONFIG_HOME='' XDG_STATE_HOME='' XDG_RUNTIME_DIR='' CPUSHARE_PASSWORD=$PASSWORD \
		run "$code" "cpushare $words${*:+ $*}" cpushare $words "$@"
	[ "$code" != 0 ] || TRIED["cpushare $words"]=1
}
owner() { # CODE WORD [ARGUMENT...]
	local code=$1 word=$2
	shift 2
	# shellcheck disable=SC2086
	run "$code" "cpushare-seller $word $*" cpushare-seller $word --state "$WORK/desk" "$@"
	[ "$code" != 0 ] || TRIED["cpushare-seller $word"]=1
}
operate() { # CODE "NOUN VERB" [ARGUMENT...]
	local code=$1 words=$2
	shift 2
	# shellcheck disable=SC2086
	run "$code" "cpushare-market $words${*:+ $*}" cpushare-market $words --data "$MARKET_DATA" "$@"
	[ "$code" != 0 ] || TRIED["cpushare-market $words"]=1
}
commands_of() { "$1" commands -o json | jq -r '.commands[].name'; }
mapfile -t BUYER < <(commands_of cpushare)
mapfile -t SELLER < <(commands_of cpushare-seller)
mapfile -t MARKET < <(commands_of cpushare-market)
like "${#BUYER[@]} ${#SELLER[@]}" '^[3-9][0-9] [1-9]' "the programs list their commands"

# ---- what asks no market, and (trust show) what an order is needed for whose machine has proven something: tests/e2e/trust.t's ----
mkdir -p "$WORK/home/stranger"
try 0 stranger "trust verify" "$TOP/tests/fuzz/corpus/trust_proof/proof"
try 0 stranger "trust log" "$TOP/tests/fuzz/corpus/trust_log/ovmf"
try 3 stranger "trust log" "$WORK/none"
try 9 stranger "trust log" "$TOP/tests/fuzz/corpus/trust_proof/proof"
try 3 stranger verify "$WORK/none"
try 2 stranger verify "$TOP/LICENSE"
for file in trust_proof/proof trust_log/ovmf; do try 0 stranger verify "$TOP/tests/fuzz/corpus/$file"; done
try 0 stranger verify "$TINY"
TINY_ID=$(jq -r .id <<<"$OUT")
try 0 stranger "image test" "$TINY" --memory 160M --expect 'cpushare-tiny: ready vm1'
is "$(jq -r '[.items[] | select(.result != "good").check] | join(" ")' <<<"$OUT")" "" "an image that lacks nothing"
try 2 stranger "image test" "$TINY" --cdrom-bus ide
try 2 stranger "image test" "$TINY" --memory 1M
try 3 stranger "image test" "$WORK/none"
for words in "trust show" "trust verify" "trust log"; do
	for i in "${!BUYER[@]}"; do [ "${BUYER[i]}" != "$words" ] || unset "BUYER[i]"; done
done
BUYER=("${BUYER[@]}")

# ---- without a market ----
nobody=00000000-0000-7000-8000-000000000000
echo data >"$WORK/file"
mkdir "$WORK/mine"
printf '#!/bin/sh\necho much\necho more >&2\necho image >"$1"\n' >"$WORK/mine/build.sh"
chmod 755 "$WORK/mine/build.sh"
arguments() { # of a command, so that only the market is missing
	case $1 in
	"token create") echo "--scope orders" ;;
	"funds add") echo 5 ;;
	"funds withdraw") echo "5 --to DE00" ;;
	"image id" | verify) echo "$TINY" ;;
	"image build") echo "$WORK/mine --file $WORK/mine.iso" ;;
	"recipe show") echo mpi ;;
	"recipe up") echo "mandelbrot --max-price 1" ;;
	"image test") echo "$WORK/file" ;; # which no BIOS starts
	"image upload") echo "$WORK/file" ;;
	"image download") echo "$(printf '%064d' 0) $WORK/none.iso" ;;
	"image verify") echo "$WORK/file $(printf '%064d' 0)" ;;
	"session end" | "seller history") echo $nobody ;;
	"account address") echo me@example.net ;;
	"config set") echo "order.create.count 2" ;;
	"config "[gu]*) echo "order.create.cores" ;;
	"image "[sd]*) printf '%064d' 0 ;;
	"order create") echo "--image $(printf '%064d' 0) --max-price 1" ;;
	"node rate") echo "$nobody good" ;;
	"node exec") echo "$nobody/vm1 true" ;;
	"node screen") echo "$nobody --file $WORK/none.png" ;;
	"net netcheck") ;;
	"net capture") echo "$nobody --write $WORK/none.pcapng" ;;
	"token revoke" | "funds confirm" | "funds approve" | "seller show" | "machine "[re]* | "offer explain" | "order "[swcr]* | "order explain" | "node "[scd]* | "node "re[cs]* | "net "*) echo $nobody ;;
	"order extend") echo "$nobody 2h" ;;
	"node list" | "offer show") echo $nobody ;;
	"offer compare") echo "$nobody desk" ;;
	"context create") echo new ;;
	"context use" | "context delete") echo elsewhere ;;
	"context rename") echo "elsewhere other" ;;
	api) echo "GET /v1/market" ;;
	signup | login) echo "--email a@example.org" ;;
	esac
}
# Where no market is known, and where it is not there (AWAY=1).
code_alone() {
	case $1 in
	"context create") echo "${AWAY:+5}" | sed 's/^$/0/' ;;
	"context list" | "context show" | "config list" | "config path" | "config set" | bugreport) echo 0 ;;
	"config "*) echo 3 ;;
	"image id" | "image build" | "recipe list" | "recipe show" | verify) echo 0 ;;
	"image test") echo 10 ;;
	"image verify") echo "${AWAY:+9}" | sed 's/^$/4/' ;; # a whole id is asked of nobody
	"context "*) echo 3 ;;
	"net status" | "node exec" | "net peers" | "net ping" | "net capture" | "net down") echo "${AWAY:+3}" | sed 's/^$/4/' ;; # they ask this machine alone
	*) echo "${AWAY:+6}" | sed 's/^$/4/' ;;
	esac
}
mkdir -p "$WORK/home/stranger"
for words in "${BUYER[@]}"; do
	# shellcheck disable=SC2086
	cpushare $words --help >"$WORK/stdout" 2>"$WORK/stderr" </dev/null && [ -s "$WORK/stdout" ] && [ ! -s "$WORK/stderr" ]
	_tap $? "cpushare $words --help"
	try 2 stranger "$words" --no-such-option
	args=$(arguments "$words")
	# shellcheck disable=SC2086
	try "$(code_alone "$words")" stranger "$words" $args # no market is known
	# A call to a market that is not there is tried again for some seconds: all at once.
	# shellcheck disable=SC2086
	HOME=$WORK/home/stranger XDG_CONFIG_HOME='' XDG_STATE_HOME='' XDG_RUNTIME_DIR='' CPUSHARE_PASSWORD=$PASSWORD \
		CPUSHARE_TOKEN=cpu_ses_0 bare "$WORK/away-${words/ /-}" cpushare $words $args --market https://127.0.0.1:1 &
done
wait
for words in "${BUYER[@]}"; do
	judge "$(AWAY=1 code_alone "$words")" "cpushare $words, no market" "$WORK/away-${words/ /-}"
done
is "$(<"$WORK/mine.iso")" image "image build calls the folder's build.sh with the file to write"
printf '# these\nsh dash\n/bin/s* dash\nno-such-program one\n/none/at/all two\n' >"$WORK/mine/needs"
try 3 stranger "image build" "$WORK/mine"
like "$(jq -r .error.title "$WORK/ran.err")" 'apt install one two$' "what is missing is said"
echo junk >"$WORK/mine/needs"
try 1 stranger "image build" "$WORK/mine"
rm "$WORK/mine/needs"
printf '#!/bin/sh\nexit 3\n' >"$WORK/mine/build.sh"
try 1 stranger "image build" "$WORK/mine"
for word in none ../tiny "$WORK/home"; do try 3 stranger "image build" "$word"; done
try 3 stranger "recipe show" nothing
mkdir "$WORK/recipe"
for line in 'count = 999' 'memory = many' 'price = 1' 'summary = no image'; do
	printf 'image = tiny\n%s\n' "$line" >"$WORK/recipe/recipe.ini"
	[ "$line" != 'summary = no image' ] || echo "$line" >"$WORK/recipe/recipe.ini"
	try 2 stranger "recipe show" "$WORK/recipe"
done
for word in "${SELLER[@]}"; do
	# shellcheck disable=SC2086
	cpushare-seller $word --help >"$WORK/stdout" 2>"$WORK/stderr" </dev/null && [ -s "$WORK/stdout" ] && [ ! -s "$WORK/stderr" ]
	_tap $? "cpushare-seller $word --help"
	owner 2 "$word" --no-such-option
done
run 2 "a noun alone" cpushare order
run 2 "no such command" cpushare order creat
run 2 "an argument that is no text" cpushare $'\xff\xfe'
for program in cpushare cpushare-seller cpushare-market; do
	$program help --man >"$WORK/page" 2>&1 && head -n 1 "$WORK/page" | grep -q '^\.Dd '
	_tap $? "$program help --man is a manual page"
	! command -v mandoc >/dev/null || is "$(mandoc -T lint -W warning "$WORK/page" 2>&1)" "" "and mandoc finds nothing wrong with it"
done

! command -v mandoc >/dev/null || is "$(mandoc -T lint -W warning "$TOP"/packaging/man/*.7 2>&1)" "" "nor with the other pages"

# ---- with a market and a machine ----
MARKET_DATA=$WORK/market
operate 2 serve --log-level loud
operate 1 serve --listen nowhere
operate 1 serve --listen 192.0.2.1:80 --http
start_market --set limits.signups_burst=1000 --set timing.lost_contact=60s --set timing.settle_interval=2s --set mail.server=smtp://127.0.0.1:1 --set mail.from=market@example.org --set mail.confirm_signup=no -o json
is "$(sed -n '/^{$/,/^}$/p' "$WORK/market.log" | jq -c '[.url, .pin]')" "[\"$URL\",\"$PIN\"]" "a market says as JSON where it listens"
operate 1 serve --listen "$MARKET_LISTEN"
for user in operator buyer seller; do try 0 $user signup --market "$URL" --pin "$PIN" --email $user@example.org --name $user; done
try 5 buyer signup --email buyer@example.org
try 2 buyer signup --email nonsense
try 6 stranger login --market "$URL" --email buyer@example.org
like "$(<"$WORK/ran.err")" '"server_pin": "sha256//' "where the key is not known, the error has the one that was shown"
try 6 stranger login --market "$URL" --pin sha256//AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA= --email buyer@example.org
try 2 stranger login --market "$URL" --pin nonsense --email buyer@example.org
try 2 stranger login --market "$URL" --pin "$PIN" # no email, and nobody to ask
is "$(HOME=$WORK/home/stranger timeout 10 setsid -w cpushare login --market "$URL" --pin "$PIN" --email a@b.example -o json </dev/null 2>&1 | jq .exit)" 2 \
	"no password, and nobody to ask"
cpushare-market operator grant operator@example.org --data "$MARKET_DATA" >/dev/null
try 0 operator login --email operator@example.org
echo wrong-password >"$WORK/wrong"
try 4 buyer login --email buyer@example.org --password-file "$WORK/wrong"
try 2 buyer login --email buyer@example.org --password-file "$WORK/none"
try 0 buyer whoami
is "$(jq -r .email <<<"$OUT")" buyer@example.org "who one is"
try 2 buyer "token create"
try 2 buyer "token create" --scope nonsense
try 0 seller "token create" --scope machines --name desk
jq -r .token <<<"$OUT" >"$WORK/token"
try 0 seller "token create" --scope orders --name old
try 0 seller "token list"
ok "another log-in" as elsewhere cpushare login --market "$URL" --pin "$PIN" --email seller@example.org
try 0 seller "session list"
is "$(jq -c '[.items[].current] | sort' <<<"$OUT")" '[false,true]' "where one is logged in"
session=$(jq -r '.items[] | select(.current | not).id' <<<"$OUT")
try 0 seller "session end" "$session"
try 3 seller "session end" nothing
is "$(as elsewhere cpushare whoami -o json 2>&1 | jq .exit)" 4 "it ends at once"
try 2 elsewhere login --with-token # there is none to read
as seller cpushare token create --scope account --name elsewhere -o name | as elsewhere cpushare login --with-token >/dev/null
is "$(as elsewhere cpushare whoami -o name)" seller@example.org "a token is enough to log in"
is "$(echo cpu_pat_0 | as elsewhere cpushare login --with-token -o json 2>&1 | jq .exit)" 4 "one that the market knows"
try 0 seller "account export"
is "$(jq -r '.account.email // .account[0].email' <<<"$OUT")" seller@example.org "what is kept of one"
try 0 seller "account mail"
is "$(jq -c '[.sends, .confirmed, .kinds]' <<<"$OUT")" '[true,false,["funds","payouts","disputes","logins"]]' "what one would be mailed"
try 0 seller "account mail" orders funds
is "$(jq -c .kinds <<<"$OUT")" '["funds","orders"]' "is chosen"
try 0 seller "account mail" none
is "$(jq -c .kinds <<<"$OUT")" '[]' "or none"
try 2 seller "account mail" everything
try 0 seller "account address" elsewhere@example.org
try 2 seller "account address" nowhere
try 0 seller "token revoke" old
try 3 seller "token revoke" old
CPUSHARE_MARKET=$URL CPUSHARE_PIN=$PIN CPUSHARE_TOKEN=$(<"$WORK/token") try 4 stranger "funds balance" # lacks the scope

try 2 buyer "funds add" 0
try 2 buyer "funds add" lots
try 0 buyer "funds add" 20
deposit=$(jq -r .id <<<"$OUT")
try 0 buyer "funds deposits"
try 0 operator "funds deposits" --all
try 4 buyer "funds confirm" "$deposit"
try 0 operator "funds confirm" "$deposit"
try 5 operator "funds confirm" "$deposit"
try 3 operator "funds confirm" nonsense
try 0 buyer "funds balance"
is "$(jq .available_micro <<<"$OUT")" 20000000 "money is in millionths"
try 0 buyer "funds history"
try 0 buyer "funds earnings" --days 2
is "$(jq '.items | length' <<<"$OUT")" 2 "a row a day"
try 2 buyer "funds earnings" --days 0
try 2 buyer "funds withdraw" lots --to DE00
try 2 buyer "funds withdraw" 5
try 7 buyer "funds withdraw" 21 --to DE00
try 0 buyer "funds withdraw" 12 --to DE00 --quote
try 0 buyer "funds withdraw" 12 --to DE00
payout=$(jq -r .id <<<"$OUT")
try 0 buyer "funds payouts"
is "$(jq -r '.items[0] | "\(.id) \(.state)"' <<<"$OUT")" "$payout created" "a payout waits for an operator"
try 4 buyer "funds approve" "$payout"
try 0 operator "funds payouts" --all
try 0 operator "funds approve" "$payout" --fail
try 0 buyer "funds balance"
is "$(jq .available_micro <<<"$OUT")" 20000000 "what is refused goes back"

operate 0 routes
operate 0 "config example"
operate 0 migrate
operate 0 "operator grant" seller@example.org
operate 0 "operator revoke" seller@example.org
operate 3 "operator grant" nobody@example.org
operate 2 "operator grant"
try 0 buyer "funds add" 1
deposit=$(jq -r .id <<<"$OUT")
operate 0 "deposit list"
is "$(jq -r '.items[0].id' <<<"$OUT")" "$deposit" "a deposit waits"
operate 0 "deposit confirm" "$deposit"
operate 5 "deposit fail" "$deposit"
try 0 buyer "funds add" 1
operate 0 "deposit fail" "$(jq -r .id <<<"$OUT")"
operate 3 "deposit confirm" $nobody
operate 0 "reputation recompute"
operate 0 "ledger verify"
is "$(jq -c '[.holds, .sum_micro, .items]' <<<"$OUT")" '[true,0,[]]' "the ledger holds"
operate 0 "ledger verify" "$(jq -r .chain <<<"$OUT")"
is "$(jq .kept_is_same <<<"$OUT")" true "and its chain is the one that was kept"

owner 6 status
owner 5 run
owner 2 setup --market "$URL"
owner 2 setup --market "$URL" --pin "$PIN" --token-file "$WORK/token" --accel steam
owner 4 setup --market "$URL" --pin "$PIN" --token nonsense
owner 6 setup --market https://127.0.0.1:1 --token nonsense
owner 0 setup --market "$URL" --pin "$PIN" --token-file "$WORK/token" --name desk --country de --accel tcg --cores 2 --memory 512M \
	--price-core 1 --price-memory 1 --price-transfer 1
owner 5 setup --market "$URL" --pin "$PIN" --token-file "$WORK/token"
is "$(grep '^\[' "$WORK/desk/seller.conf" | sort | uniq -d) $(grep -c '^name = desk$' "$WORK/desk/seller.conf")" " 1" "each section of its settings stands there once"
equal_share desk
new_tpm desk
sed -i "s|^#* *tcti = .*|tcti = $TCTI_desk|" "$WORK/desk/seller.conf"
owner 9 "tpm enrol" # nobody vouches for this TPM
cpushare-market trust policy set --first-use yes --data "$MARKET_DATA" >/dev/null
enrolled() { cpushare-seller tpm enrol --state "$WORK/desk" -o json; }
ok "the market trusts on first use" within 10 enrolled
owner 0 "tpm enrol"
is "$(jq .first_use <<<"$OUT")" true "its TPM"
cpushare-seller run --state "$WORK/desk" -o json >>"$WORK/desk.log" 2>&1 &
DESK=$!
cleanup 'end $DESK; end_leases desk'
within 30 test -S "$WORK/desk/control.sock"
owner 5 run
owner 0 status
is "$(jq -r .name <<<"$OUT")" desk "its state"
online() { cpushare-seller status --state "$WORK/desk" -o json | jq -e '.state == "online" and .market_answers'; }
ok "it is online" within 30 online
owner 3 endpoint "$WORK"
owner 2 "tpm answer" "$WORK/none" "$WORK/none"
ok "its TPM answers" within 20 test -s "$WORK/desk/tpm.answer"
TRIED["cpushare-seller tpm answer"]=1
owner 0 "tpm status"
MACHINE=$(jq -r .machine "$WORK/desk/identity.json")
known() { cpushare-market trust reference add first --machine "$MACHINE" --registers 0,7 --data "$MARKET_DATA"; }
ok "what it booted is a reference" within 20 known
operate 0 "trust reference add" second --machine "$MACHINE" --registers 4
operate 0 "trust reference list"
is "$(jq -r '[.items[].name] | join(" ")' <<<"$OUT")" "first second" "the references"
operate 0 "trust reference remove" second
operate 3 "trust reference remove" second
operate 2 "trust policy set" --registers 16
operate 0 "trust policy set" --log optional
operate 0 "trust policy show"
operate 0 "trust revoke" "$MACHINE" "it was for the test"
operate 3 "trust revoke" "$MACHINE" "it was for the test"
try 0 buyer "offer list"
try 0 buyer "offer list" 'cores>=1 price<=1' --sort -score --limit 1
is "$(jq '.items | length' <<<"$OUT")" 1 "offers that meet a query"
try 2 buyer "offer list" 'cores>=1 prize<=1'
like "$(<"$WORK/ran.err")" 'column 10: there is no field' "a wrong query is told with its column"
is "$(as buyer cpushare offer list 'cores>=1 prize<=1' 2>&1 | sed -n 2p)" "           ^" "which people see marked"
try 0 buyer "offer show" desk
try 3 buyer "offer show" nothing
try 0 buyer "offer compare" desk "$MACHINE" --cores 2 --memory 1G
is "$(jq -c '[.items[] | [.machine_name, .fits, .vm_hour_micro, .mib_for_milli == (.score * 7200000 / 3000000 | floor)]]' <<<"$OUT")" \
	'[["desk",false,3000000,true],["desk",false,3000000,true]]' "what an hour of such a VM costs, and that it does not fit"
try 3 buyer "offer compare" desk nothing
try 2 buyer "offer compare" desk
try 0 buyer "offer watch" 'cores>=1' --first
is "$(jq -c '[.event, .offer.machine_name]' <<<"$OUT")" '["new","desk"]' "an offer that meets a query is waited for"
try 8 buyer "offer watch" 'cores>=100' --first --timeout 1s
try 2 buyer "offer watch" 'prize<=1' --first
try 0 buyer "offer watch" --timeout 1s
HOME=$WORK/home/buyer XDG_CONFIG_HOME='' cpushare offer watch --interval 200ms -o json >"$WORK/offers" 2>/dev/null </dev/null &
WATCH=$!
cleanup 'end $WATCH'
try 0 buyer "book show"
is "$(jq -c '.items[0] | [.side, .price_per_core_hour_micro, .depth]' <<<"$OUT")" '["ask",1000000,2]' "the book's best ask"

try 0 buyer "book depth"
try 0 buyer "book depth" 2
is "$(jq -c '.items' <<<"$OUT")" '[{"cores":2,"dearest_micro":1000000,"average_micro":1000000,"per_hour_micro":2000000}]' "what two cores cost"
try 3 buyer "book depth" 3
try 2 buyer "book depth" some
try 0 buyer "book history" --range week
try 2 buyer "book history" --range year
try 0 buyer "book trades"
try 0 buyer "trust policy"

try 0 buyer "api" GET /v1/market
is "$(jq -r .currency <<<"$OUT")" EUR "any call can be made"
try 0 buyer "api" POST /v1/tokens --data '{"name":"x","scopes":["orders"]}'
try 2 buyer "api" POST /v1/tokens --data '{"name":'
try 2 buyer "api" PATCH /v1/tokens
try 3 buyer "api" GET "/v1/orders/$nobody"
try 0 buyer doctor
try 0 buyer bugreport
is "$(grep -cF -e "$(user_token buyer)" -e "buyer@" -e "$PASSWORD" <<<"$OUT") $(jq -r .market <<<"$OUT")" "0 $URL" "a report on bugs names the market and has no secret in it"
chmod 644 "$WORK/home/buyer/.config/cpushare/credentials"
try 1 buyer doctor
chmod 600 "$WORK/home/buyer/.config/cpushare/credentials"
try 0 buyer "event tail" --after 0 --timeout 1s
try 0 buyer top

# ---- forms ----
is "$(as buyer cpushare offer list -o csv --columns machine,cores_free,price_per_core_hour_micro,seller_name)" \
	$'machine_name,cores_free,price_per_core_hour_micro,seller_name\ndesk,2,1000000,seller' "CSV has columns by title or field, and numbers as they are"
is "$(as buyer cpushare offer list --columns free,core/h --no-header | tr -s ' ')" " 2 1.00" "so have tables, which tell amounts as people do"
is "$(as buyer cpushare offer list -o ndjson | jq -c '[.schema, .machine_name]')" '[1,"desk"]' "ndjson is an object a line"
is "$(as buyer cpushare offer list -o wide | head -n 1 | grep -c "SELLER'S ID")" 1 "wide tables have more columns"
as buyer cpushare offer list -o yaml 2>/dev/null
is $? 2 "no other form is known"
as buyer cpushare offer list -o json --columns cores 2>/dev/null
is $? 2 "columns go with tables"
is "$(as buyer cpushare order show nothing -o ndjson 2>&1 | jq .exit)" 3 "errors are JSON under ndjson too"
is "$(as buyer cpushare offer ls -o name) $(as buyer cpushare ps nothing -o json 2>&1 | jq .exit)" "$(as buyer cpushare offer list -o name) 3" "aliases mean what they stand for"

# ---- settings ----
try 0 buyer "config set" output csv
try 0 buyer "config set" book.history.range fortnight
try 0 buyer "config get" output
is "$(as buyer cpushare config get book.history.range -o name) $(as buyer cpushare token list | head -n 1)" "fortnight id,name,created_at,expires_at,last_used_at" \
	"settings hold where the command line says nothing"
try 2 buyer "book history"
try 0 buyer "book history" --range day
try 2 buyer "config set" output yaml
try 2 buyer "config set" order.create.wait yes
try 2 buyer "config set" market "$URL"
try 2 buyer "config set" output " csv"
try 0 buyer "config path"
path=$(jq -r .path <<<"$OUT")
printf '# mine\nnothing.here = 5\n' >>"$path"
try 0 buyer "config unset" book.history.range
try 3 buyer "config unset" book.history.range
try 0 buyer "config list"
is "$(jq -c '[.items[] | [.key, .known]]' <<<"$OUT") $(grep -c mine "$path")" '[["output",true],["nothing.here",false]] 1' "what no command knows is said, comments stay"
echo junk >>"$path"
try 2 buyer whoami
like "$(<"$WORK/ran.err")" "config.ini, line 4" "a line that is none is not passed over"
try 2 buyer "config list"
try 2 buyer doctor
rm "$path"

# ---- contexts ----
try 0 buyer "context create" work --market "$URL" --pin "$PIN"
try 5 buyer "context create" work
try 2 buyer "context create" ../work
try 4 buyer whoami --context work
try 0 buyer login --context work --email seller@example.org
is "$(as buyer cpushare whoami --context work -o name) $(as buyer cpushare whoami -o name) $(CPUSHARE_CONTEXT=work as buyer cpushare whoami -o name)" \
	"seller@example.org buyer@example.org seller@example.org" "each context is an account of its own"
is "$(stat -c %a "$WORK/home/buyer/.config/cpushare/contexts/work")" 600 "whose token nobody else can read"
try 0 buyer "context list"
is "$(grep -c "$(jq -r .token "$WORK/home/buyer/.config/cpushare/contexts/work")" <<<"$OUT")" 0 "nor is it shown"
try 0 buyer "context use" work
is "$(as buyer cpushare whoami -o name)" seller@example.org "the one in use holds"
try 0 buyer "context rename" work other
try 3 buyer "context show" work
try 0 buyer "context show"
is "$(jq -r .name <<<"$OUT")" other "a new name changes nothing else"
try 3 buyer whoami --context work
try 0 buyer "context delete" other
try 5 buyer "context delete" default
is "$(as buyer cpushare whoami -o name)" buyer@example.org "without it the default one holds"
try 0 buyer "seller list"
try 0 buyer "seller show" seller
try 0 buyer "seller history" seller
try 3 buyer "seller show" "../accounts"
try 0 seller "machine list"
try 3 seller "machine retire" nothing

try 3 buyer "image upload" "$WORK/none"
try 2 buyer "image upload" "$WORK"
try 0 buyer "image upload" "$TINY"
try 0 buyer "image upload" "$WORK/file"
try 0 buyer "image list"
is "$(jq -r '.items[] | select(.name == "tiny.iso").id' <<<"$OUT")" "$TINY_ID" "its id is what image id says"
try 0 buyer "image show" tiny.iso
try 3 buyer "image show" other.iso
try 0 buyer "image verify" "$WORK/file" file
try 9 buyer "image verify" "$TINY" file
try 3 buyer "image verify" "$WORK/none" file
head -c 3000000 "$TINY" >"$WORK/got.iso.part" # of a download that broke off
try 0 buyer "image download" tiny.iso "$WORK/got.iso"
is "$(jq .fetched <<<"$OUT") $(cmp "$WORK/got.iso" "$TINY" && echo same)" "$((($(stat -c %s "$TINY") + 1048575) / 1048576 - 2)) same" "only what was missing is fetched"
try 5 buyer "image download" tiny.iso "$WORK/got.iso"
try 0 buyer "image delete" file
try 3 buyer "image delete" file

rent=(--image tiny.iso --memory 160M --max-price 1 --max-price-memory 1 --max-price-transfer 1)
try 2 buyer "order create" "${rent[@]}" --count many
try 2 buyer "order create" "${rent[@]}" --country atlantis
try 2 buyer "order create" --image tiny.iso
try 3 buyer "order create" "${rent[@]}" --image none.iso
try 7 buyer "order create" "${rent[@]}" --max-price 100000
try 0 buyer "order create" "${rent[@]}" --dry-run
try 2 buyer "recipe up" mandelbrot
try 2 buyer "recipe up" mandelbrot --max-price 0.000001 --user-data "$WORK/file"
try 3 buyer "recipe up" mpi --max-price 0.000001
is "$(find "$WORK/home/buyer/.local/state/cpushare/recipes" -type f)" "" "an order that is refused leaves no key"
try 0 buyer "recipe up" mandelbrot --max-price 0.000001 --count 2
is "$(jq -r '"\(.name) \(.count) \(.memory_mib) \(.duration_s) \(.key_file)"' <<<"$OUT")" "mandelbrot 2 160 600 null" "a recipe's order; what is said comes first"
try 0 buyer "order cancel" mandelbrot
try 0 buyer "recipe up" mpi --image tiny.iso --max-price 0.000001
key=$(jq -r .key_file <<<"$OUT")
is "$(stat -c %a "$key") $(ssh-keygen -y -f "$key" | cut -d' ' -f2)" "600 $(cut -d' ' -f2 "$key.pub")" "one that wants a key has one of its own"
is "$(sql "SELECT user_data FROM cpushare.order WHERE name = 'mpi'" | grep -cF "$(<"$key.pub")")" 1 "which its user-data lets in"
try 0 buyer "order cancel" mpi
try 8 buyer "order create" --image tiny.iso --max-price 0.000001 --name cheap --wait --timeout 1s
try 0 buyer "order cancel" cheap --wait
try 0 buyer "order create" "${rent[@]}" --name first --display vga --wait --timeout 300s
order=$(jq -r .id <<<"$OUT")
taken() { jq -se 'any(.event == "changed" and .offer.cores_free == 1)' "$WORK/offers"; }
ok "who watches the offers sees what is taken" within 20 taken
end $WATCH
try 0 buyer "order list"
try 0 buyer "order show" first
try 3 buyer "order show" nothing
try 0 buyer "order extend" first +30m
is "$(jq .duration_s <<<"$OUT")" 5400 "an order is extended by so much"
try 0 buyer "order extend" first 2h
try 2 buyer "order extend" first 1h
try 2 buyer "order extend" first soon
try 3 buyer "order extend" nothing 2h
try 0 buyer "order wait" first --for running --timeout 300s
try 8 buyer "order wait" first --timeout 1s
try 8 buyer "order watch" first --timeout 2s
is "$(jq -rs '.[0].event' <<<"$OUT")" order.created "events are one JSON object a line"
try 5 buyer "image delete" tiny.iso
try 0 buyer "node list" first
try 0 buyer "node show" first/vm1
try 3 buyer "node show" first/vm9
try 2 buyer "node show" vm1
try 0 buyer "node console" first/vm1
jq -e 'has("console")' <<<"$OUT" >/dev/null
_tap $? "the console is a text"
try 0 buyer "node screen" first/vm1 --file "$WORK/vm1.png"
is "$(file -b --mime-type "$WORK/vm1.png") $(jq -r .file <<<"$OUT")" "image/png $WORK/vm1.png" "the screen is a picture"
try 2 buyer "node screen" first/vm1
booted() { as buyer cpushare node console first/vm1 | grep -q 'cpushare-tiny: ready'; }
ok "it has booted" within 120 booted
printf 'echo $((6*7))typed\n' | as buyer cpushare node console first/vm1 --type >/dev/null
typed() { as buyer cpushare node console first/vm1 | grep -q 42typed; }
ok "what is piped into the console reaches its shell" within 60 typed
try 3 buyer "node reset" nothing/vm1
try 0 buyer "node reset" first/vm1
is "$(jq -r .state <<<"$OUT")" running "a VM starts anew"
again() { [ "$(as buyer cpushare node console first/vm1 | grep -c 'cpushare-tiny: ready')" = 2 ]; }
ok "and boots a second time" within 120 again
for pid in "$WORK"/desk/leases/*/net.pid; do
	tr '\0' ' ' <"/proc/$(<"$pid")/cmdline" | grep -q ' endpoint ' && TRIED["cpushare-seller endpoint"]=1
done

if [ -c /dev/net/tun ]; then
	as buyer cpushare net up first -o json -- sleep 120 >"$WORK/up.out" 2>"$WORK/up.err" </dev/null &
	up=$!
	cleanup "end $up"
	on_net() { as buyer cpushare net status first; }
	ok "the buyer joins the ethernet" within 30 on_net
	try 0 buyer "net status" first
	is "$(jq -r '.items[0].name' <<<"$OUT")" vm1 "its peers"
	direct() { as buyer cpushare net peers first -o json | jq -e '.items[0].path == "direct"'; }
	ok "which it reaches directly" within 30 direct
	try 0 buyer "net peers" first
	is "$(jq -c '.items[0] | [.why_not_direct, .kind != "", .loss_permille, .datagram_bytes >= 1200, .handshakes >= 1]' <<<"$OUT")" \
		'["none",true,0,true,true]' "and what is known of its path"
	try 0 buyer "net map" first
	told() { as buyer cpushare net map first -o json | jq -e '.paths | any(.from == "vm1" and .path == "direct" and .rtt_us > 0)'; }
	ok "where the VM's endpoint tells of its path too" within 40 told
	try 0 buyer "net netcheck"
	try 0 buyer "net ping" first --count 3 --interval 100ms
	is "$(jq -c '[(.items | length), (.items | all(.path == "direct" and .rtt_us > 0)), .peers[0].answered]' <<<"$OUT")" '[3,true,3]' \
		"pings say their time and their path"
	try 0 buyer "net ping" first/vm1 -c 1
	try 0 buyer "net capture" first --write "$WORK/first.pcapng" --seconds 1s
	try 2 buyer "net capture" first
	try 2 buyer "node exec" first true
	try 3 buyer "node exec" first/vm9 true
	try 11 buyer "node exec" first/vm1 true # tiny has no ssh server; tests/e2e/net.t sees it succeed
	TRIED["cpushare node exec"]=1
	try 3 buyer "net ping" first/vm9
	try 2 buyer "net ping" first --count 0
	try 5 buyer "net up" first
	try 0 buyer "net down" first
	wait $up
	is "$(cat "$WORK/up.out" "$WORK/up.err")" "" "nothing was printed"
	try 3 buyer "net down" first
	HOME=$WORK/home/buyer XDG_CONFIG_HOME='' XDG_STATE_HOME='' XDG_RUNTIME_DIR='' \
		timeout 60 cpushare net up first -o json -- sh -c 'exit 42' </dev/null >"$WORK/up.out" 2>&1
	is "$? $(<"$WORK/up.out")" "42 " "net up ends as its command did"
	TRIED["cpushare net up"]=1
else
	TRIED["cpushare net up"]=1 TRIED["cpushare net status"]=1 TRIED["cpushare net peers"]=1 TRIED["cpushare net ping"]=1 TRIED["cpushare net netcheck"]=1 TRIED["cpushare net map"]=1 TRIED["cpushare net capture"]=1 TRIED["cpushare net down"]=1 TRIED["cpushare node exec"]=1
fi

# ---- the owner's commands, and an order that ends badly ----
owner 0 selftest
owner 0 pause
owner 0 resume
charged() { [ "$(as buyer cpushare node show first/vm1 -o json | jq .charged_micro)" -gt 0 ]; }
ok "the VM is charged for" within 90 charged
try 2 buyer "node rate" first/vm1 excellent
try 0 buyer "node rate" first/vm1 good --comment fine
try 5 buyer "node rate" first/vm1 bad
owner 0 drain --now --wait
try 10 buyer "order wait" first --timeout 30s
try 10 buyer "order watch" first --timeout 30s
try 0 buyer "order receipt" "$order"
echo "$OUT" >"$WORK/receipt.json"
try 0 stranger verify "$WORK/receipt.json"
sed -i 's/"charged_micro": /&1/' "$WORK/receipt.json"
try 1 stranger verify "$WORK/receipt.json"
try 3 buyer "order receipt" nothing
try 0 buyer "node receipt" first/vm1
try 3 buyer "node receipt" $nobody
try 3 buyer "node dispute" first/vm1
try 0 buyer "node dispute" first/vm1 "it was slow"
try 5 buyer "node dispute" first/vm1 "it was slow"
try 0 buyer "order explain" first
try 3 buyer "order explain" nothing
try 0 seller "machine explain" desk
try 0 seller "offer explain" desk
try 3 seller "machine explain" nothing
try 3 seller "offer explain" nothing
lease=$(as buyer cpushare node show first/vm1 -o name)
operate 0 "dispute list"
is "$(jq -r '.items[0].lease' <<<"$OUT")" "$lease" "a dispute waits"
operate 0 "dispute show" "$lease"
operate 0 "dispute decide" "$lease" 0 "it was not"
operate 5 "dispute decide" "$lease" 0 "it was not"
operate 0 "ledger correct" "$lease" 0.000001 "a trifle"
operate 0 "user reset" seller@example.org
operate 3 "user reset" nobody@example.org
operate 0 "calibration fund" 0.01
operate 2 "calibration fund" -1
operate 0 "calibration list"
operate 3 "calibration run" $nobody
owner 0 resume
ok "it is online again" within 30 online
try 0 buyer "order create" "${rent[@]}" --name second --count 2 --wait --timeout 300s
try 0 buyer "node stop" second/vm2
try 3 buyer "node stop" second/vm3
stopped() { as buyer cpushare node show second/vm2 -o json | jq -e '.reason == "cancelled_by_buyer"'; }
ok "one VM of an order ends" within 60 stopped
is "$(as buyer cpushare node show second/vm1 -o json | jq -r .state)" running "and the other goes on"
try 5 buyer "node reset" second/vm2
try 0 buyer "order cancel" second --wait --timeout 300s
try 0 buyer "order wait" second
try 0 buyer "order watch" second

kill "$DESK" 2>/dev/null
wait "$DESK"
is $? 0 "the daemon ends with 0"
operate 0 "calibration run" "$MACHINE"
owner 0 calibrate
owner 7 calibrate # once a day
TRIED["cpushare-seller run"]=1
owner 6 pause
try 0 seller "machine retire" desk
try 3 seller "machine retire" $nobody
try 0 buyer logout
try 4 buyer whoami
end "$MARKET_PID"
try 6 seller whoami

missing=
for words in "${BUYER[@]}"; do [ -n "${TRIED["cpushare $words"]:-}" ] || missing+=" cpushare $words;"; done
TRIED["cpushare-market serve"]=1 # all along
for words in "${MARKET[@]}"; do [ -n "${TRIED["cpushare-market $words"]:-}" ] || missing+=" cpushare-market $words;"; done
for words in "${SELLER[@]}"; do [ -n "${TRIED["cpushare-seller $words"]:-}" ] || missing+=" cpushare-seller $words;"; done
is "$missing" "" "every command was seen to succeed"
done_testing
