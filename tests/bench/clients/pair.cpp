// SPDX-License-Identifier: GPL-2.0-only OR MIT
// Two processes, each on a CPU of its own where there are two.
#include "bench.hpp"

#include <shmq/shmq.hpp>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <new>
#include <stdexcept>
#include <thread>

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>

namespace bench {

namespace {

using shmq::Wait;

constexpr std::size_t largest = 4096;
constexpr std::uint64_t last = UINT64_MAX; // the first word of the last message

using Message = std::array<std::byte, largest>;

/// Both sides of a way to carry messages. Made before the fork: the parent uses
/// side 0, the child side 1.
class Link {
public:
    Link() = default;
    Link(const Link&) = delete;
    Link& operator=(const Link&) = delete;
    virtual ~Link() = default;
    virtual void attach(int side) { static_cast<void>(side); }
    virtual void send(int side, const Message& message, std::size_t size) = 0;
    virtual void receive(int side, Message& message, std::size_t size) = 0;
};

void need(bool ok, const char* what) {
    if (!ok)
        throw std::runtime_error(std::string(what) + ": " + std::strerror(errno));
}

class Shmq final : public Link {
public:
    Shmq(Wait first, Wait second) {
        auto listener = shmq::Listener::create(address(), {.queue_size = std::size_t{256} * 1024,
                                                           .format = shmq::Format::plain(),
                                                           .wait = first});
        std::thread client(
            [&] { side_[1] = shmq::Channel::open(listener.address(), {.wait = second}); });
        side_[0] = listener.accept();
        client.join();
    }
    void attach(int side) override {
        tx_ = side_[side].sender();
        rx_ = side_[side].receiver();
    }
    void send(int /*side*/, const Message& message, std::size_t size) override {
        need(tx_.write(shmq::Bytes(message.data(), size)) == shmq::Status::Ok, "write");
    }
    void receive(int /*side*/, Message& message, std::size_t size) override {
        need(rx_.read(std::span(message).first(size)).status == shmq::Status::Ok, "read");
    }

private:
    shmq::Channel side_[2];
    shmq::MsgProducer tx_;
    shmq::MsgConsumer rx_;
};

class Seqpacket final : public Link {
public:
    explicit Seqpacket(bool sleeps) : flags_(sleeps ? 0 : MSG_DONTWAIT) {
        need(::socketpair(AF_UNIX, SOCK_SEQPACKET, 0, fd_) == 0, "socketpair");
    }
    ~Seqpacket() override {
        ::close(fd_[0]);
        ::close(fd_[1]);
    }
    void send(int side, const Message& message, std::size_t size) override {
        while (::send(fd_[side], message.data(), size, flags_) < 0)
            need(errno == EAGAIN, "send");
    }
    void receive(int side, Message& message, std::size_t size) override {
        while (::recv(fd_[side], message.data(), size, flags_) < 0)
            need(errno == EAGAIN, "recv");
    }

private:
    int fd_[2] = {-1, -1};
    int flags_;
};

class Pipes final : public Link {
public:
    explicit Pipes(bool sleeps) {
        for (auto& p : fd_)
            need(::pipe2(p, sleeps ? 0 : O_NONBLOCK) == 0, "pipe2");
    }
    ~Pipes() override {
        for (auto& p : fd_) {
            ::close(p[0]);
            ::close(p[1]);
        }
    }
    void send(int side, const Message& message, std::size_t size) override {
        for (std::size_t at = 0; at < size;) {
            const ssize_t n = ::write(fd_[side][1], message.data() + at, size - at);
            need(n >= 0 || errno == EAGAIN, "write");
            at += n > 0 ? static_cast<std::size_t>(n) : 0;
        }
    }
    void receive(int side, Message& message, std::size_t size) override {
        for (std::size_t at = 0; at < size;) {
            const ssize_t n = ::read(fd_[1 - side][0], message.data() + at, size - at);
            need(n > 0 || (n < 0 && errno == EAGAIN), "read");
            at += n > 0 ? static_cast<std::size_t>(n) : 0;
        }
    }

private:
    int fd_[2][2] = {};
};

/// memenpsf's way: elements in shared memory, and for each a message of two bytes
/// over a socket that does not block, which both sides ask in a loop. Spared what
/// would make it slower: the way back of its read pointer.
class MessageForEach final : public Link {
public:
    MessageForEach() {
        void* const memory = ::mmap(nullptr, sizeof(Shared), PROT_READ | PROT_WRITE,
                                    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        need(memory != MAP_FAILED, "mmap");
        shared_ = new (memory) Shared;
        need(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fd_) == 0, "socketpair");
    }
    ~MessageForEach() override {
        ::munmap(shared_, sizeof(Shared));
        ::close(fd_[0]);
        ::close(fd_[1]);
    }
    void send(int side, const Message& message, std::size_t size) override {
        Way& way = shared_->way[side];
        while (sent_ - way.taken.load(std::memory_order_acquire) == slots)
            ;
        std::memcpy(way.slot[sent_ % slots].data(), message.data(), size);
        const std::uint8_t pointers[2] = {0, static_cast<std::uint8_t>(++sent_ % slots)};
        while (::send(fd_[side], pointers, sizeof(pointers), MSG_NOSIGNAL) < 0)
            need(errno == EAGAIN, "send");
    }
    void receive(int side, Message& message, std::size_t size) override {
        Way& way = shared_->way[1 - side];
        std::uint8_t pointers[2];
        while (::recv(fd_[side], pointers, sizeof(pointers), 0) < 0)
            need(errno == EAGAIN, "recv");
        std::memcpy(message.data(), way.slot[taken_ % slots].data(), size);
        way.taken.store(++taken_, std::memory_order_release);
    }

private:
    static constexpr std::uint32_t slots = 64;
    struct Way {
        std::array<Message, slots> slot;
        alignas(64) std::atomic<std::uint32_t> taken{0};
    };
    struct Shared {
        Way way[2];
    };
    Shared* shared_;
    int fd_[2] = {-1, -1};
    std::uint32_t sent_ = 0;
    std::uint32_t taken_ = 0;
};

void pin(int cpu) {
    if (std::thread::hardware_concurrency() < 2)
        return;
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(static_cast<unsigned>(cpu), &set);
    ::sched_setaffinity(0, sizeof(set), &set);
}

/// A forked child that runs `f`; joined by wait().
class Other {
public:
    explicit Other(const std::function<void()>& f) : pid_(::fork()) {
        need(pid_ >= 0, "fork");
        if (pid_ == 0) {
            ::prctl(PR_SET_PDEATHSIG, SIGKILL);
            try {
                f();
            } catch (const std::exception& e) {
                std::fprintf(stderr, "%s\n", e.what());
                std::_Exit(1);
            }
            std::_Exit(0);
        }
    }
    void wait() const {
        int status = 0;
        ::waitpid(pid_, &status, 0);
        if (status != 0)
            throw std::runtime_error("the other process failed");
    }

private:
    pid_t pid_;
};

/// Messages a second.
double rate(Link& link, std::size_t size, double seconds) {
    const Other consumer([&] {
        pin(1);
        link.attach(1);
        Message m{};
        for (std::uint64_t n = 0;; ++n) {
            link.receive(1, m, size);
            std::uint64_t number = 0;
            std::memcpy(&number, m.data(), sizeof(number));
            if (number == last)
                break;
            need(number == n, "a message is wrong");
        }
        link.send(1, m, size);
    });
    pin(0);
    link.attach(0);
    Message m{};
    std::uint64_t n = 0;
    const auto start = Clock::now();
    do {
        for (int i = 0; i < 256; ++i, ++n) {
            std::memcpy(m.data(), &n, sizeof(n));
            link.send(0, m, size);
        }
    } while (seconds_since(start) < seconds);
    const std::uint64_t end = last;
    std::memcpy(m.data(), &end, sizeof(end));
    link.send(0, m, size);
    link.receive(0, m, size);
    const double took = seconds_since(start);
    consumer.wait();
    return static_cast<double>(n) / took;
}

/// Median of the round trips, microseconds.
double round_trip(Link& link, std::size_t size, double seconds) {
    const Other echo([&] {
        pin(1);
        link.attach(1);
        Message m{};
        std::uint64_t number = 0;
        do {
            link.receive(1, m, size);
            link.send(1, m, size);
            std::memcpy(&number, m.data(), sizeof(number));
        } while (number != last);
    });
    pin(0);
    link.attach(0);
    Message m{};
    std::vector<double> times;
    times.reserve(1 << 20);
    const auto start = Clock::now();
    for (bool over = false; !over;) {
        over = seconds_since(start) >= seconds || times.size() + 1 == times.capacity();
        const std::uint64_t number = over ? last : times.size();
        std::memcpy(m.data(), &number, sizeof(number));
        const auto before = Clock::now();
        link.send(0, m, size);
        link.receive(0, m, size);
        times.push_back(seconds_since(before) * 1e6);
    }
    echo.wait();
    const auto middle = times.begin() + static_cast<std::ptrdiff_t>(times.size() / 2);
    std::nth_element(times.begin(), middle, times.end());
    return *middle;
}

struct Peer {
    const char* name;
    std::function<std::unique_ptr<Link>()> make;
};

using Measure = double (*)(Link&, std::size_t, double);

/// All peers, round after round; medians, least and most, ratio to `base`.
void table(const char* title, const char* unit, const std::vector<Peer>& peers, std::size_t base,
           Measure measure, double scale, const Options& o) {
    for (const std::size_t size : {std::size_t{64}, std::size_t{4096}}) {
        std::vector<std::vector<double>> all(peers.size());
        for (int round = 0; round < o.rounds; ++round)
            for (std::size_t i = 0; i < peers.size(); ++i)
                all[i].push_back(measure(*peers[i].make(), size, o.seconds) * scale);
        for (auto& values : all)
            std::sort(values.begin(), values.end());
        const auto median = [&](std::size_t i) { return all[i][all[i].size() / 2]; };
        std::printf("%s, %zu bytes, %s\n", title, size, unit);
        for (std::size_t i = 0; i < peers.size(); ++i)
            std::printf("  %-34s %9.3f  (%9.3f .. %9.3f)  x %.2f\n", peers[i].name, median(i),
                        all[i].front(), all[i].back(), median(i) / median(base));
        std::fflush(stdout);
    }
}

template <typename L, typename... Args>
std::function<std::unique_ptr<Link>()> maker(Args... args) {
    return [=] { return std::make_unique<L>(args...); };
}

} // namespace

void pairs(const Options& o) {
    const std::vector<Peer> busy = {
        {"SEQPACKET", maker<Seqpacket>(true)},
        {"pipe", maker<Pipes>(true)},
        {"a socket message for each element", maker<MessageForEach>()},
        {"shmq, gather", maker<Shmq>(Wait::spin(), Wait::gather())},
        {"shmq, spin_then_sleep", maker<Shmq>(Wait::spin_then_sleep(), Wait::spin_then_sleep())},
    };
    table("throughput", "million messages/s", busy, 0, rate, 1e-6, o);
    const std::vector<Peer> spinning = {
        {"SEQPACKET, both ask in a loop", maker<Seqpacket>(false)},
        {"a socket message for each element", maker<MessageForEach>()},
        {"shmq, spin", maker<Shmq>(Wait::spin(), Wait::spin())},
    };
    table("round trip, both sides busy", "us, median", spinning, 0, round_trip, 1, o);
    const std::vector<Peer> sleeping = {
        {"SEQPACKET", maker<Seqpacket>(true)},
        {"pipe", maker<Pipes>(true)},
        {"shmq, sleep", maker<Shmq>(Wait::sleep(), Wait::sleep())},
    };
    table("round trip, both sides sleep", "us, median", sleeping, 0, round_trip, 1, o);
}

} // namespace bench
