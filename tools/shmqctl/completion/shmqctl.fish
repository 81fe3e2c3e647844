# SPDX-License-Identifier: GPL-2.0-only OR MIT
# Completion of shmqctl for fish.

function __shmqctl_devices
    # To set, no match is no error.
    set -l nodes /dev/shmq*
    test -z "$nodes"; or printf '%s\n' $nodes
end

complete -c shmqctl -f -n __fish_use_subcommand -a list -d 'List the devices, a line each'
complete -c shmqctl -f -n __fish_use_subcommand -a add -d 'Make a device, and print its path'
complete -c shmqctl -f -n __fish_use_subcommand -a del -d 'Remove devices; who uses one is told, and it goes when they go'
complete -c shmqctl -f -n __fish_use_subcommand -a set -d 'Change a device - all that is asked, or nothing'
complete -c shmqctl -f -n __fish_use_subcommand -a show -d 'Show all about a device, its queues and who has their ends'
complete -c shmqctl -f -n __fish_use_subcommand -a stats -d 'Count what has passed through the kernel, a line a queue'
complete -c shmqctl -f -n __fish_use_subcommand -a latency -d 'Show how late the periods of a device began, as a histogram'
complete -c shmqctl -f -n __fish_use_subcommand -a reset -d 'Empty the queues of a device and start stopped ones anew, or free all blocks of its pool; or zero its counters'
complete -c shmqctl -f -n __fish_use_subcommand -a monitor -d 'Print what happens to devices, a line each, until Ctrl-C'
complete -c shmqctl -f -n __fish_use_subcommand -a top -d 'Watch how much moves through the queues, and how full they are'
complete -c shmqctl -f -n __fish_use_subcommand -a send -d 'Send lines of stdin, a message each, or a stream of bytes'
complete -c shmqctl -f -n __fish_use_subcommand -a recv -d 'Print the messages of a queue, a line each, or its bytes'
complete -c shmqctl -f -n __fish_use_subcommand -a bench -d 'Measure for a moment how fast messages move here'
complete -c shmqctl -f -n __fish_use_subcommand -a doctor -d 'Look at the module, devices, rights and memory; say what to do'
complete -c shmqctl -n __fish_use_subcommand -l help -d help
complete -c shmqctl -n __fish_use_subcommand -l version -d version

complete -c shmqctl -n '__fish_seen_subcommand_from list' -s h -l help
complete -c shmqctl -n '__fish_seen_subcommand_from list' -l json
complete -c shmqctl -f -n '__fish_seen_subcommand_from list' -a '(__shmqctl_devices)'

complete -c shmqctl -n '__fish_seen_subcommand_from add' -s h -l help
complete -c shmqctl -n '__fish_seen_subcommand_from add' -l size -x
complete -c shmqctl -n '__fish_seen_subcommand_from add' -l layout -x -a 'channel cell pool raw'
complete -c shmqctl -n '__fish_seen_subcommand_from add' -l framing -x -a 'checked plain'
complete -c shmqctl -n '__fish_seen_subcommand_from add' -l prefix -x
complete -c shmqctl -n '__fish_seen_subcommand_from add' -l max-message -x
complete -c shmqctl -n '__fish_seen_subcommand_from add' -l cell-size -x
complete -c shmqctl -n '__fish_seen_subcommand_from add' -l cell-readers -x
complete -c shmqctl -n '__fish_seen_subcommand_from add' -l pool-block-size -x
complete -c shmqctl -n '__fish_seen_subcommand_from add' -l pool-owners -x
complete -c shmqctl -n '__fish_seen_subcommand_from add' -l handler -x -a 'echo log count print none'
complete -c shmqctl -n '__fish_seen_subcommand_from add' -l period -x
complete -c shmqctl -n '__fish_seen_subcommand_from add' -l priority -x
complete -c shmqctl -n '__fish_seen_subcommand_from add' -l cpu -x -a any
complete -c shmqctl -n '__fish_seen_subcommand_from add' -l print-offset -x
complete -c shmqctl -n '__fish_seen_subcommand_from add' -l print-words -x
complete -c shmqctl -n '__fish_seen_subcommand_from add' -l print-format -x -a 'hex u32 s32'
complete -c shmqctl -n '__fish_seen_subcommand_from add' -l tick -x
complete -c shmqctl -n '__fish_seen_subcommand_from add' -l restart -x -a 'yes no'
complete -c shmqctl -n '__fish_seen_subcommand_from add' -l mode -x
complete -c shmqctl -n '__fish_seen_subcommand_from add' -l owner -x -a '(__fish_complete_users)'
complete -c shmqctl -n '__fish_seen_subcommand_from add' -l group -x -a '(__fish_complete_groups)'
complete -c shmqctl -n '__fish_seen_subcommand_from add' -l json
complete -c shmqctl -f -n '__fish_seen_subcommand_from add' -a '(__shmqctl_devices)'

