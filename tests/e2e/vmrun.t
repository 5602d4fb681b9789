#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# vmrun.t - cpushare-vmrun runs real machines in their jails: boots, counts, pauses, ends, and leaves nothing
#
# As root each check runs twice: once where vmrun is started by root and gives itself an unprivileged uid, once where a plain
# user starts it. Otherwise only the second.
cd "$(dirname "$0")/../.." || exit 1
BUILD=${BUILD:-build}
vmrun=$PWD/$BUILD/bin/cpushare-vmrun
tiny=$PWD/$BUILD/images/tiny.iso
for program in socat jq xorriso bwrap qemu-system-x86_64 setpriv; do
	command -v "$program" >/dev/null || {
		echo "1..0 # SKIP $program is not installed"
		exit 0
	}
done
[ -x "$vmrun" ] || make -s BUILD="$BUILD" "$BUILD/bin/cpushare-vmrun" >&2 || exit 1
[ -r "$tiny" ] || make -s BUILD="$BUILD" "$BUILD/images/tiny.iso" >&2 || exit 1

n=0 failed=0
ok() { # STATUS NAME
	n=$((n + 1))
	if [ "$1" = 0 ]; then echo "ok $n - $mode: $2"; else
		echo "not ok $n - $mode: $2"
		failed=1
	fi
}
try() { # NAME COMMAND...
	local name=$1
	shift
	"$@"
	ok $? "$name"
}
is() { # NAME GOT WANT
	[ "$2" = "$3" ]
	ok $? "$1"
	[ "$2" = "$3" ] || echo "# got '$2', want '$3'"
}
within() { # SECONDS COMMAND...: polls until it succeeds
	local end=$((SECONDS + $1))
	shift
	until "$@"; do
		[ $SECONDS -lt $end ] || return 1
		sleep 0.2
	done
}

work=$(mktemp -d)
cleanup() {
	local pid_file
	for pid_file in "$work"/*/*/vmrun.pid; do
		[ -r "$pid_file" ] && kill -9 "$(cat "$pid_file")" 2>/dev/null
	done
	rm -rf "$work"
}
trap cleanup EXIT

# The lease's directories lie below one that only the starter can enter, as the daemon's do.
set_mode() {
	mode=$1
	state=$work/${mode// /-}
	mkdir -m 0700 "$state"
	case $mode in
	"by root") start_as=() lease_uid=64997 jail_uid=64997 ;;
	"by a user")
		lease_uid=0
		if [ "$(id -u)" = 0 ]; then
			start_as=(setpriv --reuid 64998 --regid 64998 --clear-groups) jail_uid=64998
			chmod 0711 "$work"
			chown 64998:64998 "$state"
		else
			start_as=() jail_uid=$(id -u)
		fi
		;;
	esac
}
lease() { # NAME IMAGE [USER-DATA]: makes $state/NAME
	dir=$state/$1
	mkdir -m 0700 "$dir" "$dir/seed"
	cp "$2" "$dir/image.iso"
	printf 'instance-id: %s\nlocal-hostname: %s\n' "$1" "$1" >"$dir/seed/meta-data"
	printf '#!/bin/sh\n%s\n' "${3:-:}" >"$dir/seed/user-data"
	xorriso -as mkisofs -quiet -V cidata -o "$dir/cidata.iso" "$dir/seed" 2>/dev/null
	chmod 0644 "$dir"/*.iso
	cat >"$dir/vm.json" <<-END
		{ "lease": "0193f0a0-1111-7222-8333-444455556666", "name": "$1", "cores": 1, "memory_mib": 160,
		  "mac": "52:54:00:12:34:56", "accel": "tcg", "uid": $lease_uid, "cdrom_bus": "scsi", "port": "dgram" }
	END
	[ "${#start_as[@]}" = 0 ] || chown -R 64998:64998 "$dir"
}
start() { # NAME
	"${start_as[@]}" setsid "$vmrun" "$state/$1" >"$work/$1.log" 2>&1 &
	disown
	within 20 test -S "$state/$1/vmrun.sock"
}
ask() { # NAME REQUEST
	printf '%s' "$2" | timeout 15 socat -t 12 -b 200000 - "UNIX-CONNECT:$state/$1/vmrun.sock,type=5" 2>/dev/null
}
field() { # NAME FIELD [ASK]
	ask "$1" "{\"ask\":\"${3:-status}\"}" | jq -r ".$2"
}
console() { ask "$1" '{"ask":"console","from":0,"max":100000}' | jq -r .data | base64 -d | tr -d '\r'; }
says() { console "$1" | grep -q "$2"; }
in_state() { [ "$(field "$1" state)" = "$2" ]; }
more_than() { [ "$(field "$1" "$2")" -gt "$3" ] 2>/dev/null; }
# The process that runs this lease's QEMU: the descendants of its vmrun.
descendants() {
	local child
	for child in $(cat /proc/"$1"/task/*/children 2>/dev/null); do
		echo "$child"
		descendants "$child"
	done
}
outer() { cat "$state/$1/vmrun.pid"; }
named() { # NAME COMM: the descendant of that name
	local pid
	for pid in $(descendants "$(outer "$1")"); do
		[ "$(cat "/proc/$pid/comm" 2>/dev/null)" != "$2" ] || echo "$pid"
	done
}
qemu() { named "$1" qemu-system-x86; }
gone() { # PID...: none lives (a dead child of a slow init does not count)
	local pid
	for pid; do
		case $(sed 's/.*) //' "/proc/$pid/stat" 2>/dev/null) in '' | Z* | X*) ;; *) return 1 ;; esac
	done
}
status_of() { sed -n "s/^$2:[[:space:]]*//p" "/proc/$1/status" | tr '\t' ' '; }

