// SPDX-License-Identifier: GPL-2.0-only OR MIT
// The connecting side of the handshake, and what both sides send.
#include "handshake.hpp"

#include "deadline.hpp"
#include "failure.hpp"
#include "socket_address.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <thread>
#include <utility>

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>

namespace shmq::detail {

namespace {

[[noreturn]] void fail_connect(int error, const SocketAddress& address) {
    std::string what = address.text();
    if (error == ENOENT)
        what += ": does not exist; is the program that listens there running?";
    else if (error == ECONNREFUSED)
        what += ": nobody listens there; start the program that does";
    else if (error == EACCES || error == EPERM)
        what += ": no permission; the socket's mode must admit you for writing";
    else if (error == EPROTOTYPE)
        what += ": a socket of another kind: no listener of shmq";
    else
        what += ": cannot connect";
    fail_errno(error, what);
}

[[noreturn]] void fail_late(const SocketAddress& address) {
    fail(std::errc::timed_out,
         address.text() + ": the program that listens there does not answer in time");
}

void connect_to(int socket, const SocketAddress& address, Clock::time_point end) {
    while (::connect(socket, address.get(), address.size()) != 0) {
        if (errno == EINTR)
            continue;
        if (errno != EAGAIN)
            fail_connect(errno, address);
        // Its queue of connections is full.
        if (Clock::now() >= end)
            fail_late(address);
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
}

/// The answer's packet; the descriptors that came, all but one closed. The size
/// of the packet, or 0: the listener has hung up.
std::size_t receive_answer(int socket, Answer& answer, Descriptor& passed) {
    iovec part{&answer, sizeof(answer)};
    // No room for a second descriptor: the kernel drops it.
    alignas(cmsghdr) std::array<std::byte, CMSG_SPACE(sizeof(int))> control{};
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    message.msg_control = control.data();
    message.msg_controllen = CMSG_LEN(sizeof(int));
    constexpr int flags = MSG_DONTWAIT | MSG_CMSG_CLOEXEC | MSG_TRUNC;
    ssize_t n = ::recvmsg(socket, &message, flags);
    // A listener that hung up before it had read all: its answer comes next.
    if (n < 0 && errno == ECONNRESET)
        n = ::recvmsg(socket, &message, flags);
    if (n < 0)
        return 0;
    for (cmsghdr* c = CMSG_FIRSTHDR(&message); c; c = CMSG_NXTHDR(&message, c)) {
        if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
            continue;
        for (std::size_t at = CMSG_LEN(0); at + sizeof(int) <= c->cmsg_len; at += sizeof(int)) {
            int fd = -1;
            std::memcpy(&fd, reinterpret_cast<const std::byte*>(c) + at, sizeof(fd));
            passed = Descriptor(fd);
        }
    }
    if ((message.msg_flags & MSG_CTRUNC) != 0)
        passed = Descriptor(); // more than one, or no descriptor left for it
    return static_cast<std::size_t>(n);
}

std::string text_of(const Answer& answer) {
    std::string text(answer.text.data(),
                     std::min<std::size_t>(answer.text_length, answer.text.size()));
    // It goes to a terminal.
    std::replace_if(
        text.begin(), text.end(), [](unsigned char c) { return c < ' ' || c == 127; }, '?');
    return text;
}

/// Only memory that nobody can take away may be mapped: else SIGBUS.
void check_memory(const Granted& granted, const SocketAddress& address) {
    const int seals = ::fcntl(granted.memory.get(), F_GET_SEALS);
    struct stat st {};
    if (seals < 0 || (seals & F_SEAL_SHRINK) == 0 || ::fstat(granted.memory.get(), &st) != 0 ||
        static_cast<std::uint64_t>(st.st_size) != granted.total)
        fail(std::errc::protocol_error,
             address.text() + ": the listener gave memory that is not sealed, or not as large as "
                              "it says");
}

} // namespace

Hello make_hello(const OpenOptions& options) {
    Hello hello;
    if (options.queue_size > SHMQ_QUEUE_MAX)
        fail(std::errc::invalid_argument,
             "a queue has at most 2 GiB, not " + std::to_string(options.queue_size));
    if (options.name.size() > hello.name.size())
        fail(std::errc::invalid_argument, "the name of a service has at most 64 bytes");
    hello.queue_size = static_cast<std::uint32_t>(options.queue_size);
    hello.element_size = options.element_size;
    hello.name_length = static_cast<std::uint32_t>(options.name.size());
    std::copy(options.name.begin(), options.name.end(), hello.name.begin());
    if (options.format) {
        const shmq_format& format = options.format->core();
        hello.framing = format.framing;
        hello.prefix_length = format.prefix_length;
        std::memcpy(hello.prefix.data(), format.prefix, format.prefix_length);
    }
    return hello;
}

int send_packet(int socket, const void* packet, std::size_t size, int passed) noexcept {
    iovec part{const_cast<void*>(packet), size};
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    alignas(cmsghdr) std::array<std::byte, CMSG_SPACE(sizeof(int))> control{};
    if (passed >= 0) {
        message.msg_control = control.data();
        message.msg_controllen = control.size();
        cmsghdr* c = CMSG_FIRSTHDR(&message);
        c->cmsg_level = SOL_SOCKET;
        c->cmsg_type = SCM_RIGHTS;
        c->cmsg_len = CMSG_LEN(sizeof(int));
        std::memcpy(CMSG_DATA(c), &passed, sizeof(passed));
    }
    return ::sendmsg(socket, &message, MSG_DONTWAIT | MSG_NOSIGNAL) < 0 ? errno : 0;
}

void send_refusal(int socket, int error, std::string_view text) noexcept {
    Answer answer;
    answer.error = static_cast<std::uint32_t>(error);
    text = text.substr(0, answer.text.size());
    answer.text_length = static_cast<std::uint32_t>(text.size());
    std::copy(text.begin(), text.end(), answer.text.begin());
    send_packet(socket, &answer, sizeof(answer), -1);
}

Granted ask_listener(const std::string& name, const OpenOptions& options) {
    const SocketAddress address(name);
    const Hello hello = make_hello(options);
    const auto end = after(options.timeout);
    Descriptor socket = make_socket(address);
    connect_to(socket.get(), address, end);
    // What it sent before it hung up is still there to be read.
    send_packet(socket.get(), &hello, sizeof(hello), -1);

    for (;;) {
        pollfd p{socket.get(), POLLIN, 0};
        const int ready = ::poll(&p, 1, milliseconds_until(end));
        if (ready > 0)
            break;
        if (ready == 0)
            fail_late(address);
        if (errno != EINTR)
            fail_errno(errno, address.text() + ": cannot be waited for");
    }
    Answer answer;
    Descriptor memory;
    const std::size_t size = receive_answer(socket.get(), answer, memory);
    if (size == 0)
        fail(std::errc::connection_reset,
             address.text() + ": the listener hung up without an answer: it is too busy, or died");
    if (size != sizeof(answer) || answer.magic != Answer::its_magic)
        fail(std::errc::protocol_error, address.text() + ": no listener of shmq");
    if (answer.error != 0 && answer.error < 4096)
        fail_errno(static_cast<int>(answer.error),
                   address.text() + ": refused: " + text_of(answer));
    if (answer.version != Hello::its_version)
        fail(std::errc::protocol_error,
             address.text() + ": a listener of another version: update the older program");
    if (!memory)
        fail(std::errc::too_many_files_open,
             address.text() + ": no memory came with the answer: this program has no descriptor "
                              "left for it, or the listener is broken");
    Granted granted{std::move(socket), std::move(memory), answer.total, answer.element_size};
    check_memory(granted, address);
    return granted;
}

} // namespace shmq::detail
