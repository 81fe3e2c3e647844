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
    help,        // the compare-exchange does nothing
    count,       // not compared (by the test)
    membarrier,  // there is none (by the test)
    rings,       // not counted: a sleeper knows only that one is armed (by the test)
    look_round,  // none when a publisher begins (by the test)
    generation,  // a block that is freed keeps its own; it begins at bit `word`
};

// Of any word.
inline constexpr std::uint32_t any_word = UINT32_MAX;

// One access of core/: what, in which function, of which word.
struct Breakage {
    const char* name;
    Broken what;
    const char* function;
    std::uint32_t word;
};

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
    {"relaxed_sequence", Broken::publish, "shmq_cell_commit", any_word},
    {"relaxed_look_sequence", Broken::look, "shmq_cell_try_read", any_word},
    {"no_fence_in_begin", Broken::fence, "shmq_cell_begin", 0},
    {"no_fence_in_try_read", Broken::fence, "shmq_cell_try_read", 0},
    {"no_count", Broken::count, "", 0},
    {"relaxed_latest", Broken::publish, "shmq_cell_commit", 64},
    {"relaxed_look_latest", Broken::look, "shmq_cell_pin", 64},
    {"relaxed_unpin", Broken::publish, "shmq_cell_unpin", any_word},
    {"relaxed_look_seat", Broken::look, "shmq_cell_help", any_word},
    {"no_fence_in_pin", Broken::fence, "shmq_cell_pin", 0},
    {"no_fence_in_look_round", Broken::fence, "shmq_cell_look_round", 0},
    {"no_help", Broken::help, "shmq_cell_help", 0},
    {"no_membarrier", Broken::membarrier, "", 0},
    {"no_fence_in_cell_arm", Broken::fence, "shmq_cell_arm", 0},
    {"one_bit_to_sleep_on", Broken::rings, "", 0},
    {"no_look_round_of_successor", Broken::look_round, "", 0},
    {"relaxed_resign", Broken::leave, "shmq_cell_resign", 0},
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
