// SPDX-License-Identifier: GPL-2.0-only OR MIT
// A Markdown table with columns as wide as they need to be.
#ifndef BENCH_MARKDOWN_HPP
#define BENCH_MARKDOWN_HPP

#include <ostream>
#include <string>
#include <utility>
#include <vector>

namespace bench {

class Table {
public:
    explicit Table(std::vector<std::string> heads) : rows_{std::move(heads)} {}

    void add(std::vector<std::string> row) { rows_.push_back(std::move(row)); }
    [[nodiscard]] bool empty() const { return rows_.size() < 2; }

    friend std::ostream& operator<<(std::ostream& out, const Table& table);

private:
    std::vector<std::vector<std::string>> rows_;
};

} // namespace bench

#endif // BENCH_MARKDOWN_HPP
