// SPDX-License-Identifier: GPL-2.0-only OR MIT
// What shmqctl leaves in memory is what the documented format says, made here by
// hand: so a firmware or a program in another language reads it, and the other
// way round.
#include "../unit/names.hpp"
#include "program.hpp"

#include <gtest/gtest.h>

#include <array>
#include <cstdint>
#include <cstring>
#include <fstream>
#include <iterator>

#include <unistd.h>

namespace {

/// CRC-32/ISO-HDLC, bit by bit, from its definition.
std::uint32_t crc32(std::string_view bytes) {
    std::uint32_t crc = ~0u;
    for (const char c : bytes) {
        crc ^= static_cast<unsigned char>(c);
        for (int i = 0; i < 8; i++)
            crc = crc >> 1 ^ (crc & 1 ? 0xedb88320u : 0u);
    }
    return ~crc;
}

std::string little_endian(std::uint32_t value) {
    std::string bytes;
    for (int shift = 0; shift < 32; shift += 8)
        bytes += static_cast<char>(value >> shift);
    return bytes;
}

std::string checked_frame(const std::string& prefix, const std::string& data) {
    std::string frame = prefix + '\1' + little_endian(static_cast<std::uint32_t>(data.size()));
    frame += little_endian(crc32(frame));
    frame += data;
    return frame + little_endian(crc32(frame));
}

std::string plain_frame(std::uint32_t tag, const std::string& data) {
    std::string frame =
        little_endian(static_cast<std::uint32_t>(data.size())) + little_endian(tag) + data;
    frame.resize((frame.size() + 7) / 8 * 8);
    return frame;
}

std::string native(std::uint32_t value) {
    std::string bytes(4, '\0');
    std::memcpy(bytes.data(), &value, 4);
    return bytes;
}

/// A queue of `length` bytes that holds `content`, read from 0.
std::string queue(std::size_t length, const std::string& content) {
    std::string bytes = native(static_cast<std::uint32_t>(content.size())) + native(0) + content;
    bytes.resize(length);
    return bytes;
}

std::string contents(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
}

struct BytesInMemory : testing::Test {
    void put(const std::string& bytes) const {
        std::ofstream(path, std::ios::binary | std::ios::trunc) << bytes;
    }

    TemporaryFile file;
    const std::string& path = file;
};

TEST_F(BytesInMemory, ACheckedFrameIsTheCrates) {
    ::unlink(path.c_str());
    ASSERT_EQ(shmqctl({"send", path, "--create", "256", "--prefix", "DEMO"}, "hello\n\n").status,
              0);
    EXPECT_EQ(contents(path),
              queue(256, checked_frame("DEMO", "hello") + checked_frame("DEMO", "")));
}

TEST_F(BytesInMemory, ThePrefixIsSHMQByDefault) {
    ::unlink(path.c_str());
    ASSERT_EQ(shmqctl({"send", path, "--create", "256"}, "hello\n").status, 0);
    EXPECT_EQ(contents(path), queue(256, checked_frame("SHMQ", "hello")));
}

TEST_F(BytesInMemory, APlainFrameIsSizeTagAndPadding) {
    ::unlink(path.c_str());
    ASSERT_EQ(
        shmqctl({"send", path, "--create", "256", "--framing", "plain", "--tag", "258"}, "hello\n")
            .status,
        0);
    EXPECT_EQ(contents(path), queue(256, plain_frame(258, "hello")));
}

TEST_F(BytesInMemory, BytesAreThereAsTheyAre) {
    ::unlink(path.c_str());
    ASSERT_EQ(shmqctl({"send", path, "--create", "256", "--type", "bytes"}, "a\nb").status, 0);
    EXPECT_EQ(contents(path), queue(256, "a\nb"));
}

TEST_F(BytesInMemory, TheSecondHalfBeginsInTheMiddle) {
    ::unlink(path.c_str());
    ASSERT_EQ(shmqctl({"send", path, "--create", "512", "--half", "1"}, "up\n").status, 0);
    EXPECT_EQ(contents(path), queue(256, "") + queue(256, checked_frame("SHMQ", "up")));
}

TEST_F(BytesInMemory, ReadsWhatAnotherProgramWrote) {
    const std::string firmware = checked_frame("\xa5\x5a", "temperature 21");
    put(queue(256, firmware));
    const Result got = shmqctl({"recv", path, "--prefix", "0xa55a"});
    EXPECT_EQ(got.out, "temperature 21\n");
    EXPECT_EQ(contents(path).substr(4, 4), native(static_cast<std::uint32_t>(firmware.size())))
        << "and gave it back";
}

TEST_F(BytesInMemory, DamageIsSkippedToldAndInTheExitStatus) {
    std::string bad = checked_frame("SHMQ", "damaged");
    bad[15] ^= 1;
    put(queue(256, bad + checked_frame("SHMQ", "good")));
    const Result got = shmqctl({"recv", path});
    EXPECT_EQ(got.status, 4);
    EXPECT_EQ(got.out, "good\n");
    EXPECT_TRUE(got.complains_of("damaged")) << got.err;
}

TEST_F(BytesInMemory, APositionOutsideIsAnErrorWithARemedy) {
    std::string bytes = queue(256, "");
    bytes.replace(0, 4, native(248));
    put(bytes);
    for (const char* verb : {"send", "recv"}) {
        const Result got = shmqctl({verb, path}, "x\n");
        EXPECT_EQ(got.status, 1);
        EXPECT_TRUE(got.complains_of(path)) << got.err;
        EXPECT_TRUE(got.complains_of("never created")) << got.err;
    }
}

TEST_F(BytesInMemory, ZeroesAreAnEmptyQueue) {
    put(std::string(65536, '\0'));
    EXPECT_EQ(shmqctl({"recv", path}).status, 3);
    ASSERT_EQ(shmqctl({"send", path}, "first\n").status, 0);
    EXPECT_EQ(shmqctl({"recv", path}).out, "first\n");
}

} // namespace
