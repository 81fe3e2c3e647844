# SPDX-License-Identifier: GPL-2.0-only OR MIT
#
# shmq_options: what all of this project's own targets are compiled with.
# Users of the library get none of it.
add_library(shmq_options INTERFACE)
target_compile_features(shmq_options INTERFACE cxx_std_20 c_std_11)
target_compile_options(shmq_options INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wno-sign-conversion -Wundef -Wvla
  $<$<COMPILE_LANGUAGE:CXX>:-Wnon-virtual-dtor -Woverloaded-virtual -Wextra-semi>)
if(SHMQ_WERROR)
  target_compile_options(shmq_options INTERFACE -Werror)
endif()

if(SHMQ_SANITIZE)
  target_compile_options(shmq_options INTERFACE
    -fsanitize=${SHMQ_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer)
  target_link_options(shmq_options INTERFACE -fsanitize=${SHMQ_SANITIZE})
  # What a sanitizer adds makes g++ believe that its own library, std::regex
  # among it, uses what was never set.
  if(CMAKE_CXX_COMPILER_ID STREQUAL GNU)
    target_compile_options(shmq_options INTERFACE -Wno-maybe-uninitialized)
  endif()
  # g++ warns that ThreadSanitizer does not model fences. Only sleep words
  # depend on one, and they are atomics.
  if(SHMQ_SANITIZE MATCHES thread AND CMAKE_CXX_COMPILER_ID STREQUAL GNU)
    target_compile_options(shmq_options INTERFACE -Wno-tsan)
  endif()
endif()
