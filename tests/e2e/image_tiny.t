#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# image_tiny.t - the tiny image and the canary, booted by QEMU under emulation
#
# TINY_ISO names a finished image; otherwise it is built. The VMs boot side by side; each waits for what its serial log says.
cd "$(dirname "$0")/../.." || exit 1
n=0 failed=0
ok() { # NAME COMMAND...: passes where the command does
	local name=$1
	shift
	n=$((n + 1))
	if "$@" >"$dir/said" 2>&1; then echo "ok $n - $name"; else
		failed=1
		echo "not ok $n - $name"
		sed 's/^/# /' "$dir/said"
	fi
}
dir=$(mktemp -d)
declare -A pid
cleanup() {
	kill "${pid[@]}" 2>/dev/null
	wait
	rm -rf "$dir"
}
trap cleanup EXIT

build=${CPUSHARE_BUILD:-$PWD/build}
tiny=${TINY_ISO:-$build/images/tiny.iso}
if [ -z "${TINY_ISO:-}" ]; then
	make --no-print-directory BUILD="$build" image-tiny >"$dir/make.log" 2>&1 || {
		sed 's/^/# /' "$dir/make.log"
		echo "Bail out! the tiny image does not build"
		exit 1
	}
fi

# start VM [QEMU'S ARGUMENTS]: with VM.serial (what is typed and said), VM.log (what was said) and VM.monitor. What is killed
# here is timeout, which passes the signal on to QEMU.
start() {
	local vm=$1
	shift
	: >"$dir/$vm.log"
	timeout -k 5 180 qemu-system-x86_64 -name "$vm" -machine q35,accel=tcg -m 160 -nodefaults -no-user-config -display none \
		-no-reboot -device virtio-scsi-pci,id=scsi \
		-drive "if=none,id=cd0,media=cdrom,readonly=on,format=raw,file=$tiny" -device scsi-cd,drive=cd0,bus=scsi.0,bootindex=0 \
		-chardev "socket,id=tty,path=$dir/$vm.serial,server=on,wait=off,logfile=$dir/$vm.log" -serial chardev:tty \
		-monitor "unix:$dir/$vm.monitor,server=on,wait=off" "$@" >"$dir/$vm.qemu" 2>&1 &
	pid[$vm]=$!
}
# seed VM: a NoCloud disc of $dir/VM.seed/, and QEMU's arguments for it in $seed.
seed() {
	xorriso -as mkisofs -quiet -V cidata -J -R -o "$dir/$1.cidata" "$dir/$1.seed" 2>/dev/null
	seed=(-drive "if=none,id=cd1,media=cdrom,readonly=on,format=raw,file=$dir/$1.cidata" -device scsi-cd,drive=cd1,bus=scsi.0)
}
# said VM REGEX [SECONDS [TIMES]]: the VM says a whole line like that (so often), now or soon.
said() {
	local end=$((SECONDS + ${3:-120}))
	until [ "$(tr -d '\r' <"$dir/$1.log" | grep -caxE "$2")" -ge "${4:-1}" ]; do
		if [ "$SECONDS" -ge "$end" ] || ! kill -0 "${pid[$1]}" 2>/dev/null; then
			tail -n 40 "$dir/$1.log" "$dir/$1.qemu"
			return 1
		fi
		sleep 0.1
	done
}
# gone VM [SECONDS]: QEMU ends, with status 0.
gone() {
	local end=$((SECONDS + ${2:-60}))
	while kill -0 "${pid[$1]}" 2>/dev/null; do
		[ "$SECONDS" -lt "$end" ] || return 1
		sleep 0.1
	done
	wait "${pid[$1]}"
}
monitor() { timeout 5 socat -t 0.5 - "unix:$dir/$1.monitor" <<<"$2"; }
# QEMU drops what a closing connection has not yet handed over, so one connection stays open for all that is typed.
keyboard() {
	mkfifo "$dir/$1.keys"
	exec {keys}<>"$dir/$1.keys"
	socat - "unix:$dir/$1.serial" <&"$keys" >/dev/null &
	pid[$1.keyboard]=$!
}
type_in() { echo "$1" >&"$keys"; }
# Asks at once, after a line that comes later than what must not have been said.
said_not() { ! tr -d '\r' <"$dir/$1.log" | grep -aE "$2"; }

# ---- the canary ----
images/canary/build.sh "$dir/canary.iso"
status_of_canary() {
	timeout 30 qemu-system-x86_64 -machine q35,accel=tcg -m 64 -nodefaults -no-user-config -display none \
		-device isa-debug-exit,iobase=0xf4,iosize=1 -cdrom "$dir/canary.iso"
	[ $? = 33 ]
}
ok "the canary is at most 400 kB" test "$(stat -c %s "$dir/canary.iso")" -le 400000
ok "the canary says over port 0xf4 that it ran" status_of_canary

# ---- the image as a file ----
ok "tiny.iso is at most 20 MiB" test "$(stat -c %s "$tiny")" -le $((20 << 20))
images/tiny/build.sh "$dir/again.iso" 2>"$dir/again.log" || sed 's/^/# /' "$dir/again.log"
ok "building it again gives the same bytes" cmp "$tiny" "$dir/again.iso"
rm -f "$dir/again.iso"

