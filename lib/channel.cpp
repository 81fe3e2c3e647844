// SPDX-License-Identifier: GPL-2.0-only OR MIT
// Addresses, sides, and the ends of a channel.
#include "channel_state.hpp"
#include "connection.hpp"
#include "failure.hpp"

#include <shmq/channel.hpp>

#include <string_view>
#include <utility>

#include <sys/socket.h>

namespace shmq {

using detail::ChannelState;
using detail::fail;
using detail::guarded;

static_assert(Channel::max_control == detail::Connection::most_control &&
              Channel::max_unread_control == detail::Connection::most_unread);

namespace {

struct Address {
    enum class Kind { device, shm, socket } kind;
    std::string name;
};

Address parse(const std::string& address) {
    const std::string_view text = address;
    const auto is = [&](std::string_view scheme) {
        return text.substr(0, scheme.size()) == scheme;
    };
    if (is("dev:"))
        return {Address::Kind::device, address.substr(4)};
    if (is("shm:"))
        return {Address::Kind::shm, address.substr(4)};
    if (is("unix:"))
        return {Address::Kind::socket, address.substr(5)};
    if (is("/dev/"))
        return {Address::Kind::device, address};
    fail(std::errc::protocol_not_supported,
         "'" + address +
             "' is no address of a channel: dev:/dev/shmq0, shm:/name and unix:/run/x.sock are");
}

Address parse_shm(const std::string& address, const char* verb) {
    Address a = parse(address);
    if (a.kind == Address::Kind::socket)
        fail(std::errc::operation_not_supported,
             address + ": a listener's channels cannot be " + verb + " here; use shmq::Listener");
    if (a.kind != Address::Kind::shm)
        fail(std::errc::operation_not_supported, address + ": a device cannot be " + verb +
                                                     " here; shmqctl and the module's "
                                                     "parameters do that");
    return a;
}

ChannelState& opened(const std::shared_ptr<ChannelState>& state) {
    if (!state)
        fail(std::errc::bad_file_descriptor, "this channel is not open");
    return *state;
}

constexpr std::uint32_t writes(Side side) noexcept {
    return side == Side::first ? 0 : 1;
}

constexpr Side opposite(Side side) noexcept {
    return side == Side::first ? Side::second : Side::first;
}

void check_element(const ChannelState& state, std::size_t element) {
    const std::uint32_t agreed = state.element_size();
    if (agreed && agreed != element)
        fail(std::errc::invalid_argument, "the elements of this channel were agreed to have " +
                                              std::to_string(agreed) + " bytes, not " +
                                              std::to_string(element));
}

AttachOptions options_for(ChannelState& state, Wait wait, std::uint32_t line, enum shmq_end_id end,
                          Carries carries) {
    AttachOptions options;
    options.wait = wait;
    options.max_message = state.max_message();
    options.bell = state.claim(line, end, carries);
    return options;
}

} // namespace

Channel::Channel(std::shared_ptr<ChannelState> state, Side side, std::optional<Wait> wait)
    : state_(std::move(state)),
      side_(side),
      wait_(wait.value_or(state_->spin_only() ? Wait::spin() : Wait::spin_then_sleep())) {
    if (wait_.may_sleep() && state_->spin_only())
        fail(std::errc::invalid_argument,
             "this channel was made spin_only: nothing would wake a sleeper; use Wait::spin, "
             "gather or periodic");
}

Channel Channel::open(const std::string& address, const OpenOptions& options) {
    const Address a = parse(address);
    if (a.kind == Address::Kind::device)
        return {detail::open_device_channel(a.name, options.room),
                options.side.value_or(Side::first), options.wait};
    if (a.kind == Address::Kind::socket) {
        if (options.side.value_or(Side::second) != Side::second)
            fail(std::errc::invalid_argument,
                 address + ": who connects is the second side; the listener is the first");
        return {detail::open_socket_channel(a.name, options), Side::second, options.wait};
    }
    return {detail::open_shm_channel(a.name), options.side.value_or(Side::second), options.wait};
}

Channel Channel::create(const std::string& address, CreateOptions options) {
    const Address a = parse_shm(address, "made");
    return {detail::create_shm_channel(a.name, options), Side::first, options.wait};
}

void Channel::unlink(const std::string& address) {
    Region::posix_shm_unlink(parse_shm(address, "removed").name);
}

Channel Channel::memfd(CreateOptions options) {
    return {detail::create_memfd_channel(options), Side::first, options.wait};
}

Channel Channel::attach(Region region, Side side, const OpenOptions& options) {
    return {detail::attach_channel(std::move(region)), options.side.value_or(side), options.wait};
}

Channel Channel::other_side() const {
    if (opened(state_).only_side())
        fail(std::errc::operation_not_supported,
             "the other side of a connection is another program's");
    return {state_, opposite(side_), wait_};
}

const Format& Channel::format() const noexcept {
    return state_->format();
}

const Region& Channel::region() const noexcept {
    return state_->region();
}

const Device* Channel::device() const noexcept {
    return state_ ? state_->device() : nullptr;
}

int Channel::fd() {
    return opened(state_).poll_fd();
}

Status Channel::take_rings() noexcept {
    detail::Connection* const connection = state_ ? state_->connection() : nullptr;
    return connection ? connection->take_all() : Status::Ok;
}

Status Channel::try_send_control(Bytes data) noexcept {
    detail::Connection* const connection = state_ ? state_->connection() : nullptr;
    if (!connection)
        return Status::Invalid;
    return connection->send_control({static_cast<const std::byte*>(data.data()), data.size()});
}

Received Channel::try_receive_control(std::span<std::byte> to) noexcept {
    detail::Connection* const connection = state_ ? state_->connection() : nullptr;
    if (!connection)
        return {Status::Invalid, 0, Tag{}};
    return connection->receive_control(to);
}

std::optional<PeerCredentials> Channel::peer_credentials() const noexcept {
    detail::Connection* const connection = state_ ? state_->connection() : nullptr;
    ucred peer{};
    socklen_t size = sizeof(peer);
    if (!connection || ::getsockopt(connection->fd(), SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0)
        return std::nullopt;
    return PeerCredentials{peer.pid, peer.uid, peer.gid};
}

std::uint32_t Channel::element_size() const noexcept {
    return state_ ? state_->element_size() : 0;
}

MsgProducer Channel::sender() {
    ChannelState& state = opened(state_);
    const std::uint32_t line = writes(side_);
    return MsgProducer::attach(
        state.memory(line), state.format(),
        options_for(state, wait_, line, SHMQ_END_PRODUCER, Carries::messages));
}

MsgConsumer Channel::receiver() {
    ChannelState& state = opened(state_);
    const std::uint32_t line = writes(opposite(side_));
    MsgConsumer end =
        MsgConsumer::attach(state.memory(line), state.format(),
                            options_for(state, wait_, line, SHMQ_END_CONSUMER, Carries::messages));
    if (state.work_limit())
        end.set_work_limit(state.work_limit());
    return end;
}

ByteProducer Channel::byte_sender() {
    return byte_sender_of(1);
}

ByteProducer Channel::byte_sender_of(std::size_t element) {
    ChannelState& state = opened(state_);
    check_element(state, element);
    const std::uint32_t line = writes(side_);
    return ByteProducer::attach(detail::cut_to(state.memory(line), element),
                                options_for(state, wait_, line, SHMQ_END_PRODUCER, Carries::bytes));
}

ByteConsumer Channel::byte_receiver() {
    return byte_receiver_of(1);
}

ByteConsumer Channel::byte_receiver_of(std::size_t element) {
    ChannelState& state = opened(state_);
    check_element(state, element);
    const std::uint32_t line = writes(opposite(side_));
    return ByteConsumer::attach(detail::cut_to(state.memory(line), element),
                                options_for(state, wait_, line, SHMQ_END_CONSUMER, Carries::bytes));
}

Channel Channel::open(const std::string& address, const OpenOptions& options, std::error_code& ec) {
    return guarded(ec, Channel(), [&] { return open(address, options); });
}

Channel Channel::create(const std::string& address, CreateOptions options, std::error_code& ec) {
    return guarded(ec, Channel(), [&] { return create(address, options); });
}

void Channel::unlink(const std::string& address, std::error_code& ec) {
    guarded(ec, 0, [&] {
        unlink(address);
        return 0;
    });
}

Channel Channel::memfd(CreateOptions options, std::error_code& ec) {
    return guarded(ec, Channel(), [&] { return memfd(options); });
}

Channel Channel::attach(Region region, Side side, const OpenOptions& options, std::error_code& ec) {
    return guarded(ec, Channel(), [&] { return attach(std::move(region), side, options); });
}

MsgProducer Channel::sender(std::error_code& ec) {
    return guarded(ec, MsgProducer(), [&] { return sender(); });
}

MsgConsumer Channel::receiver(std::error_code& ec) {
    return guarded(ec, MsgConsumer(), [&] { return receiver(); });
}

ByteProducer Channel::byte_sender(std::error_code& ec) {
    return guarded(ec, ByteProducer(), [&] { return byte_sender(); });
}

ByteConsumer Channel::byte_receiver(std::error_code& ec) {
    return guarded(ec, ByteConsumer(), [&] { return byte_receiver(); });
}

} // namespace shmq
