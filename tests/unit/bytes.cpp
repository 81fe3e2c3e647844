// SPDX-License-Identifier: GPL-2.0-only OR MIT
#include "memory.hpp"

#include <shmq/bytes.hpp>

#include <gtest/gtest.h>

#include <array>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

namespace {

using shmq::Bytes;

std::string as_string(Bytes b) {
    return {reinterpret_cast<const char*>(b.data()), b.size()};
}

TEST(Bytes, AStringLiteralHasNoNul) {
    EXPECT_EQ(as_string("hello"), "hello");
    EXPECT_EQ(as_string(std::string_view("a\0b", 3)), std::string("a\0b", 3));
}

TEST(Bytes, ComeFromContiguousContainersOfBytes) {
    EXPECT_EQ(as_string(std::string("hello")), "hello");
    EXPECT_EQ(as_string(std::vector<char>{'a', 'b'}), "ab");
    EXPECT_EQ(as_string(std::array<unsigned char, 2>{'a', 'b'}), "ab");
    const std::vector<std::byte> bytes{std::byte{'x'}};
    EXPECT_EQ(as_string(bytes), "x");
    EXPECT_EQ(as_string(std::span(bytes)), "x");
    const unsigned char raw[] = {'r', 'a', 'w'};
    EXPECT_EQ(as_string(raw), "raw") << "an array of bytes has no NUL to leave out";
    const int number = 0x41414141;
    EXPECT_EQ(as_string(Bytes(&number, sizeof(number))), "AAAA");
    EXPECT_EQ(Bytes().size(), 0u);
}

TEST(Bytes, WhatNoQueueCanHoldDoesNotWrapAround) {
    const std::uint64_t size = (std::uint64_t{1} << 32) + 5;
    if (size > SIZE_MAX)
        GTEST_SKIP() << "no such sizes on 32 bits";
    const Bytes b(nullptr, static_cast<std::size_t>(size));
    EXPECT_EQ(b.size(), 0xffffffffu);
}

/// Twelve bytes that wrap after five.
struct Wrapped {
    Wrapped() : memory(20) {
        const shmq_pieces p{{8 + 7, 8}, {5, 7}};
        pieces = {memory.base(), p};
    }
    Memory memory;
    shmq::Pieces<std::byte> pieces;
};

TEST(Pieces, GoAcrossTheWrap) {
    Wrapped w;
    ASSERT_EQ(w.pieces.size(), 12u);
    EXPECT_FALSE(w.pieces.contiguous());
    EXPECT_FALSE(w.pieces.empty());
    for (std::size_t i = 0; i < 12; ++i)
        w.pieces[i] = static_cast<std::byte>('a' + i);
    EXPECT_EQ(std::memcmp(w.memory.base() + 15, "abcde", 5), 0);
    EXPECT_EQ(std::memcmp(w.memory.base() + 8, "fghijkl", 7), 0);
}

TEST(Pieces, CopyFromAndToAnyOffset) {
    for (std::size_t offset = 0; offset <= 13; ++offset) {
        for (std::size_t n = 0; n <= 14; ++n) {
            Wrapped w;
            const std::string data = std::string("ABCDEFGHIJKLMN").substr(0, n);
            const std::size_t fits = offset > 12 ? 0 : std::min<std::size_t>(n, 12 - offset);
            ASSERT_EQ(w.pieces.copy_from(data, offset), fits) << offset << ' ' << n;
            std::string back(n, '?');
            ASSERT_EQ(w.pieces.copy_to(std::as_writable_bytes(std::span(back)), offset), fits);
            ASSERT_EQ(back.substr(0, fits), data.substr(0, fits)) << offset << ' ' << n;
            ASSERT_EQ(back.substr(fits), std::string(n - fits, '?'));
            for (std::size_t i = 0; i < 12; ++i) {
                const bool outside = i < offset || i >= offset + fits;
                ASSERT_TRUE(!outside || w.pieces[i] == std::byte{0}) << offset << ' ' << n;
            }
        }
    }
}

} // namespace
