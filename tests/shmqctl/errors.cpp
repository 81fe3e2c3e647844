// SPDX-License-Identifier: GPL-2.0-only OR MIT
// Wrong use is status 2, failure is status 1; both say what and what to do, on
// stderr, and nothing on stdout.
#include "../unit/names.hpp"
#include "program.hpp"

#include <gtest/gtest.h>

#include <fcntl.h>
#include <unistd.h>

namespace {

struct Case {
    const char* name;
    Arguments arguments;
    int status;
    const char* says;
    const char* input = "";
};

class Refuses : public testing::TestWithParam<Case> {};

TEST_P(Refuses, WithAReason) {
    const Case& c = GetParam();
    const Result got = shmqctl(c.arguments, c.input);
    EXPECT_EQ(got.status, c.status);
    EXPECT_EQ(got.out, "");
    EXPECT_TRUE(got.complains_of("shmqctl: ")) << got.err;
    EXPECT_TRUE(got.complains_of(c.says)) << got.err;
}

const char* const nowhere = "shm:/shmq-test-nowhere";

INSTANTIATE_TEST_SUITE_P(
    , Refuses,
    testing::Values(
        Case{"NoCommand", {}, 2, "subcommand"}, Case{"UnknownCommand", {"fetch"}, 2, "fetch"},
        Case{"UnknownOption", {"recv", nowhere, "--fast"}, 2, "--fast"},
        Case{"NoPath", {"send"}, 2, "PATH"},
        Case{"BadHalf", {"recv", nowhere, "--half", "2"}, 2, "--half"},
        Case{"BadSize", {"send", nowhere, "--create", "big"}, 2, "--create"},
        Case{"ZeroSize", {"send", nowhere, "--create", "0"}, 2, "--create"},
        Case{"BadCount", {"recv", nowhere, "--count", "-1"}, 2, "--count"},
        Case{"NegativeTimeout", {"recv", nowhere, "--timeout", "-1"}, 2, "--timeout"},
        Case{"OddHex", {"recv", nowhere, "--prefix", "0x123"}, 2, "hex"},
        Case{"NotHex", {"recv", nowhere, "--prefix", "0xzz"}, 2, "hex"},
        Case{"LongPrefix", {"recv", nowhere, "--prefix", std::string(65, 'x')}, 2, "64 bytes"},
        Case{"PlainPrefix", {"recv", nowhere, "--framing", "plain", "--prefix", "x"}, 2, "plain"},
        Case{"RawAndNull", {"recv", nowhere, "--raw", "--null"}, 2, "--null"},
        Case{"BytesAndJson", {"recv", nowhere, "--type", "bytes", "--json"}, 2, "--json"},
        Case{"CreateAPart", {"send", nowhere, "--create", "4K", "--offset", "4K"}, 2, "--offset"},
        Case{"CreateADevice", {"send", "/dev/shmq0", "--create", "4K"}, 2, "shmqctl add"},
        Case{"DeviceAll", {"send", "/dev/shmq0", "--half", "all"}, 2, "--half"},
        Case{"NoDeviceName", {"show", "shmq"}, 2, "no device"},
        Case{"BadDeviceName", {"del", "/dev/null"}, 2, "no device"},
        Case{"HugeDevice", {"del", "4294967296"}, 2, "no device"},
        Case{"NothingToSet", {"set", "0"}, 2, "--handler"},
        Case{"BadMode", {"set", "0", "--mode", "888"}, 2, "octal"},
        Case{"ModeOfAProgram", {"set", "0", "--mode", "0755"}, 2, "0666"},
        Case{"NoSuchGroup", {"set", "0", "--group", "nogroup-of-ours"}, 2, "addgroup"},
        Case{"NoSuchOwner", {"set", "0", "--owner", "nouser-of-ours"}, 2, "no user"},
        Case{"BadTime", {"add", "--tick", "soon"}, 2, "20ms"},
        Case{"BadRestart", {"set", "0", "--restart", "maybe"}, 2, "--restart"},
        Case{"BadInterval", {"top", "--interval", "0"}, 2, "--interval"},
        Case{"BadShmName", {"recv", "shm:name"}, 1, "one '/'"},
        Case{"NotThere", {"recv", nowhere}, 1, "does not exist"},
        Case{"NoSuchFile", {"recv", "/nonexistent/queue"}, 1, "does not exist"},
        Case{"NoSuchFolder", {"send", "/nonexistent/queue", "--create", "4K"}, 1, "cannot be made"},
        Case{"NoSuchDevice", {"recv", "/dev/shmq4095"}, 1, "modprobe shmq"},
        Case{"EndlessFile", {"recv", "/dev/zero"}, 1, "say how many bytes"},
        Case{"MoreThanTheFile",
             {"recv", "/proc/self/exe", "--offset", "1G", "--size", "1G"},
             1,
             "/proc/self/exe"}),
    [](const auto& which) { return which.param.name; });

struct Errors : testing::Test {
    void SetUp() override { ASSERT_EQ(shmqctl({"send", path, "--create", "1K"}).status, 0); }

