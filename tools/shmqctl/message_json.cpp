// SPDX-License-Identifier: GPL-2.0-only OR MIT
#include "message_json.hpp"

#include "text.hpp"

#include <stdexcept>

#include <nlohmann/json.hpp>

namespace shmqctl {

using nlohmann::json;

std::string to_json(std::string_view data, std::optional<shmq::Tag> tag) {
    nlohmann::ordered_json object;
    object["size"] = data.size();
    if (tag)
        object["tag"] = static_cast<std::uint32_t>(*tag);
    object["text"] = data;
    try {
        return object.dump();
    } catch (const json::type_error&) { // not UTF-8
        object.erase("text");
        object["hex"] = to_hex(data);
        return object.dump();
    }
}

JsonMessage from_json(std::string_view line) {
    const json object = json::parse(line, nullptr, false);
    if (!object.is_object())
        throw std::runtime_error(R"(is no JSON object such as {"text":"hello"} or {"hex":"00ff"})");
    JsonMessage message;
    const auto text = object.find("text");
    const auto hex = object.find("hex");
    if ((text == object.end()) == (hex == object.end()))
        throw std::runtime_error(R"(must have either "text" or "hex")");
    if (text != object.end()) {
        if (!text->is_string())
            throw std::runtime_error(R"("text" must be a string)");
        message.data = text->get<std::string>();
    } else {
        const auto bytes = hex->is_string() ? from_hex(hex->get<std::string>()) : std::nullopt;
        if (!bytes)
            throw std::runtime_error(R"("hex" must be a string of hex digits, two a byte)");
        message.data = *bytes;
    }
    if (const auto tag = object.find("tag"); tag != object.end()) {
        if (!tag->is_number_unsigned() || tag->get<std::uint64_t>() > UINT32_MAX)
            throw std::runtime_error(R"("tag" must be a number from 0 to 4294967295)");
        message.tag = static_cast<shmq::Tag>(tag->get<std::uint32_t>());
    }
    return message;
}

} // namespace shmqctl
