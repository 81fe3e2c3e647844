// SPDX-License-Identifier: GPL-2.0-only OR MIT
#include <shmq/core/barrier.h>
#include <shmq/core/frame.h>

#include <gtest/gtest.h>

#include <cstdint>
#include <random>
#include <string_view>
#include <vector>

extern "C" std::uint32_t small_crc32(std::uint32_t crc, const void* data, std::size_t n);

namespace {

struct Vector {
    std::string_view data;
    std::uint32_t crc;
};

// The check value of CRC-32/ISO-HDLC, and others computed with zlib.
constexpr Vector vectors[] = {
    {"", 0x00000000},
    {"123456789", 0xcbf43926},
    {"a", 0xe8b7be43},
    {"The quick brown fox jumps over the lazy dog", 0x414fa339},
    {std::string_view("\0\0\0\0", 4), 0x2144df1c},
    {"\xff\xff\xff\xff", 0xffffffff},
};

TEST(Crc32, GivesTheKnownValues) {
    for (const Vector& v : vectors) {
        EXPECT_EQ(shmq_crc32(0, v.data.data(), v.data.size()), v.crc) << v.data;
        EXPECT_EQ(small_crc32(0, v.data.data(), v.data.size()), v.crc) << v.data;
    }
}

// What frames rest on: the head ends with its CRC, the message's CRC goes on from there.
TEST(Crc32, OfBytesAndTheirCrcIsAlwaysTheResidue) {
    for (std::size_t size = 0; size < 80; size++) {
        std::vector<std::uint8_t> head(size + 4);
        for (std::size_t i = 0; i < size; i++)
            head[i] = static_cast<std::uint8_t>(i * 37 + size);
        shmq_put_le32(&head[size], shmq_crc32(0, head.data(), size));
        EXPECT_EQ(shmq_crc32(0, head.data(), head.size()), SHMQ_CRC_RESIDUE) << size;
    }
}

TEST(Crc32, ContinuesWhereItStopped) {
    const std::string_view all = "The quick brown fox jumps over the lazy dog";
    for (std::size_t cut = 0; cut <= all.size(); ++cut) {
        const std::uint32_t head = shmq_crc32(0, all.data(), cut);
        EXPECT_EQ(shmq_crc32(head, all.data() + cut, all.size() - cut), 0x414fa339u) << cut;
        EXPECT_EQ(small_crc32(head, all.data() + cut, all.size() - cut), 0x414fa339u) << cut;
    }
}

TEST(Crc32, TheSmallOneAgreesWithTheFastOne) {
    std::minstd_rand random(7);
    for (int round = 0; round < 2000; ++round) {
        std::vector<unsigned char> data(random() % 600);
        for (unsigned char& byte : data)
            byte = static_cast<unsigned char>(random());
        const auto from = static_cast<std::uint32_t>(random());
        ASSERT_EQ(small_crc32(from, data.data(), data.size()),
                  shmq_crc32(from, data.data(), data.size()))
            << data.size();
    }
}

} // namespace
