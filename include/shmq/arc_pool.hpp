// SPDX-License-Identifier: GPL-2.0-only OR MIT
// Values in a pool that several share.
#ifndef SHMQ_ARC_POOL_HPP
#define SHMQ_ARC_POOL_HPP

#include <shmq/pool.hpp>

#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>

namespace shmq {

namespace detail {

template <typename T>
struct ArcNode {
    template <typename... Args>
    explicit ArcNode(Args&&... args) : value(std::forward<Args>(args)...) {}

    T value;
    std::uint32_t shares = 1;

    shmq_base word() noexcept { return reinterpret_cast<shmq_base>(&shares); }

    bool share() noexcept {
        for (;;) {
            const std::uint32_t n = shmq_load_relaxed(word(), 0);
            if (n >= UINT32_MAX / 2)
                return false;
            if (shmq_cmpxchg(word(), 0, n, n + 1))
                return true;
        }
    }

    /// Whether that was the last. What the others did to the value is seen: each
    /// compare-exchange releases to and acquires from the next.
    bool unshare() noexcept {
        for (;;) {
            const std::uint32_t n = shmq_load_relaxed(word(), 0);
            if (shmq_cmpxchg(word(), 0, n, n - 1))
                return n == 1;
        }
    }
};

} // namespace detail

template <typename T>
class ArcPool;

/// A share of a value in a pool, as std::shared_ptr has one on the heap; the last
/// share destroys the value. Must not outlive the pool. Different shares of one
/// value may be copied and dropped by any threads and signal handlers at once.
template <typename T>
class [[nodiscard]] Arc {
public:
    Arc() noexcept = default;

    /// Empty if there are 2^31 shares already.
    Arc(const Arc& other) noexcept {
        if (other && other.node()->share())
            block_ = other.block_;
    }
    Arc(Arc&& other) noexcept : block_(std::exchange(other.block_, {})) {}
    Arc& operator=(Arc other) noexcept {
        std::swap(block_, other.block_);
        return *this;
    }
    ~Arc() {
        if (block_.at && node()->unshare())
            Box<detail::ArcNode<T>>::adopt(block_).reset();
    }

    [[nodiscard]] explicit operator bool() const noexcept { return block_.at != nullptr; }
    [[nodiscard]] T* get() const noexcept { return block_.at ? &node()->value : nullptr; }
    [[nodiscard]] T& operator*() const noexcept { return node()->value; }
    [[nodiscard]] T* operator->() const noexcept { return get(); }

    /// How many shares there were a moment ago.
    [[nodiscard]] std::uint32_t shares() const noexcept {
        return block_.at ? shmq_load_relaxed(node()->word(), 0) : 0;
    }

private:
    friend class ArcPool<T>;
    explicit Arc(const PoolBlock& block) noexcept : block_(block) {}

    [[nodiscard]] detail::ArcNode<T>* node() const noexcept {
        return static_cast<detail::ArcNode<T>*>(block_.at);
    }

    PoolBlock block_;
};

/// A pool of shared values; see Pool for threads and cost. A value costs 4 bytes
/// more, and their alignment.
template <typename T>
class ArcPool {
public:
    /// Memory for `N` values to start with.
    template <std::uint32_t N>
    using Memory = PoolMemory<detail::ArcNode<T>, N>;

    constexpr ArcPool() noexcept = default;
    template <std::uint32_t N>
    constexpr explicit ArcPool(PoolMemory<detail::ArcNode<T>, N>& memory) noexcept
        : pool_(memory) {}

    std::size_t grow(std::span<std::byte> memory) noexcept { return pool_.grow(memory); }

    /// A value with one share, or none: then `args` are as they were.
    template <typename... Args>
    Arc<T> make(Args&&... args) {
        return Arc<T>(pool_.make(std::forward<Args>(args)...).release());
    }

    [[nodiscard]] PoolCounts counts() const noexcept { return pool_.counts(); }
    [[nodiscard]] std::size_t capacity() const noexcept { return pool_.capacity(); }

private:
    Pool<detail::ArcNode<T>> pool_;
};

} // namespace shmq

#endif // SHMQ_ARC_POOL_HPP
