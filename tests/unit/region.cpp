// SPDX-License-Identifier: GPL-2.0-only OR MIT
#include "failure.hpp"
#include "names.hpp"
#include "processes.hpp"

#include <shmq/region.hpp>

#include <gtest/gtest.h>

#include <cstring>
#include <fstream>
#include <string>
#include <system_error>

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

namespace {

using shmq::Region;

void write_file(const std::string& path, std::size_t bytes) {
    std::ofstream(path) << std::string(bytes, 'x');
}

TEST(Region, AMemfdIsZeroedWritableAndSealed) {
    const Region r = Region::memfd("test", 5000);
    ASSERT_EQ(r.size(), 5000u);
    EXPECT_EQ(r.bytes().front(), std::byte{0});
    EXPECT_EQ(r.bytes().back(), std::byte{0});
    r.bytes().back() = std::byte{1};
    ASSERT_GE(r.fd(), 0);
    EXPECT_EQ(::ftruncate(r.fd(), 0), -1) << "a peer must not be able to take it away";
    EXPECT_NE(::fcntl(r.fd(), F_GETFD) & FD_CLOEXEC, 0);
}

TEST(Region, ZeroBytesAreAnError) {
    EXPECT_EQ(failure([] { (void)Region::memfd("test", 0); }).code(), std::errc::invalid_argument);
    EXPECT_EQ(failure([] { (void)Region::posix_shm("/shmq-zero", 0); }).code(),
              std::errc::invalid_argument);
}

// Nothing on 32 bits: a machine may have all that they can address.
constexpr std::size_t far_too_much = SIZE_MAX > UINT32_MAX ? SIZE_MAX / 16384 : 0;

TEST(Region, MoreThanThereIsFailsAtOnce) {
    if (!far_too_much)
        GTEST_SKIP() << "a 32-bit program";
    const auto e = failure([] { (void)Region::memfd("test", far_too_much); });
    EXPECT_TRUE(says(e, std::to_string(far_too_much) + " bytes")) << e.what();
}

TEST(Region, MovesAndLeavesNothingBehind) {
    Region a = Region::memfd("test", 4096);
    std::byte* const at = a.bytes().data();
    Region b = std::move(a);
    EXPECT_TRUE(a.empty()); // NOLINT(bugprone-use-after-move)
    EXPECT_EQ(a.fd(), -1);
    EXPECT_EQ(b.bytes().data(), at);
    b = Region::memfd("other", 8192);
    EXPECT_EQ(b.size(), 8192u);
}

TEST(Region, PosixShmIsFoundByItsName) {
    const ShmName name;
    const Region made = Region::posix_shm(name, 10000);
    made.bytes()[9999] = std::byte{42};
    const Region found = Region::posix_shm(name);
    ASSERT_EQ(found.size(), 10000u);
    EXPECT_NE(found.bytes().data(), made.bytes().data());
    EXPECT_EQ(found.bytes()[9999], std::byte{42});
}

TEST(Region, PosixShmHasTheModeThatWasAskedFor) {
    const mode_t old = ::umask(0077);
    const ShmName name;
    const Region made = Region::posix_shm(name, 4096, 0660);
    ::umask(old);
    struct stat st {};
    ASSERT_EQ(::fstat(made.fd(), &st), 0);
    EXPECT_EQ(st.st_mode & 0777, 0660u);
}

TEST(Region, PosixShmThatExistsIsNotOverwritten) {
    const ShmName name;
    const Region made = Region::posix_shm(name, 4096);
    made.bytes()[0] = std::byte{7};
    const auto e = failure([&] { (void)Region::posix_shm(name, 4096); });
    EXPECT_EQ(e.code(), std::errc::file_exists);
    EXPECT_TRUE(says(e, "unlink it first")) << e.what();
    EXPECT_EQ(made.bytes()[0], std::byte{7});
}

TEST(Region, PosixShmThatDoesNotExistSaysSo) {
    const auto e = failure([] { (void)Region::posix_shm("/shmq-no-such-thing"); });
    EXPECT_EQ(e.code(), std::errc::no_such_file_or_directory);
    EXPECT_TRUE(says(e, "/shmq-no-such-thing: does not exist")) << e.what();
    std::error_code ec;
    EXPECT_TRUE(Region::posix_shm("/shmq-no-such-thing", ec).empty());
    EXPECT_EQ(ec, std::errc::no_such_file_or_directory);
    Region::posix_shm_unlink("/shmq-no-such-thing", ec);
    EXPECT_EQ(ec, std::errc::no_such_file_or_directory);
}

TEST(Region, NamesOfPosixShmAreChecked) {
    for (const char* name : {"", "/", "no-slash", "/a/b"})
        EXPECT_EQ(failure([&] { (void)Region::posix_shm(name, 4096); }).code(),
                  std::errc::invalid_argument)
            << name;
}

TEST(Region, AFailedPosixShmLeavesNoName) {
    if (!far_too_much)
        GTEST_SKIP() << "a 32-bit program";
    struct statvfs shm {};
    if (::statvfs("/dev/shm", &shm) != 0 || shm.f_blocks == 0)
        GTEST_SKIP() << "/dev/shm without a limit: it would take all memory first";
    const ShmName name;
    const auto e = failure([&] { (void)Region::posix_shm(name, far_too_much); });
    EXPECT_EQ(e.code(), std::errc::no_space_on_device);
    EXPECT_TRUE(says(e, "too small")) << e.what();
    EXPECT_NO_THROW((void)Region::posix_shm(name, 4096));
}

TEST(Region, UnlinkTakesTheNameAndLeavesTheMemory) {
    const ShmName name;
    const Region made = Region::posix_shm(name, 4096);
    Region::posix_shm_unlink(name);
    std::error_code ec;
    (void)Region::posix_shm(name, ec);
    EXPECT_TRUE(ec);
    made.bytes()[4095] = std::byte{1};
}

TEST(Region, AFileIsMappedWholeOrInPart) {
    const TemporaryFile file;
    const auto page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
    write_file(file, 3 * page);
    EXPECT_EQ(Region::file(file).size(), 3 * page);
    EXPECT_EQ(Region::file(file, page).size(), 2 * page);
    const Region r = Region::file(file, page, 100);
    ASSERT_EQ(r.size(), 100u);
    r.bytes()[0] = std::byte{'!'};
    EXPECT_EQ(Region::file(file).bytes()[page], std::byte{'!'});
}

TEST(Region, AShorterFileIsAnErrorAndNotASignal) {
    const TemporaryFile file;
    write_file(file, 4095);
    const auto e = failure([&] { (void)Region::file(file, 0, 4096); });
    EXPECT_EQ(e.code(), std::errc::invalid_argument);
    EXPECT_TRUE(says(e, "has 4095 bytes, too few for 4096")) << e.what();
    EXPECT_THROW((void)Region::file(file, 4096), std::system_error) << "nothing is left there";
    EXPECT_THROW((void)Region::file(file, 8192, 1), std::system_error);
    EXPECT_THROW((void)Region::file(file, UINT64_MAX, 1), std::system_error);
    write_file(file, 0);
    EXPECT_THROW((void)Region::file(file), std::system_error);
}

TEST(Region, AFileThatIsNotThereOrNotOursSaysWhich) {
    EXPECT_TRUE(says(failure([] { (void)Region::file("/no/such/file"); }), "does not exist"));
    EXPECT_THROW((void)Region::file("/tmp"), std::system_error) << "a directory";

    const TemporaryFile file;
    write_file(file, 4096);
    const ShmName name;
    const Region shm = Region::posix_shm(name, 4096, 0600);
    ASSERT_EQ(::chmod(static_cast<const std::string&>(file).c_str(), 0), 0);
    Child stranger([&] {
        if (::geteuid() == 0 && ::seteuid(65534) != 0)
            return 2;
        return says(failure([&] { (void)Region::file(file); }), "no permission") &&
                       (::getuid() != 0 ||
                        says(failure([&] { (void)Region::posix_shm(name); }), "no permission"))
                   ? 0
                   : 1;
    });
    EXPECT_EQ(stranger.join(), 0);
}

TEST(Region, ACharacterDeviceHasNoSizeToBeChecked) {
    EXPECT_TRUE(says(failure([] { (void)Region::file("/dev/zero"); }), "say how many bytes"));
    EXPECT_EQ(Region::file("/dev/zero", 0, 4096).size(), 4096u);
}

TEST(Region, AFileThatIsMadeIsZeroedAndHasItsMode) {
    const TemporaryFile file;
    const std::string path = static_cast<const std::string&>(file) + "-made";
    const mode_t old = ::umask(0077);
    const Region made = Region::create_file(path, 10000, 0640);
    ::umask(old);
    struct stat st {};
    ASSERT_EQ(::fstat(made.fd(), &st), 0);
    EXPECT_EQ(st.st_mode & 0777, 0640u);
    ASSERT_EQ(made.size(), 10000u);
    EXPECT_EQ(made.bytes()[9999], std::byte{0});
    made.bytes()[9999] = std::byte{42};
    EXPECT_EQ(Region::file(path).bytes()[9999], std::byte{42});
    const auto e = failure([&] { (void)Region::create_file(path, 10000); });
    EXPECT_EQ(e.code(), std::errc::file_exists);
    EXPECT_TRUE(says(e, "remove it first")) << e.what();
    EXPECT_EQ(made.bytes()[9999], std::byte{42}) << "it was made over";
    ::unlink(path.c_str());
}

TEST(Region, AFileThatCannotBeMadeLeavesNothing) {
    const TemporaryFile file;
    const std::string path = static_cast<const std::string&>(file) + "-made";
    std::error_code ec;
    if (far_too_much) {
        EXPECT_TRUE(Region::create_file(path, far_too_much, 0600, ec).empty());
        EXPECT_TRUE(ec);
    }
    EXPECT_NE(::access(path.c_str(), F_OK), 0);
    EXPECT_EQ(failure([] { (void)Region::create_file("/nonexistent/x", 4096); }).code(),
              std::errc::no_such_file_or_directory);
}

TEST(Region, FromFdLeavesTheDescriptorToTheCaller) {
    const Region owner = Region::memfd("test", 8192);
    {
        const Region r = Region::from_fd(owner.fd());
        EXPECT_EQ(r.size(), 8192u);
        EXPECT_NE(r.fd(), owner.fd());
        EXPECT_THROW((void)Region::from_fd(owner.fd(), 8193), std::system_error);
    }
    EXPECT_NE(::fcntl(owner.fd(), F_GETFD), -1);
    EXPECT_EQ(failure([] { (void)Region::from_fd(-1, 4096); }).code(),
              std::errc::bad_file_descriptor);
}

TEST(Region, AFailureLeaksNoDescriptor) {
    const TemporaryFile file;
    write_file(file, 100);
    const int before = ::dup(0);
    ::close(before);
    std::error_code ec;
    for (int i = 0; i < 10; ++i) {
        (void)Region::file(file, 0, 4096, ec);
        (void)Region::from_fd(0, 0, UINT64_MAX, ec);
    }
    const int after = ::dup(0);
    ::close(after);
    EXPECT_EQ(before, after);
}

TEST(Region, RawMemoryStaysItsOwners) {
    std::byte memory[64]{};
    {
        const Region r = Region::raw(memory, sizeof(memory));
        EXPECT_EQ(r.bytes().data(), memory);
        EXPECT_EQ(r.fd(), -1);
        r.bytes()[0] = std::byte{1};
    }
    EXPECT_EQ(memory[0], std::byte{1});
}

TEST(Region, ASliceLiesInside) {
    std::byte memory[64]{};
    const Region r = Region::raw(memory, sizeof(memory));
    EXPECT_EQ(r.slice(16, 32).data(), memory + 16);
    EXPECT_EQ(r.slice(16, 32).size(), 32u);
    EXPECT_EQ(r.slice(64, 0).size(), 0u);
    for (const auto& [offset, length] :
         {std::pair<std::uint64_t, std::uint64_t>{0, 65}, {65, 0}, {1, 64}, {UINT64_MAX, 2}}) {
        EXPECT_THROW((void)r.slice(offset, length), std::system_error);
        std::error_code ec;
        EXPECT_TRUE(r.slice(offset, length, ec).empty());
        EXPECT_EQ(ec, std::errc::invalid_argument);
    }
}

} // namespace
