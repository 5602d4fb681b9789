#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# static.t - the pages and the interface's description, as files: what can be said of them without a browser
. "$(dirname "$0")/../lib.sh"
cd "$TOP/web" || exit 1
API=openapi.json
PAGES=$(find . -name '*.html' | sort)
SCRIPTS=js/*.js
# whole PAGE: with its parts, as the market serves it
whole() { awk '/^<!-- part: [a-z]+ -->$/ { while ((getline line < ("parts/" $3 ".html")) > 0) print line; next } { print }' "$1"; }
none() { is "$2" "" "$1"; }

# ---- a strict policy needs pages that obey it ----
none "no script is inline" "$(grep -nE '<script[^>]*>[^<]' $PAGES; grep -nE '<script' $PAGES | grep -v 'src="/js/[a-z]*\.js"></script>')"
none "no style is inline" "$(grep -niE '<style|[[:space:]]style=' $PAGES; grep -nE "setAttribute\('style'|innerHTML|insertAdjacentHTML|document\.write|\beval\(|style=\"" $SCRIPTS)"
none "no event handler is an attribute" "$(grep -niE '[[:space:]]on[a-z]+=' $PAGES)"
none "nothing comes from elsewhere" "$(grep -noE '(src|href)="(https?:)?//[^"]*|url\([^)]*|@import.*' $PAGES style.css; grep -nE "https?://" $SCRIPTS | grep -v www.w3.org/2000/svg)"

targets() { grep -ohE '(src|href)="/[^"#?]*' $PAGES $SCRIPTS | sed 's/.*="//' | sort -u; }
none "every link leads somewhere" "$(for t in $(targets); do
	case $t in /) t=/index.html ;; /v1/*) jq -e --arg p "$t" '.paths[$p]' $API >/dev/null || echo "$t"; continue ;; /metrics) continue ;; esac
	[ -f ".$t" ] || [ -f ".$t.html" ] || echo "$t"
done)"
none "every module that is imported is there" "$(grep -ohE "(from |import\()'\.[^']*" $SCRIPTS | sed "s/.*'/js\//" | sort -u | xargs -rn1 ls 2>&1 >/dev/null)"
none "every page has a language, a title, a viewport and a way to its content" "$(for p in $PAGES; do
	case $p in ./parts/*) continue ;; esac
	for want in '<html lang="en">' '<title>' 'name="viewport"' 'class="skip" href="#main"' '<main id="main"'; do whole "$p" | grep -q "$want" || echo "$p: $want"; done
done)"

# ---- what others wrote ----
# NAME SHA-256 of docs/DEPENDENCIES.md: of the file as it was published, without the one change that the table names.
published() {
	case $1 in
	hooks.js) sed 's|from"./preact.js"|from"preact"|' vendor/hooks.js ;;
	uplot.js) head -n -1 vendor/uplot.js ;;
	*) cat "vendor/$1" ;;
	esac | sha256sum | cut -d' ' -f1
}
# kept NAME: its hash there as it is kept, where what was published cannot be made of it again.
kept() { tr '\n' ' ' <"$TOP/docs/DEPENDENCIES.md" | grep -oE "$1 (has )?\`[0-9a-f]{64}\`[ :]" | grep -oE '[0-9a-f]{64}'; }
for f in xterm.js xterm.css; do is "$(sha256sum <vendor/$f | cut -d' ' -f1)" "$(kept $f)" "$f is as published, with the changes of packaging/xterm.sed"; done
vendored() { sed -nE 's/^\| `web\/vendor\/([a-z.]+)` .* `([0-9a-f]{64})` \|.*/\1 \2/p' "$TOP/docs/DEPENDENCIES.md"; }
is "$(vendored | grep -v '^xterm' | while read -r name _; do echo "$name $(published "$name")"; done)" "$(vendored | grep -v '^xterm')" "what others wrote is as they published it"
is "$(vendored | cut -d' ' -f1 | sort)" "$(cd vendor && ls | grep -v LICENSE | sort)" "all of it is named"
is "$(sha256sum <"$TOP/tests/web/vendor/axe.min.js" | cut -d' ' -f1)" "$(grep -oE '^`[0-9a-f]{64}' "$TOP/docs/DEPENDENCIES.md" | tr -d '`')" "so is the tests' own"
# What a first visit takes, compressed: the front page with all that it loads.
[ "$(whole index.html | cat - style.css favicon.svg js/{theme,index,api,columns,format,html,page,table}.js vendor/{preact,hooks,htm}.js | gzip -9 | wc -c)" -le 61440 ]
_tap $? "the front page takes at most 60 KB"

# ---- problems ----
codes() { sed -nE 's/^\tX\([A-Z_]+, "([a-z_]+)", ([0-9]+), "(.*)"\).*/\1\t\2\t\3/p' "$TOP/protocol/codes.h"; }
plain() { sed "s/&#x27;/'/g; s/&quot;/\"/g; s/&amp;/\&/g"; }
shown() {
	plain <docs/problems.html | awk '
		/<article class="problem" id="/ { split($0, a, "\""); code = a[4] }
		/<span class="count">HTTP / { match($0, /HTTP [0-9]+/); status = substr($0, RSTART + 5, RLENGTH - 5); getline
			gsub(/^\t*<p>|<\/p>$/, ""); print code "\t" status "\t" $0 }'
}
isnt "$(codes | wc -l)" 0 "protocol/codes.h has codes"
is "$(shown)" "$(codes)" "every code of protocol/codes.h is on the page of problems, with its status and sentence, and no other"
is "$(grep -oE '<li><a href="#[a-z_]+' docs/problems.html | sed 's/.*#//')" "$(codes | cut -f1)" "and in its index"

