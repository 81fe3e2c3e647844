// SPDX-License-Identifier: GPL-2.0-only OR MIT
// A piece of shared memory, mapped.
#ifndef SHMQ_REGION_HPP
#define SHMQ_REGION_HPP

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <system_error>

#include <sys/types.h>

namespace shmq {

/// Owns a mapping, and the descriptor behind it where there is one; move-only.
/// Sizes and offsets are bytes.
///
/// Each factory throws std::system_error whose what() says what failed and what
/// to do; the overload with a std::error_code& returns an empty region instead.
/// A file that is shorter than what was asked for is an error (EINVAL), so that
/// nothing here ends in SIGBUS unless somebody truncates the file later; a
/// memfd of ours is sealed against that.
class Region {
public:
    Region() noexcept;
    Region(Region&& other) noexcept;
    Region& operator=(Region&& other) noexcept;
    ~Region();

    /// New anonymous memory, zeroed, to be inherited or passed as a descriptor.
    /// `name` shows in /proc and need not be unique.
    static Region memfd(const std::string& name, std::size_t size);
    static Region memfd(const std::string& name, std::size_t size, std::error_code& ec);

    /// Makes a POSIX shared memory object, zeroed. `name` as shm_open(3) wants
    /// it: "/something". EEXIST if there is one. `mode` is set whatever the umask.
    static Region posix_shm(const std::string& name, std::size_t size, mode_t mode = 0600);
    static Region posix_shm(const std::string& name, std::size_t size, mode_t mode,
                            std::error_code& ec);

    /// Maps all of a POSIX shared memory object that exists.
    static Region posix_shm(const std::string& name);
    static Region posix_shm(const std::string& name, std::error_code& ec);

    /// Likewise for reading only: to store there is SIGSEGV.
    static Region posix_shm_read_only(const std::string& name);
    static Region posix_shm_read_only(const std::string& name, std::error_code& ec);

    /// Removes the name; who has the memory mapped keeps it.
    static void posix_shm_unlink(const std::string& name);
    static void posix_shm_unlink(const std::string& name, std::error_code& ec) noexcept;

    /// Maps `size` bytes (0: the rest) of a file from `offset`, a multiple of
    /// the page size: a regular file, a PCI resource file, or a character
    /// device such as /dev/mem, which has no size to be checked.
    static Region file(const std::string& path, std::uint64_t offset = 0, std::size_t size = 0);
    static Region file(const std::string& path, std::uint64_t offset, std::size_t size,
                       std::error_code& ec);

    /// Makes a file of `size` zero bytes and maps it. EEXIST if there is one.
    /// `mode` is set whatever the umask. The file is removed again if it fails.
    static Region create_file(const std::string& path, std::size_t size, mode_t mode = 0600);
    static Region create_file(const std::string& path, std::size_t size, mode_t mode,
                              std::error_code& ec);

    /// Maps memory behind a descriptor, which stays the caller's.
    static Region from_fd(int fd, std::size_t size = 0, std::uint64_t offset = 0);
    static Region from_fd(int fd, std::size_t size, std::uint64_t offset, std::error_code& ec);

    /// Likewise for reading only; the descriptor need not be open for more.
    static Region from_fd_read_only(int fd, std::size_t size = 0, std::uint64_t offset = 0);
    static Region from_fd_read_only(int fd, std::size_t size, std::uint64_t offset,
                                    std::error_code& ec);

    /// Memory that somebody else owns and that outlives the region.
    static Region raw(void* memory, std::size_t size) noexcept;

    [[nodiscard]] std::span<std::byte> bytes() const noexcept { return bytes_; }
    [[nodiscard]] std::size_t size() const noexcept { return bytes_.size(); }
    [[nodiscard]] bool empty() const noexcept { return bytes_.empty(); }

    /// A part of it. Throws (EINVAL) if that is not all inside.
    [[nodiscard]] std::span<std::byte> slice(std::uint64_t offset, std::uint64_t length) const;
    [[nodiscard]] std::span<std::byte> slice(std::uint64_t offset, std::uint64_t length,
                                             std::error_code& ec) const noexcept;

    /// The descriptor of the memory, or -1 (raw). It belongs to the region.
    [[nodiscard]] int fd() const noexcept { return fd_; }

    /// Where in that descriptor's file the memory starts.
    [[nodiscard]] std::uint64_t offset() const noexcept { return offset_; }

    /// Whether it is mapped for writing too.
    [[nodiscard]] bool writable() const noexcept { return writable_; }

    /// Closes the descriptor; the mapping needs it no longer.
    void close_fd() noexcept;

private:
    enum class Access : std::uint8_t { read_write, read_only };

    Region(int fd, std::span<std::byte> bytes, bool mapped, std::uint64_t offset = 0,
           Access access = Access::read_write) noexcept;

    /// A new file's mode, bytes and mapping.
    static Region fill(int fd, std::size_t size, mode_t mode, const std::string& what);

    /// Takes the descriptor over, also when it fails.
    static Region map(int fd, std::uint64_t offset, std::size_t size, const std::string& what,
                      Access access = Access::read_write);

    static Region open_shm(const std::string& name, Access access);
    static Region map_fd(int fd, std::size_t size, std::uint64_t offset, Access access);

    std::span<std::byte> bytes_;
    std::uint64_t offset_ = 0;
    int fd_ = -1;
    bool mapped_ = false;
    bool writable_ = true;
};

} // namespace shmq

#endif // SHMQ_REGION_HPP
