// SPDX-License-Identifier: GPL-2.0-only OR MIT
// A reading end of a cell, for a value of so many bytes; cell.hpp has it for values
// of a type, and says what cells are.
#ifndef SHMQ_CELL_READER_HPP
#define SHMQ_CELL_READER_HPP

#include <shmq/bell.hpp>
#include <shmq/cell_options.hpp>
#include <shmq/core/cell_seat.h>
#include <shmq/region.hpp>
#include <shmq/status.hpp>
#include <shmq/waiting.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <system_error>
#include <utility>

namespace shmq {

namespace detail {
class CellAttendance;
struct CellPlace;
} // namespace detail

class CellView;

/// Who reads a cell; move-only. As many as there are; with a seat, read() and view()
/// are wait-free; without, read() copies at most CellOpenOptions::tries times.
///
/// Functions that can fail throw std::system_error; those with a std::error_code&
/// return something empty instead: everything is then Status::Invalid. ENOENT: no
/// such name; EACCES; EAGAIN: its creator is still at work, or died; EPROTO: not a
/// cell, damaged, truncated, or of another version; EBUSY: no seat is free, and one
/// is required; ENOTSUP: nor can there be one (the memory is only readable, or its
/// locks or membarrier(2) do not work here).
///
/// Threads: one at a time. read(), view() and has_changed() make no system call
/// (has_changed() does after fd()), and allocate nothing.
class CellReader {
public:
    /// Opens a cell that exists; for reading only if it admits no more. A name has
    /// no slash.
    static CellReader open(const std::string& name, const CellOpenOptions& options = {});
    static CellReader open(const std::string& name, const CellOpenOptions& options,
                           std::error_code& ec);

    /// The same, once it exists. ETIMEDOUT.
    static CellReader wait_and_open(const std::string& name, Wait::Duration timeout = forever,
                                    const CellOpenOptions& options = {});
    static CellReader wait_and_open(const std::string& name, Wait::Duration timeout,
                                    const CellOpenOptions& options, std::error_code& ec);

    /// Opens a cell that lies in memory: a memfd, an area of a device.
    static CellReader attach(Region region, std::uint64_t offset = 0,
                             const CellOpenOptions& options = {});
    static CellReader attach(Region region, std::uint64_t offset, const CellOpenOptions& options,
                             std::error_code& ec);

    CellReader() noexcept;
    CellReader(CellReader&& other) noexcept;
    CellReader& operator=(CellReader&& other) noexcept;
    /// Gives the seat back.
    ~CellReader();

    /// Copies the latest value. Ok; Empty: none was published yet; Again: without a
    /// seat only, the publisher overtook each copy; Corrupt: somebody else wrote
    /// there; Invalid: not attached, or another size. What it answers with but Ok
    /// may have changed `to`.
    Status read(std::span<std::byte> to) noexcept {
        if (to.size() != size() || to.empty())
            return Status::Invalid;
        shmq_cell_stamp stamp{};
        const auto status =
            static_cast<Status>(copy(to.data(), static_cast<std::uint32_t>(to.size()), &stamp));
        if (status == Status::Ok)
            last_ = stamp;
        return status;
    }

    /// The same if there is something newer than what was read last; else Empty.
    Status read_change(std::span<std::byte> to) noexcept {
        return has_changed() ? read(to) : Status::Empty;
    }

    /// Shows the latest value where it is; see CellView. Needs a seat.
    [[nodiscard]] CellView view() noexcept;

    /// Whether there is something newer than what was read last.
    [[nodiscard]] bool has_changed() noexcept {
        return newer() || (polled_ && newer_after_arming());
    }

    /// Sleeps, or as `policy` says, until there is something newer than what was
    /// read last. Ok; Timeout; PeerGone: the publisher is gone, told once each;
    /// Interrupted, if the policy asks for it; Corrupt; Invalid. A publisher that
    /// is killed is noticed within a second.
    Status wait(Wait::Duration timeout = forever, Wait policy = Wait::sleep());

    /// A descriptor for poll, epoll and the like, for input; it stays the reader's.
    /// It becomes readable when something was published after has_changed() or
    /// read_change() found nothing new, which also makes it unreadable again; and
    /// each second, to look at publisher(). Edge- or level-triggered. Costs the
    /// publisher a system call a wake-up, and nothing while nobody polls. -1: not
    /// attached, or no descriptor can be had.
    [[nodiscard]] int fd();

    /// Time since the value that was read last was published, by the clocks of its
    /// publisher (CellOptions::clock) and of this machine. Nothing: none was read, or
    /// it has no stamp.
    [[nodiscard]] std::optional<std::chrono::nanoseconds> staleness() const noexcept;

