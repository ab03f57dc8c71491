/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Many sessions that come and go among one another, each ending wherever it is, with a driver that
 * looks at everything it may look at: under AddressSanitizer nothing that a session hands out may
 * outlive its memory. `churn_test 1000000` is the long form.
 */
#include "../unit.h"

#include <stdlib.h>
#include <string.h>

#include "../prng.h"
#include "core/smtp/server.h"

enum {
	AT_ONCE = 32,
	SESSIONS = 10000,
	TURNS_MAX = 40, /* of a session's life */
};

static size_t sessions_max = SESSIONS;

struct client {
	struct gp_smtp_server *session;
	struct gp_slice kept; /* the driver's own, in the transaction's arena */
	size_t turns;         /* left */
};

static struct prng numbers = {15};
static unsigned touched; /* keeps the compiler from leaving out what is read for its own sake */

static void
look_at(struct gp_slice s)
{
	for (size_t i = 0; i < s.len; i++)
		touched += (unsigned char)s.ptr[i];
}

static void
look_at_envelope(const struct client *c)
{
	const struct gp_envelope *e = gp_smtp_server_envelope(c->session);
	look_at(e->sender);
	look_at(e->envid);
	look_at(e->client_helo);
	for (size_t i = 0; i < e->rcpts_len; i++) {
		look_at(e->rcpts[i].address);
		look_at(e->rcpts[i].orcpt);
	}
	look_at(c->kept);
}

static void
look_at_session(struct client *c)
{
	struct gp_slice command;
	struct gp_reply r = gp_smtp_server_refusal(c->session, &command);
	if (r.code != 0) {
		look_at(r.text);
		look_at(command);
	}
	look_at(gp_smtp_server_helo(c->session));
	look_at(gp_smtp_server_output(c->session));
}

static void
answer(struct client *c, enum gp_smtp_event event)
{
	static const struct gp_reply replies[] = {
		{250, 2, 0, 0, {"Ok", 2}}, {250, 2, 0, 0, {"Ok", 2}},
		{250, 2, 0, 0, {"Ok", 2}}, {451, 4, 3, 0, {"Later", 5}},
		{550, 5, 7, 1, {"No", 2}}, {421, 4, 3, 2, {"Going down", 10}},
	};
	size_t last = prng_below(&numbers, 20) == 0 ? 6 : prng_below(&numbers, 3) == 0 ? 5 : 3;
	const struct gp_address *path = gp_smtp_server_path(c->session);
	look_at(path->text);
	look_at(path->local);
	look_at(path->domain);
	if (event == GP_SMTP_RCPT)
		look_at(gp_smtp_server_rcpt(c->session)->orcpt);
	if (event == GP_SMTP_MAIL)
		c->kept = gp_arena_dup(gp_smtp_server_arena(c->session), GP_SLICE("the driver's"));
	look_at_envelope(c);
	gp_smtp_server_answer(c->session, &replies[prng_below(&numbers, last)]);
	look_at_envelope(c);
}

/* True when the session is over. */
static bool
feed(struct client *c, struct gp_slice input)
{
	for (;;) {
		enum gp_smtp_event event = gp_smtp_server_next(c->session, &input, 0);
		if (event == GP_SMTP_MAIL || event == GP_SMTP_RCPT || event == GP_SMTP_DATA ||
		    event == GP_SMTP_END)
			answer(c, event);
		if (event == GP_SMTP_BODY)
			look_at(gp_smtp_server_body(c->session));
		if (event == GP_SMTP_BODY || event == GP_SMTP_ABORT)
			look_at_envelope(c);
		look_at_session(c);
		gp_smtp_server_output_sent(c->session, gp_smtp_server_output(c->session).len);
		if (event == GP_SMTP_CLOSE)
			return true;
		if (event == GP_SMTP_NEED_INPUT && gp_smtp_server_deadline(c->session) != 0)
			return false;
	}
}

/* The words in a piece of memory of their own, which is gone when they were read. */
static bool
say(struct client *c, const char *words, size_t piece)
{
	bool over = false;
	for (struct gp_slice rest = gp_slice_str(words); rest.len > 0 && !over;) {
		struct gp_slice part = gp_slice_take(rest, piece);
		char *copy = malloc(part.len);
		assert_non_null(copy);
		memcpy(copy, part.ptr, part.len);
		over = feed(c, gp_slice(copy, part.len));
		free(copy);
		rest = gp_slice_drop(rest, part.len);
	}
	return over;
}

static bool
turn(struct client *c)
{
	/* What leads on comes more often. */
	static const char *const words[] = {
		"EHLO c.example\r\n",
		"MAIL FROM:<a@b.example> RET=HDRS ENVID=of-the-client BODY=8BITMIME\r\n",
		"MAIL FROM:<>\r\n",
		"RCPT TO:<\"c d\"@e.example> NOTIFY=FAILURE ORCPT=rfc822;c+20d@e.example\r\n",
		"RCPT TO:<f@g.example>\r\n",
		"DATA\r\n",
		"Subject: x\r\n\r\n..text\r\n.\r\n",
		"MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\nx\r\n.\r\n",
		"BDAT 6\r\n..abc\r",
		"BDAT 2 LAST\r\n\nx",
		"RSET\r\n",
		"HELO a.longer.name.of.the.client.example\r\n",
		"MAIL FROM:<a@b> BAD=1\r\n",
		"RCPT TO:<c@d\r\n",
		"VRFY c\r\n",
		"bare\n",
		"what is this\r\n",
		"QUIT\r\n",
	};
	static const size_t pieces[] = {SIZE_MAX, 1, 7};
	size_t among = prng_below(&numbers, 4) == 0 ? GP_ARRAY_LEN(words) : 10;
	size_t piece = pieces[prng_below(&numbers, GP_ARRAY_LEN(pieces))];
	if (prng_below(&numbers, 40) == 0) {
		gp_smtp_server_eof(c->session);
		return feed(c, gp_slice("", 0));
	}
	return say(c, words[prng_below(&numbers, among)], piece);
}

static void
begin(struct client *c)
{
	static const struct gp_limits limits = {
		.message_size = 1000,
		.header_size = 1000,
		.header_fields = 10,
		.recipients = 6,
		.messages = 5,
		.errors = 10,
		.useless_commands = 10,
		.hops = 50,
		.command_length = 512,
		.command_time = 1000,
	};
	const struct gp_smtp_server_setup setup = {
		.hostname = GP_SLICE("mx.example"), .limits = &limits, .chunking = true};
	*c = (struct client){.session = gp_smtp_server_new(&setup, 0),
			     .turns = prng_below(&numbers, TURNS_MAX)};
	assert_non_null(c->session);
}

static void
sessions_come_and_go(void **state)
{
	struct client clients[AT_ONCE] = {};
	(void)state;
	for (size_t begun = 0; begun < sessions_max;) {
		struct client *c = &clients[prng_below(&numbers, AT_ONCE)];
		if (!c->session) {
			begin(c);
			begun++;
		} else if (c->turns == 0 || turn(c)) {
			c->session = gp_smtp_server_free(c->session);
		} else {
			c->turns--;
		}
	}
	for (size_t i = 0; i < AT_ONCE; i++)
		gp_smtp_server_free(clients[i].session);
	assert_true(touched > 0);
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sessions_come_and_go),
	};
	if (argc > 1)
		sessions_max = strtoul(argv[1], NULL, 10);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
