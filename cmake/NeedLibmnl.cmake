# SPDX-License-Identifier: GPL-2.0-only OR MIT
#
# Decides SHMQ_CONTROL. Programs that do not manage devices need no libmnl, so a
# library without shmq::Control is made where there is none; shmqctl needs it.
if(SHMQ_CONTROL STREQUAL AUTO AND NOT SHMQ_BUILD_TOOLS)
  find_package(Libmnl QUIET)
  if(NOT Libmnl_FOUND)
    message(STATUS "No libmnl (Debian: libmnl-dev): the library has no shmq::Control")
  endif()
  set(SHMQ_CONTROL ${Libmnl_FOUND})
elseif(SHMQ_CONTROL OR SHMQ_CONTROL STREQUAL AUTO)
  shmq_need(Libmnl DEBIAN libmnl-dev)
  set(SHMQ_CONTROL ON)
elseif(SHMQ_BUILD_TOOLS)
  message(FATAL_ERROR "shmqctl needs shmq::Control: give SHMQ_CONTROL=ON, or SHMQ_BUILD_TOOLS=OFF")
endif()
