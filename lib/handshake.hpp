// SPDX-License-Identifier: GPL-2.0-only OR MIT
// How two programs agree on a channel: one packet there, one back with the
// memory. Native-endian words: both are on one machine.
//
//   hello, of who connects              answer, of who listens
//    0 u32  magic "SHMH"                 0 u32  magic "SHMA"
//    4 u32  version, 1                   4 u32  version, 1
//    8 u32  bytes of each queue          8 u32  0, or an errno: refused
//   12 u32  framing                     12 u32  element size, 0: not agreed
//   16 u32  bytes of prefix             16 u32  bytes of the memory
//   20 u32  element size                20 u32  0
//   24 u32  bytes of name               24 u32  bytes of text
//   28 u32  0                           28 u32  0
//   32 64 bytes of prefix               32 128 bytes: why it was refused
//   96 64 bytes of name
//
// In a hello 0 (framing: any_framing) means "as you like". The answer carries one
// descriptor, a sealed memfd with the header page of core/channel.h and the queues.
#ifndef SHMQ_LIB_HANDSHAKE_HPP
#define SHMQ_LIB_HANDSHAKE_HPP

#include "descriptor.hpp"

#include <shmq/channel.hpp>

#include <array>
#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

namespace shmq::detail {

struct Hello {
    static constexpr std::uint32_t its_magic = 0x484d4853;
    static constexpr std::uint32_t its_version = 1;
    static constexpr std::uint32_t any_framing = UINT32_MAX;

    std::uint32_t magic = its_magic;
    std::uint32_t version = its_version;
    std::uint32_t queue_size = 0;
    std::uint32_t framing = any_framing;
    std::uint32_t prefix_length = 0;
    std::uint32_t element_size = 0;
    std::uint32_t name_length = 0;
    std::uint32_t reserved = 0;
    std::array<char, 64> prefix{};
    std::array<char, 64> name{};
};

struct Answer {
    static constexpr std::uint32_t its_magic = 0x414d4853;

    std::uint32_t magic = its_magic;
    std::uint32_t version = Hello::its_version;
    std::uint32_t error = 0;
    std::uint32_t element_size = 0;
    std::uint32_t total = 0;
    std::uint32_t reserved = 0;
    std::uint32_t text_length = 0;
    std::uint32_t reserved2 = 0;
    std::array<char, 128> text{};
};

static_assert(sizeof(Hello) == 160 && sizeof(Answer) == 160);

/// What an OpenOptions asks a listener for. Throws EINVAL.
Hello make_hello(const OpenOptions& options);

/// Sends a packet and, unless it is -1, a descriptor. 0 or an errno.
int send_packet(int socket, const void* packet, std::size_t size, int passed) noexcept;

/// A listener's refusal; `text` is for the person who reads the client's error.
void send_refusal(int socket, int error, std::string_view text) noexcept;

/// What a listener gave to a client.
struct Granted {
    Descriptor socket;
    Descriptor memory;
    std::uint32_t total;
    std::uint32_t element_size;
};

/// Connects, asks, and waits for the answer. Throws.
Granted ask_listener(const std::string& name, const OpenOptions& options);

} // namespace shmq::detail

#endif // SHMQ_LIB_HANDSHAKE_HPP
