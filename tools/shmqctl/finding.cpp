// SPDX-License-Identifier: GPL-2.0-only OR MIT
#include "finding.hpp"

#include "text.hpp"

#include <shmq/control.hpp>
#include <shmq/device.hpp>

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <fstream>
#include <string_view>

#include <sys/statvfs.h>
#include <sys/utsname.h>
#include <unistd.h>

namespace shmqctl {

namespace {

namespace fs = std::filesystem;

// Whether a module of this kernel's own or an added one is there to be loaded.
bool module_installed(const std::string& release) {
    std::ifstream list("/lib/modules/" + release + "/modules.dep");
    for (std::string line; std::getline(list, line);)
        if (const std::string file = line.substr(0, line.find(':'));
            file == "shmq.ko" || file.find("/shmq.ko") != std::string::npos)
            return true;
    return false;
}

std::string holder(enum shmq_end_holder who) {
    switch (who) {
    case SHMQ_HOLDER_NONE:
        return "nobody yet";
    case SHMQ_HOLDER_KERNEL:
        return "the kernel";
    case SHMQ_HOLDER_USER:
        return "a program";
    case SHMQ_HOLDER_GONE:
        return "nobody any more";
    }
    return "somebody";
}

void look_at_queues(const shmq::Device& device, std::vector<Finding>& findings) {
    for (const shmq_area& area : device.areas()) {
        if (area.type != SHMQ_AREA_QUEUE)
            continue;
        const std::string queue = device.path() + " queue " + std::to_string(area.queue);
        if (device.run_state(area.queue) != SHMQ_QUEUE_RUNNING) {
            findings.push_back(
                {Verdict::bad, queue + " is stopped: a program stored what cannot be",
                 "end that program, then start over: shmqctl reset " + device.path()});
            continue;
        }
        const shmq_queue_state state = device.queue_state(area.queue);
        findings.push_back({Verdict::good,
                            queue + " runs: written by " +
                                holder(static_cast<enum shmq_end_holder>(state.producer)) +
                                ", read by " +
                                holder(static_cast<enum shmq_end_holder>(state.consumer)) + "; " +
                                std::to_string(state.messages) + " messages, " +
                                std::to_string(state.damaged) + " damaged",
                            ""});
    }
}

void look_at_device(const std::string& path, std::vector<Finding>& findings) {
    try {
        const auto device = shmq::Device::open(path);
        const shmq_info& info = device.info();
        findings.push_back({Verdict::good,
                            path + ": " + human_bytes(info.region_length) + ", handler " +
                                info.handler + ", messages of at most " +
                                human_bytes(info.max_message) + "; you may use it",
                            ""});
        look_at_queues(device, findings);
    } catch (const std::system_error& e) {
        const bool rights = e.code() == std::errc::permission_denied;
        findings.push_back({rights ? Verdict::hint : Verdict::bad, e.what(),
                            rights ? "as root: shmqctl set " + path +
                                         " --group GROUP --mode 0660, and adduser YOU GROUP"
                                   : ""});
    }
}

// Whether this process may manage devices: a bit of capabilities(7).
bool has_net_admin() {
    constexpr unsigned cap_net_admin = 12;
    std::ifstream status("/proc/self/status");
    for (std::string key, value; status >> key && std::getline(status, value);)
        if (key == "CapEff:")
            return std::strtoull(value.c_str(), nullptr, 16) >> cap_net_admin & 1;
    return false;
}

std::uint64_t meminfo(std::string_view name) {
    std::ifstream file("/proc/meminfo");
    for (std::string key, rest; file >> key && std::getline(file, rest);)
        if (key == std::string(name) + ':')
            return std::strtoull(rest.c_str(), nullptr, 10) * 1024;
    return 0;
}

} // namespace

bool module_loaded() {
    return fs::exists("/sys/module/shmq");
}

std::vector<unsigned> device_nodes() {
    std::vector<unsigned> numbers;
    std::error_code ignored;
    for (const fs::directory_entry& entry : fs::directory_iterator("/dev", ignored)) {
        const std::string name = entry.path().filename();
        unsigned number = 0;
        const char* end = name.data() + name.size();
        if (name.starts_with("shmq") && std::from_chars(name.data() + 4, end, number).ptr == end &&
            name.size() > 4)
            numbers.push_back(number);
    }
    std::sort(numbers.begin(), numbers.end());
    return numbers;
}

void look_at_module(std::vector<Finding>& findings) {
    utsname kernel{};
    ::uname(&kernel);
    const std::string release = kernel.release;
    if (module_loaded()) {
        findings.push_back({Verdict::good, "the module is loaded into Linux " + release, ""});
        return;
    }
    if (module_installed(release))
        findings.push_back({Verdict::bad, "the module is not loaded",
                            "as root: modprobe shmq; at each boot: echo shmq > "
                            "/etc/modules-load.d/shmq.conf"});
    else
        findings.push_back({Verdict::bad, "there is no module for Linux " + release,
                            "build it: apt-get install linux-headers-" + release +
                                " make gcc; make -C /lib/modules/" + release +
                                "/build M=$PWD modules; insmod shmq.ko"});
}

void look_at_devices(std::vector<Finding>& findings) {
    const auto numbers = device_nodes();
    if (numbers.empty() && module_loaded())
        findings.push_back({Verdict::hint, "there is no device", "as root: shmqctl add"});
    for (const unsigned number : numbers)
        look_at_device("/dev/shmq" + std::to_string(number), findings);
}

void look_at_control(std::vector<Finding>& findings) {
    if (!module_loaded())
        return;
    try {
        static_cast<void>(shmq::Control::open());
    } catch (const std::system_error& e) {
        findings.push_back({Verdict::hint, e.what(),
                            "devices can be used; to manage them, load a newer module, outside of "
                            "a container"});
        return;
    }
    if (has_net_admin())
        findings.push_back({Verdict::good, "you may make, change and remove devices", ""});
    else
        findings.push_back({Verdict::hint, "you may look at devices, not make or change them",
                            "as root, or with CAP_NET_ADMIN: shmqctl add, set, del"});
}

void look_at_memory(std::vector<Finding>& findings) {
    struct statvfs shm {};
    if (::statvfs("/dev/shm", &shm) != 0 || ::access("/dev/shm", W_OK) != 0) {
        findings.push_back({Verdict::bad,
                            "/dev/shm cannot be written to: no shared memory (shm:/NAME) between "
                            "processes",
                            "as root: mount -t tmpfs -o mode=1777 tmpfs /dev/shm"});
    } else {
        const std::uint64_t room = static_cast<std::uint64_t>(shm.f_bavail) * shm.f_frsize;
        findings.push_back({room < (1U << 20) ? Verdict::hint : Verdict::good,
                            "/dev/shm has room for " + human_bytes(room) + " of shared memory",
                            room < (1U << 20) ? "remove what is not used from /dev/shm, or: mount "
                                                "-o remount,size=SIZE /dev/shm"
                                              : ""});
    }
    const std::uint64_t cma = meminfo("CmaTotal");
    if (cma == 0)
        findings.push_back({Verdict::hint,
                            "this kernel has set no memory (CMA) aside: a device has at most 4 MiB "
                            "on x86",
                            "for more, boot with cma=64M, if the kernel is built with CONFIG_CMA"});
    else
        findings.push_back({Verdict::good,
                            "large devices: " + human_bytes(meminfo("CmaFree")) + " of " +
                                human_bytes(cma) + " contiguous memory (CMA) are free",
                            ""});
}

} // namespace shmqctl
