// SPDX-License-Identifier: GPL-2.0-only OR MIT
#include "netlink.hpp"
#include "process.hpp"

#include <cstring>
#include <stdexcept>

#include <poll.h>

namespace test {
namespace {

template <class T>
std::string_view bytes_of(const T& value) {
    return {reinterpret_cast<const char*>(&value), sizeof(value)};
}

template <class T>
T value_of(const std::map<unsigned, std::string>& from, unsigned type) {
    T value{};
    const auto found = from.find(type);
    if (found == from.end() || found->second.size() < sizeof(value))
        throw std::runtime_error("no attribute " + std::to_string(type) + " of that size");
    std::memcpy(&value, found->second.data(), sizeof(value));
    return value;
}

// The macros of libmnl are C: here its callbacks, with a lambda.
template <class F>
int visit(const nlattr* a, void* f) {
    (*static_cast<F*>(f))(a);
    return MNL_CB_OK;
}
template <class F>
void for_each(const nlmsghdr* header, std::size_t skip, F f) {
    mnl_attr_parse(header, static_cast<unsigned>(skip), visit<F>, &f);
}
template <class F>
void for_each_nested(const nlattr* nest, F f) {
    mnl_attr_parse_nested(nest, visit<F>, &f);
}

std::string bytes_in(const nlattr* a) {
    return {static_cast<const char*>(mnl_attr_get_payload(a)), mnl_attr_get_payload_len(a)};
}

std::map<unsigned, std::string> flat(const nlattr* nest) {
    std::map<unsigned, std::string> all;
    for_each_nested(nest, [&](const nlattr* a) { all[mnl_attr_get_type(a)] = bytes_in(a); });
    return all;
}

bool is_event(std::uint8_t command) {
    return command >= SHMQ_CMD_DEV_ADD_NTF;
}

bool about_a_device(std::uint8_t command) {
    return command <= SHMQ_CMD_DEV_CHANGE_NTF;
}

Attributes attributes_of(const nlmsghdr* header) {
    Attributes found;
    const auto command = static_cast<const genlmsghdr*>(mnl_nlmsg_get_payload(header))->cmd;
    for_each(header, sizeof(genlmsghdr), [&](const nlattr* a) {
        if (about_a_device(command) && mnl_attr_get_type(a) == SHMQ_A_DEV_QUEUE)
            found.queues.push_back(flat(a));
        found.value[mnl_attr_get_type(a)] = bytes_in(a);
    });
    return found;
}

// What the kernel says behind an error.
void read_sentence(const nlmsghdr* header, std::size_t skip, Answer& answer) {
    for_each(header, skip, [&](const nlattr* a) {
        if (mnl_attr_get_type(a) == NLMSGERR_ATTR_MSG)
            answer.sentence = mnl_attr_get_str(a);
        else if (mnl_attr_get_type(a) == NLMSGERR_ATTR_OFFS)
            answer.offset = mnl_attr_get_u32(a);
    });
}

void read_error(const nlmsghdr* header, Answer& answer) {
    const auto* e = static_cast<const nlmsgerr*>(mnl_nlmsg_get_payload(header));
    answer.error = -e->error;
    std::size_t skip = sizeof(*e);
    if (!(header->nlmsg_flags & NLM_F_CAPPED))
        skip += mnl_nlmsg_get_payload_len(&e->msg);
    if (header->nlmsg_flags & NLM_F_ACK_TLVS)
        read_sentence(header, MNL_ALIGN(skip), answer);
}

// The end of a dump has the error, and the sentence behind it.
void read_done(const nlmsghdr* header, Answer& answer) {
    if (mnl_nlmsg_get_payload_len(header) < sizeof(int))
        return;
    answer.error = -*static_cast<const int*>(mnl_nlmsg_get_payload(header));
    read_sentence(header, sizeof(int), answer);
}

mnl_socket* open_socket() {
    mnl_socket* s = mnl_socket_open2(NETLINK_GENERIC, SOCK_CLOEXEC);
    if (!s || mnl_socket_bind(s, 0, MNL_SOCKET_AUTOPID) < 0)
        fail("netlink socket");
    int one = 1;
    mnl_socket_setsockopt(s, NETLINK_EXT_ACK, &one, sizeof(one));
    mnl_socket_setsockopt(s, NETLINK_GET_STRICT_CHK, &one, sizeof(one));
    return s;
}

} // namespace

Request::Request(std::uint8_t command, std::uint16_t flags)
    : bytes_(MNL_NLMSG_HDRLEN + MNL_ALIGN(sizeof(genlmsghdr))) {
    header()->nlmsg_len = static_cast<std::uint32_t>(bytes_.size());
    header()->nlmsg_flags = static_cast<std::uint16_t>(NLM_F_REQUEST | NLM_F_ACK | flags);
    generic()->cmd = command;
    generic()->version = SHMQ_FAMILY_VERSION;
}

Request& Request::append(std::string_view bytes) {
    bytes_.insert(bytes_.end(), bytes.begin(), bytes.end());
    header()->nlmsg_len = static_cast<std::uint32_t>(bytes_.size());
    return *this;
}

Request& Request::raw(std::uint16_t type, std::string_view bytes) {
    const nlattr head = {static_cast<std::uint16_t>(sizeof(nlattr) + bytes.size()), type};
    last_ = static_cast<std::uint32_t>(bytes_.size());
    append(bytes_of(head));
    append(bytes);
    while (bytes_.size() % MNL_ALIGNTO)
        append(std::string_view("", 1));
    return *this;
}

Request& Request::u8(std::uint16_t type, std::uint8_t value) {
    return raw(type, bytes_of(value));
}
Request& Request::u32(std::uint16_t type, std::uint32_t value) {
    return raw(type, bytes_of(value));
}
Request& Request::s32(std::uint16_t type, std::int32_t value) {
    return raw(type, bytes_of(value));
}
Request& Request::u64(std::uint16_t type, std::uint64_t value) {
    return raw(type, bytes_of(value));
}
Request& Request::text(std::uint16_t type, const std::string& value) {
    return raw(type, std::string_view(value.c_str(), value.size() + 1));
}

std::uint32_t Attributes::u32(unsigned type) const {
    return value_of<std::uint32_t>(value, type);
}
std::uint64_t Attributes::u64(unsigned type) const {
    return value_of<std::uint64_t>(value, type);
}
std::string Attributes::text(unsigned type) const {
    return value.at(type).c_str();
}
std::uint32_t Attributes::queue_u32(unsigned queue, unsigned type) const {
    return value_of<std::uint32_t>(queues.at(queue), type);
}
std::uint64_t Attributes::queue_u64(unsigned queue, unsigned type) const {
    return value_of<std::uint64_t>(queues.at(queue), type);
}

int Netlink::resolve(std::uint16_t& family, std::uint32_t& events) {
    std::unique_ptr<mnl_socket, Close> s(open_socket());
    Request request(CTRL_CMD_GETFAMILY);
    request.generic()->version = 1;
    request.text(CTRL_ATTR_FAMILY_NAME, SHMQ_FAMILY_NAME);
    request.header()->nlmsg_type = GENL_ID_CTRL;
    if (mnl_socket_sendto(s.get(), request.header(), request.header()->nlmsg_len) < 0)
        return errno;
    std::vector<char> buffer(32768);
    int error = -1;
    family = 0;
    while (error < 0) {
        ssize_t n = mnl_socket_recvfrom(s.get(), buffer.data(), buffer.size());
        if (n < 0)
            return errno;
        int length = static_cast<int>(n);
        for (auto* h = reinterpret_cast<const nlmsghdr*>(buffer.data()); mnl_nlmsg_ok(h, length);
             h = mnl_nlmsg_next(h, &length)) {
            if (h->nlmsg_type == NLMSG_ERROR) {
                error = -static_cast<const nlmsgerr*>(mnl_nlmsg_get_payload(h))->error;
                continue;
            }
            for_each(h, sizeof(genlmsghdr), [&](const nlattr* a) {
                if (mnl_attr_get_type(a) == CTRL_ATTR_FAMILY_ID)
                    family = mnl_attr_get_u16(a);
                if (mnl_attr_get_type(a) == CTRL_ATTR_MCAST_GROUPS)
                    for_each_nested(a, [&](const nlattr* group) {
                        const auto fields = flat(group);
                        events = value_of<std::uint32_t>(fields, CTRL_ATTR_MCAST_GRP_ID);
                    });
            });
        }
    }
    return error;
}

Netlink::Netlink() {
    if (int error = resolve(family_, events_))
        fail("no netlink family " SHMQ_FAMILY_NAME, error);
    socket_.reset(open_socket());
}

Answer Netlink::call(Request request) {
    Answer answer;
    std::vector<char> buffer(65536);
    if (request.header()->nlmsg_type == 0)
        request.header()->nlmsg_type = family_;
    request.header()->nlmsg_seq = ++sequence_;
    if (mnl_socket_sendto(socket_.get(), request.header(), request.header()->nlmsg_len) < 0)
        fail("netlink send");
    for (;;) {
        const ssize_t n = mnl_socket_recvfrom(socket_.get(), buffer.data(), buffer.size());
        if (n < 0 && errno == ENOBUFS) {
            overruns_++;
            continue;
        }
        if (n < 0)
            fail("netlink receive");
        int length = static_cast<int>(n);
        for (auto* h = reinterpret_cast<const nlmsghdr*>(buffer.data()); mnl_nlmsg_ok(h, length);
             h = mnl_nlmsg_next(h, &length)) {
            if (h->nlmsg_flags & NLM_F_DUMP_INTR)
                answer.inconsistent = true;
            if (h->nlmsg_type == NLMSG_ERROR) {
                read_error(h, answer);
                return answer;
            }
            if (h->nlmsg_type == NLMSG_DONE) {
                read_done(h, answer);
                return answer;
            }
            const auto command = static_cast<const genlmsghdr*>(mnl_nlmsg_get_payload(h))->cmd;
            const auto attributes = attributes_of(h);
            if (is_event(command))
                waiting_.push_back({command, attributes});
            else
                answer.messages.push_back(attributes);
        }
    }
}

Answer Netlink::call(std::uint8_t command, std::uint32_t index) {
    return call(Request(command).u32(SHMQ_A_DEV_INDEX, index));
}

Answer Netlink::dump(std::uint8_t command) {
    Request request(command, NLM_F_DUMP);
    return call(request);
}

std::uint32_t Netlink::add(const std::function<void(Request&)>& with) {
    Request request(SHMQ_CMD_DEV_NEW);
    if (with)
        with(request);
    const Answer answer = call(request);
    if (answer.error)
        fail("dev-new: " + answer.sentence, answer.error);
    return answer.messages.at(0).u32(SHMQ_A_DEV_INDEX);
}

Attributes Netlink::get(std::uint32_t index) {
    const Answer answer = call(SHMQ_CMD_DEV_GET, index);
    if (answer.error)
        fail("dev-get: " + answer.sentence, answer.error);
    return answer.messages.at(0);
}

Attributes Netlink::statistics(std::uint32_t index) {
    const Answer answer = call(SHMQ_CMD_STATS_GET, index);
    if (answer.error)
        fail("stats-get: " + answer.sentence, answer.error);
    return answer.messages.at(0);
}

std::vector<std::uint32_t> Netlink::indices() {
    std::vector<std::uint32_t> found;
    for (const Attributes& device : dump(SHMQ_CMD_DEV_GET).messages)
        found.push_back(device.u32(SHMQ_A_DEV_INDEX));
    return found;
}

void Netlink::subscribe() {
    if (mnl_socket_setsockopt(socket_.get(), NETLINK_ADD_MEMBERSHIP, &events_, sizeof(events_)))
        fail("NETLINK_ADD_MEMBERSHIP");
}

std::optional<Event> Netlink::event(int timeout_ms) {
    std::vector<char> buffer(65536);
    while (waiting_.empty()) {
        struct pollfd p = {fd(), POLLIN, 0};
        if (::poll(&p, 1, timeout_ms) <= 0)
            return std::nullopt;
        const ssize_t n = mnl_socket_recvfrom(socket_.get(), buffer.data(), buffer.size());
        if (n < 0 && errno == ENOBUFS) {
            overruns_++;
            continue;
        }
        if (n < 0)
            fail("netlink receive");
        int length = static_cast<int>(n);
        for (auto* h = reinterpret_cast<const nlmsghdr*>(buffer.data()); mnl_nlmsg_ok(h, length);
             h = mnl_nlmsg_next(h, &length)) {
            const auto command = static_cast<const genlmsghdr*>(mnl_nlmsg_get_payload(h))->cmd;
            waiting_.push_back({command, attributes_of(h)});
        }
    }
    Event first = waiting_.front();
    waiting_.erase(waiting_.begin());
    return first;
}

std::optional<Event> Netlink::event_of(std::uint8_t command, std::uint32_t device, int timeout_ms) {
    const unsigned where =
        about_a_device(command) ? unsigned{SHMQ_A_DEV_INDEX} : unsigned{SHMQ_A_EVENT_DEV};
    while (auto e = event(timeout_ms))
        if (e->command == command && e->attributes.u32(where) == device)
            return e;
    return std::nullopt;
}

std::uint64_t turns(std::uint32_t index) {
    return Netlink().statistics(index).queue_u64(0, SHMQ_A_QUEUE_TURNS);
}

bool comes_to_rest(std::uint32_t index) {
    return eventually([&] {
        const std::uint64_t before = turns(index);
        nap(50);
        return turns(index) == before;
    });
}

} // namespace test
