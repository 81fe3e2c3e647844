// SPDX-License-Identifier: GPL-2.0-only OR MIT
// What the benchmark says about its results, in Markdown.
#ifndef BENCH_REPORT_HPP
#define BENCH_REPORT_HPP

#include "results.hpp"

#include <ostream>

namespace bench {

void report(const Results& results, std::ostream& out);

} // namespace bench

#endif // BENCH_REPORT_HPP
