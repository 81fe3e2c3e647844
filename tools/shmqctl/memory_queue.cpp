// SPDX-License-Identifier: GPL-2.0-only OR MIT
#include "memory_queue.hpp"

#include "exit_status.hpp"

#include <shmq/attach.hpp>
#include <shmq/core/byte_queue.h>

#include <cerrno>
#include <system_error>

#include <fcntl.h>
#include <unistd.h>

namespace shmqctl {

namespace {

bool is_shm(const std::string& path) {
    return path.starts_with("shm:");
}

void make_queues(std::span<std::byte> memory, Half half) {
    if (half != Half::first && half != Half::second) {
        shmq::create_queue(memory);
        return;
    }
    for (const Half each : {Half::first, Half::second})
        shmq::create_queue(queue_in(memory, each));
}

void remove_again(const std::string& path) {
    if (is_shm(path)) {
        std::error_code ignored;
        shmq::Region::posix_shm_unlink(path.substr(4), ignored);
    } else {
        ::unlink(path.c_str());
    }
}

Memory make_memory(const QueueOptions& options) {
    if (options.offset != 0 || options.size != 0)
        throw WrongUse("--create makes all of the memory: leave out --offset and --size");
    Memory memory;
    memory.region = is_shm(options.path)
                        ? shmq::Region::posix_shm(options.path.substr(4), options.create)
                        : shmq::Region::create_file(options.path, options.create);
    memory.bytes = memory.region.bytes();
    try {
        make_queues(memory.bytes, options.which_half());
    } catch (...) {
        remove_again(options.path);
        throw;
    }
    return memory;
}

} // namespace

Memory open_memory(const QueueOptions& options) {
    if (options.create != 0)
        return make_memory(options);
    Memory memory;
    memory.offset = options.offset;
    if (is_shm(options.path)) {
        memory.region = shmq::Region::posix_shm(options.path.substr(4));
        const std::uint64_t whole = memory.region.size();
        const std::uint64_t rest = whole > options.offset ? whole - options.offset : 0;
        memory.bytes = memory.region.slice(options.offset, options.size ? options.size : rest);
        return memory;
    }
    // Mappings begin with a page.
    const std::uint64_t before = options.offset % static_cast<std::uint64_t>(::getpagesize());
    const std::uint64_t size = options.size ? options.size + before : 0;
    memory.region = shmq::Region::file(options.path, options.offset - before, size);
    memory.bytes = memory.region.slice(before, memory.region.size() - before);
    return memory;
}

std::span<std::byte> queue_in(std::span<std::byte> memory, Half half) {
    const std::size_t length = memory.size() / 16 * 8;
    if (half == Half::first)
        return memory.first(length);
    if (half == Half::second)
        return memory.subspan(length, length);
    return memory;
}

void lock_end(const Memory& memory, std::span<std::byte> queue, bool consumer,
              const std::string& path) {
    struct flock lock {};
    lock.l_type = F_WRLCK;
    lock.l_whence = SEEK_SET;
    lock.l_start = static_cast<off_t>(memory.offset) + (queue.data() - memory.bytes.data()) +
                   (consumer ? SHMQ_READ_POSITION : SHMQ_WRITE_POSITION);
    lock.l_len = sizeof(std::uint32_t);
    if (::fcntl(memory.region.fd(), F_OFD_SETLK, &lock) != 0 &&
        (errno == EAGAIN || errno == EACCES))
        throw std::system_error(std::make_error_code(std::errc::device_or_resource_busy),
                                path + ": another shmqctl has the " +
                                    (consumer ? "reading" : "writing") +
                                    " end of this queue: end it first");
}

} // namespace shmqctl
