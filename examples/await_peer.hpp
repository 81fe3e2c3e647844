// SPDX-License-Identifier: GPL-2.0-only OR MIT
// Two programs at one device, started in either order.
#ifndef SHMQ_EXAMPLES_AWAIT_PEER_HPP
#define SHMQ_EXAMPLES_AWAIT_PEER_HPP

#include <shmq/channel.hpp>

#include <chrono>
#include <thread>

/// On a device the other program may come after this one, and whoever was there
/// before it is gone: that is not the end of ours.
template <typename End>
void await_peer(const shmq::Channel& channel, const End& end) {
    while (channel.device() &&
           (end.peer() == shmq::Holder::gone || end.peer() == shmq::Holder::nobody))
        std::this_thread::sleep_for(std::chrono::milliseconds(5));
}

#endif // SHMQ_EXAMPLES_AWAIT_PEER_HPP