# ---- three VMs: with everything; with nothing; with the example's user-data ----
mkdir "$dir/full.seed" "$dir/tile.seed"
printf 'instance-id: i-0123\nlocal-hostname: vm1\n' >"$dir/full.seed/meta-data"
cat >"$dir/full.seed/user-data" <<'END'
#!/bin/sh
echo "sum $(seq 1000 | awk '{ s += $1 } END { print s }')"
echo "me $(id -u) $HOSTNAME $INSTANCE_ID"
head -c 16 /dev/random | wc -c
echo "resolver $(tr '\n' ' ' </etc/resolv.conf)"
ping -c 1 -W 5 10.9.0.2 >/dev/null && echo "ping ok"
ping -c 1 -W 5 vm1 >/dev/null && echo "own name ok"
echo hello >/tmp/hello
nc -l -p 9000 </tmp/hello &
for try in $(seq 50); do nc 127.0.0.1 9000 </dev/null && break; sleep 0.1; done
free | awk '/^Mem/ { print "available", ($7 > 60000 ? "enough" : $7) }'
exit 3
END
seed full
start full -cpu max -device virtio-rng-pci "${seed[@]}" \
	-netdev user,id=net,net=10.9.0.0/24,dhcpstart=10.9.0.77,dnssearch=lan.test -device virtio-net-pci,netdev=net

start bare -cpu qemu64

# A small picture with one point a pixel, in JSON's notation of meta-data.
printf '{"instance-id": "i-2", "local-hostname": "vm2"}\n' >"$dir/tile.seed/meta-data"
sed 's/@TILES@/3/; s/@WIDTH@/48/; s/@HEIGHT@/32/; s/@LIMIT@/60/; s/@SAMPLES@/1/' examples/mandelbrot/user-data \
	>"$dir/tile.seed/user-data"
seed tile
start tile -cpu qemu64 "${seed[@]}" -netdev user,id=net,hostfwd=tcp:127.0.0.1:0-:9000 -device virtio-net-pci,netdev=net

ok "ready with its name from the seed and its address from DHCP" said full 'cpushare-tiny: ready vm1 10\.9\.0\.77'
ok "user-data's status is reported" said full 'cpushare-tiny: user-data exit 3'
ok "user-data computed" said full 'sum 500500' 1
ok "user-data is root and knows its host and instance" said full 'me 0 vm1 i-0123' 1
ok "random bytes do not block" said full 16 1
ok "the resolver's search list and server came by DHCP" said full 'resolver search lan\.test nameserver 10\.9\.0\.3 ' 1
ok "the router answers" said full 'ping ok' 1
ok "its own name resolves" said full 'own name ok' 1
ok "a file is served by nc" said full hello 1
ok "60 MB of 160 are left to work with" said full 'available enough' 1
keyboard full
type_in 'echo typed $((6 * 7))'
ok "the console is a shell" said full 'typed 42'
type_in 'exit'
ok "the shell comes again after exit" said full 'BusyBox v.*' 60 2
type_in 'echo typed $((6 * 9))'
ok "and answers" said full 'typed 54'
ok "user-data ran once" test "$(grep -ac 'user-data exit' "$dir/full.log")" = 1
type_in 'echo c >/proc/sysrq-trigger'
ok "a panic ends the VM" gone full

ok "ready without seed and network" said bare 'cpushare-tiny: ready tiny no-address'
ok "nothing was run there" said_not bare user-data
monitor bare system_powerdown >/dev/null
ok "the power button switches it off" gone bare

ok "the example's tile is computed" said tile 'tile 2 done'
ok "its user-data ended well" said tile 'cpushare-tiny: user-data exit 0'
port=$(monitor tile 'info usernet' | awk '/HOST_FORWARD/ { print $4 }')
fetch() { timeout 20 socat -u "tcp:127.0.0.1:$port" "create:$dir/$1"; }
fetch one.ppm
fetch two.ppm
ok "it is served more than once" cmp "$dir/one.ppm" "$dir/two.ppm"
ok "join.sh takes it for a band" examples/mandelbrot/join.sh "$dir/one.ppm"
examples/mandelbrot/join.sh "$dir/one.ppm" "$dir/two.ppm" >"$dir/both.ppm"
ok "two bands are twice as high" test "$(sed -n 2p "$dir/both.ppm" | tr -d '\0')" = "48 22"
truncate -s -1 "$dir/two.ppm"
refuses() { ! examples/mandelbrot/join.sh "$@"; }
ok "join.sh refuses a cut band" refuses "$dir/one.ppm" "$dir/two.ppm"

# The black pixels are the set's: computed again here, rows 10 to 20 of 32, without the guest's shortcuts.
awk 'BEGIN {
	for (row = 10; row < 21; row++)
		for (column = 0; column < 48; column++) {
			cx = -2.55 + (column + 0.5) * 3.6 / 48
			cy = (16 - row - 0.5) * 3.6 / 48
			x = y = 0
			for (i = 0; i < 60 && x * x + y * y < 64; i++) {
				t = x * x - y * y + cx
				y = 2 * x * y + cy
				x = t
			}
			printf "%d", x * x + y * y < 64
		}
	print ""
}' >"$dir/want"
tail -n +4 "$dir/one.ppm" | od -An -v -tu1 -w3 | awk '{ printf "%d", $1 + $2 + $3 == 0 } END { print "" }' >"$dir/got"
ok "its black pixels are the Mandelbrot set" cmp "$dir/want" "$dir/got"
ok "the set is neither none nor all of the picture" grep -q '0.*1.*0' "$dir/want"

echo "1..$n"
exit $failed
