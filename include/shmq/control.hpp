// SPDX-License-Identifier: GPL-2.0-only OR MIT
// Devices made, seen, changed and removed at run time, and watched: what
// `ip link` is to network devices. Over the driver's generic netlink family
// (docs/netlink/shmq.yaml). Only in a library that was built with libmnl.
#ifndef SHMQ_CONTROL_HPP
#define SHMQ_CONTROL_HPP

#include <shmq/lateness.hpp>
#include <shmq/waiting.hpp>

#include <linux/shmq.h>
#include <linux/shmq_netlink.h>

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <system_error>
#include <vector>

#include <sys/types.h>

namespace shmq {

/// For DeviceChange::cpu.
inline constexpr int any_cpu = -1;

/// What can be changed of a device that there is; what is not set stays.
struct DeviceChange {
    std::optional<std::string> handler; ///< echo, log, count, print, none, or a module's
    std::optional<std::chrono::microseconds> period; ///< 0, or 50 and more; see shmq(4)
    std::optional<std::uint32_t> priority;           ///< of its thread: 0 fair, 1 to 99 SCHED_FIFO
    std::optional<int> cpu;                          ///< of its thread: a number, or any_cpu
    std::optional<std::uint32_t> print_offset; ///< of the handler print: bytes, a multiple of 4
    std::optional<std::uint32_t> print_words;  ///< 1 to 16
    std::optional<enum shmq_print_format> print_format;
    std::optional<std::chrono::milliseconds> tick; ///< 0: none
    std::optional<bool> restart;                   ///< follow a peer that zeroes the positions
    std::optional<mode_t> mode;                    ///< of the node, bits of 0666
    std::optional<uid_t> uid;                      ///< of the node
    std::optional<gid_t> gid;
};

/// How a device is to be made; what is not set is as the driver has it.
struct DeviceSettings : DeviceChange {
    std::optional<std::uint32_t> index; ///< the N of /dev/shmqN; else the lowest free
    std::optional<std::uint64_t> size;  ///< bytes, a multiple of 8 (16 with plain framing)
    std::optional<enum shmq_layout> layout;
    std::optional<enum shmq_area_framing> framing;
    std::optional<std::string> prefix;            ///< of checked frames, at most 64 bytes
    std::optional<std::uint32_t> max_message;     ///< bytes
    std::optional<std::uint32_t> cell_size;       ///< of the value, bytes; with layout cell
    std::optional<std::uint32_t> cell_readers;    ///< that can register; with layout cell
    std::optional<std::uint32_t> pool_block_size; ///< bytes; with layout pool
    std::optional<std::uint32_t> pool_owners;     ///< at once, at most; with layout pool
};

/// A queue, as it is now.
struct QueueStatus {
    std::uint32_t index = 0;
    enum shmq_queue_run state = SHMQ_QUEUE_RUNNING;
    enum shmq_end_holder producer = SHMQ_HOLDER_NONE;
    enum shmq_end_holder consumer = SHMQ_HOLDER_NONE;
    std::uint32_t capacity = 0; ///< bytes, frames included
};

/// With what passed through the kernel since the last reset of the statistics;
/// what two programs send each other is only in `fill`.
struct QueueStatistics : QueueStatus {
    std::uint32_t fill = 0;       ///< bytes, frames included
    std::uint32_t high_water = 0; ///< highest fill that the kernel saw
    std::uint64_t messages = 0;
    std::uint64_t bytes = 0; ///< without frames
    std::uint64_t dropped = 0;
    std::uint64_t refused = 0;
    std::uint64_t damaged = 0;
    std::uint64_t wakeups = 0;
    std::uint64_t turns = 0;
};

/// A device, as it is now.
struct DeviceStatus {
    std::uint32_t index = 0;
    std::uint64_t size = 0; ///< bytes
    enum shmq_layout layout = SHMQ_LAYOUT_CHANNEL;
    enum shmq_area_framing framing = SHMQ_FRAMING_CHECKED;
    std::string prefix; ///< any bytes
    std::uint32_t max_message = 0;
    std::string handler;
    std::chrono::microseconds period{};
    std::uint32_t priority = 0; ///< 0 fair, else SCHED_FIFO
    int cpu = any_cpu;
    std::uint32_t print_offset = 0; ///< bytes
    std::uint32_t print_words = 0;
    enum shmq_print_format print_format = SHMQ_PRINT_HEX;
    std::uint32_t cell_size = 0;       ///< bytes; 0 but with layout cell
    std::uint32_t cell_readers = 0;    ///< that can register
    std::uint32_t pool_block_size = 0; ///< bytes; 0 but with layout pool
    std::uint32_t pool_blocks = 0;
    std::uint32_t pool_owners = 0; ///< at once, at most
    std::chrono::milliseconds tick{};
    bool restart = false;
    mode_t mode = 0;
    uid_t uid = 0;
    gid_t gid = 0;
    std::uint32_t epoch = 0;
    std::vector<QueueStatus> queues; ///< of layout channel

