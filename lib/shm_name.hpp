// SPDX-License-Identifier: GPL-2.0-only OR MIT
#ifndef SHMQ_LIB_SHM_NAME_HPP
#define SHMQ_LIB_SHM_NAME_HPP

#include <string>

namespace shmq::detail {

/// Whether shm_open(3) takes this name everywhere: one slash, then a name.
inline bool is_shm_name(const std::string& name) noexcept {
    return name.size() >= 2 && name.front() == '/' && name.find('/', 1) == std::string::npos;
}

} // namespace shmq::detail

#endif // SHMQ_LIB_SHM_NAME_HPP
