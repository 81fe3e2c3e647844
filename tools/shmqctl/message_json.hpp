// SPDX-License-Identifier: GPL-2.0-only OR MIT
// A message as a line of JSON, and back.
#ifndef SHMQCTL_MESSAGE_JSON_HPP
#define SHMQCTL_MESSAGE_JSON_HPP

#include <shmq/message.hpp>

#include <optional>
#include <string>
#include <string_view>

namespace shmqctl {

struct JsonMessage {
    std::string data;
    shmq::Tag tag{};
};

/// {"size":5,"text":"hello"}; "hex" instead of "text" for what is no UTF-8, and
/// "tag" where frames have one. One line, without its newline.
[[nodiscard]] std::string to_json(std::string_view data, std::optional<shmq::Tag> tag);

/// Throws std::runtime_error that says what is wrong with it.
[[nodiscard]] JsonMessage from_json(std::string_view line);

} // namespace shmqctl

#endif // SHMQCTL_MESSAGE_JSON_HPP
