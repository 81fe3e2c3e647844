# SPDX-License-Identifier: GPL-2.0-only OR MIT
#
# GTest::gtest and GTest::gtest_main: Debian's library, or for other machines its
# source.
if(CMAKE_CROSSCOMPILING)
  set(googletest_source /usr/src/googletest)
  if(NOT EXISTS ${googletest_source}/CMakeLists.txt)
    message(FATAL_ERROR "The source of GoogleTest is missing. On Debian and Ubuntu:\n"
      "    apt-get install --no-install-recommends googletest")
  endif()
  set(INSTALL_GTEST OFF)
  set(BUILD_GMOCK OFF)
  add_subdirectory(${googletest_source} "${PROJECT_BINARY_DIR}/googletest" EXCLUDE_FROM_ALL)
else()
  shmq_need(GTest DEBIAN libgtest-dev)
endif()
