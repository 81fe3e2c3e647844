// SPDX-License-Identifier: GPL-2.0-only OR MIT
// The clock and the pauses of everything that is measured: see abi.h.
#ifndef BENCH_WAITING_HPP
#define BENCH_WAITING_HPP

#include "abi.h"

#include <cstdint>

namespace bench {

/// What the gather policy waits after an empty look.
inline constexpr double gather_us = 4.0;

/// Sets the clock's rate, and whether a look that found nothing gives the CPU
/// away: only where both sides share one. Before any process starts.
void prepare_waiting(bool one_cpu);

[[nodiscard]] double ticks_to_ns(std::uint64_t ticks);

} // namespace bench

#endif // BENCH_WAITING_HPP
