// SPDX-License-Identifier: GPL-2.0-only OR MIT
// shmq-bench: measures our queues against others, in the same run.
#include "peers/table.hpp"
#include "progress.hpp"
#include "report.hpp"
#include "results.hpp"
#include "run.hpp"
#include "waiting.hpp"

#include <algorithm>
#include <cstdio>
#include <exception>
#include <iostream>
#include <stdexcept>

namespace {

using namespace bench;

// Measurements that were disturbed and may be tried again, in the whole run: on
// a busy machine it shall end too.
unsigned retries_left = 0;

std::string describe(const Cell& c) {
    const char* how = c.metric == Metric::round_trip ? "round trip"
                      : c.peer.kind == BENCH_KERNEL  ? "blocking"
                      : c.policy == BENCH_SPIN       ? "spin"
                                                     : "gather";
    return std::string(c.peer.name) + ", " + std::to_string(c.size) + " B, " + how;
}

std::uint64_t at_least_one(double count) {
    return count < 1 ? 1 : static_cast<std::uint64_t>(count);
}

// Finds how many messages fill a slot: more and more, until it takes long
// enough to tell.
void calibrate(Runner& runner, Cell& cell, double slot) {
    const std::uint64_t most =
        cell.metric == Metric::round_trip ? Runner::most_round_trips : UINT64_MAX / 2;
    for (std::uint64_t count = 64;;) {
        const Outcome o = runner.run({cell.ops, cell.metric, cell.policy, count});
        cell.error = o.error;
        cell.none = o.none;
        if (!o.error.empty())
            return;
        const double fill = slot / std::max(o.seconds, 1e-6);
        if (fill <= 8 || count >= most) {
            cell.count = std::min(at_least_one(static_cast<double>(count) * fill), most);
            return;
        }
        count = std::min(at_least_one(static_cast<double>(count) * std::min(fill / 2, 32.0)), most);
    }
}

void measure(Runner& runner, Cell& cell, double slot) {
    if (cell.count == 0)
        calibrate(runner, cell, slot);
    if (!cell.error.empty())
        return;
    Outcome o;
    for (;;) {
        o = runner.run({cell.ops, cell.metric, cell.policy, cell.count});
        cell.error = o.error;
        if (!o.error.empty())
            return;
        // A side that spins and does not have its CPU says nothing about the queue.
        if (cell.peer.kind == BENCH_KERNEL || o.busy >= Results::undisturbed || retries_left == 0)
            break;
        --retries_left;
    }
    cell.busy.push_back(o.busy);
    if (cell.metric == Metric::throughput) {
        cell.rate.push_back(static_cast<double>(cell.count) / o.seconds);
    } else {
        cell.p50.push_back(o.p50_ns);
        cell.p99.push_back(o.p99_ns);
    }
}

void list(const std::vector<bench_peer>& peers) {
    for (const bench_peer& peer : peers)
        std::printf("%-16s %s\n", peer.name, peer.note);
}

int run(const Options& options) {
    Results results;
    results.options = options;
    results.peers = all_peers();
    results.cells = plan(options, results.peers);
    if (results.cells.empty())
        throw std::invalid_argument("nothing to measure; --list names what there is");

    results.machine = look_at_machine();
    for (const std::string& warning : results.machine.warnings)
        std::fprintf(stderr, "shmq-bench: %s\n", warning.c_str());
    const auto& cpus = results.machine.cpus;
    prepare_waiting(cpus.size() < 2);
    Runner runner(cpus.front(), cpus.size() < 2 ? cpus.front() : cpus[1]);

    const std::size_t measurements = options.rounds * results.cells.size();
    retries_left = static_cast<unsigned>(measurements / 2);
    {
        Progress progress(measurements);
        for (unsigned round = 1; round <= options.rounds; ++round) {
            for (Cell& cell : results.cells) {
                progress.step("round " + std::to_string(round) + " of " +
                              std::to_string(options.rounds) + ": " + describe(cell));
                if (cell.error.empty())
                    measure(runner, cell, options.slot_ms * 1e-3);
            }
        }
    }

    if (!options.json.empty())
        write_json(results, options.json);
    report(results, std::cout);
    return std::any_of(results.cells.begin(), results.cells.end(),
                       [](const Cell& c) { return !c.error.empty() && !c.none; })
               ? 1
               : 0;
}

} // namespace

int main(int argc, char** argv) {
    try {
        Options options;
        if (const auto status = parse_options(argc, argv, options))
            return *status;
        if (options.list) {
            list(all_peers());
            return 0;
        }
        return run(options);
    } catch (const std::invalid_argument& e) {
        std::fprintf(stderr, "shmq-bench: %s\n", e.what());
        return 2;
    } catch (const std::exception& e) {
        std::fprintf(stderr, "shmq-bench: %s\n", e.what());
        return 1;
    }
}
