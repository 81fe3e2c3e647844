// SPDX-License-Identifier: GPL-2.0-only OR MIT
// One server on one thread, and many clients.
#include "bench.hpp"

#include <shmq/shmq.hpp>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <functional>
#include <map>
#include <memory>
#include <stdexcept>
#include <system_error>

#include <sched.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>

namespace bench {

namespace {

/// A number from a file of /proc: the first after `key`, which begins a line.
long long number_in(const char* file, const std::string& key) {
    std::ifstream in(file);
    for (std::string line; std::getline(in, line);)
        if (line.compare(0, key.size(), key) == 0)
            return std::stoll(line.substr(key.size()));
    return -1;
}

long long switches() {
    return number_in("/proc/self/status", "voluntary_ctxt_switches:") +
           number_in("/proc/self/status", "nonvoluntary_ctxt_switches:");
}

class Process {
public:
    explicit Process(const std::function<void()>& f) : pid_(::fork()) {
        if (pid_ < 0)
            throw std::system_error(errno, std::generic_category(), "fork");
        if (pid_ == 0) {
            ::prctl(PR_SET_PDEATHSIG, SIGKILL);
            try {
                f();
            } catch (const std::exception& e) {
                std::fprintf(stderr, "client: %s\n", e.what());
            }
            std::_Exit(0);
        }
    }
    Process(const Process&) = delete;
    Process& operator=(const Process&) = delete;
    ~Process() {
        ::kill(pid_, SIGKILL);
        ::waitpid(pid_, nullptr, 0);
    }

private:
    pid_t pid_;
};

/// Echoes.
class Server {
public:
    explicit Server(shmq::ListenOptions options)
        : listener_(shmq::Listener::create(address(), std::move(options))),
          epoll_(::epoll_create1(EPOLL_CLOEXEC)) {
        watch(listener_.fd(), 0);
    }
    ~Server() { ::close(epoll_); }
    Server(const Server&) = delete;
    Server& operator=(const Server&) = delete;

    [[nodiscard]] std::size_t clients() const { return clients_.size(); }

    /// How many events came.
    int turn(int timeout_ms) {
        epoll_event events[64];
        const int n = ::epoll_wait(epoll_, events, 64, timeout_ms);
        for (int i = 0; i < n; ++i) {
            if (events[i].data.u64 == 0)
                welcome();
            else if (!serve(events[i].data.u64))
                clients_.erase(events[i].data.u64);
        }
        return n;
    }

private:
    struct Client {
        explicit Client(shmq::Channel accepted)
            : channel(std::move(accepted)), tx(channel.sender()), rx(channel.receiver()) {}
        shmq::Channel channel;
        shmq::MsgProducer tx;
        shmq::MsgConsumer rx;
    };

    void watch(int fd, std::uint64_t id) const {
        epoll_event e{};
        e.events = EPOLLIN;
        e.data.u64 = id;
        if (::epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &e) != 0)
            throw std::system_error(errno, std::generic_category(), "epoll_ctl");
    }

    void welcome() {
        while (auto channel = listener_.try_accept()) {
            auto client = std::make_unique<Client>(std::move(channel));
            watch(client->channel.fd(), ++last_);
            clients_.emplace(last_, std::move(client));
            serve(last_);
        }
    }

    bool serve(std::uint64_t id) {
        Client& c = *clients_.at(id);
        if (c.channel.take_rings() != shmq::Status::Ok)
            return false;
        for (;;) {
            const auto m = c.rx.try_read();
            if (!m)
                return m.status() == shmq::Status::Empty;
            // Its client has one message on its way: there is room.
            if (c.tx.try_write(m.data()) != shmq::Status::Ok)
                return false;
        }
    }

