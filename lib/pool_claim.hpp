// SPDX-License-Identifier: GPL-2.0-only OR MIT
#ifndef SHMQ_LIB_POOL_CLAIM_HPP
#define SHMQ_LIB_POOL_CLAIM_HPP

#include "descriptor.hpp"

#include <cstdint>
#include <string>

namespace shmq::detail {

/// Locks on the file behind a shared pool, one byte for each owner's slot, which
/// the kernel takes back when their holder's process ends. They belong to an open
/// file of this object's own, so that a process can hold several pools; a forked
/// child holds them too.
///
/// On a device of layout pool they are claims of the driver's: one device may have
/// several nodes (each container its own), and locks belong to the node.
class PoolLocks {
public:
    enum class Taken { yes, no, failed };

    /// Without a descriptor, or without /proc, there are no locks.
    explicit PoolLocks(int fd);

    [[nodiscard]] explicit operator bool() const noexcept { return static_cast<bool>(file_); }

    /// `no`: somebody has it; `failed`: errno says why. Does not wait.
    [[nodiscard]] Taken take(std::uint32_t slot) noexcept;
    void drop(std::uint32_t slot) noexcept;

private:
    Descriptor file_;
    bool driver_; ///< which claims the slots
};

} // namespace shmq::detail

#endif // SHMQ_LIB_POOL_CLAIM_HPP
