// SPDX-License-Identifier: GPL-2.0-only OR MIT
// What goes in comes out: lines, NULs, JSON, raw and bytes, on files and
// POSIX shared memory.
#include "../unit/names.hpp"
#include "program.hpp"

#include <gtest/gtest.h>

#include <shmq/channel.hpp>

#include <sys/stat.h>
#include <unistd.h>

namespace {

std::string all_bytes() {
    std::string bytes;
    for (int i = 0; i < 256; i++)
        bytes += static_cast<char>(i);
    return bytes;
}

/// A queue in a file and one in shared memory.
class SendRecv : public testing::TestWithParam<bool> {
protected:
    SendRecv() { ::unlink(static_cast<const std::string&>(file_).c_str()); }

    [[nodiscard]] std::string path() const {
        return GetParam() ? shm_.address() : static_cast<const std::string&>(file_);
    }
    [[nodiscard]] Result send(std::string_view input, Arguments more = {}) const {
        more.insert(more.begin(), {"send", path()});
        return shmqctl(more, input);
    }
    [[nodiscard]] Result recv(Arguments more = {}) const {
        more.insert(more.begin(), {"recv", path()});
        return shmqctl(more);
    }
    void create(std::string_view input = "", Arguments more = {}) const {
        more.insert(more.end(), {"--create", "64K"});
        const Result made = send(input, more);
        ASSERT_EQ(made.status, 0) << made.err;
        EXPECT_EQ(made.out + made.err, "");
    }

private:
    TemporaryFile file_;
    ShmName shm_;
};

INSTANTIATE_TEST_SUITE_P(, SendRecv, testing::Values(false, true),
                         [](const auto& which) { return which.param ? "Shm" : "File"; });

TEST_P(SendRecv, EachLineIsAMessage) {
    create("one\ntwo\n\nfour\n");
    const Result got = recv();
    EXPECT_EQ(got.status, 0) << got.err;
    EXPECT_EQ(got.out, "one\ntwo\n\nfour\n");
    EXPECT_EQ(got.err, "");
}

TEST_P(SendRecv, ALastLineWithoutNewlineIsSentToo) {
    create("one\ntwo");
    EXPECT_EQ(recv({"--json"}).out,
              "{\"size\":3,\"text\":\"one\"}\n{\"size\":3,\"text\":\"two\"}\n");
}

TEST_P(SendRecv, NothingSentIsNothingReceived) {
    create("");
    const Result got = recv();
    EXPECT_EQ(got.status, 3);
    EXPECT_EQ(got.out + got.err, "");
}

TEST_P(SendRecv, MessagesAreTakenOnce) {
    create("one\ntwo\nthree\n");
    EXPECT_EQ(recv({"--count", "1"}).out, "one\n");
    EXPECT_EQ(recv({"--count", "1"}).out, "two\n");
    EXPECT_EQ(recv().out, "three\n");
    EXPECT_EQ(recv().status, 3);
}

TEST_P(SendRecv, FewerThanAskedForIsTold) {
    create("one\n");
    const Result got = recv({"--count", "2", "--timeout", "0.05"});
    EXPECT_EQ(got.status, 3);
    EXPECT_EQ(got.out, "one\n");
}

TEST_P(SendRecv, RawIsOneMessageOfAnyBytes) {
    const std::string data = all_bytes() + "line\nline\n";
    create(data, {"--raw"});
    ASSERT_EQ(send("second\n").status, 0);
    const Result got = recv({"--raw", "--count", "1"});
    EXPECT_EQ(got.out, data);
}

TEST_P(SendRecv, AnEmptyRawMessageIsAMessage) {
    create("", {"--raw"});
    EXPECT_EQ(recv({"--json"}).out, "{\"size\":0,\"text\":\"\"}\n");
}

TEST_P(SendRecv, NullSeparatesMessagesThatHaveNewlines) {
    const std::string input("one\ntwo\0three\0", 14);
    create(input, {"--null"});
    EXPECT_EQ(recv({"-z"}).out, input);
}

TEST_P(SendRecv, JsonGoesBothWays) {
    const std::string json = "{\"size\":8,\"text\":\"line\\nto\\u0000\"}\n"
                             "{\"size\":2,\"hex\":\"00ff\"}\n"
                             "{\"size\":4,\"text\":\"\\\"ü\\\\\"}\n";
    create(json, {"--json"});
    EXPECT_EQ(recv({"--json"}).out, json);
}

TEST_P(SendRecv, PlainFramesCarryTags) {
    create("tagged\n", {"--framing", "plain", "--tag", "7"});
    ASSERT_EQ(
        send("{\"text\":\"x\",\"tag\":4294967295}\n", {"--framing", "plain", "--json"}).status, 0);
    EXPECT_EQ(recv({"--framing", "plain", "--json"}).out,
              "{\"size\":6,\"tag\":7,\"text\":\"tagged\"}\n"
              "{\"size\":1,\"tag\":4294967295,\"text\":\"x\"}\n");
}

TEST_P(SendRecv, BytesAreAStream) {
    const std::string data = all_bytes() + all_bytes();
    create(data, {"--type", "bytes"});
    EXPECT_EQ(recv({"--type", "bytes", "--count", "3"}).out, data.substr(0, 3));
    EXPECT_EQ(recv({"--type", "bytes"}).out, data.substr(3));
    EXPECT_EQ(recv({"--type", "bytes"}).status, 3);
}

TEST_P(SendRecv, TheHalvesAreQueuesOfTheirOwn) {
    create("to the firmware\n", {"--half", "0"});
    ASSERT_EQ(send("from it\n", {"--half", "1"}).status, 0);
    EXPECT_EQ(recv({"--half", "1"}).out, "from it\n");
    EXPECT_EQ(recv({"--half", "0"}).out, "to the firmware\n");
}

TEST_P(SendRecv, PrefixesAreTextOrHex) {
    create("secret\n", {"--prefix", "0x4142"});
    EXPECT_EQ(recv({"--prefix", "AB"}).out, "secret\n");
    ASSERT_EQ(send("none\n", {"--prefix", ""}).status, 0);
    EXPECT_EQ(recv({"--prefix", ""}).out, "none\n");
}

TEST_P(SendRecv, AnotherPrefixFindsNoMessage) {
    create("secret\n", {"--prefix", "AB"});
    const Result got = recv({"--prefix", "XY"});
    EXPECT_EQ(got.status, 3);
    EXPECT_EQ(got.out, "");
}

TEST_P(SendRecv, WhatIsMadeIsPrivateAndAsLongAsAsked) {
    create();
    struct stat st {};
    const std::string at = GetParam() ? "/dev/shm" + path().substr(4) : path();
    ASSERT_EQ(::stat(at.c_str(), &st), 0) << at;
    EXPECT_EQ(st.st_size, 65536);
    EXPECT_EQ(st.st_mode & 0777, 0600u);
}

TEST_P(SendRecv, WhatExistsIsNotMadeAgain) {
    create("kept\n");
    const Result again = send("lost\n", {"--create", "64K"});
    EXPECT_EQ(again.status, 1);
    EXPECT_TRUE(again.complains_of("exists already")) << again.err;
    EXPECT_EQ(recv().out, "kept\n");
}

TEST_P(SendRecv, AQueueOfBadSizeLeavesNothing) {
    const Result bad = send("", {"--create", "9"});
    EXPECT_EQ(bad.status, 1);
    EXPECT_TRUE(bad.complains_of("10 bytes to 2 GiB")) << bad.err;
    EXPECT_TRUE(recv().complains_of("does not exist"));
}

TEST_P(SendRecv, MessagesFillTheQueueAndNoMore) {
    std::string lines;
    for (int i = 0; i < 70; i++)
        lines += std::string(1000, static_cast<char>('a' + i % 26)) + '\n';
    const Result sent = send(lines, {"--create", "64K", "--timeout", "0"});
    EXPECT_EQ(sent.status, 1);
    EXPECT_TRUE(sent.complains_of("did not make room")) << sent.err;
    const Result got = recv();
    EXPECT_EQ(got.out, lines.substr(0, got.out.size())) << "in order, whole";
    EXPECT_EQ(got.out.size() / 1001, 65527 / 1017);
}

TEST(SendRecvOffset, TheMemoryMayBeAPartOfAFile) {
    const TemporaryFile file;
    const std::string& path = file;
    ASSERT_EQ(::truncate(path.c_str(), 100000), 0);
    const Arguments where = {path, "--offset", "5000", "--size", "4K"};
    Arguments send = where;
    Arguments recv = where;
    send.insert(send.begin(), "send");
    recv.insert(recv.begin(), "recv");
    ASSERT_EQ(shmqctl(send, "inside\n").status, 0);
    EXPECT_EQ(shmqctl({"recv", path}).status, 3) << "another queue";
    EXPECT_EQ(shmqctl(recv).out, "inside\n");
}

TEST(SendRecvChannel, SpeaksToTheCreatorOfAChannelOfTheLibrary) {
    const ShmName name;
    auto channel = shmq::Channel::create(name.address(), {.format = shmq::Format::checked("ab")});
    auto tx = channel.sender();
    auto rx = channel.receiver();
    ASSERT_EQ(tx.try_write("to shmqctl"), shmq::Status::Ok);
    const Result got = shmqctl({"recv", name.address()});
    EXPECT_EQ(got.out, "to shmqctl\n") << got.err;
    ASSERT_EQ(shmqctl({"send", name.address()}, "from shmqctl\n").status, 0);
    EXPECT_EQ(rx.read().text(), "from shmqctl");
    const Result busy = shmqctl({"send", name.address(), "--half", "0"}, "x\n");
    EXPECT_EQ(busy.status, 1);
    EXPECT_TRUE(busy.complains_of("claimed by another")) << busy.err;
    const Result other = shmqctl({"recv", name.address(), "--prefix", "cd"});
    EXPECT_EQ(other.status, 2);
    EXPECT_TRUE(other.complains_of("leave them out")) << other.err;
}

} // namespace
