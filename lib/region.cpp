// SPDX-License-Identifier: GPL-2.0-only OR MIT
#include "descriptor.hpp"
#include "failure.hpp"
#include "shm_name.hpp"

#include <shmq/region.hpp>

#include <cstring>
#include <limits>
#include <utility>

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

namespace shmq {

using detail::Descriptor;
using detail::fail;
using detail::fail_errno;
using detail::guarded;

namespace {

void check_size(std::size_t size, const std::string& what) {
    if (size == 0)
        fail(std::errc::invalid_argument, what + ": a region of 0 bytes");
    if (size > static_cast<std::size_t>(std::numeric_limits<off_t>::max()))
        fail(std::errc::invalid_argument, what + ": a region of more bytes than a file can have");
}

void check_shm_name(const std::string& name) {
    if (!detail::is_shm_name(name))
        fail(std::errc::invalid_argument,
             "'" + name +
                 "' cannot name shared memory: one '/' and then a name, as in \"/camera\"");
}

std::string open_failure(const std::string& what, int error, bool read_only = false) {
    if (error == ENOENT)
        return what + ": does not exist";
    if (error == EACCES || error == EPERM)
        return what + ": no permission; its owner or mode must admit you for reading" +
               (read_only ? "" : " and writing");
    return what + ": cannot be opened";
}

[[noreturn]] void fail_size(int error, std::size_t size, const std::string& what) {
    fail_errno(error, what + ": cannot have " + std::to_string(size) + " bytes" +
                          (error == ENOSPC ? ": its file system is full or too small" : ""));
}

} // namespace

Region::Region() noexcept = default;

Region::Region(int fd, std::span<std::byte> bytes, bool mapped, std::uint64_t offset,
               Access access) noexcept
    : bytes_(bytes),
      offset_(offset),
      fd_(fd),
      mapped_(mapped),
      writable_(access == Access::read_write) {}

Region::Region(Region&& other) noexcept
    : bytes_(std::exchange(other.bytes_, {})),
      offset_(other.offset_),
      fd_(std::exchange(other.fd_, -1)),
      mapped_(std::exchange(other.mapped_, false)),
      writable_(other.writable_) {}

Region& Region::operator=(Region&& other) noexcept {
    Region old(std::move(*this));
    bytes_ = std::exchange(other.bytes_, {});
    offset_ = other.offset_;
    writable_ = other.writable_;
    fd_ = std::exchange(other.fd_, -1);
    mapped_ = std::exchange(other.mapped_, false);
    return *this;
}

Region::~Region() {
    if (mapped_)
        ::munmap(bytes_.data(), bytes_.size());
    if (fd_ >= 0)
        ::close(fd_);
}

void Region::close_fd() noexcept {
    const Descriptor closed(std::exchange(fd_, -1));
}

Region Region::map(int fd, std::uint64_t offset, std::size_t size, const std::string& what,
                   Access access) {
    Descriptor owned(fd);
    struct stat st {};
    if (::fstat(fd, &st) != 0)
        fail_errno(errno, what + ": not a descriptor that can be mapped");
    if (offset > static_cast<std::uint64_t>(std::numeric_limits<off_t>::max()))
        fail(std::errc::invalid_argument,
             what + ": offset " + std::to_string(offset) + " lies beyond any file");

    // Only a regular file has a size that means something.
    if (S_ISREG(st.st_mode)) {
        const auto length = static_cast<std::uint64_t>(st.st_size);
        const std::uint64_t rest = length > offset ? length - offset : 0;
        if (size == 0 && rest <= std::numeric_limits<std::size_t>::max())
            size = static_cast<std::size_t>(rest);
        if (size == 0 || size > rest)
            fail(std::errc::invalid_argument, what + ": has " + std::to_string(length) +
                                                  " bytes, too few for " + std::to_string(size) +
                                                  " at offset " + std::to_string(offset));
    } else if (size == 0) {
        fail(std::errc::invalid_argument, what + ": has no size of its own: say how many bytes");
    }

    const int protection = access == Access::read_only ? PROT_READ : PROT_READ | PROT_WRITE;
    void* memory = ::mmap(nullptr, size, protection, MAP_SHARED, fd, static_cast<off_t>(offset));
    if (memory == MAP_FAILED)
        fail_errno(errno, what + ": cannot map " + std::to_string(size) + " bytes at offset " +
                              std::to_string(offset));
    return {owned.release(), {static_cast<std::byte*>(memory), size}, true, offset, access};
}

Region Region::memfd(const std::string& name, std::size_t size) {
    const std::string what = "memfd " + name;
    check_size(size, what);
    Descriptor fd(::memfd_create(name.c_str(), MFD_CLOEXEC | MFD_ALLOW_SEALING));
    if (!fd)
        fail_errno(errno, what + ": cannot be made");
    // No file system's limit applies to it: pages come with their first use.
    if (::ftruncate(fd.get(), static_cast<off_t>(size)) != 0)
        fail_size(errno, size, what);
    // A peer that truncates it would kill us.
    if (::fcntl(fd.get(), F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) != 0)
        fail_errno(errno, what + ": cannot be sealed");
    return map(fd.release(), 0, size, what);
}

Region Region::posix_shm(const std::string& name, std::size_t size, mode_t mode) {
    const std::string what = "shm " + name;
    check_shm_name(name);
    check_size(size, what);
    Descriptor fd(::shm_open(name.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, mode));
    if (!fd) {
        const int error = errno;
        fail_errno(error, error == EEXIST ? what + ": exists already; open it, or unlink it first"
                                          : open_failure(what, error));
    }
    try {
        return fill(fd.release(), size, mode, what);
    } catch (...) {
        ::shm_unlink(name.c_str());
        throw;
    }
}

Region Region::fill(int fd, std::size_t size, mode_t mode, const std::string& what) {
    Descriptor owned(fd);
    if (::fchmod(fd, mode) != 0)
        fail_errno(errno, what + ": cannot set its mode");
    // The file system has a limit: meet it now, not by SIGBUS.
    const int error = ::posix_fallocate(fd, 0, static_cast<off_t>(size));
    if (error)
        fail_size(error, size, what);
    return map(owned.release(), 0, size, what);
}

Region Region::posix_shm(const std::string& name) {
    return open_shm(name, Access::read_write);
}

Region Region::posix_shm_read_only(const std::string& name) {
    return open_shm(name, Access::read_only);
}

Region Region::open_shm(const std::string& name, Access access) {
    const std::string what = "shm " + name;
    check_shm_name(name);
    const int mode = access == Access::read_only ? O_RDONLY : O_RDWR;
    Descriptor fd(::shm_open(name.c_str(), mode | O_CLOEXEC, 0));
    if (!fd) {
        const int error = errno;
        fail_errno(error, open_failure(what, error, access == Access::read_only));
    }
    return map(fd.release(), 0, 0, what, access);
}

void Region::posix_shm_unlink(const std::string& name) {
    if (::shm_unlink(name.c_str()) != 0)
        fail_errno(errno, "shm " + name + ": cannot be unlinked");
}

void Region::posix_shm_unlink(const std::string& name, std::error_code& ec) noexcept {
    ec.clear();
    if (::shm_unlink(name.c_str()) != 0)
        ec.assign(errno, std::generic_category());
}

Region Region::file(const std::string& path, std::uint64_t offset, std::size_t size) {
    Descriptor fd(::open(path.c_str(), O_RDWR | O_CLOEXEC));
    if (!fd) {
        const int error = errno;
        fail_errno(error, open_failure(path, error));
    }
    return map(fd.release(), offset, size, path);
}

Region Region::create_file(const std::string& path, std::size_t size, mode_t mode) {
    check_size(size, path);
    Descriptor fd(::open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, mode));
    if (!fd) {
        const int error = errno;
        fail_errno(error, error == EEXIST ? path + ": exists already; open it, or remove it first"
                                          : path + ": cannot be made");
    }
    try {
        return fill(fd.release(), size, mode, path);
    } catch (...) {
        ::unlink(path.c_str());
        throw;
    }
}

