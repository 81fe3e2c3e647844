// SPDX-License-Identifier: GPL-2.0-only OR MIT
// Pools of values within one program: no heap, no lock, usable in signal
// handlers and interrupts. Between processes: shared_pool.hpp.
#ifndef SHMQ_POOL_HPP
#define SHMQ_POOL_HPP

#include <shmq/block_pool.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <span>
#include <utility>

namespace shmq {

template <typename T>
class Box;
template <typename T>
class Pool;

/// A block without a value: what can be done with it is to make one. Move-only;
/// dropped, the block goes back to its pool.
template <typename T>
class [[nodiscard]] UninitBox {
public:
    /// None: what alloc() returns when no block is free.
    UninitBox() noexcept = default;

    [[nodiscard]] explicit operator bool() const noexcept { return block_.at() != nullptr; }

    /// Where the value will be; sizeof(T) bytes of any content.
    [[nodiscard]] void* memory() const noexcept { return block_.at(); }

    /// Makes a value there; this is empty afterwards. There must be a block. If T's
    /// constructor throws, the block stays here.
    template <typename... Args>
    Box<T> init(Args&&... args) && {
        ::new (block_.at()) T(std::forward<Args>(args)...);
        return Box<T>(block_.release());
    }

    /// The caller has made a value at memory() itself.
    Box<T> assume_init() && noexcept { return Box<T>(block_.release()); }

private:
    friend class Pool<T>;
    explicit UninitBox(const PoolBlock& block) noexcept : block_(block) {}

    detail::OwnedBlock block_;
};

/// Owns a value in a pool's block, as std::unique_ptr owns one on the heap:
/// move-only; dropped, the value is destroyed and the block goes back. Must not
/// outlive the pool.
template <typename T>
class [[nodiscard]] Box {
public:
    /// None: what make() returns when no block is free.
    Box() noexcept = default;
    Box(Box&&) noexcept = default;
    Box& operator=(Box&& other) noexcept {
        Box old(std::move(*this));
        block_ = std::move(other.block_);
        return *this;
    }
    ~Box() {
        if (block_.at())
            std::destroy_at(get());
    }

    [[nodiscard]] explicit operator bool() const noexcept { return block_.at() != nullptr; }
    [[nodiscard]] T* get() const noexcept { return static_cast<T*>(block_.at()); }
    [[nodiscard]] T& operator*() const noexcept { return *get(); }
    [[nodiscard]] T* operator->() const noexcept { return get(); }

    void reset() noexcept { *this = Box(); }

    /// Leaves the block to the caller, who hands it to adopt() later: for C
    /// callbacks and the like, which keep a pointer only.
    [[nodiscard]] PoolBlock release() noexcept { return block_.release(); }

    /// Owns again what release() gave away; once.
    static Box adopt(const PoolBlock& block) noexcept { return Box(block); }

private:
    friend class UninitBox<T>;
    explicit Box(const PoolBlock& block) noexcept : block_(block) {}

    detail::OwnedBlock block_;
};

/// Memory for `N` values, zeroed and aligned, that a Pool starts with.
template <typename T, std::uint32_t N>
class PoolMemory {
    static constexpr std::size_t align = alignof(T) < 64 ? 64 : alignof(T);

    static constexpr shmq_pool layout(std::uint8_t* base) {
        shmq_pool core{};
        (void)shmq_pool_place(&core, base, 0, N, sizeof(T), alignof(T), 1);
        return core;
    }
    static_assert(N > 0 && layout(nullptr).total > 0, "no values, or more than 4 GiB of them");

public:
    constexpr PoolMemory() noexcept = default;
    [[nodiscard]] constexpr shmq_pool core() noexcept { return layout(bytes_); }

private:
    alignas(align) std::uint8_t bytes_[layout(nullptr).total]{};
};

/// A pool of values of one type.
///
///     SHMQ_STATIC_POOL(frames, Frame, 64);       // memory for 64, no start-up code
///     if (shmq::Box<Frame> f = frames.make(width, height))
///         use(*f);                                // goes back at the end of the scope
///
/// Threads, signal handlers and interrupts: all but the constructor and
/// destructor, at once; nothing waits for another. (On Linux, in a program: in a
/// library loaded by dlopen(3) a thread's first use allocates its thread-local
/// number.) A value costs sizeof(T) and 4 bytes and an eighth of a bit; the pool itself
/// about 2.5 KiB, on bare metal 500 bytes.
///
/// Nothing throws but T's own constructor. No block free: an empty Box.
template <typename T>
class Pool {
public:
    /// Without blocks: grow() brings some.
    constexpr Pool() noexcept = default;

    /// With the blocks of memory that outlives it. With `constinit` it costs no
    /// code before main().
    template <std::uint32_t N>
    constexpr explicit Pool(PoolMemory<T, N>& memory) noexcept : blocks_(memory.core()) {}

    /// Adds memory, which must outlive the pool; up to 8 times. Returns the number
    /// of blocks that it gained; 0: too small for one, or eight times are over.
    std::size_t grow(std::span<std::byte> memory) noexcept {
        return blocks_.grow(memory, sizeof(T), alignof(T), [](void*) {});
    }

    /// A block without a value, or none.
    UninitBox<T> alloc() noexcept { return UninitBox<T>(blocks_.alloc()); }

    /// A value, or none: then `args` are as they were.
    template <typename... Args>
    Box<T> make(Args&&... args) {
        UninitBox<T> block = alloc();
        if (!block)
            return {};
        return std::move(block).init(std::forward<Args>(args)...);
    }

    [[nodiscard]] PoolCounts counts() const noexcept { return blocks_.counts(); }
    [[nodiscard]] std::size_t capacity() const noexcept { return blocks_.capacity(); }

private:
    detail::BlockPool blocks_;
};

} // namespace shmq

/// A pool with room for `count` values of `type`, at namespace scope: one line.
#define SHMQ_STATIC_POOL(name, type, count)                                                        \
    inline constinit ::shmq::PoolMemory<type, count> name##_memory;                                \
    inline constinit ::shmq::Pool<type> name(name##_memory)

#endif // SHMQ_POOL_HPP