    shmq::Listener listener_;
    int epoll_;
    std::uint64_t last_ = 0;
    std::map<std::uint64_t, std::unique_ptr<Client>> clients_;
};

void connect_rate(const Options& o) {
    std::vector<double> rates;
    for (int round = 0; round < o.rounds; ++round) {
        auto listener = shmq::Listener::create(address(), {.queue_size = 4096});
        const Process client([&] {
            for (;;)
                static_cast<void>(shmq::Channel::open(listener.address()));
        });
        const auto start = Clock::now();
        std::uint64_t n = 0;
        while (seconds_since(start) < o.seconds)
            n += static_cast<bool>(listener.accept(std::chrono::milliseconds(100)));
        rates.push_back(static_cast<double>(n) / seconds_since(start));
    }
    std::sort(rates.begin(), rates.end());
    std::printf("connections: %.0f a second (%.0f .. %.0f), one client after the other\n",
                rates[rates.size() / 2], rates.front(), rates.back());
}

void idle(const Options& o) {
    rlimit limit{};
    ::getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    ::setrlimit(RLIMIT_NOFILE, &limit);

    Server server({.queue_size = std::size_t{64} * 1024});
    server.turn(0);
    const long long heap = number_in("/proc/self/status", "RssAnon:");
    const long long slab = number_in("/proc/meminfo", "Slab:");
    const Process clients([&] {
        std::vector<shmq::Channel> all;
        std::vector<shmq::MsgConsumer> ends;
        for (std::size_t i = 0; i < o.clients; ++i) {
            all.push_back(shmq::Channel::open(address()));
            ends.push_back(all.back().receiver());
            static_cast<void>(ends.back().try_read());
        }
        ::pause();
    });
    while (server.clients() < o.clients)
        server.turn(1000);
    while (server.turn(500) > 0) {
    }
    const double count = static_cast<double>(o.clients);
    std::printf("memory of a client beyond its region: %.1f KiB in the server, %.1f KiB in the "
                "kernel for both sides\n",
                static_cast<double>(number_in("/proc/self/status", "RssAnon:") - heap) / count,
                static_cast<double>(number_in("/proc/meminfo", "Slab:") - slab) / count);
    const long long before = switches();
    int events = 0;
    const auto start = Clock::now();
    for (double left = 5; left > 0; left = 5 - seconds_since(start))
        events += server.turn(static_cast<int>(left * 1000) + 1);
    std::printf("%zu idle clients: %d wake-ups and %lld context switches of the server in 5 s "
                "(its own going to sleep is one)\n",
                o.clients, events, switches() - before);
}

void fairness(const Options& o) {
    Server server({.queue_size = 4096});
    const std::size_t bytes = o.busy * sizeof(std::uint64_t) * 8; // a cache line each
    void* const memory =
        ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED)
        throw std::system_error(errno, std::generic_category(), "mmap");
    auto* const counts = static_cast<std::uint64_t*>(memory);
    std::vector<std::unique_ptr<Process>> clients;
    for (std::size_t i = 0; i < o.busy; ++i)
        clients.push_back(std::make_unique<Process>([&, i] {
            auto channel = shmq::Channel::open(address(), {.wait = shmq::Wait::sleep()});
            auto tx = channel.sender();
            auto rx = channel.receiver();
            std::byte message[64] = {};
            while (tx.write(message) == shmq::Status::Ok && rx.read(message))
                __atomic_fetch_add(&counts[8 * i], 1, __ATOMIC_RELAXED);
        }));
    while (server.clients() < o.busy)
        server.turn(1000);
    const auto snapshot = [&] {
        std::vector<std::uint64_t> now;
        for (std::size_t i = 0; i < o.busy; ++i)
            now.push_back(__atomic_load_n(&counts[8 * i], __ATOMIC_RELAXED));
        return now;
    };
    const auto before = snapshot();
    const auto start = Clock::now();
    while (seconds_since(start) < 20 * o.seconds)
        server.turn(100);
    auto after = snapshot();
    std::uint64_t sum = 0;
    for (std::size_t i = 0; i < o.busy; ++i)
        sum += after[i] -= before[i];
    std::sort(after.begin(), after.end());
    const auto median = static_cast<double>(after[after.size() / 2]);
    std::printf("%zu busy clients: %.0f answers a second in all; of the median client's the "
                "least got %.2f, the most %.2f\n",
                o.busy, static_cast<double>(sum) / seconds_since(start),
                static_cast<double>(after.front()) / median,
                static_cast<double>(after.back()) / median);
    ::munmap(memory, bytes);
}

} // namespace

void many(const Options& o) {
    // The pairs have bound this process to one CPU.
    cpu_set_t all;
    std::memset(&all, 0xff, sizeof(all));
    ::sched_setaffinity(0, sizeof(all), &all);
    connect_rate(o);
    idle(o);
    fairness(o);
}

} // namespace bench
