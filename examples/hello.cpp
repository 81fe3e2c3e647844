// SPDX-License-Identifier: GPL-2.0-only OR MIT
// Says hello to the kernel and prints its answer: with the echo handler, hello.
#include <shmq/shmq.hpp>

#include <chrono>
#include <exception>
#include <iostream>

int main(int argc, char** argv) try {
    shmq::Channel channel = shmq::Channel::open(argc > 1 ? argv[1] : "/dev/shmq0");
    auto tx = channel.sender();
    auto rx = channel.receiver();

    tx.write("hello, kernel");
    auto message = rx.read(std::chrono::seconds(1));
    if (!message) {
        std::cerr << "no answer: " << to_string(message.status()) << '\n';
        return 1;
    }
    std::cout << message.text() << '\n';
    return 0;
} catch (const std::exception& e) {
    std::cerr << e.what() << '\n';
    return 1;
}
