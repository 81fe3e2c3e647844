// SPDX-License-Identifier: GPL-2.0-only OR MIT
// relacy, without the part of it that redefines `new`, `assert`, pthread names
// and others as macros, which no header after it survives.
#ifndef SHMQ_MODEL_RELACY_HPP
#define SHMQ_MODEL_RELACY_HPP

#include <relacy/base.hpp>
#include <relacy/context.hpp>

#include <relacy/context_base_impl.hpp>

#include <relacy/atomic.hpp>
#include <relacy/atomic_fence.hpp>
#include <relacy/backoff.hpp>
#include <relacy/dyn_thread.hpp>
#include <relacy/stdlib/condition_variable.hpp>
#include <relacy/stdlib/event.hpp>
#include <relacy/stdlib/mutex.hpp>
#include <relacy/stdlib/semaphore.hpp>
#include <relacy/test_suite.hpp>
#include <relacy/var.hpp>

#endif // SHMQ_MODEL_RELACY_HPP