Region Region::from_fd(int fd, std::size_t size, std::uint64_t offset) {
    return map_fd(fd, size, offset, Access::read_write);
}

Region Region::from_fd_read_only(int fd, std::size_t size, std::uint64_t offset) {
    return map_fd(fd, size, offset, Access::read_only);
}

Region Region::map_fd(int fd, std::size_t size, std::uint64_t offset, Access access) {
    const std::string what = "descriptor " + std::to_string(fd);
    Descriptor copy(::fcntl(fd, F_DUPFD_CLOEXEC, 0));
    if (!copy)
        fail_errno(errno, what + ": cannot be duplicated");
    return map(copy.release(), offset, size, what, access);
}

Region Region::raw(void* memory, std::size_t size) noexcept {
    return {-1, {static_cast<std::byte*>(memory), size}, false};
}

std::span<std::byte> Region::slice(std::uint64_t offset, std::uint64_t length) const {
    if (offset > bytes_.size() || length > bytes_.size() - offset)
        fail(std::errc::invalid_argument,
             "bytes " + std::to_string(offset) + " + " + std::to_string(length) +
                 " do not lie in a region of " + std::to_string(bytes_.size()));
    return bytes_.subspan(static_cast<std::size_t>(offset), static_cast<std::size_t>(length));
}

std::span<std::byte> Region::slice(std::uint64_t offset, std::uint64_t length,
                                   std::error_code& ec) const noexcept {
    ec.clear();
    if (offset > bytes_.size() || length > bytes_.size() - offset) {
        ec = std::make_error_code(std::errc::invalid_argument);
        return {};
    }
    return bytes_.subspan(static_cast<std::size_t>(offset), static_cast<std::size_t>(length));
}

Region Region::memfd(const std::string& name, std::size_t size, std::error_code& ec) {
    return guarded(ec, Region(), [&] { return memfd(name, size); });
}

Region Region::posix_shm(const std::string& name, std::size_t size, mode_t mode,
                         std::error_code& ec) {
    return guarded(ec, Region(), [&] { return posix_shm(name, size, mode); });
}

Region Region::posix_shm(const std::string& name, std::error_code& ec) {
    return guarded(ec, Region(), [&] { return posix_shm(name); });
}

Region Region::posix_shm_read_only(const std::string& name, std::error_code& ec) {
    return guarded(ec, Region(), [&] { return posix_shm_read_only(name); });
}

Region Region::from_fd_read_only(int fd, std::size_t size, std::uint64_t offset,
                                 std::error_code& ec) {
    return guarded(ec, Region(), [&] { return from_fd_read_only(fd, size, offset); });
}

Region Region::file(const std::string& path, std::uint64_t offset, std::size_t size,
                    std::error_code& ec) {
    return guarded(ec, Region(), [&] { return file(path, offset, size); });
}

Region Region::create_file(const std::string& path, std::size_t size, mode_t mode,
                           std::error_code& ec) {
    return guarded(ec, Region(), [&] { return create_file(path, size, mode); });
}

Region Region::from_fd(int fd, std::size_t size, std::uint64_t offset, std::error_code& ec) {
    return guarded(ec, Region(), [&] { return from_fd(fd, size, offset); });
}

} // namespace shmq
