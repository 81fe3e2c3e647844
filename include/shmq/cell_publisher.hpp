// SPDX-License-Identifier: GPL-2.0-only OR MIT
// The publishing end of a cell, for a value of so many bytes; cell.hpp has it for
// values of a type, and says what cells are.
#ifndef SHMQ_CELL_PUBLISHER_HPP
#define SHMQ_CELL_PUBLISHER_HPP

#include <shmq/bytes.hpp>
#include <shmq/cell_options.hpp>
#include <shmq/core/cell_publisher.h>
#include <shmq/region.hpp>
#include <shmq/status.hpp>

#include <cstddef>
#include <cstdint>
#include <exception>
#include <memory>
#include <span>
#include <string>
#include <system_error>
#include <utility>

namespace shmq {

namespace detail {
class CellPublisherClaim;
struct CellPlace;
} // namespace detail

class CellEdit;

/// Who writes a cell; move-only. There is one at a time, which the operating system
/// notices when it dies. Its memory is 8-byte aligned.
///
/// write(), edit() and the rest of what is noexcept make no system call, unless a
/// reader sleeps or polls, and allocate nothing; they are wait-free whatever
/// readers do. Threads: one at a time.
///
/// Functions that can fail throw std::system_error; those with a std::error_code&
/// return something empty instead: everything is then Status::Invalid. EBUSY: there
/// is a publisher. A child that is forked shares its parent's claim: one of the two
/// must not write.
class CellPublisher {
public:
    /// Makes a named cell with a first value, or takes over one of the same size
    /// and type whose publisher is gone; its readers go on. A name has no slash.
    /// EEXIST: something else has the name.
    static CellPublisher create(const std::string& name, Bytes value,
                                const CellOptions& options = {});
    static CellPublisher create(const std::string& name, Bytes value, const CellOptions& options,
                                std::error_code& ec);

    /// Likewise without a value: reads say Status::Empty until the first write.
    static CellPublisher create_empty(const std::string& name, std::size_t size,
                                      const CellOptions& options = {});
    static CellPublisher create_empty(const std::string& name, std::size_t size,
                                      const CellOptions& options, std::error_code& ec);

    /// Takes over a cell that exists. Of the options, type, clock and fence count.
    static CellPublisher open(const std::string& name, const CellOptions& options = {});
    static CellPublisher open(const std::string& name, const CellOptions& options,
                              std::error_code& ec);

    /// Makes a cell without a value in memory, from `offset` on; see required().
    static CellPublisher create_in(Region region, std::uint64_t offset, std::size_t size,
                                   const CellOptions& options = {});
    static CellPublisher create_in(Region region, std::uint64_t offset, std::size_t size,
                                   const CellOptions& options, std::error_code& ec);

    /// Takes over a cell that lies in memory: a memfd, an area of a device.
    static CellPublisher attach(Region region, std::uint64_t offset = 0,
                                const CellOptions& options = {});
    static CellPublisher attach(Region region, std::uint64_t offset, const CellOptions& options,
                                std::error_code& ec);

    /// Bytes that a cell takes for values of `size` bytes. EINVAL: there is none such.
    [[nodiscard]] static std::size_t required(std::size_t size, const CellOptions& options = {});

    /// Removes the name; who has the cell open keeps it. ENOENT.
    static void unlink(const std::string& name);
    static void unlink(const std::string& name, std::error_code& ec);

    CellPublisher() noexcept;
    CellPublisher(CellPublisher&& other) noexcept;
    CellPublisher& operator=(CellPublisher&& other) noexcept;
    /// Tells readers that it is gone. The cell and its last value stay.
    ~CellPublisher();

    /// Publishes a copy. Ok; Invalid: not attached, of another size, or while an
    /// edit is open.
    Status write(Bytes value) noexcept {
        if (value.size() != ready_for_ || !ready_for_)
            return Status::Invalid;
        published(shmq_cell_write_n(&core_, value.data(), value.size(), detail::cell_time(clock_)));
        return Status::Ok;
    }

    /// Opens the next value in place, with the last one in it; see CellEdit.
    [[nodiscard]] CellEdit edit() noexcept;

    /// The same with anything in it, to be written all over.
    [[nodiscard]] CellEdit compose() noexcept;

    /// Copies what was published last: Ok, Empty; Invalid: another size.
    Status read(std::span<std::byte> to) const noexcept {
        if (!claim_ || to.size() != size())
            return Status::Invalid;
        shmq_copy_in(to.data(), core_.cell.base, last(), core_.cell.layout.size);
        return shmq_cell_writes(&core_) ? Status::Ok : Status::Empty;
    }

