// SPDX-License-Identifier: GPL-2.0-only OR MIT
// Functions that must fail, and what they say.
#ifndef SHMQ_TESTS_FAILURE_HPP
#define SHMQ_TESTS_FAILURE_HPP

#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <system_error>

inline std::system_error failure(const std::function<void()>& f) {
    try {
        f();
    } catch (const std::system_error& e) {
        return e;
    }
    ADD_FAILURE() << "did not fail";
    return std::system_error(std::error_code());
}

inline bool says(const std::system_error& e, const std::string& text) {
    return std::string(e.what()).find(text) != std::string::npos;
}

#endif // SHMQ_TESTS_FAILURE_HPP