check_jail() { # NAME
	local pid inside process
	pid=$(qemu "$1")
	inside=$(named "$1" vmrun-inside)
	try "QEMU is a descendant of vmrun" test -n "$pid"
	for process in "$pid" "$inside" "$(outer "$1")"; do
		local what=QEMU
		[ "$process" != "$inside" ] || what="the inside"
		[ "$process" != "$(outer "$1")" ] || what="the outer process"
		is "$what has the lease's uid" "$(status_of "$process" Uid)" "$jail_uid $jail_uid $jail_uid $jail_uid"
		is "$what cannot gain privileges" "$(status_of "$process" NoNewPrivs)" 1
		is "$what has no capability" "$(status_of "$process" CapEff)" 0000000000000000
		is "$what is filtered" "$(status_of "$process" Seccomp)" 2
		is "$what has two filters" "$(status_of "$process" Seccomp_filters)" 2
		[ "$what" != "the outer process" ] || continue
		is "$what is the first victim where memory runs out" "$(cat "/proc/$process/oom_score_adj")" 1000
		is "$what can never have a capability" "$(status_of "$process" CapBnd)" 0000000000000000
		is "$what dumps no core" "$(awk '/^Max core file size/ {print $6}' "/proc/$process/limits")" 0
		for namespace in user net pid ipc uts cgroup mnt; do
			[ "$(readlink "/proc/$process/ns/$namespace")" != "$(readlink "/proc/self/ns/$namespace")" ]
			ok $? "$what has its own $namespace namespace"
		done
	done
	is "its network has only lo" "$(awk -F: 'NR > 2 {print $1}' "/proc/$pid/net/dev" | tr -d ' ')" lo
	is "it cannot see /dev/kvm" "$(ls "/proc/$pid/root/dev/kvm" 2>/dev/null)" ""
	is "it sees no home" "$(ls -d "/proc/$pid/root/"{root,home,var,srv,run} 2>/dev/null)" ""
	is "only its own places can be written" \
		"$(awk '$6 ~ /^rw/ && $5 !~ /^\/(dev|proc)/ {print $5}' "/proc/$pid/mountinfo" | sort | tr '\n' ' ')" "/lease/net /lease/state /tmp "
	is "every system call filter is on every thread" "$(cat /proc/"$pid"/task/*/status | sed -n 's/^Seccomp:\t//p' | sort -u)" 2
	try "its lowest rank is its own scheduling group's" within 20 ranks_lowest "$pid"
}

