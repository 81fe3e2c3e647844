// SPDX-License-Identifier: GPL-2.0-only OR MIT
// shmqctl with the driver: as root and as an ordinary user.
#include "../shmqctl/program.hpp"
#include "support/module.hpp"
#include "support/process.hpp"
#include "support/ring.hpp"

#include <shmq/control.hpp>
#include <shmq/shared_pool.hpp>

#include <atomic>
#include <functional>
#include <thread>

#include <grp.h>
#include <nlohmann/json.hpp>
#include <sys/stat.h>

namespace {

using namespace test;
using nlohmann::json;

struct Shmqctl : DriverTest {
    Shmqctl() : DriverTest("devices=0") {}
};

// Runs it and wants it to work.
std::string good(const Arguments& arguments, std::string_view input = "") {
    const Result got = shmqctl(arguments, input);
    EXPECT_EQ(got.status, 0) << arguments[0] << ": " << got.err;
    EXPECT_EQ(got.err, "") << arguments[0];
    return got.out;
}

json good_json(Arguments arguments) {
    arguments.emplace_back("--json");
    return json::parse(good(arguments));
}

void refused(const Arguments& arguments, std::string_view says) {
    const Result got = shmqctl(arguments);
    EXPECT_EQ(got.status, 1) << arguments[0];
    EXPECT_TRUE(got.complains_of(says)) << got.err;
    EXPECT_EQ(got.out, "");
}

// In a child without rights.
int as_user(const std::function<int()>& f) {
    return Child([&] {
               const gid_t groups[] = {990};
               CHILD_CHECK(setgroups(1, groups) == 0 && setgid(1000) == 0 && setuid(1000) == 0);
               const int status = f();
               return testing::Test::HasFailure() ? 1 : status;
           })
        .wait();
}

// ---- managing ----

TEST_F(Shmqctl, ADeviceIsMadeShownChangedAndRemoved) {
    EXPECT_EQ(
        good({"add", "--size", "64K", "--handler", "none", "--prefix", "0x00ff", "--mode", "0640",
              "--group", "990", "--tick", "2s", "--period", "1ms", "--restart", "yes"}),
        "/dev/shmq0\n");
    json d = good_json({"show", "0"}).at(0);
    EXPECT_EQ(d.at("path"), "/dev/shmq0");
    EXPECT_EQ(d.at("size"), 65536);
    EXPECT_EQ(d.at("handler"), "none");
    EXPECT_EQ(d.at("prefix_hex"), "00ff");
    EXPECT_EQ(d.at("mode"), "0640");
    EXPECT_EQ(d.at("gid"), 990);
    EXPECT_EQ(d.at("tick_ms"), 2000);
    EXPECT_EQ(d.at("period_us"), 1000);
    EXPECT_EQ(d.at("restart"), true);
    ASSERT_EQ(d.at("queues").size(), 2u);
    EXPECT_EQ(d.at("queues")[0].at("state"), "running");

    good({"set", "/dev/shmq0", "--handler", "echo", "--tick", "0", "--mode", "600"});
    d = good_json({"list"}).at(0);
    EXPECT_EQ(d.at("handler"), "echo");
    EXPECT_EQ(d.at("tick_ms"), 0);
    EXPECT_EQ(d.at("mode"), "0600");
    EXPECT_EQ(d.at("queues")[0].at("consumer"), "kernel");
    struct stat st {};
    ASSERT_EQ(::stat("/dev/shmq0", &st), 0);
    EXPECT_EQ(st.st_mode & 0777, 0600u);

    EXPECT_NE(good({"show"}).find("handler     echo"), std::string::npos);
    EXPECT_NE(good({"list"}).find("/dev/shmq0  64 KiB  channel  echo"), std::string::npos)
        << good({"list"});
    EXPECT_EQ(good({"del", "shmq0"}), "");
    EXPECT_TRUE(good_json({"list"}).empty());
}

TEST_F(Shmqctl, NumbersAreGivenOrTheLowestFree) {
    EXPECT_EQ(good({"add", "7"}), "/dev/shmq7\n");
    EXPECT_EQ(good({"add"}), "/dev/shmq0\n");
    EXPECT_EQ(good({"add", "--layout", "raw"}), "/dev/shmq1\n");
    EXPECT_EQ(good_json({"list"}).size(), 3u);
    EXPECT_EQ(good_json({"show", "1", "7"}).at(0).at("layout"), "raw");
    good({"del", "0", "1", "7"});
    EXPECT_TRUE(good_json({"list"}).empty());
}

TEST_F(Shmqctl, ARefusalHasTheDriversWords) {
    good({"add", "3"});
    refused({"add", "3"}, "shmq3: there is a device of that number");
    refused({"add", "--size", "130"}, "multiple of 8");
    refused({"add", "--framing", "plain", "--prefix", "x"}, "plain framing has no prefix");
    refused({"set", "3", "--handler", "unheard-of"}, "shmq3: ");
    refused({"del", "4"}, "shmq4: there is no device of that number");
    refused({"show", "4"}, "there is no device of that number");
    refused({"stats", "4"}, "there is no device of that number");
    refused({"add", "--handler", std::string(70000, 'x')}, "too long");
}

TEST_F(Shmqctl, WhatCanBeRemovedIsRemovedAndTheRestTold) {
    good({"add", "1"});
    refused({"del", "0", "1"}, "shmq0");
    EXPECT_TRUE(good_json({"list"}).empty());
}

TEST_F(Shmqctl, PeriodPriorityAndCpuAreSetAndShown) {
    good({"add", "--period", "2ms", "--priority", "42", "--cpu", "1", "--handler", "none"});
    json d = good_json({"show", "0"}).at(0);
    EXPECT_EQ(d.at("priority"), 42);
    EXPECT_EQ(d.at("cpu"), 1);
    EXPECT_NE(good({"list"}).find("none     2000 us, fifo 42, cpu 1"), std::string::npos)
        << good({"list"});
    EXPECT_NE(good({"show"}).find("period      2000 us, fifo 42, cpu 1"), std::string::npos);
    good({"set", "0", "--priority", "0", "--cpu", "any"});
    d = good_json({"show", "0"}).at(0);
    EXPECT_EQ(d.at("priority"), 0);
    EXPECT_EQ(d.at("cpu"), -1);
    refused({"set", "0", "--cpu", "4000"}, "shmq0: no CPU of that number is online");
    EXPECT_EQ(shmqctl({"set", "0", "--cpu", "-3"}).status, 2);
    EXPECT_EQ(shmqctl({"set", "0", "--priority", "100"}).status, 2);
    EXPECT_EQ(shmqctl({"set", "0", "--print-format", "octal"}).status, 2);
}

TEST_F(Shmqctl, RawMemoryAndCellsAreMadeToBePrinted) {
    good({"add", "--layout", "raw", "--handler", "print", "--period", "10ms", "--print-offset",
          "1K", "--print-words", "2", "--print-format", "s32"});
    good({"add", "--layout", "cell", "--cell-size", "256", "--cell-readers", "3"});
    KernelLog log;
    EXPECT_TRUE(log.comes_to_say("shmq0: at 1024: 0 0\n"));
    good({"set", "1", "--handler", "print", "--period", "10ms"});
    EXPECT_TRUE(log.comes_to_say("shmq1: nothing written yet\n"));
    const json cell = good_json({"show", "1"}).at(0);
    EXPECT_EQ(cell.at("layout"), "cell");
    EXPECT_EQ(cell.at("cell").at("size"), 256);
    EXPECT_EQ(cell.at("cell").at("readers"), 3);
    const std::string text = good({"show"});
    EXPECT_NE(text.find("handler     print (2 words at 1024, as s32)"), std::string::npos) << text;
    EXPECT_NE(text.find("a cell of 256 B for 3 registered readers"), std::string::npos) << text;
    refused({"add", "--layout", "raw", "--handler", "print"}, "print needs a period");
}

TEST_F(Shmqctl, PoolsAreMadeShownAndReset) {
    good({"add", "--layout", "pool", "--size", "1M", "--pool-block-size", "64K", "--pool-owners",
          "8"});
    const json pool = good_json({"show", "0"}).at(0);
    EXPECT_EQ(pool.at("layout"), "pool");
    EXPECT_EQ(pool.at("pool").at("block_size"), 65536);
    EXPECT_EQ(pool.at("pool").at("blocks"), 15);
    EXPECT_EQ(pool.at("pool").at("owners"), 8);
    const std::string text = good({"show"});
    EXPECT_NE(text.find("a pool of 15 blocks of 64 KiB for 8 owners"), std::string::npos) << text;
    EXPECT_NE(good({"list"}).find("pool"), std::string::npos);
    {
        const auto owner = shmq::SharedPool::open("dev:/dev/shmq0");
        refused({"reset", "0"}, "an owner is in its pool");
    }
    good({"reset", "0"});
    refused({"add", "--layout", "pool", "--size", "64K", "--pool-block-size", "64K"},
            "the memory is too small for a pool's header");
    refused({"add", "--pool-owners", "8"}, "only layout pool has blocks and owners");
    EXPECT_EQ(shmqctl({"add", "--layout", "pool", "--pool-owners", "1"}).status, 2);
}

TEST_F(Shmqctl, LatencyIsAHistogram) {
    good({"add", "--handler", "none", "--period", "1ms"});
    ASSERT_TRUE(eventually([] {
        return good_json({"stats", "0"}).at(0).at("periods").get<std::uint64_t>() > 50;
    }));
    good({"set", "0", "--period", "0"});
    const json l = good_json({"latency", "0"});
    std::uint64_t periods = 0;
    for (const json& bucket : l.at("buckets"))
        periods += bucket.at("periods").get<std::uint64_t>();
    EXPECT_EQ(periods, l.at("periods").get<std::uint64_t>());
    EXPECT_LE(l.at("within_us").at("50%"), l.at("within_us").at("99%"));
    const std::string text = good({"latency", "0"});
    EXPECT_NE(text.find(std::to_string(periods) + " periods, "), std::string::npos) << text;
    EXPECT_NE(text.find(" us"), std::string::npos) << text;
    EXPECT_NE(text.find('#'), std::string::npos) << text;
    const std::string plot = good({"latency", "0", "--gnuplot"});
    EXPECT_NE(plot.find("plot $lateness"), std::string::npos) << plot;
    EXPECT_NE(good({"stats"}).find("DEVICE  PERIODS  MISSED"), std::string::npos);

    good({"reset", "0", "--stats"});
    refused({"latency", "0"}, "it has no period (shmqctl set 0 --period 1ms)");
    refused({"latency", "7"}, "there is no device of that number");
}

TEST_F(Shmqctl, ManyDevicesAreListedAll) {
    std::string expected;
    auto control = shmq::Control::open();
    shmq::DeviceSettings settings;
    settings.size = 4096;
    settings.handler = "none";
    for (int i = 0; i < 150; i++)
        expected += control.add(settings).path() + '\n';
    std::string listed;
    for (const json& d : good_json({"list"}))
        listed += d.at("path").get<std::string>() + '\n';
    EXPECT_EQ(listed, expected);
}

// ---- talking ----

TEST_F(Shmqctl, TalksToTheKernel) {
    for (const char* framing : {"checked", "plain"}) {
        good({"add", "--framing", framing});
        good({"send", "/dev/shmq0"}, "hello\nkernel\n");
        EXPECT_EQ(good({"recv", "/dev/shmq0", "--count", "2"}), "hello\nkernel\n");
        good({"del", "0"});
    }
}

TEST_F(Shmqctl, TwoProgramsTalkOverADevice) {
    good({"add", "--handler", "none"});
    good({"send", "/dev/shmq0"}, "up\n");
    EXPECT_EQ(good({"recv", "/dev/shmq0", "--half", "0"}), "up\n");
    good({"send", "/dev/shmq0", "--half", "1"}, "down\n");
    EXPECT_EQ(good({"recv", "dev:/dev/shmq0"}), "down\n");
    good({"send", "/dev/shmq0", "--type", "bytes"}, "bytes");
    EXPECT_EQ(good({"recv", "/dev/shmq0", "--type", "bytes", "--half", "0"}), "bytes");
}

TEST_F(Shmqctl, FollowingAReceiverSleepsAndIsWoken) {
    good({"add"});
    Running reader({"recv", "/dev/shmq0", "--follow"});
    for (const char* text : {"one", "two"}) {
        nap(200);
        good({"send", "/dev/shmq0"}, std::string(text) + '\n');
        EXPECT_EQ(reader.line(), text);
    }
    const Result busy = shmqctl({"recv", "/dev/shmq0"});
    EXPECT_EQ(busy.status, 1);
    EXPECT_TRUE(busy.complains_of("busy")) << busy.err;
    reader.signal(SIGINT);
    EXPECT_EQ(reader.wait().status, 0);
}

TEST_F(Shmqctl, ADeviceThatIsRemovedEndsItsUsers) {
    good({"add"});
    Running reader({"recv", "/dev/shmq0", "--follow"});
    good({"send", "/dev/shmq0"}, "there\n");
    EXPECT_EQ(reader.line(), "there");
    good({"del", "0"});
    const Result end = reader.wait();
    EXPECT_EQ(end.status, 1);
    EXPECT_TRUE(end.complains_of("device removed")) << end.err;
}

TEST_F(Shmqctl, BenchMeasuresTheEcho) {
    good({"add"});
    const json rates = good_json({"bench", "/dev/shmq0", "--size", "8,1K", "--seconds", "0.2"});
    ASSERT_EQ(rates.size(), 2u);
    EXPECT_GT(rates[1].at("messages"), 0);
    good({"set", "0", "--handler", "none"});
    refused({"bench", "/dev/shmq0"}, "handler is echo");
}

// ---- looking ----

TEST_F(Shmqctl, StatisticsCountAndAreReset) {
    good({"add"});
    good({"send", "/dev/shmq0"}, "four\nfive5\n");
    good({"recv", "/dev/shmq0", "--count", "2"});
    json q = good_json({"stats", "0"}).at(0).at("queues");
    for (int i : {0, 1}) {
        EXPECT_EQ(q[i].at("messages"), 2) << i;
        EXPECT_EQ(q[i].at("bytes"), 9) << i;
    }
    EXPECT_NE(good({"stats"}).find("shmq0   0      2         9"), std::string::npos)
        << good({"stats"});
    EXPECT_EQ(good_json({"show", "0"}).at(0).at("queues")[1].at("messages"), 2);
    EXPECT_NE(good({"show", "0"}).find("2 messages, 9 B"), std::string::npos) << good({"show"});
    good({"reset", "0", "--stats"});
    q = good_json({"stats"}).at(0).at("queues");
    EXPECT_EQ(q[0].at("messages"), 0);
    EXPECT_EQ(q[1].at("bytes"), 0);
}

TEST_F(Shmqctl, AStoppedQueueIsSeenByAllAndStartedAnew) {
    good({"add"});
    {
        const Device d;
        const View v(d);
        v.set_position(to_kernel, SHMQ_WRITE_POSITION, 0xfffffff0);
        ASSERT_EQ(d.kick(), 0);
        ASSERT_TRUE(
            eventually([&] { return v.state(to_kernel).state == unsigned{SHMQ_QUEUE_CORRUPT}; }));
    }
    EXPECT_NE(good({"list"}).find("queue 0 corrupt"), std::string::npos);
    const Result sent = shmqctl({"send", "/dev/shmq0"}, "x\n");
    EXPECT_EQ(sent.status, 1);
    EXPECT_TRUE(sent.complains_of("/dev/shmq0")) << sent.err;
    Result doctor = shmqctl({"doctor"});
    EXPECT_EQ(doctor.status, 1);
    EXPECT_NE(doctor.out.find("shmqctl reset /dev/shmq0"), std::string::npos) << doctor.out;
    EXPECT_EQ(good({"reset", "/dev/shmq0"}), "/dev/shmq0: empty and running, epoch 1\n");
    doctor = shmqctl({"doctor"});
    EXPECT_EQ(doctor.out.find("reset"), std::string::npos) << doctor.out;
    good({"send", "/dev/shmq0"}, "again\n");
    EXPECT_EQ(good({"recv", "/dev/shmq0", "--count", "1"}), "again\n");
}

TEST_F(Shmqctl, DoctorIsContentWhenAllIsRight) {
    good({"add"});
    ::mkdir("/dev/shm", 01777);
    const Result got = shmqctl({"doctor"});
    EXPECT_EQ(got.status, 0) << got.out;
    EXPECT_NE(got.out.find("ok    the module is loaded"), std::string::npos) << got.out;
    EXPECT_NE(got.out.find("ok    /dev/shmq0"), std::string::npos) << got.out;
    EXPECT_NE(got.out.find("ok    you may make"), std::string::npos) << got.out;
}

TEST_F(Shmqctl, MonitorPrintsEventsAsTheyCome) {
    good({"add", "9"});
    Running monitor({"monitor", "--json"});
    // It listens when it has told of something.
    json event;
    std::thread stir([&] {
        while (event.is_null()) {
            shmqctl({"set", "9", "--handler", "none"});
            nap(50);
        }
    });
    event = json::parse(monitor.line());
    stir.join();
    const auto next = [&](const char* kind) {
        while (event.at("event") != kind)
            event = json::parse(monitor.line());
        return event;
    };
    EXPECT_EQ(next("changed").at("device").at("handler"), "none");
    good({"add", "2"});
    EXPECT_EQ(next("added").at("device").at("path"), "/dev/shmq2");
    good({"send", "/dev/shmq9"}, "x\n");
    EXPECT_EQ(next("claimed").at("end"), "producer");
    EXPECT_EQ(next("released").at("queue"), 0);
    good({"del", "2"});
    EXPECT_EQ(next("removed").at("index"), 2);
    monitor.signal(SIGINT);
    EXPECT_EQ(monitor.wait().status, 0);

    Running text({"monitor", "--count", "1"});
    std::atomic<bool> told = false;
    std::thread more([&] {
        while (!told) {
            shmqctl({"set", "9", "--mode", "0600"});
            nap(50);
        }
    });
    EXPECT_EQ(text.line(), "shmq9 changed: 256 KiB, handler none, mode 0600, root:root");
    told = true;
    more.join();
    EXPECT_EQ(text.wait().status, 0);
}

TEST_F(Shmqctl, TopShowsWhatMoves) {
    good({"add"});
    Running top({"top", "--interval", "0.3", "--json"});
    ASSERT_EQ(json::parse(top.line()).at("queues")[0].at("messages_per_second"), 0);
    good({"send", "/dev/shmq0"}, "a\nb\nc\n");
    double seen = 0;
    json queues;
    for (int i = 0; i < 100 && seen == 0; i++) {
        queues = json::parse(top.line()).at("queues");
        seen = queues[0].at("messages_per_second");
    }
    EXPECT_GT(seen, 0);
    EXPECT_GT(queues[1].at("fill"), 0) << "nobody has read the answers";
    top.signal(SIGTERM);
    EXPECT_EQ(top.wait().status, 0);

    const std::string text = good({"top", "--interval", "0.05", "--count", "1"});
    EXPECT_NE(text.find("MESSAGES/s"), std::string::npos);
    EXPECT_NE(text.find("[#..................."), std::string::npos) << text;
    EXPECT_EQ(text.find('\033'), std::string::npos) << "no terminal, no escapes";
}

// ---- rights ----

TEST_F(Shmqctl, AnOrdinaryUserLooksAndDoesNotManage) {
    good({"add"});
    EXPECT_EQ(as_user([] {
                  EXPECT_EQ(good_json({"list"}).size(), 1u);
                  good({"stats", "0"});
                  for (const Arguments& arguments : {Arguments{"add"}, Arguments{"del", "0"},
                                                     Arguments{"set", "0", "--mode", "0666"},
                                                     Arguments{"reset", "0", "--stats"}})
                      refused(arguments, "as root");
                  refused({"recv", "/dev/shmq0"}, "join the group");
                  refused({"reset", "0"}, "join the group");
                  const Result doctor = shmqctl({"doctor"});
                  EXPECT_NE(doctor.out.find("note  you may look at devices"), std::string::npos)
                      << doctor.out;
                  EXPECT_NE(doctor.out.find("--group GROUP"), std::string::npos) << doctor.out;
                  return 0;
              }),
              0);
    EXPECT_EQ(good_json({"list"}).size(), 1u);
}

TEST_F(Shmqctl, AMemberOfTheGroupTalks) {
    good({"add", "--mode", "0660", "--group", "shmq"});
    EXPECT_EQ(as_user([] {
                  good({"send", "/dev/shmq0"}, "hello\n");
                  EXPECT_EQ(good({"recv", "/dev/shmq0", "--count", "1"}), "hello\n");
                  refused({"set", "0", "--mode", "0666"}, "as root");
                  return 0;
              }),
              0);
}

TEST_F(Shmqctl, WithoutTheModuleItSaysHowToGetIt) {
    ASSERT_EQ(unload_module(), 0);
    for (const char* command : {"list", "add", "monitor", "top", "stats"})
        refused({command}, "modprobe shmq");
    const Result doctor = shmqctl({"doctor"});
    EXPECT_EQ(doctor.status, 1);
    EXPECT_NE(doctor.out.find("modprobe shmq"), std::string::npos) << doctor.out;
}

} // namespace
