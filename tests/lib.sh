# SPDX-License-Identifier: Apache-2.0
# lib.sh - what the shell tests share: TAP, clean-up, a market, users, sellers
#
# A test sources it, makes its claims with ok, is, like, and ends with done_testing. Everything that it starts lies under $WORK and is
# ended by pid when the test ends, however it ends.

set -u
TOP=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
BUILD=${CPUSHARE_BUILD:-$TOP/build}
export PATH="$BUILD/bin:$PATH" CPUSHARE_RESOURCES=
unset CPUSHARE_RESOURCES CPUSHARE_MARKET CPUSHARE_PIN CPUSHARE_TOKEN
TINY=${TINY:-$BUILD/images/tiny.iso}
PASSWORD=correct-horse-battery

# ---- TAP ----
TAP_N=0 TAP_FAILED=0
_tap() { # RESULT NAME
	TAP_N=$((TAP_N + 1))
	if [ "$1" = 0 ]; then echo "ok $TAP_N - $2"; else
		echo "not ok $TAP_N - $2"
		TAP_FAILED=1
		return 1
	fi
}
# ok NAME COMMAND...: passes where the command succeeds; its output is shown where it does not
ok() {
	local name=$1 rc
	shift
	"$@" >"$WORK/ok.out" 2>&1 # here, not in a subshell: the command may set variables and start processes
	rc=$?
	_tap $((rc != 0)) "$name" || { { echo "exit $rc from: $*" && tail -n 24 "$WORK/ok.out"; } | sed 's/^/#   /'; return 1; }
}
is() { # GOT WANT NAME
	[ "$1" = "$2" ]
	_tap $? "$3" || { printf '#   got  %q\n#   want %q\n' "$1" "$2"; return 1; }
}
isnt() { # GOT REFUSED NAME
	[ "$1" != "$2" ]
	_tap $? "$3" || { printf '#   got  %q\n' "$1"; return 1; }
}
like() { # GOT REGEX NAME
	[[ $1 =~ $2 ]]
	_tap $? "$3" || { sed 's/^/#   /' <<<"$1" | tail -n 25; printf '#   is not like %q\n' "$2"; return 1; }
}
note() { sed 's/^/# /' <<<"$*"; }
done_testing() {
	echo "1..$TAP_N"
	exit $TAP_FAILED
}
bail() {
	echo "Bail out! $*"
	exit 1
}
skip_all() {
	echo "1..0 # SKIP $*"
	exit 0
}

