// SPDX-License-Identifier: GPL-2.0-only OR MIT
// Programs at both ends of a queue at the same time: waiting, following, signals,
// a second one at the same end.
#include "../unit/names.hpp"
#include "program.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <csignal>
#include <thread>

#include <fcntl.h>
#include <unistd.h>

namespace {

struct TwoProcesses : testing::Test {
    void SetUp() override { ASSERT_EQ(shmqctl({"send", path, "--create", "64K"}).status, 0); }

    /// So that it waits, as far as one can know from outside.
    static void let_it_wait() { std::this_thread::sleep_for(std::chrono::milliseconds(150)); }

    ShmName name;
    const std::string path = name.address();
};

TEST_F(TwoProcesses, FollowPrintsEachMessageAsItComes) {
    Running reader({"recv", path, "--follow"});
    Running writer({"send", path});
    for (const char* text : {"one", "two", "three"}) {
        writer.write(std::string(text) + '\n');
        EXPECT_EQ(reader.line(), text);
    }
    EXPECT_EQ(writer.wait().status, 0);
    reader.signal(SIGINT);
    const Result end = reader.wait();
    EXPECT_EQ(end.status, 0) << end.err;
    EXPECT_EQ(end.out + end.err, "");
}

TEST_F(TwoProcesses, CtrlCWhileWaitingForAMessageThatWasPromisedIsToldByTheStatus) {
    Running reader({"recv", path, "--count", "2"});
    ASSERT_EQ(shmqctl({"send", path}, "one\n").status, 0);
    EXPECT_EQ(reader.line(), "one");
    reader.signal(SIGINT);
    EXPECT_EQ(reader.wait().status, 130);
}

TEST_F(TwoProcesses, CtrlCEndsASenderThatWaitsForInputOrRoom) {
    Running idle({"send", path});
    let_it_wait();
    idle.signal(SIGINT);
    EXPECT_EQ(idle.wait().status, 130);

    Running stuck({"send", path});
    stuck.write(std::string(60000, 'a') + '\n' + std::string(60000, 'b') + '\n');
    let_it_wait();
    stuck.signal(SIGTERM);
    EXPECT_EQ(stuck.wait().status, 130);
    EXPECT_EQ(shmqctl({"recv", path}).out, std::string(60000, 'a') + '\n') << "none is there half";
}

TEST_F(TwoProcesses, ASenderWaitsForRoomAndLosesNothing) {
    std::string lines;
    for (int i = 0; i < 2000; i++)
        lines += std::to_string(i) + std::string(300, '.') + '\n';
    Running reader({"recv", path, "--count", "2000"});
    std::string got;
    std::thread drain([&] { got = reader.wait().out; });
    const Result sent = shmqctl({"send", path}, lines);
    drain.join();
    EXPECT_EQ(sent.status, 0) << sent.err;
    EXPECT_EQ(got, lines);
}

TEST_F(TwoProcesses, AStreamOfBytesLongerThanTheQueueArrivesWhole) {
    std::string data;
    for (unsigned i = 0; i < 300000; i++)
        data += static_cast<char>(i * 2654435761u >> 24);
    Running reader({"recv", path, "--type", "bytes", "--count", std::to_string(data.size())});
    std::string got;
    std::thread drain([&] { got = reader.wait().out; });
    EXPECT_EQ(shmqctl({"send", path, "--type", "bytes"}, data).status, 0);
    drain.join();
    EXPECT_TRUE(got == data) << got.size() << " bytes came";
}

TEST_F(TwoProcesses, AnEndHasOneHolder) {
    Running reader({"recv", path, "--follow"});
    ASSERT_EQ(shmqctl({"send", path}, "there\n").status, 0);
    ASSERT_EQ(reader.line(), "there");
    const Result second = shmqctl({"recv", path});
    EXPECT_EQ(second.status, 1);
    EXPECT_TRUE(second.complains_of("another shmqctl has the reading end")) << second.err;
    reader.signal(SIGTERM);
    EXPECT_EQ(reader.wait().status, 0);
    EXPECT_EQ(shmqctl({"recv", path}).status, 3) << "free again";
}

TEST_F(TwoProcesses, AKilledReaderLeavesWhatItHadNotPrinted) {
    Running reader({"recv", path, "--follow"});
    ASSERT_EQ(shmqctl({"send", path}, "one\n").status, 0);
    ASSERT_EQ(reader.line(), "one");
    let_it_wait();
    reader.signal(SIGKILL);
    reader.wait();
    ASSERT_EQ(shmqctl({"send", path}, "two\n").status, 0);
    EXPECT_EQ(shmqctl({"recv", path}).out, "two\n");
}

TEST_F(TwoProcesses, AReaderOfStdoutThatGoesIsNoticed) {
    Running reader({"recv", path, "--follow"});
    ASSERT_EQ(shmqctl({"send", path}, "one\n").status, 0);
    ASSERT_EQ(reader.line(), "one");
    reader.close_output();
    const Result end = reader.wait();
    EXPECT_EQ(end.status, 1);
    EXPECT_TRUE(end.complains_of("stdout: Broken pipe")) << end.err;
}

TEST_F(TwoProcesses, AFullDiskLosesNoMessage) {
    ASSERT_EQ(shmqctl({"send", path}, "precious\n").status, 0);
    for (const char* type : {"msg"}) {
        const int full = ::open("/dev/full", O_WRONLY | O_CLOEXEC);
        Running reader({"recv", path, "--type", type}, full);
        ::close(full);
        const Result end = reader.wait();
        EXPECT_EQ(end.status, 1);
        EXPECT_TRUE(end.complains_of("No space left")) << end.err;
    }
    EXPECT_EQ(shmqctl({"recv", path}).out, "precious\n");
}

TEST_F(TwoProcesses, FollowReadsOnAfterThePeerHasStartedOver) {
    Running reader({"recv", path, "--follow"});
    ASSERT_EQ(shmqctl({"send", path}, "before\n").status, 0);
    ASSERT_EQ(reader.line(), "before");
    let_it_wait();
    // What a firmware does when it is reset: both positions are zeroed.
    const int fd = ::open(("/dev/shm" + path.substr(4)).c_str(), O_RDWR | O_CLOEXEC);
    const std::uint64_t zeroes = 0;
    ASSERT_EQ(::pwrite(fd, &zeroes, sizeof(zeroes), 0), 8);
    ::close(fd);
    let_it_wait();
    ASSERT_EQ(shmqctl({"send", path}, "after\n").status, 0);
    EXPECT_EQ(reader.line(), "after");
    reader.signal(SIGINT);
    const Result end = reader.wait();
    EXPECT_EQ(end.status, 0);
    EXPECT_TRUE(end.complains_of("created anew")) << end.err;
}

} // namespace
