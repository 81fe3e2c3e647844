// SPDX-License-Identifier: GPL-2.0-only OR MIT
#include "output.hpp"

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <system_error>

#include <poll.h>
#include <unistd.h>

namespace shmqctl {

namespace {

[[noreturn]] void fail(int error) {
    throw std::system_error(error, std::generic_category(), "cannot write to stdout");
}

bool use_colours() {
    const char* no = std::getenv("NO_COLOR");
    const char* terminal = std::getenv("TERM");
    return stdout_is_terminal() && !(no && *no) && !(terminal && std::string(terminal) == "dumb");
}

const char* code(Colour colour) {
    switch (colour) {
    case Colour::plain:
        break;
    case Colour::bold:
        return "1";
    case Colour::red:
        return "31";
    case Colour::green:
        return "32";
    case Colour::yellow:
        return "33";
    case Colour::dim:
        return "2";
    }
    return "0";
}

} // namespace

void print(std::string_view text) {
    while (!text.empty()) {
        const ssize_t n = ::write(STDOUT_FILENO, text.data(), text.size());
        if (n >= 0) {
            text.remove_prefix(static_cast<std::size_t>(n));
        } else if (errno == EAGAIN) {
            pollfd wait{STDOUT_FILENO, POLLOUT, 0};
            ::poll(&wait, 1, -1);
        } else if (errno != EINTR) {
            fail(errno);
        }
    }
}

void check_stdout() {
    pollfd look{STDOUT_FILENO, 0, 0};
    if (::poll(&look, 1, 0) == 1 && (look.revents & POLLERR))
        fail(EPIPE);
}

bool stdout_is_terminal() {
    return ::isatty(STDOUT_FILENO) == 1;
}

std::string coloured(Colour colour, std::string_view text) {
    static const bool use = use_colours();
    if (!use || colour == Colour::plain)
        return std::string(text);
    return std::string("\033[") + code(colour) + 'm' + std::string(text) + "\033[0m";
}

void note(const std::string& text) {
    std::fprintf(stderr, "shmqctl: %s\n", text.c_str());
}

} // namespace shmqctl
