// SPDX-License-Identifier: GPL-2.0-only OR MIT
// What can be broken on purpose. A checker that does not notice proves nothing.
#ifndef SHMQ_MODEL_BROKEN_HPP
#define SHMQ_MODEL_BROKEN_HPP

#include <cstdint>
#include <cstring>

namespace model {

enum class Broken {
    publish,     // the releasing store releases nothing
    look,        // the acquiring load acquires nothing
    fence,       // there is none
    clear,       // the waker does not clear the word; the test does, after the ring
    second_look, // not taken: arm, then sleep (by the test)
    leave,       // the compare-exchange and the fence before it order nothing
    generation,  // a block that is freed keeps its own; it begins at bit `word`
};

// One access of core/: what, in which function, of which word.
struct Breakage {
    const char* name;
    Broken what;
    const char* function;
    std::uint32_t word;
};

inline constexpr std::uint32_t any_word = UINT32_MAX;

inline constexpr Breakage breakages[] = {
    {"relaxed_publish_data", Broken::publish, "shmq_end_publish", 0},
    {"relaxed_look_data", Broken::look, "shmq_consumer_refresh", 0},
    {"relaxed_publish_room", Broken::publish, "shmq_end_publish", 4},
    {"relaxed_look_room", Broken::look, "shmq_producer_refresh", 4},
    {"relaxed_publish_magic", Broken::publish, "shmq_channel_create", 0},
    {"relaxed_look_magic", Broken::look, "shmq_channel_open", 0},
    {"no_fence_in_arm", Broken::fence, "shmq_doorbell_arm", 0},
    {"no_fence_in_take", Broken::fence, "shmq_doorbell_take", 0},
    {"clear_after_ring", Broken::clear, "shmq_doorbell_take", 0},
    {"no_second_look", Broken::second_look, "", 0},
    {"relaxed_leave", Broken::leave, "shmq_channel_leave_end", 0},
    {"relaxed_alloc", Broken::leave, "shmq_pool_take", 0},
    {"relaxed_free", Broken::leave, "shmq_pool_free", 0},
    {"relaxed_free_unshared", Broken::publish, "shmq_pool_free_unshared", any_word},
    {"no_generations_in_free", Broken::generation, "shmq_pool_free", 6},
    {"no_generations_in_sweep", Broken::generation, "shmq_pool_reap", 6},
    {"no_fence_in_send", Broken::fence, "shmq_pool_send", 0},
    {"no_fence_in_sweep", Broken::fence, "shmq_pool_sweep", 0},
};

// Chosen before the first execution; null: nothing is broken.
inline const Breakage* breakage = nullptr;

inline bool broken(Broken what) {
    return breakage && breakage->what == what;
}

inline bool broken(Broken what, const char* function) {
    return broken(what) && std::strcmp(function, breakage->function) == 0;
}

} // namespace model

#endif // SHMQ_MODEL_BROKEN_HPP
