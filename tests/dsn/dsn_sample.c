/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Prints a report for somebody else's parser (report_parses.py): everything in it that a stranger
 * can choose is hostile. Argument: "classic", or "utf8" for a sender whose address needs SMTPUTF8.
 */
#include <stdio.h>
#include <string.h>

#include "core/dsn/dsn.h"

static const struct gp_rcpt rcpts[] = {
	{.address = GP_SLICE("bob@example.net"),
	 .orcpt = GP_SLICE("rfc822;Bob+2BHome@example.com")},
	{.address = GP_SLICE("j\xc3\xb6rg@example.net"), .notify = GP_NOTIFY_SUCCESS},
	{.address = GP_SLICE("\"odd one\"@example.net"), .notify = GP_NOTIFY_DELAY},
};

int
main(int argc, char **argv)
{
	bool utf8 = argc > 1 && strcmp(argv[1], "utf8") == 0;
	const struct gp_outcome outcomes[] = {
		{.reply = GP_REPLY(550, 5, 1, 1,
				   "No\nsuch\r\n--=_Sample1_0--\r\n\r\nuser \033[31mred"),
		 .remote = GP_SLICE("mx.example.net [192.0.2.1]:25"),
		 .remote_said = true},
		{.reply = GP_REPLY(250, 2, 0, 0, "Taken"),
		 .remote = GP_SLICE("old.example.net [192.0.2.2]:25")},
		{.reply = GP_REPLY(451, 4, 4, 1, "Connection refused")},
	};
	const struct gp_dsn_rcpt entries[] = {
		{&rcpts[0], &outcomes[0], GP_DSN_FAILED, 1792722563000, 0},
		{&rcpts[1], &outcomes[1], GP_DSN_RELAYED, 1792722563000, 0},
		{&rcpts[2], &outcomes[2], GP_DSN_DELAYED, 1792722563000, 1793000000000},
	};
	const struct gp_envelope original = {
		.sender = utf8 ? GP_SLICE("\xc3\xa5sa@example.org") : GP_SLICE("alice@example.org"),
		.envid = GP_SLICE("job+2B17"),
		.flags = utf8 ? GP_ENVELOPE_SMTPUTF8 : GP_ENVELOPE_8BITMIME,
		.arrival_ms = 1792722500000,
		.client_helo = GP_SLICE("client.example.org"),
		.rcpts = rcpts,
		.rcpts_len = GP_ARRAY_LEN(rcpts),
	};
	struct gp_dsn d = {
		.hostname = GP_SLICE("mx.example.org"),
		.queue_id = GP_SLICE("0Abcdefghij"),
		.unique = GP_SLICE("Sample1"),
		.now_ms = 1792722563000,
		.envelope = &original,
		.rcpts = entries,
		.rcpts_len = GP_ARRAY_LEN(entries),
		.message = GP_SLICE(
			"From: alice@example.org\r\nSubject: caf\xc3\xa9\r\nContent-Type: "
			"text/plain; charset=utf-8\r\n\r\n--=_Sample1_0--\r\nGr\xc3\xbc\xc3\x9f"
			"e\r\n"),
	};
	d.message_size = d.message.len;
	struct gp_arena arena = GP_ARENA_INIT(1 << 20);
	struct gp_buf out = GP_BUF_INIT(1 << 20);
	struct gp_envelope envelope;
	int r = gp_dsn_build(&d, &arena, &out, &envelope);
	if (r == 0 && fwrite(gp_buf_slice(&out).ptr, 1, out.len, stdout) != out.len)
		r = -1;
	gp_buf_free(&out);
	gp_arena_free(&arena);
	return r == 0 ? 0 : 1;
}
