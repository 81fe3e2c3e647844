// SPDX-License-Identifier: GPL-2.0-only OR MIT
#include "socket_address.hpp"

#include "failure.hpp"

#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstring>
#include <thread>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

namespace shmq::detail {

namespace {

/// While it lives, no other listener looks at what is left in this directory.
/// A lock that somebody holds for long does not keep us from listening.
class DirectoryLock {
public:
    explicit DirectoryLock(const std::string& path) {
        const std::size_t slash = path.rfind('/');
        const std::string directory = slash == std::string::npos ? "." : path.substr(0, slash + 1);
        fd_ = Descriptor(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
        for (int i = 0; fd_ && i < 500 && ::flock(fd_.get(), LOCK_EX | LOCK_NB) != 0; ++i)
            std::this_thread::sleep_for(std::chrono::milliseconds(2));
    }

private:
    Descriptor fd_; // closing it unlocks
};

bool is_socket(const char* path) noexcept {
    struct stat st {};
    return ::lstat(path, &st) == 0 && S_ISSOCK(st.st_mode);
}

/// Whether a socket's name was left behind by a listener that died.
bool nobody_listens(const SocketAddress& address) {
    const Descriptor probe(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    return probe && is_socket(address.path()) &&
           ::connect(probe.get(), address.get(), address.size()) != 0 && errno == ECONNREFUSED;
}

[[noreturn]] void fail_bind(int error, const SocketAddress& address) {
    std::string what = address.text();
    if (error == EADDRINUSE && !address.is_abstract() && !is_socket(address.path()))
        what += ": there is a file of that name, which is no socket";
    else if (error == EADDRINUSE)
        what += ": another program listens there";
    else if (error == EACCES || error == EPERM)
        what += ": no permission to make a socket there";
    else if (error == ENOENT)
        what += ": its directory does not exist";
    else
        what += ": cannot listen";
    fail_errno(error, what);
}

} // namespace

SocketAddress::SocketAddress(const std::string& name)
    : abstract_(!name.empty() && name.front() == '@'), text_("unix:" + name) {
    if (name.size() < 1U + (abstract_ ? 1U : 0U) || name.find('\0') != std::string::npos)
        fail(std::errc::invalid_argument,
             "'" + text_ + "' names no socket: unix:/run/x.sock and unix:@name do");
    // A path ends with a NUL; an abstract name has one in place of the '@'.
    const std::size_t room = sizeof(address_.sun_path) - (abstract_ ? 0 : 1);
    if (name.size() > room)
        fail(std::errc::filename_too_long, text_ + ": a socket's name has at most " +
                                               std::to_string(room) +
                                               " bytes; use a shorter directory");
    address_.sun_family = AF_UNIX;
    std::memcpy(address_.sun_path, name.data(), name.size());
    if (abstract_)
        address_.sun_path[0] = '\0';
    size_ =
        static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + name.size() + (abstract_ ? 0 : 1));
}

Descriptor make_socket(const SocketAddress& address) {
    Descriptor fd(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!fd)
        fail_errno(errno, address.text() + ": no socket can be made");
    return fd;
}

BoundPath::BoundPath(int socket, const SocketAddress& address, mode_t mode, int backlog) {
    if (address.is_abstract()) {
        if (::bind(socket, address.get(), address.size()) != 0)
            fail_bind(errno, address);
        if (::listen(socket, backlog) != 0)
            fail_errno(errno, address.text() + ": cannot listen");
        return;
    }
    // So that the name is never there with more permissions than this.
    if (::fchmod(socket, mode) != 0)
        fail_errno(errno, address.text() + ": cannot set its mode");
    const DirectoryLock lock(address.path());
    int error = ::bind(socket, address.get(), address.size()) == 0 ? 0 : errno;
    if (error == EADDRINUSE && nobody_listens(address)) {
        ::unlink(address.path());
        error = ::bind(socket, address.get(), address.size()) == 0 ? 0 : errno;
    }
    if (error)
        fail_bind(error, address);
    path_ = address.path();
    struct stat st {};
    if (::lstat(path_.c_str(), &st) == 0) {
        device_ = st.st_dev;
        inode_ = st.st_ino;
    }
    owner_ = ::getpid();
    // The umask took from it.
    const bool ready = ::chmod(path_.c_str(), mode) == 0 && ::listen(socket, backlog) == 0;
    if (!ready) {
        error = errno;
        ::unlink(path_.c_str());
        fail_errno(error, address.text() + ": cannot listen");
    }
}

BoundPath::~BoundPath() {
    if (path_.empty() || owner_ != ::getpid())
        return;
    struct stat st {};
    if (::lstat(path_.c_str(), &st) == 0 && st.st_dev == device_ && st.st_ino == inode_)
        ::unlink(path_.c_str());
}

} // namespace shmq::detail
