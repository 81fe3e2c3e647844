// SPDX-License-Identifier: GPL-2.0-only OR MIT
// What the pools of one program share: pieces of memory, and what each thread
// remembers of them. For pool.hpp, arc_pool.hpp and object_pool.hpp.
#ifndef SHMQ_BLOCK_POOL_HPP
#define SHMQ_BLOCK_POOL_HPP

#include <shmq/core/pool.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>

namespace shmq {

/// How many blocks of a pool are where; exact while nobody allocates or frees.
struct PoolCounts {
    std::size_t free = 0;
    std::size_t owned = 0;
    std::size_t transit = 0; ///< sent and not adopted; see shared_pool.hpp
    std::size_t damaged = 0; ///< states that no pool writes: somebody scribbles

    friend bool operator==(const PoolCounts&, const PoolCounts&) = default;
};

namespace detail {
class BlockPool;
}

/// A block of a pool, and which pool's it is: a value that owns nothing.
struct PoolBlock {
    detail::BlockPool* pool = nullptr;
    void* at = nullptr;
    std::uint64_t name = 0; ///< index and, above it, generation: of its piece of memory

    [[nodiscard]] shmq_pool_handle handle() const noexcept {
        return {static_cast<std::uint32_t>(name), static_cast<std::uint32_t>(name >> 32)};
    }
};

namespace detail {

#if defined(__unix__)
inline constexpr std::uint32_t pool_threads = 16;
inline constinit std::uint32_t pool_threads_seen = 0;
inline thread_local constinit std::uint32_t pool_thread_number = 0;

/// Numbers the threads as they come, round and round. Safe in signal handlers:
/// a handler that comes between at worst numbers the thread twice.
inline std::uint32_t pool_thread() noexcept {
    std::uint32_t number = shmq_hint_load(&pool_thread_number);
    if (number == 0) [[unlikely]] {
        number = shmq_hint_load(&pool_threads_seen) + 1;
        shmq_hint_store(&pool_threads_seen, number);
        shmq_hint_store(&pool_thread_number, number);
    }
    return number % pool_threads;
}
#else
// Bare metal: main and interrupts, one at a time.
inline constexpr std::uint32_t pool_threads = 1;
inline std::uint32_t pool_thread() noexcept {
    return 0;
}
#endif

/// Blocks of one size in up to 8 pieces of memory. A constant-initialised one
/// can be used before main() and in interrupts.
class BlockPool {
public:
    static constexpr std::uint32_t pieces = 8;

    constexpr BlockPool() noexcept = default;

    /// Zeroed memory that was laid out already.
    constexpr explicit BlockPool(const shmq_pool& core) noexcept {
        pieces_[0].core = core;
        pieces_[0].state = ready;
        for (std::uint32_t i = 0; i < pool_threads; ++i) {
            threads_[i].hints.cursor = shmq_pool_start(&core, i, pool_threads);
            threads_[i].piece = 0;
        }
    }

    BlockPool(const BlockPool&) = delete;
    BlockPool& operator=(const BlockPool&) = delete;
    ~BlockPool() = default;

    /// Adds the blocks that fit; `prepare(void*)` sees each before anybody can
    /// have it. Returns how many; 0: too small, or 8 pieces are there.
    template <typename Prepare>
    std::size_t grow(std::span<std::byte> memory, std::size_t size, std::size_t align,
                     Prepare&& prepare) {
        const std::size_t base_align = align < 64 ? 64 : align;
        const auto address = reinterpret_cast<std::uintptr_t>(memory.data());
        const std::size_t skip = (base_align - address % base_align) % base_align;
        shmq_pool core{};
        if (memory.size() <= skip ||
            !shmq_pool_fit(&core, reinterpret_cast<shmq_base>(memory.data() + skip),
                           memory.size() - skip, size, static_cast<std::uint32_t>(align)))
            return 0;
        for (Piece& piece : pieces_) {
            if (!shmq_cmpxchg(word(piece.state), 0, unused, at_work))
                continue;
            piece.core = core;
            shmq_pool_clear(&piece.core);
            for (std::uint32_t i = 0; i < core.blocks; ++i)
                prepare(shmq_at(core.base, shmq_pool_offset(&core, i)));
            shmq_store_release(word(piece.state), 0, ready); // pairs with piece()
            return core.blocks;
        }
        return 0;
    }

    /// `at` is null if no block is free.
    [[nodiscard, gnu::always_inline]] PoolBlock alloc() noexcept {
        Thread& thread = threads_[pool_thread()];
        // A branch is predicted; an address that depended on the load would not be.
        if (piece_of(thread) == 0) [[likely]] {
            const shmq_pool& core = pieces_[0].core;
            shmq_pool_handle h{};
            if (shmq_pool_alloc(&core, 0, &thread.hints, &h) == SHMQ_OK) [[likely]]
                return block_of(core, h);
        }
        return alloc_elsewhere(thread);
    }

    [[gnu::always_inline]] void free(const PoolBlock& block) noexcept {
        Thread& thread = threads_[pool_thread()];
        const shmq_pool& core = pieces_[0].core;
        if (piece_of(thread) == 0 && holds(core, block.at)) [[likely]]
            (void)shmq_pool_free_unshared(&core, 0, &thread.hints, block.handle());
        else
            free_elsewhere(thread, block.at, block.handle());
    }

