/* SPDX-License-Identifier: Apache-2.0 */
/* Whatever comes, what is made of it is lines, and how it is cut into pieces changes nothing. */
#include <string.h>

#include "core/message/downgrade.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int
convert(struct gp_slice in, size_t piece, struct gp_buf *out)
{
	struct gp_downgrade *d = gp_downgrade_new();
	gp_assert(d);
	while (in.len > 0) {
		(void)!gp_downgrade_feed(d, gp_slice_take(in, piece), out);
		in = gp_slice_drop(in, GP_MIN(piece, in.len));
	}
	int fault = gp_downgrade_end(d, out);
	gp_assert(fault != 0 || gp_downgrade_has_8bit(d) == gp_slice_has_8bit(gp_buf_slice(out)));
	gp_downgrade_free(d);
	return fault;
}

static void
assert_lines(struct gp_slice s)
{
	size_t column = 0;
	for (size_t i = 0; i < s.len; i++) {
		bool crlf = s.ptr[i] == '\r' && i + 1 < s.len && s.ptr[i + 1] == '\n';
		gp_assert(s.ptr[i] != '\0' && s.ptr[i] != '\n' && (s.ptr[i] != '\r' || crlf));
		column = crlf ? 0 : column + 1;
		i += crlf;
		gp_assert(column <= GP_DOWNGRADE_LINE_MAX);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 1)
		return 0;
	struct gp_buf once = GP_BUF_INIT(1 << 24), again = GP_BUF_INIT(1 << 24);
	struct gp_slice in = gp_slice((const char *)data + 1, size - 1);
	int fault = convert(in, in.len, &once);
	gp_assert(convert(in, 1 + (size_t)data[0], &again) == fault);
	if (fault == 0) {
		gp_assert(gp_slice_eq(gp_buf_slice(&once), gp_buf_slice(&again)));
		assert_lines(gp_buf_slice(&once));
	}
	gp_buf_free(&once);
	gp_buf_free(&again);
	return 0;
}
