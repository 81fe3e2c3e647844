// SPDX-License-Identifier: GPL-2.0-only OR MIT
#include <shmq/status.hpp>

#include <gtest/gtest.h>

#include <set>
#include <string>
#include <system_error>

namespace {

using shmq::Status;

constexpr Status all[] = {
    Status::Ok,        Status::Full,    Status::Empty,       Status::TooBig,      Status::BadCrc,
    Status::Again,     Status::Corrupt, Status::BadVersion,  Status::ShortBuffer, Status::Invalid,
    Status::Recreated, Status::Timeout, Status::Interrupted, Status::Removed,     Status::PeerGone,
    Status::Stale,     Status::Foreign, Status::NoOwner,
};

TEST(Status, EachHasAPhraseOfItsOwn) {
    std::set<std::string> phrases;
    for (const Status s : all)
        phrases.insert(to_string(s));
    EXPECT_EQ(phrases.size(), std::size(all));
    EXPECT_EQ(phrases.count("unknown status"), 0u);
    EXPECT_STREQ(to_string(static_cast<Status>(9999)), "unknown status");
}

TEST(Status, IsAnErrorCode) {
    const std::error_code ec = Status::Full;
    EXPECT_TRUE(ec);
    EXPECT_FALSE(std::error_code(Status::Ok));
    EXPECT_STREQ(ec.category().name(), "shmq");
    EXPECT_EQ(ec.message(), "queue full");
    EXPECT_EQ(ec, Status::Full);
    EXPECT_NE(ec, Status::Empty);
}

TEST(Status, MapsToPortableConditions) {
    EXPECT_EQ(std::error_code(Status::Timeout), std::errc::timed_out);
    EXPECT_EQ(std::error_code(Status::Empty), std::errc::resource_unavailable_try_again);
    EXPECT_EQ(std::error_code(Status::TooBig), std::errc::message_size);
    EXPECT_EQ(std::error_code(Status::BadCrc), std::errc::bad_message);
    EXPECT_EQ(std::error_code(Status::Removed), std::errc::no_such_device);
    EXPECT_EQ(std::error_code(Status::PeerGone), std::errc::broken_pipe);
}

TEST(Status, KnowsWhichAreFinal) {
    for (const Status s : all) {
        const bool expected = s == Status::Corrupt || s == Status::Recreated ||
                              s == Status::Removed || s == Status::Invalid;
        EXPECT_EQ(is_final(s), expected) << to_string(s);
    }
}

} // namespace