# ---- clean-up: the last thing registered goes first ----
CLEANUP=()
cleanup() { CLEANUP+=("$*"); }
_cleanup() {
	local i
	for ((i = ${#CLEANUP[@]} - 1; i >= 0; i--)); do eval "${CLEANUP[i]}" >/dev/null 2>&1; done
	[ -z "${KEEP:-}" ] && rm -rf --one-file-system "$WORK" # never what a test has mounted there
	true
}
WORK=$(mktemp -d "${TMPDIR:-/tmp}/cpushare-XXXXXX")
chmod 711 "$WORK" # guests' jails run as users of their own and must reach their lease's folder
trap _cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# end PID [SIGNAL]: ends a process that we started, and waits for it
end() {
	local pid=$1 i
	kill -"${2:-TERM}" "$pid" 2>/dev/null || return 0
	for ((i = 0; i < 100; i++)); do
		kill -0 "$pid" 2>/dev/null || break
		wait "$pid" 2>/dev/null && break
		sleep 0.1
	done
	kill -KILL "$pid" 2>/dev/null
	wait "$pid" 2>/dev/null
	true
}

# With -e, jq 1.6 is content where there is no input at all, as of a command that failed: here it is not.
jq() {
	local out
	[[ ${1-} == -e* ]] || { command jq "$@"; return; }
	out=$(command jq "$@") && [ -n "$out" ] && echo "$out"
}
# within SECONDS COMMAND...: tries until it succeeds
within() {
	local end_at=$((SECONDS + $1))
	shift
	until "$@" >/dev/null 2>&1; do
		[ $SECONDS -ge $end_at ] && return 1
		sleep 0.2
	done
}

free_port() {
	local port
	while :; do
		port=$((10000 + RANDOM % 22000)) # below those that connections get
		(exec 3<>/dev/tcp/127.0.0.1/$port) 2>/dev/null || break
	done
	echo $port
}

# ---- a market with its own database ----
# start_market [OPTION...]: sets MARKET_PID, MARKET_DATA, URL, PIN. IN=command runs it behind that (ip netns exec …).
start_market() {
	MARKET_DATA=${MARKET_DATA:-$WORK/market}
	MARKET_LISTEN=${MARKET_LISTEN:-127.0.0.1:$(free_port)}
	MARKET_OPTIONS=("$@")
	mkdir -p "$MARKET_DATA"
	restart_market || bail "the market does not start: $(tail -n 20 "$WORK/market.log")"
	cleanup 'end $MARKET_PID; stop_database'
	PIN=$(<"$MARKET_DATA/pin")
	URL=$(<"$MARKET_DATA/url")
}
# The market alone, on the same data and address: after it was killed.
restart_market() {
	rm -f "$MARKET_DATA/url"
	${IN:-} cpushare-market serve --data "$MARKET_DATA" --listen "$MARKET_LISTEN" --set timing.report_interval=500ms --set calibration.random=no \
		"${MARKET_OPTIONS[@]}" >>"$WORK/market.log" 2>&1 &
	MARKET_PID=$!
	within 60 market_answers
}
market_answers() { ${IN:-} curl -ksf -m 2 "$(<"$MARKET_DATA/url")/healthz"; }
# The database of a market that was killed goes on by itself.
stop_database() {
	local pid
	pid=$(head -n 1 "$MARKET_DATA/postgres/postmaster.pid" 2>/dev/null) || return 0
	end "$pid" INT
}
# sql STATEMENT: as the database's owner
sql() { psql -XAtq "$(market_uri)" -c "$1"; }
market_uri() { echo "host=$MARKET_DATA/run dbname=cpushare user=cpushare_owner"; }

# api METHOD PATH [JSON] [TOKEN] [HEADER...]: sets STATUS, BODY
api() {
	local method=$1 path=$2 body=${3:-} token=${4:-} args=() h
	shift $(($# < 4 ? $# : 4))
	[ -n "$body" ] && args+=(-H 'Content-Type: application/json' --data-binary "$body")
	[ -n "$token" ] && args+=(-H "Authorization: Bearer $token")
	for h; do args+=(-H "$h"); done
	STATUS=$(${IN:-} curl -ks -m 20 -X "$method" -o "$WORK/body" -w '%{http_code}' "${args[@]}" "$URL$path")
	BODY=$(tr -d '\0' <"$WORK/body")
}
key() { echo "Idempotency-Key: $(cat /proc/sys/kernel/random/uuid)"; }

# ---- users ----
# as USER COMMAND...: with that user's own configuration, and there where PLACE[USER] leads (ip netns exec …)
declare -A PLACE
as() {
	local user=$1
	shift
	mkdir -p "$WORK/home/$user"
	HOME=$WORK/home/$user XDG_CONFIG_HOME= XDG_STATE_HOME= XDG_RUNTIME_DIR= CPUSHARE_PASSWORD=$PASSWORD ${PLACE[$user]:-} "$@"
}
# new_user NAME: signs up; as NAME cpushare … then works
new_user() { as "$1" cpushare signup --market "$URL" --pin "$PIN" --email "$1@example.org" --name "$1"; }
user_token() { jq -r .token "$WORK/home/$1/.config/cpushare/credentials"; }
# The operator: signs up once, and may confirm deposits.
new_operator() {
	new_user operator && cpushare-market operator grant operator@example.org --data "$MARKET_DATA" &&
		as operator cpushare login --email operator@example.org
}
# add_funds USER AMOUNT
add_funds() {
	local deposit
	deposit=$(as "$1" cpushare funds add "$2" -o name) && as operator cpushare funds confirm "$deposit"
}

# ---- sellers ----
# new_seller NAME [SETUP-OPTION...]: an account, and a machine of that name; start_seller NAME runs its daemon
new_seller() {
	local name=$1
	shift
	new_user "$name" >/dev/null &&
		as "$name" cpushare token create --scope machines --name "$name" -o name >"$WORK/$name.token" &&
		as "$name" cpushare-seller setup --state "$WORK/$name" --market "$URL" --pin "$PIN" --token-file "$WORK/$name.token" --name "$name" \
			--accel tcg --cores 2 --memory 1G "$@" && equal_share "$name"
}
# equal_share NAME: its guests do not wait for every other program of the machine that tests
equal_share() { printf '[limits]\npriority = normal\n' >>"$WORK/$1/seller.conf"; }
start_seller() {
	local name=$1
	${PLACE[$name]:-${IN:-}} cpushare-seller run --state "$WORK/$name" >>"$WORK/$name.log" 2>&1 &
	printf -v "SELLER_PID_$name" %s $!
	cleanup "end \$SELLER_PID_$name; end_leases $name"
}
# Everything of a seller's that outlived its daemon.
end_leases() {
	local file
	for file in "$WORK/$1"/leases/*/vmrun.pid "$WORK/$1"/leases/*/net.pid; do
		[ -f "$file" ] && kill -KILL "$(<"$file")" 2>/dev/null
	done
	true
}
# ask_socket SOCKET REQUEST: what an endpoint (net.sock) or vmrun (vmrun.sock) answers
ask_socket() {
	perl -MSocket -e 'my ($s, $answer);
		socket($s, AF_UNIX, SOCK_SEQPACKET, 0) && connect($s, sockaddr_un($ARGV[0])) or exit 1;
		send($s, $ARGV[1], 0); recv($s, $answer, 200000, 0); print $answer' "$1" "$2"
}
