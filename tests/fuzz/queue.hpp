// SPDX-License-Identifier: GPL-2.0-only OR MIT
// A queue in memory of exactly its size, so that AddressSanitizer sees a step outside.
#ifndef SHMQ_FUZZ_QUEUE_HPP
#define SHMQ_FUZZ_QUEUE_HPP

#include "input.hpp"

#include <shmq/core/frame.h>

#include <cstdint>
#include <memory>

namespace fuzz {

class Queue {
public:
    // Up to 600 bytes: positions wrap often, and frames may not fit.
    explicit Queue(Input& input) {
        format.framing = input.byte() & 1 ? SHMQ_PLAIN : SHMQ_CHECKED;
        std::uint32_t capacity = 2 + input.below(600);
        if (format.framing == SHMQ_PLAIN) {
            capacity = 16 + capacity / 8 * 8;
        } else {
            format.prefix_length = input.below(10) ? input.below(6) : input.below(65);
            for (std::uint32_t i = 0; i < format.prefix_length; i++)
                format.prefix[i] = input.byte() % 3; // so that it occurs by chance too
        }
        length = 8 + capacity;
        memory.reset(new (std::align_val_t(8)) std::uint8_t[length]());
        FUZZ_EXPECT(shmq_queue_create(base(), length) == SHMQ_OK);
        FUZZ_EXPECT(shmq_format_check(&format, base(), length) == SHMQ_OK);
    }

    [[nodiscard]] shmq_base base() const { return memory.get(); }
    [[nodiscard]] std::uint32_t size() const { return length - 8; }
    [[nodiscard]] std::uint8_t* data() const { return memory.get() + 8; }

    struct Free {
        void operator()(std::uint8_t* p) const { ::operator delete[](p, std::align_val_t(8)); }
    };

    shmq_format format{};
    std::uint32_t length = 0;
    std::unique_ptr<std::uint8_t[], Free> memory;
};

} // namespace fuzz

#endif // SHMQ_FUZZ_QUEUE_HPP
