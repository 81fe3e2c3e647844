// SPDX-License-Identifier: GPL-2.0-only OR MIT
#include "machine.hpp"
#include "measure.hpp"
#include "peers.hpp"

#include <array>
#include <atomic>
#include <cstdio>
#include <thread>

namespace bench {

namespace {

struct Row {
    PoolPeer peer;
    std::array<std::uint64_t, 2> rounds{}; // that fill a slot: single, batches
    std::array<Samples, 4> ns{};           // one thread, one in batches, two, two in batches
};

double blocks_in(std::uint64_t rounds, bool batches) {
    return static_cast<double>(rounds) * (batches ? pool_batch : 1);
}

double one_thread(const Row& row, bool batches) {
    const std::uint64_t rounds = row.rounds[batches];
    return 1e9 * cpu_seconds([&] { row.peer.run(rounds, batches); }) / blocks_in(rounds, batches);
}

// Both start together; ns that a block takes its thread, on average.
double two_threads(const Row& row, bool batches, const std::vector<int>& cpus) {
    const std::uint64_t rounds = row.rounds[batches] / 2 + 1;
    std::atomic<int> ready{0};
    std::array<double, 2> took{};
    std::array<std::thread, 2> threads;
    for (std::size_t i = 0; i < 2; ++i)
        threads[i] = std::thread([&, i] {
            pin(cpus[i % cpus.size()]);
            row.peer.run(1000, batches);
            for (ready.fetch_add(1); ready.load() < 2;) {
            }
            took[i] = cpu_seconds([&] { row.peer.run(rounds, batches); });
        });
    for (std::thread& t : threads)
        t.join();
    return 1e9 * (took[0] + took[1]) / 2 / blocks_in(rounds, batches);
}

void calibrate(Row& row, double slot) {
    for (const bool batches : {false, true}) {
        std::uint64_t rounds = 1000;
        double took = 0;
        while ((took = cpu_seconds([&] { row.peer.run(rounds, batches); })) < slot / 10)
            rounds *= 4;
        row.rounds[batches] = static_cast<std::uint64_t>(static_cast<double>(rounds) * slot / took);
    }
}

} // namespace

void measure_speed(const PoolOptions& options) {
    const Machine machine = look_at_machine();
    for (const std::string& warning : machine.warnings)
        std::fprintf(stderr, "shmq-bench-pool: %s\n", warning.c_str());
    std::vector<Row> rows;
    for (PoolPeer& peer : pool_peers())
        rows.push_back({std::move(peer)});
    for (Row& row : rows)
        calibrate(row, options.slot_ms * 1e-3);
    for (unsigned round = 0; round < options.rounds; ++round)
        for (Row& row : rows)
            for (const bool batches : {false, true}) {
                row.ns[batches].add(one_thread(row, batches));
                row.ns[2 + batches].add(two_threads(row, batches, machine.cpus));
            }

    std::printf("alloc + free of 64 B, ns of processor time a block: medians of %u rounds (least "
                ".. most)\n\n"
                "| | one thread | batches of 16 | two threads | two, batches | two / one |\n"
                "|---|---|---|---|---|---|\n",
                options.rounds);
    for (const Row& row : rows) {
        std::printf("| %s ", row.peer.name.c_str());
        for (const Samples& s : row.ns)
            std::printf("| %.1f (%.1f .. %.1f) ", s.median(), s.least(), s.most());
        std::printf("| %.2f |\n", row.ns[2].median() / row.ns[0].median());
    }
    std::printf("\n");
}

} // namespace bench
