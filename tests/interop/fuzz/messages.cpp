// SPDX-License-Identifier: GPL-2.0-only OR MIT
// The same operations on a message queue for each pairing of writer and reader:
// the same messages, the same damage told in the same order, the same bytes.
//
// The crate's reader takes all that its buffer holds, ours a message. So its
// read position is ahead, never behind, and its writer has more room: what
// does not fit for ours is not written for the crate's reader either.
#include "../support/frame.hpp"
#include "../support/msg_ends.hpp"
#include "garbage.hpp"
#include "sequence.hpp"

#include <algorithm>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace {

using ours::Way;
using shmq::Status;

/// One more than the receive buffers of crate.h.
constexpr std::uint32_t sizes[] = {30, 32, 41, 61, 64, 97, 128, 250, 256, 1000};

struct Queue {
    Queue(Side writer, Side reader, const std::string& prefix, std::uint32_t n, std::uint32_t start)
        : w_side(writer), r_side(reader), m(n, start), w(writer, m, prefix), r(reader, m, prefix) {}

    [[nodiscard]] std::uint32_t space() const {
        const Positions p = m.positions();
        return (m.n() + p.read - p.write - 1) % m.n();
    }
    [[nodiscard]] bool crate_reads() const { return r_side == Side::crate; }

    Side w_side;
    Side r_side;
    SharedMemory m;
    MsgWriter w;
    MsgReader r;
};

class Sequence {
public:
    Sequence(std::uint64_t seed, Trace& trace)
        : random_(seed),
          trace_(trace),
          // In one of eight there is none; the crate's reader cannot take part.
          prefix_(random_(8) == 0 ? std::string() : random_.one_of(prefixes)),
          n_(random_.one_of(sizes)) {
        const std::uint32_t start = random_(n_);
        note("prefix \"" + prefix_ + "\", N " + std::to_string(n_) + ", offset " +
             std::to_string(start));
        const auto add = [&](Side w, Side r) {
            queues_.push_back(std::make_unique<Queue>(w, r, prefix_, n_, start));
        };
        add(Side::cpp, Side::cpp);
        add(Side::crate, Side::cpp);
        if (!prefix_.empty()) {
            add(Side::cpp, Side::crate);
            add(Side::crate, Side::crate);
        }
    }

    void step() {
        switch (random_(10)) {
        case 0:
        case 1:
        case 2:
            write();
            break;
        case 3:
            write_batch();
            break;
        case 4:
            garbage();
            break;
        case 5:
            damage();
            break;
        case 6:
            attach();
            break;
        case 7:
            read_batch();
            break;
        default:
            read();
            break;
        }
        compare();
    }

    /// What is still there.
    void finish() {
        for (std::uint32_t calls = 0; calls < 2 * n_; ++calls) {
            const bool empty = read() == Status::Empty;
            compare();
            if (empty)
                return;
        }
        throw Difference("readers that do not come to an end");
    }

private:
    void note(std::string what) { trace_.push_back(std::move(what)); }

    std::uint32_t frame_of(std::size_t length) const {
        return static_cast<std::uint32_t>(prefix_.size() + length) + frame_overhead;
    }

    std::uint32_t length() {
        const std::uint32_t room = std::max(queues_[0]->space(), frame_of(0)) - frame_of(0);
        switch (random_(4)) {
        case 0:
            return random_(n_ + 2);
        case 1:
            return room + random_(2);
        default:
            return random_(1 + n_ / 6);
        }
    }

    Way way_of(std::uint32_t first, std::size_t i) const {
        return static_cast<Way>((first + i) % ours::ways);
    }

    void write() {
        const std::string s = random_.bytes(length());
        const std::uint32_t way = random_(ours::ways);
        note("write " + std::to_string(s.size()) + ", way " + std::to_string(way));
        Status first = Status::Ok;
        for (std::size_t i = 0; i < queues_.size(); ++i) {
            Queue& q = *queues_[i];
            // See the top of the file. It is asked all the same where it must refuse.
            if (first == Status::Full && q.crate_reads() && q.space() >= frame_of(s.size()))
                continue;
            const Status got = q.w.write(s, way_of(way, i));
            if (i == 0)
                first = got;
            require_same<std::string>(to_string(first), to_string(got), "write, " + pair(i));
        }
    }

    /// As many as fit.
    void write_batch() {
        std::vector<std::string> all;
        std::uint32_t room = queues_[0]->space();
        for (std::uint32_t i = random_(5); i > 0; --i) {
            std::string s = random_.bytes(random_(1 + n_ / 8));
            if (frame_of(s.size()) > room)
                break;
            room -= frame_of(s.size());
            all.push_back(std::move(s));
        }
        note("batch of " + std::to_string(all.size()) + " writes");
        for (std::size_t i = 0; i < queues_.size(); ++i) {
            Queue& q = *queues_[i];
            q.w.batch([&] {
                for (const std::string& s : all)
                    require(q.w.write(s, way_of(0, i)) == Status::Ok, "in a batch, " + pair(i));
            });
        }
    }

