// SPDX-License-Identifier: GPL-2.0-only OR MIT
#include "failure.hpp"
#include "open_when_made.hpp"
#include "pool_claim.hpp"
#include "shm_name.hpp"

#include <shmq/device.hpp>
#include <shmq/shared_pool.hpp>

#include <array>
#include <string_view>

#include <unistd.h>

namespace shmq {

using detail::fail;
using detail::fail_errno;
using detail::guarded;
using detail::PoolLocks;

struct SharedPool::State {
    State(Region memory, std::string name)
        : region(std::move(memory)), what(std::move(name)), locks(region.fd()) {}

    Region region;
    std::string what;
    PoolLocks locks;
    shmq_pool core{};
    shmq_owner_id id = 0;
    std::array<shmq_pool_hints, detail::pool_threads> hints{};
    // Not who the owner is, but whether this is a copy of it in a forked child.
    pid_t process = ::getpid();
};

namespace {

constexpr std::string_view shm_scheme = "shm:";
constexpr std::string_view device_scheme = "dev:";

shmq_base base_of(const Region& region) noexcept {
    return reinterpret_cast<shmq_base>(region.bytes().data());
}

bool is(const std::string& address, std::string_view scheme) noexcept {
    return address.compare(0, scheme.size(), scheme) == 0;
}

// For what only a named pool can.
std::string shm_name_of(const std::string& address) {
    if (is(address, device_scheme))
        fail(std::errc::operation_not_supported,
             address +
                 ": the driver makes and removes pools of devices: shmqctl add --layout pool, "
                 "shmqctl del");
    if (!is(address, shm_scheme))
        fail(std::errc::protocol_not_supported,
             "'" + address + "' is no address of a pool: those are shm:/name and dev:/dev/shmqN");
    return address.substr(shm_scheme.size());
}

Region region_of(const Device& device) {
    for (const shmq_area& area : device.areas())
        if (area.type == SHMQ_AREA_POOL)
            return Region::from_fd(device.fd(), static_cast<std::size_t>(area.length), area.offset);
    fail(std::errc::protocol_error,
         device.path() + ": has no pool: it was not made with layout pool");
}

void check_writable(const Region& region, const std::string& what) {
    if (!region.writable())
        fail(std::errc::permission_denied, what + ": its memory is only readable");
}

const char* explain(shmq_pool_fault fault) noexcept {
    switch (fault) {
    case SHMQ_POOL_OK:
        break;
    case SHMQ_POOL_TRUNCATED:
        return "is shorter than a pool, or than its header tells";
    case SHMQ_POOL_NOT_READY:
        return "is not ready: its creator is still at work, or died; if so, unlink it (shmqctl "
               "reset, if it is a device's)";
    case SHMQ_POOL_NO_POOL:
        return "is no pool of shmq, or of a machine with the other byte order";
    case SHMQ_POOL_BAD_VERSION:
        return "is a pool of another version of shmq: update the older program";
    case SHMQ_POOL_BAD_LAYOUT:
        return "is damaged: its blocks cannot lie where its header tells";
    }
    return "is a pool";
}

shmq_pool_shape shape_of(const SharedPoolOptions& options, const std::string& what) {
    shmq_pool core{};
    shmq_pool_shape shape{};
    if (!shmq_pool_plan(&core, &shape, options.blocks, options.block_size, options.owners))
        fail(std::errc::invalid_argument,
             what + ": a pool has 1 block or more, 2 to 256 owners and less than 4 GiB, not " +
                 std::to_string(options.blocks) + " blocks of " +
                 std::to_string(options.block_size) + " bytes for " +
                 std::to_string(options.owners) + " owners");
    return shape;
}

std::size_t bytes_of(const SharedPoolOptions& options, const std::string& what) {
    const shmq_pool_shape shape = shape_of(options, what);
    shmq_pool core{};
    (void)shmq_pool_lay_out(&core, nullptr, &shape);
    return core.total;
}

// A slot that nobody holds, locked and swept.
bool claim(const shmq_pool& core, PoolLocks& locks, shmq_owner_id& id, const std::string& what) {
    for (std::uint32_t slot = 0; slot < core.owners; ++slot) {
        std::uint32_t left = 0;
        if (!locks) {
            if (shmq_pool_join(&core, slot, SHMQ_OWNER_UNLOCKED, &id))
                return true;
            continue;
        }
        const std::uint32_t seen = shmq_pool_seen(&core, slot);
        const PoolLocks::Taken taken = locks.take(slot);
        if (taken == PoolLocks::Taken::failed)
            fail_errno(errno, what + ": an owner's slot cannot be locked");
        if (taken == PoolLocks::Taken::no)
            continue;
        if ((seen & SHMQ_OWNER_STATE) != SHMQ_OWNER_UNLOCKED)
            (void)shmq_pool_sweep(&core, slot, seen, &left);
        if (shmq_pool_join(&core, slot, SHMQ_OWNER_HELD, &id))
            return true;
        locks.drop(slot);
    }
    return false;
}

} // namespace

SharedPool::SharedPool() noexcept = default;

SharedPool::SharedPool(std::unique_ptr<State> state)
    : core_(state->core),
      id_(static_cast<OwnerId>(state->id)),
      hints_(state->hints.data()),
      state_(std::move(state)) {}

SharedPool::SharedPool(SharedPool&& other) noexcept
    : core_(std::exchange(other.core_, {})),
      id_(std::exchange(other.id_, {})),
      hints_(std::exchange(other.hints_, nullptr)),
      state_(std::move(other.state_)) {}

SharedPool& SharedPool::operator=(SharedPool&& other) noexcept {
    if (this != &other) {
        leave();
        core_ = std::exchange(other.core_, {});
        id_ = std::exchange(other.id_, {});
        hints_ = std::exchange(other.hints_, nullptr);
        state_ = std::move(other.state_);
    }
    return *this;
}

SharedPool::~SharedPool() {
    leave();
}

void SharedPool::leave() noexcept {
    if (!state_ || state_->process != ::getpid())
        return;
    std::uint32_t left = 0;
    (void)shmq_pool_sweep(&core_, slot(), shmq_pool_seen(&core_, slot()), &left);
    if (state_->locks) // a forked child may hold the file open
        state_->locks.drop(slot());
}

SharedPool SharedPool::join(Region region, const std::string& what) {
    check_writable(region, what);
    auto state = std::make_unique<State>(std::move(region), what);
    if (reinterpret_cast<std::uintptr_t>(base_of(state->region)) % SHMQ_POOL_LINE != 0)
        fail(std::errc::invalid_argument, what + ": the memory must be 64-byte aligned");
    const shmq_pool_fault fault =
        shmq_pool_open(&state->core, base_of(state->region), state->region.size());
    if (fault == SHMQ_POOL_NOT_READY)
        fail(std::errc::resource_unavailable_try_again, what + " " + explain(fault));
    if (fault != SHMQ_POOL_OK)
        fail(std::errc::protocol_error, what + " " + explain(fault));
    if (!claim(state->core, state->locks, state->id, what))
        fail(std::errc::device_or_resource_busy,
             what + ": all " + std::to_string(state->core.owners) +
                 " owners' slots are taken: make the pool with more owners");
    const std::uint32_t slot = shmq_owner_slot(state->id);
    for (std::uint32_t i = 0; i < detail::pool_threads; ++i)
        shmq_pool_hints_start(&state->core, &state->hints[i], slot * detail::pool_threads + i,
                              state->core.owners * detail::pool_threads);
    return SharedPool(std::move(state));
}

SharedPool SharedPool::make(Region region, const SharedPoolOptions& options,
                            const std::string& what) {
    check_writable(region, what);
    const shmq_pool_shape shape = shape_of(options, what);
    shmq_pool core{};
    if (region.size() >= SHMQ_POOL_HEADER && shmq_load_acquire(base_of(region), 0) != 0)
        fail(std::errc::file_exists, what + ": there is something in this memory; attach(), or "
                                            "zero it first");
    const shmq_pool_fault fault = shmq_pool_create(&core, base_of(region), region.size(), &shape);
    if (fault != SHMQ_POOL_OK)
        fail(std::errc::no_space_on_device, what + ": the pool needs " +
                                                std::to_string(core.total) + " bytes, not " +
                                                std::to_string(region.size()));
    return join(std::move(region), what);
}

SharedPool SharedPool::create(const std::string& address, const SharedPoolOptions& options) {
    const std::string name = shm_name_of(address);
    Region region = Region::posix_shm(name, bytes_of(options, address), options.mode);
    try {
        return make(std::move(region), options, address);
    } catch (...) {
        std::error_code ignored;
        Region::posix_shm_unlink(name, ignored);
        throw;
    }
}

SharedPool SharedPool::open(const std::string& address) {
    if (is(address, device_scheme)) {
        const std::string path = address.substr(device_scheme.size());
        // A reset may be under way.
        return detail::open_when_made([&] { return join(region_of(Device::open(path)), address); });
    }
    const std::string name = shm_name_of(address);
    const auto open = [&] { return join(Region::posix_shm(name), address); };
    // What is no name fails for good.
    return detail::is_shm_name(name) ? detail::open_when_made(open) : open();
}

void SharedPool::unlink(const std::string& address) {
    Region::posix_shm_unlink(shm_name_of(address));
}

SharedPool SharedPool::memfd(const SharedPoolOptions& options) {
    const std::string what = "memfd pool";
    return make(Region::memfd("shmq-pool", bytes_of(options, what)), options, what);
}

SharedPool SharedPool::create_in(Region region, const SharedPoolOptions& options) {
    return make(std::move(region), options, "this memory");
}

SharedPool SharedPool::attach(Region region) {
    return join(std::move(region), "this memory");
}

SharedPool SharedPool::again() const {
    if (!state_)
        fail(std::errc::invalid_argument, "a pool that is not open cannot be joined");
    const Region& region = state_->region;
    if (region.fd() < 0)
        return join(Region::raw(region.bytes().data(), region.size()), state_->what);
    return join(Region::from_fd(region.fd(), region.size(), region.offset()), state_->what);
}

std::size_t SharedPool::sweep() noexcept {
    if (!state_)
        return 0;
    std::size_t freed = 0;
    // Once more for what went from one dead owner to another.
    bool again = true;
    for (int turn = 0; again && turn < 2; ++turn) {
        again = false;
        for (std::uint32_t other = 0; other < core_.owners; ++other) {
            const std::uint32_t seen = shmq_pool_seen(&core_, other);
            const std::uint32_t state = seen & SHMQ_OWNER_STATE;
            const bool dead =
                state == SHMQ_OWNER_GONE || (state == SHMQ_OWNER_HELD && state_->locks);
            if (other == slot() || !dead)
                continue;
            if (state_->locks && state_->locks.take(other) != PoolLocks::Taken::yes)
                continue;
            std::uint32_t left = 0;
            freed += shmq_pool_sweep(&core_, other, seen, &left);
            again = again || left > 0;
            if (state_->locks)
                state_->locks.drop(other);
        }
    }
    return freed;
}

std::size_t SharedPool::settle(OwnerId sender) noexcept {
    if (!state_)
        return 0;
    (void)sweep(); // finds out that the sender is gone
    const std::size_t freed = shmq_pool_settle(&core_, slot(), static_cast<shmq_owner_id>(sender));
    (void)sweep(); // its slot is free now
    return freed;
}

PoolCounts SharedPool::counts() const noexcept {
    if (!state_)
        return {};
    const shmq_pool_counts c = shmq_pool_count(&core_);
    return {c.free, c.owned, c.transit, c.damaged};
}

const Region& SharedPool::region() const noexcept {
    static const Region none;
    return state_ ? state_->region : none;
}

SharedPool SharedPool::create(const std::string& address, const SharedPoolOptions& options,
                              std::error_code& ec) {
    return guarded(ec, SharedPool(), [&] { return create(address, options); });
}

SharedPool SharedPool::open(const std::string& address, std::error_code& ec) {
    return guarded(ec, SharedPool(), [&] { return open(address); });
}

void SharedPool::unlink(const std::string& address, std::error_code& ec) {
    guarded(ec, 0, [&] {
        unlink(address);
        return 0;
    });
}

SharedPool SharedPool::memfd(const SharedPoolOptions& options, std::error_code& ec) {
    return guarded(ec, SharedPool(), [&] { return memfd(options); });
}

SharedPool SharedPool::create_in(Region region, const SharedPoolOptions& options,
                                 std::error_code& ec) {
    return guarded(ec, SharedPool(), [&] { return create_in(std::move(region), options); });
}

SharedPool SharedPool::attach(Region region, std::error_code& ec) {
    return guarded(ec, SharedPool(), [&] { return attach(std::move(region)); });
}

} // namespace shmq
