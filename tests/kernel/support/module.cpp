// SPDX-License-Identifier: GPL-2.0-only OR MIT
#include "module.hpp"
#include "process.hpp"

#include <fstream>
#include <sstream>

#include <sys/syscall.h>

namespace test {

int load_module(const std::string& parameters, const std::string& name) {
    const Fd file(::open((name + ".ko").c_str(), O_RDONLY | O_CLOEXEC));
    if (!file.valid())
        fail("open " + name + ".ko in the working directory");
    return syscall(SYS_finit_module, file.get(), parameters.c_str(), 0) ? errno : 0;
}

int unload_module(const std::string& name) {
    return syscall(SYS_delete_module, name.c_str(), O_NONBLOCK) ? errno : 0;
}

bool module_loaded(const std::string& name) {
    return access(("/sys/module/" + name + "/refcnt").c_str(), F_OK) == 0;
}

std::string module_parameter(const std::string& module, const std::string& parameter) {
    std::string line;
    std::getline(std::ifstream("/sys/module/" + module + "/parameters/" + parameter), line);
    return line;
}

Module::Module(const std::string& parameters, std::string name) : name_(std::move(name)) {
    if (int error = load_module(parameters, name_))
        fail("insmod " + name_ + ".ko " + parameters, error);
}

void Module::unload() {
    if (!loaded_)
        return;
    loaded_ = false;
    const int error = unload_module(name_);
    EXPECT_EQ(error, 0) << "rmmod " << name_ << ": " << std::strerror(error);
}

Module::~Module() {
    unload();
}

KernelLog::KernelLog() : fd_(::open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC)) {
    if (!fd_.valid())
        fail("open /dev/kmsg");
    lseek(fd_.get(), 0, SEEK_END);
}

const std::string& KernelLog::text() {
    char record[8192];
    ssize_t n;
    while ((n = ::read(fd_.get(), record, sizeof(record))) > 0 || (n < 0 && errno == EPIPE))
        if (n > 0)
            text_.append(record, static_cast<std::size_t>(n));
    return text_;
}

// A record is "priority,sequence,microseconds,flags;text", with lines of details behind.
std::vector<std::uint64_t> KernelLog::times_of(std::string_view what) {
    std::vector<std::uint64_t> times;
    std::istringstream records(text());
    for (std::string line; std::getline(records, line);) {
        const auto start = line.find(';');
        if (line.find(what) == std::string::npos || start == std::string::npos)
            continue;
        std::istringstream head(line.substr(0, start));
        std::string priority, sequence;
        std::uint64_t at = 0;
        std::getline(head, priority, ',');
        std::getline(head, sequence, ',');
        head >> at;
        times.push_back(at);
    }
    return times;
}

bool KernelLog::comes_to_say(std::string_view what) {
    return eventually([&] { return says(what); });
}

} // namespace test
