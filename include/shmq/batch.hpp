// SPDX-License-Identifier: GPL-2.0-only OR MIT
// A scope in which an end publishes once for many operations.
#ifndef SHMQ_BATCH_HPP
#define SHMQ_BATCH_HPP

#include <shmq/waiter.hpp>

namespace shmq {

/// Made by an end's batch(). While it lives, a producer's messages become
/// visible together at the end of the scope, or when the ring fills; a consumer
/// gives room back an eighth of the ring at a time, and whenever it finds the
/// queue empty. Neither is left waiting: every wait publishes first.
/// One at a time for an end; the end must not move meanwhile.
template <typename Core>
class [[nodiscard]] Batch {
public:
    Batch(Core& core, detail::Waiter& waiter) noexcept : core_(core), waiter_(waiter) {
        if constexpr (std::is_same_v<Core, shmq_producer>)
            shmq_producer_batch_begin(&core_);
        else
            shmq_consumer_batch_begin(&core_);
    }

    Batch(const Batch&) = delete;
    Batch& operator=(const Batch&) = delete;

    ~Batch() {
        if constexpr (std::is_same_v<Core, shmq_producer>)
            shmq_producer_batch_end(&core_);
        else
            shmq_consumer_batch_end(&core_);
        waiter_.announce(core_.end);
    }

private:
    Core& core_;
    detail::Waiter& waiter_;
};

using ProducerBatch = Batch<shmq_producer>;
using ConsumerBatch = Batch<shmq_consumer>;

} // namespace shmq

#endif // SHMQ_BATCH_HPP
