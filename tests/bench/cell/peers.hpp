// SPDX-License-Identifier: GPL-2.0-only OR MIT
// What is measured: ways to share one value.
#ifndef BENCH_CELL_PEERS_HPP
#define BENCH_CELL_PEERS_HPP

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

namespace bench {

/// A thread's own end.
class Reader {
public:
    Reader() = default;
    Reader(const Reader&) = delete;
    Reader& operator=(const Reader&) = delete;
    virtual ~Reader() = default;

    /// Reads until it has a whole value; returns how many attempts came to nothing.
    /// Gives up after `most` of those.
    virtual unsigned read(unsigned most) = 0;
};

/// A value in memory, with its writer.
class Peer {
public:
    Peer() = default;
    Peer(const Peer&) = delete;
    Peer& operator=(const Peer&) = delete;
    virtual ~Peer() = default;

    virtual void write(unsigned count) = 0;
    virtual std::unique_ptr<Reader> reader() = 0;
};

struct Kind {
    std::string name;
    std::unique_ptr<Peer> (*make)();
};

/// For values of so many bytes; the first is what the others are compared with.
std::vector<Kind> kinds(std::size_t size);

} // namespace bench

#endif // BENCH_CELL_PEERS_HPP
