// SPDX-License-Identifier: GPL-2.0-only OR MIT
// The ends of a message queue on either side.
#ifndef SHMQ_TESTS_INTEROP_MSG_ENDS_HPP
#define SHMQ_TESTS_INTEROP_MSG_ENDS_HPP

#include "crate.hpp"
#include "ours.hpp"
#include "shared_memory.hpp"
#include "sides.hpp"

#include <string>
#include <string_view>
#include <utility>
#include <variant>

class MsgWriter {
public:
    MsgWriter(Side side, const SharedMemory& m, std::string_view prefix)
        : way_(side == Side::cpp_in_place ? Way::in_place : Way::copied),
          end_(make(side, m, prefix)) {}

    using Way = ours::Way;
    using Status = shmq::Status;

    Status write(std::string_view s) { return write(s, way_); }
    Status write(std::string_view s, Way way) {
        if (auto* q = std::get_if<crate::Msgs>(&end_))
            return q->write(s);
        return std::get<ours::MsgWriter>(end_).write(s, way);
    }

    /// Calls `f` in a batch, where there are batches.
    template <typename F>
    void batch(F&& f) {
        auto* e = std::get_if<ours::MsgWriter>(&end_);
        if (!e)
            return f();
        const auto scope = e->end().batch();
        f();
    }

private:
    using End = std::variant<crate::Msgs, ours::MsgWriter>;
    static End make(Side side, const SharedMemory& m, std::string_view prefix) {
        if (side == Side::crate)
            return crate::Msgs(m, prefix);
        return ours::MsgWriter(m, prefix);
    }

    Way way_;
    End end_;
};

/// The crate's reader has a receive buffer as large as the longest frame that
/// the queue can hold, so that both call the same messages too big.
class MsgReader {
public:
    MsgReader(Side side, const SharedMemory& m, std::string_view prefix)
        : way_(side == Side::cpp_in_place ? Way::in_place : Way::copied),
          end_(make(side, m, prefix)),
          memory_(&m) {}

    using Way = ours::Way;
    using Status = shmq::Status;

    Status read(std::string& to) { return read(to, way_); }
    Status read(std::string& to, Way way) {
        if (auto* q = std::get_if<crate::Msgs>(&end_))
            return read_from(*q, to);
        return std::get<ours::MsgReader>(end_).read(to, way);
    }

    template <typename F>
    void batch(F&& f) {
        auto* e = std::get_if<ours::MsgReader>(&end_);
        if (!e)
            return f();
        const auto scope = e->end().batch();
        f();
    }

private:
    /// The crate says "empty" too when its buffer was full of garbage and a
    /// message is behind it in the queue. See differences.cpp.
    Status read_from(crate::Msgs& q, std::string& to) {
        for (;;) {
            const Positions before = memory_->positions();
            const Status s = q.read(to);
            if (s != Status::Empty || before.write == before.read)
                return s;
        }
    }

    using End = std::variant<crate::Msgs, ours::MsgReader>;
    static End make(Side side, const SharedMemory& m, std::string_view prefix) {
        if (side == Side::crate)
            return crate::Msgs(m, prefix);
        return ours::MsgReader(m, prefix);
    }

    Way way_;
    End end_;
    const SharedMemory* memory_;
};

/// Prefixes of one, four and sixteen bytes; the crate's reader knows no others
/// that matter (see blank_prefix.cpp for none at all).
inline const std::string prefixes[] = {"~", "SHMQ", "DEFAULT_PREFIX: "};

#endif // SHMQ_TESTS_INTEROP_MSG_ENDS_HPP
