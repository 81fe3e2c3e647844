// SPDX-License-Identifier: GPL-2.0-only OR MIT
// Memory for a queue under test, with bytes around it that must not change.
#ifndef SHMQ_TESTS_MEMORY_HPP
#define SHMQ_TESTS_MEMORY_HPP

#include <shmq/core/barrier.h>

#include <gtest/gtest.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <new>
#include <span>

class Memory {
public:
    /// `offset` bytes after an address that is a multiple of 64.
    explicit Memory(std::size_t size, std::size_t offset = 0)
        : size_(size),
          all_(size + offset + 2 * guard),
          start_(guard + offset),
          bytes_(static_cast<std::byte*>(::operator new(all_, alignment))) {
        std::fill_n(bytes_, all_, mark);
        std::ranges::fill(span(), std::byte{0});
    }
    Memory(const Memory&) = delete;
    Memory& operator=(const Memory&) = delete;
    ~Memory() {
        EXPECT_TRUE(std::all_of(bytes_, bytes_ + start_, is_mark)) << "written before the queue";
        EXPECT_TRUE(std::all_of(bytes_ + start_ + size_, bytes_ + all_, is_mark))
            << "written behind the queue";
        ::operator delete(bytes_, alignment);
    }

    [[nodiscard]] std::span<std::byte> span() const { return {bytes_ + start_, size_}; }
    [[nodiscard]] shmq_base base() const { return reinterpret_cast<shmq_base>(span().data()); }
    [[nodiscard]] std::size_t size() const { return size_; }

    [[nodiscard]] std::uint32_t word(std::uint32_t offset) const {
        return shmq_load_acquire(base(), offset);
    }
    void set_word(std::uint32_t offset, std::uint32_t value) const {
        shmq_store_release(base(), offset, value);
    }
    std::byte& operator[](std::size_t i) const { return span()[i]; }

private:
    static constexpr std::size_t guard = 64;
    static constexpr std::align_val_t alignment{64};
    static constexpr std::byte mark{0xa5};
    static bool is_mark(std::byte b) { return b == mark; }

    std::size_t size_;
    std::size_t all_;
    std::size_t start_;
    std::byte* bytes_;
};

#endif // SHMQ_TESTS_MEMORY_HPP
