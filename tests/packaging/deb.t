#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# deb.t - the Debian packages: built, installed on this system as it is under a layer of its own, used as their services would be, purged
#
# The layer (overlayfs) lies in a mount namespace of the test's: dpkg works on the real list of packages, and nothing of it stays.
[ -n "${OWN_MOUNTS:-}" ] || OWN_MOUNTS=1 exec unshare -m --propagation private "$0" "$@"
. "$(dirname "$0")/../lib.sh"
[[ $BUILD != */san ]] || skip_all "packages are not made of sanitized programs"
PACKAGES=(cpushare cpushare-market cpushare-seller cpushare-relay)
ALL=("${PACKAGES[@]}" cpushare-images)
D=$TOP/packaging/debian

# ---- built ----
# Debugging symbols would double the time. The folder is named as the build named it: by that name objects know their headers.
ok "make deb" env DEB_BUILD_OPTIONS=noautodbgsym make -C "$TOP" --no-print-directory deb BUILD="${BUILD#"$TOP/"}"
VERSION=$(sed -nE '1s/.*\(([^)]*)\).*/\1/p' "$D/changelog")
is "$(cpushare --version)" "cpushare $VERSION" "the change log's version is the programs'"
FILES=()
for p in "${ALL[@]}"; do FILES+=("$BUILD/deb/${p}_${VERSION}_amd64.deb"); done
is "$(lintian --allow-root "${FILES[@]}" 2>&1)" "" "lintian has nothing to say"
for unit in market:20 relay:20 seller:55; do
	ok "the ${unit%:*}'s unit is hardened: at most ${unit#*:} of 100 on systemd's scale" \
		systemd-analyze security --offline=true --threshold="${unit#*:}" "$D/cpushare-${unit%:*}.service"
done

# What the jail's bubblewrap could not live with: a fresh /proc of its own, and a name.
is "$(grep -E '^(ProtectKernelTunables|ProtectKernelLogs|ProtectProc|ProcSubset|ProtectHostname|RestrictNamespaces|PrivateUsers)=' "$D/cpushare-seller.service")" "" \
	"the seller's unit lets guests be jailed"

# ---- installed ----
R=$WORK/layer/root
mkdir "$WORK/layer"
cleanup 'umount -R -l "$WORK/layer"'
mount -t tmpfs none "$WORK/layer" && mkdir "$WORK"/layer/{root,upper,work} &&
	mount -t overlay none -o "lowerdir=/,upperdir=$WORK/layer/upper,workdir=$WORK/layer/work" "$R" &&
	mount -t proc none "$R/proc" && mount -t sysfs none "$R/sys" && mount -t tmpfs none "$R/dev" && mkdir -m 1777 "$R/dev/shm" && ln -s /proc/self/fd "$R/dev/fd" &&
	for d in null:1:3 zero:1:5 full:1:7 random:1:8 urandom:1:9 tty:5:0; do
		IFS=: read -r name major minor <<<"$d" && mknod -m 666 "$R/dev/$name" c "$major" "$minor" || break
	done ||
	bail "no layer over this system"
inside() { chroot "$R" "$@"; }
cp "${FILES[@]}" "$R/root/"
before=$(inside getent passwd; ls "$R/etc" "$R/var/lib")
ok "they are installed" inside sh -c 'DEBIAN_FRONTEND=noninteractive dpkg -i /root/*.deb'
ok "the market's image is the one that was built" cmp "$BUILD/images/calibrate.iso" "$R/usr/share/cpushare/images/calibrate.iso"
like "$(inside dpkg-query -W -f='${Built-Using}' cpushare-images)" 'busybox \(= .*linux.* \(= .*syslinux \(= ' "which names its sources"
is "$(inside dpkg --audit)" "" "dpkg finds nothing half done"
is "$(inside stat -c '%U %a' /var/lib/cpushare-market)" "cpushare-market 711" "the market has a user, who owns its folder"
ok "its configuration explains every setting" grep -q '^# .*basis points' "$R/etc/cpushare/market.conf"
is "$(for p in "${PACKAGES[@]}"; do [ -f "$R/usr/share/man/man1/$p.1.gz" ] || echo "$p"; done)" "" "each program has its manual page"
is "$(for p in "${PACKAGES[@]}"; do ls "$R/usr/share/bash-completion/completions/$p" "$R/usr/share/zsh/vendor-completions/_$p" "$R/usr/share/fish/vendor_completions.d/$p.fish" 2>&1 >/dev/null; done)" "" \
	"and completions for three shells"
is "$(ldd "$R"/usr/bin/cpushare* "$R/usr/libexec/cpushare/cpushare-vmrun" | grep -i 'not found')" "" "their libraries are there"
for unit in market relay seller; do
	is "$(systemd-analyze verify --man=no --root="$R" "cpushare-$unit.service" 2>&1 | grep "cpushare")" "" "systemd understands the $unit's unit"
