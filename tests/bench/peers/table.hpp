// SPDX-License-Identifier: GPL-2.0-only OR MIT
// All that is measured.
#ifndef BENCH_PEERS_TABLE_HPP
#define BENCH_PEERS_TABLE_HPP

#include "../abi.h"

#include <vector>

namespace bench {

/// In the order in which the report has them.
std::vector<bench_peer> all_peers();

} // namespace bench

#endif // BENCH_PEERS_TABLE_HPP
