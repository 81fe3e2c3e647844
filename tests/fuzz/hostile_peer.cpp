// SPDX-License-Identifier: GPL-2.0-only OR MIT
// Both ends used in any way, while somebody else changes positions and data between
// any two accesses of the core: nothing outside the queue is touched, every call
// ends, and an end that stopped stays stopped.
#include "queue.hpp"

#include <vector>

namespace {

using fuzz::Input;
using fuzz::Queue;

void expect_sane(const Queue& q, const shmq_end& e, shmq_status before) {
    FUZZ_EXPECT(e.pos < q.size());
    FUZZ_EXPECT(e.peer < q.size());
    FUZZ_EXPECT(e.published < q.size());
    FUZZ_EXPECT(before == SHMQ_OK || e.error == before);
}

void fill(const Queue& q, const shmq_pieces& s) {
    for (int i = 0; i < 2; i++) {
        FUZZ_EXPECT(s.len[i] == 0 || std::uint64_t{s.off[i]} + s.len[i] <= q.length);
        std::memset(shmq_at(q.base(), s.off[i]), 'x', s.len[i]);
    }
}

void produce(Input& input, Queue& q, shmq_producer& p, shmq_writer& w) {
    const shmq_status before = p.end.error;
    std::vector<std::uint8_t> data(input.below(700), 'd');
    const auto n = static_cast<std::uint32_t>(data.size());
    const shmq_part parts[] = {{data.data(), n / 2}, {data.data() + n / 2, n - n / 2}};
    shmq_pieces room{};
    switch (input.byte() % 6) {
    case 0:
        shmq_frame_write(&w, 7, parts, 2);
        break;
    case 1:
        if (shmq_frame_reserve(&w, n, &room) == SHMQ_OK) {
            fill(q, room);
            shmq_frame_commit(&w, 7, n - input.below(n + 1));
        }
        break;
    case 2:
        if (shmq_producer_reserve(&p, n) == SHMQ_OK) {
            shmq_producer_put(&p, 0, data.data(), n);
            shmq_producer_commit(&p, n);
        }
        break;
    case 3:
        FUZZ_EXPECT(shmq_producer_space(&p, n) < q.size());
        break;
    case 4:
        shmq_producer_batch_begin(&p);
        break;
    case 5:
        shmq_producer_batch_end(&p);
        break;
    }
    expect_sane(q, p.end, before);
}

void consume(Input& input, Queue& q, shmq_consumer& c, shmq_reader& r) {
    const shmq_status before = c.end.error;
    std::vector<std::uint8_t> data(1 + input.below(700));
    const auto n = static_cast<std::uint32_t>(data.size());
    shmq_message m{};
    shmq_pieces there{};
    switch (input.byte() % 7) {
    case 0:
        if (shmq_frame_read(&r, data.data(), n, &m) == SHMQ_SHORT_BUFFER)
            shmq_frame_release(&r, &m);
        break;
    case 1: // in place: whatever it reads, it reads it inside
        if (shmq_frame_front(&r, &m, &there) == SHMQ_OK) {
            fill(q, there);
            shmq_frame_release(&r, &m);
        }
        break;
    case 2:
        if (shmq_consumer_request(&c, n) == SHMQ_OK) {
            shmq_consumer_get(&c, 0, data.data(), n);
            shmq_consumer_release(&c, n);
        }
        break;
    case 3:
        FUZZ_EXPECT(shmq_consumer_available(&c, n) < q.size());
        shmq_consumer_changed(&c);
        break;
    case 4:
        shmq_consumer_batch_begin(&c);
        break;
    case 5:
        shmq_consumer_batch_end(&c);
        break;
    case 6: { // a passer-by, as poll(2) is one
        shmq_consumer passing{};
        shmq_reader looking{};
        if (shmq_consumer_attach(&passing, q.base(), q.length) == SHMQ_OK) {
            shmq_consumer_freeze(&passing);
            shmq_reader_init(&looking, &passing, &q.format);
            looking.limit = 64;
            shmq_frame_find(&looking, &m);
        }
        break;
    }
    }
    expect_sane(q, c.end, before);
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    Input input(data, size);
    Queue q(input);
    shmq_producer p{};
    shmq_consumer c{};
    shmq_writer w{};
    shmq_reader r{};
    FUZZ_EXPECT(shmq_producer_attach(&p, q.base(), q.length) == SHMQ_OK);
    FUZZ_EXPECT(shmq_consumer_attach(&c, q.base(), q.length) == SHMQ_OK);
    shmq_writer_init(&w, &p, &q.format);
    shmq_reader_init(&r, &c, &q.format);
    r.limit = 1 + input.below(2000);

    fuzz::peer.come(q.base(), q.length, &input);
    while (!input.empty()) {
        const std::uint8_t what = input.byte();
        if (what & 1)
            produce(input, q, p, w);
        else
            consume(input, q, c, r);
        // Who is told that the queue was started over attaches anew, if it can.
        if ((what & 0xf0) == 0xf0) {
            shmq_producer again{};
            if (shmq_producer_attach(&again, q.base(), q.length) == SHMQ_OK)
                p = again;
            shmq_consumer other{};
            if (shmq_consumer_attach(&other, q.base(), q.length) == SHMQ_OK)
                c = other;
        }
    }
    fuzz::peer.go();
    return 0;
}
