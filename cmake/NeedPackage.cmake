# SPDX-License-Identifier: GPL-2.0-only OR MIT
#
# shmq_need(<package> DEBIAN <deb>): find_package that tells which Debian
# package has what is missing.
macro(shmq_need package)
  cmake_parse_arguments(need "" "DEBIAN" "" ${ARGN})
  find_package(${package} QUIET)
  if(NOT ${package}_FOUND)
    message(FATAL_ERROR
      "${package} is missing. On Debian and Ubuntu:\n"
      "    apt-get install --no-install-recommends ${need_DEBIAN}")
  endif()
endmacro()
