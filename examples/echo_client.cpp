// SPDX-License-Identifier: GPL-2.0-only OR MIT
// Sends its arguments, or the lines of standard input, to an echo server and
// prints what comes back.
#include "await_peer.hpp"

#include <shmq/shmq.hpp>

#include <chrono>
#include <exception>
#include <iostream>
#include <string>
#include <vector>

namespace {

constexpr char usage[] = "usage: echo_client ADDRESS [TEXT…]\n"
                         "\n"
                         "examples:\n"
                         "  echo_client unix:/tmp/echo.sock hello 'and goodbye'\n"
                         "  seq 1000 | echo_client dev:/dev/shmq0\n";

class Client {
public:
    explicit Client(const std::string& address)
        : channel_(shmq::Channel::open(address)), tx_(channel_.sender()), rx_(channel_.receiver()) {
        await_peer(channel_, tx_);
    }

    bool ask(const std::string& text) {
        using namespace std::chrono_literals;
        shmq::Status s = tx_.write(text, 10s);
        if (s == shmq::Status::Ok) {
            const auto answer = rx_.read(10s);
            s = answer.status();
            if (answer)
                std::cout << answer.text() << '\n';
        }
        if (s != shmq::Status::Ok)
            std::cerr << "echo_client: " << to_string(s) << '\n';
        return s == shmq::Status::Ok;
    }

private:
    shmq::Channel channel_;
    shmq::MsgProducer tx_;
    shmq::MsgConsumer rx_;
};

} // namespace

int main(int argc, char** argv) try {
    const std::vector<std::string> args(argv + 1, argv + argc);
    if (args.empty() || args[0].starts_with("-")) {
        const bool asked = !args.empty() && args[0] == "--help";
        (asked ? std::cout : std::cerr) << usage;
        return asked ? 0 : 2;
    }
    Client client(args[0]);
    if (args.size() > 1) {
        for (std::size_t i = 1; i < args.size(); ++i)
            if (!client.ask(args[i]))
                return 1;
        return 0;
    }
    std::string line;
    while (std::getline(std::cin, line))
        if (!client.ask(line))
            return 1;
    return 0;
} catch (const std::exception& e) {
    std::cerr << e.what() << '\n';
    return 1;
}
