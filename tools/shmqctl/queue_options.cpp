// SPDX-License-Identifier: GPL-2.0-only OR MIT
#include "queue_options.hpp"

#include "exit_status.hpp"
#include "text.hpp"

#include <CLI/CLI.hpp>

namespace shmqctl {

Half QueueOptions::which_half() const {
    if (half == "0")
        return Half::first;
    if (half == "1")
        return Half::second;
    return half == "all" ? Half::all : Half::by_default;
}

shmq::Format QueueOptions::format() const {
    if (framing == "plain") {
        if (prefix)
            throw WrongUse("plain frames have no prefix: leave out --prefix or --framing plain");
        return shmq::Format::plain();
    }
    const std::string bytes = prefix ? text_or_hex(*prefix) : "SHMQ";
    if (bytes.size() > shmq::Format::max_prefix)
        throw WrongUse("a prefix has at most 64 bytes, not " + std::to_string(bytes.size()));
    return shmq::Format::checked(bytes);
}

void add_queue_options(CLI::App& sub, QueueOptions& options) {
    sub.add_option("PATH", options.path, path_help)->required();
    sub.add_option(
           "--create", options.create,
           "make the file or shared memory, of so many bytes (64K, 1MiB), with empty queues")
        ->transform(CLI::AsSizeValue(false))
        ->check(CLI::PositiveNumber)
        ->option_text("SIZE");
    sub.add_option("--half", options.half,
                   "which half of the memory is the queue: 0, 1 or all. Default: all of a file or "
                   "shared memory; of a device, what the kernel reads (send) or writes (recv)")
        ->check(CLI::IsMember({"0", "1", "all"}))
        ->option_text("0|1|all");
    sub.add_option("--type", options.type, "messages, or a stream of bytes without frames")
        ->check(CLI::IsMember({"msg", "bytes"}))
        ->option_text("msg|bytes [msg]");
    sub.add_option("--framing", options.framing,
                   "of messages: checked (the Rust crate's, with CRCs) or plain (size and tag)")
        ->check(CLI::IsMember({"checked", "plain"}))
        ->option_text("checked|plain [checked]");
    sub.add_option("--prefix", options.prefix, "what each checked frame begins with; may be ''")
        ->option_text("TEXT|0xHEX [SHMQ]");
    sub.add_option("--offset", options.offset, "where the memory begins in the file, bytes")
        ->transform(CLI::AsSizeValue(false))
        ->option_text("BYTES");
    sub.add_option("--size", options.size,
                   "how much of the file it is, bytes; default: the rest. Needed where there is "
                   "no end, as in /dev/mem")
        ->transform(CLI::AsSizeValue(false))
        ->option_text("BYTES");
}

} // namespace shmqctl
