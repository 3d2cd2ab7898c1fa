#!/usr/bin/env bash
# What shells complete and what the manual says: the same commands and flags as --help, in
# scripts that the shells read; no cluster is asked.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/../e2e/lib.sh"
CTL=$(realpath "$BIN/syncctl")
ctl() { KUBECONFIG=$T/none timeout 20 "$CTL" "$@"; }

for shell in bash zsh fish; do ctl completion $shell >"$T/$shell"; done
ctl help | sed -n 's/^  \([a-z]*\) .*/\1/p' | grep -vx syncctl >"$T/commands"
# flags COMMAND: as its help has them, sorted.
flags() { ctl help "$1" | grep -oE '^ {2,6}(-., )?--[a-z-]+' | grep -oE -- '--[a-z-]+' | sort; }
# roff COMMAND: the flags of its manual page.
roff() { ctl man "$1" | sed 's/\\f[A-Z]//g; s/\\//g' | grep -oE '^(-., )?--[a-z-]+' | grep -oE -- '--[a-z-]+' | sort; }
# offers WORD...: what bash offers for the last of these words of a command line.
offers() {
	# shellcheck disable=SC2016
	T=$T timeout 20 bash -c '. "$T/bash"
		syncctl() { echo "$*" >"$T/asked"; printf "application.argoproj.io/%s\n" shop search "\$(touch $T/bad)"; }
		kubectl() { printf "%s\n" prod test; }
		COMP_WORDS=(syncctl "$@") COMP_CWORD=$#
		_syncctl
		printf "%s\n" "${COMPREPLY[@]}"' bash "$@" 2>&1
}

it "each shell can read its script"
for shell in bash zsh fish; do
	bash -n "$T/$shell" || fail "the quotes of $shell" # those three have alike
	! command -v $shell >/dev/null || $shell -n "$T/$shell" || fail "$shell does not take it"
done
assert_exit 2 ctl completion tcsh

it "all commands and flags of --help are completed, and are in the manual"
assert_eq "$(sort "$T/commands") help" "$(offers "" | grep -vx help | sort) help" "the commands"
[ "$(wc -l <"$T/commands")" -gt 25 ] || fail "the commands are not found"
while read -r command; do
	wanted=$(flags "$command")
	assert_contains "$wanted" "--help" "what is found of $command"
	assert_eq "$wanted" "$(offers "$command" -- | sort)" "bash: $command"
	assert_eq "$wanted" "$(roff "$command")" "man $command"
	assert_eq "$wanted" "$(sed -n "/^\t$command)/,/;;/p" "$T/zsh" | grep -oE "^\s+'\*?--[a-z-]+" | grep -oE -- '--[a-z-]+' | sort)" "zsh: $command"
	assert_eq "$wanted" "$(sed -n "s/.*_from $command' -l \([a-z-]*\) .*/--\1/p" "$T/fish" | sort)" "fish: $command"
	assert_contains "$(ctl man)" "fB$command\\fR" "the manual's list"
done <"$T/commands"

it "values and arguments are completed by what they are"
assert_eq status "$(offers -n argocd sta)" "a command behind a flag"
assert_eq status "$(offers help sta)" "of what help is wanted"
assert_eq json "$(offers get shop -o j)" "a format"
assert_eq json "$(offers get shop --output = j)" "a format behind ="
assert_eq "json name table unified yaml" "$(offers diff shop -o "" | sort | xargs)" "what diff has"
assert_eq prod "$(offers get --context p)" "a context"
assert_eq "search shop" "$(offers get s | sort | xargs)" "an application"
offers status --context prod -n x s >"$T/out"
assert_eq "list --context prod -n x -o name" "$(<"$T/asked")" "where it is looked for"
assert_eq "" "$(offers rollback shop s)" "a release is no application"
assert_eq zsh "$(offers completion z)" "a shell"
assert_eq crds "$(offers install c)" "a part"
assert_eq "" "$(offers diff --local s)" "files are the shell's own"
offers get "" >"$T/out"
[ ! -e "$T/bad" ] || fail "a name was run"

it "the manual and the plugin"
assert_contains "$(ctl man diff)" "release A with release B" "the page"
ln -sf "$CTL" "$T/kubectl-sync"
assert_contains "$(PATH=$T:$PATH kubectl sync help)" "kubectl sync COMMAND" "the plugin"
