// SPDX-License-Identifier: GPL-2.0-only OR MIT
// A parent asks, its child answers, over a channel that both inherit.
#include <shmq/shmq.hpp>

#include <chrono>
#include <cstdlib>
#include <exception>
#include <iostream>
#include <string>

#include <sys/wait.h>
#include <unistd.h>

namespace {

void answer(shmq::Channel channel) {
    auto rx = channel.receiver();
    auto tx = channel.sender();
    // Until the parent has closed its end.
    while (auto question = rx.read())
        tx.write("you said '" + std::string(question.text()) + "'");
}

} // namespace

int main() try {
    using namespace std::chrono_literals;
    shmq::Channel channel = shmq::Channel::memfd();

    const pid_t child = fork();
    if (child == 0) {
        answer(channel.other_side());
        std::_Exit(0);
    }
    {
        auto tx = channel.sender();
        auto rx = channel.receiver();
        for (const char* text : {"hello", "how are you?", "goodbye"}) {
            tx.write(text);
            if (auto reply = rx.read(1s))
                std::cout << reply.text() << '\n';
        }
    }
    int status = 0;
    waitpid(child, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
} catch (const std::exception& e) {
    std::cerr << e.what() << '\n';
    return 1;
}
