# SPDX-License-Identifier: Apache-2.0
# browser.sh - Debian's Chromium, without a window, spoken to in the DevTools protocol over a pipe; needs lib.sh
#
# Chromium reads commands from descriptor 3 and writes answers and events to descriptor 4, each ended by a NUL.
# https://chromedevtools.github.io/devtools-protocol/ names the methods.

# start_browser: sets BROWSER_PID; one tab
start_browser() {
	command -v chromium >/dev/null || skip_all "chromium is not installed"
	coproc BROWSER {
		exec chromium --headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking \
			--disable-component-update --disable-sync --ignore-certificate-errors --user-data-dir="$WORK/chromium" \
			--remote-debugging-pipe 3<&0 4>&1 >"$WORK/chromium.log" 2>&1
	}
	# A coprocess's own descriptors are closed in subshells.
	exec {CDP_IN}>&"${BROWSER[1]}" {CDP_OUT}<&"${BROWSER[0]}"
	cleanup "end $BROWSER_PID"
	CDP_ID=0 CDP_SESSION=
	: >"$WORK/console"
	cdp Target.createTarget '{"url":"about:blank"}' || bail "chromium does not answer: $(tail -n 5 "$WORK/chromium.log")"
	cdp Target.attachToTarget "$(jq -c '{targetId: .result.targetId, flatten: true}' <<<"$ANSWER")"
	CDP_SESSION=$(jq -r .result.sessionId <<<"$ANSWER")
	cdp Page.enable
	cdp Runtime.enable
	cdp Log.enable
}

# cdp METHOD [PARAMETERS]: sets ANSWER; what the page complains of goes to $WORK/console
cdp() {
	local message
	CDP_ID=$((CDP_ID + 1))
	jq -c --arg m "$1" --argjson id $CDP_ID --arg s "$CDP_SESSION" \
		'{id: $id, method: $m, params: .} + if $s == "" then {} else {sessionId: $s} end' <<<"${2:-{\}}" |
		{ tr -d '\n'; printf '\0'; } >&"$CDP_IN"
	while IFS= read -r -t 30 -d '' message <&"$CDP_OUT"; do
		case $message in
		*'"Runtime.exceptionThrown"'* | *'"Log.entryAdded"'* | *'"Runtime.consoleAPICalled"'*) echo "$message" >>"$WORK/console" ;;
		esac
		ANSWER=$message
		[[ $message == "{\"id\":$CDP_ID,"* ]] && return 0
	done
	return 1
}

# js EXPRESSION: prints its value (of a promise: what it comes to)
js() {
	cdp Runtime.evaluate "$(jq -nc --arg e "$1" '{expression: $e, awaitPromise: true, returnByValue: true}')"
	jq -r '.result | if .exceptionDetails then "threw: " + (.exceptionDetails.exception.description // .exceptionDetails.text)
		else .result.value | if type == "string" then . else tojson end end' <<<"$ANSWER"
}
js_is() { [ "$(js "$1")" = "$2" ]; }

# visit URL: waits until the page has said how its first refresh went, where it has a status line
visit() {
	cdp Page.navigate "$(jq -nc --arg u "$1" '{url: $u}')"
	within 20 js_is "document.readyState === 'complete' && document.getElementById('status')?.textContent !== 'Loading…'" true
}

# screen WIDTH HEIGHT [dark|light]
screen() {
	cdp Emulation.setDeviceMetricsOverride "{\"width\":$1,\"height\":$2,\"deviceScaleFactor\":1,\"mobile\":false}"
	cdp Emulation.setEmulatedMedia "{\"features\":[{\"name\":\"prefers-color-scheme\",\"value\":\"${3:-light}\"}]}"
}

# axe: what axe-core finds serious or critical on the page that is shown, a line each. The page's policy forbids its evaluation of
# strings as scripts; the DevTools protocol is not bound by it.
axe() {
	js "typeof axe" | grep -qx object ||
		cdp Runtime.evaluate "$(jq -nc --rawfile e "$TOP/tests/web/vendor/axe.min.js" '{expression: ($e + "; 0"), returnByValue: true}')"
	js "axe.run(document, {resultTypes: ['violations']}).then((r) => r.violations.filter((v) => ['serious', 'critical'].includes(v.impact))
		.flatMap((v) => v.nodes.map((n) => v.id + ': ' + n.target.join(' ') + ' ' + n.failureSummary.split('\\n')[1].trim())).join('\\n'))"
}

# press KEY...: Tab, Enter
press() {
	local key code
	for key; do
		case $key in Tab) code=9 ;; Enter) code=13 ;; esac
		cdp Input.dispatchKeyEvent "{\"type\":\"keyDown\",\"key\":\"$key\",\"code\":\"$key\",\"windowsVirtualKeyCode\":$code,\"text\":\"$([ "$key" = Enter ] && printf '\\r')\"}"
		cdp Input.dispatchKeyEvent "{\"type\":\"keyUp\",\"key\":\"$key\",\"code\":\"$key\",\"windowsVirtualKeyCode\":$code}"
	done
}

# ---- what a user does ----
# fill ID TEXT: into a field; choose ID VALUE: of a list
fill() {
	js "(() => { const e = document.getElementById($(jq -nc --arg v "$1" '$v')); e.focus(); e.value = $(jq -nc --arg v "$2" '$v');
		for (const type of ['input', 'change']) e.dispatchEvent(new Event(type, { bubbles: true })); })()" >/dev/null
}
choose() { fill "$@"; }
# pick ID FILE: into a file field
pick() {
	cdp Runtime.evaluate "$(jq -nc --arg e "document.getElementById('$1')" '{expression: $e}')"
	cdp DOM.setFileInputFiles "$(jq -c --arg f "$2" '{objectId: .result.result.objectId, files: [$f]}' <<<"$ANSWER")"
}
# click TEXT: the button or link of that text (or accessible name) in the open dialog, else in the page; fails where there is none
click() {
	js_is "(() => { const b = [...(document.querySelector('dialog[open]') ?? document.querySelector('main')).querySelectorAll('button, a')].find((b) => !b.disabled && b.getClientRects().length && (b.getAttribute('aria-label') ?? b.textContent).trim() === $(jq -nc --arg v "$1" '$v'));
		b?.click(); return String(Boolean(b)); })()" true
}
# says SELECTOR: its text
says() { js "[...document.querySelectorAll($(jq -nc --arg v "$1" '$v'))].map((e) => e.innerText ?? e.textContent).join(' ').replace(/\\s+/g, ' ').trim()"; }
# shot NAME: a picture of the page, kept in the build folder
shot() {
	mkdir -p "$BUILD/web"
	cdp Page.captureScreenshot '{"format":"jpeg","quality":60,"captureBeyondViewport":false}'
	jq -r '.result.data // ""' <<<"$ANSWER" | base64 -d >"$BUILD/web/$1.jpg"
}
