// SPDX-License-Identifier: GPL-2.0-only OR MIT
// A cell: the latest value of one publisher, for any number of readers.
//
//   auto pose = Cell<Pose>::create("pose", Pose{});     // one process
//   pose.write(Pose{…});
//
//   auto pose = Cell<Pose>::open("pose");               // others
//   if (auto p = pose.read()) …
//
// Readers never see half a value, nor an older one after a newer one. The publisher
// never waits, whatever readers do, and a reader that dies blocks nobody. If the
// publisher dies, even in the middle of a write, its last whole value stays, and
// readers can tell (publisher(), wait()); a successor goes on where it was.
//
// Two kinds of reader:
//
// |            | with a seat (registered)         | without                          |
// |------------|----------------------------------|----------------------------------|
// | how many   | CellOptions::readers             | any number                       |
// | memory     | writable                         | readable is enough               |
// | read()     | wait-free                        | copies, a bounded number of times |
// | view()     | the value where it is, stable    | no                               |
// | costs the publisher | a fence, and a look each | nothing                         |
//
// Both are safe against a publisher that writes all the time; docs/cell.md tells how
// that is done, and when a reader without a seat is told Status::Again.
#ifndef SHMQ_CELL_HPP
#define SHMQ_CELL_HPP

#include <shmq/cell_publisher.hpp>
#include <shmq/cell_reader.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <system_error>
#include <type_traits>
#include <utility>

namespace shmq {

/// What may lie in a cell: bytes without an owner. Values lie 32 bytes after a
/// multiple of 64, from the start of the cell.
template <typename T>
concept CellValue = std::is_trivially_copyable_v<T> && !std::is_const_v<T> &&
                    !std::is_pointer_v<T> && alignof(T) <= SHMQ_CELL_SLOT_VALUE;

/// A value that is written in place: see CellEdit.
template <CellValue T>
class CellEditOf : public CellEdit {
public:
    [[nodiscard]] T& operator*() const noexcept { return *reinterpret_cast<T*>(bytes().data()); }
    [[nodiscard]] T* operator->() const noexcept { return reinterpret_cast<T*>(bytes().data()); }

private:
    template <CellValue>
    friend class CellPublisherOf;

    explicit CellEditOf(CellPublisher& publisher, bool copy) noexcept
        : CellEdit(&publisher, copy) {}
};

/// A value that is looked at in place: see CellView.
template <CellValue T>
class CellViewOf : public CellView {
public:
    [[nodiscard]] const T& operator*() const noexcept {
        return *reinterpret_cast<const T*>(bytes().data());
    }
    [[nodiscard]] const T* operator->() const noexcept {
        return reinterpret_cast<const T*>(bytes().data());
    }

private:
    template <CellValue>
    friend class CellReaderOf;

    explicit CellViewOf(CellReader& reader) noexcept : CellView(reader) {}
};

/// The publisher of a Cell<T>: a CellPublisher for one type.
template <CellValue T>
class CellPublisherOf : private CellPublisher {
public:
    /// Not attached: everything returns Status::Invalid, or nothing.
    CellPublisherOf() noexcept = default;

    /// Throws EPROTO if its values have another size.
    explicit CellPublisherOf(CellPublisher publisher) : CellPublisher(std::move(publisher)) {
        if (size())
            detail::check_cell(cell(), sizeof(T), alignof(T));
    }

    using CellPublisher::collect;
    using CellPublisher::layout;
    using CellPublisher::region;
    using CellPublisher::total_writes;

    /// Publishes a copy. Ok; Invalid: not attached, or an edit is open.
    Status write(const T& value) noexcept { return CellPublisher::write(Bytes(&value, sizeof(T))); }

    /// Opens the next value in place, with the last one in it.
    [[nodiscard]] CellEditOf<T> edit() noexcept { return CellEditOf<T>(*this, true); }

    /// The same with anything in it, to be written all over.
    [[nodiscard]] CellEditOf<T> compose() noexcept { return CellEditOf<T>(*this, false); }

    /// What was published last; nothing if nothing was.
    [[nodiscard]] std::optional<T>
    read() const noexcept requires std::is_default_constructible_v<T> {
        T value;
        if (CellPublisher::read(std::as_writable_bytes(std::span(&value, 1))) != Status::Ok)
            return std::nullopt;
        return value;
    }
};

/// A reader of a Cell<T>: a CellReader for one type.
template <CellValue T>
class CellReaderOf : private CellReader {
public:
    /// Not attached: everything returns Status::Invalid, or nothing.
    CellReaderOf() noexcept = default;

