// SPDX-License-Identifier: GPL-2.0-only OR MIT
// What the fuzzer gives, taken piece by piece, and the hostile peer that it drives.
#ifndef SHMQ_FUZZ_INPUT_HPP
#define SHMQ_FUZZ_INPUT_HPP

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace fuzz {

#define FUZZ_EXPECT(condition)                                                                     \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            std::fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #condition);           \
            std::abort();                                                                          \
        }                                                                                          \
    } while (0)

class Input {
public:
    Input(const std::uint8_t* data, std::size_t size) : at_(data), end_(data + size) {}

    [[nodiscard]] bool empty() const { return at_ == end_; }
    std::uint8_t byte() { return empty() ? 0 : *at_++; }
    std::uint32_t below(std::uint32_t n) {
        std::uint32_t value = byte();
        if (n > 256)
            value |= static_cast<std::uint32_t>(byte()) << 8;
        return value % n;
    }
    std::uint32_t word() {
        std::uint32_t value = 0;
        for (int i = 0; i < 4; i++)
            value = value << 8 | byte();
        return value;
    }
    std::size_t bytes(std::uint8_t* to, std::size_t n) {
        const std::size_t left = static_cast<std::size_t>(end_ - at_);
        if (n > left)
            n = left;
        if (n)
            std::memcpy(to, at_, n);
        at_ += n;
        return n;
    }

private:
    const std::uint8_t* at_;
    const std::uint8_t* end_;
};

// Whoever else has the memory mapped: at rest until given memory and input.
class Peer {
public:
    void come(std::uint8_t* memory, std::uint32_t length, Input* input) {
        memory_ = memory;
        length_ = length;
        input_ = input;
    }
    void go() { input_ = nullptr; }

    // Called before each access of the core.
    void act() {
        if (!input_ || input_->empty())
            return;
        const std::uint8_t what = input_->byte();
        if (what & 0xc0) // three times of four: nothing
            return;
        const std::uint32_t capacity = length_ - 8;
        switch (what % 5) {
        case 0: // a position, plausible
            store((what >> 3 & 1) * 4, input_->below(capacity));
            break;
        case 1: // a position, any
            store((what >> 3 & 1) * 4, input_->word());
            break;
        case 2: // a word of data
            if (capacity >= 4)
                store(8 + input_->below(capacity - 3), input_->word());
            break;
        case 3: // a byte of data
            memory_[8 + input_->below(capacity)] = input_->byte();
            break;
        case 4: // one bit
            memory_[input_->below(length_)] ^= static_cast<std::uint8_t>(1 << (what & 7));
            break;
        }
    }

private:
    void store(std::uint32_t at, std::uint32_t value) { std::memcpy(memory_ + at, &value, 4); }

    std::uint8_t* memory_ = nullptr;
    std::uint32_t length_ = 0;
    Input* input_ = nullptr;
};

inline Peer peer;

} // namespace fuzz

#endif // SHMQ_FUZZ_INPUT_HPP
