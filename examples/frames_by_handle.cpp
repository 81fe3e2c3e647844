// SPDX-License-Identifier: GPL-2.0-only OR MIT
// A camera and a viewer, two processes: frames of a megabyte lie in a shared pool,
// and only their handles go through the queue. First over a channel, which tells
// the viewer when the camera is gone; then over a bare message queue.
#include <shmq/shmq.hpp>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <iostream>
#include <span>
#include <stdexcept>
#include <thread>

#include <sys/wait.h>
#include <unistd.h>

namespace {

using namespace std::chrono_literals;

constexpr std::uint32_t frame_size = 1 << 20;
constexpr std::uint32_t frames = 200;

// What the queue carries.
struct FrameMessage {
    shmq::PoolHandle handle;
    std::uint32_t number;
};

void camera(shmq::SharedPool& pool, shmq::OwnerId viewer, shmq::MsgProducer& tx) {
    for (std::uint32_t n = 0; n < frames;) {
        shmq::SharedBlock frame = pool.alloc();
        if (!frame) { // the viewer has them all
            std::this_thread::yield();
            continue;
        }
        std::memset(frame.bytes().data(), static_cast<int>(n % 251), frame_size);
        const shmq::Status s = frame.send(viewer, [&](shmq::PoolHandle handle) {
            const FrameMessage message{handle, n};
            return tx.write(std::as_bytes(std::span(&message, 1)), 10s);
        });
        if (s != shmq::Status::Ok) {
            std::cerr << "camera: " << to_string(s) << '\n';
            return; // and the frame goes back to the pool
        }
        ++n;
    }
}

// Returns how many frames came as they were sent.
std::uint32_t viewer(shmq::SharedPool& pool, shmq::MsgConsumer& rx) {
    std::uint32_t good = 0;
    while (good < frames) {
        const auto m = rx.read(10s);
        if (!m) {
            std::cerr << "viewer: " << to_string(m.status()) << '\n';
            break;
        }
        FrameMessage message{};
        std::memcpy(&message, m.data().data(), std::min(sizeof(message), m.data().size()));
        const shmq::SharedBlock frame = pool.adopt(message.handle);
        const auto expected = static_cast<std::byte>(good % 251);
        if (message.number != good ||
            !std::ranges::all_of(frame.bytes(), [&](std::byte b) { return b == expected; }))
            break;
        ++good;
    } // each frame goes back to the pool at the end of the loop
    return good;
}

// Runs the camera in a child; `make_tx` gives it its end of the queue.
template <typename MakeTx>
void run(const char* what, shmq::SharedPool& pool, shmq::MsgConsumer& rx, MakeTx&& make_tx) {
    const shmq::OwnerId me = pool.id(); // in a real program: the first message
    const pid_t child = fork();
    if (child == 0) {
        pool = pool.again(); // an owner of its own
        shmq::MsgProducer tx = make_tx();
        camera(pool, me, tx);
        std::_Exit(0);
    }
    const std::uint32_t good = viewer(pool, rx);
    waitpid(child, nullptr, 0);
    pool.sweep(); // had it been killed, its blocks would come back here
    std::cout << good << " frames of 1 MiB over a " << what << ", " << pool.counts().free << " of "
              << pool.capacity() << " blocks free\n";
    if (good != frames)
        throw std::runtime_error("frames were lost");
}

} // namespace

int main() try {
    auto pool = shmq::SharedPool::memfd({.blocks = 8, .block_size = frame_size});
    {
        shmq::Channel channel = shmq::Channel::memfd();
        shmq::MsgConsumer rx = channel.receiver();
        run("channel", pool, rx, [&] { return channel.other_side().sender(); });
    }
    {
        const shmq::Region region = shmq::Region::memfd("frames", 4096);
        shmq::create_queue(region.bytes());
        auto rx = shmq::MsgConsumer::attach(region.bytes(), shmq::Format::plain());
        run("message queue", pool, rx,
            [&] { return shmq::MsgProducer::attach(region.bytes(), shmq::Format::plain()); });
    }
    return 0;
} catch (const std::exception& e) {
    std::cerr << e.what() << '\n';
    return 1;
}
