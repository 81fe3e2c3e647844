# SPDX-License-Identifier: GPL-2.0-only OR MIT
# shellcheck shell=bash
# Completion of shmqctl for bash.

_shmqctl() {
	local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]}
	local command=${COMP_WORDS[1]-} options='' values=''

	if [ "$COMP_CWORD" -eq 1 ]; then
		mapfile -t COMPREPLY < <(compgen -W "list add del set show stats latency reset monitor top send recv bench doctor \
			--help --version" -- "$word")
		return
	fi
	case $command in
	list) options="-h --help --json" ;;
	add)
		options="-h --help --size --layout --framing --prefix --max-message \
			--cell-size --cell-readers --pool-block-size --pool-owners --handler --period \
			--priority --cpu --print-offset --print-words --print-format --tick --restart --mode --owner --group --json"
		;;
	del) options="-h --help" ;;
	set)
		options="-h --help --handler --period --priority --cpu --print-offset \
			--print-words --print-format --tick --restart --mode --owner --group"
		;;
	show) options="-h --help --json" ;;
	stats) options="-h --help --json" ;;
	latency) options="-h --help --json --gnuplot" ;;
	reset) options="-h --help --stats" ;;
	monitor) options="-h --help --count --json" ;;
	top) options="-h --help --interval --count --json" ;;
	send)
		options="-h --help --create --half --type --framing --prefix \
			--offset --size --raw -z --null --json --tag --timeout"
		;;
	recv)
		options="-h --help --create --half --type --framing --prefix --offset \
			--size --raw -z --null --json --count --timeout --follow"
		;;
	bench) options="-h --help --size --seconds --framing --json" ;;
	doctor) options="-h --help --json" ;;
	esac
	case $before in
	--half) values="0 1 all" ;;
	--type) values="msg bytes" ;;
	--framing) values="checked plain" ;;
	--layout) values="channel cell pool raw" ;;
	--print-format) values="hex u32 s32" ;;
	--restart) values="yes no" ;;
	--handler) values="echo log count print none" ;;
	--group) values=$(getent group | cut -d : -f 1) ;;
	--owner) values=$(getent passwd | cut -d : -f 1) ;;
	esac
	if [ -n "$values" ]; then
		mapfile -t COMPREPLY < <(compgen -W "$values" -- "$word")
	elif [[ $word = -* ]]; then
		mapfile -t COMPREPLY < <(compgen -W "$options" -- "$word")
	elif [[ $command = send || $command = recv ]]; then
		mapfile -t COMPREPLY < <(compgen -f -- "$word")
	else
		mapfile -t COMPREPLY < <(compgen -G "/dev/shmq*" | grep -- "^$word")
	fi
}

complete -o filenames -F _shmqctl shmqctl
