// SPDX-License-Identifier: GPL-2.0-only OR MIT
#include "descriptor.hpp"
#include "failure.hpp"

#include <shmq/device.hpp>

#include <cstddef>
#include <cstring>
#include <utility>

#include <fcntl.h>
#include <grp.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>

namespace shmq {

using detail::Descriptor;
using detail::fail;
using detail::fail_errno;
using detail::guarded;

namespace {

// A control page of the driver's, mapped.
class Page {
public:
    Page() noexcept = default;
    Page(int fd, std::uint64_t offset, std::uint64_t length, int protection,
         const std::string& what)
        : length_(static_cast<std::size_t>(length)) {
        void* at = ::mmap(nullptr, length_, protection, MAP_SHARED, fd, static_cast<off_t>(offset));
        if (at == MAP_FAILED)
            fail_errno(errno, what);
        base_ = static_cast<shmq_base>(at);
    }
    Page(const Page&) = delete;
    Page& operator=(const Page&) = delete;
    Page(Page&& other) noexcept
        : base_(std::exchange(other.base_, nullptr)), length_(other.length_) {}
    Page& operator=(Page&& other) noexcept {
        std::swap(base_, other.base_);
        std::swap(length_, other.length_);
        return *this;
    }
    ~Page() {
        if (base_)
            ::munmap(base_, length_);
    }

