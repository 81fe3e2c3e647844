// SPDX-License-Identifier: GPL-2.0-only OR MIT
// The two framings, prefixes and limits, as the kernel takes and sends them.
#include "support/module.hpp"
#include "support/process.hpp"
#include "support/ring.hpp"

namespace {

using namespace test;

struct Framing : DriverTest {
    // Messages of all sizes around the interesting ones, there and back.
    void expect_echo_of_all_sizes() {
        const Device d;
        const View v(d);
        Sender to(d, v);
        Receiver from(d, v);
        std::string answer;
        const std::uint32_t most = v.info.max_message;
        for (std::uint32_t size :
             {0u, 1u, 7u, 8u, 9u, 63u, 64u, 65u, 255u, 1000u, most - 1, most}) {
            const std::string m(size, static_cast<char>('a' + size % 26));
            ASSERT_EQ(to.send(m, size), SHMQ_OK) << size;
            ASSERT_EQ(from.receive(answer), SHMQ_OK) << size;
            ASSERT_EQ(answer, m) << size;
            ASSERT_EQ(from.tag, v.format.framing == SHMQ_PLAIN ? size : 0u);
        }
        EXPECT_EQ(v.state(0).damaged, 0u);
        EXPECT_EQ(v.state(0).refused, 0u);
    }
};

TEST_F(Framing, CheckedEchoesAllSizes) {
    expect_echo_of_all_sizes();
}

TEST_F(Framing, PlainEchoesAllSizesAndTheirTags) {
    reload("framing=plain");
    expect_echo_of_all_sizes();
}

TEST_F(Framing, PrefixesOfAnyLengthWork) {
    for (const char* prefix : {"prefix=", "prefix=x", "prefix=0x00", "prefix=0x53484d5100ff",
                               "prefix=DEFAULT_PREFIX:_0123456789"}) {
        SCOPED_TRACE(prefix);
        reload(std::string("max_msg=2000 ") + prefix);
        expect_echo_of_all_sizes();
    }
}

TEST_F(Framing, ReadAndWriteUseTheDevicesFraming) {
    for (const char* parameters : {"framing=plain", "prefix=", "prefix=ab"}) {
        SCOPED_TRACE(parameters);
        reload(parameters);
        const Device d;
        ASSERT_EQ(d.write("through the driver"), 0);
        EXPECT_EQ(d.read(), "through the driver");
    }
}

TEST_F(Framing, ADamagedPlainFrameStopsTheQueue) {
    reload("framing=plain size=64K");
    const Device d;
    const View v(d);
    shmq_producer p{};
    ASSERT_EQ(shmq_producer_attach(&p, v.base(0), v.length(0)), SHMQ_OK);
    const std::uint8_t head[8] = {0xff, 0xff, 0xff, 0x7f, 0, 0, 0, 0};
    ASSERT_EQ(shmq_producer_reserve(&p, sizeof(head)), SHMQ_OK);
    shmq_producer_put(&p, 0, head, sizeof(head));
    shmq_producer_commit(&p, sizeof(head));
    ASSERT_EQ(d.kick(), 0);
    EXPECT_TRUE(eventually([&] { return v.state(0).state == SHMQ_QUEUE_CORRUPT; }));
    EXPECT_EQ(d.write("x"), EIO);
    ASSERT_EQ(d.reset(), 0);
    ASSERT_EQ(d.write("y"), 0);
    EXPECT_EQ(d.read(), "y");
}

TEST_F(Framing, MaxMessageHoldsForWritersToo) {
    reload("max_msg=100");
    const Device d;
    EXPECT_EQ(d.write(std::string(101, 'x')), EMSGSIZE);
    ASSERT_EQ(d.write(std::string(100, 'y')), 0);
    EXPECT_EQ(d.read(), std::string(100, 'y'));
}

} // namespace
