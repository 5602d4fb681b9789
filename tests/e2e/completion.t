#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# completion.t - bash, zsh and fish complete commands and options by the program's own table
. "$(dirname "$0")/../lib.sh"
for program in cpushare cpushare-market cpushare-seller cpushare-relay; do
	for shell in bash zsh fish; do
		"$program" completion $shell >"$WORK/$program.$shell" 2>"$WORK/err" && [ ! -s "$WORK/err" ] && $shell -n "$WORK/$program.$shell"
		_tap $? "$program completion $shell: it is a script"
	done
done
cpushare completion tcsh >"$WORK/out" 2>&1
is "$? $(<"$WORK/out")" "2 cpushare: completion: say for which shell: bash, zsh or fish" "no other shell is known"

# Each prints what may follow the words, sorted; the last word is the one under the cursor.
by_bash() {
	bash -c '. "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _cpushare; printf "%s\n" "${COMPREPLY[@]}"' - "$WORK/cpushare.bash" "$@" | sort | tr '\n' ' '
}
by_fish() { XDG_CONFIG_HOME=$WORK HOME=$WORK fish -c 'source $argv[1]; complete -C "$argv[2]"' "$WORK/cpushare.fish" "$*" | cut -f 1 | sort | tr '\n' ' '; }
by_zsh() { # with the completion system's own functions put aside: they need a terminal
	zsh -fc '_describe() { print -rl -- ${(P)2} }; _files() { print files }; script=$1; shift; words=("$@"); CURRENT=$#; PREFIX=${@[-1]}
		f() { source $script }; f' - "$WORK/cpushare.zsh" "$@" | sed 's/:.*//' | grep "^${*: -1}" | sort | tr '\n' ' '
}
for shell in bash zsh fish; do
	is "$(by_$shell cpushare im)" "image " "$shell: a noun"
	is "$(by_$shell cpushare image u)" "upload " "$shell: a verb"
	is "$(by_$shell cpushare --quiet -o json order c)" "cancel create " "$shell: options and their values are no words"
	is "$(by_$shell cpushare order create --cou)" "--count --country " "$shell: a command's options"
	is "$(by_$shell cpushare order list --colu)" "--columns " "$shell: every command's options"
	is "$(by_$shell cpushare completion z)" "zsh " "$shell: shells"
done
is "$(cpushare commands | head -n 1) $(cpushare commands -o json | jq -r '.commands[0].name, .commands[0].options[0].name' | tr '\n' ' ')" \
	"signup signup email " "commands lists the table"
is "$(cpushare version -o json | jq -r .program) $(cpushare version)" "cpushare $(cpushare --version)" "version, in either form"
cpushare version more >/dev/null 2>&1
is $? 2 "which takes no argument"
done_testing
