/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `sink`'s side of a dialogue. The first octet says how large the pieces are in which the rest
 * arrives, and whether it is LMTP; however it is cut, the same must come of it.
 */
#include <stdlib.h>
#include <string.h>

#include "cli/traffic/sink_session.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct result {
	uint64_t messages, octets, marked, recipients;
	size_t answered;
};

static struct result
talk(bool lmtp, struct gp_slice input, size_t step)
{
	struct gp_sink_plan plan = {.lmtp = lmtp, .refuse_code = 450, .refuse_share = 0.25};
	struct gp_sink_session s;
	struct result r = {};
	struct gp_buf out = GP_BUF_INIT(1 << 20);
	gp_sink_session_init(&s, &plan);
	while (input.len > 0) {
		struct gp_slice piece = gp_slice_take(input, step);
		char *copy = malloc(piece.len);
		gp_assert(copy);
		memcpy(copy, piece.ptr, piece.len);
		struct gp_slice in = gp_slice(copy, piece.len);
		enum gp_sink_event event;
		input = gp_slice_drop(input, step);
		while ((event = gp_sink_session_next(&s, &in, &out)) != GP_SINK_WANT_INPUT) {
			r.messages += event == GP_SINK_MESSAGE;
			r.octets += event == GP_SINK_MESSAGE ? s.octets : 0;
			r.recipients += event == GP_SINK_MESSAGE ? s.recipients : 0;
			r.marked += event == GP_SINK_MESSAGE && s.has_mark;
		}
		gp_assert(in.len == 0);
		free(copy);
	}
	r.answered = out.len;
	gp_buf_free(&out);
	return r;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0)
		return 0;
	struct gp_slice input = gp_slice_drop(gp_slice((const char *)data, size), 1);
	bool lmtp = data[0] & 1;
	struct result whole = talk(lmtp, input, SIZE_MAX);
	struct result pieces = talk(lmtp, input, (size_t)(data[0] >> 1) + 1);
	gp_assert(memcmp(&whole, &pieces, sizeof(whole)) == 0);
	return 0;
}
