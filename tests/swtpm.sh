# SPDX-License-Identifier: Apache-2.0
# swtpm.sh - software TPMs with certificates of an authority of the test's own; sourced after lib.sh
#
# new_tpm NAME [CERTIFIED]: makes one, starts it, sets TPM_PID_NAME, TCTI_NAME. Certificates: $WORK/ca/root.pem, $WORK/ca/between.pem.

tpm_authority() {
	local ca=$WORK/ca
	[ -d "$ca" ] && return 0
	mkdir -p "$ca"
	cat >"$ca/localca.conf" <<-E
		statedir = $ca
		signingkey = $ca/signkey.pem
		issuercert = $ca/between.pem
		certserial = $ca/certserial
	E
	: >"$ca/options"
	cat >"$ca/setup.conf" <<-E
		create_certs_tool = /usr/bin/swtpm_localca
		create_certs_tool_config = $ca/localca.conf
		create_certs_tool_options = $ca/options
	E
}
new_tpm() { # NAME [--create-ek-cert]
	local name=$1 dir=$WORK/tpm-$1 port
	shift
	tpm_authority
	mkdir -p "$dir"
	swtpm_setup --tpm2 --tpmstate "$dir" "$@" --lock-nvram --config "$WORK/ca/setup.conf" --overwrite >"$dir.setup" 2>&1 ||
		bail "swtpm_setup: $(tail -n 5 "$dir.setup")"
	[ -f "$WORK/ca/root.pem" ] || cp "$WORK"/ca/swtpm-localca-rootca-cert.pem "$WORK/ca/root.pem" 2>/dev/null
	port=$(free_port)
	printf -v "TCTI_$name" 'swtpm:host=127.0.0.1,port=%s' "$port"
	printf -v "TPM_PORT_$name" %s "$port"
	start_tpm "$name"
}
start_tpm() { # starts it again: its clock and reset counter go on
	local name=$1 port tcti
	port=TPM_PORT_$name tcti=TCTI_$name
	swtpm socket --tpm2 --tpmstate dir="$WORK/tpm-$name" --server "type=tcp,port=${!port},bindaddr=127.0.0.1" \
		--ctrl "type=tcp,port=$((${!port} + 1)),bindaddr=127.0.0.1" --flags not-need-init,startup-clear >>"$WORK/tpm-$name.log" 2>&1 &
	printf -v "TPM_PID_$name" %s $!
	cleanup "end \$TPM_PID_$name"
	within 10 tpm2_getcap -T "${!tcti}" properties-fixed || bail "the TPM $name does not start: $(tail -n 3 "$WORK/tpm-$name.log")"
}
