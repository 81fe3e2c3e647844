// SPDX-License-Identifier: GPL-2.0-only OR MIT
// The ends of a byte queue on either side.
#ifndef SHMQ_TESTS_INTEROP_BYTE_ENDS_HPP
#define SHMQ_TESTS_INTEROP_BYTE_ENDS_HPP

#include "crate.hpp"
#include "ours.hpp"
#include "shared_memory.hpp"
#include "sides.hpp"

#include <shmq/byte_stream.hpp>

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

/// Ok or Full; a crate's end that would block for ever says Full where ours
/// says TooBig.
class ByteWriter {
public:
    ByteWriter(Side side, const SharedMemory& m) : way_(way(side)), end_(make(side, m)) {}

    using Way = ours::Way;
    using Status = shmq::Status;

    Status write(std::string_view s) { return write(s, way_); }
    Status write(std::string_view s, Way way) {
        if (auto* q = std::get_if<crate::Bytes>(&end_)) {
            if (way != Way::waiting || q->space() < s.size())
                return q->write(s);
            q->write_blocking(s);
            return Status::Ok;
        }
        return std::get<ours::ByteWriter>(end_).write(s, way);
    }
    std::uint32_t write_some(std::string_view s) { return write_some(s, way_); }
    std::uint32_t write_some(std::string_view s, Way way) {
        if (auto* q = std::get_if<crate::Bytes>(&end_))
            return q->write_some(s);
        return std::get<ours::ByteWriter>(end_).write_some(s, way);
    }

    /// By the formatter, which blocks: what fits.
    void print(std::string_view s) {
        if (auto* q = std::get_if<crate::Bytes>(&end_))
            return q->print(s);
        shmq::ByteOstream out(std::get<ours::ByteWriter>(end_).end(), ours::patience);
        out << s;
        EXPECT_EQ(out.status(), Status::Ok);
    }

    std::uint32_t space() {
        return std::visit([](auto& e) { return e.space(); }, end_);
    }
    std::uint32_t size() {
        return std::visit([](auto& e) { return e.size(); }, end_);
    }
    std::uint32_t capacity() {
        return std::visit([](auto& e) { return e.capacity(); }, end_);
    }

    /// Calls `f` in a batch, where there are batches.
    template <typename F>
    void batch(F&& f) {
        auto* e = std::get_if<ours::ByteWriter>(&end_);
        if (!e)
            return f();
        const auto scope = e->end().batch();
        f();
    }

private:
    static Way way(Side side) { return side == Side::cpp_in_place ? Way::in_place : Way::copied; }

    using End = std::variant<crate::Bytes, ours::ByteWriter>;
    static End make(Side side, const SharedMemory& m) {
        if (side == Side::crate)
            return crate::Bytes::attach(m);
        return ours::ByteWriter(m);
    }

    Way way_;
    End end_;
};

class ByteReader {
public:
    ByteReader(Side side, const SharedMemory& m) : way_(way(side)), end_(make(side, m)) {}

    using Way = ours::Way;
    using Status = shmq::Status;

    Status peek(std::string& to) { return peek(to, way_); }
    Status peek(std::string& to, Way way) {
        if (auto* q = std::get_if<crate::Bytes>(&end_)) {
            if (way != Way::waiting || q->size() < to.size())
                return q->peek(to);
            q->peek_blocking(to);
            return Status::Ok;
        }
        return std::get<ours::ByteReader>(end_).peek(to, way);
    }
    Status consume(std::string& to) { return consume(to, way_); }
    Status consume(std::string& to, Way way) {
        if (auto* q = std::get_if<crate::Bytes>(&end_)) {
            if (way != Way::waiting || q->size() < to.size())
                return q->consume(to);
            q->consume_blocking(to);
            return Status::Ok;
        }
        return std::get<ours::ByteReader>(end_).consume(to, way);
    }
    Status skip(std::uint32_t n, Way way = Way::copied) {
        if (auto* q = std::get_if<crate::Bytes>(&end_)) {
            if (way != Way::waiting || q->size() < n)
                return q->skip(n);
            q->skip_blocking(n);
            return Status::Ok;
        }
        return std::get<ours::ByteReader>(end_).skip(n, way);
    }

    std::uint32_t peek_some(std::string& to) { return peek_some(to, way_); }
    std::uint32_t peek_some(std::string& to, Way way) {
        if (auto* q = std::get_if<crate::Bytes>(&end_))
            return q->peek_some(to);
        return std::get<ours::ByteReader>(end_).peek_some(to, way);
    }
    std::uint32_t consume_some(std::string& to) { return consume_some(to, way_); }
    std::uint32_t consume_some(std::string& to, Way way) {
        if (auto* q = std::get_if<crate::Bytes>(&end_))
            return q->consume_some(to);
        return std::get<ours::ByteReader>(end_).consume_some(to, way);
    }
    std::uint32_t skip_some(std::uint32_t n) {
        return std::visit([n](auto& e) { return e.skip_some(n); }, end_);
    }

    std::uint32_t space() {
        return std::visit([](auto& e) { return e.space(); }, end_);
    }
    std::uint32_t size() {
        return std::visit([](auto& e) { return e.size(); }, end_);
    }
    std::uint32_t capacity() {
        return std::visit([](auto& e) { return e.capacity(); }, end_);
    }

    template <typename F>
    void batch(F&& f) {
        auto* e = std::get_if<ours::ByteReader>(&end_);
        if (!e)
            return f();
        const auto scope = e->end().batch();
        f();
    }

private:
    static Way way(Side side) { return side == Side::cpp_in_place ? Way::in_place : Way::copied; }

    using End = std::variant<crate::Bytes, ours::ByteReader>;
    static End make(Side side, const SharedMemory& m) {
        if (side == Side::crate)
            return crate::Bytes::attach(m);
        return ours::ByteReader(m);
    }

    Way way_;
    End end_;
};

#endif // SHMQ_TESTS_INTEROP_BYTE_ENDS_HPP
