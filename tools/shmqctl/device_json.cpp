// SPDX-License-Identifier: GPL-2.0-only OR MIT
#include "device_text.hpp"
#include "text.hpp"

#include <nlohmann/json.hpp>

namespace shmqctl {

using Json = nlohmann::ordered_json;

namespace {

// What a device tells need not be UTF-8.
std::string dumped(const Json& json, int indent) {
    return json.dump(indent, ' ', false, Json::error_handler_t::replace);
}

Json json_of(const shmq::QueueStatus& q) {
    return {{"index", q.index},
            {"state", name_of(q.state)},
            {"producer", name_of(q.producer)},
            {"consumer", name_of(q.consumer)},
            {"capacity", q.capacity}};
}

Json json_of(const shmq::QueueStatistics& q) {
    Json json = json_of(static_cast<const shmq::QueueStatus&>(q));
    json.update({{"fill", q.fill},
                 {"high_water", q.high_water},
                 {"messages", q.messages},
                 {"bytes", q.bytes},
                 {"dropped", q.dropped},
                 {"refused", q.refused},
                 {"damaged", q.damaged},
                 {"wakeups", q.wakeups},
                 {"turns", q.turns}});
    return json;
}

template <typename Queue>
Json json_of(const std::vector<Queue>& queues) {
    Json all = Json::array();
    for (const Queue& q : queues)
        all.push_back(json_of(q));
    return all;
}

Json periods_of(const shmq::DeviceStatistics& d) {
    return {
        {"periods", d.periods}, {"missed", d.missed}, {"lateness_max_ns", d.lateness.max.count()}};
}

Json json_of(const shmq::DeviceStatus& d) {
    char mode[8];
    std::snprintf(mode, sizeof(mode), "%04o", d.mode & 0777u);
    return {
        {"index", d.index},
        {"path", d.path()},
        {"size", d.size},
        {"layout", name_of(d.layout)},
        {"framing", d.framing == SHMQ_FRAMING_PLAIN ? "plain" : "checked"},
        {"prefix_hex", to_hex(d.prefix)},
        {"max_message", d.max_message},
        {"handler", d.handler},
        {"period_us", d.period.count()},
        {"priority", d.priority},
        {"cpu", d.cpu},
        {"print",
         {{"offset", d.print_offset},
          {"words", d.print_words},
          {"format", name_of(d.print_format)}}},
        {"cell", {{"size", d.cell_size}, {"readers", d.cell_readers}}},
        {"pool",
         {{"block_size", d.pool_block_size}, {"blocks", d.pool_blocks}, {"owners", d.pool_owners}}},
        {"tick_ms", d.tick.count()},
        {"restart", d.restart},
        {"mode", mode},
        {"uid", d.uid},
        {"gid", d.gid},
        {"epoch", d.epoch},
        {"queues", json_of(d.queues)}};
}

} // namespace

std::string as_json(const shmq::DeviceStatus& device) {
    return dumped(json_of(device), 2) + '\n';
}

std::string as_json(const std::vector<shmq::DeviceStatus>& devices) {
    Json all = Json::array();
    for (const shmq::DeviceStatus& d : devices)
        all.push_back(json_of(d));
    return dumped(all, 2) + '\n';
}

std::string as_json(const std::vector<shmq::DeviceStatus>& devices,
                    const std::vector<shmq::DeviceStatistics>& statistics) {
    Json all = Json::array();
    for (std::size_t i = 0; i < devices.size(); ++i) {
        all.push_back(json_of(devices[i]));
        all.back()["queues"] = json_of(statistics[i].queues);
        all.back().update(periods_of(statistics[i]));
    }
    return dumped(all, 2) + '\n';
}

std::string as_json(const std::vector<shmq::DeviceStatistics>& devices) {
    Json all = Json::array();
    for (const shmq::DeviceStatistics& d : devices) {
        all.push_back({{"index", d.index}, {"queues", json_of(d.queues)}});
        all.back().update(periods_of(d));
    }
    return dumped(all, 2) + '\n';
}

std::string as_json(const shmq::Event& event) {
    using Kind = shmq::Event::Kind;
    Json json = {{"event", to_string(event.kind)}};
    if (event.kind != Kind::overrun)
        json["index"] = event.index;
    if (event.device)
        json["device"] = json_of(*event.device);
    const bool of_end =
        event.kind == Kind::claimed || event.kind == Kind::released || event.kind == Kind::died;
    if (of_end || event.kind == Kind::stopped)
        json["queue"] = event.queue;
    if (of_end)
        json["end"] = name_of(event.end);
    if (event.kind == Kind::stopped)
        json["state"] = name_of(event.state);
    if (event.missed)
        json["missed"] = event.missed;
    return dumped(json, -1);
}

} // namespace shmqctl
