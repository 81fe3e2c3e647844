// SPDX-License-Identifier: GPL-2.0-only OR MIT
// An open /dev/shmqN, bare: each call is one system call, and says 0 or errno.
#pragma once

#include "fd.hpp"

#include <cstring>
#include <string>
#include <string_view>

#include <fcntl.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>

#include <linux/shmq.h>
#include <shmq/core/doorbell.h>
#include <shmq/core/frame.h>

namespace test {

constexpr std::uint32_t producer = SHMQ_END_PRODUCER;
constexpr std::uint32_t consumer = SHMQ_END_CONSUMER;
// Which way each queue of a channel goes.
constexpr unsigned to_kernel = 0;
constexpr unsigned from_kernel = 1;

inline std::string device_path(unsigned n) {
    return "/dev/shmq" + std::to_string(n);
}

// A wait that comes to this has failed; emulated kernels are slow.
constexpr int patience_ms = 60'000;

class Device {
public:
    explicit Device(int flags = O_RDWR, unsigned n = 0)
        : fd_(::open(device_path(n).c_str(), flags | O_CLOEXEC)) {
        if (!fd_.valid())
            fail("open " + device_path(n));
    }

    int fd() const { return fd_.get(); }
    void close() { fd_.close(); }

    int ioctl(unsigned long request, const void* arg) const {
        return ::ioctl(fd(), request, arg) < 0 ? errno : 0;
    }

    int info(shmq_info& info) const {
        std::memset(&info, 0, sizeof(info));
        info.size = sizeof(info);
        return ioctl(SHMQ_IOC_INFO, &info);
    }
    shmq_info info() const {
        shmq_info i;
        if (int error = info(i))
            fail("SHMQ_IOC_INFO", error);
        return i;
    }

    static shmq_claim claim_of(unsigned queue, std::uint32_t end, std::uint32_t room = 0) {
        return {.size = sizeof(shmq_claim),
                .flags = 0,
                .queue = queue,
                .end = end,
                .room = room,
                .reserved = 0};
    }
    int claim(unsigned queue, std::uint32_t end, std::uint32_t room = 0) const {
        const shmq_claim c = claim_of(queue, end, room);
        return ioctl(SHMQ_IOC_CLAIM, &c);
    }
    int release(unsigned queue, std::uint32_t end) const {
        const shmq_claim c = claim_of(queue, end);
        return ioctl(SHMQ_IOC_RELEASE, &c);
    }
    int reset(std::uint32_t* epoch = nullptr) const {
        shmq_reset r = {.size = sizeof(r), .flags = 0, .epoch = 0, .reserved = 0};
        const int error = ioctl(SHMQ_IOC_RESET, &r);
        if (epoch)
            *epoch = r.epoch;
        return error;
    }
    int kick(unsigned long bells = 0) const {
        return ::ioctl(fd(), SHMQ_IOC_KICK, bells) < 0 ? errno : 0;
    }

    int write(std::string_view message) const {
        const ssize_t n = ::write(fd(), message.data(), message.size());
        if (n < 0)
            return errno;
        return static_cast<std::size_t>(n) == message.size() ? 0 : ENODATA;
    }
    int read(std::string& message, std::size_t room = 70'000) const {
        message.resize(room);
        const ssize_t n = ::read(fd(), message.data(), room);
        const int error = n < 0 ? errno : 0;
        message.resize(error ? 0 : static_cast<std::size_t>(n));
        return error;
    }
    // The next message; an exception if there is none.
    std::string read() const {
        std::string m;
        if (int error = read(m))
            fail("read", error);
        return m;
    }

    // Any address and length, without what the compiler knows of read(2) and
    // write(2): the count, or -errno.
    long raw_read(void* to, std::size_t n) const {
        const long done = syscall(SYS_read, fd(), to, n);
        return done < 0 ? -errno : done;
    }
    long raw_write(const void* from, std::size_t n) const {
        const long done = syscall(SYS_write, fd(), from, n);
        return done < 0 ? -errno : done;
    }

    // What poll(2) finds: 0 after the time is over.
    int poll(short events, int timeout_ms = patience_ms) const {
        struct pollfd p = {fd(), events, 0};
        const int n = ::poll(&p, 1, timeout_ms);
        if (n < 0)
            fail("poll");
        return n ? p.revents : 0;
    }

    Mapping map(std::size_t length, std::uint64_t offset = 0, int prot = PROT_READ | PROT_WRITE,
                int flags = MAP_SHARED) const {
        return Mapping(fd(), length, offset, prot, flags);
    }

private:
    Fd fd_;
};

// All that a program maps of a device.
struct View {
    explicit View(const Device& device)
        : info(device.info()),
          region(device.map(info.region_length).need("mmap of the region")),
          state_page(device.map(info.control_length, info.state_offset, PROT_READ)
                         .need("mmap of the state page")),
          wake_page(device.map(info.control_length, info.wake_offset).need("mmap of wake page")) {
        format.framing = info.areas[0].framing;
        format.prefix_length = info.prefix_length;
        std::memcpy(format.prefix, info.prefix, sizeof(format.prefix));
    }

    const volatile shmq_state_page& state() const {
        return *reinterpret_cast<const volatile shmq_state_page*>(state_page.data());
    }
    const volatile shmq_queue_state& state(unsigned queue) const { return state().queues[queue]; }
    shmq_base wake() const { return wake_page.data(); }
    std::uint32_t sleeping(unsigned bell) const { return shmq_load_relaxed(wake(), word(bell)); }
    static std::uint32_t word(unsigned bell) {
        return bell * static_cast<std::uint32_t>(sizeof(shmq_sleep_word));
    }

    shmq_base base(unsigned queue) const { return region.data() + info.areas[queue].offset; }
    std::uint32_t length(unsigned queue) const {
        return static_cast<std::uint32_t>(info.areas[queue].length);
    }
    std::uint32_t capacity(unsigned queue) const { return length(queue) - SHMQ_QUEUE_HEADER; }
    std::uint32_t position(unsigned queue, std::uint32_t which) const {
        return shmq_load_acquire(base(queue), which);
    }
    void set_position(unsigned queue, std::uint32_t which, std::uint32_t to) const {
        shmq_store_release(base(queue), which, to);
    }

    shmq_info info;
    shmq_format format{};
    Mapping region, state_page, wake_page;
};

} // namespace test
