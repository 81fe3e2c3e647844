// SPDX-License-Identifier: GPL-2.0-only OR MIT
// Objects that live on while nobody has them: buffers, connections.
#ifndef SHMQ_OBJECT_POOL_HPP
#define SHMQ_OBJECT_POOL_HPP

#include <shmq/block_pool.hpp>

#include <cstddef>
#include <memory>
#include <new>
#include <span>
#include <type_traits>
#include <utility>

namespace shmq {

template <typename T>
class ObjectPool;

/// An object of a pool, for as long as this lives; move-only. It goes back as it
/// was left.
template <typename T>
class [[nodiscard]] Object {
public:
    /// None: what request() returns when all are in use.
    Object() noexcept = default;

    [[nodiscard]] explicit operator bool() const noexcept { return block_.at() != nullptr; }
    [[nodiscard]] T* get() const noexcept { return static_cast<T*>(block_.at()); }
    [[nodiscard]] T& operator*() const noexcept { return *get(); }
    [[nodiscard]] T* operator->() const noexcept { return get(); }

private:
    friend class ObjectPool<T>;
    explicit Object(const PoolBlock& block) noexcept : block_(block) {}

    detail::OwnedBlock block_;
};

/// A pool of objects that are made once, when memory is added, and destroyed with
/// the pool. Threads and cost as Pool.
template <typename T>
class ObjectPool {
public:
    constexpr ObjectPool() noexcept = default;
    ObjectPool(const ObjectPool&) = delete;
    ObjectPool& operator=(const ObjectPool&) = delete;
    ~ObjectPool() {
        if constexpr (!std::is_trivially_destructible_v<T>)
            blocks_.for_each([](void* at) { std::destroy_at(static_cast<T*>(at)); });
    }

    /// Adds memory, which must outlive the pool, and makes T(args...) in each block
    /// of it; up to 8 times. Returns how many. A T's constructor must not throw.
    template <typename... Args>
    std::size_t grow(std::span<std::byte> memory, const Args&... args) noexcept {
        return blocks_.grow(memory, sizeof(T), alignof(T),
                            [&](void* at) { ::new (at) T(args...); });
    }

    /// One that nobody has, as its last user left it, or none.
    Object<T> request() noexcept { return Object<T>(blocks_.alloc()); }

    [[nodiscard]] PoolCounts counts() const noexcept { return blocks_.counts(); }
    [[nodiscard]] std::size_t capacity() const noexcept { return blocks_.capacity(); }

private:
    detail::BlockPool blocks_;
};

} // namespace shmq

#endif // SHMQ_OBJECT_POOL_HPP
