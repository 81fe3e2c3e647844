// SPDX-License-Identifier: GPL-2.0-only OR MIT
// Both ends of a message queue in a test's own memory, in either framing.
#ifndef SHMQ_TESTS_MESSAGE_ENDS_HPP
#define SHMQ_TESTS_MESSAGE_ENDS_HPP

#include "memory.hpp"

#include <shmq/msg_queue.hpp>

#include <gtest/gtest.h>

#include <cstddef>
#include <string>

struct Ends {
    explicit Ends(std::size_t length, const shmq::Format& format = shmq::Format::checked())
        : memory(length) {
        shmq::create_queue(memory.span());
        tx = shmq::MsgProducer::attach(memory.span(), format);
        rx = shmq::MsgConsumer::attach(memory.span(), format);
    }
    Memory memory;
    shmq::MsgProducer tx;
    shmq::MsgConsumer rx;
};

/// For tests that hold in both: plain and checked.
class BothFramings : public testing::TestWithParam<bool> {
protected:
    [[nodiscard]] static shmq::Format format() {
        return GetParam() ? shmq::Format::plain() : shmq::Format::checked();
    }
};

inline std::string framing_name(const testing::TestParamInfo<bool>& p) {
    return p.param ? "plain" : "checked";
}

#endif // SHMQ_TESTS_MESSAGE_ENDS_HPP
