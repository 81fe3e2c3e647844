// SPDX-License-Identifier: GPL-2.0-only OR MIT
// Loading and unloading, and what the kernel says to it.
#pragma once

#include "device.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace test {

// insmod and rmmod of a .ko file in the working directory: 0 or errno.
int load_module(const std::string& parameters, const std::string& name = "shmq");
int unload_module(const std::string& name = "shmq");
bool module_loaded(const std::string& name = "shmq");
std::string module_parameter(const std::string& module, const std::string& parameter);

// Unloads again at its end; a module that will not go fails the test.
class Module {
public:
    explicit Module(const std::string& parameters, std::string name = "shmq");
    Module(const Module&) = delete;
    ~Module();
    void unload();

private:
    std::string name_;
    bool loaded_ = true;
};

// What the kernel logs from here on.
class KernelLog {
public:
    KernelLog();
    // All so far.
    const std::string& text();
    bool says(std::string_view what) { return text().find(what) != std::string::npos; }
    // Waits for it.
    bool comes_to_say(std::string_view what);
    // When each line that has that in it was written, microseconds of the kernel's clock.
    std::vector<std::uint64_t> times_of(std::string_view what);

private:
    Fd fd_;
    std::string text_;
};

// Every test starts with a fresh module, and ends with an unload that works.
class DriverTest : public testing::Test {
protected:
    explicit DriverTest(std::string parameters = "") : parameters_(std::move(parameters)) {}
    void SetUp() override {
        const int error = load_module(parameters_);
        ASSERT_EQ(error, 0) << "insmod shmq.ko " << parameters_ << ": " << std::strerror(error);
    }
    void TearDown() override {
        if (module_loaded()) {
            const int error = unload_module();
            EXPECT_EQ(error, 0) << "rmmod shmq: " << std::strerror(error);
        }
    }
    // Another module instead.
    void reload(const std::string& parameters) {
        ASSERT_EQ(unload_module(), 0);
        parameters_ = parameters;
        SetUp();
    }

private:
    std::string parameters_;
};

} // namespace test
