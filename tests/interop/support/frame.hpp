// SPDX-License-Identifier: GPL-2.0-only OR MIT
// A frame made by neither side: from the description of the format alone.
#ifndef SHMQ_TESTS_INTEROP_FRAME_HPP
#define SHMQ_TESTS_INTEROP_FRAME_HPP

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

/// CRC-32/ISO-HDLC, bit by bit.
inline std::uint32_t crc32_of(std::string_view bytes) {
    std::uint32_t crc = 0xffffffff;
    for (const char c : bytes) {
        crc ^= static_cast<unsigned char>(c);
        for (int bit = 0; bit < 8; ++bit)
            crc = crc >> 1 ^ (crc & 1 ? 0xedb88320 : 0);
    }
    return ~crc;
}

inline std::string le32(std::uint32_t x) {
    std::string s(4, '\0');
    for (char& c : s) {
        c = static_cast<char>(x & 0xff);
        x >>= 8;
    }
    return s;
}

/// The fields of a frame, to be damaged one by one. A field that is left alone
/// is what the fields before it ask for: a forged size has a good header CRC.
struct Frame {
    Frame(std::string_view p, std::string_view d)
        : prefix(p), size(static_cast<std::uint32_t>(d.size())), data(d) {}

    [[nodiscard]] std::string bytes() const {
        std::string s = prefix + static_cast<char>(version) + le32(size);
        s += le32(crc32_of(s) ^ header_crc_flip);
        s += data;
        return s + le32(crc32_of(s) ^ message_crc_flip);
    }

    std::string prefix;
    std::uint8_t version = 1;
    std::uint32_t size;
    std::uint32_t header_crc_flip = 0;
    std::string data;
    std::uint32_t message_crc_flip = 0;
};

inline constexpr std::uint32_t frame_overhead = 13; // and the prefix

inline std::string frame(std::string_view prefix, std::string_view data) {
    return Frame(prefix, data).bytes();
}

/// Where the fields of a frame begin.
struct Offsets {
    explicit Offsets(std::size_t prefix) : version(prefix) {}
    std::size_t version;
    std::size_t size = version + 1;
    std::size_t header_crc = version + 5;
    std::size_t data = version + 9;
};

#endif // SHMQ_TESTS_INTEROP_FRAME_HPP
