#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# layout.t - the house rules that a grep can check
cd "$(dirname "$0")/../.." || exit 1
n=0 failed=0
# none NAME OUTPUT: passes where OUTPUT is empty
none() {
	n=$((n + 1))
	if [ -z "$2" ]; then echo "ok $n - $1"; else
		echo "not ok $n - $1"
		failed=1
		sed 's/^/# /' <<<"$2"
	fi
}
files() { git ls-files "$@" ':!*/vendor/*'; } # what others wrote obeys their rules
only_in() { # LIBRARY HEADER-REGEX ALLOWED-REGEX
	none "$1 stays in its folder" "$(files '*.c' '*.h' | grep -vE "$3" | xargs -r grep -lE "#include <($2)" || true)"
}
only_in libpq 'libpq-fe|postgres' '^market/store/|^tests/'
only_in libvirt libvirt/ '^seller/vm/|^tests/'
only_in seccomp seccomp '^seller/vm/|^tests/'
only_in libcurl curl/ '^protocol/|^market/(pay|mail|http)/|^tests/'
only_in libqrencode qrencode '^market/factors.c$'
only_in libsystemd 'systemd/sd-' '^seller/desktop.c$|^tests/'
only_in smartcols libsmartcols '^buyer-cli/'
none "only clock.c reads a clock" "$(files '*.c' '*.h' | grep -vE '^base/(clock|log)\.c$|^tests/' | xargs -r grep -nE '\b(clock_gettime|gettimeofday|time)\((NULL|CLOCK|&)' || true)"
none "nothing waits by the clock that people set" "$(files '*.c' '*.h' | grep -vE '^base/clock\.c$|^tests/' | xargs -r grep -nE 'CLOCK_REALTIME|\b(pthread_cond_timedwait|pthread_mutex_timedlock|sem_timedwait) *\(' || true)"
none "nor measures by it" "$(files '*.c' | grep -vE '^tests/|^seller/cache.c$' | xargs -r grep -nE '[^=]- *clock_wall\(\)|clock_wall\(\)\.us( / [A-Z_]+)? *-' || true)"
none "SQL only in db/ and market/store/" "$(files '*.c' | grep -vE '^market/store/|^tests/' | xargs -r grep -nE '"(SELECT|INSERT INTO|UPDATE|DELETE FROM) ' || true)"
none "no include climbs out of its folder" "$(files '*.c' '*.h' | xargs -r grep -nE '#include "\.\./' || true)"
none "every C file, script and SQL file opens with its licence" "$(files '*.c' '*.h' '*.sql' '*.js' '*.t' '*.sh' | while read -r f; do head -n 3 "$f" | grep -q 'SPDX-License-Identifier: Apache-2.0' || echo "$f"; done)"
none "no file is longer than 800 lines" "$(files '*.c' '*.h' '*.js' '*.sh' '*.t' | xargs -r wc -l | awk '$2 != "total" && $1 > 800 {print $2 ": " $1}')"
none "no file is named for nothing" "$(files | grep -E '(^|/)(utils?|misc|common|helpers?)\.(c|h|js|sh)$' || true)"
none "nothing says of itself that it is unfinished" "$(files '*.c' '*.h' '*.sql' '*.js' '*.sh' '*.t' | grep -v '^tests/lint/' | xargs -r grep -nE '\b(TODO|FIXME|XXX|HACK)\b' || true)"
none "headers compile alone" "$(files 'base/*.h' 'protocol/*.h' 'vnet/include/*.h' 'trust/*.h' 'market/trade/*.h' 'market/store/*.h' | while read -r h; do
	gcc -std=gnu17 -D_GNU_SOURCE -fsyntax-only -iquote base -iquote protocol -iquote vnet/include -iquote trust -iquote market/trade -iquote market/store $(pkg-config --cflags libpq) -x c "$h" 2>&1 | head -n 3
done)"
echo 1..$n
exit $failed
