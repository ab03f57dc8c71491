/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A survey of a server that says anything, in an order that the input chooses: each step's first
 * octet chooses a line and what happens to it, and the next one how much arrives. It must come to
 * its end, and keep to its limits.
 */
#include "core/surveyor/surveyor.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { OCTETS_MAX = 300'000, TOTAL_MS = 60'000, REPLY_MS = 5'000 };

/* The upper half of a step's first octet; the lower one is the line. */
enum event {
	EVENT_HELP = 0, /* what a server says that wants to be surveyed */
	EVENT_OCTETS = 1,
	EVENT_EOF = 2,
	EVENT_TIME = 3,
};

static struct gp_slice
helpful(struct gp_slice output)
{
	if (gp_slice_starts(output, GP_SLICE("EHLO")))
		return GP_SLICE("250-a\r\n250 STARTTLS\r\n");
	if (gp_slice_starts(output, GP_SLICE("STARTTLS")))
		return GP_SLICE("220 a\r\n");
	return GP_SLICE("220 a\r\n");
}

static void
happen(struct gp_surveyor *s, unsigned line, unsigned event, struct gp_slice octets,
       uint64_t now_ms)
{
	enum gp_surveyor_state state = gp_surveyor_state(s, line);
	if (event == EVENT_TIME) {
		gp_surveyor_tick(s, now_ms);
	} else if (state == GP_SURVEYOR_WANTED) {
		gp_surveyor_connecting(s, line, now_ms);
	} else if (state == GP_SURVEYOR_CONNECTING && event == EVENT_EOF) {
		gp_surveyor_unreachable(s, line, now_ms);
	} else if (state == GP_SURVEYOR_CONNECTING) {
		gp_surveyor_connected(s, line, now_ms);
	} else if (state == GP_SURVEYOR_OVER) {
		gp_surveyor_closed(s, line);
	} else if (state == GP_SURVEYOR_OPEN && event == EVENT_EOF) {
		gp_surveyor_eof(s, line, now_ms);
	} else if (state == GP_SURVEYOR_OPEN) {
		struct gp_slice out = gp_surveyor_output(s, line);
		struct gp_slice answer = event == EVENT_HELP ? helpful(out) : octets;
		gp_surveyor_sent(s, line, out.len);
		gp_surveyor_feed(s, line, answer, now_ms);
	}
}

/* The server is silent from here on. */
static void
finish(struct gp_surveyor *s, uint64_t now_ms)
{
	for (size_t steps = 0;; steps++) {
		unsigned line;
		enum gp_surveyor_want want = gp_surveyor_next(s, &line);
		if (want == GP_SURVEYOR_DONE)
			return;
		gp_assert(steps < 100);
		now_ms += REPLY_MS;
		gp_surveyor_tick(s, now_ms);
		for (line = 0; line < GP_SURVEYOR_LINES_MAX; line++) {
			if (gp_surveyor_state(s, line) == GP_SURVEYOR_WANTED)
				gp_surveyor_connecting(s, line, now_ms);
			if (gp_surveyor_state(s, line) == GP_SURVEYOR_OVER)
				gp_surveyor_closed(s, line);
		}
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct gp_slice input = gp_slice((const char *)data, size);
	const struct gp_surveyor_options options = {
		.helo = GP_SLICE("a"),
		.seed = GP_SLICE("0123456789abcdef0123456789abcdef"),
		.tls_at_once = size > 0 && data[0] & 1,
		.brief = size > 0 && data[0] & 2,
		.lines_max = size > 0 ? 1 + data[0] / 16U : 1,
		.greeting_ms = REPLY_MS,
		.reply_ms = REPLY_MS,
		.total_ms = TOTAL_MS,
		.octets_max = OCTETS_MAX,
	};
	uint64_t now_ms = 0;
	struct gp_surveyor *s = gp_surveyor_new(&options);
	input = gp_slice_drop(input, 1);
	while (s && input.len >= 2) {
		unsigned what = (unsigned char)input.ptr[0], wanted;
		size_t len = (unsigned char)input.ptr[1];
		input = gp_slice_drop(input, 2);
		now_ms += what / 16 == EVENT_TIME ? 1000 : 1;
		if (what / 16 != EVENT_OCTETS)
			len = 0;
		happen(s, what % 16, what / 16, gp_slice_take(input, len), now_ms);
		input = gp_slice_drop(input, len);
		if (gp_surveyor_next(s, &wanted) == GP_SURVEYOR_DONE)
			break;
	}
	if (s) {
		finish(s, now_ms);
		gp_assert(gp_surveyor_facts(s)->connections <= GP_SURVEY_CONNECTIONS);
		gp_assert(gp_surveyor_octets(s) <= OCTETS_MAX + 255);
	}
	gp_surveyor_free(s);
	return 0;
}
