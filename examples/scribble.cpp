// SPDX-License-Identifier: GPL-2.0-only OR MIT
// What a broken program can do: writes random bytes over the whole region of a
// device until the kernel stops the queue, then resets it. Nothing else on the
// machine takes harm.
#include <shmq/shmq.hpp>

#include <cstddef>
#include <exception>
#include <iostream>
#include <random>

int main(int argc, char** argv) try {
    const shmq::Device device = shmq::Device::open(argc > 1 ? argv[1] : "/dev/shmq0");
    const auto memory = device.region().bytes();
    std::minstd_rand random(1); // NOLINT(cert-msc51-cpp): the same each time
    unsigned long rounds = 0;

    while (device.run_state(0) == SHMQ_QUEUE_RUNNING) {
        for (std::byte& byte : memory)
            byte = static_cast<std::byte>(random());
        device.kick();
        ++rounds;
    }
    std::cout << "after " << rounds << (rounds == 1 ? " round" : " rounds")
              << " of random bytes the kernel stopped the queue: "
              << (device.run_state(0) == SHMQ_QUEUE_RECREATED ? "its positions went back"
                                                              : "an impossible position")
              << '\n';
    const unsigned epoch = device.reset();
    std::cout << "reset: epoch " << epoch << '\n';
    return device.run_state(0) == SHMQ_QUEUE_RUNNING ? 0 : 1;
} catch (const std::exception& e) {
    std::cerr << e.what() << '\n';
    return 1;
}
