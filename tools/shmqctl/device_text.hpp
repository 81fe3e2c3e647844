// SPDX-License-Identifier: GPL-2.0-only OR MIT
// Devices, queues and events as text for people and as JSON for scripts.
#ifndef SHMQCTL_DEVICE_TEXT_HPP
#define SHMQCTL_DEVICE_TEXT_HPP

#include <shmq/control.hpp>

#include <string>
#include <vector>

namespace shmqctl {

[[nodiscard]] const char* name_of(enum shmq_queue_run state) noexcept;
[[nodiscard]] const char* name_of(enum shmq_end_holder holder) noexcept;
[[nodiscard]] const char* name_of(enum shmq_end_id end) noexcept;

[[nodiscard]] const char* name_of(enum shmq_layout layout) noexcept;
[[nodiscard]] const char* name_of(enum shmq_print_format format) noexcept;

/// "500 us, fifo 80, cpu 1", or "none".
[[nodiscard]] std::string period_of(const shmq::DeviceStatus& device);

/// "user -> kernel", as who has the ends.
[[nodiscard]] std::string ends_of(const shmq::QueueStatus& queue);

[[nodiscard]] std::string as_table(const std::vector<shmq::DeviceStatus>& devices);
[[nodiscard]] std::string as_table(const std::vector<shmq::DeviceStatistics>& devices);
[[nodiscard]] std::string in_full(const shmq::DeviceStatus& device,
                                  const shmq::DeviceStatistics& statistics);
/// One line, without its newline.
[[nodiscard]] std::string as_line(const shmq::Event& event);

[[nodiscard]] std::string as_json(const shmq::DeviceStatus& device);
/// Of show: the statistics belong to the devices, in their order.
[[nodiscard]] std::string as_json(const std::vector<shmq::DeviceStatus>& devices,
                                  const std::vector<shmq::DeviceStatistics>& statistics);
[[nodiscard]] std::string as_json(const std::vector<shmq::DeviceStatus>& devices);
[[nodiscard]] std::string as_json(const std::vector<shmq::DeviceStatistics>& devices);
/// One line, without its newline.
[[nodiscard]] std::string as_json(const shmq::Event& event);

} // namespace shmqctl

#endif // SHMQCTL_DEVICE_TEXT_HPP
