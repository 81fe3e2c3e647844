// SPDX-License-Identifier: GPL-2.0-only OR MIT
// The main program of each test with relacy.
//
// usage: model-SUBJECT CASE [BROKEN]
//
// Without BROKEN, the executions of the case must find nothing; with it, they must
// find something. They are random, so many of them, or all that there are up to a
// number of preemptions. The last line says how many there were, and what was
// found; before it, if that is a surprise, the execution. Each run is the same.
#ifndef SHMQ_MODEL_RUN_HPP
#define SHMQ_MODEL_RUN_HPP

#include <shmq/core/barrier.h>

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <initializer_list>
#include <ostream>
#include <sstream>
#include <string_view>

namespace model {

struct Case {
    std::string_view name;
    void (*search)(rl::test_params&);
    std::uint64_t executions;
    unsigned preemptions; // for all executions
};

// rl::simulate() for one way to search; three take three times as long to compile.
template <typename Test, typename Scheduler>
void search(rl::test_params& params) {
    rl::ostringstream state;
    if (rl::run_test<Test, Scheduler>(params, state, false) == rl::test_result_success)
        return;
    // Once more, for the history.
    rl::ostringstream ignored;
    params.initial_state = state.str();
    params.collect_history = true;
    rl::run_test<Test, Scheduler>(params, ignored, true);
}

template <typename Test>
constexpr Case random(std::string_view name, std::uint64_t executions) {
    return {name, &search<Test, rl::random_scheduler<Test::params::thread_count>>, executions, 0};
}

// All of them, with so many switches away from a thread that could run on.
template <typename Test>
constexpr Case all(std::string_view name, unsigned preemptions) {
    return {name, &search<Test, rl::context_bound_scheduler<Test::params::thread_count>>, 0,
            preemptions};
}

template <typename Table>
auto find(const Table& table, std::string_view name) {
    auto it = std::begin(table);
    while (it != std::end(table) && name != it->name)
        ++it;
    return it;
}

inline int run(int argc, char** argv, std::initializer_list<Case> cases) {
    const auto c = find(cases, argc > 1 ? argv[1] : "");
    const auto b = find(breakages, argc > 2 ? argv[2] : "");
    const bool broken = argc > 2;
    if (c == cases.end() || (broken && b == std::end(breakages))) {
        std::fprintf(stderr, "usage: %s CASE [BROKEN]\n", argv[0]);
        return 2;
    }
    if (broken)
        breakage = b;

    rl::ostringstream history; // of an allocator that relacy does not track
    std::ostream nowhere(nullptr);
    rl::test_params params;
    if (c->preemptions) {
        params.search_type = rl::sched_bound;
        params.context_bound = c->preemptions;
    } else {
        params.iteration_count = c->executions;
    }
    params.execution_depth_limit = 20000;
    params.output_stream = &history;
    params.progress_stream = &nowhere;

    const auto start = std::chrono::steady_clock::now();
    c->search(params);
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;

    const bool found = params.test_result != rl::test_result_success;
    if (found && !broken)
        std::fputs(history.str().c_str(), stdout);
    const auto executions = static_cast<unsigned long long>(params.stop_iteration);
    std::printf("%s", argv[1]);
    if (broken)
        std::printf(", broken by %s", argv[2]);
    if (found)
        std::printf(": %s in execution %llu\n", rl::test_result_str(params.test_result),
                    executions);
    else if (c->preemptions)
        std::printf(
            ": nothing found in all %llu executions of up to %u preemptions, %.0f a second\n",
            executions, c->preemptions, static_cast<double>(executions) / took.count());
    else
        std::printf(": nothing found in %llu random executions, %.0f a second\n", executions,
                    static_cast<double>(executions) / took.count());
    if (found != broken)
        std::puts(broken ? "FAILED: this had to be caught" : "FAILED");
    return found == broken ? 0 : 1;
}

} // namespace model

// What must hold in an execution.
#define MODEL_REQUIRE(condition)                                                                   \
    do {                                                                                           \
        if (!(condition))                                                                          \
            rl::ctx().fail_test(#condition, rl::test_result_user_assert_failed, RL_INFO);          \
    } while (false)

#endif // SHMQ_MODEL_RUN_HPP