    [[nodiscard]] std::string path() const { return "/dev/shmq" + std::to_string(index); }
};

/// The statistics of a device.
struct DeviceStatistics {
    std::uint32_t index = 0;
    std::uint64_t periods = 0; ///< that began
    std::uint64_t missed = 0;  ///< that did not: the next was due before
    Lateness lateness;
    std::vector<QueueStatistics> queues;
};

/// Something happened to a device. Of the fields, those that the kind has.
struct Event {
    enum class Kind : std::uint8_t {
        added,    ///< device
        changed,  ///< device
        removed,  ///< nothing more
        claimed,  ///< queue, end
        released, ///< queue, end
        died,     ///< queue, end: its program died or closed the file
        stopped,  ///< queue, state
        missed,   ///< missed: the driver left events of this device out
        overrun,  ///< this reader was too slow: events of any device are lost
    };

    Kind kind = Kind::overrun;
    std::uint32_t index = 0; ///< of the device
    std::uint32_t queue = 0;
    enum shmq_end_id end = SHMQ_END_PRODUCER;
    enum shmq_queue_run state = SHMQ_QUEUE_RUNNING;
    std::uint32_t missed = 0; ///< events of the device left out before this one
    std::optional<DeviceStatus> device;
};

/// A lower-case word, for example "claimed".
[[nodiscard]] const char* to_string(Event::Kind kind) noexcept;

namespace detail {
class NetlinkSocket;
}

/// Events as they come, of all devices; move-only. One thread at a time.
class EventReader {
public:
    EventReader(EventReader&&) noexcept;
    EventReader& operator=(EventReader&&) noexcept;
    ~EventReader();

    /// For poll(2): readable when there may be an event. It belongs to the reader.
    [[nodiscard]] int fd() const noexcept;

    /// The next event, waiting for it; nothing if none came in time, or a signal
    /// was caught. A timeout of zero is one look.
    std::optional<Event> read(Wait::Duration timeout = forever);

private:
    friend class Control;
    struct Parts;
    explicit EventReader(std::unique_ptr<Parts> parts) noexcept;

    std::unique_ptr<Parts> parts_;
};

/// A connection to the driver; move-only. One thread at a time.
///
/// Functions throw std::system_error, and have an overload with a
/// std::error_code& where a program may want to go on. what() has the driver's
/// own words for a refusal. EPERM: it takes CAP_NET_ADMIN in the initial user
/// namespace; anybody may look. ENODEV: there is no such device.
class Control {
public:
    /// ENOENT: the module is not loaded, or this is another network namespace
    /// than the initial one.
    static Control open();
    static Control open(std::error_code& ec);

    Control(Control&&) noexcept;
    Control& operator=(Control&&) noexcept;
    ~Control();

    /// All devices, by index. What is made or removed meanwhile may be in it.
    [[nodiscard]] std::vector<DeviceStatus> list();
    [[nodiscard]] DeviceStatus get(std::uint32_t index);

    /// Makes a device; returns when its node is there. EEXIST, EINVAL, ENOMEM.
    DeviceStatus add(const DeviceSettings& settings = {});

    /// Changes all that is set, or nothing.
    void set(std::uint32_t index, const DeviceChange& change);

    /// Removes a device. Who uses it is told (POLLHUP); it goes when they go.
    void remove(std::uint32_t index);
    void remove(std::uint32_t index, std::error_code& ec);

    [[nodiscard]] std::vector<DeviceStatistics> statistics();
    [[nodiscard]] DeviceStatistics statistics(std::uint32_t index);
    /// Starts counters, high-water marks and lateness at 0.
    void reset_statistics(std::uint32_t index);

    /// Of what happens from here on.
    [[nodiscard]] EventReader events();

private:
    struct Parts;
    explicit Control(std::unique_ptr<Parts> parts) noexcept;

    std::unique_ptr<Parts> parts_;
};

} // namespace shmq

#endif // SHMQ_CONTROL_HPP
