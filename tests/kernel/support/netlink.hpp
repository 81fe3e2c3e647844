// SPDX-License-Identifier: GPL-2.0-only OR MIT
// The driver's netlink family, bare: requests built byte by byte, replies as attributes.
#pragma once

#include "fd.hpp"

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <libmnl/libmnl.h>
#include <linux/genetlink.h>

#include <linux/shmq.h>
#include <linux/shmq_netlink.h>

namespace test {

// Bytes that may become a message: header, generic header, attributes.
class Request {
public:
    explicit Request(std::uint8_t command, std::uint16_t flags = 0);
    Request& u8(std::uint16_t type, std::uint8_t value);
    Request& u32(std::uint16_t type, std::uint32_t value);
    Request& s32(std::uint16_t type, std::int32_t value);
    Request& u64(std::uint16_t type, std::uint64_t value);
    Request& text(std::uint16_t type, const std::string& value); // with its NUL
    Request& raw(std::uint16_t type, std::string_view bytes);
    // Any bytes behind what is there; the length says so.
    Request& append(std::string_view bytes);

    nlmsghdr* header() { return reinterpret_cast<nlmsghdr*>(bytes_.data()); }
    genlmsghdr* generic() { return static_cast<genlmsghdr*>(mnl_nlmsg_get_payload(header())); }
    // Of the attribute that was added last, from the start of the message.
    std::uint32_t last() const { return last_; }

private:
    std::vector<char> bytes_;
    std::uint32_t last_ = 0;
};

// Attributes of a message, nested ones too.
struct Attributes {
    std::map<unsigned, std::string> value;
    std::vector<std::map<unsigned, std::string>> queues;

    bool has(unsigned type) const { return value.contains(type); }
    std::uint32_t u32(unsigned type) const;
    std::int32_t s32(unsigned type) const { return static_cast<std::int32_t>(u32(type)); }
    std::uint64_t u64(unsigned type) const;
    std::string text(unsigned type) const;
    std::uint32_t queue_u32(unsigned queue, unsigned type) const;
    std::uint64_t queue_u64(unsigned queue, unsigned type) const;
};

struct Answer {
    int error = 0;            // of the kernel: 0 or errno
    std::string sentence;     // of the extended acknowledgement
    std::uint32_t offset = 0; // of the attribute that it blames, 0: none
    bool inconsistent = false;
    std::vector<Attributes> messages;
};

struct Event {
    std::uint8_t command;
    Attributes attributes;
};

class Netlink {
public:
    Netlink();
    // No family here: an error, not an exception.
    static int resolve(std::uint16_t& family, std::uint32_t& events);

    Answer call(Request request);
    Answer call(std::uint8_t command, std::uint32_t index);
    Answer dump(std::uint8_t command);
    // A device by its attributes; an exception with the kernel's sentence if not.
    std::uint32_t add(const std::function<void(Request&)>& with = {});
    int remove(std::uint32_t index) { return call(SHMQ_CMD_DEV_DEL, index).error; }
    Attributes get(std::uint32_t index);
    Attributes statistics(std::uint32_t index);
    std::vector<std::uint32_t> indices();

    // Events from here on.
    void subscribe();
    std::optional<Event> event(int timeout_ms);
    // The next one that is that command, about that device.
    std::optional<Event> event_of(std::uint8_t command, std::uint32_t device,
                                  int timeout_ms = 60'000);
    int overruns() const { return overruns_; }
    int fd() const { return mnl_socket_get_fd(socket_.get()); }

private:
    struct Close {
        void operator()(mnl_socket* s) const { mnl_socket_close(s); }
    };
    std::unique_ptr<mnl_socket, Close> socket_;
    std::uint16_t family_ = 0;
    std::uint32_t events_ = 0;
    std::uint32_t sequence_ = 0;
    int overruns_ = 0;
    std::vector<Event> waiting_;
};

// How often the kernel's consumer of a device has looked.
std::uint64_t turns(std::uint32_t index = 0);
// Whether it comes to look no more.
bool comes_to_rest(std::uint32_t index = 0);

} // namespace test
