// SPDX-License-Identifier: GPL-2.0-only OR MIT
// Where the benchmark runs, and what may spoil it.
#ifndef BENCH_MACHINE_HPP
#define BENCH_MACHINE_HPP

#include <string>
#include <vector>

namespace bench {

struct Machine {
    std::string cpu;
    std::string kernel;
    std::string compiler;
    std::vector<int> cpus; ///< that this process may use
    double load = 0;       ///< load average of the last minute
    double busy = 0;       ///< share of those CPUs that others took just now
    std::vector<std::string> warnings;
};

/// Takes half a second, in which it looks who else runs.
Machine look_at_machine();

/// Moves the calling process to one CPU. Throws std::system_error.
void pin(int cpu);

} // namespace bench

#endif // BENCH_MACHINE_HPP
