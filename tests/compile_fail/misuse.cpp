// SPDX-License-Identifier: GPL-2.0-only OR MIT
// Each MISUSE is one line that must not compile among lines that do.
#include <shmq/shmq.hpp>

#include <utility>
#include <vector>

// Names for the preprocessor; CMakeLists.txt takes them from the lines below.
#define none 0
#define producer_reads 1
#define consumer_writes 2
#define byte_producer_consumes 3
#define byte_consumer_writes 4
#define core_producer_is_consumed 5
#define end_is_copied 6
#define region_is_copied 7
#define channel_is_copied 8
#define reservation_is_moved 9
#define front_is_moved 10
#define answer_is_ignored 11
#define message_of_ints 12
#define tag_from_a_number 13
#define front_is_written 14
#define box_without_value_is_read 15
#define box_is_copied 16
#define shared_block_is_copied 17
#define block_is_dropped_at_once 18

#ifndef MISUSE
#define MISUSE none
#endif

void right_use(shmq::MsgProducer& tx, shmq::MsgConsumer& rx, shmq::ByteProducer& btx,
               shmq::ByteConsumer& brx, shmq::Region& region, shmq::Channel& channel,
               shmq_producer& core, shmq::Pool<int>& pool, shmq::SharedPool& shared) {
    std::byte byte{};
    const std::vector<char> chars(3);
    const std::vector<int> ints(3);
    (void)tx.try_write(chars);
    (void)rx.try_read();
    (void)btx.try_write("x");
    (void)brx.try_consume({&byte, 1});
    shmq_producer_publish(&core);
    shmq::MsgProducer moved = std::move(tx);
    shmq::Region moved_region = std::move(region);
    shmq::Channel moved_channel = std::move(channel);
    auto reservation = moved.try_reserve(1);
    (void)reservation.commit(shmq::Tag{1});
    auto front = rx.try_front();
    byte = front.data()[0];
    reservation.room()[0] = byte;
    auto empty_box = pool.alloc();
    auto box = std::move(empty_box).init(3);
    *box = 4;
    auto block = shared.alloc();

#if MISUSE == producer_reads
    (void)moved.try_read();
#elif MISUSE == consumer_writes
    (void)rx.try_write("x");
#elif MISUSE == byte_producer_consumes
    (void)btx.try_consume({&byte, 1});
#elif MISUSE == byte_consumer_writes
    (void)brx.try_write("x");
#elif MISUSE == core_producer_is_consumed
    shmq_consumer_publish(&core);
#elif MISUSE == end_is_copied
    shmq::MsgProducer copy = moved;
#elif MISUSE == region_is_copied
    shmq::Region copy = moved_region;
#elif MISUSE == channel_is_copied
    shmq::Channel copy = moved_channel;
#elif MISUSE == reservation_is_moved
    auto other = std::move(reservation);
#elif MISUSE == front_is_moved
    auto other = std::move(front);
#elif MISUSE == answer_is_ignored
    moved.try_write("x");
#elif MISUSE == message_of_ints
    (void)moved.try_write(ints);
#elif MISUSE == tag_from_a_number
    (void)moved.try_write("x", 7);
#elif MISUSE == front_is_written
    front.data()[0] = byte;
#elif MISUSE == box_without_value_is_read
    *empty_box = 5;
#elif MISUSE == box_is_copied
    auto copy = box;
#elif MISUSE == shared_block_is_copied
    auto copy = block;
#elif MISUSE == block_is_dropped_at_once
    shared.alloc();
#elif MISUSE != none
#error "no such misuse"
#endif
}
