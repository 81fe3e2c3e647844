// SPDX-License-Identifier: GPL-2.0-only OR MIT
// The messages that the C++ peers carry: made, and checked. See abi.h.
#ifndef BENCH_MESSAGE_HPP
#define BENCH_MESSAGE_HPP

#include "abi.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <span>

namespace bench {

/// Aligned as an element of a ring would best be.
template <std::size_t N>
struct alignas(std::min<std::size_t>(N, 64)) Message {
    static constexpr std::size_t size = N;
    std::byte bytes[N];
};

/// Tells the compiler that all bytes are written and read here, so that it
/// cannot leave out a copy of those that nobody looks at.
template <std::size_t N>
inline void touch(Message<N>& m) {
    __asm__ volatile("" : "+m"(m));
}

inline std::uint64_t first_word(std::uint64_t sequence) {
    return (sequence & 0x00ffffffffffffff) | sequence << 56;
}

/// How many messages before it is sent a small one is made. One made an instant
/// ago, in pieces, costs every queue a dozen nanoseconds when it is copied: the
/// CPU cannot forward its stores. That would be the same for all, and large
/// beside what is measured.
constexpr std::size_t made_ahead(std::size_t n) {
    return n <= 1024 ? 8 : 0;
}

/// Where messages come from: private memory of the sender.
template <std::size_t N>
class Source {
public:
    Source(std::uint64_t first, std::size_t most)
        : rows_(most == 1 ? 2 * made_ahead(N) + 1 : most),
          messages_(std::make_unique<Message<N>[]>(rows_)),
          sequence_(first) {}

    /// The next message; the same again until sent().
    const Message<N>* next() {
        for (; made_ <= std::min(made_ahead(N), rows_ - 1); ++made_) {
            const std::size_t row = at_ + made_;
            make(messages_[row < rows_ ? row : row - rows_], sequence_ + made_);
        }
        return &messages_[at_];
    }

    /// The next `n` messages, one after the other; the same again until sent().
    const Message<N>* next(std::size_t n) {
        if (n == 1)
            return next();
        for (std::size_t i = 0; i < n; ++i)
            make(messages_[i], sequence_ + i);
        at_ = 0;
        made_ = 0;
        return messages_.get();
    }

    void sent(std::size_t n = 1) {
        sequence_ += n;
        if (made_ < n)
            return;
        made_ -= n;
        at_ += n;
        if (at_ >= rows_)
            at_ -= rows_;
    }

    /// Writes the next message, all of it, to where it is sent from.
    void write_to(std::span<std::byte> one, std::span<std::byte> two) const {
        const std::byte* body = messages_[0].bytes;
        if (two.empty()) {
            std::memcpy(one.data(), body, N);
            stamp(sequence_, one.data(), one.data() + N - 1);
        } else {
            Message<N> whole = messages_[0];
            stamp(sequence_, whole.bytes, whole.bytes + N - 1);
            std::memcpy(one.data(), whole.bytes, one.size());
            std::memcpy(two.data(), whole.bytes + one.size(), two.size());
        }
    }

private:
    static void make(Message<N>& m, std::uint64_t sequence) {
        stamp(sequence, m.bytes, m.bytes + N - 1);
        touch(m);
    }

    static void stamp(std::uint64_t sequence, std::byte* head, std::byte* last) {
        const std::uint64_t word = first_word(sequence);
        std::memcpy(head, &word, sizeof(word));
        if constexpr (N > sizeof(word))
            *last = static_cast<std::byte>(sequence);
    }

    std::size_t rows_;
    std::unique_ptr<Message<N>[]> messages_;
    std::size_t at_ = 0;   ///< the row of the next message
    std::size_t made_ = 0; ///< rows from there on that are made
    std::uint64_t sequence_;
};

/// Where messages go: private memory of the receiver.
template <std::size_t N>
class Sink {
public:
    Sink(std::uint64_t first, std::size_t most)
        : messages_(std::make_unique<Message<N>[]>(most)), sequence_(first) {}

    /// To copy messages to before take().
    Message<N>* buffer() { return messages_.get(); }

    /// Checks the first `n` messages in the buffer.
    void take(std::size_t n = 1) {
        for (std::size_t i = 0; i < n; ++i) {
            touch(messages_[i]);
            check(messages_[i].bytes);
        }
    }

    /// Checks a message in somebody else's private memory.
    void take(std::span<const std::byte> data) {
        __asm__ volatile("" : : "r"(data.data()) : "memory");
        if (data.size() != N)
            ++bad_;
        else
            check(data.data());
    }

    /// Reads all of a message where it lies, and checks it.
    void read_from(std::span<const std::byte> one, std::span<const std::byte> two) {
        const std::uint64_t read = fold(one) ^ fold(two);
        __asm__ volatile("" : : "r"(read));
        if (one.size() + two.size() != N) {
            ++bad_;
        } else if (one.size() == N) {
            check(one.data());
        } else {
            std::memcpy(messages_[0].bytes, one.data(), one.size());
            std::memcpy(messages_[0].bytes + one.size(), two.data(), two.size());
            check(messages_[0].bytes);
        }
    }

    [[nodiscard]] std::uint64_t bad() const { return bad_; }

private:
    void check(const std::byte* bytes) {
        std::uint64_t word = 0;
        std::memcpy(&word, bytes, sizeof(word));
        if (word != first_word(sequence_) || bytes[N - 1] != static_cast<std::byte>(sequence_))
            ++bad_;
        ++sequence_;
    }

    static std::uint64_t fold(std::span<const std::byte> data) {
        std::uint64_t all = 0;
        std::size_t at = 0;
        for (; at + sizeof(all) <= data.size(); at += sizeof(all)) {
            std::uint64_t word = 0;
            std::memcpy(&word, data.data() + at, sizeof(word));
            all ^= word;
        }
        for (; at < data.size(); ++at)
            all ^= static_cast<std::uint64_t>(data[at]);
        return all;
    }

    std::unique_ptr<Message<N>[]> messages_;
    std::uint64_t sequence_;
    std::uint64_t bad_ = 0;
};

} // namespace bench

#endif // BENCH_MESSAGE_HPP