    /// Throws EPROTO if its values have another size.
    explicit CellReaderOf(CellReader reader) : CellReader(std::move(reader)) {
        if (size())
            detail::check_cell(cell(), sizeof(T), alignof(T));
    }

    using CellReader::fd;
    using CellReader::has_changed;
    using CellReader::layout;
    using CellReader::publisher;
    using CellReader::region;
    using CellReader::registered;
    using CellReader::staleness;
    using CellReader::total_writes;
    using CellReader::wait;
    using CellReader::writes;

    /// See CellReader::read().
    Status read(T& value) noexcept {
        return CellReader::read(std::as_writable_bytes(std::span(&value, 1)));
    }
    /// The latest value; nothing where the other read() does not say Ok.
    [[nodiscard]] std::optional<T> read() noexcept requires std::is_default_constructible_v<T> {
        T value;
        if (read(value) != Status::Ok)
            return std::nullopt;
        return value;
    }

    /// The same if there is something newer than what was read last; else Empty.
    Status read_change(T& value) noexcept { return has_changed() ? read(value) : Status::Empty; }
    [[nodiscard]] std::optional<T>
    read_change() noexcept requires std::is_default_constructible_v<T> {
        return has_changed() ? read() : std::nullopt;
    }

    /// Shows the latest value where it is. Needs a seat.
    [[nodiscard]] CellViewOf<T> view() noexcept { return CellViewOf<T>(*this); }
};

/// Where cells of a type are made and opened. Errors as CellPublisher and CellReader
/// have them; a cell whose values have another size is EPROTO, to its creator EEXIST.
template <CellValue T>
class Cell {
public:
    using Publisher = CellPublisherOf<T>;
    using Reader = CellReaderOf<T>;

    /// Makes a named cell with a first value, or takes over one whose publisher is gone.
    static Publisher create(const std::string& name, const T& value,
                            const CellOptions& options = {}) {
        return Publisher(CellPublisher::create(name, Bytes(&value, sizeof(T)), options));
    }
    static Publisher create(const std::string& name, const T& value, const CellOptions& options,
                            std::error_code& ec) {
        return Publisher(CellPublisher::create(name, Bytes(&value, sizeof(T)), options, ec));
    }

    /// Likewise without a value.
    static Publisher create_empty(const std::string& name, const CellOptions& options = {}) {
        return Publisher(CellPublisher::create_empty(name, sizeof(T), options));
    }

    /// Makes a cell without a value in memory.
    static Publisher create_in(Region region, std::uint64_t offset = 0,
                               const CellOptions& options = {}) {
        return Publisher(CellPublisher::create_in(std::move(region), offset, sizeof(T), options));
    }

    /// Takes over a cell that exists.
    static Publisher publish(const std::string& name, const CellOptions& options = {}) {
        return Publisher(CellPublisher::open(name, options));
    }
    static Publisher publish(Region region, std::uint64_t offset = 0,
                             const CellOptions& options = {}) {
        return Publisher(CellPublisher::attach(std::move(region), offset, options));
    }

    /// Opens a cell that exists, to read it.
    static Reader open(const std::string& name, const CellOpenOptions& options = {}) {
        return Reader(CellReader::open(name, options));
    }

    /// The same, once it exists. ETIMEDOUT.
    static Reader wait_and_open(const std::string& name, Wait::Duration timeout = forever,
                                const CellOpenOptions& options = {}) {
        return Reader(CellReader::wait_and_open(name, timeout, options));
    }

    /// Opens a cell that lies in memory, to read it.
    static Reader attach(Region region, std::uint64_t offset = 0,
                         const CellOpenOptions& options = {}) {
        return Reader(CellReader::attach(std::move(region), offset, options));
    }

    /// Bytes that a cell takes.
    [[nodiscard]] static std::size_t required(const CellOptions& options = {}) {
        return CellPublisher::required(sizeof(T), options);
    }

    static void unlink(const std::string& name) { CellPublisher::unlink(name); }
    static void unlink(const std::string& name, std::error_code& ec) {
        CellPublisher::unlink(name, ec);
    }
};

} // namespace shmq

#endif // SHMQ_CELL_HPP
