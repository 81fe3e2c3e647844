// SPDX-License-Identifier: GPL-2.0-only OR MIT
// core/frame.h: a message arrives once, whole, in order, or not yet; copied and
// in place, with the CRC that is in core/.
#include "memory.hpp"
#include "run.hpp"

#include <shmq/core/frame.h>

#include <cstring>

namespace {

// Each byte of message i is i, and so is its tag, where there are tags. Some are as
// long as the one before: without tags, two successive heads are then the same.
template <std::uint32_t N, std::uint32_t Messages>
class Messenger {
public:
    explicit Messenger(const shmq_format& f) : format(f) {
        MODEL_REQUIRE(shmq_format_check(&f, memory_.base(), memory_.length) == SHMQ_OK);
        MODEL_REQUIRE(shmq_message_max(&f, N) >= most);
        shmq_queue_create(memory_.base(), memory_.length);
        shmq_producer_attach(&p, memory_.base(), memory_.length);
        shmq_consumer_attach(&c, memory_.base(), memory_.length);
        shmq_writer_init(&writer, &p, &format);
        shmq_reader_init(&reader, &c, &format);
    }

    void send_all() {
        for (std::uint32_t i = 1; i <= Messages;)
            if ((rl::rand(2) ? write(i) : fill(i)) == SHMQ_OK)
                i++;
            else
                rl::yield(1, RL_INFO);
    }

    void receive_all() {
        for (std::uint32_t i = 1; i <= Messages;)
            if ((rl::rand(2) ? read(i) : look(i)) == SHMQ_OK)
                i++;
            else
                rl::yield(1, RL_INFO);
    }

private:
    static constexpr std::uint32_t most = 9;

    [[nodiscard]] std::uint32_t length(std::uint32_t i) const {
        static constexpr std::uint32_t plain[] = {5, 9, 9, 0, 1, 8};
        static constexpr std::uint32_t checked[] = {3, 3, 0, 9};
        return format.framing == SHMQ_PLAIN ? plain[i % 6] : checked[i % 4];
    }
    [[nodiscard]] std::uint32_t tag(std::uint32_t i) const {
        return format.framing == SHMQ_PLAIN ? i : 0;
    }

    shmq_status write(std::uint32_t i) {
        std::uint8_t data[most];
        std::memset(data, static_cast<int>(i), sizeof(data));
        const shmq_part part = {data, length(i)};
        const shmq_status s = shmq_frame_write(&writer, i, &part, 1);
        MODEL_REQUIRE(s == SHMQ_OK || s == SHMQ_FULL);
        return s;
    }

    shmq_status fill(std::uint32_t i) {
        shmq_pieces room;
        const shmq_status s = shmq_frame_reserve(&writer, length(i), &room);
        MODEL_REQUIRE(s == SHMQ_OK || s == SHMQ_FULL);
        if (s != SHMQ_OK)
            return s;
        for (int piece = 0; piece < 2; piece++)
            for (std::uint32_t at = 0; at < room.len[piece]; at++)
                model::set(*shmq_at(p.end.base, room.off[piece] + at),
                           static_cast<std::uint8_t>(i));
        shmq_frame_commit(&writer, i, length(i));
        return s;
    }

    shmq_status read(std::uint32_t i) {
        std::uint8_t data[most];
        shmq_message m;
        const shmq_status s = shmq_frame_read(&reader, data, sizeof(data), &m);
        MODEL_REQUIRE(s == SHMQ_OK || s == SHMQ_EMPTY);
        if (s != SHMQ_OK)
            return s;
        MODEL_REQUIRE(m.length == length(i) && m.tag == tag(i));
        for (std::uint32_t at = 0; at < m.length; at++)
            MODEL_REQUIRE(data[at] == i);
        return s;
    }

    shmq_status look(std::uint32_t i) {
        shmq_pieces data;
        shmq_message m;
        const shmq_status s = shmq_frame_front(&reader, &m, &data);
        MODEL_REQUIRE(s == SHMQ_OK || s == SHMQ_EMPTY);
        if (s != SHMQ_OK)
            return s;
        MODEL_REQUIRE(m.length == length(i) && m.tag == tag(i));
        for (int piece = 0; piece < 2; piece++)
            for (std::uint32_t at = 0; at < data.len[piece]; at++)
                MODEL_REQUIRE(model::get(*shmq_at(c.end.base, data.off[piece] + at)) == i);
        shmq_frame_release(&reader, &m);
        return s;
    }

    shmq_format format;
    model::QueueMemory<N> memory_;
    shmq_producer p{};
    shmq_consumer c{};
    shmq_writer writer{};
    shmq_reader reader{};
};

struct Plain : rl::test_suite<Plain, 2>, Messenger<32, 6> {
    Plain() : Messenger({SHMQ_PLAIN, 0, {}}) {}
    void thread(unsigned index) { index == 0 ? send_all() : receive_all(); }
};

struct Checked : rl::test_suite<Checked, 2>, Messenger<36, 4> {
    Checked() : Messenger({SHMQ_CHECKED, 2, {'s', 'q'}}) {}
    void thread(unsigned index) { index == 0 ? send_all() : receive_all(); }
};

} // namespace

int main(int argc, char** argv) {
    return model::run(
        argc, argv,
        {model::random<Plain>("plain", 300000), model::random<Checked>("checked", 100000)});
}