done

# ---- used as the services would be ----
# unit_value UNIT KEY
unit_value() { sed -n "s/^$2=//p" "$R/lib/systemd/system/cpushare-$1.service"; }
# As its own root, not by chroot: the kernel lets nobody make a user namespace behind a chroot, as a guest's jail does.
enter() {
	exec unshare -m --propagation private bash -c 'mount --rbind "$0" "$0" && cd "$0" && pivot_root . mnt && umount -l /mnt && exec "$@"' "$R" "$@"
}
# service UNIT [SETPRIV-OPTION...]: the unit's command with its capabilities; what it tells the manager goes to $WORK/UNIT.told
service() {
	local unit=$1 capabilities
	shift
	capabilities=-all$(unit_value "$unit" CapabilityBoundingSet | tr ' ' '\n' | sed 's/^CAP_/,+/' | tr -d '\n' | tr '[:upper:]' '[:lower:]')
	socat -u "UNIX-RECV:$R/run/$unit.notify,mode=0666" "OPEN:$WORK/$unit.told,creat,append" &
	cleanup "end $!"
	within 20 test -S "$R/run/$unit.notify"
	# shellcheck disable=SC2046
	NOTIFY_SOCKET=/run/$unit.notify WATCHDOG_USEC=500000 RELAY_OPTIONS= enter setpriv --bounding-set "$capabilities" --inh-caps "-all" \
		--no-new-privs "$@" $(unit_value "$unit" ExecStart | sed "s/\$RELAY_OPTIONS/$RELAY_OPTIONS/; s/serve --config/serve --listen 127.0.0.1:$PORT --config/") \
		>>"$WORK/$unit.log" 2>&1 &
	SERVICE_PID=$!
	cleanup "end $SERVICE_PID"
}
told() { tr '\0' '\n' <"$WORK/$1.told" | grep -q "$2"; }
PORT=$(free_port)
RELAY_OPTIONS="--listen 127.0.0.1:0"
service market --reuid cpushare-market --regid cpushare-market --init-groups
MARKET_PID=$SERVICE_PID
ok "the market starts as its user and says that it is ready" within 60 told market 'READY=1'
ok "and then that it lives, as the manager wants" within 20 told market 'WATCHDOG=1'
URL=$(<"$R/var/lib/cpushare-market/url") PIN=$(<"$R/var/lib/cpushare-market/pin")
api GET /
is "$STATUS" 200 "its pages are installed"
ok "an account" new_user seller1
ok "root looks after the market of another user" inside cpushare-market operator grant seller1@example.org --data /var/lib/cpushare-market
like "$(inside cpushare-market ledger verify --data /var/lib/cpushare-market)" "the ledger in EUR holds" "its books too"

ok "a token for the machine" eval 'as seller1 cpushare token create --scope machines --name desk -o name >"$R/root/token"'
ok "a machine is set up where the service looks for it" inside cpushare-seller setup --market "$URL" --pin "$PIN" --token-file /root/token --name desk \
	--accel tcg --cores 1 --memory 512M
service seller
SELLER_PID=$SERVICE_PID
ok "the seller starts with the unit's few capabilities and says that it is ready" within 30 told seller 'READY=1'
online() { as seller1 cpushare offer list -o json | jq -e '.. | objects | select(.state? == "online")'; }
ok "its offer reaches the market" within 30 online

# ---- the README's first hour as a buyer: a VM under that seller ----
ok "a buyer" new_user buyer
deposit=$(as buyer cpushare funds add 5 -o name)
ok "whose deposit the operator confirms" inside cpushare-market deposit confirm "$deposit" --data /var/lib/cpushare-market
ok "an image" as buyer cpushare image upload "$TINY"
ok "a VM runs" as buyer cpushare order create --image "$(basename "$TINY")" --memory 160M --max-price 1 --name job --wait --timeout 5m ||
	note "$(as buyer cpushare node list job --columns state,reason,detail; tail -n 20 "$WORK/seller.log")"
booted() { as buyer cpushare node console job/vm1 | tr -d "\r" | grep -q 'cpushare-tiny: ready'; }
ok "it has booted" within 120 booted
ok "and ends" as buyer cpushare order cancel job --wait --timeout 2m

echo 0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef >"$R/etc/cpushare/ticket.pub"
service relay --reuid nobody --regid nogroup --clear-groups
ok "the relay starts" within 20 told relay 'READY=1'
end "$SERVICE_PID"

# ---- removed ----
end "$SELLER_PID"
end "$MARKET_PID"
ok "the market said that it stops" told market 'STOPPING=1'
ok "they are purged" inside dpkg --purge "${ALL[@]}"
is "$(inside getent passwd; ls "$R/etc" "$R/var/lib")" "$before" "nothing is left of them"
done_testing
