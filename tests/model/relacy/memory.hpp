// SPDX-License-Identifier: GPL-2.0-only OR MIT
// The shared memory of a test.
#ifndef SHMQ_MODEL_MEMORY_HPP
#define SHMQ_MODEL_MEMORY_HPP

#include <shmq/core/byte_queue.h>

#include <array>
#include <cstddef>
#include <cstdint>

namespace model {

// Memory of `Size` bytes, of which `Words` words and `Bytes` bytes are in use.
// Words are zero, as fresh memory is. Bytes are not: who reads one before it was
// written has read what was not published.
template <std::size_t Size, std::size_t Words, std::size_t Bytes>
class Memory {
public:
    // In the constructor of a test: `off` is a word.
    void word(std::uint32_t off) {
        cells_[off].word = &words_.at(words_used_++);
        cells_[off].word->store(0, rl::mo_relaxed, info(shmq_where::current()));
    }

    void bytes(std::uint32_t off, std::uint32_t n) {
        for (; n; n--)
            cells_[off++].byte = &bytes_.at(bytes_used_++);
    }

    // A queue of `length` bytes.
    void queue(std::uint32_t off, std::uint32_t length) {
        word(off + SHMQ_WRITE_POSITION);
        word(off + SHMQ_READ_POSITION);
        bytes(off + SHMQ_QUEUE_HEADER, length - SHMQ_QUEUE_HEADER);
    }

    [[nodiscard]] shmq_base base() { return cells_.data(); }

private:
    std::array<shmq_model_cell, Size> cells_{};
    std::array<rl::atomic<std::uint32_t>, Words> words_;
    std::array<rl::var<std::uint8_t>, Bytes> bytes_;
    std::size_t words_used_ = 0;
    std::size_t bytes_used_ = 0;
};

// Memory that is one queue, for `Data` bytes.
template <std::size_t Data>
class QueueMemory : public Memory<SHMQ_QUEUE_HEADER + Data, 2, Data> {
public:
    static constexpr std::uint32_t length = SHMQ_QUEUE_HEADER + Data;

    QueueMemory() { this->queue(0, length); }
};

} // namespace model

#endif // SHMQ_MODEL_MEMORY_HPP
