// SPDX-License-Identifier: GPL-2.0-only OR MIT
// Pools of blocks that processes share, so that large messages pass by handle.
#ifndef SHMQ_SHARED_POOL_HPP
#define SHMQ_SHARED_POOL_HPP

#include <shmq/block_pool.hpp>
#include <shmq/core/pool_owner.h>
#include <shmq/region.hpp>
#include <shmq/status.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <system_error>
#include <utility>

#include <sys/types.h>

namespace shmq {

class SharedPool;

/// Names a block for as long as it is not freed: 8 bytes, to be sent in a message.
struct PoolHandle {
    std::uint32_t index = SHMQ_POOL_NONE;
    std::uint32_t generation = 0;

    friend bool operator==(const PoolHandle&, const PoolHandle&) = default;
};

/// Names one owner, a SharedPool object of some process; 4 bytes, to be sent in a
/// message. A successor in the same slot has another.
enum class OwnerId : std::uint32_t {};

struct SharedPoolOptions {
    std::uint32_t blocks = 64;
    std::uint32_t block_size = 4096; ///< bytes; rounded up to whole cache lines of 64
    std::uint32_t owners = 32;       ///< most owners at once, 2 to 256
    mode_t mode = 0600;              ///< of a named pool
};

/// A block of a shared pool; move-only. Dropped, it goes back. Must not outlive
/// its pool.
class [[nodiscard]] SharedBlock {
public:
    /// None: status() says why.
    explicit SharedBlock(Status why = Status::Empty) noexcept : status_(why) {}
    SharedBlock(SharedBlock&& other) noexcept
        : pool_(std::exchange(other.pool_, nullptr)),
          handle_(other.handle_),
          from_(other.from_),
          status_(std::exchange(other.status_, Status::Empty)) {}
    SharedBlock& operator=(SharedBlock&& other) noexcept {
        if (this != &other) {
            (void)free();
            pool_ = std::exchange(other.pool_, nullptr);
            handle_ = other.handle_;
            from_ = other.from_;
            status_ = std::exchange(other.status_, Status::Empty);
        }
        return *this;
    }
    ~SharedBlock() { (void)free(); }

    [[nodiscard]] explicit operator bool() const noexcept { return pool_ != nullptr; }
    [[nodiscard]] Status status() const noexcept { return status_; }

    /// The memory, 64-byte aligned, as its last owner left it; empty if there is none.
    [[nodiscard]] inline std::span<std::byte> bytes() const noexcept;
    [[nodiscard]] PoolHandle handle() const noexcept { return handle_; }
    /// Who sent it, if it was adopted.
    [[nodiscard]] OwnerId from() const noexcept { return from_; }

    /// Sends the block to `receiver`: gives it up, then calls `publish(PoolHandle)`,
    /// which writes the message and returns a Status. If that is not Ok, or it
    /// throws, the block is taken back. Ok: this is empty, the block the receiver's.
    ///
    /// NoOwner: the receiver is gone; Stale: it went at this moment, and a sweep
    /// freed the block. Whatever publish() answers else. What was written to the
    /// block is there for the receiver.
    template <typename Publish>
    Status send(OwnerId receiver, Publish&& publish);

    /// Before the end of the scope. Stale, Foreign: somebody else, who writes where
    /// they should not, took the block.
    inline Status free() noexcept;

private:
    friend class SharedPool;
    SharedBlock(SharedPool& pool, PoolHandle handle, OwnerId from) noexcept
        : pool_(&pool), handle_(handle), from_(from) {}

    SharedPool* pool_ = nullptr;
    PoolHandle handle_{};
    OwnerId from_{};
    Status status_ = Status::Ok;
};

/// A pool of blocks in memory that processes share, and one owner in it: what is
/// allocated through this object is this owner's. Move-only, while no block of it
/// is alive.
///
/// Addresses: "shm:/name" for POSIX shared memory; "dev:/dev/shmqN", for open()
/// alone, for a device of layout pool, whose pool the driver made. Functions that
/// can fail throw std::system_error; those with a std::error_code& return something
/// empty instead.
///
/// Threads: all but moving and destroying, at once; alloc, free and adopt in signal
/// handlers too. None of those, nor send, asks the kernel for anything.
///
/// Crash: an owner is alive as long as a lock of its on the file is held (on a
/// device of layout pool: a claim), which the kernel drops when its process ends,
/// however that happens; no process id is kept, so containers do not matter.
/// sweep() frees what a dead owner had and what was on its way to it. Memory
/// without a descriptor (Region::raw()) has no locks: a dead owner is then not
/// noticed.
///
/// A forked child shares its parent's owner, and keeps it alive until it says
/// `pool = pool.again();`. Memory is trusted as far as docs/trust.md says.
class SharedPool {
public:
    /// Makes a named pool and joins it. EEXIST: it exists, and open() joins it. It
    /// stays until unlink().
    static SharedPool create(const std::string& address, const SharedPoolOptions& options = {});
    static SharedPool create(const std::string& address, const SharedPoolOptions& options,
                             std::error_code& ec);

    /// Joins a pool that exists. ENOENT, EACCES; EPROTO: not a pool, or of another
    /// version; EBUSY: all owners' slots are taken. A device: also as Device::open().
    static SharedPool open(const std::string& address);
    static SharedPool open(const std::string& address, std::error_code& ec);

    /// Removes the name; those who have it open keep the pool.
    static void unlink(const std::string& address);
    static void unlink(const std::string& address, std::error_code& ec);

    /// Makes a pool without a name, for children and descriptors passed on.
    static SharedPool memfd(const SharedPoolOptions& options = {});
    static SharedPool memfd(const SharedPoolOptions& options, std::error_code& ec);

