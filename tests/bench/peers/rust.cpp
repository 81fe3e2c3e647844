// SPDX-License-Identifier: GPL-2.0-only OR MIT
// The peers that are Rust crates: see rust/src/lib.rs. None, if they were not
// built.
#include "../abi.h"

#include <cstddef>
#include <span>
#include <vector>

#ifdef BENCH_WITH_RUST
extern "C" const bench_peer* bench_rust_peer(std::size_t index);
#else
static const bench_peer* bench_rust_peer(std::size_t) {
    return nullptr;
}
#endif

namespace bench {

std::span<const bench_peer> rust() {
    static const std::vector<bench_peer> peers = [] {
        std::vector<bench_peer> all;
        while (const bench_peer* peer = bench_rust_peer(all.size()))
            all.push_back(*peer);
        return all;
    }();
    return peers;
}

} // namespace bench
