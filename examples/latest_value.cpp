// SPDX-License-Identifier: GPL-2.0-only OR MIT
// A publisher, and a reader that has the latest value of it: a pose, 100 times a
// second.
//
// usage: latest_value [publish | read]
//
// Without an argument both, in two processes, for five values. A reader may come
// first, and publishers may come and go.
#include <shmq/shmq.hpp>

#include <chrono>
#include <cstdlib>
#include <exception>
#include <iostream>
#include <string>
#include <thread>

#include <sys/wait.h>
#include <unistd.h>

namespace {

using namespace std::chrono_literals;

struct Pose {
    double x;
    double y;
    std::uint32_t number;
};

constexpr auto name = "shmq-example-pose";

void publish(std::uint32_t values) {
    auto pose = shmq::Cell<Pose>::create(name, {});
    for (std::uint32_t n = 1; n <= values; ++n) {
        {
            auto next = pose.edit(); // in place: the fields that are not set stay
            next->x += 0.5;
            next->number = n;
        } // published here
        std::this_thread::sleep_for(10ms);
    }
}

/// Until the publisher has gone.
void read() {
    auto pose = shmq::Cell<Pose>::wait_and_open(name, 10s);
    for (;;) {
        const shmq::Status status = pose.wait(10s);
        if (status != shmq::Status::Ok) {
            std::cout << to_string(status) << '\n';
            return;
        }
        if (const auto p = pose.view())
            std::cout << "pose " << p->number << ": " << p->x << ", " << p->y << '\n';
    }
}

} // namespace

int main(int argc, char** argv) try {
    const std::string what = argc > 1 ? argv[1] : "both";
    if (what == "publish") {
        publish(UINT32_MAX);
    } else if (what == "read") {
        read();
    } else if (what == "both") {
        const pid_t child = fork();
        if (child == 0) {
            publish(5);
            std::_Exit(0);
        }
        read();
        int status = 0;
        waitpid(child, &status, 0);
        shmq::Cell<Pose>::unlink(name);
        return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
    } else {
        std::cerr << "usage: latest_value [publish | read]\n";
        return 2;
    }
} catch (const std::exception& e) {
    std::cerr << e.what() << '\n';
    return 1;
}
