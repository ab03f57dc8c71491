/* SPDX-License-Identifier: Apache-2.0 */
/*
 * MAIL, RCPT, DATA, the message with its false end and what is hidden behind that, the true end.
 * Then QUIT at the first answer: each answer that comes before the one to QUIT was to something
 * that the server should have taken for text.
 */
#include "core/probe/smuggle.h"

#include "core/probe/canary.h"

enum {
	BARREN_MAX = 2, /* connections in a row in which nothing could be tested */
	EXTRA_MAX = 10, /* answers to what was hidden */
	MESSAGE_MAX = 8192,
	LONG_LINE = 998, /* octets that a line may have (RFC 5321 section 4.5.3.1.6) */
};

enum smuggle_stage {
	SMUGGLE_IDLE,
	SMUGGLE_MAIL,
	SMUGGLE_RCPT,
	SMUGGLE_DATA,
	SMUGGLE_END,
	SMUGGLE_QUIT,
};

#define END(name_, octets)                                                             \
	{                                                                              \
		.name = (name_), .before = {octets, sizeof(octets) - 1}, .hides = true \
	}

static const struct gp_probe_variant variants[] = {
	END("LF.LF", "\n.\n"),
	END("CR.CR", "\r.\r"),
	END("CR.LF", "\r.\n"),
	END("LF.CR", "\n.\r"),
	END("LF.CRLF", "\n.\r\n"),
	END("CRLF.LF", "\r\n.\n"),
	END("CR.CRLF", "\r.\r\n"),
	END("CRLF.CR", "\r\n.\r"),
	END("CRLF-NUL-.-CRLF", "\r\n\0.\r\n"),
	END("CRLF-.-NUL-CRLF", "\r\n.\0\r\n"),
	/* a dot that is doubled on the way in, and perhaps not on the way out (4.5.2) */
	END("CRLF..CRLF", "\r\n..\r\n"),
	/* a line that is broken where it is too long, before a dot */
	{.name = "long line, dot", .hides = true},
	{.name = "LF in a header", .header = "X-Gatepost-Bare: one\nX-Gatepost-Second: two\r\n"},
	/* content of a chunk, where it ends nothing, but would if it went on as it is by DATA */
	{.name = "CRLF.CRLF in a chunk", .before = {"\r\n.\r\n", 5}, .hides = true, .bdat = true},
	{.name = "LF.LF in a chunk", .before = {"\n.\n", 3}, .hides = true, .bdat = true},
	{.name = "CRLF.CRLF", .before = {"\r\n.\r\n", 5}, .hides = true, .control = true},
};

const struct gp_probe_variant *
gp_probe_variants(size_t *ret_len)
{
	*ret_len = GP_ARRAY_LEN(variants);
	return variants;
}

static struct gp_probe_smuggle_test *
test_now(struct gp_probe *p)
{
	return &p->record.smuggle[p->smuggler.at];
}

/* --- messages --- */

/* What is text by right, and commands to a server that has seen an end before it. */
static void
put_hidden(struct gp_buf *out, const struct gp_probe_options *o, unsigned number)
{
	gp_buf_printf(out, "MAIL FROM:<%.*s>\r\nRCPT TO:<%.*s>\r\nDATA\r\n",
		      GP_SLICE_FMT(o->recipient), GP_SLICE_FMT(o->recipient));
	gp_probe_put_canary(out, o, 's', number, 'x');
}

static void
put_long_line(struct gp_buf *out)
{
	for (int i = 0; i < LONG_LINE; i++)
		gp_buf_put_char(out, 'x');
	gp_buf_put_str(out, ".\r\n");
}

static void
put_message(struct gp_buf *out, const struct gp_probe_options *o, size_t at)
{
	const struct gp_probe_variant *v = &variants[at];
	unsigned number = (unsigned)at + 1;
	gp_buf_put_str(out, v->header ? v->header : "");
	gp_probe_put_canary(out, o, 's', number, 0);
	if (v->before.len > 0) {
		gp_buf_truncate(out, out->len - (out->failed ? 0 : 2)); /* its last CRLF */
		gp_buf_put(out, v->before);
	} else if (v->hides) {
		put_long_line(out);
	}
	if (v->hides)
		put_hidden(out, o, number);
}

static void
say_message(struct gp_probe *p)
{
	struct gp_buf message = GP_BUF_INIT(MESSAGE_MAX);
	bool bdat = variants[p->smuggler.at].bdat;
	put_message(&message, &p->o, p->smuggler.at);
	p->out.failed |= message.failed;
	p->smuggler.stage = SMUGGLE_END;
	p->smuggler.unasked = p->unasked;
	if (bdat)
		gp_probe_say(p, GP_PROBE_SMUGGLE, "BDAT %zu LAST", message.len);
	gp_probe_say_octets(p, GP_PROBE_SMUGGLE, gp_buf_slice(&message));
	if (!bdat)
		gp_probe_say(p, GP_PROBE_SMUGGLE, ".");
	gp_buf_free(&message);
}

/* --- the task --- */

static const char *
what_is_missing(const struct gp_probe *p, size_t at)
{
	const struct gp_probe_reply *ehlo = gp_probe_last_ehlo(&p->record);
	if (p->exhausted)
		return "the probe ended before";
	if (ehlo->code / 100 != 2)
		return "the conversation did not get that far";
	if (variants[at].bdat && !gp_probe_offers(ehlo, GP_SLICE("CHUNKING"), NULL))
		return "the server does not offer CHUNKING";
	return NULL;
}

