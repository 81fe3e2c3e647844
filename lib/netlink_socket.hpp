// SPDX-License-Identifier: GPL-2.0-only OR MIT
// Requests to the driver's generic netlink family, and what comes back.
#ifndef SHMQ_LIB_NETLINK_SOCKET_HPP
#define SHMQ_LIB_NETLINK_SOCKET_HPP

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

struct mnl_socket;
struct nlattr;
struct nlmsghdr;

namespace shmq::detail {

/// Calls `each` with every attribute of a message, or of a nest. One whose
/// length cannot be ends it: the kernel is trusted, an old header less so.
using EachAttribute = std::function<void(const nlattr&)>;
void attributes_of(const nlmsghdr& message, const EachAttribute& each);
void attributes_of(const nlattr& nest, const EachAttribute& each);

/// The value, or 0 if it has another size.
[[nodiscard]] std::uint64_t number_in(const nlattr& attribute) noexcept;
[[nodiscard]] std::string_view bytes_in(const nlattr& attribute) noexcept;
[[nodiscard]] std::uint16_t type_of(const nlattr& attribute) noexcept;
/// The command of a generic netlink message.
[[nodiscard]] std::uint8_t command_of(const nlmsghdr& message) noexcept;

/// A request under construction.
class Request {
public:
    Request(std::uint16_t family, std::uint8_t command, std::uint8_t version, bool dump = false);

    void put(std::uint16_t type, std::uint8_t value);
    void put(std::uint16_t type, std::uint32_t value);
    void put(std::uint16_t type, std::uint64_t value);
    /// NUL-terminated.
    void put_text(std::uint16_t type, const std::string& value);
    void put_bytes(std::uint16_t type, std::string_view value);

    [[nodiscard]] nlmsghdr& header() noexcept;

private:
    void* room(std::size_t payload);

    std::vector<std::uint64_t> buffer_; ///< aligned as the kernel wants it
};

struct FreeSocket {
    void operator()(mnl_socket* s) const noexcept;
};

class NetlinkSocket {
public:
    NetlinkSocket();

    [[nodiscard]] int fd() const noexcept;

    /// Sends it, and calls `reply` with each message of the answer. Throws
    /// std::system_error with the kernel's own words after `what`.
    void ask(Request& request, const std::string& what,
             const std::function<void(const nlmsghdr&)>& reply = {});

    /// Subscribes to a multicast group.
    void join(std::uint32_t group);

    /// Calls `message` with each that there is. False: there was none. Throws
    /// ENOBUFS if some were lost.
    bool receive_now(const std::function<void(const nlmsghdr&)>& message);

private:
    std::unique_ptr<mnl_socket, FreeSocket> socket_;
    std::uint32_t sequence_ = 0;
};

/// The driver's family, as the kernel numbers it today.
struct Family {
    std::uint16_t id = 0;
    std::uint32_t events = 0; ///< the multicast group
};

/// Throws (ENOENT) if there is none.
[[nodiscard]] Family find_family(NetlinkSocket& socket);

} // namespace shmq::detail

#endif // SHMQ_LIB_NETLINK_SOCKET_HPP
