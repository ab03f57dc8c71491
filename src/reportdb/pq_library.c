/* SPDX-License-Identifier: Apache-2.0 */
#include "reportdb/pq_library.h"

struct gp_pq_calls gp_pq;

#define GP_PQ_SYMBOL(name) {"PQ" #name, &gp_pq.name},
static const struct gp_library_symbol symbols[] = {GP_PQ_CALLS(GP_PQ_SYMBOL)};

struct gp_library gp_pq_library = {
	.file = "libpq.so.5",
	.package = "libpq5",
	.symbols = symbols,
	.symbols_len = GP_ARRAY_LEN(symbols),
	.table = &gp_pq,
	.table_size = sizeof(gp_pq),
};
