// SPDX-License-Identifier: GPL-2.0-only OR MIT
#include "operations.hpp"

#include <array>
#include <chrono>
#include <cstring>

namespace hot_path {

namespace {

using namespace std::chrono_literals;
using shmq::Status;

// Of a size that makes them wrap everywhere.
struct Value {
    std::array<unsigned, 7> numbers;

    explicit Value(unsigned n = 0) { numbers.fill(n); }
    [[nodiscard]] shmq::Bytes bytes() const { return {numbers.data(), sizeof(numbers)}; }
    [[nodiscard]] std::span<std::byte> room() { return std::as_writable_bytes(std::span(numbers)); }
    friend bool operator==(const Value&, const Value&) = default;
};

constexpr auto size = sizeof(Value);

bool is(const shmq::Pieces<const std::byte>& data, const Value& value) {
    Value got;
    return data.copy_to(got.room()) == size && got == value;
}

bool is(const shmq::Message& m, const Value& value) {
    return m && m.size() == size && std::memcmp(m.data().data(), &value, size) == 0;
}

bool bytes_one(Queues& q, unsigned n) {
    const Value in(n);
    Value out;
    return q.byte_in.try_write(in.bytes()) == Status::Ok &&
           q.byte_out.try_peek(out.room()) == Status::Ok && out == in &&
           q.byte_out.try_consume(out.room()) == Status::Ok && out == in;
}

bool bytes_some(Queues& q, unsigned n) {
    const Value in(n);
    Value out;
    return q.byte_in.write_some(in.bytes()) == size && q.byte_out.peek_some(out.room()) == size &&
           out == in && q.byte_out.skip_some(size) == size && q.byte_out.size() == 0 &&
           q.byte_in.space() == q.byte_in.capacity();
}

bool bytes_waiting(Queues& q, unsigned n) {
    const Value in(n);
    Value out;
    return q.byte_in.write(in.bytes()) == Status::Ok &&
           q.byte_out.consume(out.room(), 1s) == Status::Ok && out == in;
}

bool bytes_batch(Queues& q, unsigned n) {
    const Value in(n);
    Value out;
    {
        const auto scope = q.byte_in.batch();
        for (int i = 0; i < 4; ++i)
            if (q.byte_in.try_write(in.bytes()) != Status::Ok)
                return false;
    }
    const auto scope = q.byte_out.batch();
    for (int i = 0; i < 4; ++i)
        if (q.byte_out.try_consume(out.room()) != Status::Ok || out != in)
            return false;
    return q.byte_out.try_skip(1) == Status::Empty;
}

bool bytes_in_place(Queues& q, unsigned n) {
    const Value in(n);
    const auto room = q.byte_in.reserve(size);
    if (room.copy_from(in.bytes()) != size)
        return false;
    q.byte_in.commit(size);
    if (!is(q.byte_out.front(), in))
        return false;
    q.byte_out.release(size);
    return true;
}

bool msgs_one(shmq::MsgProducer& tx, shmq::MsgConsumer& rx, unsigned n) {
    const Value in(n);
    Value out;
    return tx.try_write(in.bytes()) == Status::Ok && is(rx.try_read(), in) &&
           tx.try_write_parts({in.bytes()}) == Status::Ok && rx.try_read(out.room()) && out == in &&
           rx.try_read().status() == Status::Empty;
}

bool msgs_waiting(shmq::MsgProducer& tx, shmq::MsgConsumer& rx, unsigned n) {
    const Value in(n);
    return tx.write(in.bytes()) == Status::Ok && is(rx.read(1s), in);
}

bool msgs_batch(shmq::MsgProducer& tx, shmq::MsgConsumer& rx, unsigned n) {
    const Value in(n);
    {
        const auto scope = tx.batch();
        for (int i = 0; i < 4; ++i)
            if (tx.try_write(in.bytes()) != Status::Ok)
                return false;
    }
    bool good = true;
    const auto d = rx.drain([&](const shmq::Message& m) { good &= is(m, in); });
    return good && d.messages == 4;
}

bool msgs_in_place(shmq::MsgProducer& tx, shmq::MsgConsumer& rx, unsigned n) {
    const Value in(n);
    auto message = tx.try_reserve(size);
    if (message.put(0, in.bytes()) != size || message.commit() != Status::Ok)
        return false;
    const auto front = rx.try_front();
    return front && is(front.data(), in);
}

template <auto Run>
bool checked(Queues& q, unsigned n) {
    return Run(q.checked_in, q.checked_out, n);
}

template <auto Run>
bool plain(Queues& q, unsigned n) {
    return Run(q.plain_in, q.plain_out, n);
}

template <auto Run>
bool bell(Queues& q, unsigned n) {
    return Run(q.bell_in, q.bell_out, n);
}

bool cell_copies(Queues& q, unsigned n) {
    Sample in;
    in.fill(n);
    Sample out;
    return q.cell_in.write(in) == Status::Ok && q.seat_out.has_changed() &&
           q.seat_out.read(out) == Status::Ok && out == in && !q.seat_out.has_changed() &&
           q.copied_out.read_change(out) == Status::Ok && out == in &&
           q.copied_out.read_change(out) == Status::Empty && q.cell_in.read() == in;
}

bool cell_in_place(Queues& q, unsigned n) {
    {
        const auto edit = q.cell_in.edit();
        edit->fill(n);
    }
    const auto view = q.seat_out.view();
    q.cell_in.compose()->fill(~n);
    return view && view->front() == n && view->back() == n && q.copied_out.read()->back() == ~n;
}

} // namespace

std::span<const Operation> operations() {
    static constexpr Operation all[] = {
        {"ByteQueue: try_write, try_peek, try_consume", bytes_one},
        {"ByteQueue: write_some, peek_some, skip_some", bytes_some},
        {"ByteQueue: write and consume that need not wait", bytes_waiting},
        {"ByteQueue: batches, and an empty look", bytes_batch},
        {"ByteQueue: reserve, commit, front, release", bytes_in_place},
        {"MsgQueue checked: try_write, try_read", checked<msgs_one>},
        {"MsgQueue checked: write and read that need not wait", checked<msgs_waiting>},
        {"MsgQueue checked: batch, drain", checked<msgs_batch>},
        {"MsgQueue checked: in place", checked<msgs_in_place>},
        {"MsgQueue plain: try_write, try_read", plain<msgs_one>},
        {"MsgQueue plain: write and read that need not wait", plain<msgs_waiting>},
        {"MsgQueue plain: batch, drain", plain<msgs_batch>},
        {"MsgQueue plain: in place", plain<msgs_in_place>},
        {"MsgQueue whose peer could sleep: write and read", bell<msgs_waiting>},
        {"MsgQueue whose peer could sleep: in place", bell<msgs_in_place>},
        {"Cell: write, read with and without a seat", cell_copies},
        {"Cell: edit, compose, view", cell_in_place},
    };
    return all;
}

} // namespace hot_path
