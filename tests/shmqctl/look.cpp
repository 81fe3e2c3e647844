// SPDX-License-Identifier: GPL-2.0-only OR MIT
// Help, doctor and bench.
#include "program.hpp"

#include <gtest/gtest.h>

#include <filesystem>

#include <nlohmann/json.hpp>

namespace {

using nlohmann::json;

TEST(Look, EveryCommandHasHelpWithAnExample) {
    const Result all = shmqctl({"--help"});
    ASSERT_EQ(all.status, 0);
    EXPECT_EQ(all.err, "");
    for (const char* command : {"list", "add", "del", "set", "show", "stats", "reset", "monitor",
                                "top", "send", "recv", "bench", "doctor"}) {
        EXPECT_NE(all.out.find(std::string("\n  ") + command), std::string::npos) << command;
        const Result help = shmqctl({command, "--help"});
        EXPECT_EQ(help.status, 0);
        EXPECT_NE(help.out.find(std::string("\n  ") + "shmqctl " + command), std::string::npos)
            << help.out;
    }
}

TEST(Look, TheVersionIsOnStdout) {
    const Result got = shmqctl({"--version"});
    EXPECT_EQ(got.status, 0);
    EXPECT_EQ(got.out.rfind("shmqctl 0.", 0), 0u) << got.out;
}

TEST(Look, DoctorSaysHowToGetTheModule) {
    if (std::filesystem::exists("/sys/module/shmq"))
        GTEST_SKIP() << "the module is loaded here";
    const Result got = shmqctl({"doctor"});
    EXPECT_EQ(got.status, 1);
    EXPECT_NE(got.out.find("BAD "), std::string::npos) << got.out;
    EXPECT_TRUE(got.out.find("modprobe shmq") != std::string::npos ||
                got.out.find("make -C /lib/modules/") != std::string::npos)
        << got.out;
    EXPECT_EQ(got.out.find('\033'), std::string::npos) << "no colours but on a terminal";
}

TEST(Look, WhatNeedsTheModuleSaysHowToGetIt) {
    if (std::filesystem::exists("/sys/module/shmq"))
        GTEST_SKIP() << "the module is loaded here";
    for (const Arguments& arguments :
         {Arguments{"list"}, Arguments{"add"}, Arguments{"del", "0"},
          Arguments{"set", "0", "--handler", "none"}, Arguments{"show"}, Arguments{"stats"},
          Arguments{"reset", "0"}, Arguments{"reset", "0", "--stats"}, Arguments{"monitor"},
          Arguments{"top"}, Arguments{"send", "/dev/shmq0"}, Arguments{"recv", "/dev/shmq0"},
          Arguments{"bench", "/dev/shmq0"}}) {
        const Result got = shmqctl(arguments);
        EXPECT_EQ(got.status, 1) << arguments[0];
        EXPECT_EQ(got.out, "") << arguments[0];
        EXPECT_TRUE(got.complains_of("modprobe shmq")) << arguments[0] << ": " << got.err;
    }
}

TEST(Look, DoctorsJsonSaysTheSame) {
    const Result text = shmqctl({"doctor"});
    const Result got = shmqctl({"doctor", "--json"});
    EXPECT_EQ(got.status, text.status);
    const json findings = json::parse(got.out);
    ASSERT_FALSE(findings.empty());
    bool bad = false;
    for (const json& finding : findings) {
        const std::string verdict = finding.at("verdict");
        bad |= verdict == "bad";
        EXPECT_TRUE(verdict == "ok" || verdict == "note" || verdict == "bad");
        EXPECT_NE(finding.at("what").get<std::string>(), "");
    }
    EXPECT_EQ(bad, got.status == 1);
}

TEST(Look, BenchMovesMessagesAndTellsHowMany) {
    for (const char* framing : {"checked", "plain"}) {
        const Result got = shmqctl(
            {"bench", "--seconds", "0.05", "--size", "8,4K", "--framing", framing, "--json"});
        ASSERT_EQ(got.status, 0) << got.err;
        const json rates = json::parse(got.out);
        ASSERT_EQ(rates.size(), 2u);
        EXPECT_EQ(rates[0].at("size"), 8);
        EXPECT_EQ(rates[1].at("size"), 4096);
        for (const json& rate : rates)
            EXPECT_GT(rate.at("round_trips_per_second").get<double>(), 0);
    }
    const Result table = shmqctl({"bench", "--seconds", "0.02", "--size", "64"});
    EXPECT_NE(table.out.find("64 B"), std::string::npos) << table.out;
}

TEST(Look, BenchRefusesAMessageThatDoesNotFit) {
    const Result got = shmqctl({"bench", "--size", "1G"});
    EXPECT_EQ(got.status, 2);
    EXPECT_TRUE(got.complains_of("at most")) << got.err;
}

} // namespace
