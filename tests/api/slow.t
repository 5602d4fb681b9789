#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# slow.t - thousands of connections that say nothing, clients of a byte a second, noise in the place of TLS: the market goes on answering
# the others, closes these in time, and its memory stays bounded
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/machine.sh"

IDLE=${IDLE:-2000}
[ "$(ulimit -Hn)" -ge $((2 * IDLE)) ] || skip_all "not so many descriptors"
ulimit -n "$(ulimit -Hn)"
export ASAN_OPTIONS=${ASAN_OPTIONS:+$ASAN_OPTIONS:}quarantine_size_mb=1 # a sanitized market keeps what it freed, which is no loss
start_market --set limits.signups_burst=1000 --set limits.connections=8192 --set limits.connections_per_address=8192 \
	--set limits.connection_timeout=2s --set limits.strangers_burst=100000
PORT=${URL##*:}
resident_kib() { awk '/^VmRSS/ { print $2 }' "/proc/$MARKET_PID/status"; }
served() { # N: so many requests, each on a connection of its own
	local i
	for ((i = 0; i < $1; i++)); do curl -ksf -m 10 -o /dev/null "$URL/v1/market" || return 1; done
}
# crowd PORT COUNT WAY: opens COUNT connections, says "open", does to them what WAY says every second; ends when all are closed by the market,
# and says how many answers it saw. WAY: silent; or the name of a file with what is sent a byte a second
cat >"$WORK/crowd" <<'END'
use strict; use IO::Socket::INET; use IO::Select; use Time::HiRes 'time';
my ($port, $count, $file) = @ARGV;
my $text = ''; if ($file ne 'silent') { local $/; open my $f, '<', $file or die; $text = <$f>; }
my $all = IO::Select->new; my %sent; my $answers = 0;
for (1 .. $count) {
	my $s = IO::Socket::INET->new(PeerAddr => "127.0.0.1:$port", Timeout => 10) or next;
	$s->blocking(0); $sent{$s} = 0; $all->add($s);
}
$SIG{PIPE} = 'IGNORE'; $| = 1; print "open ", $all->count, "\n";
my $next = time;
while ($all->count) {
	for my $s ($all->can_read(0.2)) {
		my $n = sysread $s, my $data, 4096;
		$answers++ if $n && $data =~ /^HTTP/;
		$all->remove($s), close $s unless $n;
	}
	next if time < $next; $next = time + 1;
	for my $s ($all->handles) { syswrite $s, substr $text, $sent{$s}++ % (length($text) || 1), 1 if $text ne ''; }
}
print "closed $answers\n";
END
crowd() { # NAME PORT COUNT WAY
	perl "$WORK/crowd" "$2" "$3" "$4" >"$WORK/$1" 2>&1 &
	CROWD_PID=$!
	cleanup "end $CROWD_PID"
	within 60 grep -q ^open "$WORK/$1"
}
closed() { grep -q ^closed "$WORK/$1"; }

note "silent"
served 5
before=$(resident_kib)
crowd idle "$PORT" "$IDLE" silent
is "$(head -n 1 "$WORK/idle")" "open $IDLE" "$IDLE connections that say nothing"
ok "others are served" served 10
grown=$((($(resident_kib) - before) / IDLE))
ok "all of them are closed in time" within 60 closed idle
note "$grown KiB each"
ok "and cost no more than 100 KiB each" [ "$grown" -le 100 ]
crowd idle "$PORT" "$IDLE" silent
ok "again" within 60 closed idle
ok "nothing is lost by it" [ $((($(resident_kib) - before) / IDLE)) -le $((grown + 20)) ]

note "noise in the place of TLS"
head -c 64 /dev/urandom >"$WORK/noise"
crowd noise "$PORT" 300 "$WORK/noise"
printf '\x16\x03\x01\x40\x00\x01\x00\x3f\xfc\x03\x03' >"$WORK/hello" # a ClientHello of 16 KiB, which never ends
head -c 16384 /dev/zero >>"$WORK/hello"
crowd hello "$PORT" 300 "$WORK/hello"
ok "others are served" served 10
ok "noise is closed" within 60 closed noise
ok "so is a handshake of a byte a second" within 60 closed hello
served_by_openssl() { printf 'GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n' | timeout 20 openssl s_client -quiet -connect "127.0.0.1:$PORT" 2>/dev/null | grep -q '200 OK'; }
ok "a handshake goes through" served_by_openssl

note "a byte a second"
connections() { curl -s "$URL/metrics" | awk '/^cpushare_connections/ { print $2 }'; }
end "$MARKET_PID"
MARKET_OPTIONS+=(--http)
restart_market || bail "no market"
URL=$(<"$MARKET_DATA/url")
PORT=${URL##*:}
new_buyer buyer 1000000
printf 'GET /v1/market HTTP/1.1\r\nHost: x\r\nX-Long: %s\r\n' "$(head -c 3000 /dev/zero | tr '\0' a)" >"$WORK/head"
crowd head "$PORT" 100 "$WORK/head"
ok "others are served while heads trickle in" served 10
# The head at once, and then the body.
cat >"$WORK/trickle" <<'END'
use strict; use IO::Socket::INET; use Time::HiRes qw(time sleep);
my ($port, $token, $way) = @ARGV; $SIG{PIPE} = 'IGNORE';
my $s = IO::Socket::INET->new(PeerAddr => "127.0.0.1:$port") or die;
my $began = time;
if ($way eq 'body') {
	print $s "POST /v1/orders HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer $token\r\nIdempotency-Key: trickle-1\r\n",
		"Content-Type: application/json\r\nContent-Length: 3000\r\n\r\n";
	while (time - $began < 60) { last unless syswrite $s, '{'; $s->blocking(0); my $n = sysread $s, my $d, 100; last if defined $n; $s->blocking(1); sleep 1; }
} else { # asks for much, again and again, and reads a byte a second of it
	setsockopt $s, SOL_SOCKET, SO_RCVBUF, pack 'i', 4096;
	$s->blocking(0);
	my $asked = "GET /v1/openapi.json HTTP/1.1\r\nHost: x\r\n\r\n" x 40;
	while (time - $began < 60) {
		if (length $asked) { my $n = syswrite $s, $asked; substr $asked, 0, $n, '' if $n; }
		my $n = sysread $s, my $d, 1; last if defined $n && $n == 0 or !defined $n && !$!{EAGAIN};
		sleep 1;
	}
}
printf "cut after %.0f s\n", time - $began;
END
perl "$WORK/trickle" "$PORT" "$TOKEN" body >"$WORK/body.trickle" &
BODY_PID=$!
perl "$WORK/trickle" "$PORT" "$TOKEN" answer >"$WORK/answer.trickle" &
ANSWER_PID=$!
cleanup "end $BODY_PID; end $ANSWER_PID"
ok "and bodies, and while answers trickle out" served 10
ok "who does not read is there" [ "$(connections)" -gt 1 ]
ok "heads are closed" within 60 closed head
is "$(tail -n 1 "$WORK/head")" 'closed 0' "and get no answer"
wait $BODY_PID
like "$(<"$WORK/body.trickle")" '^cut after ([0-9]|[1-4][0-9]) s' "a body is cut off"
alone() { [ "$(connections)" = 1 ]; } # our own
ok "so is who does not read" within 60 alone
ok "others are served" served 5
done_testing
