// SPDX-License-Identifier: GPL-2.0-only OR MIT
#include "stop_signals.hpp"

#include <csignal>
#include <initializer_list>

namespace shmqctl {

namespace {

volatile std::sig_atomic_t stop = 0;

extern "C" void shmqctl_stop(int /*number*/) {
    stop = 1;
}

} // namespace

void watch_stop_signals() {
    struct sigaction action {};
    action.sa_handler = shmqctl_stop; // without SA_RESTART: a blocking call returns
    sigemptyset(&action.sa_mask);
    for (int number : {SIGINT, SIGTERM, SIGHUP})
        ::sigaction(number, &action, nullptr);
    std::signal(SIGPIPE, SIG_IGN);
}

bool stop_requested() noexcept {
    return stop != 0;
}

} // namespace shmqctl