    ShmName name;
    const std::string path = name.address();
};

TEST_F(Errors, ALineThatIsTooLongIsNamed) {
    const Result got = shmqctl({"send", path}, "short\n" + std::string(5000, 'x') + "\nnever\n");
    EXPECT_EQ(got.status, 1);
    EXPECT_TRUE(got.complains_of("line 2 is longer than the 998 bytes")) << got.err;
    EXPECT_EQ(shmqctl({"recv", path}).out, "short\n");
}

TEST_F(Errors, TheLongestLineFits) {
    const std::string line(998, 'x');
    ASSERT_EQ(shmqctl({"send", path}, line + '\n').status, 0);
    EXPECT_EQ(shmqctl({"recv", path}).out, line + '\n');
    ASSERT_EQ(shmqctl({"send", path, "--raw"}, line).status, 0);
    EXPECT_EQ(shmqctl({"recv", path, "--raw"}).out, line);
    const Result more = shmqctl({"send", path, "--raw"}, line + 'x');
    EXPECT_EQ(more.status, 1);
    EXPECT_TRUE(more.complains_of("stdin is longer")) << more.err;
}

TEST_F(Errors, BadJsonIsNamedByItsLine) {
    for (const char* bad : {"x", "[]", "{}", R"({"text":1})", R"({"hex":"0"})", R"({"hex":"0g"})",
                            R"({"text":"a","hex":"00"})", R"({"text":"a","tag":-1})",
                            R"({"text":"a","tag":4294967296})", R"({"text":"a","tag":1})"}) {
        const Result got =
            shmqctl({"send", path, "--json"}, std::string("{\"text\":\"ok\"}\n") + bad + '\n');
        EXPECT_EQ(got.status, 1) << bad;
        EXPECT_TRUE(got.complains_of("line 2")) << bad << ": " << got.err;
        EXPECT_EQ(shmqctl({"recv", path}).out, "ok\n");
    }
}

TEST_F(Errors, ATagNeedsPlainFrames) {
    const Result got = shmqctl({"send", path, "--tag", "1"}, "x\n");
    EXPECT_EQ(got.status, 2);
    EXPECT_TRUE(got.complains_of("plain")) << got.err;
}

TEST_F(Errors, AnAbsentStdinIsAnError) {
    Running closed({"send", path});
    const int folder = ::open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    ASSERT_GE(folder, 0);
    ::close(folder);
    closed.close_input();
    EXPECT_EQ(closed.wait().status, 0) << "closed is merely empty";
}

TEST_F(Errors, AnyCommandNoticesThatNothingTakesItsOutput) {
    const int full = ::open("/dev/full", O_WRONLY | O_CLOEXEC);
    for (const Arguments& arguments :
         {Arguments{"doctor"}, Arguments{"bench", "--seconds", "0.01"}}) {
        Running command(arguments, full);
        const Result got = command.wait();
        EXPECT_EQ(got.status, 1) << arguments[0];
        EXPECT_TRUE(got.complains_of("stdout: No space left")) << got.err;
    }
    ::close(full);
}

} // namespace
