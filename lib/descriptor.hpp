// SPDX-License-Identifier: GPL-2.0-only OR MIT
#ifndef SHMQ_LIB_DESCRIPTOR_HPP
#define SHMQ_LIB_DESCRIPTOR_HPP

#include <unistd.h>
#include <utility>

namespace shmq::detail {

/// Owns a file descriptor.
class Descriptor {
public:
    explicit Descriptor(int fd = -1) noexcept : fd_(fd) {}
    Descriptor(Descriptor&& other) noexcept : fd_(other.release()) {}
    Descriptor& operator=(Descriptor&& other) noexcept {
        Descriptor gone(std::exchange(fd_, other.release()));
        return *this;
    }
    ~Descriptor() {
        if (fd_ >= 0)
            ::close(fd_);
    }

    [[nodiscard]] int get() const noexcept { return fd_; }
    explicit operator bool() const noexcept { return fd_ >= 0; }
    [[nodiscard]] int release() noexcept { return std::exchange(fd_, -1); }

private:
    int fd_;
};

} // namespace shmq::detail

#endif // SHMQ_LIB_DESCRIPTOR_HPP
