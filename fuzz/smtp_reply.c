/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A client's session whose server says whatever the input is. The first octet chooses the kind of
 * session, the second how many recipients there are and how the bytes are cut.
 */
#include <stdlib.h>

#include "core/smtp/client.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { RCPTS_MAX = 4, EVENTS_MAX = 100'000 };

static const struct gp_rcpt rcpts[RCPTS_MAX] = {
	{.address = {"a@example.net", 13}},
	{.address = {"b@example.net", 13}, .notify = GP_NOTIFY_NEVER},
	{.address = {"\xc3\xa4@example.net", 14}},
	{.address = {"d@example.net", 13}, .orcpt = {"rfc822;d@example.net", 20}},
};

static void
check_outcomes(const struct gp_smtp_client *c, size_t n)
{
	size_t len;
	const struct gp_outcome *outcomes = gp_smtp_client_outcomes(c, &len);
	gp_assert(len == n);
	for (size_t i = 0; i < len; i++) {
		const struct gp_reply *r = &outcomes[i].reply;
		gp_assert(outcomes[i].kind >= GP_OUTCOME_DELIVERED &&
			  outcomes[i].kind <= GP_OUTCOME_FAILED);
		gp_assert(r->code >= 200 && r->code < 600 && r->enhanced_class >= 2);
		gp_assert(r->text.len <= GP_CLIENT_TEXT_MAX);
		for (size_t at = 0; at < r->text.len; at++)
			gp_assert(r->text.ptr[at] == '\n' ||
				  (r->text.ptr[at] >= ' ' && r->text.ptr[at] <= '~'));
	}
}

/* No bare CR, LF or NUL ever leaves. */
static void
send_output(struct gp_smtp_client *c, char *last)
{
	struct gp_slice out = gp_smtp_client_output(c);
	for (size_t i = 0; i < out.len; i++) {
		gp_assert((out.ptr[i] == '\n') == (*last == '\r') && out.ptr[i] != '\0');
		*last = out.ptr[i];
	}
	gp_smtp_client_output_sent(c, out.len, 0);
}

/* Returns false at CLOSE. */
static bool
handle(struct gp_smtp_client *c, enum gp_client_event event, const struct gp_smtp_client_mail *mail)
{
	switch (event) {
	case GP_CLIENT_READY:
		if (gp_smtp_client_start(c, mail, 0) < 0)
			abort();
		break;
	case GP_CLIENT_BODY:
		(void)gp_smtp_client_body(c, GP_SLICE("a\r.\n.\r\n\0."));
		gp_smtp_client_body_end(c, 0);
		break;
	case GP_CLIENT_DONE:
		check_outcomes(c, mail->envelope->rcpts_len);
		break;
	case GP_CLIENT_CLOSE:
		return false;
	case GP_CLIENT_WAIT:
		break;
	}
	return true;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct gp_slice input = gp_slice((const char *)data, size);
	if (size < 2)
		return 0;
	const struct gp_envelope envelope = {
		.sender = GP_SLICE("s@example.org"), .rcpts = rcpts, .rcpts_len = 1 + data[1] % 4};
	const struct gp_smtp_client_mail mail = {
		.envelope = &envelope, .size = 10, .until = (uint8_t)((data[0] >> 4) % 3)};
	const struct gp_smtp_client_setup setup = {
		.hostname = GP_SLICE("gate.example.org"),
		.lmtp = data[0] & 1,
		.helo_only = data[0] & 2,
		.no_pipelining = data[0] & 4,
	};
	struct gp_smtp_client *c = gp_smtp_client_new(&setup, 0);
	size_t cut = 1 + data[1] / 4;
	char last = 0;
	input = gp_slice_drop(input, 2);
	for (size_t i = 0; i < EVENTS_MAX; i++) {
		struct gp_slice piece = gp_slice_take(input, cut);
		size_t len = piece.len;
		enum gp_client_event event = gp_smtp_client_next(c, &piece, 0);
		input = gp_slice_drop(input, len - piece.len);
		if (!handle(c, event, &mail))
			break;
		send_output(c, &last);
		if (event == GP_CLIENT_WAIT && input.len == 0)
			gp_smtp_client_eof(c);
	}
	gp_smtp_client_free(c);
	return 0;
}
