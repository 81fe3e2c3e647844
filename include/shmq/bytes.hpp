// SPDX-License-Identifier: GPL-2.0-only OR MIT
// Views of bytes: what callers hand in, and what lies in a ring.
#ifndef SHMQ_BYTES_HPP
#define SHMQ_BYTES_HPP

#include <shmq/core/frame.h>

#include <algorithm>
#include <array>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <ranges>
#include <span>
#include <string_view>
#include <type_traits>

namespace shmq {

namespace detail {

template <typename T>
concept ByteSized = sizeof(T) == 1 && std::is_trivially_copyable_v<T>;

/// Contiguous bytes other than an array: a string literal has a NUL that nobody
/// means to send.
template <typename R>
concept ByteRange = std::ranges::contiguous_range<const R> && std::ranges::sized_range<const R> &&
    ByteSized<std::ranges::range_value_t<const R>> && !std::is_array_v<std::remove_cvref_t<R>>;

/// An array of these has no NUL to leave out.
template <typename T>
concept NotText = ByteSized<T> && !std::same_as<std::remove_const_t<T>, char>;

} // namespace detail

/// Bytes of the caller's to send: made of a string, a string literal (without
/// its NUL), a span, or any contiguous container of one-byte elements. A view:
/// what it is made of must outlive the call.
class Bytes : private shmq_part {
public:
    constexpr Bytes() noexcept : shmq_part{nullptr, 0} {}

    Bytes(const void* data, std::size_t size) noexcept : shmq_part{data, clamp(size)} {}

    Bytes(std::string_view text) noexcept : Bytes(text.data(), text.size()) {}
    Bytes(const char* text) noexcept : Bytes(std::string_view(text)) {}

    template <detail::ByteRange R>
    Bytes(const R& range) noexcept : Bytes(std::ranges::data(range), std::ranges::size(range)) {}

    template <detail::NotText T, std::size_t N>
    Bytes(T (&array)[N]) noexcept : Bytes(array, N) {}

    [[nodiscard]] const std::byte* data() const noexcept {
        return static_cast<const std::byte*>(shmq_part::data);
    }

    /// Bytes; what is longer than 32 bits can say counts as 4 GiB - 1, which
    /// fits no queue.
    [[nodiscard]] std::uint32_t size() const noexcept { return length; }

    [[nodiscard]] const shmq_part* part() const noexcept { return this; }

private:
    static constexpr std::uint32_t clamp(std::size_t size) noexcept {
        return size > UINT32_MAX ? UINT32_MAX : static_cast<std::uint32_t>(size);
    }
};

static_assert(sizeof(Bytes) == sizeof(shmq_part), "an array of Bytes is one of parts");

/// A stretch of a ring: one piece, or two where it wraps.
template <typename Byte>
class Pieces {
public:
    Pieces() noexcept = default;
    Pieces(shmq_base base, const shmq_pieces& p) noexcept
        : pieces_{std::span<Byte>(at(base, p.off[0]), p.len[0]),
                  std::span<Byte>(at(base, p.off[1]), p.len[1])} {}

    [[nodiscard]] std::span<Byte> first() const noexcept { return pieces_[0]; }
    /// Empty unless the stretch wraps.
    [[nodiscard]] std::span<Byte> second() const noexcept { return pieces_[1]; }
    [[nodiscard]] std::size_t size() const noexcept { return first().size() + second().size(); }
    [[nodiscard]] bool empty() const noexcept { return size() == 0; }
    [[nodiscard]] bool contiguous() const noexcept { return second().empty(); }

    /// The byte at `i`, across the wrap; i < size().
    [[nodiscard]] Byte& operator[](std::size_t i) const noexcept {
        return i < first().size() ? first()[i] : second()[i - first().size()];
    }

    /// Copies out from `offset` on, as much as both sides have; returns how much.
    std::size_t copy_to(std::span<std::byte> to, std::size_t offset = 0) const noexcept {
        return each(offset, to.size(), [&](std::size_t done, std::span<Byte> piece) {
            std::memcpy(to.data() + done, piece.data(), piece.size());
        });
    }

    /// Copies in at `offset`, as much as fits; returns how much.
    std::size_t copy_from(Bytes from, std::size_t offset = 0) const noexcept {
        return each(offset, from.size(), [&](std::size_t done, std::span<Byte> piece) {
            std::memcpy(piece.data(), from.data() + done, piece.size());
        });
    }

private:
    static Byte* at(shmq_base base, std::uint32_t off) noexcept {
        return reinterpret_cast<Byte*>(shmq_at(base, off));
    }

    template <typename F>
    std::size_t each(std::size_t offset, std::size_t most, F&& copy) const noexcept {
        std::size_t done = 0;
        for (std::span<Byte> piece : pieces_) {
            if (offset >= piece.size()) {
                offset -= piece.size();
                continue;
            }
            piece = piece.subspan(offset, std::min(piece.size() - offset, most - done));
            offset = 0;
            if (!piece.empty())
                copy(done, piece);
            done += piece.size();
        }
        return done;
    }

    std::array<std::span<Byte>, 2> pieces_{};
};

} // namespace shmq

#endif // SHMQ_BYTES_HPP
