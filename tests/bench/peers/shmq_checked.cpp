// SPDX-License-Identifier: GPL-2.0-only OR MIT
// MsgQueue with the crate's frames: a prefix and two CRCs.
#include "shmq_msgs.hpp"

namespace bench {

namespace {

struct Checked {
    static shmq::Format format() { return shmq::Format::checked(); }
    static constexpr std::size_t overhead(std::size_t) { return 4 + 13; }
};

template <std::size_t N>
struct CheckedOne : Msgs<Checked, N> {};
template <std::size_t N>
struct CheckedBatch : MsgsBatch<Checked, N> {};
template <std::size_t N>
struct CheckedInPlace : MsgsInPlace<Checked, N> {};

} // namespace

std::span<const bench_peer> shmq_checked() {
    static const bench_peer peers[] = {
        {"checked", "MsgQueue checked: try_write, try_read", BENCH_OURS, 1, at<CheckedOne>},
        {"checked-batch", "MsgQueue checked: the same in batch()", BENCH_OURS, 0, at<CheckedBatch>},
        {"checked-inplace", "MsgQueue checked: reserve, front, in batch()", BENCH_OURS, 0,
         at<CheckedInPlace>},
    };
    return peers;
}

} // namespace bench
