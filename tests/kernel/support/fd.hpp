// SPDX-License-Identifier: GPL-2.0-only OR MIT
// A descriptor and a mapping that give themselves back.
#pragma once

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <string>
#include <system_error>
#include <utility>

#include <sys/mman.h>
#include <unistd.h>

namespace test {

[[noreturn]] inline void fail(const std::string& what, int error = errno) {
    throw std::system_error(error, std::generic_category(), what);
}

class Fd {
public:
    Fd() = default;
    explicit Fd(int fd) : fd_(fd) {}
    Fd(Fd&& o) noexcept : fd_(std::exchange(o.fd_, -1)) {}
    Fd& operator=(Fd&& o) noexcept {
        std::swap(fd_, o.fd_);
        return *this;
    }
    ~Fd() { close(); }

    int get() const { return fd_; }
    bool valid() const { return fd_ >= 0; }
    void close() {
        if (fd_ >= 0)
            ::close(std::exchange(fd_, -1));
    }

private:
    int fd_ = -1;
};

class Mapping {
public:
    Mapping() = default;
    // Does not throw: error() is 0 or why there is no mapping.
    Mapping(int fd, std::size_t length, std::uint64_t offset, int prot = PROT_READ | PROT_WRITE,
            int flags = MAP_SHARED)
        : length_(length) {
        void* at = ::mmap(nullptr, length, prot, flags, fd, static_cast<off_t>(offset));
        if (at == MAP_FAILED)
            error_ = errno;
        else
            data_ = static_cast<std::uint8_t*>(at);
    }
    Mapping(Mapping&& o) noexcept
        : data_(std::exchange(o.data_, nullptr)), length_(o.length_), error_(o.error_) {}
    Mapping& operator=(Mapping&& o) noexcept {
        std::swap(data_, o.data_);
        std::swap(length_, o.length_);
        std::swap(error_, o.error_);
        return *this;
    }
    ~Mapping() { unmap(); }

    void unmap() {
        if (data_)
            ::munmap(std::exchange(data_, nullptr), length_);
    }
    // The caller unmaps, or moved it elsewhere.
    std::uint8_t* forget() { return std::exchange(data_, nullptr); }
    std::uint8_t* data() const { return data_; }
    std::size_t size() const { return length_; }
    int error() const { return error_; }
    Mapping&& need(const char* what) && {
        if (error_)
            fail(what, error_);
        return std::move(*this);
    }

private:
    std::uint8_t* data_ = nullptr;
    std::size_t length_ = 0;
    int error_ = 0;
};

} // namespace test