    [[nodiscard]] PoolCounts counts() const noexcept {
        PoolCounts all;
        for (std::uint32_t i = 0; i < pieces; ++i) {
            const shmq_pool* core = piece(i);
            if (!core)
                continue;
            const shmq_pool_counts c = shmq_pool_count(core);
            all.free += c.free;
            all.owned += c.owned;
            all.damaged += c.transit + c.damaged;
        }
        return all;
    }

    [[nodiscard]] std::size_t capacity() const noexcept {
        std::size_t blocks = 0;
        for (std::uint32_t i = 0; i < pieces; ++i)
            if (const shmq_pool* core = piece(i))
                blocks += core->blocks;
        return blocks;
    }

    /// Calls `fn(void*)` for each block, free or not.
    template <typename F>
    void for_each(F&& fn) {
        for (std::uint32_t i = 0; i < pieces; ++i)
            if (const shmq_pool* core = piece(i))
                for (std::uint32_t n = 0; n < core->blocks; ++n)
                    fn(shmq_at(core->base, shmq_pool_offset(core, n)));
    }

private:
    enum State : std::uint32_t { unused, at_work, ready };

    struct Piece {
        shmq_pool core{};
        std::uint32_t state = unused;
    };

    static constexpr std::uint32_t none = pieces;

    // Of one thread, or of several: it owns nothing.
    struct alignas(64) Thread {
        shmq_pool_hints hints{};
        std::uint32_t piece = none; // the number of the one that the hints are for
    };
    static_assert(sizeof(Thread) == 128);

    // Which piece the hints are for; pairs with move_to(), of another thread that
    // shares them.
    static std::uint32_t piece_of(const Thread& thread) noexcept {
        return shmq_load_acquire(word(thread.piece), 0);
    }

    [[nodiscard, gnu::always_inline]] PoolBlock block_of(const shmq_pool& core,
                                                         shmq_pool_handle h) noexcept {
        return {this, shmq_at(core.base, shmq_pool_offset(&core, h.index)),
                static_cast<std::uint64_t>(h.generation) << 32 | h.index};
    }

    static shmq_base word(const std::uint32_t& w) noexcept {
        return reinterpret_cast<shmq_base>(const_cast<std::uint32_t*>(&w));
    }

    [[nodiscard]] const shmq_pool* piece(std::uint32_t number) const noexcept {
        if (number >= pieces || shmq_load_acquire(word(pieces_[number].state), 0) != ready)
            return nullptr;
        return &pieces_[number].core;
    }

    static bool holds(const shmq_pool& core, const void* at) noexcept {
        return reinterpret_cast<std::uintptr_t>(at) - reinterpret_cast<std::uintptr_t>(core.base) <
               core.total;
    }

    static void move_to(Thread& thread, std::uint32_t number, const shmq_pool& core) noexcept {
        shmq_pool_hints_start(&core, &thread.hints, pool_thread(), pool_threads);
        shmq_store_release(word(thread.piece), 0, number);
    }

    [[gnu::noinline]] void free_elsewhere(Thread& thread, void* at,
                                          shmq_pool_handle handle) noexcept {
        const std::uint32_t now = piece_of(thread);
        for (std::uint32_t number = 0; number < pieces; ++number) {
            const shmq_pool* core = piece(number);
            if (!core || !holds(*core, at))
                continue;
            // This thread goes on where it knows of a free block.
            if (number != now)
                move_to(thread, number, *core);
            (void)shmq_pool_free_unshared(core, 0, &thread.hints, handle);
            return;
        }
    }

    // Where the hints are for first, then everywhere.
    [[gnu::noinline]] PoolBlock alloc_elsewhere(Thread& thread) noexcept {
        const std::uint32_t now = piece_of(thread);
        shmq_pool_handle h{};
        if (const shmq_pool* core = piece(now))
            if (shmq_pool_alloc(core, 0, &thread.hints, &h) == SHMQ_OK)
                return block_of(*core, h);
        for (std::uint32_t number = 0; number < pieces; ++number) {
            const shmq_pool* core = piece(number);
            shmq_pool_hints fresh{};
            if (!core || number == now || shmq_pool_alloc(core, 0, &fresh, &h) != SHMQ_OK)
                continue;
            move_to(thread, number, *core);
            return block_of(*core, h);
        }
        return {};
    }

    Piece pieces_[pieces]{};
    Thread threads_[pool_threads]{};
};

/// A block that goes back to its pool unless it is released; move-only. Inlined,
/// so that it stays in registers.
class OwnedBlock {
public:
    OwnedBlock() noexcept = default;
    [[gnu::always_inline]] explicit OwnedBlock(const PoolBlock& block) noexcept : block_(block) {}
    [[gnu::always_inline]] OwnedBlock(OwnedBlock&& other) noexcept : block_(other.release()) {}
    [[gnu::always_inline]] OwnedBlock& operator=(OwnedBlock&& other) noexcept {
        const OwnedBlock old(block_);
        block_ = other.release();
        return *this;
    }
    [[gnu::always_inline]] ~OwnedBlock() {
        if (block_.at)
            block_.pool->free(block_);
    }

    [[nodiscard]] void* at() const noexcept { return block_.at; }
    [[nodiscard, gnu::always_inline]] PoolBlock release() noexcept {
        const PoolBlock block = block_;
        block_.at = nullptr;
        return block;
    }

private:
    PoolBlock block_;
};

} // namespace detail

} // namespace shmq

#endif // SHMQ_BLOCK_POOL_HPP
