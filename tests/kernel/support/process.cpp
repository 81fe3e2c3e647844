// SPDX-License-Identifier: GPL-2.0-only OR MIT
#include "process.hpp"

#include <filesystem>
#include <fstream>
#include <sstream>

namespace test {
namespace {

std::string proc(pid_t pid, const char* file) {
    std::ifstream in("/proc/" + std::to_string(pid) + "/" + file);
    std::ostringstream all;
    all << in.rdbuf();
    return all.str();
}

unsigned long status_field(pid_t pid, const std::string& name) {
    const std::string text = proc(pid, "status");
    const auto at = text.find("\n" + name + ":");
    return at == std::string::npos ? 0 : std::stoul(text.substr(at + name.size() + 2));
}

} // namespace

std::optional<Task> Task::named(const std::string& name) {
    for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
        const std::string file = entry.path().filename();
        if (file.find_first_not_of("0123456789") != std::string::npos)
            continue;
        const pid_t pid = std::stoi(file);
        if (proc(pid, "comm") == name + "\n" && proc(pid, "cmdline").empty())
            return Task{pid};
    }
    return std::nullopt;
}

bool Task::exists() const {
    return !proc(pid, "stat").empty();
}

char Task::state() const {
    const std::string stat = proc(pid, "stat");
    const auto at = stat.rfind(')');
    return at == std::string::npos ? 0 : stat[at + 2];
}

unsigned long Task::ticks() const {
    const std::string stat = proc(pid, "stat");
    const auto at = stat.rfind(')');
    if (at == std::string::npos)
        return 0;
    std::istringstream fields(stat.substr(at + 2));
    std::string skipped;
    for (int i = 0; i < 11; i++) // state ... cmajflt
        fields >> skipped;
    unsigned long user = 0, system = 0;
    fields >> user >> system;
    return user + system;
}

unsigned long Task::sleeps() const {
    return status_field(pid, "voluntary_ctxt_switches");
}

unsigned long Task::switches() const {
    return sleeps() + status_field(pid, "nonvoluntary_ctxt_switches");
}

// Seen asleep twice without having run between: a task is 'S' already on its way to
// sleep, and on a page that is being read.
bool comes_to_sleep(pid_t pid) {
    const Task task{pid};
    const auto asleep = [&] {
        const char state = task.state();
        return state == 'S' || state == 'D' || state == 'I';
    };
    return eventually([&] {
        const unsigned long before = task.switches();
        if (!asleep())
            return false;
        nap(20);
        return asleep() && task.switches() == before;
    });
}

} // namespace test
