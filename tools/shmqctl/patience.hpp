// SPDX-License-Identifier: GPL-2.0-only OR MIT
// Waiting for the other end, as long as the user wants, and no longer.
#ifndef SHMQCTL_PATIENCE_HPP
#define SHMQCTL_PATIENCE_HPP

#include <shmq/status.hpp>
#include <shmq/waiting.hpp>

#include <chrono>
#include <functional>
#include <optional>
#include <string>

namespace shmqctl {

class Patience {
public:
    /// `limit`: of each wait; nothing: for ever. `whose`: for notes.
    Patience(std::optional<shmq::Wait::Duration> limit, std::string whose)
        : limit_(limit), whose_(std::move(whose)) {}

    /// Asks `op`, which waits for at most as long as it is told to, until it
    /// answers something else than that it waited in vain. Timeout: the limit;
    /// Interrupted: the user wants to stop. `idle` is called now and then.
    shmq::Status wait(const std::function<shmq::Status(shmq::Wait::Duration)>& op,
                      const std::function<void()>& idle = {}) const;

private:
    std::optional<shmq::Wait::Duration> limit_;
    std::string whose_;
};

/// Seconds as they are on a command line; huge ones are for ever.
[[nodiscard]] std::optional<shmq::Wait::Duration> limit_of(double seconds);

} // namespace shmqctl

#endif // SHMQCTL_PATIENCE_HPP
