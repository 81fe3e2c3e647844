// SPDX-License-Identifier: GPL-2.0-only OR MIT
// Ctrl-C and SIGTERM end a command between two messages, not within one.
#ifndef SHMQCTL_STOP_SIGNALS_HPP
#define SHMQCTL_STOP_SIGNALS_HPP

namespace shmqctl {

/// From here on SIGINT, SIGTERM and SIGHUP only set a flag, and SIGPIPE is
/// ignored, so that a reader that went is an error of write(2).
void watch_stop_signals();

[[nodiscard]] bool stop_requested() noexcept;

} // namespace shmqctl

#endif // SHMQCTL_STOP_SIGNALS_HPP
