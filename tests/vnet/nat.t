#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# nat.t - two endpoints behind every pair of NATs: directly where that can be, through the relay where not
#
# Each kind of NAT stands there twice, as a router with one host behind it, so that all pairs run at the same time.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/../nat.sh"

. "$(dirname "$0")/pairs.sh"

KINDS=(public full address port poison symmetric twice carrier)
sites "${KINDS[@]}"

# ---- the matrix ----
# From a NAT that maps each destination anew only the open ones can be reached. Those with "poison" become like it where a packet
# comes in before one went out, which openers with a low TTL prevent.
expected() {
	case "$1 $2" in
	*public* | *full* | *address*) echo direct ;;
	*symmetric* | *carrier*) echo relayed ;;
	*) echo direct ;;
	esac
}
begun=$SECONDS
for i in "${!KINDS[@]}"; do
	for ((j = i; j < ${#KINDS[@]}; j++)); do
		a=${KINDS[i]} b=${KINDS[j]} want=$(expected "${KINDS[i]}" "${KINDS[j]}")
		case $want in
		direct) pair "$a-$b" "$(left $a)" "$(right $b)" direct 2 3000 ;;
		relayed) pair "$a-$b" "$(left $a)" "$(right $b)" relayed 12 3000 ;;
		esac
		sleep 0.15
	done
done
for i in "${!KINDS[@]}"; do
	for ((j = i; j < ${#KINDS[@]}; j++)); do
		finished "${KINDS[i]}-${KINDS[j]}" "${KINDS[i]} and ${KINDS[j]}: $(expected "${KINDS[i]}" "${KINDS[j]}")"
	done
done
note "the matrix took $((SECONDS - begun)) s"
NAT_KIND=$(grep -ho 'mapping=[a-z]*' "$WORK/symmetric-symmetric.out" | sort -u)
is "$NAT_KIND" mapping=dependent "a symmetric NAT is told as one"
NAT_KIND=$(grep -ho 'mapping=[a-z]*' "$WORK/port-port.out" | sort -u)
is "$NAT_KIND" mapping=independent "and a port-restricted one as one of the others"

done_testing