static void
smuggling_begin(struct gp_probe *p)
{
	if (!(p->o.consents & GP_PROBE_SMUGGLE))
		return;
	p->record.smuggle =
		gp_arena_array(&p->arena, GP_ARRAY_LEN(variants), sizeof(*p->record.smuggle));
	if (!p->record.smuggle)
		return;
	p->record.smuggle_len = GP_ARRAY_LEN(variants);
	for (size_t i = 0; i < GP_ARRAY_LEN(variants); i++) {
		p->record.smuggle[i].name = variants[i].name;
		p->record.smuggle[i].why = what_is_missing(p, i);
	}
}

static size_t
next_open(const struct gp_probe *p)
{
	size_t at = 0;
	while (at < p->record.smuggle_len &&
	       (p->record.smuggle[at].state != GP_PROBE_SMUGGLE_NOT_TESTED ||
		p->record.smuggle[at].why))
		at++;
	return at;
}

static bool
smuggling_wants(const struct gp_probe *p)
{
	return next_open(p) < p->record.smuggle_len;
}

static bool
smuggling_wants_tls(const struct gp_probe *p)
{
	(void)p;
	return false;
}

static void
smuggling_ready(struct gp_probe *p)
{
	p->smuggler.at = next_open(p);
	p->smuggler.stage = SMUGGLE_MAIL;
	gp_probe_say(p, GP_PROBE_SMUGGLE, "MAIL FROM:<%.*s>", GP_SLICE_FMT(p->o.recipient));
}

static void
note(struct gp_probe *p, const struct gp_probe_reply *r)
{
	test_now(p)->code = r->code;
	test_now(p)->reply = gp_probe_brief(p, r);
}

/* The envelope is refused: this says nothing about ends of data. */
static void
skip(struct gp_probe *p, const struct gp_probe_reply *r, const char *why)
{
	note(p, r);
	test_now(p)->why = why;
	gp_probe_leave(p, GP_PROBE_END_QUIT, why);
}

static void
answer_end(struct gp_probe *p, const struct gp_probe_reply *r)
{
	note(p, r);
	p->smuggler.stage = SMUGGLE_QUIT;
	p->smuggler.barren = 0;
	p->served = true;
	gp_probe_say(p, 0, "QUIT");
}

/* Replies before that to QUIT are to what should have been text. */
static void
answer_quit(struct gp_probe *p, const struct gp_probe_reply *r)
{
	if (r->code != 221 && ++p->smuggler.extra < EXTRA_MAX)
		return;
	gp_probe_end_connection(p, GP_PROBE_END_QUIT, "the variant was tried");
}

static void
smuggling_answer(struct gp_probe *p, const struct gp_probe_reply *r)
{
	bool yes = r->code / 100 == 2;
	bool bdat = variants[p->smuggler.at].bdat;
	if (p->smuggler.stage == SMUGGLE_END) {
		answer_end(p, r);
	} else if (p->smuggler.stage == SMUGGLE_QUIT) {
		answer_quit(p, r);
	} else if (p->smuggler.stage == SMUGGLE_MAIL && yes) {
		p->smuggler.stage = SMUGGLE_RCPT;
		gp_probe_say(p, GP_PROBE_SMUGGLE, "RCPT TO:<%.*s>", GP_SLICE_FMT(p->o.recipient));
	} else if (p->smuggler.stage == SMUGGLE_RCPT && yes && !bdat) {
		p->smuggler.stage = SMUGGLE_DATA;
		gp_probe_say(p, GP_PROBE_SMUGGLE, "DATA");
	} else if ((p->smuggler.stage == SMUGGLE_RCPT && yes) || r->code == 354) {
		say_message(p);
	} else {
		skip(p, r, "the server does not take mail for the recipient");
	}
}

/* Once the true end was answered. */
static void
judge(struct gp_probe *p)
{
	struct gp_probe_smuggle_test *t = test_now(p);
	int extra = p->smuggler.extra + p->unasked - p->smuggler.unasked;
	t->replies = (uint16_t)(1 + extra);
	if (t->code >= 500)
		t->state = GP_PROBE_SMUGGLE_REFUSED;
	else if (t->code >= 400)
		t->why = "put off";
	else
		t->state = extra > 0 ? GP_PROBE_SMUGGLE_SPLIT : GP_PROBE_SMUGGLE_ONE;
}

static void
smuggling_lost(struct gp_probe *p, enum gp_probe_end end, const char *why)
{
	(void)end;
	if (p->smuggler.stage == SMUGGLE_QUIT)
		judge(p);
	else if (p->smuggler.stage != SMUGGLE_IDLE && !test_now(p)->why)
		test_now(p)->why = why;
	if (p->smuggler.stage != SMUGGLE_QUIT)
		p->smuggler.barren++;
	p->smuggler.stage = SMUGGLE_IDLE;
	p->smuggler.extra = 0;
	for (size_t at = next_open(p); at < p->record.smuggle_len; at = next_open(p)) {
		if (!p->exhausted && p->smuggler.barren < BARREN_MAX)
			return;
		p->record.smuggle[at].why = why;
	}
}

const struct probe_task gp_probe_smuggling = {
	.begin = smuggling_begin,
	.wants = smuggling_wants,
	.wants_tls = smuggling_wants_tls,
	.ready = smuggling_ready,
	.answer = smuggling_answer,
	.lost = smuggling_lost,
};
