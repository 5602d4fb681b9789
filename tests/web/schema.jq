# SPDX-License-Identifier: Apache-2.0
# schema.jq - what is wrong with a value by a schema of openapi.json: as much of JSON Schema 2020-12 as that file uses
#
# Input: the description. $value: the value; $schema: the schema, or a reference to one. Prints one line an offence.

def deref($root): if has("$ref") then (.["$ref"] | ltrimstr("#/") | split("/")) as $p | $root | getpath($p) | deref($root) else . end;
def is($t): if $t == "integer" then type == "number" and . == floor elif $t == "number" then type == "number" else type == $t end;

def wrong($raw; $root; $at):
	($raw | deref($root)) as $s | . as $v |
	(if $s.type then [$s.type] | flatten else [] end) as $types |
	if ($types | length > 0) and ([$types[] as $t | $v | is($t)] | any | not) then "\($at): \($v | tojson | .[:60]) is no \($types | join(" or "))"
	else
		(if $s.enum and ([$s.enum[] == $v] | any | not) then "\($at): \($v | tojson) is none of \($s.enum | tojson)" else empty end),
		(if ($s | has("const")) and $s.const != $v then "\($at): \($v | tojson) is not \($s.const | tojson)" else empty end),
		(if ($v | type) == "number" then
			(if $s.minimum and $v < $s.minimum then "\($at): \($v) is below \($s.minimum)" else empty end),
			(if $s.maximum and $v > $s.maximum then "\($at): \($v) is above \($s.maximum)" else empty end)
		elif ($v | type) == "string" then
			(if $s.pattern and ($v | test($s.pattern) | not) then "\($at): \($v) is not like \($s.pattern)" else empty end),
			(if $s.minLength and ($v | length) < $s.minLength then "\($at): too short" else empty end),
			(if $s.maxLength and ($v | length) > $s.maxLength then "\($at): too long" else empty end),
			(if $s.format == "uuid" and ($v | test("^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$") | not) then "\($at): \($v) is no UUID" else empty end),
			(if $s.format == "date-time" and ($v | test("^\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d(\\.\\d+)?Z$") | not) then "\($at): \($v) is no time" else empty end)
		elif ($v | type) == "array" and $s.items then
			range($v | length) as $i | $v[$i] | wrong($s.items; $root; "\($at)[\($i)]")
		elif ($v | type) == "object" and $s.properties then
			(($s.required // [])[] | select(. as $k | $v | has($k) | not) | "\($at).\(.) is missing"),
			($v | to_entries[] | .key as $k | .value |
				if $s.properties[$k] then wrong($s.properties[$k]; $root; "\($at).\($k)")
				elif $s.additionalProperties == false then "\($at).\($k) is not described"
				else empty end)
		else empty end)
	end;

. as $root | $value | wrong($schema; $root; "")
