// SPDX-License-Identifier: GPL-2.0-only OR MIT
// The API for other modules, called through shmq_test_api.ko.
#pragma once

#include "module.hpp"

namespace test {

// What the call returned: 0 or errno. See kmod/shmq_test_api.c for the lines.
inline int call(const std::string& line) {
    const Fd file(::open("/sys/module/shmq_test_api/parameters/call", O_WRONLY | O_CLOEXEC));
    if (!file.valid())
        fail("shmq_test_api is not loaded");
    return ::write(file.get(), line.data(), line.size()) < 0 ? errno : 0;
}

inline unsigned long handler_calls() {
    return std::stoul(module_parameter("shmq_test_api", "calls"));
}

} // namespace test
