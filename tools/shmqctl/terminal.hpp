// SPDX-License-Identifier: GPL-2.0-only OR MIT
// A terminal that is drawn on again and again, and whose keys come at once.
#ifndef SHMQCTL_TERMINAL_HPP
#define SHMQCTL_TERMINAL_HPP

#include <chrono>
#include <cstddef>
#include <memory>
#include <string_view>

#include <termios.h>

namespace shmqctl {

/// While it lives, the alternate screen is shown and keys come one by one, if
/// stdout and stdin are terminals; both are as they were afterwards.
class Terminal {
public:
    /// `want`: false for output that is no picture, whatever stdout is.
    explicit Terminal(bool want);
    Terminal(const Terminal&) = delete;
    Terminal& operator=(const Terminal&) = delete;
    ~Terminal();

    /// Whether stdout is one; if not, draw() just prints.
    [[nodiscard]] bool is_one() const noexcept { return screen_; }

    /// Shows the text from the top left, cut to the size of the screen.
    void draw(std::string_view text) const;

    /// Lets time pass. False: the user pressed q, or wants to stop otherwise.
    [[nodiscard]] bool wait(std::chrono::milliseconds time) const;

private:
    bool screen_ = false;
    bool keys_ = false;
    termios before_{};
};

} // namespace shmqctl

#endif // SHMQCTL_TERMINAL_HPP
