/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libunbound, loaded when the DNS itself is first asked: see sys/library.h. What its header calls
 * ub_cancel() is ub.cancel() here, once gp_library_load(&unbound_library) has returned 0.
 *
 * It brings a libevent of its own, and must not use that on our loop. It does not: names are looked
 * up first among what the program is linked with, and that has libevent_core.
 */
#pragma once

#include <unbound-event.h>
#include <unbound.h>

#include "sys/library.h"

#define UNBOUND_CALLS(X)    \
	X(cancel)           \
	X(ctx_add_ta_file)  \
	X(ctx_create_event) \
	X(ctx_debugout)     \
	X(ctx_delete)       \
	X(ctx_resolvconf)   \
	X(ctx_set_fwd)      \
	X(ctx_set_option)   \
	X(resolve_event)    \
	X(strerror)

#define UNBOUND_POINTER(name) typeof(&ub_##name) name;
struct [[GP_LIBRARY_TABLE]] unbound_calls {
	UNBOUND_CALLS(UNBOUND_POINTER)
};
#undef UNBOUND_POINTER

extern struct gp_library unbound_library;
extern struct unbound_calls ub;
