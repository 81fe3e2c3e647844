# SPDX-License-Identifier: GPL-2.0-only OR MIT
#
# What is installed, and how other builds find it: find_package(shmq) and
# pkg-config shmq.
include(CMakePackageConfigHelpers)

set(shmq_package_dir "${CMAKE_INSTALL_LIBDIR}/cmake/shmq")

install(TARGETS shmq EXPORT shmq-targets
  ARCHIVE DESTINATION "${CMAKE_INSTALL_LIBDIR}"
  LIBRARY DESTINATION "${CMAKE_INSTALL_LIBDIR}"
  RUNTIME DESTINATION "${CMAKE_INSTALL_BINDIR}")
install(DIRECTORY "${PROJECT_SOURCE_DIR}/include/shmq" DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}"
  FILES_MATCHING PATTERN "*.h" PATTERN "*.hpp")
install(FILES "${PROJECT_SOURCE_DIR}/include/uapi/linux/shmq.h"
  "${PROJECT_SOURCE_DIR}/include/uapi/linux/shmq_netlink.h"
  DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}/linux")

install(EXPORT shmq-targets NAMESPACE shmq:: DESTINATION "${shmq_package_dir}")
configure_package_config_file("${PROJECT_SOURCE_DIR}/cmake/shmq-config.cmake.in"
  "${PROJECT_BINARY_DIR}/shmq-config.cmake" INSTALL_DESTINATION "${shmq_package_dir}")
write_basic_package_version_file("${PROJECT_BINARY_DIR}/shmq-config-version.cmake"
  COMPATIBILITY SameMinorVersion)
install(FILES "${PROJECT_BINARY_DIR}/shmq-config.cmake"
  "${PROJECT_BINARY_DIR}/shmq-config-version.cmake"
  "${PROJECT_SOURCE_DIR}/cmake/FindLibdeflate.cmake"
  "${PROJECT_SOURCE_DIR}/cmake/FindLibmnl.cmake"
  DESTINATION "${shmq_package_dir}")

# A static libshmq leaves libdeflate to whoever links it, and the inline half
# of the library calls it in either case.
if(SHMQ_SMALL_CRC)
  set(shmq_pc_cflags -DSHMQ_SMALL_CRC)
else()
  set(shmq_pc_requires "Requires: libdeflate")
endif()
if(SHMQ_CONTROL)
  set(shmq_pc_requires_private "Requires.private: libmnl")
endif()
configure_file("${PROJECT_SOURCE_DIR}/cmake/shmq.pc.in" "${PROJECT_BINARY_DIR}/shmq.pc" @ONLY)
install(FILES "${PROJECT_BINARY_DIR}/shmq.pc" DESTINATION "${CMAKE_INSTALL_LIBDIR}/pkgconfig")
