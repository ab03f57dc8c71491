/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A client's session whose server says whatever the input is. The first octet chooses the kind of
 * session, the second how many recipients there are and how the bytes are cut, the third (enum
 * wishes) what is wished of TLS, AUTH and BDAT.
 */
#include <stdlib.h>

#include "core/smtp/client.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { RCPTS_MAX = 4, MAILS_MAX = 20, EVENTS_MAX = 100'000 };

enum wishes {
	TLS = 3, /* enum gp_client_tls; 3: required, and the handshake fails */
	IMPLICIT = 4,
	PASSWORD = 8,
	TOKEN = 16,
	CHUNKING = 32,
	BINARY = 64,
	REQUIRETLS = 128,
};

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

/* No secret leaves outside TLS, and no mail where TLS is required; nor, by DATA, does a bare CR or
   LF, or a NUL. */
static void
send_output(struct gp_smtp_client *c, unsigned wishes, char *last)
{
	struct gp_slice out = gp_smtp_client_output(c);
	bool required = (wishes & TLS) >= GP_CLIENT_TLS_REQUIRED || (wishes & REQUIRETLS);
	if (!gp_smtp_client_in_tls(c)) {
		gp_assert(!gp_slice_starts(out, GP_SLICE("AUTH")));
		gp_assert(!required || !gp_slice_starts(out, GP_SLICE("MAIL")));
	}
	for (size_t i = 0; i < out.len && !(wishes & (CHUNKING | BINARY)); i++) {
		gp_assert((out.ptr[i] == '\n') == (*last == '\r') && out.ptr[i] != '\0');
		*last = out.ptr[i];
	}
	gp_smtp_client_output_sent(c, out.len, 0);
}

/* Returns false at CLOSE. */
static bool
handle(struct gp_smtp_client *c, enum gp_client_event event, unsigned wishes,
       const struct gp_smtp_client_mail *mail, unsigned *mails)
{
	switch (event) {
	case GP_CLIENT_READY:
		if ((*mails)++ == MAILS_MAX)
			gp_smtp_client_quit(c, 0);
		else if (gp_smtp_client_start(c, mail, 0) < 0)
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
	case GP_CLIENT_STARTTLS:
		gp_assert((wishes & TLS) && !(wishes & IMPLICIT) && !gp_smtp_client_in_tls(c));
		if ((wishes & TLS) == TLS)
			gp_smtp_client_tls_failed(c, "no");
		else
			gp_smtp_client_tls_started(c, 0);
		break;
	case GP_CLIENT_WAIT:
		break;
	}
	return true;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct gp_slice input = gp_slice((const char *)data, size);
	if (size < 3)
		return 0;
	bool lmtp = data[0] & 1;
	unsigned wishes = data[2] & (lmtp ? ~(unsigned)REQUIRETLS : ~0u);
	const struct gp_envelope envelope = {
		.sender = GP_SLICE("s@example.org"),
		.flags = wishes & REQUIRETLS ? GP_ENVELOPE_REQUIRETLS : 0,
		.rcpts = rcpts,
		.rcpts_len = 1 + data[1] % 4,
	};
	const struct gp_smtp_client_mail mail = {
		.envelope = &envelope,
		.size = 10,
		.body_binary = wishes & BINARY,
		.until = (uint8_t)((data[0] >> 4) % 3),
	};
	const struct gp_smtp_client_setup setup = {
		.hostname = GP_SLICE("gate.example.org"),
		.lmtp = lmtp,
		.helo_only = data[0] & 2,
		.no_pipelining = data[0] & 4,
		.tls = (uint8_t)GP_MIN(wishes & TLS, (unsigned)GP_CLIENT_TLS_REQUIRED),
		.tls_implicit = wishes & IMPLICIT,
		.chunking = wishes & CHUNKING,
		.login = {.user = gp_slice("u", wishes & (PASSWORD | TOKEN) ? 1 : 0),
			  .password = gp_slice("p", wishes & PASSWORD ? 1 : 0),
			  .token = gp_slice("t", wishes & TOKEN ? 1 : 0)},
	};
	struct gp_smtp_client *c = gp_smtp_client_new(&setup, 0);
	size_t cut = 1 + data[1] / 4;
	char last = 0;
	unsigned mails = 0;
	input = gp_slice_drop(input, 3);
	for (size_t i = 0; i < EVENTS_MAX; i++) {
		struct gp_slice piece = gp_slice_take(input, cut);
		size_t len = piece.len;
		enum gp_client_event event = gp_smtp_client_next(c, &piece, 0);
		input = gp_slice_drop(input, len - piece.len);
		if (!handle(c, event, wishes, &mail, &mails))
			break;
		send_output(c, wishes, &last);
		if (event == GP_CLIENT_WAIT && input.len == 0)
			gp_smtp_client_eof(c);
	}
	gp_smtp_client_free(c);
	return 0;
}
