// SPDX-License-Identifier: GPL-2.0-only OR MIT
// Channels in shared memory: addresses, errors, claims, both sides in one process.
#include "failure.hpp"
#include "names.hpp"

#include <shmq/core/channel.h>
#include <shmq/shmq.hpp>

#include <gtest/gtest.h>

#include <chrono>
#include <cstring>
#include <string>
#include <system_error>
#include <thread>
#include <vector>

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

namespace {

using namespace std::chrono_literals;
using shmq::Channel;
using shmq::Format;
using shmq::Holder;
using shmq::Region;
using shmq::Side;
using shmq::Status;
using shmq::Wait;

TEST(Channel, CarriesMessagesBothWays) {
    for (const Format& format : {Format::checked(""), Format::checked("AB"), Format::plain()}) {
        Channel first = Channel::memfd({.format = format});
        Channel second = first.other_side();
        EXPECT_EQ(second.side(), Side::second);
        auto tx = first.sender();
        auto rx = second.receiver();
        auto tx_back = second.sender();
        auto rx_back = first.receiver();
        ASSERT_EQ(tx.write("there"), Status::Ok);
        ASSERT_EQ(tx_back.write("back"), Status::Ok);
        EXPECT_EQ(rx.read(1s).text(), "there");
        EXPECT_EQ(rx_back.read(1s).text(), "back");
        EXPECT_EQ(rx.format(), format);
    }
}

TEST(Channel, CarriesBytes) {
    Channel first = Channel::memfd();
    Channel second = first.other_side();
    auto tx = first.byte_sender();
    auto rx = second.byte_receiver();
    auto tx_back = second.byte_sender();
    auto rx_back = first.byte_receiver();
    ASSERT_EQ(tx.write("12"), Status::Ok);
    ASSERT_EQ(tx_back.write("3"), Status::Ok);
    std::byte two[2];
    EXPECT_EQ(rx.consume(two, 1s), Status::Ok);
    EXPECT_EQ(two[1], std::byte{'2'});
    EXPECT_EQ(rx_back.skip(1, 1s), Status::Ok);
}

TEST(Channel, HasTheSizeThatWasAskedFor) {
    Channel ch = Channel::memfd({.queue_size = 1000, .format = Format::plain()});
    EXPECT_EQ(ch.region().size(), 4096u + 2 * 1024);
    EXPECT_EQ(ch.sender().capacity(), 1024u - 9);
    EXPECT_THROW((void)Channel::memfd({.queue_size = 63}), std::system_error);
    EXPECT_THROW((void)Channel::memfd({.queue_size = std::size_t{1} << 31}), std::system_error);
    EXPECT_THROW((void)Channel::memfd({.queue_size = SIZE_MAX}), std::system_error);
}

TEST(Channel, IsFoundByName) {
    const ShmName name;
    Channel first = Channel::create(name.address(), {.format = Format::checked("by name")});
    Channel second = Channel::open(name.address());
    EXPECT_EQ(second.side(), Side::second);
    EXPECT_EQ(second.format(), first.format());
    auto tx = first.sender();
    auto rx = second.receiver();
    ASSERT_EQ(tx.write("hello"), Status::Ok);
    EXPECT_EQ(rx.read(1s).text(), "hello");
    EXPECT_EQ(rx.fd(), -1) << "named channels have no descriptor to poll";

    Channel::unlink(name.address());
    ASSERT_EQ(tx.write("still there"), Status::Ok);
    EXPECT_EQ(rx.read(1s).text(), "still there");
    std::error_code ec;
    (void)Channel::open(name.address(), {}, ec);
    EXPECT_EQ(ec, std::errc::no_such_file_or_directory);
}

TEST(Channel, OutlivedByItsEnds) {
    auto [tx, rx] = [] {
        Channel first = Channel::memfd();
        return std::pair(first.sender(), first.other_side().receiver());
    }();
    ASSERT_EQ(tx.write("no channel object any more"), Status::Ok);
    EXPECT_TRUE(rx.read(1s));
}

TEST(Channel, AMovedEndKeepsItsClaimAndTheOldOneStops) {
    Channel first = Channel::memfd({.wait = Wait::sleep()});
    Channel second = first.other_side();
    auto old_tx = first.sender();
    auto old_rx = second.receiver();
    EXPECT_EQ(old_rx.try_read().status(), Status::Empty);
    auto tx = std::move(old_tx);
    auto rx = std::move(old_rx);
    ASSERT_EQ(tx.write("moved"), Status::Ok);
    EXPECT_EQ(rx.read().text(), "moved");
    // NOLINTBEGIN(bugprone-use-after-move)
    EXPECT_EQ(old_tx.write("x"), Status::Invalid);
    EXPECT_EQ(old_rx.read().status(), Status::Invalid);
    EXPECT_EQ(old_rx.fd(), -1);
    // NOLINTEND(bugprone-use-after-move)
    std::error_code ec;
    (void)first.sender(ec);
    EXPECT_EQ(ec, std::errc::device_or_resource_busy);
    old_tx = std::move(tx);
    EXPECT_EQ(old_tx.write("and back"), Status::Ok);
    EXPECT_EQ(rx.read().text(), "and back");
    old_tx = {};
    old_tx = first.sender();
    EXPECT_EQ(old_tx.status(), Status::Ok) << "what is assigned over is given back";
}

TEST(Channel, AnUnknownAddressSaysWhichThereAre) {
    for (const char* address : {"", "tcp:1", "/tmp/file", "shmq0"}) {
        const auto e = failure([&] { (void)Channel::open(address); });
        EXPECT_EQ(e.code(), std::errc::protocol_not_supported) << address;
        EXPECT_TRUE(says(e, "dev:/dev/shmq0, shm:/name and unix:")) << e.what();
    }
    EXPECT_EQ(failure([] { (void)Channel::create("/dev/shmq0"); }).code(),
              std::errc::operation_not_supported);
    EXPECT_THROW((void)Channel::open("shm:noslash"), std::system_error);
    EXPECT_THROW((void)Channel::open("shm:"), std::system_error);
}

TEST(Channel, ADeviceThatIsNotThereSaysWhatToDo) {
    const auto e = failure([] { (void)Channel::open("/dev/shmq-none"); });
    EXPECT_EQ(e.code(), std::errc::no_such_file_or_directory);
    EXPECT_TRUE(says(e, "modprobe shmq")) << e.what();
}

TEST(Channel, AFileThatIsNoDeviceOfOursIsToldApart) {
    std::error_code ec;
    (void)shmq::Device::open("/dev/null", ec);
    if (ec == std::errc::function_not_supported)
        GTEST_SKIP() << "an emulator that passes on only the ioctls that it knows";
    EXPECT_EQ(ec, std::errc::inappropriate_io_control_operation);
    const auto wrong = failure([] { (void)Channel::open("dev:/dev/null"); });
    EXPECT_TRUE(says(wrong, "/dev/null: not a device of the shmq module")) << wrong.what();
}

TEST(Channel, ANameThatIsTakenSaysHowToGoOn) {
    const ShmName name;
    const Channel first = Channel::create(name.address());
    const auto e = failure([&] { (void)Channel::create(name.address()); });
    EXPECT_EQ(e.code(), std::errc::file_exists);
    EXPECT_TRUE(says(e, "open it, or unlink it first")) << e.what();
}

TEST(Channel, AnEndBelongsToOneHolder) {
    const ShmName name;
    Channel first = Channel::create(name.address());
    Channel again = Channel::open(name.address(), {.side = Side::first});
    {
        auto tx = first.sender();
        const auto e = failure([&] { (void)again.sender(); });
        EXPECT_EQ(e.code(), std::errc::device_or_resource_busy);
        EXPECT_TRUE(says(e, "the producer of queue 0 is claimed by another")) << e.what();
        EXPECT_EQ(failure([&] { (void)first.sender(); }).code(), std::errc::device_or_resource_busy)
            << "nor twice by one program";
        std::error_code ec;
        EXPECT_EQ(again.byte_sender(ec).status(), Status::Invalid);
        EXPECT_EQ(ec, std::errc::device_or_resource_busy);
        auto rx = again.receiver(); // the other one is free
    }
    auto tx = again.sender();
    EXPECT_EQ(tx.write("given back"), Status::Ok);
}

TEST(Channel, AFailedAttachGivesTheEndBack) {
    Channel first = Channel::memfd();
    auto memory = first.region().bytes();
    const std::byte saved = memory[4096];
    for (int i = 0; i < 4; i++)
        memory[4096 + i] = std::byte{0xff}; // a write position that cannot be
    std::error_code ec;
    (void)first.sender(ec);
    EXPECT_EQ(ec, Status::Corrupt);
    for (int i = 0; i < 4; i++)
        memory[4096 + i] = saved;
    (void)first.sender(ec);
    EXPECT_FALSE(ec) << ec.message();
}

TEST(Channel, ThePeerIsKnown) {
    Channel first = Channel::memfd();
    Channel second = first.other_side();
    auto rx = second.receiver();
    EXPECT_EQ(rx.peer(), Holder::nobody);
    {
        auto tx = first.sender();
        EXPECT_EQ(rx.peer(), Holder::user);
        EXPECT_EQ(tx.peer(), Holder::user);
        ASSERT_EQ(tx.write("last"), Status::Ok);
    }
    EXPECT_EQ(rx.peer(), Holder::gone);
    EXPECT_EQ(rx.read().text(), "last") << "what was published is delivered";
    EXPECT_EQ(rx.read().status(), Status::PeerGone);
    EXPECT_EQ(rx.read(1ms).status(), Status::Timeout) << "told once";
    auto tx = first.sender();
    EXPECT_EQ(rx.peer(), Holder::user);
    ASSERT_EQ(tx.write("successor"), Status::Ok);
    EXPECT_EQ(rx.read().text(), "successor");
}

TEST(Channel, ALeavingPeerEndsASleepAtOnce) {
    Channel first = Channel::memfd({.wait = Wait::sleep()});
    auto tx = std::make_unique<shmq::MsgProducer>(first.sender());
    auto rx = first.other_side().receiver();
    std::thread leaver([&] {
        std::this_thread::sleep_for(20ms);
        tx.reset();
    });
    EXPECT_EQ(rx.read().status(), Status::PeerGone);
    leaver.join();
}

TEST(Channel, ASpinOnlyChannelAdmitsNoSleeper) {
    const ShmName name;
    Channel first = Channel::create(name.address(), {.spin_only = true});
    EXPECT_EQ(first.wait().kind(), Wait::Kind::spin);
    EXPECT_THROW((void)Channel::open(name.address(), {.wait = Wait::sleep()}), std::system_error);
    EXPECT_THROW((void)Channel::memfd({.wait = Wait::sleep(), .spin_only = true}),
                 std::system_error);
    Channel second = Channel::open(name.address(), {.wait = Wait::gather()});
    auto tx = first.sender();
    auto rx = second.receiver();
    EXPECT_EQ(rx.try_read().status(), Status::Empty);
    const auto bells = first.region().slice(SHMQ_CHANNEL_AT_BELL, 256);
    for (const std::byte b : bells)
        EXPECT_EQ(b, std::byte{0}) << "no word is ever set";
    ASSERT_EQ(tx.write("spun"), Status::Ok);
    EXPECT_EQ(rx.read(1s).text(), "spun");
}

TEST(Channel, IsAttachedToMemoryThatCameInAnotherWay) {
    Channel first = Channel::memfd();
    Channel second = Channel::attach(Region::from_fd(first.region().fd()), Side::second,
                                     {.wait = Wait::sleep()});
    auto tx = first.sender();
    auto rx = second.receiver();
    std::thread writer([&] {
        std::this_thread::sleep_for(5ms);
        EXPECT_EQ(tx.write("woken"), Status::Ok);
    });
    EXPECT_EQ(rx.read(10s).text(), "woken");
    writer.join();
}

TEST(Channel, MemoryWithoutADescriptorHasNoLocksButWorks) {
    Channel first = Channel::memfd();
    const auto bytes = first.region().bytes();
    Channel second = Channel::attach(Region::raw(bytes.data(), bytes.size()), Side::second);
    auto tx = first.sender();
    {
        auto rx = second.receiver();
        ASSERT_EQ(tx.write("raw"), Status::Ok);
        EXPECT_EQ(rx.read(1s).text(), "raw");
        EXPECT_EQ(tx.peer(), Holder::user);
    }
    EXPECT_EQ(tx.peer(), Holder::gone);
}

TEST(Channel, MemoryThatIsNoChannelIsRefused) {
    alignas(64) static std::byte memory[8192]{};
    const auto attach = [](std::size_t offset, std::size_t size) {
        return failure(
            [&] { (void)Channel::attach(Region::raw(memory + offset, size), Side::second); });
    };
    EXPECT_TRUE(says(attach(0, 8192), "not ready"));
    EXPECT_EQ(attach(0, 100).code(), std::errc::protocol_error);
    EXPECT_EQ(attach(4, 4096).code(), std::errc::invalid_argument);
    std::memset(memory, 0x5a, 4);
    EXPECT_TRUE(says(attach(0, 8192), "no channel of shmq"));

    const ShmName name;
    const Region other = Region::posix_shm(name, 8192);
    std::memset(other.bytes().data(), 0x5a, 8192);
    const auto e = failure([&] { (void)Channel::open(name.address()); });
    EXPECT_EQ(e.code(), std::errc::protocol_error);
    EXPECT_TRUE(says(e, name.address())) << e.what();
}

TEST(Channel, ATruncatedFileIsAnErrorAndNotASignal) {
    const ShmName name;
    {
        const Channel first = Channel::create(name.address());
        ASSERT_EQ(::ftruncate(first.region().fd(), 4096), 0);
    }
    const auto e = failure([&] { (void)Channel::open(name.address()); });
    EXPECT_EQ(e.code(), std::errc::protocol_error);
    EXPECT_TRUE(says(e, "shorter")) << e.what();
}

TEST(Channel, OpenWaitsForACreatorThatIsAtWork) {
    const ShmName name;
    std::thread creator([&] {
        std::this_thread::sleep_for(30ms);
        const int fd = ::shm_open(static_cast<const std::string&>(name).c_str(),
                                  O_RDWR | O_CREAT | O_EXCL, 0600);
        std::this_thread::sleep_for(30ms); // no size yet
        ASSERT_EQ(::ftruncate(fd, 4096 + 2 * 4096), 0);
        std::this_thread::sleep_for(30ms); // no magic yet
        const Region region = Region::from_fd(fd);
        ::close(fd);
        shmq_channel ch{};
        ch.total = 4096 + 2 * 4096;
        ch.queue[0] = {4096, 4096};
        ch.queue[1] = {8192, 4096};
        ch.format = Format::checked().core();
        EXPECT_EQ(shmq_channel_create(reinterpret_cast<shmq_base>(region.bytes().data()),
                                      region.size(), &ch),
                  SHMQ_CHANNEL_OK);
    });
    std::error_code ec;
    while (Region::posix_shm(name, ec).empty() && ec == std::errc::no_such_file_or_directory) {
        // a channel that does not exist at all is an error at once
    }
    const Channel second = Channel::open(name.address(), {}, ec);
    EXPECT_FALSE(ec) << ec.message();
    EXPECT_TRUE(second);
    creator.join();
}

TEST(Channel, ACreatorThatDiedHalfWayIsReported) {
    const ShmName name;
    const Region half = Region::posix_shm(name, 8192);
    const auto e = failure([&] { (void)Channel::open(name.address()); });
    EXPECT_EQ(e.code(), std::errc::resource_unavailable_try_again);
    EXPECT_TRUE(says(e, "its creator is still at work, or died")) << e.what();
}

TEST(Channel, AnEmptyChannelFailsPolitely) {
    Channel none;
    EXPECT_FALSE(none);
    EXPECT_EQ(none.device(), nullptr);
    EXPECT_THROW((void)none.sender(), std::system_error);
    EXPECT_THROW((void)none.other_side(), std::system_error);
}

} // namespace
