// SPDX-License-Identifier: GPL-2.0-only OR MIT
// Copies a file from one process to another over a channel, in place: read(2) puts
// it into the queue, write(2) takes it from there. The sender shows its progress.
#include "await_peer.hpp"

#include <shmq/shmq.hpp>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <exception>
#include <iostream>
#include <stdexcept>
#include <string>
#include <system_error>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace {

constexpr char usage[] = "usage: copy_file receive ADDRESS FILE\n"
                         "       copy_file send ADDRESS FILE\n"
                         "\n"
                         "The receiver listens (unix:), or is the second side (dev:).\n"
                         "\n"
                         "examples:\n"
                         "  copy_file receive unix:/tmp/copy.sock copy.img &\n"
                         "  copy_file send unix:/tmp/copy.sock disk.img\n";

constexpr std::uint32_t most = 32 * 1024; // bytes of a message
using namespace std::chrono_literals;

[[noreturn]] void fail(const std::string& what) {
    throw std::system_error(errno, std::generic_category(), what);
}

void check(shmq::Status s, const char* what) {
    if (s != shmq::Status::Ok)
        throw std::runtime_error(std::string(what) + ": " + to_string(s));
}

struct File {
    File(const std::string& path, int flags) : fd(::open(path.c_str(), flags | O_CLOEXEC, 0666)) {
        if (fd < 0)
            fail(path);
    }
    ~File() { ::close(fd); }
    File(const File&) = delete;
    File& operator=(const File&) = delete;
    int fd;
};

/// A bar, if somebody looks; a line at the end in any case.
class Progress {
public:
    explicit Progress(std::uint64_t total) : total_(total), terminal_(::isatty(2) == 1) {}

    void at(std::uint64_t done) {
        const auto percent = total_ ? static_cast<int>(done * 100 / total_) : 100;
        if (!terminal_ || percent == shown_)
            return;
        shown_ = percent;
        const std::string bar(static_cast<std::size_t>(percent) / 2, '#');
        std::fprintf(stderr, "\r[%-50s] %3d %%", bar.c_str(), percent);
    }
    void finish() const {
        const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start_;
        std::fprintf(stderr, "%s%llu bytes in %.3f s, %.0f MB/s\n", terminal_ ? "\n" : "",
                     static_cast<unsigned long long>(total_), took.count(),
                     static_cast<double>(total_) / 1e6 / std::max(took.count(), 1e-9));
    }

private:
    std::uint64_t total_;
    bool terminal_;
    int shown_ = -1;
    std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

void send(shmq::Channel channel, const std::string& path) {
    const File file(path, O_RDONLY);
    struct stat st {};
    if (::fstat(file.fd, &st) != 0)
        fail(path);
    auto tx = channel.sender();
    auto rx = channel.receiver();
    await_peer(channel, tx);
    const auto total = static_cast<std::uint64_t>(st.st_size);
    check(tx.write(shmq::Bytes(&total, sizeof(total))), "cannot send");

    const std::uint64_t longest = std::min(most, tx.max_message());
    Progress progress(total);
    for (std::uint64_t done = 0; done < total;) {
        auto room = tx.reserve(static_cast<std::uint32_t>(std::min(longest, total - done)));
        check(room.status(), "cannot send");
        // The first piece; what is behind the ring's end comes with the next message.
        const auto piece = room.room().first();
        const ssize_t n = ::read(file.fd, piece.data(), piece.size());
        if (n < 0)
            fail(path);
        if (n == 0)
            throw std::runtime_error(path + ": became shorter");
        check(room.commit(static_cast<std::size_t>(n)), "cannot send");
        done += static_cast<std::uint64_t>(n);
        progress.at(done);
    }
    // Only the receiver knows that all of it is there.
    const auto answer = rx.read();
    check(answer.status(), "the receiver did not confirm");
    progress.finish();
}

void receive(shmq::Channel channel, const std::string& path) {
    auto rx = channel.receiver();
    auto tx = channel.sender();
    await_peer(channel, rx);
    std::uint64_t total = 0;
    const auto first = rx.read();
    check(first.status(), "cannot receive");
    if (first.size() != sizeof(total))
        throw std::runtime_error("the sender is not copy_file");
    std::memcpy(&total, first.data().data(), sizeof(total));

    const File file(path, O_WRONLY | O_CREAT | O_TRUNC);
    for (std::uint64_t done = 0; done < total;) {
        const auto message = rx.front(); // it stays in the queue until it is written
        check(message.status(), "cannot receive");
        for (const auto& piece : {message.data().first(), message.data().second()})
            for (std::size_t at = 0; at < piece.size();) {
                const ssize_t n = ::write(file.fd, piece.data() + at, piece.size() - at);
                if (n < 0)
                    fail(path);
                at += static_cast<std::size_t>(n);
            }
        done += message.size();
    }
    check(tx.write("done"), "cannot confirm");
}

shmq::Channel wait_for_sender(const std::string& address) {
    if (!address.starts_with("unix:"))
        return shmq::Channel::open(address, {.side = shmq::Side::second});
    // Plain frames: nothing is hashed between processes of one user.
    auto listener = shmq::Listener::create(
        address, {.queue_size = std::size_t{1} << 20, .format = shmq::Format::plain()});
    return listener.accept();
}

} // namespace

int main(int argc, char** argv) try {
    const std::string verb = argc > 1 ? argv[1] : "";
    if (verb == "--help") {
        std::cout << usage;
        return 0;
    }
    if (argc != 4 || (verb != "send" && verb != "receive")) {
        std::cerr << usage;
        return 2;
    }
    if (verb == "send")
        send(shmq::Channel::open(argv[2]), argv[3]);
    else
        receive(wait_for_sender(argv[2]), argv[3]);
    return 0;
} catch (const std::exception& e) {
    std::cerr << "copy_file: " << e.what() << '\n';
    return 1;
}
