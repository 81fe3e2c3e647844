// SPDX-License-Identifier: GPL-2.0-only OR MIT
#ifndef SHMQ_LIB_SOCKET_ADDRESS_HPP
#define SHMQ_LIB_SOCKET_ADDRESS_HPP

#include "descriptor.hpp"

#include <string>

#include <sys/socket.h>
#include <sys/types.h>
#include <sys/un.h>

namespace shmq::detail {

/// The rest of "unix:…": a path, or '@' and an abstract name.
class SocketAddress {
public:
    /// Throws EINVAL (nothing) or ENAMETOOLONG.
    explicit SocketAddress(const std::string& name);

    [[nodiscard]] const sockaddr* get() const noexcept {
        return reinterpret_cast<const sockaddr*>(&address_);
    }
    [[nodiscard]] socklen_t size() const noexcept { return size_; }
    [[nodiscard]] bool is_abstract() const noexcept { return abstract_; }
    /// For people: "unix:/run/x.sock".
    [[nodiscard]] const std::string& text() const noexcept { return text_; }
    [[nodiscard]] const char* path() const noexcept { return address_.sun_path; }

private:
    sockaddr_un address_{};
    socklen_t size_ = 0;
    bool abstract_ = false;
    std::string text_;
};

/// A socket that messages keep their bounds on, not inherited; throws.
Descriptor make_socket(const SocketAddress& address);

/// A path that a listening socket has; removed when this goes, if it is still ours.
class BoundPath {
public:
    /// Binds and listens. EADDRINUSE: somebody listens there. What a listener
    /// that was killed left behind is replaced. `mode` are the permissions of a path.
    BoundPath(int socket, const SocketAddress& address, mode_t mode, int backlog);
    BoundPath(const BoundPath&) = delete;
    BoundPath& operator=(const BoundPath&) = delete;
    ~BoundPath();

private:
    std::string path_; ///< empty: abstract
    dev_t device_ = 0;
    ino_t inode_ = 0;
    pid_t owner_ = 0; ///< a forked child removes nothing
};

} // namespace shmq::detail

#endif // SHMQ_LIB_SOCKET_ADDRESS_HPP