ranks_lowest() { [ "$(sed 's/.*nice //' "/proc/$1/autogroup" 2>/dev/null || echo 19)" = 19 ]; }

boots_and_counts() {
	local sum before after
	lease vm1 "$tiny" 'echo "user-data ran" >/dev/console; while :; do :; done'
	sum=$(sha256sum <"$dir/image.iso")
	lease off "$tiny" 'poweroff'
	start vm1
	start off
	try "it runs within two minutes" within 120 in_state vm1 running
	check_jail vm1
	try "the guest boots" within 600 says vm1 'cpushare-tiny: ready vm1'
	try "the second disc is its seed" within 120 says vm1 'user-data ran'
	try "the BIOS is to be seen too" says vm1 SeaBIOS
	is "console.log has it" "$(tr -d '\r' <"$dir/../vm1/console.log")" "$(console vm1)"
	before=$(field vm1 vcpu_ns)
	try "the vCPU's time grows" within 20 more_than vm1 vcpu_ns $((before + 200000000))
	after=$(ask vm1 '{"ask":"status"}' | jq '.vcpu_ns <= .running_us * 1000 * .cores')
	is "but not faster than the clock" "$after" true

	is "it pauses" "$(field vm1 state pause)" paused
	before=$(field vm1 '| "\(.vcpu_ns) \(.running_us)"')
	sleep 1
	is "a paused one's counters stand still" "$(field vm1 '| "\(.vcpu_ns) \(.running_us)"')" "$before"
	is "pausing twice is pausing" "$(field vm1 state pause)" paused
	is "it resumes" "$(field vm1 state resume)" running
	try "its counters go on" within 20 more_than vm1 vcpu_ns $((${before% *} + 100000000))

	throttles vm1
	holds vm1
	refuses_nonsense vm1
	console_in_parts vm1
	try "a guest that switches itself off ends" within 300 in_state off ended
	is "as completed" "$(field off reason)" completed
	try "its QEMU is gone" test -z "$(qemu off)"
	try "its vmrun stays" more_than off vcpu_ns 0
	is "stopping what has ended changes nothing" "$(ask off '{"ask":"stop","reason":"expired"}' | jq -r .reason)" completed
	quits off
	resets vm1
	ends vm1
	is "the image is as it was" "$(sha256sum <"$state/vm1/image.iso")" "$sum"
}