    /// Makes a pool of memory that was got in another way, and is zeroed: as many
    /// blocks as `options` says, or ENOSPC.
    static SharedPool create_in(Region region, const SharedPoolOptions& options);
    static SharedPool create_in(Region region, const SharedPoolOptions& options,
                                std::error_code& ec);

    /// Joins the pool in such memory.
    static SharedPool attach(Region region);
    static SharedPool attach(Region region, std::error_code& ec);

    /// Joins the same pool once more, as another owner. A forked child begins with
    /// `pool = pool.again();`.
    [[nodiscard]] SharedPool again() const;

    /// Not open: alloc() returns Invalid.
    SharedPool() noexcept;
    SharedPool(SharedPool&& other) noexcept;
    SharedPool& operator=(SharedPool&& other) noexcept;
    /// Leaves: frees what this owner still has. Not in a forked child.
    ~SharedPool();

    [[nodiscard]] explicit operator bool() const noexcept { return state_ != nullptr; }

    /// This owner, for those who send to it.
    [[nodiscard]] OwnerId id() const noexcept { return id_; }

    /// A block, or none: Empty (sweep() may bring some), Invalid (not open).
    SharedBlock alloc() noexcept {
        if (!state_)
            return SharedBlock(Status::Invalid);
        shmq_pool_handle h{};
        const shmq_status s = shmq_pool_alloc(&core_, slot(), &hints(), &h);
        if (s != SHMQ_OK)
            return SharedBlock(static_cast<Status>(s));
        return {*this, {h.index, h.generation}, id_};
    }

    /// The block that a message told of. Stale, Foreign: not on its way to this
    /// owner; Invalid: no block of this pool. Nothing is believed of a handle.
    SharedBlock adopt(PoolHandle handle) noexcept {
        std::uint32_t from = 0;
        const shmq_status s =
            state_ ? shmq_pool_adopt(&core_, slot(), {handle.index, handle.generation}, &from)
                   : SHMQ_INVALID;
        if (s != SHMQ_OK)
            return SharedBlock(static_cast<Status>(s));
        return {*this, handle, owner_in(from)};
    }

    /// Frees what dead owners held and what was on its way to them; returns how
    /// many blocks. Looks at each slot's lock: a few system calls a slot. For when
    /// alloc() says Empty, or a peer is gone. May be killed, and called by several at once.
    std::size_t sweep() noexcept;

    /// Frees what `sender`, who is gone, had on its way to this owner: call it when
    /// all of its messages have been read. Returns how many. 0 while it is there.
    std::size_t settle(OwnerId sender) noexcept;

    [[nodiscard]] PoolCounts counts() const noexcept;
    [[nodiscard]] std::size_t capacity() const noexcept { return core_.blocks; }
    [[nodiscard]] std::size_t block_size() const noexcept { return core_.stride; }
    /// The memory; not open: an empty one.
    [[nodiscard]] const Region& region() const noexcept;

private:
    friend class SharedBlock;
    struct State; // what only setting up and leaving needs

    explicit SharedPool(std::unique_ptr<State> state);
    static SharedPool make(Region region, const SharedPoolOptions& options,
                           const std::string& what);
    static SharedPool join(Region region, const std::string& what);
    void leave() noexcept;

    [[nodiscard]] std::uint32_t slot() const noexcept {
        return shmq_owner_slot(static_cast<shmq_owner_id>(id_));
    }
    [[nodiscard]] shmq_pool_hints& hints() const noexcept { return hints_[detail::pool_thread()]; }
    [[nodiscard]] OwnerId owner_in(std::uint32_t slot) const noexcept {
        return static_cast<OwnerId>(shmq_owner_id_of(
            slot, shmq_load_relaxed(core_.base, shmq_pool_owner_word(&core_, slot))));
    }

    shmq_pool core_{};
    OwnerId id_{};
    shmq_pool_hints* hints_ = nullptr; // one for each detail::pool_thread()
    std::unique_ptr<State> state_;
};

inline std::span<std::byte> SharedBlock::bytes() const noexcept {
    if (!pool_)
        return {};
    const shmq_pool& core = pool_->core_;
    return {
        reinterpret_cast<std::byte*>(shmq_at(core.base, shmq_pool_offset(&core, handle_.index))),
        core.stride};
}

inline Status SharedBlock::free() noexcept {
    if (!pool_)
        return Status::Invalid;
    SharedPool& pool = *std::exchange(pool_, nullptr);
    status_ = Status::Empty;
    return static_cast<Status>(shmq_pool_free(&pool.core_, pool.slot(), &pool.hints(),
                                              {handle_.index, handle_.generation}));
}

template <typename Publish>
Status SharedBlock::send(OwnerId receiver, Publish&& publish) {
    if (!pool_)
        return Status::Invalid;
    const auto to = static_cast<shmq_owner_id>(receiver);
    const shmq_pool_handle h{handle_.index, handle_.generation};
    const shmq_status sent = shmq_pool_send(&pool_->core_, pool_->slot(), h, to);
    if (sent == SHMQ_STALE || sent == SHMQ_FOREIGN)
        pool_ = nullptr;
    if (sent != SHMQ_OK)
        return static_cast<Status>(sent);

    // Takes the block back unless the message is out.
    struct InTransit {
        SharedPool& pool;
        shmq_pool_handle h;
        shmq_owner_id to;
        SharedPool*& owner;
        ~InTransit() {
            if (owner && shmq_pool_recall(&pool.core_, pool.slot(), h, to) != SHMQ_OK)
                owner = nullptr;
        }
    };
    const InTransit in_transit{*pool_, h, to, pool_};
    const Status s = std::forward<Publish>(publish)(handle_);
    if (s == Status::Ok)
        pool_ = nullptr;
    return s;
}

} // namespace shmq

#endif // SHMQ_SHARED_POOL_HPP
