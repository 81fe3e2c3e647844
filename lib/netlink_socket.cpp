// SPDX-License-Identifier: GPL-2.0-only OR MIT
#include "netlink_socket.hpp"

#include "failure.hpp"

#include <linux/shmq_netlink.h>

#include <array>
#include <cstring>

#include <libmnl/libmnl.h>
#include <linux/genetlink.h>
#include <linux/netlink.h>

namespace shmq::detail {

namespace {

// What the kernel said at the end of an answer.
struct Verdict {
    int error = 0;
    std::string text;
};

int say(const nlattr* attribute, void* data) {
    if (mnl_attr_get_type(attribute) == NLMSGERR_ATTR_MSG &&
        mnl_attr_validate(attribute, MNL_TYPE_NUL_STRING) >= 0)
        static_cast<Verdict*>(data)->text = mnl_attr_get_str(attribute);
    return MNL_CB_OK;
}

int on_error(const nlmsghdr* message, void* data) {
    auto& verdict = *static_cast<Verdict*>(data);
    if (message->nlmsg_len < mnl_nlmsg_size(sizeof(nlmsgerr))) {
        verdict.error = EBADMSG;
        return MNL_CB_STOP;
    }
    const auto* error = static_cast<const nlmsgerr*>(mnl_nlmsg_get_payload(message));
    verdict.error = -error->error;
    if (message->nlmsg_flags & NLM_F_ACK_TLVS) {
        // Behind the request, which is here in full unless it was cut off.
        std::size_t offset = sizeof(nlmsgerr);
        if (!(message->nlmsg_flags & NLM_F_CAPPED))
            offset += mnl_nlmsg_get_payload_len(&error->msg);
        mnl_attr_parse(message, static_cast<unsigned>(offset), say, &verdict);
    }
    return MNL_CB_STOP;
}

int on_done(const nlmsghdr* message, void* data) {
    auto& verdict = *static_cast<Verdict*>(data);
    if (message->nlmsg_len >= mnl_nlmsg_size(sizeof(int))) {
        int error = 0;
        std::memcpy(&error, mnl_nlmsg_get_payload(message), sizeof(error));
        verdict.error = -error;
        if (message->nlmsg_flags & NLM_F_ACK_TLVS)
            mnl_attr_parse(message, sizeof(int), say, &verdict);
    }
    return MNL_CB_STOP;
}

// libmnl hands one pointer to data and control messages alike.
struct Answer : Verdict {
    const std::function<void(const nlmsghdr&)>* reply = nullptr;
};

int on_data(const nlmsghdr* message, void* data) {
    const auto& answer = *static_cast<const Answer*>(static_cast<Verdict*>(data));
    if (*answer.reply && message->nlmsg_len >= mnl_nlmsg_size(sizeof(genlmsghdr)))
        (*answer.reply)(*message);
    return MNL_CB_OK;
}

int hand_over(const nlattr* attribute, void* data) {
    (*static_cast<const EachAttribute*>(data))(*attribute);
    return MNL_CB_OK;
}

std::array<mnl_cb_t, NLMSG_DONE + 1>& control_messages() {
    static std::array<mnl_cb_t, NLMSG_DONE + 1> table = [] {
        std::array<mnl_cb_t, NLMSG_DONE + 1> t{};
        t[NLMSG_ERROR] = on_error;
        t[NLMSG_DONE] = on_done;
        return t;
    }();
    return table;
}

using Buffer = std::array<std::uint64_t, 32768 / sizeof(std::uint64_t)>;

} // namespace

void FreeSocket::operator()(mnl_socket* s) const noexcept {
    mnl_socket_close(s);
}

void attributes_of(const nlmsghdr& message, const EachAttribute& each) {
    mnl_attr_parse(&message, sizeof(genlmsghdr), hand_over, const_cast<EachAttribute*>(&each));
}

void attributes_of(const nlattr& nest, const EachAttribute& each) {
    mnl_attr_parse_nested(&nest, hand_over, const_cast<EachAttribute*>(&each));
}

std::uint64_t number_in(const nlattr& attribute) noexcept {
    switch (mnl_attr_get_payload_len(&attribute)) {
    case sizeof(std::uint8_t):
        return mnl_attr_get_u8(&attribute);
    case sizeof(std::uint16_t):
        return mnl_attr_get_u16(&attribute);
    case sizeof(std::uint32_t):
        return mnl_attr_get_u32(&attribute);
    case sizeof(std::uint64_t):
        return mnl_attr_get_u64(&attribute); // copied: it may lie askew
    default:
        return 0;
    }
}

std::string_view bytes_in(const nlattr& attribute) noexcept {
    return {static_cast<const char*>(mnl_attr_get_payload(&attribute)),
            mnl_attr_get_payload_len(&attribute)};
}

std::uint16_t type_of(const nlattr& attribute) noexcept {
    return mnl_attr_get_type(&attribute);
}

std::uint8_t command_of(const nlmsghdr& message) noexcept {
    return static_cast<const genlmsghdr*>(mnl_nlmsg_get_payload(&message))->cmd;
}

Request::Request(std::uint16_t family, std::uint8_t command, std::uint8_t version, bool dump)
    : buffer_(64) {
    nlmsghdr* message = mnl_nlmsg_put_header(buffer_.data());
    message->nlmsg_type = family;
    message->nlmsg_flags =
        static_cast<std::uint16_t>(NLM_F_REQUEST | (dump ? NLM_F_DUMP : NLM_F_ACK));
    auto* generic =
        static_cast<genlmsghdr*>(mnl_nlmsg_put_extra_header(message, sizeof(genlmsghdr)));
    generic->cmd = command;
    generic->version = version;
}

nlmsghdr& Request::header() noexcept {
    return *reinterpret_cast<nlmsghdr*>(buffer_.data());
}

// The message grows with what a user gives; the kernel says what is too long.
void* Request::room(std::size_t payload) {
    const std::size_t need = header().nlmsg_len + payload + 64;
    if (buffer_.size() * sizeof(std::uint64_t) < need)
        buffer_.resize(need / sizeof(std::uint64_t) + 1);
    return buffer_.data();
}

void Request::put(std::uint16_t type, std::uint8_t value) {
    mnl_attr_put_u8(static_cast<nlmsghdr*>(room(sizeof(value))), type, value);
}

void Request::put(std::uint16_t type, std::uint32_t value) {
    mnl_attr_put_u32(static_cast<nlmsghdr*>(room(sizeof(value))), type, value);
}

void Request::put(std::uint16_t type, std::uint64_t value) {
    mnl_attr_put_u64(static_cast<nlmsghdr*>(room(sizeof(value))), type, value);
}

void Request::put_text(std::uint16_t type, const std::string& value) {
    put_bytes(type, std::string_view(value.c_str(), value.size() + 1));
}

void Request::put_bytes(std::uint16_t type, std::string_view value) {
    if (value.size() > UINT16_MAX - MNL_ATTR_HDRLEN)
        fail(std::errc::argument_list_too_long,
             "a value of " + std::to_string(value.size()) + " bytes is too long for a request");
    mnl_attr_put(static_cast<nlmsghdr*>(room(value.size())), type, value.size(), value.data());
}

NetlinkSocket::NetlinkSocket() : socket_(mnl_socket_open2(NETLINK_GENERIC, SOCK_CLOEXEC)) {
    if (!socket_ || mnl_socket_bind(socket_.get(), 0, MNL_SOCKET_AUTOPID) < 0)
        fail_errno(errno, "netlink: this system gives no socket");
    const int on = 1;
    // Both are older than the kernels that the driver is for.
    mnl_socket_setsockopt(socket_.get(), NETLINK_EXT_ACK, const_cast<int*>(&on), sizeof(on));
    mnl_socket_setsockopt(socket_.get(), NETLINK_CAP_ACK, const_cast<int*>(&on), sizeof(on));
}

int NetlinkSocket::fd() const noexcept {
    return mnl_socket_get_fd(socket_.get());
}

void NetlinkSocket::ask(Request& request, const std::string& what,
                        const std::function<void(const nlmsghdr&)>& reply) {
    nlmsghdr& message = request.header();
    message.nlmsg_seq = ++sequence_;
    if (mnl_socket_sendto(socket_.get(), &message, message.nlmsg_len) < 0)
        fail_errno(errno, what);
    Answer answer;
    answer.reply = &reply;
    auto buffer = std::make_unique<Buffer>();
    auto& control = control_messages();
    int more = MNL_CB_OK;
    while (more > MNL_CB_STOP) {
        const ssize_t n = mnl_socket_recvfrom(socket_.get(), buffer->data(), sizeof(Buffer));
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            fail_errno(errno, what);
        more = mnl_cb_run2(buffer->data(), static_cast<std::size_t>(n), sequence_,
                           mnl_socket_get_portid(socket_.get()), on_data,
                           static_cast<Verdict*>(&answer), control.data(),
                           static_cast<unsigned>(control.size()));
        if (more < 0)
            fail_errno(errno, what);
    }
    if (answer.error == EPERM && answer.text.empty())
        answer.text = "an administrator's work (CAP_NET_ADMIN): do it as root";
    if (answer.error)
        fail_errno(answer.error, answer.text.empty() ? what : what + ": " + answer.text);
}

void NetlinkSocket::join(std::uint32_t group) {
    if (mnl_socket_setsockopt(socket_.get(), NETLINK_ADD_MEMBERSHIP, &group, sizeof(group)) < 0)
        fail_errno(errno, "netlink: the group of events cannot be joined");
}

bool NetlinkSocket::receive_now(const std::function<void(const nlmsghdr&)>& message) {
    auto buffer = std::make_unique<Buffer>();
    const ssize_t n = ::recv(fd(), buffer->data(), sizeof(Buffer), MSG_DONTWAIT);
    if (n < 0) {
        if (errno == EAGAIN || errno == EINTR)
            return false;
        fail_errno(errno, "netlink: events cannot be read");
    }
    Answer answer;
    answer.reply = &message;
    mnl_cb_run(buffer->data(), static_cast<std::size_t>(n), 0, 0, on_data,
               static_cast<Verdict*>(&answer));
    return true;
}

Family find_family(NetlinkSocket& socket) {
    Request request(GENL_ID_CTRL, CTRL_CMD_GETFAMILY, 2);
    request.put_text(CTRL_ATTR_FAMILY_NAME, SHMQ_FAMILY_NAME);
    Family family;
    const auto read_group = [&](const nlattr& group) {
        std::string_view name;
        std::uint32_t id = 0;
        attributes_of(group, [&](const nlattr& a) {
            if (type_of(a) == CTRL_ATTR_MCAST_GRP_NAME)
                name = bytes_in(a);
            else if (type_of(a) == CTRL_ATTR_MCAST_GRP_ID)
                id = static_cast<std::uint32_t>(number_in(a));
        });
        if (name == std::string_view(SHMQ_MCGRP_EVENTS, sizeof(SHMQ_MCGRP_EVENTS)))
            family.events = id;
    };
    try {
        socket.ask(request, "the driver's netlink family", [&](const nlmsghdr& reply) {
            attributes_of(reply, [&](const nlattr& a) {
                if (type_of(a) == CTRL_ATTR_FAMILY_ID)
                    family.id = static_cast<std::uint16_t>(number_in(a));
                else if (type_of(a) == CTRL_ATTR_MCAST_GROUPS)
                    attributes_of(a, read_group);
            });
        });
    } catch (const std::system_error& e) {
        if (e.code() != std::errc::no_such_file_or_directory)
            throw;
        fail(e.code(), "the shmq module is not loaded (modprobe shmq), is too old to be "
                       "controlled, or this is a network namespace (container) of its own");
    }
    return family;
}

} // namespace shmq::detail
