// SPDX-License-Identifier: GPL-2.0-only OR MIT
#include "machine.hpp"
#include "measure.hpp"

#include <shmq/shmq.hpp>

#include <atomic>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <functional>
#include <numeric>
#include <span>
#include <thread>

namespace bench {

namespace {

constexpr std::uint32_t size = 1 << 20;
constexpr unsigned messages = 200;

// The sender makes each message, the receiver reads all of it; or neither does,
// which leaves the transport.
struct Work {
    bool touch;

    void make(std::span<std::byte> to, unsigned n) const {
        if (touch)
            std::memset(to.data(), static_cast<int>(n), to.size());
    }
    void read(std::span<const std::byte> from) const {
        if (!touch)
            return;
        std::uint64_t sum = 0;
        for (std::size_t i = 0; i < from.size(); i += 8) {
            std::uint64_t word = 0;
            std::memcpy(&word, from.data() + i, 8);
            sum += word;
        }
        std::atomic_signal_fence(std::memory_order_seq_cst);
        __asm__ __volatile__("" : : "r"(sum));
    }
};

// us a message.
double both(const std::vector<int>& cpus, const std::function<void()>& send,
            const std::function<void()>& receive) {
    const double took = seconds([&] {
        std::thread receiver([&] {
            pin(cpus[1 % cpus.size()]);
            receive();
        });
        std::thread sender([&] {
            pin(cpus[0]);
            send();
        });
        sender.join();
        receiver.join();
    });
    return took * 1e6 / messages;
}

double by_copy(const std::vector<int>& cpus, Work work, bool in_place) {
    auto channel = shmq::Channel::memfd({.queue_size = 8 * size, .format = shmq::Format::plain()});
    auto tx = channel.sender();
    auto rx = channel.other_side().receiver();
    std::vector<std::byte> frame(size);
    return both(
        cpus,
        [&] {
            for (unsigned n = 0; n < messages; ++n) {
                work.make(frame, n);
                (void)tx.write(std::span<const std::byte>(frame));
            }
        },
        [&] {
            for (unsigned n = 0; n < messages; ++n) {
                if (in_place) {
                    const auto m = rx.front();
                    for (const auto piece : {m.data().first(), m.data().second()})
                        work.read(piece);
                } else {
                    work.read(rx.read().data());
                }
            }
        });
}

double by_handle(const std::vector<int>& cpus, Work work) {
    auto channel = shmq::Channel::memfd({.format = shmq::Format::plain()});
    auto tx = channel.sender();
    auto rx = channel.other_side().receiver();
    auto mine = shmq::SharedPool::memfd({.blocks = 8, .block_size = size});
    auto theirs = mine.again();
    return both(
        cpus,
        [&] {
            for (unsigned n = 0; n < messages;) {
                shmq::SharedBlock block = mine.alloc();
                if (!block)
                    continue;
                work.make(block.bytes(), n++);
                (void)block.send(theirs.id(), [&](shmq::PoolHandle h) {
                    return tx.write(std::as_bytes(std::span(&h, 1)));
                });
            }
        },
        [&] {
            for (unsigned n = 0; n < messages; ++n) {
                shmq::PoolHandle h;
                std::memcpy(&h, rx.read().data().data(), sizeof(h));
                work.read(theirs.adopt(h).bytes());
            }
        });
}

} // namespace

void measure_message(const PoolOptions& options) {
    const Machine machine = look_at_machine();
    std::printf("a message of 1 MiB, us, two threads: medians of %u rounds (least .. most)\n\n"
                "| | transport alone | made and read |\n|---|---|---|\n",
                options.rounds);
    const char* names[] = {"by copy", "by copy, read in place", "by handle"};
    Samples us[3][2];
    for (unsigned round = 0; round < options.rounds; ++round)
        for (const bool touch : {false, true}) {
            const Work work{touch};
            us[0][touch].add(by_copy(machine.cpus, work, false));
            us[1][touch].add(by_copy(machine.cpus, work, true));
            us[2][touch].add(by_handle(machine.cpus, work));
        }
    for (int i = 0; i < 3; ++i) {
        std::printf("| %s ", names[i]);
        for (const Samples& s : us[i])
            std::printf("| %.1f (%.1f .. %.1f) ", s.median(), s.least(), s.most());
        std::printf("|\n");
    }
    std::printf("\n");
}

} // namespace bench