complete -c shmqctl -n '__fish_seen_subcommand_from del' -s h -l help
complete -c shmqctl -f -n '__fish_seen_subcommand_from del' -a '(__shmqctl_devices)'

complete -c shmqctl -n '__fish_seen_subcommand_from set' -s h -l help
complete -c shmqctl -n '__fish_seen_subcommand_from set' -l handler -x -a 'echo log count print none'
complete -c shmqctl -n '__fish_seen_subcommand_from set' -l period -x
complete -c shmqctl -n '__fish_seen_subcommand_from set' -l priority -x
complete -c shmqctl -n '__fish_seen_subcommand_from set' -l cpu -x -a any
complete -c shmqctl -n '__fish_seen_subcommand_from set' -l print-offset -x
complete -c shmqctl -n '__fish_seen_subcommand_from set' -l print-words -x
complete -c shmqctl -n '__fish_seen_subcommand_from set' -l print-format -x -a 'hex u32 s32'
complete -c shmqctl -n '__fish_seen_subcommand_from set' -l tick -x
complete -c shmqctl -n '__fish_seen_subcommand_from set' -l restart -x -a 'yes no'
complete -c shmqctl -n '__fish_seen_subcommand_from set' -l mode -x
complete -c shmqctl -n '__fish_seen_subcommand_from set' -l owner -x -a '(__fish_complete_users)'
complete -c shmqctl -n '__fish_seen_subcommand_from set' -l group -x -a '(__fish_complete_groups)'
complete -c shmqctl -f -n '__fish_seen_subcommand_from set' -a '(__shmqctl_devices)'

complete -c shmqctl -n '__fish_seen_subcommand_from show' -s h -l help
complete -c shmqctl -n '__fish_seen_subcommand_from show' -l json
complete -c shmqctl -f -n '__fish_seen_subcommand_from show' -a '(__shmqctl_devices)'

complete -c shmqctl -n '__fish_seen_subcommand_from stats' -s h -l help
complete -c shmqctl -n '__fish_seen_subcommand_from stats' -l json
complete -c shmqctl -f -n '__fish_seen_subcommand_from stats' -a '(__shmqctl_devices)'

complete -c shmqctl -n '__fish_seen_subcommand_from latency' -s h -l help
complete -c shmqctl -n '__fish_seen_subcommand_from latency' -l json
complete -c shmqctl -n '__fish_seen_subcommand_from latency' -l gnuplot
complete -c shmqctl -f -n '__fish_seen_subcommand_from latency' -a '(ls -d /dev/shmq* 2>/dev/null)'

complete -c shmqctl -n '__fish_seen_subcommand_from reset' -s h -l help
complete -c shmqctl -n '__fish_seen_subcommand_from reset' -l stats
complete -c shmqctl -f -n '__fish_seen_subcommand_from reset' -a '(__shmqctl_devices)'

