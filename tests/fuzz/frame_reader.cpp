// SPDX-License-Identifier: GPL-2.0-only OR MIT
// Any bytes in a queue, read as frames: what is delivered is in the bytes, each byte
// is passed once, and a call does no more work than its limit allows.
#include "queue.hpp"

#include <algorithm>
#include <vector>

namespace {

using fuzz::Input;
using fuzz::Queue;

// Frames, as they must be and damaged, between garbage.
void fill(Input& input, Queue& q) {
    shmq_producer p{};
    FUZZ_EXPECT(shmq_producer_attach(&p, q.base(), q.length) == SHMQ_OK);
    shmq_writer w{};
    shmq_writer_init(&w, &p, &q.format);
    while (!input.empty()) {
        std::uint8_t data[256];
        const std::uint8_t kind = input.byte();
        if (kind & 1 && q.format.framing == SHMQ_CHECKED) {
            const auto n = static_cast<std::uint32_t>(input.bytes(data, kind % 40));
            if (shmq_producer_reserve(&p, n) != SHMQ_OK)
                return;
            shmq_producer_put(&p, 0, data, n);
            shmq_producer_commit(&p, n);
            continue;
        }
        if (kind & 4 && q.format.framing == SHMQ_CHECKED) { // a good head of any size
            const std::uint32_t n = shmq_head_length(&q.format);
            shmq_make_head(&q.format, 0, input.below(2 * q.size()), data);
            if (shmq_producer_reserve(&p, n) != SHMQ_OK)
                return;
            shmq_producer_put(&p, 0, data, n);
            shmq_producer_commit(&p, n);
            continue;
        }
        const shmq_part part = {data, static_cast<std::uint32_t>(input.bytes(data, kind))};
        if (shmq_frame_write(&w, kind, &part, 1) != SHMQ_OK)
            return;
        if (kind & 2) // damage something near
            q.data()[(p.end.pos + q.size() - 1 - input.below(24) % q.size()) % q.size()] ^=
                input.byte();
    }
}

// The bytes of the ring from a position on.
std::vector<std::uint8_t> unrolled(const Queue& q, std::uint32_t from) {
    std::vector<std::uint8_t> all(q.data(), q.data() + q.size());
    std::rotate(all.begin(), all.begin() + from, all.end());
    return all;
}

void expect_frame(const Queue& q, std::uint32_t end, const shmq_message& m,
                  const std::vector<std::uint8_t>& got) {
    const auto total = static_cast<std::uint32_t>(shmq_frame_length(&q.format, m.length));
    const auto bytes = unrolled(q, (end + q.size() - total) % q.size());
    const shmq_part part = {got.data(), m.length};
    shmq_envelope e;
    FUZZ_EXPECT(shmq_frame_seal(&q.format, m.tag, &part, 1, &e) == SHMQ_OK);
    FUZZ_EXPECT(std::equal(e.head, e.head + e.head_length, bytes.begin()));
    FUZZ_EXPECT(std::equal(got.begin(), got.begin() + m.length, bytes.begin() + e.head_length));
    if (q.format.framing == SHMQ_CHECKED)
        FUZZ_EXPECT(
            std::equal(e.tail, e.tail + e.tail_length, bytes.begin() + e.head_length + m.length));
}

// What a reader leaves because it may be the start of a frame: can it become one?
void expect_start(const Queue& q, std::uint32_t at, std::uint32_t left) {
    const shmq_format& f = q.format;
    const std::uint32_t p = f.prefix_length;
    const auto bytes = unrolled(q, at);
    FUZZ_EXPECT(f.framing == SHMQ_CHECKED || left == 0);
    if (left < p || left == 0)
        return;
    FUZZ_EXPECT(std::equal(f.prefix, f.prefix + p, bytes.begin()));
    FUZZ_EXPECT(left == p || bytes[p] == SHMQ_FRAME_VERSION);
    if (left < p + SHMQ_CHECKED_FIELDS)
        return;
    FUZZ_EXPECT(shmq_get_le32(&bytes[p + 5]) == shmq_crc32(0, bytes.data(), p + 5));
    const std::uint64_t total = shmq_frame_length(&f, shmq_get_le32(&bytes[p + 1]));
    FUZZ_EXPECT(total > left && total < q.size());
}

void read_all(const Queue& q, std::uint32_t limit, std::uint32_t room) {
    shmq_consumer c{};
    shmq_reader r{};
    FUZZ_EXPECT(shmq_consumer_attach(&c, q.base(), q.length) == SHMQ_OK);
    const std::uint32_t all = shmq_distance(q.size(), c.end.pos, c.end.peer);
    shmq_reader_init(&r, &c, &q.format);
    r.limit = limit;
    std::uint32_t passed = 0;
    for (;;) {
        std::vector<std::uint8_t> got(room);
        shmq_message m{};
        const std::uint32_t before = c.end.pos;
        const shmq_status s = shmq_frame_read(&r, got.data(), room, &m);
        passed += shmq_distance(q.size(), before, c.end.pos);
        FUZZ_EXPECT(passed <= all);
        // Over its limit by one message and a window of the search at most.
        FUZZ_EXPECT(r.work <= std::uint64_t{limit} + q.size() + 300);
        switch (s) {
        case SHMQ_OK:
            FUZZ_EXPECT(m.length <= room);
            expect_frame(q, c.end.pos, m, got);
            break;
        case SHMQ_SHORT_BUFFER:
            FUZZ_EXPECT(m.length > room); // and stays
            shmq_frame_release(&r, &m);
            passed += m.frame_length;
            FUZZ_EXPECT(passed <= all);
            break;
        case SHMQ_BAD_CRC:
        case SHMQ_BAD_VERSION:
        case SHMQ_TOO_BIG:
            FUZZ_EXPECT(q.format.framing == SHMQ_CHECKED && before != c.end.pos);
            break;
        case SHMQ_AGAIN:
            FUZZ_EXPECT(r.work >= limit);
            break;
        case SHMQ_EMPTY:
            expect_start(q, c.end.pos, all - passed);
            return;
        case SHMQ_CORRUPT:
            FUZZ_EXPECT(q.format.framing == SHMQ_PLAIN);
            return;
        default:
            FUZZ_EXPECT(!"a status that a reader has not");
        }
    }
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    Input input(data, size);
    Queue q(input);
    const std::uint32_t limit = 1 + input.below(700);
    const std::uint32_t room = 1 + input.below(300);
    // Anywhere in the ring.
    const std::uint32_t start = input.below(q.size());
    shmq_store_relaxed(q.base(), SHMQ_WRITE_POSITION, start);
    shmq_store_relaxed(q.base(), SHMQ_READ_POSITION, start);
    if (q.format.framing == SHMQ_PLAIN && start % 8)
        return 0;
    fill(input, q);
    read_all(q, limit, room);
    return 0;
}
