// SPDX-License-Identifier: GPL-2.0-only OR MIT
// All of the C++ library.
#ifndef SHMQ_SHMQ_HPP
#define SHMQ_SHMQ_HPP

#include <shmq/arc_pool.hpp>
#include <shmq/byte_queue.hpp>
#include <shmq/byte_stream.hpp>
#include <shmq/cell.hpp>
#include <shmq/channel.hpp>
#include <shmq/device.hpp>
#include <shmq/format.hpp>
#include <shmq/interface.hpp>
#include <shmq/listener.hpp>
#include <shmq/msg_queue.hpp>
#include <shmq/object_pool.hpp>
#include <shmq/pool.hpp>
#include <shmq/region.hpp>
#include <shmq/shared_pool.hpp>
#include <shmq/status.hpp>
#include <shmq/stream.hpp>
#include <shmq/waiting.hpp>

#endif // SHMQ_SHMQ_HPP
