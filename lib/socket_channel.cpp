// SPDX-License-Identifier: GPL-2.0-only OR MIT
// A channel over a Unix socket, of either side.
#include "channel_layout.hpp"
#include "channel_state.hpp"
#include "failure.hpp"
#include "handshake.hpp"
#include "socket_bell.hpp"

#include <array>
#include <atomic>
#include <string>
#include <utility>

#include <sys/socket.h>

namespace shmq::detail {

namespace {

/// The memory is shared with a stranger: all that is known of its layout is in
/// the private copy. Which ends of this side are taken is known in this process;
/// what the header tells of that is a courtesy between peers.
class SocketChannel final : public ChannelState {
public:
    explicit SocketChannel(SocketParts parts)
        : region_(std::move(parts.region)),
          layout_(parts.layout),
          format_(Format::from_core(parts.layout.format)),
          element_size_(parts.element_size),
          side_(parts.side),
          seat_(std::move(parts.seat)),
          connection_(std::move(parts.socket)) {
        region_.close_fd();
    }

    [[nodiscard]] std::span<std::byte> memory(std::uint32_t line) const override {
        return region_.slice(layout_.queue[line].offset, layout_.queue[line].length);
    }

    [[nodiscard]] std::shared_ptr<Bell> claim(std::uint32_t line, enum shmq_end_id end,
                                              Carries /*carries*/) override {
        std::atomic<bool>& claimed = claimed_[end];
        if (claimed.exchange(true, std::memory_order_acquire))
            fail(std::errc::device_or_resource_busy,
                 std::string("this program has the ") +
                     (end == SHMQ_END_CONSUMER ? "receiving" : "sending") +
                     " end of the connection already");
        const SocketEnd parts{connection_, claimed, base_of(region_), line, end};
        try {
            return std::make_shared<SocketBell>(parts, shared_from_this());
        } catch (...) {
            claimed.store(false, std::memory_order_release);
            throw;
        }
    }

    [[nodiscard]] const Format& format() const noexcept override { return format_; }
    [[nodiscard]] const Region& region() const noexcept override { return region_; }
    [[nodiscard]] std::uint32_t element_size() const noexcept override { return element_size_; }
    [[nodiscard]] Connection* connection() noexcept override { return &connection_; }
    [[nodiscard]] std::optional<Side> only_side() const noexcept override { return side_; }
    [[nodiscard]] int poll_fd() noexcept override {
        connection_.polled_for_all();
        return connection_.fd();
    }

    /// More than a correct peer can make one call do.
    [[nodiscard]] std::uint32_t work_limit() const noexcept override {
        return layout_.total < UINT32_MAX / 4 ? 4 * layout_.total : UINT32_MAX;
    }

private:
    Region region_;
    shmq_channel layout_;
    Format format_;
    std::uint32_t element_size_;
    Side side_;
    std::shared_ptr<const void> seat_;
    Connection connection_;
    std::array<std::atomic<bool>, 2> claimed_{}; ///< by enum shmq_end_id
};

} // namespace

std::shared_ptr<ChannelState> make_socket_channel(SocketParts parts) {
    return std::make_shared<SocketChannel>(std::move(parts));
}

std::shared_ptr<ChannelState> open_socket_channel(const std::string& name,
                                                  const OpenOptions& options) {
    const std::string what = "unix:" + name;
    Granted granted = ask_listener(name, options);
    Region region = Region::from_fd(granted.memory.get(), granted.total);
    const shmq_channel layout = read_layout(region, what);
    const Format format = Format::from_core(layout.format);
    if ((options.format && *options.format != format) ||
        (options.element_size != 0 && options.element_size != granted.element_size) ||
        layout.queue[0].length < options.queue_size || layout.queue[1].length < options.queue_size)
        fail(std::errc::protocol_error, what + ": the listener gave another channel than was "
                                               "asked for");
    return make_socket_channel({std::move(granted.socket), std::move(region), layout,
                                granted.element_size, Side::second, nullptr});
}

} // namespace shmq::detail
