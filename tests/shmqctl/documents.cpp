// SPDX-License-Identifier: GPL-2.0-only OR MIT
// Completion and manual know each command and option that the program has, and
// no other.
#include "program.hpp"

#include <gtest/gtest.h>

#include <cstdio>
#include <fstream>
#include <iterator>
#include <map>
#include <memory>
#include <regex>
#include <set>

namespace {

using Words = std::set<std::string>;

std::string contents(const std::string& path) {
    std::ifstream file(SOURCE_DIR "/" + path);
    return {std::istreambuf_iterator<char>(file), {}};
}

Words matches(const std::string& text, const std::string& pattern) {
    Words found;
    const std::regex regex(pattern);
    for (std::sregex_iterator i(text.begin(), text.end(), regex), end; i != end; ++i)
        found.insert((*i)[1]);
    return found;
}

// The part of a text from one line to another.
std::string part(const std::string& text, const std::string& from, const std::string& to) {
    const std::size_t begin = text.find(from);
    if (begin == std::string::npos)
        return "";
    const std::size_t end = text.find(to, begin + from.size());
    return text.substr(begin, end - begin);
}

Words commands() {
    return matches(part(shmqctl({"--help"}).out, "Subcommands:", "exit status"), "\n  ([a-z]+) ");
}

/// The long options of each command, as its help has them.
std::map<std::string, Words> options() {
    std::map<std::string, Words> all;
    for (const std::string& command : commands())
        all[command] = matches(part(shmqctl({command, "--help"}).out, "Options:", "\nexamples:"),
                               "\n  (?:-[a-z],)?(--[a-z-]+)");
    return all;
}

std::string shell(const std::string& command) {
    std::string out;
    const std::unique_ptr<FILE, int (*)(FILE*)> pipe(::popen(command.c_str(), "r"), ::pclose);
    for (int c; pipe && (c = std::fgetc(pipe.get())) != EOF;)
        out += static_cast<char>(c);
    return out;
}

/// What bash offers after these words.
Words bash_offers(const std::string& words, int at) {
    return matches(shell("bash -c 'source " SOURCE_DIR "/tools/shmqctl/completion/shmqctl.bash; "
                         "COMP_WORDS=(shmqctl " +
                         words + "); COMP_CWORD=" + std::to_string(at) +
                         "; _shmqctl; printf \"%s\\n\" \"${COMPREPLY[@]}\"'"),
                   "([^\n]+)\n");
}

TEST(Documents, TheProgramHasCommandsAndOptions) {
    const auto all = options();
    ASSERT_GE(all.size(), 13u);
    for (const auto& [command, words] : all)
        EXPECT_TRUE(words.count("--help")) << command;
    EXPECT_TRUE(all.at("recv").count("--follow"));
}

TEST(Documents, BashKnowsThemAll) {
    Words expected = commands();
    EXPECT_EQ(bash_offers("\"\"", 1), [&] {
        Words with = expected;
        with.insert({"--help", "--version"});
        return with;
    }());
    for (const auto& [command, words] : options())
        EXPECT_EQ(bash_offers(command + " --", 2), words) << command;
}

TEST(Documents, BashCompletesAWordThatWasBegun) {
    EXPECT_EQ(bash_offers("mon", 1), Words{"monitor"});
    EXPECT_EQ(bash_offers("recv --fol", 2), Words{"--follow"});
    EXPECT_EQ(bash_offers("send x --type \"\"", 4), (Words{"msg", "bytes"}));
}

TEST(Documents, ZshKnowsThemAll) {
    const std::string text = contents("tools/shmqctl/completion/_shmqctl");
    EXPECT_EQ(matches(part(text, "commands=(", "\n\t)"), "\n\t\t'([a-z]+):"), commands());
    for (const auto& [command, words] : options())
        EXPECT_EQ(matches(part(text, "\n\t" + command + ")\n", ";;"), "'(--[a-z-]+)\\["), words)
            << command;
}

TEST(Documents, FishKnowsThemAll) {
    const std::string text = contents("tools/shmqctl/completion/shmqctl.fish");
    EXPECT_EQ(matches(text, "-n __fish_use_subcommand -a ([a-z]+) "), commands());
    for (const auto& [command, words] : options()) {
        Words known;
        for (const std::string& word : matches(text, "-n '__fish_seen_subcommand_from " + command +
                                                         "'(?: -s [a-z])? -l ([a-z-]+)"))
            known.insert("--" + word);
        EXPECT_EQ(known, words) << command;
    }
}

TEST(Documents, TheManualKnowsThemAll) {
    std::string text = contents("docs/man/shmqctl.8");
    text = std::regex_replace(text, std::regex("\\\\-"), "-");
    const std::string sections = part(text, ".SH COMMANDS", ".SH OPTIONS") + ".SS ";
    EXPECT_EQ(matches(sections, "\n\\.SS ([a-z]+)"), commands());
    for (const auto& [command, words] : options()) {
        // Each of them has --help, told once.
        Words known = matches(part(sections, "\n.SS " + command, "\n.SS "),
                              "\n\\.TP\n(?:\\\\fB-[a-z]\\\\fR, )?\\\\fB(--[a-z-]+)\\\\fR");
        known.insert("--help");
        EXPECT_EQ(known, words) << command;
    }
}

} // namespace
