#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# measured.t - a real boot, measured: OVMF starts Linux with a TPM; the log that the firmware leaves makes the registers' values
. "$(dirname "$0")/../lib.sh"

kernel=$(find /boot -name 'vmlinuz-*-cloud-amd64' | sort -V | tail -n 1)
code=/usr/share/OVMF/OVMF_CODE_4M.fd
[ -r "$kernel" ] && [ -r "$code" ] || bail "no cloud kernel, or no OVMF"

# A guest that says what its TPM holds, and switches itself off.
mkdir -p "$WORK/root/bin" "$WORK/tpm"
cp /bin/busybox "$WORK/root/bin/busybox"
cat >"$WORK/root/init" <<'E2'
#!/bin/busybox sh
busybox mkdir -p /proc /sys /dev
busybox mount -t proc proc /proc
busybox mount -t sysfs sysfs /sys
busybox mount -t securityfs securityfs /sys/kernel/security
busybox mount -t devtmpfs devtmpfs /dev
{
	echo # behind what the firmware left on this line
	for n in 0 1 2 3 4 5 6 7 8 9 11 12 14; do echo "PCR $n $(busybox cat /sys/class/tpm/tpm0/pcr-sha256/$n)"; done
	busybox base64 /sys/kernel/security/tpm0/binary_bios_measurements | busybox sed 's/^/LOG /'
	echo END
} >/dev/ttyS0
busybox reboot -f
E2
chmod +x "$WORK/root/init"
(cd "$WORK/root" && find . | cpio -o -H newc --quiet) >"$WORK/initrd"
cp /usr/share/OVMF/OVMF_VARS_4M.fd "$WORK/vars.fd"
# One bank: the firmware hashes all that it loads for each, and is slow under emulation.
swtpm_setup --tpm2 --tpmstate "$WORK/tpm" --pcr-banks sha256 --overwrite >"$WORK/setup.log" 2>&1 || bail "$(<"$WORK/setup.log")"
swtpm socket --tpm2 --tpmstate dir="$WORK/tpm" --ctrl type=unixio,path="$WORK/tpm.sock" --flags startup-none >"$WORK/swtpm.log" 2>&1 &
cleanup "end $!"
within 10 test -S "$WORK/tpm.sock"
timeout 180 qemu-system-x86_64 -machine q35,accel=tcg -m 256 -display none -nodefaults -no-user-config -no-reboot \
	-drive if=pflash,format=raw,readonly=on,file="$code" -drive if=pflash,format=raw,file="$WORK/vars.fd" \
	-chardev socket,id=tpm,path="$WORK/tpm.sock" -tpmdev emulator,id=tpm0,chardev=tpm -device tpm-tis,tpmdev=tpm0 \
	-kernel "$kernel" -initrd "$WORK/initrd" -append "console=ttyS0 quiet no_timer_check" -serial file:"$WORK/console" >"$WORK/qemu.log" 2>&1
is $? 0 "a measured boot"
tr -d '\r' <"$WORK/console" | sed -n 's/^LOG //p' | base64 -d >"$WORK/log"
tr -d '\r' <"$WORK/console" | sed -n 's/^PCR //p' | tr A-F a-f >"$WORK/registers"
ok "the firmware left a log" test -s "$WORK/log"
cpushare trust log "$WORK/log" >"$WORK/told"
is $? 0 "it can be read"
isnt "$(grep -c "^event " "$WORK/told")" 0 "it has events"
# Registers that the log extends, as the log makes them and as the TPM holds them.
is "$(awk '$1 == "register" {print $2, $3}' "$WORK/told")" \
	"$(awk 'NR == FNR {if ($1 == "register") want[$2]; next} $1 in want' "$WORK/told" "$WORK/registers")" \
	"what it says makes the values that the TPM holds"
# Another reader of the same log sees the same events.
is "$(awk '$1 == "event" {print $2, $3}' "$WORK/told")" \
	"$(tpm2_eventlog "$WORK/log" 2>/dev/null | awk '/PCRIndex:/ {pcr = $2} /EventType:/ {type = $2} /AlgorithmId: sha256/ {want = 1} /Digest:/ && want {gsub(/"/, "", $2); if (type != "EV_NO_ACTION") print pcr, $2; want = 0}')" \
	"tpm2_eventlog reads the same"
done_testing
