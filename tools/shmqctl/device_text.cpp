// SPDX-License-Identifier: GPL-2.0-only OR MIT
#include "device_text.hpp"

#include "output.hpp"
#include "text.hpp"

#include <algorithm>

#include <grp.h>
#include <pwd.h>

namespace shmqctl {

namespace {

using Row = std::vector<std::string>;

// Columns as wide as their widest cell, two spaces between them.
std::string aligned(const std::vector<Row>& rows) {
    std::vector<std::size_t> widths;
    for (const Row& row : rows) {
        widths.resize(std::max(widths.size(), row.size()));
        for (std::size_t i = 0; i < row.size(); ++i)
            widths[i] = std::max(widths[i], row[i].size());
    }
    std::string text;
    for (std::size_t r = 0; r < rows.size(); ++r) {
        std::string line;
        for (std::size_t i = 0; i < rows[r].size(); ++i) {
            const bool last = i + 1 == rows[r].size();
            line += rows[r][i] + std::string(last ? 0 : widths[i] - rows[r][i].size() + 2, ' ');
        }
        text += (r == 0 ? coloured(Colour::bold, line) : line) + '\n';
    }
    return text;
}

std::string owner_of(const shmq::DeviceStatus& d) {
    const passwd* user = ::getpwuid(d.uid);
    const std::string owner = user ? user->pw_name : std::to_string(d.uid);
    const group* found = ::getgrgid(d.gid);
    return owner + ':' + (found ? found->gr_name : std::to_string(d.gid));
}

std::string mode_of(const shmq::DeviceStatus& d) {
    char mode[8];
    std::snprintf(mode, sizeof(mode), "%04o", d.mode & 0777u);
    return mode;
}

std::string state_of(const shmq::DeviceStatus& d) {
    std::string state;
    for (const shmq::QueueStatus& q : d.queues)
        if (q.state != SHMQ_QUEUE_RUNNING)
            state += (state.empty() ? "queue " : ", queue ") + std::to_string(q.index) + ' ' +
                     name_of(q.state);
    return state.empty() ? "running" : state;
}

std::string prefix_text(const std::string& prefix) {
    const bool text = std::all_of(prefix.begin(), prefix.end(),
                                  [](unsigned char c) { return c > 0x20 && c < 0x7f; });
    return prefix.empty() ? "none" : text ? '"' + prefix + '"' : "0x" + to_hex(prefix);
}

// Of the devices with periods; nothing if there are none.
std::string periods_table(const std::vector<shmq::DeviceStatistics>& devices) {
    std::vector<Row> rows = {{"DEVICE", "PERIODS", "MISSED", "99% WITHIN", "LATEST"}};
    for (const shmq::DeviceStatistics& d : devices)
        if (d.periods || d.missed)
            rows.push_back({"shmq" + std::to_string(d.index), std::to_string(d.periods),
                            std::to_string(d.missed),
                            std::to_string(d.lateness.within(0.99).count()) + " us",
                            std::to_string(d.lateness.within(1).count()) + " us"});
    return rows.size() > 1 ? '\n' + aligned(rows) : "";
}

std::string percent(std::uint32_t part, std::uint32_t whole) {
    const std::uint64_t value = whole ? std::uint64_t{100} * part / whole : 0;
    return std::to_string(value) + '%';
}

std::string structure_of(const shmq::DeviceStatus& d) {
    if (d.layout == SHMQ_LAYOUT_RAW)
        return ", no structure";
    if (d.layout == SHMQ_LAYOUT_CELL)
        return ", a cell of " + human_bytes(d.cell_size) + " for " +
               std::to_string(d.cell_readers) + " registered readers";
    if (d.layout == SHMQ_LAYOUT_POOL)
        return ", a pool of " + std::to_string(d.pool_blocks) + " blocks of " +
               human_bytes(d.pool_block_size) + " for " + std::to_string(d.pool_owners) + " owners";
    return ", a channel of two queues";
}

std::string print_of(const shmq::DeviceStatus& d) {
    if (d.handler != "print")
        return "";
    return " (" + std::to_string(d.print_words) + " words at " + std::to_string(d.print_offset) +
           ", as " + name_of(d.print_format) + ')';
}

std::string periods_of(const shmq::DeviceStatistics& statistics) {
    if (!statistics.periods && !statistics.missed)
        return "";
    return "                " + std::to_string(statistics.periods) + " periods, " +
           std::to_string(statistics.missed) + " missed; 99% began within " +
           std::to_string(statistics.lateness.within(0.99).count()) + " us\n";
}

} // namespace

const char* name_of(enum shmq_queue_run state) noexcept {
    switch (state) {
    case SHMQ_QUEUE_RUNNING:
        return "running";
    case SHMQ_QUEUE_CORRUPT:
        return "corrupt";
    case SHMQ_QUEUE_RECREATED:
        return "recreated";
    }
    return "unknown";
}

const char* name_of(enum shmq_end_holder holder) noexcept {
    switch (holder) {
    case SHMQ_HOLDER_NONE:
        return "none";
    case SHMQ_HOLDER_KERNEL:
        return "kernel";
    case SHMQ_HOLDER_USER:
        return "user";
    case SHMQ_HOLDER_GONE:
        return "gone";
    }
    return "unknown";
}

const char* name_of(enum shmq_end_id end) noexcept {
    return end == SHMQ_END_PRODUCER ? "producer" : "consumer";
}

const char* name_of(enum shmq_layout layout) noexcept {
    switch (layout) {
    case SHMQ_LAYOUT_CHANNEL:
        return "channel";
    case SHMQ_LAYOUT_RAW:
        return "raw";
    case SHMQ_LAYOUT_CELL:
        return "cell";
    case SHMQ_LAYOUT_POOL:
        return "pool";
    }
    return "unknown";
}

const char* name_of(enum shmq_print_format format) noexcept {
    switch (format) {
    case SHMQ_PRINT_HEX:
        return "hex";
    case SHMQ_PRINT_U32:
        return "u32";
    case SHMQ_PRINT_S32:
        return "s32";
    }
    return "unknown";
}

std::string period_of(const shmq::DeviceStatus& d) {
    if (!d.period.count())
        return "none";
    std::string text = std::to_string(d.period.count()) + " us";
    if (d.priority)
        text += ", fifo " + std::to_string(d.priority);
    if (d.cpu != shmq::any_cpu)
        text += ", cpu " + std::to_string(d.cpu);
    return text;
}

std::string ends_of(const shmq::QueueStatus& queue) {
    return std::string(name_of(queue.producer)) + " -> " + name_of(queue.consumer);
}

std::string as_table(const std::vector<shmq::DeviceStatus>& devices) {
    std::vector<Row> rows = {
        {"DEVICE", "SIZE", "LAYOUT", "HANDLER", "PERIOD", "FRAMING", "MODE", "OWNER", "STATE"}};
    for (const shmq::DeviceStatus& d : devices)
        rows.push_back({d.path(), human_bytes(d.size), name_of(d.layout), d.handler, period_of(d),
                        d.layout != SHMQ_LAYOUT_CHANNEL   ? "none"
                        : d.framing == SHMQ_FRAMING_PLAIN ? "plain"
                                                          : "checked",
                        mode_of(d), owner_of(d), state_of(d)});
    return aligned(rows);
}

std::string as_table(const std::vector<shmq::DeviceStatistics>& devices) {
    std::vector<Row> rows = {{"DEVICE", "QUEUE", "MESSAGES", "BYTES", "DROPPED", "REFUSED",
                              "DAMAGED", "WAKEUPS", "TURNS", "FILL", "HIGHEST"}};
    for (const shmq::DeviceStatistics& d : devices)
        for (const shmq::QueueStatistics& q : d.queues)
            rows.push_back({"shmq" + std::to_string(d.index), std::to_string(q.index),
                            std::to_string(q.messages), std::to_string(q.bytes),
                            std::to_string(q.dropped), std::to_string(q.refused),
                            std::to_string(q.damaged), std::to_string(q.wakeups),
                            std::to_string(q.turns), percent(q.fill, q.capacity),
                            percent(q.high_water, q.capacity)});
    return aligned(rows) + periods_table(devices);
}

std::string in_full(const shmq::DeviceStatus& d, const shmq::DeviceStatistics& statistics) {
    std::string text =
        coloured(Colour::bold, d.path()) + "  " + human_bytes(d.size) + structure_of(d) + '\n';
    text += "    access      mode " + mode_of(d) + ", " + owner_of(d) + '\n';
    if (d.layout != SHMQ_LAYOUT_CHANNEL)
        return text + "    handler     " + d.handler + print_of(d) + "\n    period      " +
               period_of(d) + '\n' + periods_of(statistics);
    text += "    handler     " + d.handler + ", messages of at most " + human_bytes(d.max_message) +
            '\n';
    text += d.framing == SHMQ_FRAMING_PLAIN
                ? "    framing     plain\n"
                : "    framing     checked, prefix " + prefix_text(d.prefix) + '\n';
    text += "    period      " + period_of(d) + ", tick " +
            (d.tick.count() ? std::to_string(d.tick.count()) + " ms" : std::string("none")) + '\n';
    text += periods_of(statistics);
    text += "    restart     " + std::string(d.restart ? "followed" : "stops the queue") +
            ", epoch " + std::to_string(d.epoch) + '\n';
    for (const shmq::QueueStatistics& q : statistics.queues) {
        text += "    queue " + std::to_string(q.index) + "     ";
        text +=
            coloured(q.state == SHMQ_QUEUE_RUNNING ? Colour::green : Colour::red, name_of(q.state));
        text += ", " + ends_of(q) + ", " + human_bytes(q.fill) + " of " + human_bytes(q.capacity) +
                " full (highest " + percent(q.high_water, q.capacity) + ")\n";
        text += "                " + std::to_string(q.messages) + " messages, " +
                human_bytes(q.bytes) + "; " + std::to_string(q.dropped) + " dropped, " +
                std::to_string(q.refused) + " refused, " + std::to_string(q.damaged) + " damaged\n";
    }
    return text;
}

std::string as_line(const shmq::Event& event) {
    using Kind = shmq::Event::Kind;
    std::string text = "shmq" + std::to_string(event.index) + ' ' + to_string(event.kind);
    switch (event.kind) {
    case Kind::added:
    case Kind::changed:
        if (event.device)
            text += ": " + human_bytes(event.device->size) + ", handler " + event.device->handler +
                    ", mode " + mode_of(*event.device) + ", " + owner_of(*event.device);
        break;
    case Kind::claimed:
    case Kind::released:
    case Kind::died:
        text += ": " + std::string(name_of(event.end)) + " of queue " + std::to_string(event.queue);
        break;
    case Kind::stopped:
        text += ": queue " + std::to_string(event.queue) + ", " + name_of(event.state);
        break;
    case Kind::overrun:
        return "events of any device were lost: this program was too slow";
    case Kind::removed:
    case Kind::missed:
        break;
    }
    if (event.missed)
        text += " (" + std::to_string(event.missed) + " events left out before)";
    return text;
}

} // namespace shmqctl
