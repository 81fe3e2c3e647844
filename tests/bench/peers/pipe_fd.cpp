// SPDX-License-Identifier: GPL-2.0-only OR MIT
// A pipe, with as large a buffer as the rings.
#include "../peer.hpp"

#include <cerrno>
#include <fcntl.h>
#include <system_error>
#include <unistd.h>

namespace bench {

namespace {

struct Pipe {
    int read;
    int write;
};

void must(bool ok) {
    if (!ok)
        throw std::system_error(errno, std::generic_category());
}

template <std::size_t N>
struct Fd {
    static constexpr std::size_t bytes = sizeof(Pipe);
    static constexpr std::size_t batch = 1;

    static int create(void* memory) {
        int fds[2];
        if (::pipe2(fds, O_CLOEXEC) != 0)
            return errno;
        // As large as it may be.
        static_cast<void>(::fcntl(fds[1], F_SETPIPE_SZ, BENCH_QUEUE_BYTES));
        *static_cast<Pipe*>(memory) = {fds[0], fds[1]};
        return 0;
    }

    struct Sender {
        explicit Sender(void* memory) : fd(static_cast<Pipe*>(memory)->write) {}

        std::size_t send(Source<N>& source, std::size_t) {
            const std::byte* from = source.next()->bytes;
            for (std::size_t done = 0; done < N;) {
                const ssize_t n = ::write(fd, from + done, N - done);
                must(n > 0);
                done += static_cast<std::size_t>(n);
            }
            source.sent();
            return 1;
        }

        int fd;
    };

    struct Receiver {
        explicit Receiver(void* memory) : fd(static_cast<Pipe*>(memory)->read) {}

        std::size_t receive(Sink<N>& sink, std::size_t) {
            std::byte* to = sink.buffer()->bytes;
            for (std::size_t done = 0; done < N;) {
                const ssize_t n = ::read(fd, to + done, N - done);
                must(n > 0);
                done += static_cast<std::size_t>(n);
            }
            sink.take();
            return 1;
        }

        int fd;
    };
};

} // namespace

std::span<const bench_peer> pipe_fd() {
    static const bench_peer peers[] = {
        {"pipe", "write, read", BENCH_KERNEL, 1, at<Fd>},
    };
    return peers;
}

} // namespace bench