# The BIOS says its name at each start; by then the guest of before says nothing more.
resets() { # NAME
	twice() { [ "$(console "$1" | grep -c SeaBIOS)" = "$2" ]; }
	ask "$1" '{"ask":"pause"}' >/dev/null
	is "a paused one does not start anew" "$(ask "$1" '{"ask":"reset","number":1}' | jq .resets)" 0
	ask "$1" '{"ask":"resume"}' >/dev/null
	started_anew() { [ "$(ask "$1" '{"ask":"reset","number":2}' | jq .resets)" = 2 ]; } # it is said again until it runs again
	try "a running one does" within 60 started_anew "$1"
	try "from its BIOS on" within 300 twice "$1" 2
	is "what was asked for before is done" "$(ask "$1" '{"ask":"reset","number":2}' | jq .resets)" 2
	ask "$1" '{"ask":"throttle","percent":10}' >/dev/null
	is "so does one that is throttled" "$(ask "$1" '{"ask":"reset","number":3}' | jq .resets)" 3
	ask "$1" '{"ask":"throttle","percent":100}' >/dev/null
	try "once for each time" within 300 twice "$1" 3
	is "it runs on" "$(field "$1" state)" running
	like_error "a reset without a number is refused" "$(ask "$1" '{"ask":"reset"}')"
	like_error "and number 0" "$(ask "$1" '{"ask":"reset","number":0}')"
}
# However fast the host is, a throttled machine has no more of it than its part; the stopped time is the bound.
throttles() { # NAME
	local before after
	is "it is throttled" "$(ask "$1" '{"ask":"throttle","percent":10}' | jq .throttle_percent)" 10
	before=$(field "$1" '| "\(.vcpu_ns) \(.running_us)"')
	sleep 2
	after=$(field "$1" '| "\(.vcpu_ns) \(.running_us)"')
	try "it has a tenth of the time, and never a third" \
		test $(((${after% *} - ${before% *}) / 10)) -lt $(((${after#* } - ${before#* }) * 33))
	try "it still works" more_than "$1" vcpu_ns "${before% *}"
	is "a throttled one pauses" "$(field "$1" state pause)" paused
	is "and goes on" "$(field "$1" state resume)" running
	is "it is throttled no more" "$(ask "$1" '{"ask":"throttle","percent":100}' | jq .throttle_percent)" 100
	like_error "more than all is refused" "$(ask "$1" '{"ask":"throttle","percent":101}')"
	like_error "so is nothing" "$(ask "$1" '{"ask":"throttle","percent":0}')"
	like_error "and no number" "$(ask "$1" '{"ask":"throttle"}')"
}
like_error() { # NAME ANSWER
	[[ $2 == *'"error"'* ]]
	ok $? "$1"
}

# Where the inside does not answer, as where a captured QEMU keeps it waiting, the pause comes by signal.
holds() {
	local inside before
	inside=$(named "$1" vmrun-inside)
	kill -STOP "$inside"
	is "it pauses even where the jail does not answer" "$(field "$1" state pause)" paused
	before=$(field "$1" vcpu_ns)
	sleep 0.5
	is "and stands still" "$(field "$1" vcpu_ns)" "$before"
	kill -CONT "$(qemu "$1")"
	try "somebody lets it run: it is stopped again" within 20 stopped_again "$1"
	is "and lives" "$(field "$1" state)" paused
	before=$(field "$1" vcpu_ns)
	kill -CONT "$inside"
	is "it resumes" "$(field "$1" state resume)" running
	try "and runs" within 20 more_than "$1" vcpu_ns $((before + 50000000))
}

let_run() { # NAME: until it is ended
	kill -CONT "$(qemu "$1")" 2>/dev/null
	in_state "$1" ended
}
stopped_again() { # NAME
	[[ "$(<"/proc/$(qemu "$1")/stat")" == *") T "* ]]
}

refuses_nonsense() {
	local request
	for request in '{"ask":"reboot"}' '{}' '{"ask":"status","more":1}' '{"ask":"stop"}' '{"ask":"stop","reason":"a b<c>"}' \
		'{"ask":"console","from":-1,"max":1}' '{"ask":"type","from":0,"data":"!"}' '{"ask":"type","from":-1,"data":""}' '{"ask":"type","data":"eA=="}' '{"ask":"console","from":0}' '{"ask":7}'; do
		try "refused: $request" test -n "$(ask "$1" "$request" | jq -r '.error // empty')"
	done
	is "no JSON is no request" "$(ask "$1" 'status')" ""
	is "it still runs" "$(field "$1" state)" running
}

console_in_parts() {
	local end
	end=$(field "$1" console_bytes)
	is "a part of the console has the size that was asked for" \
		"$(ask "$1" '{"ask":"console","from":10,"max":20}' | jq -r '"\(.from) \(.data | @base64d | length)"')" "10 20"
	is "from its end on there is nothing" "$(ask "$1" "{\"ask\":\"console\",\"from\":$end,\"max\":5}" | jq -r .data)" ""
	is "what is typed is counted" "$(ask "$1" "{\"ask\":\"type\",\"from\":0,\"data\":\"$(printf typed- | base64)\"}" | jq .typed)" 6
	is "what was typed already is not typed again" "$(ask "$1" "{\"ask\":\"type\",\"from\":3,\"data\":\"$(printf ed-once | base64)\"}" | jq .typed)" 10
	try "the guest's terminal echoes it" within 60 says "$1" 'typed-once'
}

quits() {
	local pid
	pid=$(outer "$1")
	is "it quits" "$(ask "$1" '{"ask":"quit"}')" "{}"
	try "and is gone" within 10 gone "$pid"
	is "no mount is left" "$(grep -F "$state/$1" /proc/self/mountinfo)" ""
}

ends() {
	local pids before
	pids="$(qemu "$1") $(descendants "$(outer "$1")")"
	before=$(field "$1" vcpu_ns)
	is "it stops with the given reason" "$(ask "$1" '{"ask":"stop","reason":"cancelled_by_buyer"}' | jq -r '"\(.state) \(.reason)"')" \
		"ended cancelled_by_buyer"
	# shellcheck disable=SC2086 # a list
	try "nothing of the jail is left" within 20 gone $pids
	try "the counters are kept" test "$(field "$1" vcpu_ns)" -ge "$before"
	is "a pause changes nothing now" "$(field "$1" state pause)" ended
	try "the console can still be read" says "$1" 'user-data ran'
	quits "$1"
}

dies() {
	local pids pid
	lease mort "$tiny"
	start mort
	try "another one runs" within 120 in_state mort running
	"${start_as[@]}" "$vmrun" "$state/mort" 2>/dev/null
	is "a second vmrun for the same lease refuses" $? 1
	is "the first one is not disturbed" "$(field mort state)" running
	pid=$(outer mort)
	pids=$(descendants "$pid")
	kill -9 "$pid"
	# shellcheck disable=SC2086 # a list
	try "kill -9 of vmrun ends the jail" within 20 gone $pids

	start mort
	try "it starts once more" within 120 more_than mort vcpu_ns 0
	kill -STOP "$(named mort vmrun-inside)"
	is "it is held" "$(field mort state pause)" paused
	try "a machine that runs again and again while it is held is ended" within 60 let_run mort
	is "and that is told" "$(field mort detail)" "the machine ran while it was held"
	quits mort

	start mort
	try "it starts again over what was left" within 120 in_state mort running
	kill -9 "$(qemu mort)"
	try "QEMU's death is noticed" within 20 in_state mort ended
	is "and told" "$(field mort '| "\(.reason) \(.detail[:20])"')" "boot_failed QEMU ended by itself"
	quits mort
}

breaks() {
	local name
	head -c 70000 "$tiny" >"$work/cut.iso"
	head -c 300000 /dev/urandom >"$work/junk.iso"
	: >"$work/empty.iso"
	for name in cut junk empty; do
		lease "$name" "$work/$name.iso"
		start "$name"
		try "an image that is $name does no harm" within 120 more_than "$name" console_bytes 100
		quits "$name"
	done
	lease none "$tiny"
	rm "$dir/image.iso"
	start none
	try "without an image it ends" within 10 in_state none ended
	is "as boot_failed" "$(field none reason)" boot_failed
	quits none
	lease link "$tiny"
	mv "$dir/image.iso" "$dir/real.iso"
	mkdir "$dir/image.iso"
	start link
	try "where the image is no file it ends" within 10 in_state link ended
	quits link
	lease uid "$tiny"
	sed -i "s/\"uid\": [0-9]*/\"uid\": $((lease_uid ? 0 : 64998))/" "$dir/vm.json"
	start uid
	try "a wrong uid is refused" within 10 in_state uid ended
	quits uid
	lease json "$tiny"
	echo '{"lease":"x"}' >"$dir/vm.json"
	"${start_as[@]}" "$vmrun" "$dir" 2>/dev/null
	is "a bad vm.json is refused" $? 1
}

modes=("by a user")
[ "$(id -u)" != 0 ] || modes=("by root" "by a user")
for m in "${modes[@]}"; do
	set_mode "$m"
	boots_and_counts
	dies
	breaks
done
echo 1..$n
exit $failed