    Status read() {
        const std::uint32_t way = random_(ours::ways);
        note("read, way " + std::to_string(way));
        Status first = Status::Ok;
        std::string data;
        for (std::size_t i = 0; i < queues_.size(); ++i) {
            std::string got;
            const Status s = queues_[i]->r.read(got, way_of(way, i));
            if (i == 0) {
                first = s;
                data = got;
            }
            require_same<std::string>(to_string(first), to_string(s), "read, " + pair(i));
            require_same(data, got, "message, " + pair(i));
        }
        trace_.back() +=
            first == Status::Ok ? ": " + hex(data) : ": " + std::string(to_string(first));
        return first;
    }

    void read_batch() {
        const std::uint32_t many = 1 + random_(4);
        note("batch of " + std::to_string(many) + " reads");
        std::string first;
        for (std::size_t i = 0; i < queues_.size(); ++i) {
            std::string told;
            Queue& q = *queues_[i];
            q.r.batch([&] {
                for (std::uint32_t k = 0; k < many; ++k) {
                    std::string got;
                    told += to_string(q.r.read(got, way_of(k, i)));
                    told += ' ' + hex(got) + '\n';
                }
            });
            if (i == 0)
                first = told;
            require(first == told, "read in a batch, " + pair(i) + ":\n" + first + "\n" + told);
        }
    }

    /// Behind what is there. Writers attach anew: they know where they were.
    void garbage() {
        std::string s = random_garbage(random_, prefix_);
        s.resize(std::min<std::size_t>(s.size(), queues_[0]->space()));
        note("garbage " + hex(s));
        for (const auto& q : queues_) {
            const Positions p = q->m.positions();
            for (std::size_t i = 0; i < s.size(); ++i)
                q->m.data(p.write + i) = static_cast<std::uint8_t>(s[i]);
            q->m.set({static_cast<std::uint32_t>((p.write + s.size()) % n_), p.read});
            q->w = MsgWriter(q->w_side, q->m, prefix_);
        }
    }

    /// Of a byte that no reader has taken yet.
    void damage() {
        const Positions p = queues_.back()->m.positions();
        const std::uint32_t unread = (n_ + p.write - p.read) % n_;
        if (unread == 0)
            return;
        const std::uint32_t at = (p.read + random_(unread)) % n_;
        const auto flip = static_cast<std::uint8_t>(1u << random_(8));
        note("damage of byte " + std::to_string(at));
        for (const auto& q : queues_)
            q->m.data(at) ^= flip;
    }

    /// Readers of the crate cannot: what they have buffered would be lost.
    void attach() {
        note("attach");
        for (const auto& q : queues_) {
            q->w = MsgWriter(q->w_side, q->m, prefix_);
            // One report a run, where there is no prefix, is the reader's memory.
            if (!q->crate_reads() && !prefix_.empty())
                q->r = MsgReader(q->r_side, q->m, prefix_);
        }
    }

    void compare() const {
        const SharedMemory& a = queues_[0]->m;
        const Positions first = a.positions();
        const auto ahead = [&](std::uint32_t to) { return (n_ + to - first.read) % n_; };
        Positions theirs = queues_.back()->m.positions();
        for (std::size_t i = 0; i < queues_.size(); ++i) {
            const SharedMemory& b = queues_[i]->m;
            const Positions p = b.positions();
            require(b.intact(), "written outside the queue, " + pair(i));
            require_same(a.bytes().substr(8), b.bytes().substr(8), "data, " + pair(i));
            require_same(first.write, p.write, "write position, " + pair(i));
            require_same(queues_[i]->crate_reads() ? theirs.read : first.read, p.read,
                         "read position, " + pair(i));
            require(ahead(p.read) <= ahead(p.write), "ours read ahead of the crate's");
        }
    }

    std::string pair(std::size_t i) const {
        return name(Pair{queues_[i]->w_side, queues_[i]->r_side});
    }

    Random random_;
    Trace& trace_;
    std::string prefix_;
    std::uint32_t n_;
    std::vector<std::unique_ptr<Queue>> queues_;
};

} // namespace

void fuzz_messages(std::uint64_t seed, std::uint32_t operations, Trace& trace) {
    Sequence s(seed, trace);
    for (std::uint32_t i = 0; i < operations; ++i)
        s.step();
    s.finish();
}
