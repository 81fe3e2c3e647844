// SPDX-License-Identifier: GPL-2.0-only OR MIT
// What doctor finds.
#ifndef SHMQCTL_FINDING_HPP
#define SHMQCTL_FINDING_HPP

#include <string>
#include <vector>

namespace shmqctl {

enum class Verdict { good, hint, bad };

struct Finding {
    Verdict verdict;
    std::string what;
    std::string remedy; ///< empty: nothing to do
};

/// Each adds what it finds; none throws for what it looks at.
void look_at_module(std::vector<Finding>& findings);
void look_at_devices(std::vector<Finding>& findings);
void look_at_control(std::vector<Finding>& findings);
void look_at_memory(std::vector<Finding>& findings);

/// The numbers of the /dev/shmqN that there are, ascending.
[[nodiscard]] std::vector<unsigned> device_nodes();

/// Whether the module is in the kernel.
[[nodiscard]] bool module_loaded();

} // namespace shmqctl

#endif // SHMQCTL_FINDING_HPP
