/* SPDX-License-Identifier: Apache-2.0 */
/* A TLS report: whatever it is, its head is told or it is lost, and what is told is as promised. */
#include "ingest_listener.h"

#include "core/ingest/tls.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct told t = {};
	struct gp_ingest_listener listener = told_listener(&t);
	int r = gp_ingest_tls_read(gp_slice((const char *)data, size), 1, &listener);
	gp_assert(r == 0 && t.heads + t.lost == 1);
	return 0;
}
