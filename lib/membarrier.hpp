// SPDX-License-Identifier: GPL-2.0-only OR MIT
// membarrier(2): a full fence in other processes, wherever they are.
#ifndef SHMQ_LIB_MEMBARRIER_HPP
#define SHMQ_LIB_MEMBARRIER_HPP

#include <linux/membarrier.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace shmq::detail {

/// Lets others make this process fence; false if they cannot.
inline bool may_be_fenced() noexcept {
    return ::syscall(SYS_membarrier, MEMBARRIER_CMD_REGISTER_GLOBAL_EXPEDITED, 0, 0) == 0;
}

/// Makes all processes fence that may be fenced (about a microsecond), or, if
/// this kernel does not do that, all that there are (milliseconds).
inline bool fence_others() noexcept {
    return ::syscall(SYS_membarrier, MEMBARRIER_CMD_GLOBAL_EXPEDITED, 0, 0) == 0 ||
           ::syscall(SYS_membarrier, MEMBARRIER_CMD_GLOBAL, 0, 0) == 0;
}

} // namespace shmq::detail

#endif // SHMQ_LIB_MEMBARRIER_HPP
