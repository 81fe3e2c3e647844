// SPDX-License-Identifier: GPL-2.0-only OR MIT
// layout=cell: the library's ends in a driver's memory, where no futex wakes who
// waits. What the kernel reads there: test_print.cpp.
#include "support/module.hpp"
#include "support/process.hpp"

#include <shmq/cell.hpp>

namespace {

using namespace test;
using namespace std::chrono_literals;
using shmq::CellSeat;
using shmq::Status;
using shmq::Wait;

using Number = shmq::Cell<std::uint64_t>;

constexpr std::uint64_t writes = 20;
constexpr auto patience = std::chrono::milliseconds(patience_ms);

struct CellOnADevice : DriverTest {
    CellOnADevice() : DriverTest("layout=cell size=64K cell_size=8 cell_readers=2") {}
};

shmq::Region memory(const Device& d) {
    return shmq::Region::from_fd(d.fd(), d.info().region_length);
}

// Another program that publishes 1 ... writes, each when it is asked to.
class Publisher {
public:
    Publisher()
        : child_([this] {
              const Device d;
              auto publisher = Number::publish(memory(d));
              for (std::uint64_t i = 1; i <= writes; i++) {
                  next_.pass();
                  nap(3); // until who asked waits
                  CHILD_CHECK(publisher.write(i) == Status::Ok);
              }
              next_.pass();
              return 0;
          }) {}
    void write() { next_.open(); }
    int leave() {
        next_.open();
        return child_.wait();
    }
    void kill() { child_.kill(); }

private:
    Gate next_; // before the child, which has it too
    Child child_;
};

bool has_publisher(Number::Reader& reader) {
    return eventually([&] { return reader.publisher() == shmq::Holder::user; });
}

TEST_F(CellOnADevice, WhoeverWaitsIsToldOfTheNextWrite) {
    for (const CellSeat seat : {CellSeat::required, CellSeat::none})
        for (const Wait policy : {Wait::sleep(), Wait::spin_then_sleep(1ms), Wait::periodic(1ms),
                                  Wait::spin(), Wait::sleep().interruptible()}) {
            SCOPED_TRACE(testing::Message() << "seat " << static_cast<int>(seat) << ", policy "
                                            << static_cast<int>(policy.kind()));
            Publisher publisher;
            const Device d;
            auto reader = Number::attach(memory(d), 0, {.seat = seat});
            ASSERT_EQ(reader.registered(), seat == CellSeat::required);
            ASSERT_TRUE(has_publisher(reader));
            (void)reader.read(); // what the one before it left
            EXPECT_EQ(reader.wait(20ms, policy), Status::Timeout);
            for (std::uint64_t i = 1; i <= writes; i++) {
                publisher.write();
                ASSERT_EQ(reader.wait(patience, policy), Status::Ok) << i;
                ASSERT_EQ(reader.read(), i);
            }
            EXPECT_EQ(publisher.leave(), 0);
            EXPECT_EQ(reader.wait(patience, policy), Status::PeerGone);
            EXPECT_EQ(reader.wait(20ms, policy), Status::Timeout) << "told once";
        }
}

TEST_F(CellOnADevice, ADescriptorTellsWhoeverPolls) {
    Publisher publisher;
    const Device d;
    auto reader = Number::attach(memory(d));
    pollfd look{reader.fd(), POLLIN, 0};
    ASSERT_GE(look.fd, 0);
    for (std::uint64_t i = 1; i <= writes; i++) {
        publisher.write();
        while (!reader.has_changed()) // it also tells each second
            ASSERT_EQ(poll(&look, 1, patience_ms), 1) << i;
        ASSERT_EQ(reader.read(), i);
    }
    EXPECT_EQ(publisher.leave(), 0);
}

TEST_F(CellOnADevice, APublisherThatIsKilledIsMissed) {
    Publisher publisher;
    const Device d;
    auto reader = Number::attach(memory(d));
    ASSERT_TRUE(has_publisher(reader));
    EXPECT_EQ(reader.wait(20ms), Status::Timeout) << "nothing written yet";
    publisher.write();
    ASSERT_EQ(reader.wait(patience), Status::Ok);
    EXPECT_EQ(reader.read(), 1u);
    publisher.kill();
    EXPECT_EQ(reader.wait(patience), Status::PeerGone);
    Publisher another;
    another.write();
    ASSERT_EQ(reader.wait(patience), Status::Ok);
    EXPECT_EQ(reader.read(), 1u);
    EXPECT_EQ(reader.writes(), 2u) << "it went on where the first was";
}

} // namespace