    /// Values published so far. If it is overtaken, or not attached: as of the last
    /// read.
    [[nodiscard]] std::uint64_t total_writes() const noexcept {
        shmq_cell_stamp stamp{};
        return look(&stamp) == SHMQ_OK ? stamp.writes : last_.writes;
    }

    /// The count of the value that was read last: those between two reads were
    /// missed. 0: none was.
    [[nodiscard]] std::uint64_t writes() const noexcept { return last_.writes; }

    /// Who publishes: user, nobody yet, or gone. May cost a system call.
    [[nodiscard]] Holder publisher() noexcept;

    /// Whether it has a seat.
    [[nodiscard]] bool registered() const noexcept { return seat_ != no_seat; }

    /// Bytes of a value; 0: not attached.
    [[nodiscard]] std::size_t size() const noexcept { return cell_.layout.size; }

    /// Its seats, slots, bytes.
    [[nodiscard]] const shmq_cell_layout& layout() const noexcept { return cell_.layout; }

    /// The memory; empty if not attached.
    [[nodiscard]] const Region& region() const noexcept;

protected:
    [[nodiscard]] const shmq_cell& cell() const noexcept { return cell_; }

private:
    friend class CellView;

    static constexpr std::uint32_t no_seat = UINT32_MAX;

    CellReader(detail::CellPlace place, const CellOpenOptions& options);

    [[nodiscard]] shmq_status copy(void* to, std::uint32_t n, shmq_cell_stamp* stamp) noexcept {
        if (!registered() || viewing_)
            return shmq_cell_read(&cell_, to, n, stamp, tries_);
        std::uint32_t off = 0;
        const shmq_status status = shmq_cell_pin(&cell_, seat_, &off, stamp);
        if (status == SHMQ_OK)
            shmq_copy_in(to, cell_.base, off, n);
        if (status != SHMQ_CORRUPT)
            shmq_cell_unpin(&cell_, seat_);
        return status;
    }

    [[nodiscard]] shmq_status look(shmq_cell_stamp* stamp) const noexcept {
        return size() ? shmq_cell_read(&cell_, nullptr, 0, stamp, tries_) : SHMQ_INVALID;
    }

    // Who was overtaken while it looked was so by something new.
    [[nodiscard]] bool newer() const noexcept {
        shmq_cell_stamp stamp{};
        const shmq_status status = look(&stamp);
        return status == SHMQ_AGAIN || (status == SHMQ_OK && stamp.writes != last_.writes);
    }
    [[nodiscard]] bool newer_after_arming() noexcept;

    shmq_cell cell_{};
    shmq_cell_stamp last_{};
    std::uint32_t seat_ = no_seat;
    std::uint32_t tries_ = 0;
    bool viewing_ = false;
    bool polled_ = false;
    std::unique_ptr<detail::CellAttendance> attendance_;
};

/// The latest value, where it is: it stays as it is while this lasts, whatever the
/// publisher does. A reader has one at a time, and must stay where it is meanwhile;
/// its read() then copies as one without a seat.
class CellView {
public:
    explicit CellView(CellReader& reader) noexcept {
        if (!reader.registered() || reader.viewing_)
            return;
        std::uint32_t off = 0;
        shmq_cell_stamp stamp{};
        status_ = static_cast<Status>(shmq_cell_pin(&reader.cell_, reader.seat_, &off, &stamp));
        if (status_ == Status::Corrupt)
            return;
        reader_ = &reader;
        reader.viewing_ = true;
        if (status_ != Status::Ok)
            return;
        reader.last_ = stamp;
        bytes_ = {reinterpret_cast<const std::byte*>(shmq_at(reader.cell_.base, off)),
                  reader.size()};
    }
    CellView(const CellView&) = delete;
    CellView& operator=(const CellView&) = delete;
    ~CellView() {
        if (!reader_)
            return;
        shmq_cell_unpin(&reader_->cell_, reader_->seat_);
        reader_->viewing_ = false;
    }

    /// Ok; Empty: none was published yet; Corrupt; Invalid: the reader is not attached
    /// or has no seat, or has a view already.
    [[nodiscard]] Status status() const noexcept { return status_; }
    [[nodiscard]] explicit operator bool() const noexcept { return status_ == Status::Ok; }

    /// Empty unless Ok.
    [[nodiscard]] std::span<const std::byte> bytes() const noexcept { return bytes_; }

private:
    CellReader* reader_ = nullptr;
    Status status_ = Status::Invalid;
    std::span<const std::byte> bytes_;
};

inline CellView CellReader::view() noexcept {
    return CellView(*this);
}

} // namespace shmq

#endif // SHMQ_CELL_READER_HPP
