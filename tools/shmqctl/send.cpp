// SPDX-License-Identifier: GPL-2.0-only OR MIT
// shmqctl send: stdin into a queue.
#include "input.hpp"
#include "message_json.hpp"
#include "output.hpp"
#include "patience.hpp"
#include "program.hpp"
#include "queue_place.hpp"
#include "stop_signals.hpp"

#include <algorithm>
#include <limits>

namespace shmqctl {

namespace {

using shmq::Status;

struct Options {
    QueueOptions queue;
    bool raw = false;
    bool null = false;
    bool json = false;
    std::uint32_t tag = 0;
    double timeout = std::numeric_limits<double>::infinity();
};

// Throws for all that is not sent; true: the user wants to stop.
bool settle(Status s, const Options& options) {
    if (s == Status::Interrupted)
        return true;
    if (s != Status::Ok)
        throw std::runtime_error(explain(s, options.queue.path));
    return false;
}

class MessageSender {
public:
    explicit MessageSender(const Options& options)
        : options_(options),
          place_(options.queue, QueuePlace::For::sending),
          end_(place_.sender()),
          patience_(limit_of(options.timeout), options.queue.path) {
        if (options.tag != 0 && !place_.format().is_plain())
            throw WrongUse("--tag needs plain frames: checked ones have no tag");
    }

    [[nodiscard]] std::uint32_t max_message() const { return end_.max_message(); }

    int send_input() {
        Input input(options_.null ? '\0' : '\n');
        if (options_.raw) {
            const auto all = input.all(most_input());
            return all && !send(*all) ? exit_ok : exit_interrupted;
        }
        while (const auto line = input.piece(most_input())) {
            ++line_;
            if (send(*line))
                return exit_interrupted;
        }
        return stop_requested() ? exit_interrupted : exit_ok;
    }

private:
    // One byte more than fits is enough to know; JSON is longer than what it says.
    [[nodiscard]] std::size_t most_input() const {
        const std::size_t most = std::size_t{max_message()} + 1;
        return options_.json ? 6 * most + 1024 : most;
    }

    [[nodiscard]] std::string where() const {
        return options_.raw ? std::string("stdin") : "line " + std::to_string(line_);
    }

    bool send(const std::string& line) {
        if (!options_.json)
            return send(line, static_cast<shmq::Tag>(options_.tag));
        try {
            const JsonMessage message = from_json(line);
            if (message.tag != shmq::Tag{} && !place_.format().is_plain())
                throw std::runtime_error("has a tag, which checked frames have not");
            return send(message.data, message.tag);
        } catch (const std::runtime_error& e) {
            throw std::runtime_error(where() + ' ' + e.what());
        }
    }

    bool send(const std::string& data, shmq::Tag tag) {
        if (data.size() > max_message())
            throw std::runtime_error(
                where() + " is longer than the " + std::to_string(max_message()) +
                " bytes that a message in this queue can have; nothing of it was sent");
        return settle(patience_.wait([&](auto time) { return end_.write(data, tag, time); }),
                      options_);
    }

    const Options& options_;
    QueuePlace place_;
    shmq::MsgProducer end_;
    Patience patience_;
    std::uint64_t line_ = 0;
};

int send_bytes(const Options& options) {
    QueuePlace place(options.queue, QueuePlace::For::sending);
    shmq::ByteProducer end = place.byte_sender();
    const Patience patience(limit_of(options.timeout), options.queue.path);
    // Pieces that fit while the reader has not read all.
    const std::size_t most = std::clamp<std::size_t>(end.capacity() / 4, 1, 65536);
    Input input('\n');
    while (const auto piece = input.some(most)) {
        if (settle(patience.wait([&](auto time) { return end.write(*piece, time); }), options))
            break;
    }
    return stop_requested() ? exit_interrupted : exit_ok;
}

int run(const Options& options) {
    if (options.queue.bytes()) {
        if (options.null || options.json || options.tag != 0 || options.queue.has_format())
            throw WrongUse("--type bytes has no messages: leave out --null, --json, --tag, "
                           "--framing and --prefix");
        return send_bytes(options);
    }
    return MessageSender(options).send_input();
}

} // namespace

void add_send(Program& program) {
    const auto options = std::make_shared<Options>();
    CLI::App* sub = add_subcommand(
        program, "send", "Send lines of stdin, a message each, or a stream of bytes",
        "  echo hello | shmqctl send /dev/shmq0\n"
        "  shmqctl send shm:/motor --half 0 --prefix 0xa55a < commands\n"
        "  shmqctl send queue.bin --create 64KiB --raw < picture.png\n"
        "  shmqctl send psram.bin --offset 1M --size 64K --type bytes < firmware.cfg",
        run, options);
    add_queue_options(*sub, options->queue);
    auto* raw = sub->add_flag("--raw", options->raw, "all of stdin is one message");
    auto* null = sub->add_flag("-z,--null", options->null,
                               "messages end with a NUL byte, not with a newline");
    sub->add_flag(
           "--json", options->json,
           R"(each line is {"text":…} or {"hex":…}, with "tag" if wanted: what recv --json prints)")
        ->excludes(raw)
        ->excludes(null);
    raw->excludes(null);
    sub->add_option("--tag", options->tag, "the messages' type, of plain frames")
        ->option_text("N [0]");
    sub->add_option("--timeout", options->timeout,
                    "how long to wait for room for each message, seconds; default: for ever")
        ->check(CLI::NonNegativeNumber)
        ->option_text("SECONDS");
}

} // namespace shmqctl
