// SPDX-License-Identifier: GPL-2.0-only OR MIT
// shmqctl top: how much moves through each queue, and how full it is, now.
#include "device_text.hpp"
#include "output.hpp"
#include "program.hpp"
#include "terminal.hpp"
#include "text.hpp"

#include <shmq/control.hpp>

#include <algorithm>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

namespace shmqctl {

namespace {

using Clock = std::chrono::steady_clock;

struct Options {
    double interval = 1;
    std::uint64_t count = 0; ///< 0: without end
    bool json = false;
};

struct Load {
    std::uint32_t device;
    shmq::QueueStatistics queue;
    double messages; ///< a second
    double bytes;    ///< a second
};

// What was counted in the time between two looks.
class Meter {
public:
    std::vector<Load> look(shmq::Control& control) {
        const auto all = control.statistics();
        const auto now = Clock::now();
        const double seconds = std::chrono::duration<double>(now - before_).count();
        std::map<Key, Counted> counted;
        std::vector<Load> loads;
        for (const shmq::DeviceStatistics& device : all) {
            for (const shmq::QueueStatistics& queue : device.queues) {
                const Key key{device.index, queue.index};
                const Counted here{queue.messages, queue.bytes};
                const auto last = last_.find(key);
                // A device that came meanwhile, or whose counters were zeroed, starts now.
                const bool known = last != last_.end() && here.messages >= last->second.messages &&
                                   here.bytes >= last->second.bytes;
                const Counted from = known ? last->second : here;
                loads.push_back({device.index, queue,
                                 static_cast<double>(here.messages - from.messages) / seconds,
                                 static_cast<double>(here.bytes - from.bytes) / seconds});
                counted[key] = here;
            }
        }
        last_ = std::move(counted);
        before_ = now;
        return loads;
    }

private:
    using Key = std::pair<std::uint32_t, std::uint32_t>;
    struct Counted {
        std::uint64_t messages;
        std::uint64_t bytes;
    };

    std::map<Key, Counted> last_;
    Clock::time_point before_ = Clock::now();
};

std::string bar(const shmq::QueueStatistics& q) {
    constexpr std::uint64_t width = 20;
    const std::uint64_t capacity = q.capacity ? q.capacity : 1;
    const std::uint64_t fill = std::min<std::uint64_t>(q.fill, capacity);
    // Not empty shows.
    const std::uint64_t filled = (fill * width + capacity - 1) / capacity;
    const Colour colour = fill * 10 >= capacity * 9   ? Colour::red
                          : fill * 10 >= capacity * 5 ? Colour::yellow
                                                      : Colour::green;
    char percent[8];
    std::snprintf(percent, sizeof(percent), "%3u%%", static_cast<unsigned>(fill * 100 / capacity));
    return '[' + coloured(colour, std::string(filled, '#')) + std::string(width - filled, '.') +
           "] " + percent;
}

std::string as_text(const std::vector<Load>& loads, bool keys) {
    char line[128];
    std::snprintf(line, sizeof(line), "%-9s %5s %10s %11s  %-27s  %s", "DEVICE", "QUEUE",
                  "MESSAGES/s", "BYTES/s", "FILL", "FROM -> TO");
    std::string text = coloured(Colour::bold, line) + '\n';
    for (const Load& load : loads) {
        std::snprintf(line, sizeof(line), "%-9s %5u %10s %11s  ",
                      ("shmq" + std::to_string(load.device)).c_str(), load.queue.index,
                      human_count(load.messages).c_str(), human_count(load.bytes).c_str());
        text += line + bar(load.queue) + "  ";
        text += load.queue.state == SHMQ_QUEUE_RUNNING
                    ? ends_of(load.queue)
                    : coloured(Colour::red, std::string("stopped: ") + name_of(load.queue.state));
        text += '\n';
    }
    if (loads.empty())
        text += "no queues: shmqctl add makes a device\n";
    return keys ? text + coloured(Colour::dim, "q ends it") + '\n' : text + '\n';
}

std::string as_json(const std::vector<Load>& loads) {
    nlohmann::ordered_json all = nlohmann::ordered_json::array();
    for (const Load& load : loads)
        all.push_back({{"index", load.device},
                       {"queue", load.queue.index},
                       {"state", name_of(load.queue.state)},
                       {"messages_per_second", load.messages},
                       {"bytes_per_second", load.bytes},
                       {"fill", load.queue.fill},
                       {"capacity", load.queue.capacity}});
    return nlohmann::ordered_json{{"queues", all}}.dump() + '\n';
}

int run(const Options& options) {
    const auto interval = std::chrono::milliseconds(static_cast<long>(options.interval * 1000));
    auto control = shmq::Control::open();
    Meter meter;
    static_cast<void>(meter.look(control)); // from here on
    const Terminal terminal(!options.json);
    const auto picture = [&] {
        const auto loads = meter.look(control);
        return options.json ? as_json(loads) : as_text(loads, terminal.is_one());
    };
    if (terminal.is_one())
        terminal.draw(picture()); // not an empty screen at first
    for (std::uint64_t n = 0; options.count == 0 || n < options.count; ++n) {
        if (!terminal.wait(interval))
            break;
        terminal.draw(picture());
    }
    return exit_ok;
}

} // namespace

void add_top(Program& program) {
    const auto options = std::make_shared<Options>();
    CLI::App* sub = add_subcommand(program, "top",
                                   "Watch how much moves through the queues, and how full they are",
                                   "  shmqctl top\n"
                                   "  shmqctl top --interval 5 > load.txt\n"
                                   "  shmqctl top --count 1 --json",
                                   run, options);
    sub->add_option("--interval", options->interval, "between two looks")
        ->check(CLI::Range(0.05, 86400.0))
        ->option_text("SECONDS [1]");
    sub->add_option("--count", options->count, "end after so many looks")
        ->check(CLI::PositiveNumber)
        ->option_text("N");
    sub->add_flag("--json", options->json, "an object a line for each look, for scripts");
}

} // namespace shmqctl
