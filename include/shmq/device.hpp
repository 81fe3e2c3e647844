// SPDX-License-Identifier: GPL-2.0-only OR MIT
// /dev/shmqN: the driver's region, its state, its doorbells.
#ifndef SHMQ_DEVICE_HPP
#define SHMQ_DEVICE_HPP

#include <shmq/core/barrier.h>
#include <shmq/format.hpp>
#include <shmq/region.hpp>

#include <linux/shmq.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <system_error>

namespace shmq {

/// What an end moves.
enum class Carries : std::uint8_t { messages, bytes };

/// An open device; move-only. A Channel over it is what most programs want;
/// this is what tools, programs with their own structures (layout raw) and the
/// channel itself use. Everything that the driver can decide (sizes, offsets,
/// framing) is as it says: nothing is built in.
///
/// Functions that can fail throw std::system_error and have an overload with a
/// std::error_code&. Threads: any, except that moving is the owner's.
class Device {
public:
    /// Opens and maps. Errors say what to do: ENOENT (is the module loaded?),
    /// EACCES (which group), ENOTTY (not such a device), EPROTO (the driver
    /// speaks another version of the interface).
    static Device open(const std::string& path = "/dev/shmq0");
    static Device open(const std::string& path, std::error_code& ec);

    Device(Device&&) noexcept;
    Device& operator=(Device&&) noexcept;
    ~Device();

    [[nodiscard]] const std::string& path() const noexcept;
    /// POLLIN, POLLOUT, POLLERR, POLLHUP: see shmq(4).
    [[nodiscard]] int fd() const noexcept;

    /// As the driver told when the device was opened.
    [[nodiscard]] const shmq_info& info() const noexcept;
    [[nodiscard]] std::span<const shmq_area> areas() const noexcept;
    [[nodiscard]] Format format() const noexcept;
    /// Asks the driver again: who holds ends, the handler, the epoch.
    [[nodiscard]] shmq_info ask() const;

    /// All of the memory, bare.
    [[nodiscard]] const Region& region() const noexcept;
    /// The part of it that is an area.
    [[nodiscard]] std::span<std::byte> memory(const shmq_area& area) const;

    /// From the state page, without a system call.
    [[nodiscard]] std::uint32_t epoch() const noexcept;
    [[nodiscard]] bool removed() const noexcept;
    [[nodiscard]] enum shmq_queue_run run_state(std::uint32_t queue) const noexcept;
    [[nodiscard]] enum shmq_end_holder holder(std::uint32_t queue,
                                              enum shmq_end_id end) const noexcept;
    /// A copy of all that the state page tells of a queue, counters included.
    [[nodiscard]] shmq_queue_state queue_state(std::uint32_t queue) const noexcept;

    /// The wake page; word n is at n * sizeof(struct shmq_sleep_word).
    [[nodiscard]] shmq_base sleep_words() const noexcept;

    /// Claims an end for this open file: EBUSY if another open file or the
    /// kernel has it. `room`: what POLLOUT promises, bytes of message, or of
    /// data for an end that carries bytes, whose POLLIN then means any byte.
    void claim(std::uint32_t queue, enum shmq_end_id end, std::uint32_t room = 0,
               Carries carries = Carries::messages) const;
    void claim(std::uint32_t queue, enum shmq_end_id end, std::uint32_t room, Carries carries,
               std::error_code& ec) const;
    void release(std::uint32_t queue, enum shmq_end_id end) const;
    void release(std::uint32_t queue, enum shmq_end_id end, std::error_code& ec) const noexcept;

    /// Empties the queues and starts them over: EBUSY while another open file
    /// has an end. Returns the new epoch.
    std::uint32_t reset() const;
    std::uint32_t reset(std::error_code& ec) const;

    /// Rings doorbells: a mask of 1 << SHMQ_BELL_*; 0 is all.
    void kick(std::uint32_t bells = 0) const;
    void kick(std::uint32_t bells, std::error_code& ec) const noexcept;

private:
    struct Parts;
    explicit Device(std::unique_ptr<Parts> parts) noexcept;

    std::unique_ptr<Parts> parts_;
};

} // namespace shmq

#endif // SHMQ_DEVICE_HPP