complete -c shmqctl -n '__fish_seen_subcommand_from monitor' -s h -l help
complete -c shmqctl -n '__fish_seen_subcommand_from monitor' -l count -x
complete -c shmqctl -n '__fish_seen_subcommand_from monitor' -l json
complete -c shmqctl -f -n '__fish_seen_subcommand_from monitor' -a '(__shmqctl_devices)'

complete -c shmqctl -n '__fish_seen_subcommand_from top' -s h -l help
complete -c shmqctl -n '__fish_seen_subcommand_from top' -l interval -x
complete -c shmqctl -n '__fish_seen_subcommand_from top' -l count -x
complete -c shmqctl -n '__fish_seen_subcommand_from top' -l json
complete -c shmqctl -f -n '__fish_seen_subcommand_from top' -a '(__shmqctl_devices)'

complete -c shmqctl -n '__fish_seen_subcommand_from send' -s h -l help
complete -c shmqctl -n '__fish_seen_subcommand_from send' -l create -x
complete -c shmqctl -n '__fish_seen_subcommand_from send' -l half -x -a '0 1 all'
complete -c shmqctl -n '__fish_seen_subcommand_from send' -l type -x -a 'msg bytes'
complete -c shmqctl -n '__fish_seen_subcommand_from send' -l framing -x -a 'checked plain'
complete -c shmqctl -n '__fish_seen_subcommand_from send' -l prefix -x
complete -c shmqctl -n '__fish_seen_subcommand_from send' -l offset -x
complete -c shmqctl -n '__fish_seen_subcommand_from send' -l size -x
complete -c shmqctl -n '__fish_seen_subcommand_from send' -l raw
complete -c shmqctl -n '__fish_seen_subcommand_from send' -s z -l null
complete -c shmqctl -n '__fish_seen_subcommand_from send' -l json
complete -c shmqctl -n '__fish_seen_subcommand_from send' -l tag -x
complete -c shmqctl -n '__fish_seen_subcommand_from send' -l timeout -x

complete -c shmqctl -n '__fish_seen_subcommand_from recv' -s h -l help
complete -c shmqctl -n '__fish_seen_subcommand_from recv' -l create -x
complete -c shmqctl -n '__fish_seen_subcommand_from recv' -l half -x -a '0 1 all'
complete -c shmqctl -n '__fish_seen_subcommand_from recv' -l type -x -a 'msg bytes'
complete -c shmqctl -n '__fish_seen_subcommand_from recv' -l framing -x -a 'checked plain'
complete -c shmqctl -n '__fish_seen_subcommand_from recv' -l prefix -x
complete -c shmqctl -n '__fish_seen_subcommand_from recv' -l offset -x
complete -c shmqctl -n '__fish_seen_subcommand_from recv' -l size -x
complete -c shmqctl -n '__fish_seen_subcommand_from recv' -l raw
complete -c shmqctl -n '__fish_seen_subcommand_from recv' -s z -l null
complete -c shmqctl -n '__fish_seen_subcommand_from recv' -l json
complete -c shmqctl -n '__fish_seen_subcommand_from recv' -l count -x
complete -c shmqctl -n '__fish_seen_subcommand_from recv' -l timeout -x
complete -c shmqctl -n '__fish_seen_subcommand_from recv' -l follow

complete -c shmqctl -n '__fish_seen_subcommand_from bench' -s h -l help
complete -c shmqctl -n '__fish_seen_subcommand_from bench' -l size -x
complete -c shmqctl -n '__fish_seen_subcommand_from bench' -l seconds -x
complete -c shmqctl -n '__fish_seen_subcommand_from bench' -l framing -x -a 'checked plain'
complete -c shmqctl -n '__fish_seen_subcommand_from bench' -l json
complete -c shmqctl -f -n '__fish_seen_subcommand_from bench' -a '(__shmqctl_devices)'

complete -c shmqctl -n '__fish_seen_subcommand_from doctor' -s h -l help
complete -c shmqctl -n '__fish_seen_subcommand_from doctor' -l json
complete -c shmqctl -f -n '__fish_seen_subcommand_from doctor' -a '(__shmqctl_devices)'
