// SPDX-License-Identifier: GPL-2.0-only OR MIT
// Bytes that are no frame, or nearly one.
#ifndef SHMQ_TESTS_INTEROP_FUZZ_GARBAGE_HPP
#define SHMQ_TESTS_INTEROP_FUZZ_GARBAGE_HPP

#include "../support/frame.hpp"
#include "sequence.hpp"

#include <cstddef>
#include <string>

inline std::string random_garbage(Random& random, const std::string& prefix) {
    Frame f(prefix, random.bytes(random(20)));
    switch (random(9)) {
    case 0:
        return random.bytes(random(60));
    case 1: // many a beginning of a frame
        return prefix + prefix.substr(0, random(1 + static_cast<std::uint32_t>(prefix.size())));
    case 2:
        f.version = static_cast<std::uint8_t>(random(256));
        return f.bytes();
    case 3: // one that is believed, as its header is good
        f.size = random(80);
        return f.bytes();
    case 4:
        f.size = 0xffffffffu - random(200);
        return f.bytes();
    case 5:
        f.header_crc_flip = 1u << random(32);
        return f.bytes();
    case 6: // with a frame inside
        f.data += frame(prefix, "inside");
        f.size += frame_overhead + static_cast<std::uint32_t>(prefix.size()) + 6;
        f.message_crc_flip = 1u << random(32);
        return f.bytes();
    case 7: { // torn
        std::string s = f.bytes();
        s.resize(random(static_cast<std::uint32_t>(s.size())));
        return s;
    }
    default:
        return f.bytes();
    }
}

#endif // SHMQ_TESTS_INTEROP_FUZZ_GARBAGE_HPP
