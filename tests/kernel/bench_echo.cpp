// SPDX-License-Identifier: GPL-2.0-only OR MIT
// What /dev/shmqN costs and gains, measured inside the kernel that runs this:
// echo rates against a pipe pair and against read/write on the same device,
// wake-ups of an idle device, memory of a device. Loads and unloads the module.
#include "support/memory.hpp"
#include "support/module.hpp"
#include "support/netlink.hpp"
#include "support/process.hpp"

#include <shmq/shmq.hpp>

#include <algorithm>
#include <chrono>
#include <fstream>
#include <functional>
#include <iostream>
#include <memory>
#include <sstream>
#include <vector>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

namespace {

using namespace test;
using Clock = std::chrono::steady_clock;

// Each contender is one way to send messages to something that echoes them. try_*
// never block; wait() is called when neither direction moved; *_batch() spans
// a run of one or the other.
struct NoBatch {};

// The mapped queues, through the library.
class Mapped {
public:
    explicit Mapped(std::size_t) {}
    bool try_send(const std::string& m) { return sent(tx_.try_write(m)); }
    bool try_receive(std::string& m) {
        const auto r = rx_.try_read(std::as_writable_bytes(std::span(m)));
        return received(r.status) && r.size == m.size();
    }
    void wait() {
        struct pollfd p = {channel_.device()->fd(), POLLIN, 0};
        ::poll(&p, 1, 1000);
    }
    auto send_batch() { return tx_.batch(); }
    auto receive_batch() { return rx_.batch(); }

private:
    static bool sent(shmq::Status s) {
        if (s != shmq::Status::Ok && s != shmq::Status::Full)
            throw std::runtime_error(std::string("send: ") + to_string(s));
        return s == shmq::Status::Ok;
    }
    static bool received(shmq::Status s) {
        if (s != shmq::Status::Ok && s != shmq::Status::Empty)
            throw std::runtime_error(std::string("receive: ") + to_string(s));
        return s == shmq::Status::Ok;
    }
    shmq::Channel channel_ = shmq::Channel::open("/dev/shmq0");
    shmq::MsgProducer tx_ = channel_.sender();
    shmq::MsgConsumer rx_ = channel_.receiver();
};

bool moved(ssize_t n, std::size_t size, const char* what) {
    if (n < 0 && errno == EAGAIN)
        return false;
    if (n != static_cast<ssize_t>(size))
        fail(what);
    return true;
}

// read(2) and write(2) on the same device.
class Calls {
public:
    explicit Calls(std::size_t) {}
    bool try_send(const std::string& m) {
        return moved(::write(device_.fd(), m.data(), m.size()), m.size(), "write");
    }
    bool try_receive(std::string& m) {
        return moved(::read(device_.fd(), m.data(), m.size()), m.size(), "read");
    }
    void wait() { device_.poll(POLLIN, 1000); }
    NoBatch send_batch() { return {}; }
    NoBatch receive_batch() { return {}; }

private:
    Device device_{O_RDWR | O_NONBLOCK};
};

// Two pipes and a process between them.
class Pipes {
public:
    explicit Pipes(std::size_t size) {
        if (pipe2(there_, O_CLOEXEC) || pipe2(back_, O_CLOEXEC))
            fail("pipe");
        echo_.emplace([&, size] {
            ::close(there_[1]);
            std::string m(size, '\0');
            while (whole(there_[0], m) &&
                   ::write(back_[1], m.data(), size) == static_cast<ssize_t>(size))
                ;
            return 0;
        });
        fcntl(there_[1], F_SETFL, O_NONBLOCK);
        fcntl(back_[0], F_SETFL, O_NONBLOCK);
    }
    Pipes(const Pipes&) = delete;
    ~Pipes() {
        echo_->kill();
        for (int fd : {there_[0], there_[1], back_[0], back_[1]})
            ::close(fd);
    }
    bool try_send(const std::string& m) {
        return moved(::write(there_[1], m.data(), m.size()), m.size(), "write to a pipe");
    }
    bool try_receive(std::string& m) {
        return moved(::read(back_[0], m.data(), m.size()), m.size(), "read from a pipe");
    }
    void wait() {
        struct pollfd p = {back_[0], POLLIN, 0};
        ::poll(&p, 1, 1000);
    }
    NoBatch send_batch() { return {}; }
    NoBatch receive_batch() { return {}; }

private:
    static bool whole(int fd, std::string& m) {
        for (std::size_t done = 0; done < m.size();) {
            const ssize_t n = ::read(fd, m.data() + done, m.size() - done);
            if (n <= 0)
                return false;
            done += static_cast<std::size_t>(n);
        }
        return true;
    }
    int there_[2], back_[2];
    std::optional<Child> echo_;
};

// Messages there and back in a second: sends while there is room, receives
// while there is something, checks each.
template <class Peer>
double rate(Peer& peer, std::size_t size, std::chrono::milliseconds time) {
    std::string out(size, 'm'), in(size, '\0');
    std::uint64_t sent = 0, received = 0;
    const auto start = Clock::now();
    auto now = start;
    while (now < start + time || received < sent) {
        bool progress = false;
        {
            [[maybe_unused]] const auto scope = peer.send_batch();
            for (int i = 0; now < start + time && i < 64; i++) {
                std::memcpy(out.data(), &sent, sizeof(sent));
                if (!peer.try_send(out))
                    break;
                sent++;
                progress = true;
            }
        }
        {
            [[maybe_unused]] const auto scope = peer.receive_batch();
            while (received < sent && peer.try_receive(in)) {
                std::memcpy(out.data(), &received, sizeof(received));
                if (in != out)
                    throw std::runtime_error("a wrong answer");
                received++;
                progress = true;
            }
        }
        if (!progress && received < sent)
            peer.wait();
        now = Clock::now();
    }
    return static_cast<double>(received) / std::chrono::duration<double>(now - start).count();
}

using Milliseconds = std::chrono::milliseconds;

struct Contender {
    std::string name;
    std::string parameters;
    double (*run)(std::size_t, Milliseconds);
};

template <class Peer>
double run(std::size_t size, Milliseconds time) {
    Peer peer(size);
    return rate(peer, size, time);
}

const std::vector<Contender> contenders = {
    {"pipe pair", "", run<Pipes>},
    {"read/write, checked", "", run<Calls>},
    {"mapped, checked", "", run<Mapped>},
    {"mapped, plain", "framing=plain", run<Mapped>},
};

double median(std::vector<double> v) {
    std::sort(v.begin(), v.end());
    return v.size() % 2 ? v[v.size() / 2] : (v[v.size() / 2 - 1] + v[v.size() / 2]) / 2;
}

nlohmann::json measure_echo(unsigned rounds, std::chrono::milliseconds time) {
    auto all = nlohmann::json::array();
    for (std::size_t size : {64, 4096}) {
        std::vector<std::vector<double>> rates(contenders.size());
        for (unsigned round = 0; round < rounds; round++)
            for (std::size_t c = 0; c < contenders.size(); c++) {
                std::cerr << "echo of " << size << " bytes, round " << round + 1 << " of " << rounds
                          << ", " << contenders[c].name << "\n";
                const Module module(contenders[c].parameters);
                rates[c].push_back(contenders[c].run(size, time));
            }
        for (std::size_t c = 0; c < contenders.size(); c++) {
            const auto [least, most] = std::minmax_element(rates[c].begin(), rates[c].end());
            all.push_back({{"what", contenders[c].name},
                           {"bytes", size},
                           {"per_second", median(rates[c])},
                           {"least", *least},
                           {"most", *most},
                           {"of_pipe", median(rates[c]) / median(rates[0])},
                           {"of_read_write", median(rates[c]) / median(rates[1])}});
        }
    }
    return all;
}

// Times that the kernel looked at the idle device.
std::uint64_t measure_idle(unsigned seconds) {
    const Module module("");
    {
        const Device d;
        d.write("awake");
        d.read();
    }
    nap(500);
    const std::uint64_t before = turns();
    std::cerr << "idle for " << seconds << " s\n";
    nap(static_cast<int>(seconds * 1000));
    return turns() - before;
}

// KiB that a device takes beyond its region, from the difference of many and one.
double measure_memory(const std::string& parameters) {
    constexpr int devices = 255;
    constexpr long region_kib = 16;
    std::vector<double> found;
    for (int i = 0; i < 5; i++) {
        auto used = [&](int n) {
            nap(300); // what the last unload frees late
            const long before = free_kib();
            const Module module("size=16K max_msg=4096 devices=" + std::to_string(n) + " " +
                                parameters);
            nap(300);
            return before - free_kib();
        };
        const long many = used(devices + 1), one = used(1);
        found.push_back(static_cast<double>(many - one) / devices - region_kib);
    }
    return median(found);
}

void print(const nlohmann::json& r) {
    std::printf("%-22s %6s %12s %20s %8s %12s\n", "echo", "bytes", "median /s", "least .. most /s",
                "of pipe", "of read/write");
    for (const auto& row : r["echo"])
        std::printf("%-22s %6d %12.0f %9.0f .. %8.0f %8.2f %12.2f\n",
                    row["what"].get<std::string>().c_str(), row["bytes"].get<int>(),
                    row["per_second"].get<double>(), row["least"].get<double>(),
                    row["most"].get<double>(), row["of_pipe"].get<double>(),
                    row["of_read_write"].get<double>());
    std::printf("idle device: looked at %lu times in %u s\n", r["idle_turns"].get<unsigned long>(),
                r["idle_seconds"].get<unsigned>());
    std::printf("memory of a device beyond its region: %.1f KiB with handler echo (max_msg=4096), "
                "%.1f KiB with none\n",
                r["memory_kib"]["echo"].get<double>(), r["memory_kib"]["none"].get<double>());
}

} // namespace

