/* SPDX-License-Identifier: Apache-2.0 */
/* The head of an HTTP request: what is whole has all its parts inside the text, and stays so
 * whatever follows; and no start of it is whole. */
#include "base/arena.h"
#include "core/http/request.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
assert_inside(struct gp_slice part, struct gp_slice text)
{
	gp_assert(part.len > 0 && part.ptr >= text.ptr);
	gp_assert((size_t)(part.ptr - text.ptr) + part.len <= text.len);
	gp_assert(gp_slice_find(part, '\r') < 0 && gp_slice_find(part, '\n') < 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct gp_slice text = gp_slice((const char *)data, size);
	struct gp_http_request r, early;
	int outcome = gp_http_request_read(text, &r);
	gp_assert(outcome >= 0);
	if (outcome == GP_HTTP_MORE)
		gp_assert(size < GP_HTTP_HEAD_MAX);
	if (outcome != GP_HTTP_WHOLE)
		return 0;
	assert_inside(r.method, text);
	assert_inside(r.host, text);
	/* A whole URI without a path stands for "/", which is not in it. */
	if (!gp_slice_eq(r.path, GP_SLICE("/")))
		assert_inside(r.path, text);
	for (size_t n = 0; n < size; n++) {
		int before = gp_http_request_read(gp_slice_take(text, n), &early);
		if (before == GP_HTTP_WHOLE)
			break;
		gp_assert(before == GP_HTTP_MORE);
	}
	return 0;
}
