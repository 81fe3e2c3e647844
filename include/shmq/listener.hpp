// SPDX-License-Identifier: GPL-2.0-only OR MIT
// Channels to programs that are strangers, over a Unix socket.
//
//   auto listener = shmq::Listener::create("unix:/run/echo.sock");
//   auto channel = listener.accept();                               // one program
//
//   auto channel = shmq::Channel::open("unix:/run/echo.sock");      // another
//
// What a client can do to a listener, and what it cannot, is in docs/channel.md.
#ifndef SHMQ_LISTENER_HPP
#define SHMQ_LISTENER_HPP

#include <shmq/channel.hpp>
#include <shmq/format.hpp>
#include <shmq/waiting.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <system_error>

#include <sys/types.h>

namespace shmq {

/// What a listener offers, and its limits.
struct ListenOptions {
    /// Bytes of each of a client's two queues, rounded up to a multiple of 64,
    /// unless it asks for another size.
    std::size_t queue_size = std::size_t{256} * 1024;
    /// The largest queues that a client may ask for (EMSGSIZE); 0: queue_size.
    /// A client takes twice this and 4096 bytes of memory at most.
    std::size_t max_queue_size = 0;

    /// A client that wants another is refused (EPROTO).
    Format format = Format::checked();

    /// Bytes of an element of stream_sender() and stream_receiver(); 0: the
    /// client says. One that wants another size is refused (EPROTO).
    std::uint32_t element_size = 0;

    /// Of the service, 64 bytes at most; a client that looks for another is
    /// refused (EPROTO).
    std::string name = {};

    /// How the ends of accepted channels wait; as in OpenOptions.
    std::optional<Wait> wait = std::nullopt;

    /// Permissions of the socket, if it is a path: who may write may connect. An
    /// abstract one admits everybody in the network namespace: look at
    /// Channel::peer_credentials().
    mode_t mode = 0600;

    /// Channels that live at a time; more clients are refused (EUSERS). 0: no
    /// limit but that of descriptors, of which each takes one.
    std::uint32_t max_clients = 0;

    /// Clients that connected but said nothing yet: the oldest is dropped for a
    /// newer one, and each after a time.
    std::uint32_t max_pending = 64;
    Wait::Duration handshake_timeout = std::chrono::seconds(2);

    /// Clients that the kernel lets wait; see listen(2).
    int backlog = 128;
};

/// Waits for clients and makes a channel with each; move-only. The memory of a
/// channel is the listener's, anonymous and sealed: nothing of it has a name, no
/// descriptor of a client is ever taken, and no client can make an access fail.
///
/// A client that is silent, or says something wrong, holds up nobody. A path is
/// removed with its listener; one that a killed listener left is taken over.
///
/// Functions that can fail throw std::system_error; those with a
/// std::error_code& return something empty instead. Threads: one at a time;
/// channels that were accepted are independent of it.
class Listener {
public:
    /// "unix:/run/x.sock" or "unix:@name". EADDRINUSE: somebody listens there;
    /// EACCES, ENOENT (the directory); EPROTONOSUPPORT: another kind of address;
    /// EINVAL: options that cannot be.
    static Listener create(const std::string& address, ListenOptions options = {});
    static Listener create(const std::string& address, ListenOptions options, std::error_code& ec);

    /// Not listening: all that it can do is be assigned to.
    Listener() noexcept;
    Listener(Listener&&) noexcept;
    Listener& operator=(Listener&&) noexcept;
    ~Listener();

    /// The next client's channel, of which this is the first side; empty if none
    /// came in time. EMFILE, ENFILE, ENOMEM: a client had to be turned away; the
    /// listener goes on.
    Channel accept(Wait::Duration timeout = forever);
    Channel accept(Wait::Duration timeout, std::error_code& ec);

    /// The same without waiting: empty if nobody is there now. A bounded amount
    /// of work a call, whoever knocks.
    Channel try_accept();
    Channel try_accept(std::error_code& ec);

    /// Readable when try_accept() has something to do, which need not be a client
    /// that is ready. Level-triggered; with EPOLLET call it until it is empty and
    /// poll(2) says so too.
    [[nodiscard]] int fd() const noexcept;

    [[nodiscard]] explicit operator bool() const noexcept { return parts_ != nullptr; }
    /// As it was given.
    [[nodiscard]] const std::string& address() const noexcept;
    /// Channels that it accepted and that live.
    [[nodiscard]] std::size_t clients() const noexcept;
    /// Clients that it turned away or dropped, so far.
    [[nodiscard]] std::uint64_t refused() const noexcept;

private:
    class Parts;
    std::unique_ptr<Parts> parts_;
};

} // namespace shmq

#endif // SHMQ_LISTENER_HPP
