// SPDX-License-Identifier: GPL-2.0-only OR MIT
// Memory for a queue, shared with children, between bytes that must not change
// and a page that must not be touched.
#ifndef SHMQ_TESTS_INTEROP_SHARED_MEMORY_HPP
#define SHMQ_TESTS_INTEROP_SHARED_MEMORY_HPP

#include <gtest/gtest.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <system_error>

#include <sys/mman.h>
#include <unistd.h>

/// Both positions of a queue.
struct Positions {
    std::uint32_t write;
    std::uint32_t read;
    friend bool operator==(const Positions&, const Positions&) = default;
};

class SharedMemory {
public:
    /// `n` bytes of data; an empty queue whose positions are `start`.
    explicit SharedMemory(std::uint32_t n, std::uint32_t start = 0)
        : size_(n + header), page_(static_cast<std::size_t>(::sysconf(_SC_PAGESIZE))) {
        const std::size_t pages = (size_ + slack + page_ - 1) / page_;
        mapped_ = (pages + 1) * page_;
        void* at =
            ::mmap(nullptr, mapped_, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        if (at == MAP_FAILED)
            throw std::system_error(errno, std::generic_category(), "mmap");
        all_ = static_cast<std::byte*>(at);
        const std::size_t usable = pages * page_;
        if (::mprotect(all_ + usable, page_, PROT_NONE) != 0)
            throw std::system_error(errno, std::generic_category(), "mprotect");
        // As near to the forbidden page as its alignment allows.
        start_ = (usable - size_) & ~std::size_t{3};
        std::fill_n(all_, usable, mark);
        fill('\0');
        set({start, start});
    }
    SharedMemory(const SharedMemory&) = delete;
    SharedMemory& operator=(const SharedMemory&) = delete;
    ~SharedMemory() {
        EXPECT_TRUE(intact()) << "written outside the queue";
        ::munmap(all_, mapped_);
    }

    [[nodiscard]] std::span<std::byte> span() const { return {all_ + start_, size_}; }
    [[nodiscard]] std::uint8_t* base() const {
        return reinterpret_cast<std::uint8_t*>(all_ + start_);
    }
    [[nodiscard]] std::size_t size() const { return size_; }
    /// Bytes of data.
    [[nodiscard]] std::uint32_t n() const { return static_cast<std::uint32_t>(size_ - header); }

    [[nodiscard]] Positions positions() const {
        return {__atomic_load_n(word(0), __ATOMIC_ACQUIRE),
                __atomic_load_n(word(4), __ATOMIC_ACQUIRE)};
    }
    void set(const Positions& p) const {
        __atomic_store_n(word(0), p.write, __ATOMIC_RELEASE);
        __atomic_store_n(word(4), p.read, __ATOMIC_RELEASE);
    }

    /// The byte of data that is `i` bytes after a position.
    [[nodiscard]] std::uint8_t& data(std::uint64_t i) const { return base()[header + i % n()]; }
    void fill(char c) const {
        std::ranges::fill(span().subspan(header), static_cast<std::byte>(c));
    }

    /// All bytes, the positions too.
    [[nodiscard]] std::string_view bytes() const {
        return {reinterpret_cast<const char*>(base()), size_};
    }

    /// Whether nothing outside the queue was written.
    [[nodiscard]] bool intact() const {
        const auto is_mark = [](std::byte b) { return b == mark; };
        return std::all_of(all_, all_ + start_, is_mark) &&
               std::all_of(all_ + start_ + size_, all_ + mapped_ - page_, is_mark);
    }

private:
    static constexpr std::size_t header = 8;
    static constexpr std::size_t slack = 64;
    static constexpr std::byte mark{0xa5};

    [[nodiscard]] std::uint32_t* word(std::size_t offset) const {
        return reinterpret_cast<std::uint32_t*>(base() + offset);
    }

    std::size_t size_;
    std::size_t page_;
    std::size_t mapped_ = 0;
    std::size_t start_ = 0;
    std::byte* all_ = nullptr;
};

#endif // SHMQ_TESTS_INTEROP_SHARED_MEMORY_HPP
