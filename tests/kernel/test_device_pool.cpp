// SPDX-License-Identifier: GPL-2.0-only OR MIT
// Layout pool: processes share the blocks of a device's region, die with some in
// their hands, and none is lost.
#include "support/epoll.hpp"
#include "support/module.hpp"
#include "support/netlink.hpp"
#include "support/process.hpp"

#include <shmq/device.hpp>
#include <shmq/shared_pool.hpp>

#include <algorithm>
#include <functional>
#include <vector>

#include <sys/stat.h>
#include <sys/sysmacros.h>

namespace {

using namespace test;
using shmq::OwnerId;
using shmq::PoolHandle;
using shmq::Region;
using shmq::SharedBlock;
using shmq::SharedPool;
using shmq::Status;

constexpr const char* address = "dev:/dev/shmq0";
// As many as 64 KiB hold of 1 KiB with their words, behind the header.
constexpr std::size_t blocks = 63;

struct DevicePool : DriverTest {
    DevicePool() : DriverTest("layout=pool size=64K pool_block_size=1000 pool_owners=4") {}
};

// What one process tells another: owners and handles, each whole or not at all.
class Line {
public:
    Line() {
        if (pipe2(fd_, O_CLOEXEC | O_NONBLOCK))
            fail("pipe");
    }
    Line(const Line&) = delete;
    ~Line() {
        ::close(fd_[0]);
        ::close(fd_[1]);
    }
    template <class T>
    bool tell(const T& value) const {
        return ::write(fd_[1], &value, sizeof(value)) == sizeof(value);
    }
    template <class T>
    std::optional<T> heard() const {
        T value{};
        return ::read(fd_[0], &value, sizeof(value)) == sizeof(value) ? std::optional(value)
                                                                      : std::nullopt;
    }
    template <class T>
    T hear() const {
        std::optional<T> value;
        if (!eventually([&] { return (value = heard<T>()).has_value(); }))
            throw std::runtime_error("nothing was told");
        return *value;
    }

private:
    int fd_[2];
};

// An owner's slot, by bare ioctls.
int slot_ioctl(const Device& d, unsigned long request, std::uint32_t slot,
               std::uint32_t flags = 0) {
    const shmq_owner owner = {.size = sizeof(owner), .flags = flags, .slot = slot, .reserved = 0};
    return d.ioctl(request, &owner);
}
int own(const Device& d, std::uint32_t slot) {
    return slot_ioctl(d, SHMQ_IOC_OWN, slot);
}
int disown(const Device& d, std::uint32_t slot) {
    return slot_ioctl(d, SHMQ_IOC_DISOWN, slot);
}

// Why a call fails; empty if it does not.
template <class F>
std::string why(F f, std::errc code) {
    try {
        f();
    } catch (const std::system_error& e) {
        EXPECT_EQ(e.code(), code) << e.what();
        return e.what();
    }
    return "";
}

// A process that joins, takes three blocks, tells of itself, then waits to be killed.
Child holder_of_three(
    const Line& line,
    const std::function<SharedPool()>& join = [] { return SharedPool::open(address); }) {
    return Child([&] {
        SharedPool pool = join();
        std::vector<SharedBlock> mine;
        for (int i = 0; i < 3; i++) {
            mine.push_back(pool.alloc());
            CHILD_CHECK(mine.back());
        }
        CHILD_CHECK(line.tell(pool.id()));
        for (;;)
            pause();
        return 0;
    });
}

// ---- as it is made ----

TEST_F(DevicePool, IsMadeAsAskedForAndInTheInfo) {
    const Device d;
    const shmq_info info = d.info();
    ASSERT_EQ(info.area_count, 1u);
    EXPECT_EQ(info.areas[0].type, unsigned{SHMQ_AREA_POOL});
    EXPECT_EQ(info.areas[0].offset, 0u);
    EXPECT_EQ(info.areas[0].length, 65536u);
    Netlink n;
    EXPECT_EQ(n.get(0).u32(SHMQ_A_DEV_LAYOUT), unsigned{SHMQ_LAYOUT_POOL});
    EXPECT_EQ(n.get(0).u32(SHMQ_A_DEV_POOL_BLOCK_SIZE), 1024u);
    EXPECT_EQ(n.get(0).u32(SHMQ_A_DEV_POOL_OWNERS), 4u);
    EXPECT_EQ(n.get(0).u32(SHMQ_A_DEV_POOL_BLOCKS), blocks);
    const SharedPool pool = SharedPool::open(address);
    EXPECT_EQ(pool.block_size(), 1024u);
    EXPECT_EQ(pool.capacity(), blocks);
    EXPECT_EQ(pool.counts().free, blocks);
    std::string m;
    EXPECT_EQ(d.read(m), EINVAL);
    EXPECT_EQ(d.write("x"), EINVAL);
    EXPECT_EQ(d.kick(), 0);
    EXPECT_FALSE(Task::named("shmq0"));
}

TEST_F(DevicePool, BlocksOfWholePagesCanBeMappedAlone) {
    reload("layout=pool size=256K");
    SharedPool pool = SharedPool::open(address);
    EXPECT_EQ(pool.block_size(), 4096u);
    EXPECT_EQ(pool.capacity(), 63u);
    const SharedBlock block = pool.alloc();
    ASSERT_TRUE(block);
    const auto offset =
        static_cast<std::uint64_t>(block.bytes().data() - pool.region().bytes().data());
    ASSERT_EQ(offset % 4096, 0u);
    block.bytes()[17] = std::byte{42};
    const Device d;
    EXPECT_EQ(d.map(4096, offset).need("mmap of a block").data()[17], 42);
}

TEST_F(DevicePool, FollowsNoRestartOption) {
    reload("layout=pool size=64K pool_block_size=1000 restart=1");
    SharedPool pool = SharedPool::open(address);
    const SharedBlock block = pool.alloc();
    EXPECT_EQ(pool.counts().owned, 1u);
}

TEST_F(DevicePool, OnlyTheDriverMakesOrRemovesIt) {
    EXPECT_NE(why([] { (void)SharedPool::create(address); }, std::errc::operation_not_supported)
                  .find("the driver makes"),
              std::string::npos);
    EXPECT_NE(why([] { SharedPool::unlink(address); }, std::errc::operation_not_supported)
                  .find("shmqctl del"),
              std::string::npos);
    reload("");
    EXPECT_NE(why([] { (void)SharedPool::open(address); }, std::errc::protocol_error)
                  .find("was not made with layout pool"),
              std::string::npos);
    EXPECT_NE(
        why([] { (void)SharedPool::open("dev:/dev/shmq9"); }, std::errc::no_such_file_or_directory)
            .find("is the module loaded?"),
        std::string::npos);
}

// ---- between processes ----

TEST_F(DevicePool, ABlockPassesByHandleWithWhatWasWrittenToIt) {
    SharedPool pool = SharedPool::open(address);
    const Line there, back;
    Child sender([&] {
        SharedPool mine = SharedPool::open(address);
        const auto receiver = there.hear<OwnerId>();
        SharedBlock block = mine.alloc();
        CHILD_CHECK(block);
        std::ranges::fill(block.bytes(), std::byte{7});
        CHILD_CHECK(block.send(receiver, [&](PoolHandle h) {
            return back.tell(h) ? Status::Ok : Status::Full;
        }) == Status::Ok);
        return 0;
    });
    ASSERT_TRUE(there.tell(pool.id()));
    const SharedBlock block = pool.adopt(back.hear<PoolHandle>());
    ASSERT_TRUE(block);
    EXPECT_EQ(block.bytes().size(), 1024u);
    EXPECT_TRUE(std::ranges::all_of(block.bytes(), [](std::byte b) { return b == std::byte{7}; }));
    EXPECT_EQ(sender.wait(), 0);
    EXPECT_EQ(pool.counts().owned, 1u);
    EXPECT_EQ(pool.counts().free, blocks - 1);
}

TEST_F(DevicePool, TheCountIsExactAfterAnOwnerWasKilled) {
    SharedPool pool = SharedPool::open(address);
    const Line line;
    SharedBlock kept = pool.alloc();
    ASSERT_TRUE(kept);
    Child holder = holder_of_three(line);
    (void)line.hear<OwnerId>();
    EXPECT_EQ(pool.sweep(), 0u) << "it is alive";
    EXPECT_EQ(pool.counts().owned, 4u);
    holder.kill();
    EXPECT_EQ(pool.counts().owned, 4u) << "nobody has looked yet";
    EXPECT_EQ(pool.sweep(), 3u);
    EXPECT_EQ(pool.counts().owned, 1u);
    EXPECT_EQ(pool.counts().free, blocks - 1);
    EXPECT_EQ(kept.free(), Status::Ok);
    EXPECT_EQ(pool.counts().free, blocks);
}

// Each round kills a sender at another moment: of taking, sending, freeing blocks.
TEST_F(DevicePool, NoBlockIsLostToKillsAtAnyMoment) {
    SharedPool pool = SharedPool::open(address);
    Dice dice(20261121);
    std::size_t arrived = 0;
    for (unsigned round = 0; round < 100 * long_factor(); round++) {
        const Line line;
        Child sender([&] {
            SharedPool mine = SharedPool::open(address);
            CHILD_CHECK(line.tell(mine.id()));
            Dice choice(round + 1);
            std::vector<SharedBlock> held;
            for (;;) {
                if (SharedBlock block = mine.alloc())
                    held.push_back(std::move(block));
                const std::uint32_t what = choice(3);
                if (what == 0 && !held.empty())
                    (void)held.back().send(pool.id(), [&](PoolHandle h) {
                        return line.tell(h) ? Status::Ok : Status::Full;
                    });
                if (what < 2 && !held.empty())
                    held.pop_back();
            }
            return 0;
        });
        const auto id = line.hear<OwnerId>();
        const auto until = std::chrono::steady_clock::now() + std::chrono::microseconds(dice(5000));
        const auto take = [&] {
            const auto handle = line.heard<PoolHandle>();
            if (handle && pool.adopt(*handle))
                arrived++;
            return handle.has_value();
        };
        while (std::chrono::steady_clock::now() < until)
            (void)take();
        sender.kill();
        while (take()) {
        }
        (void)pool.settle(id);
        (void)pool.sweep();
        const auto counts = pool.counts();
        ASSERT_EQ(counts.free, blocks) << "round " << round << ": " << counts.owned << " owned, "
                                       << counts.transit << " on their way";
    }
    EXPECT_GT(arrived, 0u);
}

TEST_F(DevicePool, SlotsOfTheDeadAreGivenToOthersNotThoseOfTheLiving) {
    SharedPool pool = SharedPool::open(address);
    const Line line;
    std::vector<Child> holders;
    for (int i = 0; i < 3; i++) {
        holders.push_back(holder_of_three(line));
        (void)line.hear<OwnerId>();
    }
    EXPECT_NE(why([] { (void)SharedPool::open(address); }, std::errc::device_or_resource_busy)
                  .find("all 4 owners' slots are taken"),
              std::string::npos);
    holders[1].kill();
    const SharedPool successor = SharedPool::open(address);
    EXPECT_EQ(pool.counts().owned, 6u) << "whoever joins frees what its predecessor had";
}

TEST_F(DevicePool, AForkedChildJoinsAgain) {
    SharedPool pool = SharedPool::open(address);
    const Line line;
    Child child([&] {
        pool = pool.again();
        const SharedBlock block = pool.alloc();
        CHILD_CHECK(block && line.tell(pool.id()));
        for (;;)
            pause();
        return 0;
    });
    EXPECT_NE(line.hear<OwnerId>(), pool.id());
    EXPECT_EQ(pool.sweep(), 0u);
    child.kill();
    EXPECT_EQ(pool.sweep(), 1u);
}

// File locks belong to a node; who is alive must not depend on which one was opened.
TEST_F(DevicePool, OwnersByAnotherNodeAreAliveToo) {
    struct stat s {};
    ASSERT_EQ(stat("/dev/shmq0", &s), 0);
    const std::string node = "/tmp/another-node";
    unlink(node.c_str());
    ASSERT_EQ(mknod(node.c_str(), S_IFCHR | 0600, s.st_rdev), 0);
    SharedPool pool = SharedPool::open(address);
    const Line line;
    Child holder = holder_of_three(line, [&] { return SharedPool::open("dev:" + node); });
    EXPECT_NE(line.hear<OwnerId>(), pool.id());
    EXPECT_EQ(pool.sweep(), 0u);
    EXPECT_EQ(pool.counts().owned, 3u);
    holder.kill();
    EXPECT_EQ(pool.sweep(), 3u);
    unlink(node.c_str());
}

// Without the layout: who is alive is then told by locks on the node.
TEST_F(DevicePool, OfOnesOwnOnLayoutRawWorksToo) {
    reload("layout=raw size=64K");
    const auto region = [] { return Region::file("/dev/shmq0", 0, 65536); };
    SharedPool pool =
        SharedPool::create_in(region(), {.blocks = 16, .block_size = 1024, .owners = 4});
    const Line line;
    Child holder = holder_of_three(line, [&] { return SharedPool::attach(region()); });
    EXPECT_NE(line.hear<OwnerId>(), pool.id());
    EXPECT_EQ(pool.sweep(), 0u);
    EXPECT_EQ(pool.counts().owned, 3u);
    holder.kill();
    EXPECT_EQ(pool.sweep(), 3u);
    EXPECT_EQ(pool.counts().free, 16u);
}

// ---- removal and reset ----

TEST_F(DevicePool, GoesOnAmongItsUsersAfterTheDeviceWasRemoved) {
    Netlink n;
    const Line line;
    {
        SharedPool pool = SharedPool::open(address);
        Child holder = holder_of_three(line);
        (void)line.hear<OwnerId>();
        SharedBlock lost = pool.alloc();
        ASSERT_TRUE(lost);
        ASSERT_EQ(n.remove(0), 0);
        EXPECT_NE(access("/dev/shmq0", F_OK), 0);
        EXPECT_EQ(pool.sweep(), 0u) << "the other is alive";
        holder.kill();
        EXPECT_EQ(pool.sweep(), 3u);
        EXPECT_EQ(pool.counts().owned, 1u);
        EXPECT_NE(why([&] { (void)pool.again(); }, std::errc::no_such_device), "");
        // Nobody takes the memory that is in use for a new device's.
        EXPECT_EQ(n.call(Request(SHMQ_CMD_DEV_NEW).u32(SHMQ_A_DEV_INDEX, 0)).error, EBUSY);
    }
    ASSERT_TRUE(eventually([&] {
        return n.call(Request(SHMQ_CMD_DEV_NEW)
                          .u32(SHMQ_A_DEV_INDEX, 0)
                          .u32(SHMQ_A_DEV_LAYOUT, SHMQ_LAYOUT_POOL))
                   .error == 0;
    }));
    const SharedPool pool = SharedPool::open(address);
    EXPECT_EQ(pool.counts().free, pool.capacity()) << "a new one knows nothing of the old";
    EXPECT_EQ(pool.counts().owned, 0u);
}

TEST_F(DevicePool, WhoPollsIsToldOfTheRemoval) {
    // Without a time limit, at whose end poll(2) would look once more.
    Child poller([] { return Device().poll(POLLIN, -1) & POLLHUP ? 0 : 1; });
    ASSERT_TRUE(comes_to_sleep(poller.pid()));
    Netlink n;
    ASSERT_EQ(n.remove(0), 0);
    EXPECT_EQ(poller.wait(), 0);
}

TEST_F(DevicePool, IsResetOnlyWhenNobodyIsInIt) {
    const Device d;
    const View v(d);
    {
        const SharedPool pool = SharedPool::open(address);
        EXPECT_EQ(d.reset(), EBUSY);
        EXPECT_EQ(v.state().epoch, 0u);
        EXPECT_NE(
            why([] { (void)shmq::Device::open().reset(); }, std::errc::device_or_resource_busy)
                .find("an owner is in its pool"),
            std::string::npos);
    }
    // Also the one who asks.
    ASSERT_EQ(own(d, 2), 0);
    EXPECT_EQ(d.reset(), EBUSY);
    ASSERT_EQ(disown(d, 2), 0);
    EXPECT_EQ(d.reset(), 0);
    EXPECT_EQ(v.state().epoch, 1u);
}

TEST_F(DevicePool, IsWholeAgainAfterAResetFromWhateverWasStored) {
    const Device d;
    const Mapping region = d.map(65536).need("mmap");
    Dice dice(3);
    for (unsigned round = 0; round < 20; round++) {
        for (std::uint32_t i = 0; i < 65536; i += 4)
            shmq_store_relaxed(region.data(), i, dice(0xffffffff));
        EXPECT_NE(why([] { (void)SharedPool::open(address); }, std::errc::protocol_error), "");
        ASSERT_EQ(d.reset(), 0);
        const SharedPool pool = SharedPool::open(address);
        EXPECT_EQ(pool.counts().free, blocks);
    }
}

// It formats the pool beside who scribbles on it, and keeps by itself how it lies.
TEST_F(DevicePool, AResetBesideAVandalTouchesNothingElse) {
    reload("layout=pool size=64K devices=2");
    SharedPool other = SharedPool::open("dev:/dev/shmq1");
    const SharedBlock kept = other.alloc();
    Child vandal([] {
        const Device d;
        const Mapping region = d.map(65536).need("mmap");
        Dice dice(5);
        for (;;)
            shmq_store_relaxed(region.data(), 4 * dice(16384), dice(0xffffffff));
        return 0;
    });
    const Device d;
    for (unsigned round = 0; round < 1000 * long_factor(); round++)
        ASSERT_EQ(d.reset(), 0);
    EXPECT_EQ(other.counts().owned, 1u);
    EXPECT_EQ(other.counts().damaged, 0u);
}

// ---- slots ----

TEST_F(DevicePool, ASlotBelongsToOneOpenFileUntilItIsGivenBackOrClosed) {
    const Device a;
    Device b;
    EXPECT_EQ(own(a, 0), 0);
    EXPECT_EQ(own(a, 0), 0) << "it has it already";
    EXPECT_EQ(own(b, 0), EBUSY);
    EXPECT_EQ(disown(b, 0), EPERM);
    EXPECT_EQ(own(b, 3), 0);
    EXPECT_EQ(disown(a, 0), 0);
    EXPECT_EQ(disown(a, 0), EPERM);
    EXPECT_EQ(own(b, 0), 0);
    b.close();
    EXPECT_EQ(own(a, 0), 0);
    EXPECT_EQ(own(a, 3), 0);
}

TEST_F(DevicePool, SlotsThatThereAreNotAndRequestsThatCannotBe) {
    Device d;
    for (const unsigned long request : {SHMQ_IOC_OWN, SHMQ_IOC_DISOWN}) {
        EXPECT_EQ(slot_ioctl(d, request, 4), EINVAL);
        EXPECT_EQ(slot_ioctl(d, request, 0xffffffff), EINVAL);
        EXPECT_EQ(slot_ioctl(d, request, 0, 1), EINVAL) << "an unknown flag";
        shmq_owner owner = {.size = sizeof(owner), .flags = 0, .slot = 0, .reserved = 1};
        EXPECT_EQ(d.ioctl(request, &owner), EINVAL);
        owner = {.size = sizeof(owner) - 4, .flags = 0, .slot = 0, .reserved = 0};
        EXPECT_EQ(d.ioctl(request, &owner), EINVAL);
        EXPECT_EQ(d.ioctl(request, nullptr), EFAULT);
    }
    d.close();
    for (const char* layout : {"layout=raw", "layout=cell", ""}) {
        reload(layout);
        EXPECT_EQ(own(Device(), 0), EINVAL) << layout;
        EXPECT_EQ(disown(Device(), 0), EINVAL) << layout;
    }
}

TEST_F(DevicePool, WhoMayOnlyReadLooksAndOwnsNothing) {
    const Device reader(O_RDONLY);
    EXPECT_EQ(own(reader, 0), EBADF);
    EXPECT_EQ(reader.reset(), EBADF);
    EXPECT_EQ(reader.map(65536).error(), EACCES);
    const Mapping region = reader.map(65536, 0, PROT_READ).need("mmap");
    shmq_pool pool{};
    EXPECT_EQ(shmq_pool_open(&pool, region.data(), region.size()), SHMQ_POOL_OK);
    EXPECT_EQ(shmq_pool_count(&pool).free, blocks);
    EXPECT_NE(why([&] { (void)SharedPool::attach(Region::from_fd_read_only(reader.fd(), 65536)); },
                  std::errc::permission_denied)
                  .find("only readable"),
              std::string::npos);
}

TEST_F(DevicePool, ThousandsOfFilesThatComeAndGoLeaveNoSlotTaken) {
    for (unsigned i = 0; i < 2000; i++) {
        const Device d;
        ASSERT_EQ(own(d, i % 4), 0);
    }
    EXPECT_EQ(Device().reset(), 0);
}

} // namespace
