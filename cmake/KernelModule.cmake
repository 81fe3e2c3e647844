# SPDX-License-Identifier: GPL-2.0-only OR MIT
#
# kmod:       the module for the kernel that the virtual machine boots
# kmod-host:  the module for the kernel that runs here
# Neither is part of `all`: a library user needs no kernel headers.
set(SHMQ_VM_KERNEL 6.1-cloud CACHE STRING "Kernel that the kmod target builds for (tools/vm/module)")

add_custom_target(kmod
  COMMAND ${CMAKE_COMMAND} -E env SHMQ_BUILD=${PROJECT_BINARY_DIR}
          "${PROJECT_SOURCE_DIR}/tools/vm/module" ${SHMQ_VM_KERNEL}
  COMMENT "Kernel module for ${SHMQ_VM_KERNEL}"
  USES_TERMINAL VERBATIM)

add_custom_target(kmod-host
  COMMAND "${PROJECT_SOURCE_DIR}/tools/host-module" "${PROJECT_BINARY_DIR}/kmod/host"
  COMMENT "Kernel module for the running kernel"
  USES_TERMINAL VERBATIM)
