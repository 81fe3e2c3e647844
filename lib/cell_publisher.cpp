// SPDX-License-Identifier: GPL-2.0-only OR MIT
#include "cell_claim.hpp"
#include "cell_wake.hpp"
#include "failure.hpp"
#include "file_lock.hpp"
#include "membarrier.hpp"

#include <shmq/cell_publisher.hpp>

#include <limits>
#include <optional>
#include <utility>

namespace shmq {

using detail::CellPlace;
using detail::CellPublisherClaim;
using detail::fail;
using detail::guarded;

namespace {

shmq_cell_layout plan(std::size_t size, const CellOptions& options) {
    shmq_cell_layout layout{};
    if (size > std::numeric_limits<std::uint32_t>::max() ||
        shmq_cell_plan(&layout, static_cast<std::uint32_t>(size), options.readers, options.slots) !=
            SHMQ_CELL_OK)
        fail(std::errc::invalid_argument,
             "no cell has values of " + std::to_string(size) + " bytes, " +
                 std::to_string(options.readers) + " readers and " + std::to_string(options.slots) +
                 " slots: 1 byte to 512 MiB, at most 30 readers, from readers + 2 to 64 slots "
                 "(0: as many as are good), 2 GiB in all");
    layout.type = detail::cell_type(options.type);
    return layout;
}

/// A cell that nobody finds yet.
CellPlace prepare(Region region, std::uint64_t offset, shmq_cell_layout layout,
                  const std::string& what) {
    if (offset > region.size() || region.size() - offset < layout.total)
        fail(std::errc::invalid_argument,
             what + ": a region of " + std::to_string(region.size()) + " bytes has no room for " +
                 std::to_string(layout.total) + " at offset " + std::to_string(offset));
    if (!region.writable())
        fail(std::errc::permission_denied, what + ": its memory is only readable");
    if (region.fd() < 0)
        layout.flags &= ~SHMQ_CELL_LOCKS;
    shmq_base base = detail::cell_base(region, offset, what);
    shmq_cell cell{};
    if (shmq_cell_prepare(&cell, base, region.size() - offset, &layout) != SHMQ_CELL_OK)
        fail(std::errc::invalid_argument, what + ": no cell can be made here");
    const std::uint64_t lock_byte = region.offset() + offset;
    return {std::move(region), lock_byte, cell, what};
}

/// What has the name, if it is a cell that can be gone on with. Nothing: it was
/// left half made by somebody who is dead, and is no more.
std::optional<CellPlace> find(const std::string& name, std::size_t size,
                              const CellOptions& options) {
    std::error_code ec;
    std::string why;
    try {
        CellPlace place =
            detail::open_named_cell(name, options.type, detail::CellAccess::read_write);
        if (place.cell.layout.size == size)
            return place;
        why = "a cell with values of " + std::to_string(place.cell.layout.size) + " bytes, not " +
              std::to_string(size);
    } catch (const std::system_error& e) {
        ec = e.code();
        if (ec == std::errc::no_such_file_or_directory)
            return std::nullopt; // unlinked just now
        if (ec != std::errc::protocol_error && ec != std::errc::resource_unavailable_try_again)
            throw;
        why = e.what();
    }
    if (ec == std::errc::resource_unavailable_try_again) {
        // Its creator has had its time; if it lives, it has the lock.
        const Region region = Region::posix_shm(detail::cell_shm_name(name), ec);
        if (ec == std::errc::invalid_argument || // no bytes
            (!ec && detail::byte_is_free(detail::reopen(region.fd()), 0))) {
            CellPublisher::unlink(name, ec);
            return std::nullopt;
        }
    }
    fail(std::errc::file_exists,
         detail::cell_what(name) + " exists already: " + why + "; unlink it first");
}

} // namespace

CellPublisher::CellPublisher() noexcept = default;
CellPublisher::CellPublisher(CellPublisher&& other) noexcept
    : core_(std::exchange(other.core_, {})),
      claim_(std::move(other.claim_)),
      clock_(other.clock_),
      ready_for_(std::exchange(other.ready_for_, 0)) {}

CellPublisher& CellPublisher::operator=(CellPublisher&& other) noexcept {
    CellPublisher old(std::move(*this));
    core_ = std::exchange(other.core_, {});
    claim_ = std::move(other.claim_);
    clock_ = other.clock_;
    ready_for_ = std::exchange(other.ready_for_, 0);
    return *this;
}

CellPublisher::~CellPublisher() {
    if (claim_)
        claim_->resign(core_);
}

CellPublisher::CellPublisher(std::unique_ptr<CellPublisherClaim> claim, const CellOptions& options)
    : clock_(options.clock) {
    const CellPlace& place = claim->place();
    const bool fences = options.fence || !detail::may_be_fenced();
    if (shmq_cell_publisher_attach(&core_, &place.cell, fences) != SHMQ_OK)
        fail(std::errc::protocol_error, place.what + " is damaged: make it anew");
    claim_ = std::move(claim);
    ready_for_ = core_.cell.layout.size;
    collect();
}

CellPublisher CellPublisher::create_named(const std::string& name, std::size_t size,
                                          const Bytes* value, const CellOptions& options) {
    const shmq_cell_layout layout = plan(size, options);
    const std::string shm_name = detail::cell_shm_name(name);
    for (;;) {
        std::error_code ec;
        Region region = Region::posix_shm(shm_name, layout.total, options.mode, ec);
        if (!ec) {
            try {
                return publish_new(prepare(std::move(region), 0, layout, detail::cell_what(name)),
                                   value, options);
            } catch (...) {
                unlink(name, ec);
                throw;
            }
        }
        if (ec != std::errc::file_exists) // again, to say what is wrong
            region = Region::posix_shm(shm_name, layout.total, options.mode);
        if (std::optional<CellPlace> place = find(name, size, options)) {
            CellPublisher publisher(std::make_unique<CellPublisherClaim>(std::move(*place)),
                                    options);
            if (value)
                publisher.write(*value);
            return publisher;
        }
    }
}

CellPublisher CellPublisher::publish_new(CellPlace place, const Bytes* value,
                                         const CellOptions& options) {
    CellPublisher publisher(std::make_unique<CellPublisherClaim>(std::move(place)), options);
    if (value)
        publisher.write(*value);
    shmq_cell_announce(&publisher.core_.cell);
    return publisher;
}

CellPublisher CellPublisher::create(const std::string& name, Bytes value,
                                    const CellOptions& options) {
    return create_named(name, value.size(), &value, options);
}

CellPublisher CellPublisher::create_empty(const std::string& name, std::size_t size,
                                          const CellOptions& options) {
    return create_named(name, size, nullptr, options);
}

CellPublisher CellPublisher::open(const std::string& name, const CellOptions& options) {
    return {std::make_unique<CellPublisherClaim>(
                detail::open_named_cell(name, options.type, detail::CellAccess::read_write)),
            options};
}

CellPublisher CellPublisher::create_in(Region region, std::uint64_t offset, std::size_t size,
                                       const CellOptions& options) {
    return publish_new(prepare(std::move(region), offset, plan(size, options), "this memory"),
                       nullptr, options);
}

CellPublisher CellPublisher::attach(Region region, std::uint64_t offset,
                                    const CellOptions& options) {
    return {std::make_unique<CellPublisherClaim>(
                detail::open_cell(std::move(region), offset, options.type, "this memory")),
            options};
}

std::size_t CellPublisher::required(std::size_t size, const CellOptions& options) {
    return plan(size, options).total;
}

void CellPublisher::unlink(const std::string& name) {
    Region::posix_shm_unlink(detail::cell_shm_name(name));
}

void CellPublisher::unlink(const std::string& name, std::error_code& ec) {
    guarded(ec, 0, [&] {
        unlink(name);
        return 0;
    });
}

std::size_t CellPublisher::collect() {
    return claim_ ? claim_->collect() : 0;
}

const Region& CellPublisher::region() const noexcept {
    static const Region none;
    return claim_ ? claim_->place().region : none;
}

void CellPublisher::wake(std::uint32_t attendance) noexcept {
    detail::wake_cell(core_, claim_->place().region, attendance);
}

CellPublisher CellPublisher::create(const std::string& name, Bytes value,
                                    const CellOptions& options, std::error_code& ec) {
    return guarded(ec, CellPublisher(), [&] { return create(name, value, options); });
}

CellPublisher CellPublisher::create_empty(const std::string& name, std::size_t size,
                                          const CellOptions& options, std::error_code& ec) {
    return guarded(ec, CellPublisher(), [&] { return create_empty(name, size, options); });
}

CellPublisher CellPublisher::open(const std::string& name, const CellOptions& options,
                                  std::error_code& ec) {
    return guarded(ec, CellPublisher(), [&] { return open(name, options); });
}

CellPublisher CellPublisher::create_in(Region region, std::uint64_t offset, std::size_t size,
                                       const CellOptions& options, std::error_code& ec) {
    return guarded(ec, CellPublisher(),
                   [&] { return create_in(std::move(region), offset, size, options); });
}

CellPublisher CellPublisher::attach(Region region, std::uint64_t offset, const CellOptions& options,
                                    std::error_code& ec) {
    return guarded(ec, CellPublisher(), [&] { return attach(std::move(region), offset, options); });
}

} // namespace shmq
