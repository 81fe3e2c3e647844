// SPDX-License-Identifier: GPL-2.0-only OR MIT
// MsgQueue with plain frames: size and tag, no CRC.
#include "shmq_msgs.hpp"

namespace bench {

namespace {

struct Plain {
    static shmq::Format format() { return shmq::Format::plain(); }
    static constexpr std::size_t overhead(std::size_t n) { return 8 + (-n & 7); }
};

template <std::size_t N>
struct PlainOne : Msgs<Plain, N> {};
template <std::size_t N>
struct PlainBatch : MsgsBatch<Plain, N> {};
template <std::size_t N>
struct PlainInPlace : MsgsInPlace<Plain, N> {};

} // namespace

std::span<const bench_peer> shmq_plain() {
    static const bench_peer peers[] = {
        {"plain", "MsgQueue plain: try_write, try_read", BENCH_OURS, 1, at<PlainOne>},
        {"plain-batch", "MsgQueue plain: the same in batch()", BENCH_OURS, 0, at<PlainBatch>},
        {"plain-inplace", "MsgQueue plain: reserve, front, in batch()", BENCH_OURS, 1,
         at<PlainInPlace>},
    };
    return peers;
}

} // namespace bench
