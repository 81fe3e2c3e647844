// SPDX-License-Identifier: GPL-2.0-only OR MIT
// How the program ends.
#ifndef SHMQCTL_EXIT_STATUS_HPP
#define SHMQCTL_EXIT_STATUS_HPP

#include <stdexcept>

namespace shmqctl {

/// Exit statuses, as the manual has them.
enum Exit : int {
    exit_ok = 0,
    exit_failed = 1,
    exit_wrong_use = 2,
    exit_nothing = 3, ///< recv: less came than was asked for
    exit_damage = 4,  ///< recv: damaged messages were skipped
    exit_interrupted = 130,
};

/// What CLI11 cannot see is wrong about the command line.
struct WrongUse : std::runtime_error {
    using std::runtime_error::runtime_error;
};

} // namespace shmqctl

#endif // SHMQCTL_EXIT_STATUS_HPP
