// SPDX-License-Identifier: GPL-2.0-only OR MIT
// How much memory the machine has left.
#pragma once

#include <fstream>
#include <sstream>
#include <stdexcept>
#include <string>

#include <unistd.h>

namespace test {

// Free pages of the machine, those included that CPUs keep for themselves: without
// these a few hundred pages are neither free nor used.
inline long free_kib() {
    std::ofstream("/proc/sys/vm/stat_refresh") << "1\n";
    std::ifstream in("/proc/zoneinfo");
    const long page_kib = sysconf(_SC_PAGESIZE) / 1024;
    long pages = 0;
    for (std::string line; std::getline(in, line);) {
        std::istringstream words(line);
        std::string first, second;
        long value = 0;
        words >> first;
        if (first == "count:" && words >> value)
            pages += value;
        else if (first == "pages" && words >> second >> value && second == "free")
            pages += value;
    }
    if (!pages)
        throw std::runtime_error("no counts in /proc/zoneinfo");
    return pages * page_kib;
}

} // namespace test
