// SPDX-License-Identifier: GPL-2.0-only OR MIT
#include "input.hpp"

#include "stop_signals.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <system_error>
#include <utility>

#include <poll.h>
#include <unistd.h>

namespace shmqctl {

bool Input::fill() {
    std::array<char, 65536> chunk;
    while (!ended_ && !stop_requested()) {
        // A signal that comes just before a read is noticed after this.
        pollfd wait{STDIN_FILENO, POLLIN, 0};
        if (::poll(&wait, 1, 100) == 0)
            continue;
        const ssize_t n = ::read(STDIN_FILENO, chunk.data(), chunk.size());
        if (n > 0) {
            buffer_.append(chunk.data(), static_cast<std::size_t>(n));
            return true;
        }
        if (n == 0)
            ended_ = true;
        else if (errno != EINTR && errno != EAGAIN)
            throw std::system_error(errno, std::generic_category(), "cannot read stdin");
    }
    return false;
}

std::optional<std::string> Input::piece(std::size_t most) {
    for (;;) {
        const std::size_t at = buffer_.find(separator_, looked_);
        if (at != std::string::npos && at <= most) {
            std::string piece = buffer_.substr(0, at);
            buffer_.erase(0, at + 1);
            looked_ = 0;
            return piece;
        }
        if (buffer_.size() >= most)
            return buffer_.substr(0, most);
        looked_ = buffer_.size();
        if (fill())
            continue;
        looked_ = 0;
        if (stop_requested() || buffer_.empty())
            return std::nullopt;
        return std::exchange(buffer_, {});
    }
}

std::optional<std::string> Input::all(std::size_t most) {
    while (buffer_.size() < most && fill()) {
    }
    if (stop_requested())
        return std::nullopt;
    return buffer_.substr(0, most);
}

std::optional<std::string> Input::some(std::size_t most) {
    if (buffer_.empty() && !fill())
        return std::nullopt;
    std::string piece = buffer_.substr(0, most);
    buffer_.erase(0, piece.size());
    return piece;
}

} // namespace shmqctl