    [[nodiscard]] shmq_base base() const noexcept { return base_; }

private:
    shmq_base base_ = nullptr;
    std::size_t length_ = 0;
};

std::string no_permission(const std::string& path) {
    struct stat st {};
    std::string text = path + ": no permission";
    if (::stat(path.c_str(), &st) == 0) {
        const struct group* group = ::getgrgid(st.st_gid);
        const std::string name = group ? group->gr_name : std::to_string(st.st_gid);
        char mode[8];
        std::snprintf(mode, sizeof(mode), "%04o", static_cast<unsigned>(st.st_mode & 07777));
        text += ": it belongs to group '" + name + "' with mode " + mode +
                "; join the group, or have the administrator change either";
    }
    return text;
}

[[noreturn]] void fail_open(const std::string& path, int error) {
    switch (error) {
    case ENOENT:
    case ENODEV:
    case ENXIO:
        fail_errno(error, path + ": no such device: is the module loaded? (modprobe shmq)");
    case EACCES:
    case EPERM:
        fail_errno(error, no_permission(path));
    default:
        fail_errno(error, path + ": cannot be opened");
    }
}

shmq_info ask_driver(int fd, const std::string& path) {
    shmq_info info{};
    info.size = sizeof(info);
    if (::ioctl(fd, SHMQ_IOC_INFO, &info) != 0) {
        const int error = errno;
        if (error == ENOTTY)
            fail_errno(error, path + ": not a device of the shmq module");
        if (error == EINVAL)
            fail_errno(error, path + ": the loaded module is older than this program: update it");
        fail_errno(error, path + ": does not tell what it is");
    }
    if (info.abi_version != SHMQ_ABI_VERSION)
        fail(std::errc::protocol_error,
             path + ": the loaded module speaks version " + std::to_string(info.abi_version) +
                 " of the interface, this program version " + std::to_string(SHMQ_ABI_VERSION) +
                 ": update the older of the two");
    if (info.area_count > SHMQ_MAX_AREAS || info.prefix_length > SHMQ_MAX_PREFIX ||
        info.control_length < sizeof(shmq_state_page) ||
        info.control_length < sizeof(shmq_wake_page) || info.region_length > SIZE_MAX)
        fail(std::errc::protocol_error, path + ": tells what cannot be");
    return info;
}

// The state page as the rest of the project sees shared memory: base and offset.
constexpr std::uint32_t at_epoch = offsetof(shmq_state_page, epoch);
constexpr std::uint32_t at_removed = offsetof(shmq_state_page, removed);

constexpr std::uint32_t at_queue(std::uint32_t queue, std::size_t field) noexcept {
    return static_cast<std::uint32_t>(offsetof(shmq_state_page, queues) +
                                      queue * sizeof(shmq_queue_state) + field);
}

} // namespace

struct Device::Parts {
    std::string path;
    Descriptor fd;
    shmq_info info;
    Region region;
    Page state;
    Page wake;
};

Device::Device(std::unique_ptr<Parts> parts) noexcept : parts_(std::move(parts)) {}
Device::Device(Device&&) noexcept = default;
Device& Device::operator=(Device&&) noexcept = default;
Device::~Device() = default;

Device Device::open(const std::string& path) {
    auto parts = std::make_unique<Parts>();
    parts->path = path;
    parts->fd = Descriptor(::open(path.c_str(), O_RDWR | O_CLOEXEC));
    if (!parts->fd)
        fail_open(path, errno);
    const int fd = parts->fd.get();
    const shmq_info info = ask_driver(fd, path);
    parts->info = info;
    try {
        parts->region = Region::from_fd(fd, static_cast<std::size_t>(info.region_length));
    } catch (const std::system_error& e) {
        fail(e.code(), path + ": its memory cannot be mapped");
    }
    parts->state = Page(fd, info.state_offset, info.control_length, PROT_READ,
                        path + ": its state page cannot be mapped");
    parts->wake = Page(fd, info.wake_offset, info.control_length, PROT_READ | PROT_WRITE,
                       path + ": its wake page cannot be mapped");
    return Device(std::move(parts));
}

Device Device::open(const std::string& path, std::error_code& ec) {
    return guarded(ec, Device(nullptr), [&] { return open(path); });
}

const std::string& Device::path() const noexcept {
    return parts_->path;
}

int Device::fd() const noexcept {
    return parts_->fd.get();
}

const shmq_info& Device::info() const noexcept {
    return parts_->info;
}

std::span<const shmq_area> Device::areas() const noexcept {
    return {parts_->info.areas, parts_->info.area_count};
}

Format Device::format() const noexcept {
    shmq_format core{};
    for (const shmq_area& area : areas())
        if (area.type == SHMQ_AREA_QUEUE)
            core.framing = area.framing;
    core.prefix_length = info().prefix_length;
    std::memcpy(core.prefix, info().prefix, sizeof(core.prefix));
    return Format::from_core(core);
}

shmq_info Device::ask() const {
    return ask_driver(fd(), path());
}

const Region& Device::region() const noexcept {
    return parts_->region;
}

std::span<std::byte> Device::memory(const shmq_area& area) const {
    return parts_->region.slice(area.offset, area.length);
}

std::uint32_t Device::epoch() const noexcept {
    return shmq_load_acquire(parts_->state.base(), at_epoch);
}

bool Device::removed() const noexcept {
    return shmq_load_acquire(parts_->state.base(), at_removed) != 0;
}

enum shmq_queue_run Device::run_state(std::uint32_t queue) const noexcept {
    return static_cast<enum shmq_queue_run>(shmq_load_acquire(
        parts_->state.base(), at_queue(queue, offsetof(shmq_queue_state, state))));
}

enum shmq_end_holder Device::holder(std::uint32_t queue, enum shmq_end_id end) const noexcept {
    const std::size_t field = end == SHMQ_END_PRODUCER ? offsetof(shmq_queue_state, producer)
                                                       : offsetof(shmq_queue_state, consumer);
    return static_cast<enum shmq_end_holder>(
        shmq_load_acquire(parts_->state.base(), at_queue(queue, field)));
}

shmq_queue_state Device::queue_state(std::uint32_t queue) const noexcept {
    shmq_queue_state copy{};
    shmq_copy_in(&copy, parts_->state.base(), at_queue(queue, 0), sizeof(copy));
    return copy;
}

shmq_base Device::sleep_words() const noexcept {
    return parts_->wake.base();
}

namespace {

shmq_claim claim_of(std::uint32_t queue, enum shmq_end_id end, std::uint32_t room = 0,
                    Carries carries = Carries::messages) noexcept {
    shmq_claim claim{};
    claim.size = sizeof(claim);
    claim.flags = carries == Carries::bytes ? SHMQ_CLAIM_BYTES : 0;
    claim.queue = queue;
    claim.end = end;
    claim.room = room;
    return claim;
}

} // namespace

void Device::claim(std::uint32_t queue, enum shmq_end_id end, std::uint32_t room,
                   Carries carries) const {
    const std::string what = path() + ": the " +
                             (end == SHMQ_END_PRODUCER ? "producer" : "consumer") + " of queue " +
                             std::to_string(queue);
    const shmq_claim claim = claim_of(queue, end, room, carries);
    if (::ioctl(fd(), SHMQ_IOC_CLAIM, &claim) == 0)
        return;
    const int error = errno;
    switch (error) {
    case EBUSY:
        fail_errno(error, holder(queue, end) == SHMQ_HOLDER_KERNEL
                              ? what + " is the kernel's own: open the other side, or set the "
                                       "device's handler to none"
                              : what + " is claimed by another open file");
    case EMSGSIZE:
        fail_errno(error, what + " has never room for " + std::to_string(room) + " bytes");
    case ENODEV:
        fail_errno(error, path() + ": the device has been removed");
    default:
        fail_errno(error, what + " cannot be claimed");
    }
}

void Device::claim(std::uint32_t queue, enum shmq_end_id end, std::uint32_t room, Carries carries,
                   std::error_code& ec) const {
    guarded(ec, 0, [&] {
        claim(queue, end, room, carries);
        return 0;
    });
}

void Device::release(std::uint32_t queue, enum shmq_end_id end,
                     std::error_code& ec) const noexcept {
    const shmq_claim claim = claim_of(queue, end);
    ec.clear();
    if (::ioctl(fd(), SHMQ_IOC_RELEASE, &claim) != 0)
        ec.assign(errno, std::generic_category());
}

void Device::release(std::uint32_t queue, enum shmq_end_id end) const {
    std::error_code ec;
    release(queue, end, ec);
    if (ec)
        fail(ec, path() + ": this open file has no such end to release");
}

std::uint32_t Device::reset() const {
    shmq_reset reset{};
    reset.size = sizeof(reset);
    if (::ioctl(fd(), SHMQ_IOC_RESET, &reset) != 0) {
        const int error = errno;
        fail_errno(error, error == EBUSY
                              ? path() +
                                    ": another open file has an end, or an owner is in its pool; "
                                    "it must go first"
                              : path() + ": cannot be reset");
    }
    return reset.epoch;
}

std::uint32_t Device::reset(std::error_code& ec) const {
    return guarded(ec, 0u, [&] { return reset(); });
}

void Device::kick(std::uint32_t bells, std::error_code& ec) const noexcept {
    ec.clear();
    if (::ioctl(fd(), SHMQ_IOC_KICK, static_cast<unsigned long>(bells)) != 0)
        ec.assign(errno, std::generic_category());
}

void Device::kick(std::uint32_t bells) const {
    std::error_code ec;
    kick(bells, ec);
    if (ec)
        fail(ec, path() + ": the doorbell cannot be rung");
}

} // namespace shmq
