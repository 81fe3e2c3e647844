// SPDX-License-Identifier: GPL-2.0-only OR MIT
// RTLinux's sample without its race: each number that is typed in is published in
// a cell, together with how many there were, and the kernel's thread prints both.
// They always belong together, and a number that came and went between two
// periods is seen by the count of writes.
//
//   insmod shmq.ko layout=cell cell_size=8 period_us=500000 priority=1
//       handler=print print_words=2 print_format=s32
//   rtlinux_cell /dev/shmq0
#include <shmq/cell.hpp>
#include <shmq/device.hpp>

#include <cstdint>
#include <exception>
#include <iostream>
#include <string>

namespace {

struct Shared {
    std::int32_t number = 0;
    std::int32_t count = 0;
};

} // namespace

int main(int argc, char** argv) try {
    const auto device = shmq::Device::open(argc > 1 ? argv[1] : "/dev/shmq0");
    auto cell =
        shmq::Cell<Shared>::publish(shmq::Region::from_fd(device.fd(), device.region().size()));
    std::cout << "numbers, or quit\n";
    Shared shared;
    for (std::string word; std::cin >> word && word != "quit";) {
        shared.number = std::stoi(word);
        shared.count++;
        cell.write(shared);
    }
    return 0;
} catch (const std::exception& e) {
    std::cerr << e.what() << '\n';
    return 1;
}
