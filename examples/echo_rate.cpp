// SPDX-License-Identifier: GPL-2.0-only OR MIT
// Sends messages through a channel whose other side echoes, as fast as they go
// both ways, checks each answer and prints the rate.
#include <shmq/shmq.hpp>

#include <charconv>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <exception>
#include <string_view>
#include <vector>

namespace {

using Clock = std::chrono::steady_clock;

struct Options {
    const char* address = "/dev/shmq0";
    std::uint64_t seconds = 2;
    std::uint64_t size = 64;
};

constexpr char usage[] = "usage: echo_rate [--seconds N] [--size BYTES] [ADDRESS]\n";

bool number(const char* text, std::uint64_t& value) {
    const char* end = text + std::strlen(text);
    const auto r = std::from_chars(text, end, value);
    return r.ec == std::errc() && r.ptr == end && value > 0;
}

bool parse(int argc, char** argv, Options& o) {
    for (int i = 1; i < argc; ++i) {
        const std::string_view arg = argv[i];
        if (arg == "--seconds" || arg == "--size") {
            if (++i == argc || !number(argv[i], arg == "--size" ? o.size : o.seconds))
                return false;
        } else if (arg.starts_with("-")) {
            return false;
        } else {
            o.address = argv[i];
        }
    }
    return o.size >= sizeof(std::uint64_t);
}

// A message: its number, then bytes that follow from it.
void fill(std::vector<std::byte>& message, std::uint64_t number) {
    std::memset(message.data(), static_cast<int>(number & 0xff), message.size());
    std::memcpy(message.data(), &number, sizeof(number));
}

int run(const Options& o) {
    shmq::Channel channel = shmq::Channel::open(o.address);
    auto tx = channel.sender();
    auto rx = channel.receiver();
    std::vector<std::byte> message(o.size);
    std::vector<std::byte> expected(o.size);
    std::uint64_t sent = 0;
    std::uint64_t received = 0;

    const auto start = Clock::now();
    const auto end = start + std::chrono::seconds(o.seconds);
    auto now = start;
    while (now < end || received < sent) {
        // Fill the way there, then empty the way back, waiting only if neither moved.
        bool moved = false;
        for (int i = 0; now < end && i < 64; ++i, ++sent) {
            fill(message, sent);
            const shmq::Status s = tx.try_write(message);
            if (s == shmq::Status::Full)
                break;
            if (s != shmq::Status::Ok) {
                std::fprintf(stderr, "cannot send: %s\n", to_string(s));
                return 1;
            }
            moved = true;
        }
        for (;;) {
            const auto answer = moved ? rx.try_read() : rx.read(std::chrono::seconds(10));
            if (answer.status() == shmq::Status::Empty)
                break;
            fill(expected, received);
            if (!answer || answer.data().size() != o.size ||
                std::memcmp(answer.data().data(), expected.data(), o.size) != 0) {
                std::fprintf(stderr, "answer %llu is wrong: %s\n",
                             static_cast<unsigned long long>(received), to_string(answer.status()));
                return 1;
            }
            ++received;
            moved = true;
            if (received == sent)
                break;
        }
        now = Clock::now();
    }
    const double took = std::chrono::duration<double>(now - start).count();
    std::printf("%llu messages of %llu bytes there and back, all right: %.0f a second, %.1f MB/s\n",
                static_cast<unsigned long long>(received), static_cast<unsigned long long>(o.size),
                static_cast<double>(received) / took,
                static_cast<double>(received * o.size) / took / 1e6);
    return 0;
}

} // namespace

int main(int argc, char** argv) try {
    Options options;
    if (!parse(argc, argv, options)) {
        std::fputs(usage, stderr);
        return 2;
    }
    return run(options);
} catch (const std::exception& e) {
    std::fprintf(stderr, "%s\n", e.what());
    return 1;
}
