// SPDX-License-Identifier: GPL-2.0-only OR MIT
// The same operations on four byte queues, one for each pairing of writer and
// reader: the same answers, and after each operation the same memory.
#include "../support/byte_ends.hpp"
#include "sequence.hpp"

#include <algorithm>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace {

using ours::Way;
using shmq::Status;

constexpr std::uint32_t sizes[] = {2, 3, 7, 16, 31, 64, 97, 250, 256};

struct Queue {
    Queue(Side writer, Side reader, std::uint32_t n, std::uint32_t start)
        : w_side(writer), r_side(reader), m(n, start), w(writer, m), r(reader, m) {}

    Side w_side;
    Side r_side;
    SharedMemory m;
    ByteWriter w;
    ByteReader r;
};

class Sequence {
public:
    Sequence(std::uint64_t seed, Trace& trace)
        : random_(seed), trace_(trace), n_(random_.one_of(sizes)) {
        const std::uint32_t start = random_(n_);
        note("N " + std::to_string(n_) + ", offset " + std::to_string(start));
        for (const Side w : {Side::cpp, Side::crate})
            for (const Side r : {Side::cpp, Side::crate})
                queues_.push_back(std::make_unique<Queue>(w, r, n_, start));
    }

    void step() {
        const std::uint32_t n = length();
        switch (random_(14)) {
        case 0:
        case 1:
            write(n);
            break;
        case 2:
            same("write_some " + std::to_string(n), [&, s = random_.bytes(n)](Queue& q, Way way) {
                return std::to_string(q.w.write_some(s, way));
            });
            break;
        case 3:
            print(n);
            break;
        case 4:
            same("batch of writes", [&, s = random_.bytes(n)](Queue& q, Way way) {
                std::string told;
                q.w.batch([&] {
                    for (std::size_t i = 0; i < 4; ++i)
                        told += answer(q.w.write(s.substr(0, s.size() >> i), way), Status::Full);
                });
                return told;
            });
            break;
        case 5:
            same("peek " + std::to_string(n), [&](Queue& q, Way way) {
                std::string to(n, '?');
                return answer(q.r.peek(to, way), Status::Empty) + to;
            });
            break;
        case 6:
            same("peek_some " + std::to_string(n), [&](Queue& q, Way way) {
                std::string to(n, '?');
                return std::to_string(q.r.peek_some(to, way)) + ' ' + to;
            });
            break;
        case 7:
            same("consume " + std::to_string(n), [&](Queue& q, Way way) {
                std::string to(n, '?');
                return answer(q.r.consume(to, way), Status::Empty) + to;
            });
            break;
        case 8:
            same("consume_some " + std::to_string(n), [&](Queue& q, Way way) {
                std::string to(n, '?');
                return std::to_string(q.r.consume_some(to, way)) + ' ' + to;
            });
            break;
        case 9:
            same("batch of consumes", [&](Queue& q, Way way) {
                std::string told;
                q.r.batch([&] {
                    for (std::uint32_t i = 0; i < 4; ++i) {
                        std::string to(n >> i, '?');
                        told += answer(q.r.consume(to, way), Status::Empty) + to;
                    }
                });
                return told;
            });
            break;
        case 10:
            same("skip " + std::to_string(n),
                 [&](Queue& q, Way way) { return answer(q.r.skip(n, way), Status::Empty); });
            break;
        case 11:
            same("skip_some " + std::to_string(n),
                 [&](Queue& q, Way) { return std::to_string(q.r.skip_some(n)); });
            break;
        case 12:
            damage();
            break;
        default:
            attach();
            break;
        }
    }

private:
    void note(std::string what) { trace_.push_back(std::move(what)); }

    /// Mostly what fits, around the boundaries too.
    std::uint32_t length() {
        const std::uint32_t filled = queues_[0]->r.size();
        switch (random_(4)) {
        case 0:
            return random_(n_ + 3);
        case 1:
            return filled + random_(2);
        case 2:
            return n_ - 1 - filled + random_(2);
        default:
            return random_(1 + n_ / 4);
        }
    }

    /// The crate would block for ever on what is too big for the queue.
    static std::string answer(Status s, Status would_block) {
        return to_string(s == Status::TooBig ? would_block : s) + std::string(" ");
    }

    void write(std::uint32_t n) {
        const std::string s = random_.bytes(n);
        same("write " + std::to_string(n), [&](Queue& q, Way way) {
            const Status status = q.w.write(s, way);
            if (q.w_side == Side::cpp)
                require((status == Status::TooBig) == (n > n_ - 1), "TooBig is not capacity");
            return answer(status, Status::Full);
        });
    }

    /// Both formatters block: only what fits.
    void print(std::uint32_t n) {
        const std::string text(std::min(n, queues_[0]->w.space()), 't');
        same("print " + std::to_string(text.size()), [&](Queue& q, Way) {
            q.w.print(text);
            return std::string();
        });
    }

    void damage() {
        const std::uint32_t at = random_(n_);
        const std::uint8_t flip = static_cast<std::uint8_t>(1 + random_(255));
        same("damage of byte " + std::to_string(at), [&](Queue& q, Way) {
            q.m.data(at) ^= flip;
            return std::string();
        });
    }

    void attach() {
        const bool writer = random_(2) == 0;
        same(writer ? "attach writers" : "attach readers", [&](Queue& q, Way) {
            if (writer)
                q.w = ByteWriter(q.w_side, q.m);
            else
                q.r = ByteReader(q.r_side, q.m);
            return std::string();
        });
    }

    /// Each of our ends goes another way.
    template <typename F>
    void same(const std::string& what, F&& f) {
        const std::uint32_t way = random_(ours::ways);
        note(what + ", way " + std::to_string(way));
        std::string first;
        for (std::uint32_t i = 0; i < queues_.size(); ++i) {
            const std::string got = f(*queues_[i], static_cast<Way>((way + i) % ours::ways));
            if (i == 0)
                first = got;
            require_same(first, got, "answers, " + pair(0) + " and " + pair(i));
        }
        compare();
    }

    void compare() {
        Queue& a = *queues_[0];
        for (std::uint32_t i = 0; i < queues_.size(); ++i) {
            Queue& b = *queues_[i];
            require(b.m.intact(), "written outside the queue, " + pair(i));
            require_same(a.m.bytes(), b.m.bytes(), "memory, " + pair(0) + " and " + pair(i));
            require_same(a.w.space(), b.w.space(), "space, " + pair(i));
            require_same(a.w.size(), b.w.size(), "the writer's size, " + pair(i));
            require_same(a.r.size(), b.r.size(), "size, " + pair(i));
            require_same(a.r.space(), b.r.space(), "the reader's space, " + pair(i));
        }
    }

    std::string pair(std::uint32_t i) const {
        return name(Pair{queues_[i]->w_side, queues_[i]->r_side});
    }

    Random random_;
    Trace& trace_;
    std::uint32_t n_;
    std::vector<std::unique_ptr<Queue>> queues_;
};

} // namespace

void fuzz_bytes(std::uint64_t seed, std::uint32_t operations, Trace& trace) {
    Sequence s(seed, trace);
    for (std::uint32_t i = 0; i < operations; ++i)
        s.step();
}
