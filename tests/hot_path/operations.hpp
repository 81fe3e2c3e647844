// SPDX-License-Identifier: GPL-2.0-only OR MIT
// What a program does again and again with a queue, to be looked at: whether it
// makes a system call, allocates, or divides.
#ifndef HOT_PATH_OPERATIONS_HPP
#define HOT_PATH_OPERATIONS_HPP

#include <shmq/byte_queue.hpp>
#include <shmq/cell.hpp>
#include <shmq/msg_queue.hpp>

#include <array>
#include <span>

namespace hot_path {

/// What a cell has.
using Sample = std::array<unsigned, 7>;

/// Both ends of a queue of each sort, made before it gets hot.
struct Queues {
    shmq::ByteProducer byte_in;
    shmq::ByteConsumer byte_out;
    shmq::MsgProducer checked_in;
    shmq::MsgConsumer checked_out;
    shmq::MsgProducer plain_in;
    shmq::MsgConsumer plain_out;
    shmq::MsgProducer bell_in; ///< ends that may sleep, but never have to
    shmq::MsgConsumer bell_out;
    shmq::Cell<Sample>::Publisher cell_in;
    shmq::Cell<Sample>::Reader seat_out;   ///< a reader with a seat
    shmq::Cell<Sample>::Reader copied_out; ///< one without
};

struct Operation {
    const char* name;
    /// Writes some and reads it; false if that was not what came out.
    bool (*run)(Queues& queues, unsigned number);
};

std::span<const Operation> operations();

} // namespace hot_path

#endif // HOT_PATH_OPERATIONS_HPP
