// SPDX-License-Identifier: GPL-2.0-only OR MIT
// Addresses of Unix sockets that no other test uses, and clients that are none.
#ifndef SHMQ_TESTS_SOCKETS_HPP
#define SHMQ_TESTS_SOCKETS_HPP

#include "names.hpp"

#include <chrono>
#include <cstddef>
#include <cstring>
#include <filesystem>
#include <set>
#include <string>
#include <thread>
#include <utility>

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/// "unix:/tmp/shmq-test-…", which does not outlive the test.
class SocketName {
public:
    SocketName() = default;
    SocketName(const SocketName&) = delete;
    SocketName& operator=(const SocketName&) = delete;
    ~SocketName() {
        if (owner_ == ::getpid())
            ::unlink(path_.c_str());
    }

    [[nodiscard]] const std::string& path() const { return path_; }
    [[nodiscard]] std::string address() const { return "unix:" + path_; }

private:
    std::string path_ = "/tmp" + unique_name();
    pid_t owner_ = ::getpid();
};

/// A connection to a listener that says what the test wants.
class RawClient {
public:
    explicit RawClient(const SocketName& name, int type = SOCK_SEQPACKET)
        : fd_(::socket(AF_UNIX, type | SOCK_CLOEXEC, 0)) {
        sockaddr_un to{};
        to.sun_family = AF_UNIX;
        std::memcpy(to.sun_path, name.path().c_str(), name.path().size() + 1);
        connected_ = ::connect(fd_, reinterpret_cast<const sockaddr*>(&to), sizeof(to)) == 0;
    }
    RawClient(RawClient&& other) noexcept
        : fd_(std::exchange(other.fd_, -1)), connected_(other.connected_) {}
    RawClient& operator=(RawClient&&) = delete;
    ~RawClient() {
        if (fd_ >= 0)
            ::close(fd_);
    }

    [[nodiscard]] int fd() const { return fd_; }
    [[nodiscard]] bool connected() const { return connected_; }

    bool send(const void* data, std::size_t size) const {
        return ::send(fd_, data, size, MSG_NOSIGNAL | MSG_DONTWAIT) == static_cast<ssize_t>(size);
    }

    /// With `count` descriptors of /dev/null.
    bool send_with_descriptors(const void* data, std::size_t size, int count) const {
        iovec part{const_cast<void*>(data), size};
        alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int) * 64)] = {};
        msghdr message{};
        message.msg_iov = &part;
        message.msg_iovlen = 1;
        message.msg_control = control;
        message.msg_controllen = CMSG_SPACE(sizeof(int) * static_cast<std::size_t>(count));
        cmsghdr* c = CMSG_FIRSTHDR(&message);
        c->cmsg_level = SOL_SOCKET;
        c->cmsg_type = SCM_RIGHTS;
        c->cmsg_len = CMSG_LEN(sizeof(int) * static_cast<std::size_t>(count));
        const int null = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
        for (int i = 0; i < count; ++i)
            std::memcpy(CMSG_DATA(c) + sizeof(int) * static_cast<std::size_t>(i), &null,
                        sizeof(int));
        const bool sent = ::sendmsg(fd_, &message, MSG_NOSIGNAL) >= 0;
        ::close(null);
        return sent;
    }

    /// The first packet that comes, empty at the end; and how long it takes.
    std::string receive(int flags = 0) const {
        char buffer[512];
        const ssize_t n = ::recv(fd_, buffer, sizeof(buffer), flags);
        return n > 0 ? std::string(buffer, static_cast<std::size_t>(n)) : std::string();
    }

private:
    int fd_;
    bool connected_ = false;
};

inline std::set<std::string> names_in(const char* directory) {
    std::set<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator(directory))
        names.insert(entry.path().filename());
    return names;
}

inline std::size_t open_descriptors() {
    return names_in("/proc/self/fd").size();
}

/// A name in shared memory that was not there `before` and does not go. Tests that
/// run beside this one have names there too, for a while.
inline std::string left_in_shm(const std::set<std::string>& before) {
    const auto give_up = std::chrono::steady_clock::now() + std::chrono::minutes(1);
    for (;;) {
        std::string left;
        for (const std::string& name : names_in("/dev/shm"))
            if (!before.contains(name))
                left = name;
        if (left.empty() || std::chrono::steady_clock::now() > give_up)
            return left;
        std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
}

#endif // SHMQ_TESTS_SOCKETS_HPP