    /// Bytes of a value; 0: not attached.
    [[nodiscard]] std::size_t size() const noexcept { return core_.cell.layout.size; }

    /// Values published, by predecessors too.
    [[nodiscard]] std::uint64_t total_writes() const noexcept { return shmq_cell_writes(&core_); }

    /// What was made or taken over: seats, slots, bytes.
    [[nodiscard]] const shmq_cell_layout& layout() const noexcept { return core_.cell.layout; }

    /// Gives back the seats of readers that were killed, so that the next publication
    /// need not look at them; returns how many. They hurt nothing but cost some
    /// nanoseconds each, and a new reader takes them over by itself.
    std::size_t collect();

    /// The memory, for example to pass its descriptor on; empty if not attached.
    [[nodiscard]] const Region& region() const noexcept;

protected:
    [[nodiscard]] const shmq_cell& cell() const noexcept { return core_.cell; }

private:
    friend class CellEdit;

    CellPublisher(std::unique_ptr<detail::CellPublisherClaim> claim, const CellOptions& options);

    static CellPublisher create_named(const std::string& name, std::size_t size, const Bytes* value,
                                      const CellOptions& options);
    static CellPublisher publish_new(detail::CellPlace place, const Bytes* value,
                                     const CellOptions& options);

    [[nodiscard]] std::uint32_t last() const noexcept {
        return shmq_cell_value(&core_.cell, shmq_cell_latest_slot(&core_));
    }

    void published(std::uint32_t attendance) noexcept {
        if (attendance & (SHMQ_CELL_SLEEPERS | SHMQ_CELL_POLLERS))
            wake(attendance);
    }
    void wake(std::uint32_t attendance) noexcept;

    shmq_cell_publisher core_{};
    std::unique_ptr<detail::CellPublisherClaim> claim_;
    CellClock clock_ = CellClock::none;
    std::uint32_t ready_for_ = 0; ///< bytes; 0: not attached, or an edit is open
};

/// A value that is being written where it will be read. Published when this ends,
/// unless by an exception, or cancel() was called. The publisher, which must stay
/// where it is meanwhile, cannot write otherwise until then.
class CellEdit {
public:
    /// With a copy of the last value, or with anything in it.
    CellEdit(CellPublisher* publisher, bool copy) noexcept
        : publisher_(publisher && publisher->ready_for_ ? publisher : nullptr) {
        if (!publisher_)
            return;
        shmq_cell_publisher& core = publisher_->core_;
        next_ = shmq_cell_begin(&core);
        const std::uint32_t off = next_.off + SHMQ_CELL_SLOT_VALUE;
        bytes_ = {reinterpret_cast<std::byte*>(shmq_at(core.cell.base, off)), publisher_->size()};
        if (copy)
            shmq_copy_racy_out(core.cell.base, off, shmq_at(core.cell.base, publisher_->last()),
                               core.cell.layout.size);
        publisher_->ready_for_ = 0;
    }
    CellEdit(const CellEdit&) = delete;
    CellEdit& operator=(const CellEdit&) = delete;
    ~CellEdit() {
        if (std::uncaught_exceptions() > exceptions_)
            cancel();
        else
            publish();
    }

    /// False: the publisher is not attached, or has another edit open.
    [[nodiscard]] explicit operator bool() const noexcept { return publisher_ != nullptr; }

    /// The value; empty once it is published or cancelled.
    [[nodiscard]] std::span<std::byte> bytes() const noexcept { return bytes_; }

    /// At once. Ok; Invalid: there is nothing open.
    Status publish() noexcept {
        CellPublisher* publisher = end();
        if (!publisher)
            return Status::Invalid;
        publisher->published(
            shmq_cell_commit(&publisher->core_, next_, detail::cell_time(publisher->clock_)));
        return Status::Ok;
    }

    /// The last value stays.
    void cancel() noexcept { static_cast<void>(end()); }

private:
    CellPublisher* end() noexcept {
        bytes_ = {};
        if (publisher_)
            publisher_->ready_for_ = publisher_->core_.cell.layout.size;
        return std::exchange(publisher_, nullptr);
    }

    CellPublisher* publisher_;
    shmq_cell_next next_{};
    std::span<std::byte> bytes_;
    int exceptions_ = std::uncaught_exceptions();
};

inline CellEdit CellPublisher::edit() noexcept {
    return {this, true};
}

inline CellEdit CellPublisher::compose() noexcept {
    return {this, false};
}

} // namespace shmq

#endif // SHMQ_CELL_PUBLISHER_HPP
