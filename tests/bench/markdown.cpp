// SPDX-License-Identifier: GPL-2.0-only OR MIT
#include "markdown.hpp"

#include <algorithm>

namespace bench {

namespace {

// Characters of UTF-8, not bytes.
std::size_t width(const std::string& text) {
    return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) {
        return (static_cast<unsigned char>(c) & 0xc0) != 0x80;
    }));
}

} // namespace

std::ostream& operator<<(std::ostream& out, const Table& table) {
    std::vector<std::size_t> widths;
    for (const auto& row : table.rows_) {
        widths.resize(std::max(widths.size(), row.size()));
        for (std::size_t i = 0; i < row.size(); ++i)
            widths[i] = std::max(widths[i], width(row[i]));
    }
    for (std::size_t r = 0; r < table.rows_.size(); ++r) {
        const auto& row = table.rows_[r];
        for (std::size_t i = 0; i < widths.size(); ++i) {
            const std::string text = i < row.size() ? row[i] : "";
            const std::string space(widths[i] - width(text), ' ');
            // Names to the left, figures to the right.
            out << "| " << (i == 0 ? text + space : space + text) << ' ';
        }
        out << "|\n";
        if (r > 0)
            continue;
        for (std::size_t i = 0; i < widths.size(); ++i)
            out << '|' << std::string(widths[i] + (i == 0 ? 2 : 1), '-') << (i == 0 ? "" : ":");
        out << "|\n";
    }
    return out;
}

} // namespace bench
