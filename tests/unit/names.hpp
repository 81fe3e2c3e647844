// SPDX-License-Identifier: GPL-2.0-only OR MIT
// Names that no other test uses, and that do not outlive the test.
#ifndef SHMQ_TESTS_NAMES_HPP
#define SHMQ_TESTS_NAMES_HPP

#include <atomic>
#include <cstdlib>
#include <string>

#include <sys/mman.h>
#include <unistd.h>

/// "/shmq-test-…", another each time.
inline std::string unique_name() {
    static std::atomic<int> count{0};
    return "/shmq-test-" + std::to_string(::getpid()) + '-' + std::to_string(count++);
}

/// A unique name of POSIX shared memory.
class ShmName {
public:
    ShmName() = default;
    ShmName(const ShmName&) = delete;
    ShmName& operator=(const ShmName&) = delete;
    ~ShmName() {
        if (owner_ == ::getpid())
            ::shm_unlink(name_.c_str());
    }

    operator const std::string&() const { return name_; } // NOLINT(google-explicit-constructor)
    [[nodiscard]] std::string address() const { return "shm:" + name_; }

private:
    std::string name_ = unique_name();
    pid_t owner_ = ::getpid();
};

class TemporaryFile {
public:
    TemporaryFile() {
        const int fd = ::mkstemp(name_.data());
        if (fd >= 0)
            ::close(fd);
    }
    TemporaryFile(const TemporaryFile&) = delete;
    TemporaryFile& operator=(const TemporaryFile&) = delete;
    ~TemporaryFile() { ::unlink(name_.c_str()); }

    operator const std::string&() const { return name_; } // NOLINT(google-explicit-constructor)

private:
    std::string name_ = "/tmp/shmq-test-XXXXXX";
};

#endif // SHMQ_TESTS_NAMES_HPP
