// SPDX-License-Identifier: GPL-2.0-only OR MIT
// How set-up fails: what() says what and what to do; code() is for programs.
#ifndef SHMQ_LIB_FAILURE_HPP
#define SHMQ_LIB_FAILURE_HPP

#include <shmq/status.hpp>

#include <cerrno>
#include <string>
#include <system_error>
#include <utility>

namespace shmq::detail {

[[noreturn]] inline void fail(std::error_code code, const std::string& what) {
    throw std::system_error(code, what);
}

[[noreturn]] inline void fail(std::errc code, const std::string& what) {
    fail(std::make_error_code(code), what);
}

/// With errno as it was when the system call failed.
[[noreturn]] inline void fail_errno(int error, const std::string& what) {
    fail(std::error_code(error, std::generic_category()), what);
}

/// The std::error_code& overload of a throwing function: `nothing` if it threw.
template <typename T, typename F>
T guarded(std::error_code& ec, T nothing, F&& f) {
    ec.clear();
    try {
        return std::forward<F>(f)();
    } catch (const std::system_error& e) {
        ec = e.code();
        return nothing;
    }
}

} // namespace shmq::detail

#endif // SHMQ_LIB_FAILURE_HPP