# ---- the description ----
ok "openapi.json is JSON" jq empty $API
is "$(jq -r .openapi $API)" 3.1.0 "it is OpenAPI 3.1"
is "$(jq -r '.components.schemas.Problem.properties.code.enum[]' $API)" "$(codes | cut -f1)" "it knows every code"
none "every reference leads somewhere" "$(jq -r '[.. | objects | ."$ref"? // empty] | unique[]' $API | sed 's|^#/||' | while read -r r; do
	jq -e --arg r "$r" 'getpath($r | split("/"))' $API >/dev/null || echo "$r"
done)"
none "every object is closed" "$(jq -r '[paths(type == "object" and .type? == "object" and has("properties") and .additionalProperties != false)] | .[] | map(tostring) | join("/")' $API)"
none "every property that is required is described" "$(jq -r '.components.schemas | to_entries[] | select(.value.required) | .key as $k | (.value.required - (.value.properties | keys))[] | "\($k).\(.)"' $API)"
is "$(jq -r '[.paths[][].operationId] | length - (unique | length)' $API)" 0 "operations have names of their own"
none "every operation names its refusals as problems" "$(jq -r '.components.responses as $r | .paths | to_entries[] | .key as $p | .value | to_entries[] | .key as $m | .value.responses | to_entries[]
	| select(.key >= "400" and ($r[.value."$ref" | split("/")[-1]].content["application/problem+json"] | not)) | "\($m) \($p) \(.key)"' $API)"
# by_flags FLAGS: the routes that have one of them in market/routes.c; said KEY: those that name this header
by_flags() { tr '\n\t' '  ' <"$TOP/market/routes.c" | grep -oE '\{ "[A-Z]+", "[^"]+", [a-z_]+, [^,]+, [^,]+,' | grep -E "[ |]($1)( \||,)" | sed -E 's/\{ "([A-Z]+)", "([^"]+)".*/\1 \2/; s/\{[a-z]+\}/{}/g' | sort; }
said() { jq -r --arg key "#/components/parameters/$1" '.paths | to_entries[] | .key as $p | .value | to_entries[] | select(any(.value.parameters[]?; ."$ref" == $key)) | "\(.key | ascii_upcase) \($p)"' $API | sed -E 's/\{[a-z]+\}/{}/g' | sort; }
like "$(by_flags 'KEY|ROUTE_KEY')" 'POST /v1/orders' "routes that need an Idempotency-Key are found"
is "$(said idempotency_key)" "$(by_flags 'KEY|ROUTE_KEY')" "and are described so"
is "$(said idempotency_key_optional)" "$(by_flags TX)" "so are those that take one"
none "the rules that Redocly's linter recommends hold" "$("$TOP/tests/web/lint_description" $API 2>&1)"
echo '{"openapi":"3.1.0","info":{"version":"1"},"paths":{}}' >"$WORK/untitled.json"
like "$("$TOP/tests/web/lint_description" "$WORK/untitled.json" 2>&1)" 'error: struct: #/info' "and find what breaks them"
statuses=$(codes | cut -f1,2 | jq -Rsc 'split("\n") | map(select(. != "") | split("\t") | {(.[0]): .[1]}) | add')
none "and under their own status" "$(jq -r --argjson s "$statuses" '.paths[][].responses | to_entries[] | select(.value."$ref") | .key as $k
	| (.value."$ref" | split("/")[-1] | split("."))[] | select($s[.] != $k) | "\($k) \(.)"' $API | sort -u)"

# Both sides as "METHOD PATH scopes key body": the table in routes.c, and the description.
routes() {
	sed -E ':a; /,$/ { N; s/,\n[ \t]+"/, "/; ta }; P; D' "$TOP/market/routes.c" | # a wrapped line is one
		sed -nE 's/^\t\{ "([A-Z]+)", *"([^"*]+)", ([^}]*) \},$/\1\t\2\t\3/p' |
		awk -F'\t' '{
			split($3, f, ", ")
			gsub(/\{[a-z]+\}/, "{}", $2)
			scopes = f[2]; gsub(/S_| /, "", scopes); gsub(/\|/, "+", scopes)
			if (scopes == "0") scopes = "public"
			if (scopes == "~0u") scopes = "any"
			print $1, $2, tolower(scopes), (f[3] ~ /KEY/ ? "key" : "-"), (f[4] == "0" ? "-" : "body") }' | sort
}
described() {
	jq -r '.paths | to_entries[] | .key as $p | .value | to_entries[] | .value as $o | [
		(.key | ascii_upcase), ($p | gsub("\\{[a-z]+\\}"; "{}")),
		($o.security // [] | if length == 0 then "public" elif .[0].bearer == [] then "any" else map(.bearer[0]) | join("+") end),
		(if [$o.parameters[]? | ."$ref"? | select(. == "#/components/parameters/idempotency_key")] == [] then "-" else "key" end),
		(if $o.requestBody then "body" else "-" end)] | join(" ")' $API | sort
}
none "what only operators may change is changed in a transaction, where it is written down" "$(sed -E ':a; /,$/ { N; s/,\n[ \t]+"/, "/; ta }; P; D' "$TOP/market/routes.c" |
	grep -E '"(POST|PUT|DELETE)".* S_OPERATOR,' | grep -vE ' S_OPERATOR, (TX|KEY)')"
isnt "$(routes | wc -l)" 0 "market/routes.c has routes"
is "$(diff <(routes) <(described))" "" "every route of market/routes.c is described, with its scopes, key and body, and no other"

done_testing
