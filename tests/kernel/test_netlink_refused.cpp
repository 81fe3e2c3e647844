// SPDX-License-Identifier: GPL-2.0-only OR MIT
// Netlink requests that cannot be: each is refused with a sentence, and leaves nothing.
#include "support/epoll.hpp"
#include "support/module.hpp"
#include "support/netlink.hpp"
#include "support/process.hpp"

#include <algorithm>

#include <grp.h>
#include <sched.h>

namespace {

using namespace test;

struct NetlinkRefused : DriverTest {
    NetlinkRefused() : DriverTest("devices=0") {}

    // The error, the sentence, and the attribute that was added last to blame.
    void refused(const Request& request, int error, const std::string& sentence,
                 bool blames = true) {
        Request r = request;
        const Answer answer = netlink->call(r);
        EXPECT_EQ(answer.error, error) << answer.sentence;
        EXPECT_NE(answer.sentence.find(sentence), std::string::npos)
            << "it says: " << answer.sentence << "\nnot: " << sentence;
        EXPECT_EQ(answer.offset, blames ? r.last() : 0) << answer.sentence;
    }
    static Request make() { return Request(SHMQ_CMD_DEV_NEW); }
    static Request change() { return Request(SHMQ_CMD_DEV_SET).u32(SHMQ_A_DEV_INDEX, 0); }
    void SetUp() override {
        DriverTest::SetUp();
        netlink.emplace();
    }
    void TearDown() override {
        EXPECT_EQ(netlink->indices(), there) << "a device was left or lost";
        DriverTest::TearDown();
    }

