// SPDX-License-Identifier: GPL-2.0-only OR MIT
// A Unix socket that keeps messages apart.
#include "../peer.hpp"

#include <cerrno>
#include <sys/socket.h>
#include <system_error>

namespace bench {

namespace {

template <std::size_t N>
struct Seqpacket {
    static constexpr std::size_t bytes = sizeof(int[2]);
    static constexpr std::size_t batch = 1;

    static int create(void* memory) {
        int* fds = static_cast<int*>(memory);
        if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) != 0)
            return errno;
        // As large as it may be; the kernel has its own books about each message.
        const int room = BENCH_QUEUE_BYTES;
        static_cast<void>(::setsockopt(fds[0], SOL_SOCKET, SO_SNDBUF, &room, sizeof(room)));
        return 0;
    }

    struct Sender {
        explicit Sender(void* memory) : fd(static_cast<int*>(memory)[0]) {}

        std::size_t send(Source<N>& source, std::size_t) {
            if (::send(fd, source.next()->bytes, N, MSG_NOSIGNAL) != static_cast<ssize_t>(N))
                throw std::system_error(errno, std::generic_category());
            source.sent();
            return 1;
        }

        int fd;
    };

    struct Receiver {
        explicit Receiver(void* memory) : fd(static_cast<int*>(memory)[1]) {}

        std::size_t receive(Sink<N>& sink, std::size_t) {
            if (::recv(fd, sink.buffer()->bytes, N, 0) != static_cast<ssize_t>(N))
                throw std::system_error(errno, std::generic_category());
            sink.take();
            return 1;
        }

        int fd;
    };
};

} // namespace

std::span<const bench_peer> seqpacket() {
    static const bench_peer peers[] = {
        {"seqpacket", "Unix socket: send, recv", BENCH_KERNEL, 1, at<Seqpacket>},
    };
    return peers;
}

} // namespace bench
