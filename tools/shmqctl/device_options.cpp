// SPDX-License-Identifier: GPL-2.0-only OR MIT
#include "device_options.hpp"

#include "exit_status.hpp"

#include <charconv>
#include <string_view>

#include <CLI/CLI.hpp>
#include <grp.h>
#include <pwd.h>

namespace shmqctl {

namespace {

// "500us", "20ms", "1s"; a bare number has the option's own unit.
std::chrono::microseconds time_of(const std::string& text, std::chrono::microseconds unit,
                                  const char* option) {
    std::uint32_t count = 0;
    const char* end = text.data() + text.size();
    const auto [stop, error] = std::from_chars(text.data(), end, count);
    const std::string_view suffix(stop, static_cast<std::size_t>(end - stop));
    if (suffix == "us")
        unit = std::chrono::microseconds(1);
    else if (suffix == "ms")
        unit = std::chrono::milliseconds(1);
    else if (suffix == "s")
        unit = std::chrono::seconds(1);
    if (error != std::errc() ||
        (!suffix.empty() && suffix != "us" && suffix != "ms" && suffix != "s"))
        throw WrongUse(std::string(option) + ": '" + text +
                       "' is no time, such as 500us, 20ms or 1s");
    return count * unit;
}

mode_t mode_of(const std::string& text) {
    unsigned mode = 0;
    const char* end = text.data() + text.size();
    const auto [stop, error] = std::from_chars(text.data(), end, mode, 8);
    if (error != std::errc() || stop != end || (mode & ~0666u))
        throw WrongUse("--mode: '" + text + "' is no mode of a device: octal, bits of 0666");
    return mode;
}

template <typename Id>
bool number_of(const std::string& text, Id& id) {
    const char* end = text.data() + text.size();
    const auto [stop, error] = std::from_chars(text.data(), end, id);
    return error == std::errc() && stop == end;
}

int cpu_of(const std::string& text) {
    int cpu = 0;
    if (text == "any")
        return shmq::any_cpu;
    if (!number_of(text, cpu) || cpu < 0)
        throw WrongUse("--cpu: '" + text + "' is no CPU: a number from 0 on, or any");
    return cpu;
}

enum shmq_print_format format_of(const std::string& text) {
    return text == "hex" ? SHMQ_PRINT_HEX : text == "u32" ? SHMQ_PRINT_U32 : SHMQ_PRINT_S32;
}

uid_t user_of(const std::string& text) {
    uid_t id = 0;
    if (number_of(text, id))
        return id;
    const passwd* user = ::getpwnam(text.c_str());
    if (!user)
        throw WrongUse("--owner: there is no user '" + text + "'");
    return user->pw_uid;
}

gid_t group_of(const std::string& text) {
    gid_t id = 0;
    if (number_of(text, id))
        return id;
    const group* found = ::getgrnam(text.c_str());
    if (!found)
        throw WrongUse("--group: there is no group '" + text + "' (addgroup --system " + text +
                       " makes one)");
    return found->gr_gid;
}

} // namespace

bool DeviceOptions::any() const noexcept {
    return handler || period || priority || cpu || print_offset || print_words || print_format ||
           tick || restart || mode || owner || group;
}

void DeviceOptions::apply(shmq::DeviceChange& change) const {
    using std::chrono::microseconds;
    using std::chrono::milliseconds;
    change.handler = handler;
    if (period)
        change.period = time_of(*period, microseconds(1), "--period");
    change.priority = priority;
    if (cpu)
        change.cpu = cpu_of(*cpu);
    if (print_offset && *print_offset > UINT32_MAX)
        throw WrongUse("--print-offset: no device is longer than 1 GiB");
    if (print_offset)
        change.print_offset = static_cast<std::uint32_t>(*print_offset);
    change.print_words = print_words;
    if (print_format)
        change.print_format = format_of(*print_format);
    if (tick) {
        const microseconds time = time_of(*tick, milliseconds(1), "--tick");
        change.tick = std::chrono::ceil<milliseconds>(time);
    }
    if (restart)
        change.restart = *restart == "yes";
    if (mode)
        change.mode = mode_of(*mode);
    if (owner)
        change.uid = user_of(*owner);
    if (group)
        change.gid = group_of(*group);
}

void add_device_options(CLI::App& sub, DeviceOptions& options) {
    sub.add_option("--handler", options.handler,
                   "what the kernel does with messages: echo, log, count, none, or what another "
                   "module offers; print (words of memory or of a cell, each period)")
        ->option_text("NAME");
    sub.add_option("--period", options.period,
                   "how often to look for a peer that rings no doorbell, such as 500us; 0: never")
        ->option_text("TIME");
    sub.add_option("--priority", options.priority,
                   "of the thread that a period has: 0 is fair, 1 to 99 real-time (SCHED_FIFO)")
        ->check(CLI::Range(0, 99))
        ->option_text("N");
    sub.add_option("--cpu", options.cpu, "that this thread is bound to")->option_text("N|any");
    sub.add_option("--print-offset", options.print_offset,
                   "where the handler print starts, in the memory or the cell's value")
        ->transform(CLI::AsSizeValue(false))
        ->option_text("BYTES");
    sub.add_option("--print-words", options.print_words, "how many 32-bit words it prints")
        ->check(CLI::Range(1, 16))
        ->option_text("N");
    sub.add_option("--print-format", options.print_format, "how it writes them")
        ->check(CLI::IsMember({"hex", "u32", "s32"}))
        ->option_text("hex|u32|s32");
    sub.add_option("--tick", options.tick,
                   "a message with the time, so often, such as 200ms or 1s; 0: none")
        ->option_text("TIME");
    sub.add_option("--restart", options.restart,
                   "follow a peer that starts over, instead of stopping the queue")
        ->check(CLI::IsMember({"yes", "no"}))
        ->option_text("yes|no");
    sub.add_option("--mode", options.mode, "who may open the node, as for chmod: 0660")
        ->option_text("OCTAL");
    sub.add_option("--owner", options.owner, "of the node")->option_text("USER");
    sub.add_option("--group", options.group, "of the node")->option_text("GROUP");
}

} // namespace shmqctl
