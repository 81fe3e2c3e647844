// SPDX-License-Identifier: GPL-2.0-only OR MIT
// A POSIX message queue: as many messages as the kernel lets it hold.
#include "../peer.hpp"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <mqueue.h>
#include <string>
#include <system_error>
#include <unistd.h>

namespace bench {

namespace {

template <std::size_t N>
struct PosixMq {
    static constexpr std::size_t bytes = sizeof(mqd_t);
    static constexpr std::size_t batch = 1;

    static int create(void* memory) {
        const std::string name = "/shmq-bench-" + std::to_string(::getpid());
        mq_attr attributes{};
        attributes.mq_msgsize = N;
        // The limits of ordinary users are 10 messages of 8 KiB.
        for (const std::size_t count : {std::size_t{BENCH_CAPACITY(N)}, std::size_t{1024},
                                        std::size_t{64}, std::size_t{10}, std::size_t{4}}) {
            attributes.mq_maxmsg =
                static_cast<long>(std::min<std::size_t>(count, BENCH_CAPACITY(N)));
            const mqd_t queue =
                ::mq_open(name.c_str(), O_RDWR | O_CREAT | O_EXCL, 0600, &attributes);
            if (queue != static_cast<mqd_t>(-1)) {
                ::mq_unlink(name.c_str());
                *static_cast<mqd_t*>(memory) = queue;
                return 0;
            }
        }
        return errno;
    }

    struct End {
        explicit End(void* memory) : queue(*static_cast<mqd_t*>(memory)) {}
        mqd_t queue;
    };

    struct Sender : End {
        using End::End;

        std::size_t send(Source<N>& source, std::size_t) {
            const auto* from = reinterpret_cast<const char*>(source.next()->bytes);
            if (::mq_send(this->queue, from, N, 0) != 0)
                throw std::system_error(errno, std::generic_category());
            source.sent();
            return 1;
        }
    };

    struct Receiver : End {
        using End::End;

        std::size_t receive(Sink<N>& sink, std::size_t) {
            auto* to = reinterpret_cast<char*>(sink.buffer()->bytes);
            if (::mq_receive(this->queue, to, N, nullptr) != static_cast<ssize_t>(N))
                throw std::system_error(errno, std::generic_category());
            sink.take();
            return 1;
        }
    };
};

} // namespace

std::span<const bench_peer> posix_mq() {
    static const bench_peer peers[] = {
        {"posix-mq", "mq_send, mq_receive", BENCH_KERNEL, 1, at<PosixMq>},
    };
    return peers;
}

} // namespace bench
