// SPDX-License-Identifier: GPL-2.0-only OR MIT
// Standard output whose errors are noticed, and colours.
#ifndef SHMQCTL_OUTPUT_HPP
#define SHMQCTL_OUTPUT_HPP

#include <string>
#include <string_view>

namespace shmqctl {

/// Writes all of it to stdout, now. Throws std::system_error: a reader that
/// went, a full disk.
void print(std::string_view text);

/// Throws if the reader of stdout has gone, without writing to it.
void check_stdout();

[[nodiscard]] bool stdout_is_terminal();

enum class Colour { plain, bold, red, green, yellow, dim };

/// The text in a colour, on a terminal and without NO_COLOR; else as it is.
[[nodiscard]] std::string coloured(Colour colour, std::string_view text);

/// Told to the user, beside the output.
void note(const std::string& text);

} // namespace shmqctl

#endif // SHMQCTL_OUTPUT_HPP
