// SPDX-License-Identifier: GPL-2.0-only OR MIT
// Standard input, in pieces, without more of it in memory than is needed.
#ifndef SHMQCTL_INPUT_HPP
#define SHMQCTL_INPUT_HPP

#include <cstddef>
#include <optional>
#include <string>

namespace shmqctl {

/// Each call returns nothing at the end of stdin, or when the user wants to stop
/// (see stop_requested()), and throws std::system_error when reading fails.
class Input {
public:
    explicit Input(char separator) : separator_(separator) {}

    /// Up to the next separator, without it; or what is left. Of a longer piece
    /// the first `most` bytes: whoever gets that many cannot go on.
    std::optional<std::string> piece(std::size_t most);

    /// All of it, at most `most` bytes; empty stdin is an empty string.
    std::optional<std::string> all(std::size_t most);

    /// What there is now, 1 to `most` bytes.
    std::optional<std::string> some(std::size_t most);

private:
    /// Appends to the buffer; false at the end.
    bool fill();

    char separator_;
    std::string buffer_;
    std::size_t looked_ = 0; ///< bytes of the buffer without a separator
    bool ended_ = false;
};

} // namespace shmqctl

#endif // SHMQCTL_INPUT_HPP
