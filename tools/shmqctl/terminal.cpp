// SPDX-License-Identifier: GPL-2.0-only OR MIT
#include "terminal.hpp"

#include "output.hpp"
#include "stop_signals.hpp"

#include <algorithm>
#include <exception>
#include <string>

#include <poll.h>
#include <sys/ioctl.h>
#include <unistd.h>

namespace shmqctl {

namespace {

std::size_t rows() {
    winsize size{};
    return ::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_row > 0 ? size.ws_row : 24;
}

} // namespace

Terminal::Terminal(bool want) : screen_(want && stdout_is_terminal()) {
    if (!screen_)
        return;
    print("\033[?1049h\033[?25l"); // the alternate screen, no cursor
    if (::isatty(STDIN_FILENO) == 1 && ::tcgetattr(STDIN_FILENO, &before_) == 0) {
        termios now = before_;
        now.c_lflag &= ~static_cast<tcflag_t>(ICANON | ECHO);
        keys_ = ::tcsetattr(STDIN_FILENO, TCSANOW, &now) == 0;
    }
}

Terminal::~Terminal() {
    if (keys_)
        ::tcsetattr(STDIN_FILENO, TCSANOW, &before_);
    if (!screen_)
        return;
    try {
        print("\033[?25h\033[?1049l");
    } catch (const std::exception&) { // NOLINT(bugprone-empty-catch): the terminal has gone
    }
}

void Terminal::draw(std::string_view text) const {
    if (!screen_) {
        print(text);
        return;
    }
    std::string screen = "\033[H";
    for (std::size_t left = rows() - 1; left > 0 && !text.empty(); --left) {
        const std::size_t end = std::min(text.find('\n'), text.size());
        screen += std::string(text.substr(0, end)) + "\033[K\n";
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    print(screen + "\033[J");
}

bool Terminal::wait(std::chrono::milliseconds time) const {
    using Clock = std::chrono::steady_clock;
    constexpr std::chrono::milliseconds slice{100};
    const auto end = Clock::now() + time;
    while (!stop_requested()) {
        const auto left = std::chrono::ceil<std::chrono::milliseconds>(end - Clock::now());
        if (left.count() <= 0)
            return true;
        if (!screen_)
            check_stdout();
        pollfd key{keys_ ? STDIN_FILENO : -1, POLLIN, 0};
        if (::poll(&key, 1, static_cast<int>(std::min(left, slice).count())) <= 0)
            continue;
        char c = 'q'; // as a terminal that has gone
        if (::read(STDIN_FILENO, &c, 1) <= 0 || c == 'q' || c == 'Q')
            return false;
    }
    return false;
}

} // namespace shmqctl
