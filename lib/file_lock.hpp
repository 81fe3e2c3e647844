// SPDX-License-Identifier: GPL-2.0-only OR MIT
// Locks on single bytes of a file, which the operating system takes back when
// their holder dies. Only the locks matter, not the bytes.
#ifndef SHMQ_LIB_FILE_LOCK_HPP
#define SHMQ_LIB_FILE_LOCK_HPP

#include "descriptor.hpp"

#include <cerrno>
#include <cstdint>
#include <string>

#include <fcntl.h>

namespace shmq::detail {

inline struct flock byte_lock(std::uint64_t byte, short type) noexcept {
    struct flock lock {};
    lock.l_type = type;
    lock.l_whence = SEEK_SET;
    lock.l_start = static_cast<off_t>(byte);
    lock.l_len = 1;
    return lock;
}

/// Locks belong to an open file: one of our own, not what a parent passed on.
/// Empty without a descriptor, or without /proc.
inline Descriptor reopen(int fd, int mode = O_RDWR) {
    if (fd < 0)
        return Descriptor();
    const std::string path = "/proc/self/fd/" + std::to_string(fd);
    return Descriptor(::open(path.c_str(), mode | O_CLOEXEC));
}

/// Returns 0 or an errno; does not wait.
inline int lock_byte(const Descriptor& file, std::uint64_t byte) noexcept {
    struct flock lock = byte_lock(byte, F_WRLCK);
    return ::fcntl(file.get(), F_OFD_SETLK, &lock) == 0 ? 0 : errno;
}

/// Whether that is why lock_byte() failed; POSIX leaves the choice.
inline bool locked_by_another(int error) noexcept {
    return error == EAGAIN || error == EACCES;
}

inline void unlock_byte(const Descriptor& file, std::uint64_t byte) noexcept {
    struct flock lock = byte_lock(byte, F_UNLCK);
    static_cast<void>(::fcntl(file.get(), F_OFD_SETLK, &lock));
}

/// Whether nobody but this open file has it; false if that cannot be known. The
/// file may be open for reading only.
inline bool byte_is_free(const Descriptor& file, std::uint64_t byte) noexcept {
    struct flock lock = byte_lock(byte, F_WRLCK);
    return file && ::fcntl(file.get(), F_OFD_GETLK, &lock) == 0 && lock.l_type == F_UNLCK;
}

} // namespace shmq::detail

#endif // SHMQ_LIB_FILE_LOCK_HPP
