// SPDX-License-Identifier: GPL-2.0-only OR MIT
#include "control_attributes.hpp"

#include "failure.hpp"

#include <cstring>

namespace shmq::detail {

namespace {

std::uint32_t word(const nlattr& attribute) noexcept {
    return static_cast<std::uint32_t>(number_in(attribute));
}

std::string text(const nlattr& attribute) {
    std::string value(bytes_in(attribute));
    return value.substr(0, value.find('\0'));
}

QueueStatistics queue_in(const nlattr& nest) {
    QueueStatistics q;
    attributes_of(nest, [&](const nlattr& a) {
        switch (type_of(a)) {
        case SHMQ_A_QUEUE_INDEX:
            q.index = word(a);
            break;
        case SHMQ_A_QUEUE_STATE:
            q.state = static_cast<enum shmq_queue_run>(word(a));
            break;
        case SHMQ_A_QUEUE_PRODUCER:
            q.producer = static_cast<enum shmq_end_holder>(word(a));
            break;
        case SHMQ_A_QUEUE_CONSUMER:
            q.consumer = static_cast<enum shmq_end_holder>(word(a));
            break;
        case SHMQ_A_QUEUE_CAPACITY:
            q.capacity = word(a);
            break;
        case SHMQ_A_QUEUE_FILL:
            q.fill = word(a);
            break;
        case SHMQ_A_QUEUE_HIGH_WATER:
            q.high_water = word(a);
            break;
        case SHMQ_A_QUEUE_MESSAGES:
            q.messages = number_in(a);
            break;
        case SHMQ_A_QUEUE_BYTES:
            q.bytes = number_in(a);
            break;
        case SHMQ_A_QUEUE_DROPPED:
            q.dropped = number_in(a);
            break;
        case SHMQ_A_QUEUE_REFUSED:
            q.refused = number_in(a);
            break;
        case SHMQ_A_QUEUE_DAMAGED:
            q.damaged = number_in(a);
            break;
        case SHMQ_A_QUEUE_WAKEUPS:
            q.wakeups = number_in(a);
            break;
        case SHMQ_A_QUEUE_TURNS:
            q.turns = number_in(a);
            break;
        default:
            break;
        }
    });
    return q;
}

void read_access(DeviceStatus& d, const nlattr& a) {
    switch (type_of(a)) {
    case SHMQ_A_DEV_MODE:
        d.mode = word(a);
        break;
    case SHMQ_A_DEV_UID:
        d.uid = word(a);
        break;
    case SHMQ_A_DEV_GID:
        d.gid = word(a);
        break;
    default:
        break;
    }
}

void read_pool(DeviceStatus& d, const nlattr& a) {
    switch (type_of(a)) {
    case SHMQ_A_DEV_POOL_BLOCK_SIZE:
        d.pool_block_size = word(a);
        break;
    case SHMQ_A_DEV_POOL_BLOCKS:
        d.pool_blocks = word(a);
        break;
    case SHMQ_A_DEV_POOL_OWNERS:
        d.pool_owners = word(a);
        break;
    default:
        read_access(d, a);
        break;
    }
}

void read_schedule(DeviceStatus& d, const nlattr& a) {
    switch (type_of(a)) {
    case SHMQ_A_DEV_PERIOD_US:
        d.period = std::chrono::microseconds(word(a));
        break;
    case SHMQ_A_DEV_PRIORITY:
        d.priority = word(a);
        break;
    case SHMQ_A_DEV_CPU:
        d.cpu = static_cast<std::int32_t>(word(a));
        break;
    case SHMQ_A_DEV_PRINT_OFFSET:
        d.print_offset = word(a);
        break;
    case SHMQ_A_DEV_PRINT_WORDS:
        d.print_words = word(a);
        break;
    case SHMQ_A_DEV_PRINT_FORMAT:
        d.print_format = static_cast<enum shmq_print_format>(word(a));
        break;
    case SHMQ_A_DEV_CELL_SIZE:
        d.cell_size = word(a);
        break;
    case SHMQ_A_DEV_CELL_READERS:
        d.cell_readers = word(a);
        break;
    default:
        read_pool(d, a);
        break;
    }
}

std::vector<std::uint64_t> counts_in(const nlattr& a) {
    const std::string_view bytes = bytes_in(a);
    std::vector<std::uint64_t> counts(bytes.size() / sizeof(std::uint64_t));
    if (!counts.empty())
        std::memcpy(counts.data(), bytes.data(), counts.size() * sizeof(std::uint64_t));
    return counts;
}

void read_event(Event& event, const nlmsghdr& message) {
    attributes_of(message, [&](const nlattr& a) {
        switch (type_of(a)) {
        case SHMQ_A_EVENT_DEV:
            event.index = word(a);
            break;
        case SHMQ_A_EVENT_QUEUE:
            event.queue = word(a);
            break;
        case SHMQ_A_EVENT_END:
            event.end = static_cast<enum shmq_end_id>(word(a));
            break;
        case SHMQ_A_EVENT_STATE:
            event.state = static_cast<enum shmq_queue_run>(word(a));
            break;
        case SHMQ_A_EVENT_MISSED:
            event.missed = word(a);
            break;
        default:
            break;
        }
    });
}

// Times have 32 bits on their way.
template <typename Duration>
std::uint32_t count_of(Duration time, const char* what) {
    if (time.count() < 0 || time.count() > UINT32_MAX)
        fail(std::errc::invalid_argument,
             std::string("the ") + what + " is negative or longer than the driver's longest");
    return static_cast<std::uint32_t>(time.count());
}

} // namespace

DeviceStatus device_in(const nlmsghdr& message) {
    DeviceStatus d;
    attributes_of(message, [&](const nlattr& a) {
        switch (type_of(a)) {
        case SHMQ_A_DEV_INDEX:
            d.index = word(a);
            break;
        case SHMQ_A_DEV_SIZE:
            d.size = number_in(a);
            break;
        case SHMQ_A_DEV_LAYOUT:
            d.layout = static_cast<enum shmq_layout>(word(a));
            break;
        case SHMQ_A_DEV_PREFIX:
            d.prefix = bytes_in(a);
            break;
        case SHMQ_A_DEV_FRAMING:
            d.framing = static_cast<enum shmq_area_framing>(word(a));
            break;
        case SHMQ_A_DEV_MAX_MESSAGE:
            d.max_message = word(a);
            break;
        case SHMQ_A_DEV_HANDLER:
            d.handler = text(a);
            break;
        case SHMQ_A_DEV_TICK_MS:
            d.tick = std::chrono::milliseconds(word(a));
            break;
        case SHMQ_A_DEV_RESTART:
            d.restart = number_in(a) != 0;
            break;
        case SHMQ_A_DEV_EPOCH:
            d.epoch = word(a);
            break;
        case SHMQ_A_DEV_QUEUE:
            d.queues.push_back(static_cast<QueueStatus>(queue_in(a)));
            break;
        default:
            read_schedule(d, a);
            break;
        }
    });
    return d;
}

DeviceStatistics statistics_in(const nlmsghdr& message) {
    DeviceStatistics d;
    attributes_of(message, [&](const nlattr& a) {
        switch (type_of(a)) {
        case SHMQ_A_DEV_INDEX:
            d.index = word(a);
            break;
        case SHMQ_A_DEV_PERIODS:
            d.periods = number_in(a);
            break;
        case SHMQ_A_DEV_PERIODS_MISSED:
            d.missed = number_in(a);
            break;
        case SHMQ_A_DEV_LATENESS_MAX_NS:
            d.lateness.max = std::chrono::nanoseconds(number_in(a));
            break;
        case SHMQ_A_DEV_LATENESS:
            d.lateness.counts = counts_in(a);
            break;
        case SHMQ_A_DEV_QUEUE:
            d.queues.push_back(queue_in(a));
            break;
        default:
            break;
        }
    });
    return d;
}

std::optional<Event> event_in(const nlmsghdr& message) {
    using Kind = Event::Kind;
    Event event;
    switch (command_of(message)) {
    case SHMQ_CMD_DEV_ADD_NTF:
    case SHMQ_CMD_DEV_CHANGE_NTF:
        event.kind = command_of(message) == SHMQ_CMD_DEV_ADD_NTF ? Kind::added : Kind::changed;
        event.device = device_in(message);
        event.index = event.device->index;
        return event;
    case SHMQ_CMD_DEV_DEL_NTF:
        event.kind = Kind::removed;
        break;
    case SHMQ_CMD_END_CLAIM_NTF:
        event.kind = Kind::claimed;
        break;
    case SHMQ_CMD_END_RELEASE_NTF:
        event.kind = Kind::released;
        break;
    case SHMQ_CMD_PEER_DIED_NTF:
        event.kind = Kind::died;
        break;
    case SHMQ_CMD_QUEUE_STOP_NTF:
        event.kind = Kind::stopped;
        break;
    case SHMQ_CMD_MISSED_NTF:
        event.kind = Kind::missed;
        break;
    default:
        return std::nullopt;
    }
    read_event(event, message);
    return event;
}

void put_change(Request& request, const DeviceChange& change) {
    if (change.handler)
        request.put_text(SHMQ_A_DEV_HANDLER, *change.handler);
    if (change.period)
        request.put(SHMQ_A_DEV_PERIOD_US, count_of(*change.period, "period"));
    if (change.priority)
        request.put(SHMQ_A_DEV_PRIORITY, *change.priority);
    if (change.cpu)
        request.put(SHMQ_A_DEV_CPU, static_cast<std::uint32_t>(*change.cpu));
    if (change.print_offset)
        request.put(SHMQ_A_DEV_PRINT_OFFSET, *change.print_offset);
    if (change.print_words)
        request.put(SHMQ_A_DEV_PRINT_WORDS, *change.print_words);
    if (change.print_format)
        request.put(SHMQ_A_DEV_PRINT_FORMAT, static_cast<std::uint32_t>(*change.print_format));
    if (change.tick)
        request.put(SHMQ_A_DEV_TICK_MS, count_of(*change.tick, "tick"));
    if (change.restart)
        request.put(SHMQ_A_DEV_RESTART, static_cast<std::uint8_t>(*change.restart ? 1 : 0));
    if (change.mode)
        request.put(SHMQ_A_DEV_MODE, static_cast<std::uint32_t>(*change.mode));
    if (change.uid)
        request.put(SHMQ_A_DEV_UID, static_cast<std::uint32_t>(*change.uid));
    if (change.gid)
        request.put(SHMQ_A_DEV_GID, static_cast<std::uint32_t>(*change.gid));
}

void put_settings(Request& request, const DeviceSettings& settings) {
    if (settings.index)
        request.put(SHMQ_A_DEV_INDEX, *settings.index);
    if (settings.size)
        request.put(SHMQ_A_DEV_SIZE, *settings.size);
    if (settings.layout)
        request.put(SHMQ_A_DEV_LAYOUT, static_cast<std::uint32_t>(*settings.layout));
    if (settings.framing)
        request.put(SHMQ_A_DEV_FRAMING, static_cast<std::uint32_t>(*settings.framing));
    if (settings.prefix)
        request.put_bytes(SHMQ_A_DEV_PREFIX, *settings.prefix);
    if (settings.max_message)
        request.put(SHMQ_A_DEV_MAX_MESSAGE, *settings.max_message);
    if (settings.cell_size)
        request.put(SHMQ_A_DEV_CELL_SIZE, *settings.cell_size);
    if (settings.cell_readers)
        request.put(SHMQ_A_DEV_CELL_READERS, *settings.cell_readers);
    if (settings.pool_block_size)
        request.put(SHMQ_A_DEV_POOL_BLOCK_SIZE, *settings.pool_block_size);
    if (settings.pool_owners)
        request.put(SHMQ_A_DEV_POOL_OWNERS, *settings.pool_owners);
    put_change(request, settings);
}

} // namespace shmq::detail
