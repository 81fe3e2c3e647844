// SPDX-License-Identifier: GPL-2.0-only OR MIT
#include "peers.hpp"

#include <shmq/shmq.hpp>

#include <array>
#include <atomic>
#include <cstdlib>
#include <memory>
#include <stdexcept>
#include <unistd.h>
#include <utility>

#include <boost/interprocess/allocators/node_allocator.hpp>
#include <boost/interprocess/managed_shared_memory.hpp>
#include <boost/lockfree/stack.hpp>

#ifdef BENCH_WITH_HEAPLESS
extern "C" void bench_heapless_grow(std::size_t n);
extern "C" void bench_heapless_run(std::uint64_t rounds, std::size_t batch);
#endif

namespace bench {

namespace {

struct alignas(64) Block {
    std::byte bytes[64];
};

// The block may be used: it must be there.
void use(const void* block) {
    __asm__ __volatile__("" : : "r"(block) : "memory");
}
void use(std::uint32_t index) {
    __asm__ __volatile__("" : : "r"(index) : "memory");
}
void use(const shmq::UninitBox<Block>& box) {
    use(box.memory());
}
void use(const shmq::SharedBlock& block) {
    use(block.bytes().data());
}

// `alloc()` returns an owner of a block, which `free(owner)` ends.
template <typename Alloc, typename Free>
void loop(std::uint64_t rounds, bool batches, Alloc&& alloc, Free&& free) {
    if (!batches) {
        for (; rounds; --rounds) {
            auto block = alloc();
            use(block);
            free(block);
        }
        return;
    }
    using Owner = decltype(alloc());
    for (; rounds; --rounds) {
        std::array<Owner, pool_batch> held;
        for (Owner& block : held) {
            block = alloc();
            use(block);
        }
        for (Owner& block : held)
            free(block);
    }
}

SHMQ_STATIC_POOL(blocks, Block, pool_blocks);

PoolPeer shmq_pool_peer() {
    return {"shmq::Pool", [](std::uint64_t rounds, bool batches) {
                loop(
                    rounds, batches, [] { return blocks.alloc(); },
                    [](shmq::UninitBox<Block>& b) { const auto gone = std::move(b); });
            }};
}

PoolPeer shmq_shared_peer() {
    auto pool = std::make_shared<shmq::SharedPool>(
        shmq::SharedPool::memfd({.blocks = pool_blocks, .block_size = 64}));
    return {"shmq::SharedPool", [pool](std::uint64_t rounds, bool batches) {
                loop(
                    rounds, batches, [&] { return pool->alloc(); },
                    [](shmq::SharedBlock& b) { (void)b.free(); });
            }};
}

PoolPeer malloc_peer() {
    return {"malloc", [](std::uint64_t rounds, bool batches) {
                loop(
                    rounds, batches, [] { return std::malloc(64); }, [](void* b) { std::free(b); });
            }};
}

// Treiber's stack of indexes, its top tagged against ABA.
class TaggedStack {
public:
    TaggedStack() : next_(pool_blocks), blocks_(pool_blocks) {
        for (std::uint32_t i = 0; i < pool_blocks; ++i)
            push(i);
    }
    void push(std::uint32_t i) {
        std::uint64_t top = top_.load(std::memory_order_relaxed);
        do
            next_[i].store(static_cast<std::uint32_t>(top), std::memory_order_relaxed);
        while (!top_.compare_exchange_weak(top, tag(top) | i, std::memory_order_release,
                                           std::memory_order_relaxed));
    }
    std::uint32_t pop() {
        std::uint64_t top = top_.load(std::memory_order_acquire);
        for (;;) {
            const auto i = static_cast<std::uint32_t>(top);
            if (i == none)
                return none;
            const std::uint32_t next = next_[i].load(std::memory_order_relaxed);
            if (top_.compare_exchange_weak(top, tag(top) | next, std::memory_order_acquire))
                return i;
        }
    }

private:
    static constexpr std::uint32_t none = UINT32_MAX;
    static std::uint64_t tag(std::uint64_t top) { return ((top >> 32) + 1) << 32; }

    std::atomic<std::uint64_t> top_{none};
    std::vector<std::atomic<std::uint32_t>> next_;
    std::vector<Block> blocks_;
};

PoolPeer treiber_peer() {
    auto stack = std::make_shared<TaggedStack>();
    return {"tagged Treiber stack", [stack](std::uint64_t rounds, bool batches) {
                loop(
                    rounds, batches, [&] { return stack->pop(); },
                    [&](std::uint32_t i) { stack->push(i); });
            }};
}

PoolPeer boost_lockfree_peer() {
    using Stack = boost::lockfree::stack<void*, boost::lockfree::capacity<pool_blocks>,
                                         boost::lockfree::fixed_sized<true>>;
    auto memory = std::make_shared<std::vector<Block>>(pool_blocks);
    auto stack = std::make_shared<Stack>();
    for (Block& block : *memory)
        stack->push(&block);
    return {"boost::lockfree::stack", [stack, memory](std::uint64_t rounds, bool batches) {
                loop(
                    rounds, batches,
                    [&] {
                        void* block = nullptr;
                        stack->pop(block);
                        return block;
                    },
                    [&](void* block) { stack->push(block); });
            }};
}

PoolPeer boost_interprocess_peer() {
    namespace bi = boost::interprocess;
    using Memory = bi::managed_shared_memory;
    using Nodes = bi::node_allocator<Block, Memory::segment_manager>;
    const std::string name = "shmq-bench-pool-" + std::to_string(::getpid());
    auto memory = std::make_shared<Memory>(bi::create_only, name.c_str(), 4 << 20);
    bi::shared_memory_object::remove(name.c_str());
    auto nodes = std::make_shared<Nodes>(memory->get_segment_manager());
    return {"boost::interprocess", [memory, nodes](std::uint64_t rounds, bool batches) {
                loop(
                    rounds, batches, [&] { return nodes->allocate_one().get(); },
                    [&](Block* block) { nodes->deallocate_one(block); });
            }};
}

} // namespace

std::vector<PoolPeer> pool_peers() {
    std::vector<PoolPeer> peers{shmq_pool_peer(), shmq_shared_peer()};
#ifdef BENCH_WITH_HEAPLESS
    bench_heapless_grow(pool_blocks);
    peers.push_back({"heapless box_pool", [](std::uint64_t rounds, bool batches) {
                         bench_heapless_run(rounds, batches ? pool_batch : 1);
                     }});
#endif
    peers.push_back(malloc_peer());
    peers.push_back(treiber_peer());
    peers.push_back(boost_lockfree_peer());
    peers.push_back(boost_interprocess_peer());
    return peers;
}

} // namespace bench