    std::optional<Netlink> netlink; // made when the module is loaded
    std::vector<std::uint32_t> there;
};

// ---- values ----

TEST_F(NetlinkRefused, ValuesThatCannotBe) {
    const std::uint32_t huge = 0xffffffff;
    refused(make().u32(SHMQ_A_DEV_INDEX, 4096), ERANGE, "integer out of range");
    refused(make().u32(SHMQ_A_DEV_INDEX, huge), ERANGE, "integer out of range");
    refused(make().u64(SHMQ_A_DEV_SIZE, 0), ERANGE, "integer out of range");
    refused(make().u64(SHMQ_A_DEV_SIZE, 120), ERANGE, "integer out of range");
    refused(make().u64(SHMQ_A_DEV_SIZE, (1ull << 30) + 8), ERANGE, "integer out of range");
    refused(make().u64(SHMQ_A_DEV_SIZE, ~0ull), ERANGE, "integer out of range");
    refused(make().u64(SHMQ_A_DEV_SIZE, 4100), EINVAL, "size must be a multiple of 8");
    refused(make().u32(SHMQ_A_DEV_LAYOUT, 4), ERANGE, "integer out of range");
    refused(make().u32(SHMQ_A_DEV_FRAMING, 2), ERANGE, "integer out of range");
    refused(make().raw(SHMQ_A_DEV_PREFIX, std::string(65, 'p')), ERANGE,
            "failed policy validation");
    refused(make().text(SHMQ_A_DEV_HANDLER, "sixteen-letters-"), EINVAL,
            "failed policy validation");
    refused(make().raw(SHMQ_A_DEV_HANDLER, "echo"), EINVAL, ""); // without its NUL
    refused(make().text(SHMQ_A_DEV_HANDLER, "nonsense"), ENOENT, "no such handler; known are");
    refused(make().text(SHMQ_A_DEV_HANDLER, ""), ENOENT, "no such handler");
    refused(make().u32(SHMQ_A_DEV_PERIOD_US, 49), EINVAL, "must be 0, or 50 to 60000000");
    refused(make().u32(SHMQ_A_DEV_PERIOD_US, 60'000'001), ERANGE, "integer out of range");
    refused(make().u32(SHMQ_A_DEV_TICK_MS, 86'400'001), ERANGE, "integer out of range");
    refused(make().u32(SHMQ_A_DEV_PRIORITY, 100), ERANGE, "integer out of range");
    refused(make().s32(SHMQ_A_DEV_CPU, -2), ERANGE, "integer out of range");
    refused(make().u32(SHMQ_A_DEV_PRINT_WORDS, 0), ERANGE, "integer out of range");
    refused(make().u32(SHMQ_A_DEV_PRINT_WORDS, 17), ERANGE, "integer out of range");
    refused(make().u32(SHMQ_A_DEV_PRINT_FORMAT, 3), ERANGE, "integer out of range");
    refused(make().u32(SHMQ_A_DEV_CELL_READERS, 31), ERANGE, "integer out of range");
    refused(make().u32(SHMQ_A_DEV_POOL_OWNERS, 1), ERANGE, "integer out of range");
    refused(make().u32(SHMQ_A_DEV_POOL_OWNERS, 257), ERANGE, "integer out of range");
    refused(make().u8(SHMQ_A_DEV_RESTART, 2), ERANGE, "integer out of range");
    refused(make().u32(SHMQ_A_DEV_MODE, 0700), EINVAL, "reserved bit set");
    refused(make().u32(SHMQ_A_DEV_MODE, 04600), EINVAL, "reserved bit set");
    refused(make().u32(SHMQ_A_DEV_UID, huge), EINVAL, "no user has that number");
    refused(make().u32(SHMQ_A_DEV_GID, huge), EINVAL, "no group has that number");
}

TEST_F(NetlinkRefused, ValuesThatCannotBeTogether) {
    refused(make().u32(SHMQ_A_DEV_FRAMING, SHMQ_FRAMING_PLAIN).raw(SHMQ_A_DEV_PREFIX, "x"), EINVAL,
            "plain framing has no prefix");
    refused(make().u32(SHMQ_A_DEV_FRAMING, SHMQ_FRAMING_PLAIN).u64(SHMQ_A_DEV_SIZE, 4104), EINVAL,
            "multiple of 16");
    refused(make().raw(SHMQ_A_DEV_PREFIX, std::string(64, 'p')).u64(SHMQ_A_DEV_SIZE, 128), EINVAL,
            "holds no message");
    refused(make().u64(SHMQ_A_DEV_SIZE, 65536).u32(SHMQ_A_DEV_MAX_MESSAGE, 40000), EINVAL,
            "half of the size");
    refused(make().u32(SHMQ_A_DEV_MAX_MESSAGE, 0xffffffff), EINVAL, "half of the size");
    const Request raw = make().u32(SHMQ_A_DEV_LAYOUT, SHMQ_LAYOUT_RAW);
    refused(Request(raw).u32(SHMQ_A_DEV_TICK_MS, 10), EINVAL, "no queue to send ticks to");
    refused(Request(raw).text(SHMQ_A_DEV_HANDLER, "echo"), EOPNOTSUPP, "no queues to handle");
    refused(Request(raw).text(SHMQ_A_DEV_HANDLER, "print"), EINVAL, "print needs a period", false);
    refused(make().text(SHMQ_A_DEV_HANDLER, "print"), EOPNOTSUPP, "for memory without queues");
    refused(Request(raw).u32(SHMQ_A_DEV_PRINT_OFFSET, 2), EINVAL, "multiple of 4");
    refused(Request(raw).u32(SHMQ_A_DEV_PRINT_OFFSET, 256 << 10), EINVAL, "not all in the memory");
    refused(Request(raw).u32(SHMQ_A_DEV_CELL_SIZE, 8), EINVAL, "only layout cell has a cell");
    refused(Request(raw).u32(SHMQ_A_DEV_CELL_READERS, 8), EINVAL, "only layout cell has a cell");
    refused(make().u32(SHMQ_A_DEV_PRIORITY, 1), EINVAL, "without a period there is no thread");
    refused(make().s32(SHMQ_A_DEV_CPU, 0), EINVAL, "without a period there is no thread");
    refused(make().u32(SHMQ_A_DEV_PERIOD_US, 1000).s32(SHMQ_A_DEV_CPU, 4000), EINVAL,
            "no CPU of that number is online");
    const Request cell = make().u32(SHMQ_A_DEV_LAYOUT, SHMQ_LAYOUT_CELL);
    refused(Request(cell).u32(SHMQ_A_DEV_CELL_SIZE, 0), EINVAL, "1 byte or more");
    refused(Request(cell).u32(SHMQ_A_DEV_CELL_SIZE, 200'000), EINVAL, "the memory is too small");
    refused(Request(cell).u32(SHMQ_A_DEV_TICK_MS, 10), EINVAL, "no queue to send ticks to");
    const char* only = "only layout pool has blocks and owners";
    refused(Request(raw).u32(SHMQ_A_DEV_POOL_BLOCK_SIZE, 64), EINVAL, only);
    refused(Request(cell).u32(SHMQ_A_DEV_POOL_OWNERS, 8), EINVAL, only);
    const Request pool = make().u32(SHMQ_A_DEV_LAYOUT, SHMQ_LAYOUT_POOL);
    refused(Request(pool).u32(SHMQ_A_DEV_POOL_BLOCK_SIZE, 0), EINVAL, "1 byte or more");
    refused(Request(pool).u32(SHMQ_A_DEV_POOL_BLOCK_SIZE, 0xffffffff), EINVAL, "fit into");
    refused(Request(pool).u32(SHMQ_A_DEV_POOL_BLOCK_SIZE, 256 << 10), EINVAL,
            "the memory is too small for a pool's header");
    refused(Request(pool).u32(SHMQ_A_DEV_CELL_SIZE, 8), EINVAL, "only layout cell has a cell");
    refused(Request(pool).u32(SHMQ_A_DEV_TICK_MS, 10), EINVAL, "no queue to send ticks to");
    refused(Request(pool).u32(SHMQ_A_DEV_MAX_MESSAGE, 10), EINVAL,
            "only layout channel has messages");
    refused(Request(raw).u32(SHMQ_A_DEV_MAX_MESSAGE, 10), EINVAL,
            "only layout channel has messages");
}

TEST_F(NetlinkRefused, WhatIsThereAlreadyOrIsNot) {
    there = {0};
    ASSERT_EQ(netlink->call(make()).error, 0);
    refused(make().u32(SHMQ_A_DEV_INDEX, 0), EEXIST, "there is a device of that number");
    for (const auto command : {SHMQ_CMD_DEV_GET, SHMQ_CMD_DEV_SET, SHMQ_CMD_DEV_DEL,
                               SHMQ_CMD_STATS_GET, SHMQ_CMD_STATS_RESET}) {
        refused(Request(command).u32(SHMQ_A_DEV_INDEX, 7), ENODEV, "no device of that number");
        refused(Request(command), EINVAL, "the request has no index", false);
    }
}

TEST_F(NetlinkRefused, MemoryThatThereIsNot) {
    refused(make().u64(SHMQ_A_DEV_SIZE, 1ull << 30), ENOMEM, "the kernel log says what there is");
}

TEST_F(NetlinkRefused, ChangesOfWhatIsFixed) {
    there = {0};
    ASSERT_EQ(netlink->call(make()).error, 0);
    const char* fixed = "fixed when the device was made";
    refused(change().u64(SHMQ_A_DEV_SIZE, 65536), EINVAL, fixed);
    refused(change().u32(SHMQ_A_DEV_LAYOUT, 1), EINVAL, fixed);
    refused(change().raw(SHMQ_A_DEV_PREFIX, "x"), EINVAL, fixed);
    refused(change().u32(SHMQ_A_DEV_FRAMING, 0), EINVAL, fixed);
    refused(change().u32(SHMQ_A_DEV_MAX_MESSAGE, 1), EINVAL, fixed);
    refused(change().u32(SHMQ_A_DEV_CELL_SIZE, 1), EINVAL, fixed);
    refused(change().u32(SHMQ_A_DEV_CELL_READERS, 1), EINVAL, fixed);
    refused(change().u32(SHMQ_A_DEV_POOL_BLOCK_SIZE, 64), EINVAL, fixed);
    refused(change().u32(SHMQ_A_DEV_POOL_OWNERS, 8), EINVAL, fixed);
    refused(make().u32(SHMQ_A_DEV_POOL_BLOCKS, 8), EINVAL, "Unsupported attribute");
    refused(change().u64(SHMQ_A_DEV_PERIODS, 1), EINVAL, "Unsupported attribute");
    refused(change().u32(SHMQ_A_DEV_PERIOD_US, 49), EINVAL, "must be 0, or 50");
    refused(change().text(SHMQ_A_DEV_HANDLER, "nonsense"), ENOENT, "no such handler");
    refused(change().u32(SHMQ_A_DEV_EPOCH, 1), EINVAL, "Unsupported attribute");
    refused(make().u32(SHMQ_A_DEV_EPOCH, 1), EINVAL, "Unsupported attribute");
}

// ---- form ----

TEST_F(NetlinkRefused, AttributesOfTheWrongFormOrUnknown) {
    refused(make().raw(SHMQ_A_DEV_INDEX, "\1\1"), EINVAL, "invalid attribute length");
    refused(make().raw(SHMQ_A_DEV_INDEX, std::string(8, '\0')), EINVAL, "invalid attribute length");
    refused(make().raw(SHMQ_A_DEV_INDEX, ""), EINVAL, "invalid attribute length");
    refused(make().u32(SHMQ_A_DEV_SIZE, 65536), EINVAL, "invalid attribute length");
    refused(make().u32(SHMQ_A_DEV_MAX + 1, 0), EINVAL, "Unknown attribute type");
    refused(make().u32(0, 0), EINVAL, "");
    refused(make().u32(SHMQ_A_DEV_INDEX | NLA_F_NESTED, 0), EINVAL, "NLA_F_NESTED");
    refused(Request(SHMQ_CMD_DEV_GET).u32(SHMQ_A_DEV_SIZE, 0), EINVAL, "Unknown attribute type");
}

TEST_F(NetlinkRefused, BytesBehindTheAttributes) {
    refused(make().append("abc"), EINVAL, "bytes leftover", false);
    // An attribute that says that it is longer than the message.
    const nlattr longer = {200, SHMQ_A_DEV_INDEX};
    refused(make().append({reinterpret_cast<const char*>(&longer), sizeof(longer)}), EINVAL,
            "bytes leftover", false);
    const nlattr shorter = {2, SHMQ_A_DEV_INDEX};
    refused(make().append({reinterpret_cast<const char*>(&shorter), sizeof(shorter)}), EINVAL,
            "bytes leftover", false);
}

TEST_F(NetlinkRefused, CommandsThatThereAreNot) {
    for (const int command : {0, int{SHMQ_CMD_DEV_ADD_NTF}, int{SHMQ_CMD_MISSED_NTF}, 200})
        EXPECT_EQ(netlink->call(Request(static_cast<std::uint8_t>(command))).error, EOPNOTSUPP)
            << command;
    Request reserved = make();
    reserved.generic()->reserved = 1;
    EXPECT_EQ(netlink->call(reserved).error, EINVAL);
    Request flags = make();
    flags.header()->nlmsg_flags |= NLM_F_CREATE;
    EXPECT_EQ(netlink->call(flags).error, EINVAL);
    Request dump(SHMQ_CMD_DEV_DEL, NLM_F_DUMP);
    EXPECT_EQ(netlink->call(dump).error, EOPNOTSUPP);
    Request chosen(SHMQ_CMD_DEV_GET, NLM_F_DUMP);
    const Answer answer = netlink->call(chosen.u32(SHMQ_A_DEV_INDEX, 0));
    EXPECT_EQ(answer.error, EINVAL);
    EXPECT_EQ(answer.sentence, "a dump is of all devices");
}

// Requests cut short and with bytes changed: any answer, but a whole driver after it.
TEST_F(NetlinkRefused, MessagesCutAndGarbledAreAnsweredAndHarmNothing) {
    Dice dice(11);
    for (unsigned round = 0; round < 2000 * long_factor(); round++) {
        Request r(static_cast<std::uint8_t>(1 + dice(6)));
        r.u32(SHMQ_A_DEV_INDEX, dice(3));
        if (dice(2))
            r.u64(SHMQ_A_DEV_SIZE, 4096).text(SHMQ_A_DEV_HANDLER, "echo");
        if (dice(2))
            r.raw(SHMQ_A_DEV_PREFIX, "ab").u8(SHMQ_A_DEV_RESTART, 1);
        auto* bytes = reinterpret_cast<unsigned char*>(r.header());
        const std::uint32_t whole = r.header()->nlmsg_len;
        constexpr auto headers = static_cast<std::uint32_t>(MNL_NLMSG_HDRLEN);
        const auto start =
            static_cast<std::uint32_t>(MNL_NLMSG_HDRLEN + MNL_ALIGN(sizeof(genlmsghdr)));
        for (unsigned i = dice(4); i > 0; i--)
            bytes[start + dice(whole - start)] = static_cast<unsigned char>(dice(256));
        if (dice(3) == 0)
            r.header()->nlmsg_len = headers + dice(whole - headers + 1);
        netlink->call(r);
    }
    for (const std::uint32_t index : netlink->indices())
        EXPECT_EQ(netlink->call(SHMQ_CMD_DEV_DEL, index).error, 0);
}

// ---- who may ----

TEST_F(NetlinkRefused, AnOrdinaryUserMayLookAndNotTouch) {
    there = {0};
    ASSERT_EQ(netlink->call(make().u32(SHMQ_A_DEV_MODE, 0660).u32(SHMQ_A_DEV_GID, 990)).error, 0);
    Child user([] {
        const gid_t group = 990;
        CHILD_CHECK(setgroups(1, &group) == 0 && setgid(1000) == 0 && setuid(1000) == 0);
        Netlink mine;
        CHILD_CHECK(mine.indices().size() == 1);
        CHILD_CHECK(mine.get(0).u32(SHMQ_A_DEV_GID) == 990);
        CHILD_CHECK(mine.statistics(0).queues.size() == 2);
        mine.subscribe();
        for (const auto command :
             {SHMQ_CMD_DEV_NEW, SHMQ_CMD_DEV_SET, SHMQ_CMD_DEV_DEL, SHMQ_CMD_STATS_RESET})
            CHILD_CHECK(mine.call(command, 0).error == EPERM);
        const Device d; // in the group, so it may use the channel
        CHILD_CHECK(d.write("mine") == 0 && d.read() == "mine");
        return 0;
    });
    EXPECT_EQ(user.wait(), 0);
    Child stranger([] {
        CHILD_CHECK(setgroups(0, nullptr) == 0 && setgid(1000) == 0 && setuid(1000) == 0);
        CHILD_CHECK(::open("/dev/shmq0", O_RDWR | O_CLOEXEC) < 0 && errno == EACCES);
        return 0;
    });
    EXPECT_EQ(stranger.wait(), 0);
}

TEST_F(NetlinkRefused, InAnotherNetworkNamespaceThereIsNoFamily) {
    Child elsewhere([] {
        CHILD_CHECK(unshare(CLONE_NEWNET) == 0);
        std::uint16_t family = 0;
        std::uint32_t events = 0;
        CHILD_CHECK(Netlink::resolve(family, events) == ENOENT);
        return 0;
    });
    EXPECT_EQ(elsewhere.wait(), 0);
}

TEST_F(NetlinkRefused, ItsNumberIsOfNoUseThereEither) {
    std::uint16_t family = 0;
    std::uint32_t events = 0;
    ASSERT_EQ(Netlink::resolve(family, events), 0);
    Child elsewhere([&] {
        CHILD_CHECK(unshare(CLONE_NEWNET) == 0);
        std::unique_ptr<mnl_socket, int (*)(mnl_socket*)> s(mnl_socket_open(NETLINK_GENERIC),
                                                            mnl_socket_close);
        CHILD_CHECK(s && mnl_socket_bind(s.get(), 0, MNL_SOCKET_AUTOPID) == 0);
        Request request(SHMQ_CMD_DEV_NEW);
        request.header()->nlmsg_type = family;
        char buffer[8192];
        CHILD_CHECK(mnl_socket_sendto(s.get(), request.header(), request.header()->nlmsg_len) > 0);
        CHILD_CHECK(mnl_socket_recvfrom(s.get(), buffer, sizeof(buffer)) > 0);
        const auto* h = reinterpret_cast<const nlmsghdr*>(buffer);
        CHILD_CHECK(h->nlmsg_type == NLMSG_ERROR);
        CHILD_CHECK(static_cast<const nlmsgerr*>(mnl_nlmsg_get_payload(h))->error == -ENOENT);
        return 0;
    });
    EXPECT_EQ(elsewhere.wait(), 0);
}

// Root of a user namespace of its own has every capability, but only there.
TEST_F(NetlinkRefused, RootOfAContainerMayNot) {
    Child contained([] {
        CHILD_CHECK(setgid(1000) == 0 && setuid(1000) == 0);
        if (unshare(CLONE_NEWUSER) != 0)
            return errno == EPERM || errno == ENOSPC || errno == EINVAL ? 77 : 1;
        Netlink mine; // still in the initial network namespace
        CHILD_CHECK(mine.call(Request(SHMQ_CMD_DEV_NEW)).error == EPERM);
        return 0;
    });
    const int status = contained.wait();
    if (status == 77)
        GTEST_SKIP() << "this kernel gives no user namespaces";
    EXPECT_EQ(status, 0);
}

} // namespace
