/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `load`'s side of a dialogue with any server. The first octet says how large the pieces are in
 * which the answers arrive, and whether it is LMTP, pipelined, or with STARTTLS.
 */
#include <stdlib.h>
#include <string.h>

#include "cli/traffic/load_session.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { MESSAGES = 3 };

/* The driver's part: three messages, then QUIT. False: it closes. */
static bool
act(struct gp_load_session *s, enum gp_load_event event, uint64_t *number, struct gp_buf *out)
{
	switch (event) {
	case GP_LOAD_READY:
		if ((*number)++ < MESSAGES)
			gp_load_session_begin(s, *number, 5, out);
		else
			gp_load_session_quit(s, out);
		return true;
	case GP_LOAD_STARTTLS:
		gp_load_session_tls_started(s, out);
		return true;
	case GP_LOAD_MESSAGE:
		gp_assert(s->outcome == GP_LOAD_ACCEPTED || s->outcome == GP_LOAD_REFUSED ||
			  s->outcome == GP_LOAD_PARTIAL);
		return true;
	case GP_LOAD_BYE:
	case GP_LOAD_BROKEN:
		return false;
	default:
		return true;
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0)
		return 0;
	struct gp_load_plan plan = {
		.run = "run",
		.helo = GP_SLICE("c"),
		.from = GP_SLICE("f@x"),
		.to = GP_SLICE("u%d@x"),
		.users = 5,
		.recipients = 2,
		.lmtp = data[0] & 1,
		.pipeline = data[0] & 2,
		.starttls = data[0] & 4,
	};
	size_t step = (size_t)(data[0] >> 3) + 1;
	struct gp_slice input = gp_slice_drop(gp_slice((const char *)data, size), 1);
	uint64_t classes[5] = {}, number = 0;
	struct gp_load_session s;
	struct gp_buf out = GP_BUF_INIT(1 << 16);
	bool open = true;
	gp_load_session_init(&s, &plan, classes);
	while (open && input.len > 0) {
		struct gp_slice in = gp_slice_take(input, step);
		enum gp_load_event event;
		input = gp_slice_drop(input, step);
		while (open && (event = gp_load_session_next(&s, &in, &out)) != GP_LOAD_WANT_INPUT)
			open = act(&s, event, &number, &out);
	}
	gp_buf_free(&out);
	return 0;
}