int main(int argc, char** argv) try {
    CLI::App app("Measures /dev/shmq0 in the kernel that runs this: loads and unloads shmq.ko.\n"
                 "Rates are of messages there and back, both sides busy.");
    unsigned rounds = 5, milliseconds = 1000, idle = 10;
    bool json = false;
    app.add_option("--rounds", rounds, "interleaved rounds a row")->capture_default_str();
    app.add_option("--milliseconds", milliseconds, "of each round")->capture_default_str();
    app.add_option("--idle", idle, "seconds to watch an idle device")->capture_default_str();
    app.add_flag("--json", json, "print JSON");
    app.footer("example:\n  tools/vm/run --no-module -- shmq-bench-echo --rounds 5");
    CLI11_PARSE(app, argc, argv);

    nlohmann::json r;
    r["echo"] = measure_echo(rounds, std::chrono::milliseconds(milliseconds));
    r["idle_seconds"] = idle;
    r["idle_turns"] = measure_idle(idle);
    r["memory_kib"] = {{"echo", measure_memory("")}, {"none", measure_memory("handler=none")}};
    if (json)
        std::cout << r.dump(2) << "\n";
    else
        print(r);
    return 0;
} catch (const std::exception& e) {
    std::cerr << e.what() << "\n";
    return 1;
}
