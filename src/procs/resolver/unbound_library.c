/* SPDX-License-Identifier: Apache-2.0 */
#include "procs/resolver/unbound_library.h"

struct unbound_calls ub;

#define UNBOUND_SYMBOL(name) {"ub_" #name, &ub.name},
static const struct gp_library_symbol symbols[] = {UNBOUND_CALLS(UNBOUND_SYMBOL)};

struct gp_library unbound_library = {
	.file = "libunbound.so.8",
	.package = "libunbound8",
	.symbols = symbols,
	.symbols_len = GP_ARRAY_LEN(symbols),
	.table = &ub,
	.table_size = sizeof(ub),
};
