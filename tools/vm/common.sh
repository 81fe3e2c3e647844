# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# shellcheck disable=SC2034 # the variables are for those who source this
#
# Sourced by the scripts of tools/vm: where things are, and how to fail.

vm_dir=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
source_dir=${SHMQ_SOURCE:-$(cd "$vm_dir/../.." && pwd)}
build_dir=${SHMQ_BUILD:-$source_dir/build}
cache_dir=${SHMQ_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/shmq}

# What the build directory is called must not depend on the caller's
# directory: make and ldd are run elsewhere.
case $build_dir in
/*) ;;
*) build_dir=$PWD/$build_dir ;;
esac

# 125: the command under test never ran, or its result is not known.
die() {
	local line
	for line in "$@"; do
		echo "${0##*/}: $line" >&2
	done
	exit 125
}

note() {
	echo "${0##*/}: $*" >&2
}

# The comment at the top of the calling script is its help text.
show_help() {
	sed -n '3,/^[^#]/{/^#/!d;s/^# \{0,1\}//;p}' "$0"
}

# need_value OPTION COUNT: there must be a word after OPTION.
need_value() {
	[ "$2" -ge 2 ] || die "$1 needs a value (see --help)"
}

# with_lock FILE: one at a time for the rest of this shell.
with_lock() {
	mkdir -p "$(dirname "$1")"
	exec 9>"$1"
	# A short wait is not worth a line among what a command prints.
	if ! flock -w 60 9; then
		note "waiting for another run that holds $1"
		flock 9
	fi
}

# newest_version PACKAGE: as apt sees it now.
newest_version() {
	apt-cache policy "$1" 2>/dev/null |
		sed -n 's/^ *Candidate: //p' | grep -v '^(none)$' ||
		die "apt knows no package '$1'; try 'apt-get update', and have" \
			"Debian 12's main and security archives in its sources"
}

# fetch_package PACKAGE VERSION DIR: unpacks it there without installing it.
fetch_package() {
	local debs
	debs=$(mktemp -d "$3/debs.XXXXXX")
	# As a sandboxed user apt could not write to a directory in $HOME.
	(cd "$debs" && apt-get download -q -o APT::Sandbox::User=root \
		"$1=$2" >log 2>&1) ||
		die "cannot download $1=$2:" "$(tail -n 3 "$debs/log")" \
			"try 'apt-get update'"
	dpkg-deb -x "$debs"/*.deb "$3"
	rm -rf "$debs"
}
