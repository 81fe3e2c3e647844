// SPDX-License-Identifier: GPL-2.0-only OR MIT
// shmqctl recv: a queue to stdout.
#include "message_json.hpp"
#include "output.hpp"
#include "patience.hpp"
#include "program.hpp"
#include "queue_place.hpp"
#include "text.hpp"

#include <algorithm>
#include <array>

namespace shmqctl {

namespace {

using shmq::Status;

struct Options {
    QueueOptions queue;
    bool raw = false;
    bool null = false;
    bool json = false;
    std::uint64_t count = 0; ///< 0: as many as there are
    std::optional<double> timeout;
    bool follow = false;

    /// How long to wait for the next: as long as one is promised or asked for.
    [[nodiscard]] std::optional<shmq::Wait::Duration> limit() const {
        if (timeout)
            return limit_of(*timeout);
        if (follow || count > 0)
            return std::nullopt;
        return shmq::Wait::Duration::zero();
    }
};

// What a message is on stdout.
std::string rendered(std::string data, shmq::Tag tag, bool tagged, const Options& options) {
    if (options.json)
        return to_json(data, tagged ? std::optional(tag) : std::nullopt) + '\n';
    if (stdout_is_terminal())
        data = printable(data);
    if (options.null)
        data += '\0';
    else if (!options.raw)
        data += '\n';
    return data;
}

bool is_damage(Status s) {
    return s == Status::BadCrc || s == Status::BadVersion || s == Status::TooBig;
}

class Receiver {
public:
    explicit Receiver(const Options& options)
        : options_(options), patience_(options.limit(), options.queue.path) {}

    int run() {
        for (QueueOptions queue = options_.queue;; queue.create = 0) {
            const Status s = queue.bytes() ? bytes(queue) : messages(queue);
            switch (s) {
            case Status::Ok:
                return finished(false);
            case Status::Timeout:
                return finished(options_.count > 0 || received_ == 0);
            case Status::Interrupted:
                return options_.follow && options_.count == 0 ? finished(false) : exit_interrupted;
            case Status::Recreated:
                if (options_.follow) {
                    note(queue.path + ": the queue was created anew; reading on from there");
                    continue;
                }
                [[fallthrough]];
            default:
                throw std::runtime_error(explain(s, queue.path));
            }
        }
    }

private:
    [[nodiscard]] bool done() const { return options_.count > 0 && received_ >= options_.count; }

    [[nodiscard]] int finished(bool too_few) const {
        return damaged_ ? exit_damage : too_few ? exit_nothing : exit_ok;
    }

    // What was printed is given back after that, so that a full disk or a kill
    // loses nothing. Ok: all done; else why it stopped.
    Status messages(const QueueOptions& queue) {
        QueuePlace place(queue, QueuePlace::For::receiving);
        shmq::MsgConsumer end = place.receiver();
        const bool tagged = place.format().is_plain();
        while (!done()) {
            const Status s = patience_.wait(
                [&](auto time) {
                    shmq::Front front = end.front(time);
                    return message(front, tagged);
                },
                check_stdout);
            if (is_damage(s)) {
                note(queue.path + ": " + shmq::to_string(s) + ", skipped");
                damaged_ = true;
            } else if (s != Status::Ok) {
                return s;
            } else {
                ++received_;
            }
        }
        return Status::Ok;
    }

    [[nodiscard]] Status message(shmq::Front& front, bool tagged) const {
        if (!front)
            return front.status();
        std::string data(front.size(), '\0');
        front.data().copy_to(std::as_writable_bytes(std::span(data)));
        try {
            print(rendered(std::move(data), front.tag(), tagged, options_));
        } catch (...) {
            front.keep();
            throw;
        }
        return Status::Ok;
    }

    Status bytes(const QueueOptions& queue) {
        QueuePlace place(queue, QueuePlace::For::receiving);
        shmq::ByteConsumer end = place.byte_receiver();
        std::array<std::byte, 65536> buffer;
        while (!done()) {
            const Status s = patience_.wait(
                [&](auto time) { return end.peek(std::span(buffer).first(1), time); },
                check_stdout);
            if (s != Status::Ok)
                return s;
            std::uint64_t most = buffer.size();
            if (options_.count > 0)
                most = std::min(most, options_.count - received_);
            const std::uint32_t n = end.peek_some(std::span(buffer).first(most));
            const std::string data(reinterpret_cast<const char*>(buffer.data()), n);
            print(stdout_is_terminal() ? printable(data) : data);
            end.release(n);
            received_ += n;
        }
        return Status::Ok;
    }

    const Options& options_;
    Patience patience_;
    std::uint64_t received_ = 0;
    bool damaged_ = false;
};

int run(const Options& options) {
    if (options.queue.bytes() && (options.null || options.json || options.queue.has_format()))
        throw WrongUse("--type bytes has no messages: leave out --null, --json, --framing and "
                       "--prefix");
    return Receiver(options).run();
}

} // namespace

void add_recv(Program& program) {
    const auto options = std::make_shared<Options>();
    CLI::App* sub = add_subcommand(
        program, "recv", "Print the messages of a queue, a line each, or its bytes",
        "  shmqctl recv /dev/shmq0                    what is there now\n"
        "  shmqctl recv /dev/shmq0 --follow           all that comes, until Ctrl-C\n"
        "  shmqctl recv shm:/motor --half 1 --prefix 0xa55a --count 1 --timeout 2.5\n"
        "  shmqctl recv queue.bin --count 1 --raw > picture.png\n"
        "  shmqctl recv /dev/shmq0 --json | jq -r .text",
        run, options);
    add_queue_options(*sub, options->queue);
    auto* raw = sub->add_flag("--raw", options->raw, "nothing after a message, not a newline");
    auto* null = sub->add_flag("-z,--null", options->null,
                               "a NUL byte after each message, not a newline: for messages that "
                               "have newlines");
    sub->add_flag(
           "--json", options->json,
           R"(a line {"size":…,"text":…} a message; "hex" for what is no UTF-8, "tag" where there is one)")
        ->excludes(raw)
        ->excludes(null);
    raw->excludes(null);
    sub->add_option("--count", options->count,
                    "end after so many messages (bytes, with --type bytes), and wait for them")
        ->check(CLI::PositiveNumber)
        ->option_text("N");
    sub->add_option("--timeout", options->timeout,
                    "wait for the next message for so many seconds. Default: not at all; for ever "
                    "with --count or --follow")
        ->check(CLI::NonNegativeNumber)
        ->option_text("SECONDS");
    sub->add_flag("--follow", options->follow,
                  "wait for ever for more, until Ctrl-C, which ends it with status 0");
}

} // namespace shmqctl
