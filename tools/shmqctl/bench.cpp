// SPDX-License-Identifier: GPL-2.0-only OR MIT
// shmqctl bench: a short check of how fast messages move here.
#include "output.hpp"
#include "program.hpp"
#include "queue_place.hpp"
#include "stop_signals.hpp"
#include "text.hpp"

#include <algorithm>
#include <chrono>
#include <vector>

#include <nlohmann/json.hpp>
#include <sys/wait.h>
#include <unistd.h>

namespace shmqctl {

namespace {

using Clock = std::chrono::steady_clock;
using shmq::Status;

struct Options {
    std::string path; ///< empty: two processes
    std::vector<std::uint32_t> sizes = {8, 64, 1024, 4096};
    double seconds = 0.5;
    std::string framing = "checked";
    bool json = false;
};

struct Rate {
    std::uint32_t size = 0;
    std::uint64_t messages = 0;
    double seconds = 0;

    [[nodiscard]] double per_second() const {
        return seconds > 0 ? static_cast<double>(messages) / seconds : 0;
    }
};

// Sends everything back that comes; ends when the other side has gone.
[[noreturn]] void echo(shmq::Channel channel) {
    auto rx = channel.receiver();
    auto tx = channel.sender();
    for (;;) {
        const auto message = rx.read();
        if (!message)
            break;
        if (tx.write(message.data()) != Status::Ok)
            break;
    }
    std::_Exit(0);
}

// The process at the other end, gone when this is.
class Echo {
public:
    explicit Echo(const shmq::Channel& channel) : pid_(::fork()) {
        if (pid_ < 0)
            throw std::system_error(errno, std::generic_category(), "cannot start a process");
        if (pid_ == 0)
            echo(channel.other_side());
    }
    Echo(const Echo&) = delete;
    Echo& operator=(const Echo&) = delete;
    ~Echo() {
        ::kill(pid_, SIGKILL);
        ::waitpid(pid_, nullptr, 0);
    }

private:
    pid_t pid_;
};

void check(Status s, const std::string& path) {
    if (s != Status::Ok)
        throw std::runtime_error(explain(s, path));
}

/// There and back, as many under way as the queues hold; each answer is compared.
class Traffic {
public:
    Traffic(shmq::Channel& channel, std::string name)
        : tx_(channel.sender()), rx_(channel.receiver()), name_(std::move(name)) {}

    Rate measure(std::uint32_t size, double seconds) {
        if (size > tx_.max_message())
            throw WrongUse(name_ + ": a message has at most " + std::to_string(tx_.max_message()) +
                           " bytes here, not " + std::to_string(size));
        message_.assign(size, 'x');
        Rate rate{size, 0, 0};
        const auto start = Clock::now();
        const auto end = start + std::chrono::duration<double>(seconds);
        std::uint64_t under_way = 0;
        while (Clock::now() < end && !stop_requested()) {
            under_way += send_some();
            const std::uint64_t done = receive(under_way > 0);
            under_way -= done;
            rate.messages += done;
        }
        rate.seconds = std::chrono::duration<double>(Clock::now() - start).count();
        while (under_way > 0)
            under_way -= receive(true);
        return rate;
    }

private:
    std::uint64_t send_some() {
        const auto scope = tx_.batch();
        for (std::uint64_t n = 0;; ++n) {
            const Status s = n < most_at_once ? tx_.try_write(message_) : Status::Full;
            if (s == Status::Full)
                return n;
            check(s, name_);
        }
    }

    std::uint64_t receive(bool wait) {
        std::uint64_t n = 0;
        if (wait) {
            const auto first = rx_.read(patience);
            check(first.status(), name_);
            compare(first);
            ++n;
        }
        const auto rest = rx_.drain([&](const shmq::Message& m) { compare(m); });
        check(rest.status == Status::Empty ? Status::Ok : rest.status, name_);
        return n + rest.messages;
    }

    void compare(const shmq::Message& m) const {
        if (m.text() != message_)
            throw std::runtime_error(name_ + ": an answer is not what was sent; is the handler "
                                             "echo, and nobody else here?");
    }

    static constexpr std::uint64_t most_at_once = 1024;
    static constexpr std::chrono::seconds patience{10};

    shmq::MsgProducer tx_;
    shmq::MsgConsumer rx_;
    std::string name_;
    std::string message_;
};

std::vector<Rate> measure_all(shmq::Channel& channel, const std::string& name,
                              const Options& options) {
    Traffic traffic(channel, name);
    std::vector<Rate> rates;
    for (const std::uint32_t size : options.sizes)
        if (!stop_requested())
            rates.push_back(traffic.measure(size, options.seconds));
    return rates;
}

std::vector<Rate> measure_processes(const Options& options) {
    shmq::CreateOptions create;
    if (options.framing == "plain")
        create.format = shmq::Format::plain();
    auto channel = shmq::Channel::memfd(create);
    const Echo other(channel);
    return measure_all(channel, "two processes", options);
}

std::vector<Rate> measure_device(const Options& options) {
    auto channel = shmq::Channel::open(options.path, {});
    if (!channel.device() || std::string(channel.device()->info().handler) != "echo")
        throw std::runtime_error(options.path + ": nobody there sends messages back; bench needs "
                                                "a device whose handler is echo (see shmqctl set)");
    return measure_all(channel, options.path, options);
}

std::string as_json(const std::vector<Rate>& rates, const std::string& what) {
    nlohmann::ordered_json all = nlohmann::ordered_json::array();
    for (const Rate& rate : rates)
        all.push_back({{"what", what},
                       {"size", rate.size},
                       {"messages", rate.messages},
                       {"seconds", rate.seconds},
                       {"round_trips_per_second", rate.per_second()}});
    return all.dump(2) + '\n';
}

std::string as_table(const std::vector<Rate>& rates, const std::string& what) {
    std::string text = what + ", there and back:\n";
    char line[128];
    for (const Rate& rate : rates) {
        const double bytes = rate.per_second() * rate.size;
        std::snprintf(line, sizeof(line), "%10s  %8s messages/s  %8sB/s each way\n",
                      human_bytes(rate.size).c_str(), human_count(rate.per_second()).c_str(),
                      human_count(bytes).c_str());
        text += line;
    }
    return text;
}

int run(const Options& options) {
    const bool device = !options.path.empty();
    const std::string what = device ? options.path : "two processes, " + options.framing;
    const auto rates = device ? measure_device(options) : measure_processes(options);
    print(options.json ? as_json(rates, what) : as_table(rates, what));
    return stop_requested() ? exit_interrupted : exit_ok;
}

} // namespace

void add_bench(Program& program) {
    const auto options = std::make_shared<Options>();
    CLI::App* sub = add_subcommand(
        program, "bench", "Measure for a moment how fast messages move here",
        "  shmqctl bench                        between two processes\n"
        "  shmqctl bench /dev/shmq0 --size 64   to the kernel and back (handler echo)",
        run, options);
    sub->add_option("PATH", options->path, "a device; default: shared memory of two processes");
    sub->add_option("--size", options->sizes, "of messages")
        ->delimiter(',')
        ->transform(CLI::AsSizeValue(false))
        ->option_text("BYTES,... [8,64,1K,4K]");
    sub->add_option("--seconds", options->seconds, "for each size")
        ->check(CLI::Range(0.001, 3600.0))
        ->option_text("SECONDS [0.5]");
    sub->add_option("--framing", options->framing, "between two processes")
        ->check(CLI::IsMember({"checked", "plain"}))
        ->option_text("checked|plain [checked]");
    sub->add_flag("--json", options->json, "for scripts");
}

} // namespace shmqctl
