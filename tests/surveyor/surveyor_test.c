/* SPDX-License-Identifier: Apache-2.0 */
/* Whole surveys of servers that are a function of the test's, with lines beside each other. */
#include "../unit.h"

#include <stdio.h>
#include <string.h>

#include "core/surveyor/surveyor.h"

enum { SAID_MAX = 2000, STEPS_MAX = 1000 };

#define REFUSED "\x15\3\1\0\2\2\x28" /* handshake_failure */
#define LEAVE "\x15\3\1\0\2\1\x5a\x15\3\1\0\2\1\0"

struct play {
	struct gp_surveyor *s;
	/* What the server answers to what was said ("": it was just connected to); NULL: it hangs
	   up. */
	struct gp_slice (*serve)(struct gp_slice said);
	uint64_t now_ms;
	size_t piece; /* octets that arrive at once */
	size_t most;  /* lines that were open at once */
	size_t connections, backed_off;
	char last[SAID_MAX +
		  1]; /* what the last line that ended said in clear, commands in a row */
};

static struct gp_surveyor_options
usual(void)
{
	return (struct gp_surveyor_options){
		.helo = GP_SLICE("scanner.test"),
		.sni = GP_SLICE("mx.test"),
		.seed = GP_SLICE("0123456789abcdef0123456789abcdef"),
		.lines_max = 4,
		.greeting_ms = 30'000,
		.reply_ms = 15'000,
		.total_ms = 60'000,
		.octets_max = 1'000'000,
	};
}

static void
feed(struct play *p, unsigned line, struct gp_slice text)
{
	while (text.len > 0 && gp_surveyor_state(p->s, line) == GP_SURVEYOR_OPEN) {
		gp_surveyor_feed(p->s, line, gp_slice_take(text, p->piece), p->now_ms);
		text = gp_slice_drop(text, p->piece);
	}
}

/* One connection, from its beginning to its end, or until the server is silent. */
static void
talk(struct play *p, unsigned line)
{
	struct gp_slice said = {};
	char command[SAID_MAX];
	if (gp_surveyor_state(p->s, line) == GP_SURVEYOR_OPEN)
		memset(p->last, 0, sizeof(p->last));
	while (gp_surveyor_state(p->s, line) == GP_SURVEYOR_OPEN) {
		struct gp_slice answer = p->serve(said);
		if (answer.ptr && answer.len == 0)
			return;
		if (answer.ptr)
			feed(p, line, answer);
		else
			gp_surveyor_eof(p->s, line, p->now_ms);
		said = gp_surveyor_output(p->s, line);
		assert_true(said.len < SAID_MAX);
		memcpy(command, said.ptr, said.len);
		if (said.len > 0 && (command[0] >= 'A' || command[0] == '\x15'))
			memcpy(p->last + strlen(p->last), command, said.len);
		gp_surveyor_sent(p->s, line, said.len);
		said = gp_slice(command, said.len);
	}
}

static void
close_all(struct play *p)
{
	for (unsigned i = 0; i < GP_SURVEYOR_LINES_MAX; i++)
		if (gp_surveyor_state(p->s, i) == GP_SURVEYOR_OVER) {
			p->backed_off += gp_surveyor_backed_off(p->s, i);
			gp_surveyor_closed(p->s, i);
		}
}

/* As many as are wanted, side by side; then each is served in turn; a silent server lets the
   nearest deadline pass. */
static const struct gp_survey_facts *
play(struct play *p, const struct gp_surveyor_options *options)
{
	p->s = gp_surveyor_new(options);
	assert_non_null(p->s);
	for (size_t steps = 0;; steps++) {
		unsigned line;
		size_t open = 0;
		uint64_t due = UINT64_MAX;
		enum gp_surveyor_want want;
		assert_true(steps < STEPS_MAX);
		while ((want = gp_surveyor_next(p->s, &line)) == GP_SURVEYOR_CONNECT) {
			gp_surveyor_connecting(p->s, line, p->now_ms);
			gp_surveyor_connected(p->s, line, p->now_ms);
			p->connections++;
		}
		if (want == GP_SURVEYOR_DONE)
			return gp_surveyor_facts(p->s);
		for (unsigned i = 0; i < GP_SURVEYOR_LINES_MAX; i++)
			open += gp_surveyor_state(p->s, i) == GP_SURVEYOR_OPEN;
		p->most = GP_MAX(p->most, open);
		for (unsigned i = 0; i < GP_SURVEYOR_LINES_MAX; i++)
			talk(p, i);
		for (unsigned i = 0; i < GP_SURVEYOR_LINES_MAX; i++)
			if (gp_surveyor_state(p->s, i) == GP_SURVEYOR_OPEN)
				due = GP_MIN(due, gp_surveyor_deadline(p->s, i));
		if (due != UINT64_MAX) {
			p->now_ms = due;
			gp_surveyor_tick(p->s, p->now_ms);
		}
		close_all(p);
	}
}

static struct gp_slice
serve_smtp(struct gp_slice said)
{
	if (said.len == 0)
		return GP_SLICE("220 mx.test ESMTP\r\n");
	if (gp_slice_eq(said, GP_SLICE("EHLO scanner.test\r\n")))
		return GP_SLICE("250-mx.test\r\n250-SIZE 1000\r\n250 STARTTLS\r\n");
	if (gp_slice_eq(said, GP_SLICE("STARTTLS\r\n")))
		return GP_SLICE("220 go on\r\n");
	return GP_SLICE(REFUSED);
}

/* --- servers --- */

static struct gp_slice
no_starttls(struct gp_slice said)
{
	return said.len == 0 ? serve_smtp(said) : GP_SLICE("250 mx.test\r\n");
}

static struct gp_slice
refuses_starttls(struct gp_slice said)
{
	return gp_slice_starts(said, GP_SLICE("STARTTLS")) ? GP_SLICE("454 not now\r\n")
							   : serve_smtp(said);
}

static struct gp_slice
too_much(struct gp_slice said)
{
	(void)said;
	return GP_SLICE("421 too much\r\n");
}

static struct gp_slice
greets_by_451(struct gp_slice said)
{
	(void)said;
	return GP_SLICE("451 later\r\n");
}

static struct gp_slice
silent(struct gp_slice said)
{
	(void)said;
	return gp_slice("", 0);
}

/* In TLS too. */
static struct gp_slice
slow_in_tls(struct gp_slice said)
{
	bool tls = said.len > 0 && (said.ptr[0] == '\x16' || said.ptr[0] == '\x80');
	return tls ? gp_slice("", 0) : serve_smtp(said);
}

static struct gp_slice
hangs_up(struct gp_slice said)
{
	(void)said;
	return (struct gp_slice){};
}

static struct gp_slice
endless(struct gp_slice said)
{
	static const char more[] = "250-more of it, and more\r\n";
	static char text[100'000];
	if (said.len == 0)
		return serve_smtp(said);
	for (size_t i = 0; i < sizeof(text); i++)
		text[i] = more[i % (sizeof(more) - 1)];
	return gp_slice(text, sizeof(text));
}

/* Records of 16 KB, of a message that is nearly as long as one may be. */
static struct gp_slice
bomb(struct gp_slice said)
{
	static char text[60'000];
	if (said.len == 0 || said.ptr[0] >= 'A')
		return serve_smtp(said);
	for (size_t at = 0; at + 5 < sizeof(text); at += 5 + 16384)
		memcpy(text + at, "\x16\3\3\x40\0", 5);
	memcpy(text + 5, "\2\0\xff\0", 4);
	return gp_slice(text, sizeof(text));
}

/* TLS 1.2 with one suite, 0xc02f, and no other version. */
static struct gp_slice
one_suite(struct gp_slice said)
{
	static char hello[] = "\x16\3\3\0\x2e\2\0\0\x26\3\3"
			      "0123456789abcdef0123456789abcdef\0\xc0\x2f\0\x0e\0\0";
	struct gp_slice rest = gp_slice_drop(said, 43 + 1);
	if (said.len == 0 || said.ptr[0] != '\x16')
		return serve_smtp(said);
	bool old = said.ptr[10] != 3 || said.ptr[9] != 3;
	size_t list = (size_t)(unsigned char)rest.ptr[0] << 8 | (unsigned char)rest.ptr[1];
	struct gp_slice ciphers = gp_slice_take(gp_slice_drop(rest, 2), list);
	bool newest = memmem(said.ptr, said.len, "\0\x2b\0\3\2\3\4", 7);
	for (size_t i = 0; i + 1 < ciphers.len; i += 2)
		if (!old && !newest && memcmp(ciphers.ptr + i, "\xc0\x2f", 2) == 0)
			return gp_slice(hello, sizeof(hello) - 1);
	return GP_SLICE(REFUSED);
}

static void
servers(void **state)
{
	(void)state;
	static const char whole[] = "EHLO scanner.test\r\nSTARTTLS\r\n";
	static const struct {
		const char *name;
		struct gp_slice (*serve)(struct gp_slice said);
		const char *said; /* in the last connection; NULL: not looked at */
		size_t connections, lost, backed_off;
		const char *why;
		uint64_t took_ms;
	} cases[] = {
		{"refuses", serve_smtp, whole, 6, 0, 0, NULL, 0},
		{"no STARTTLS", no_starttls, "EHLO scanner.test\r\nQUIT\r\n", 4, 4, 0,
		 "too many connections failed", 0},
		{"454", refuses_starttls, "EHLO scanner.test\r\nSTARTTLS\r\nQUIT\r\n", 4, 4, 0,
		 "too many connections failed", 0},
		{"421", too_much, "", 4, 4, 4, "too many connections failed", 0},
		{"451", greets_by_451, "QUIT\r\n", 4, 4, 4, "too many connections failed", 0},
		{"silent", silent, NULL, 4, 4, 0, "too many connections failed", 30'000},
		{"slow in TLS", slow_in_tls, NULL, 4, 4, 0, "too many connections failed", 15'000},
		{"hangs up", hangs_up, "", 4, 4, 0, "too many connections failed", 0},
		{"endless", endless, NULL, 4, 4, 0, "too many connections failed", 0},
	};
	for (size_t i = 0; i < GP_ARRAY_LEN(cases) * 2; i++) {
		size_t k = i / 2;
		struct gp_surveyor_options options = usual();
		struct play p = {.serve = cases[k].serve, .piece = i % 2 ? 1 : 100'000};
		const struct gp_survey_facts *f = play(&p, &options);
		print_message("%s\n", cases[k].name);
		assert_int_equal(p.connections, cases[k].connections);
		assert_int_equal(f->connections, cases[k].connections);
		assert_int_equal(f->lost, cases[k].lost);
		assert_int_equal(p.backed_off, cases[k].backed_off);
		assert_int_equal(p.now_ms, cases[k].took_ms);
		assert_int_equal(p.most, 4);
		if (cases[k].said)
			assert_string_equal(p.last, cases[k].said);
		if (cases[k].why)
			assert_string_equal(f->cut_why, cases[k].why);
		else
			assert_false(f->cut);
		gp_surveyor_free(p.s);
	}
}

static void
a_suite_is_found(void **state)
{
	(void)state;
	for (size_t piece = 1; piece <= 1000; piece += 999) {
		struct gp_surveyor_options options = usual();
		struct play p = {.serve = one_suite, .piece = piece};
		const struct gp_survey_facts *f = play(&p, &options);
		assert_false(f->cut);
		for (size_t i = 0; i < GP_SURVEY_VERSIONS; i++)
			assert_int_equal(f->versions[i].spoken,
					 i == 4 ? GP_SURVEY_YES : GP_SURVEY_NO);
		assert_int_equal(f->versions[4].ciphers_len, 1);
		assert_int_equal(f->versions[4].ciphers[0], 0xc02f);
		assert_true(f->versions[4].listed);
		gp_surveyor_free(p.s);
	}
}

/* Whoever was answered in TLS says that it was a client who left; whoever was refused does not. */
static void
leave_is_taken(void **state)
{
	(void)state;
	struct gp_surveyor_options options = usual();
	options.connections_max = 2; /* TLS 1.3, then TLS 1.2 */
	options.lines_max = 1;
	struct play p = {.serve = one_suite, .piece = 1000};
	const struct gp_survey_facts *f = play(&p, &options);
	assert_string_equal(f->cut_why, "no more connections are spent");
	assert_memory_equal(p.last, "EHLO scanner.test\r\nSTARTTLS\r\n" LEAVE, 29 + 14);
	gp_surveyor_free(p.s);
}

static struct gp_slice
tls_at_once(struct gp_slice said)
{
	return said.len == 0 ? gp_slice("", 0) : GP_SLICE(REFUSED);
}

static void
tls_from_the_first_octet(void **state)
{
	(void)state;
	unsigned line;
	struct gp_surveyor_options options = usual();
	options.tls_at_once = true;
	options.lines_max = 1;
	struct gp_surveyor *s = gp_surveyor_new(&options);
	assert_int_equal(gp_surveyor_next(s, &line), GP_SURVEYOR_CONNECT);
	/* One at a time is wanted. */
	unsigned other;
	assert_int_equal(gp_surveyor_next(s, &other), GP_SURVEYOR_WAIT);
	gp_surveyor_connecting(s, line, 0);
	gp_surveyor_connected(s, line, 0);
	assert_true(gp_surveyor_output(s, line).ptr[0] == '\x16');
	struct gp_slice answer = tls_at_once(gp_surveyor_output(s, line));
	gp_surveyor_feed(s, line, answer, 0);
	assert_int_equal(gp_surveyor_state(s, line), GP_SURVEYOR_OVER);
	gp_surveyor_free(s);
}

/* What is spent of octets and time ends all lines, those that are wanted too. */
static void
limits(void **state)
{
	(void)state;
	struct gp_surveyor_options options = usual();
	options.octets_max = 50'000;
	struct play p = {.serve = bomb, .piece = 1000};
	const struct gp_survey_facts *f = play(&p, &options);
	assert_true(gp_surveyor_octets(p.s) <= 51'000);
	assert_string_equal(f->cut_why, "it costs too many octets");
	gp_surveyor_free(p.s);

	options = usual();
	options.total_ms = 10'000;
	p = (struct play){.serve = silent, .piece = 1000};
	f = play(&p, &options);
	assert_int_equal(p.now_ms, 10'000);
	assert_string_equal(f->cut_why, "it takes too long");
	gp_surveyor_free(p.s);

	options.total_ms = 0;
	p = (struct play){.serve = serve_smtp, .piece = 1000};
	f = play(&p, &options);
	assert_int_equal(p.connections, 0);
	assert_true(f->cut);
	gp_surveyor_free(p.s);
}

/* In line no time passes: only with a connection. */
static void
waiting_costs_nothing(void **state)
{
	(void)state;
	unsigned line;
	struct gp_surveyor_options options = usual();
	struct gp_surveyor *s = gp_surveyor_new(&options);
	uint64_t now_ms = 0;
	for (size_t i = 0; i < 3; i++) {
		assert_int_equal(gp_surveyor_next(s, &line), GP_SURVEYOR_CONNECT);
		assert_int_equal(gp_surveyor_deadline(s, line), UINT64_MAX);
		now_ms += 1'000'000;
		gp_surveyor_connecting(s, line, now_ms);
		assert_int_equal(gp_surveyor_deadline(s, line), now_ms + options.reply_ms);
		gp_surveyor_tick(s, now_ms + options.reply_ms - 1);
		assert_int_equal(gp_surveyor_state(s, line), GP_SURVEYOR_CONNECTING);
		gp_surveyor_unreachable(s, line, now_ms);
		gp_surveyor_closed(s, line);
	}
	gp_surveyor_free(s);
}

static void
wrong_options(void **state)
{
	(void)state;
	struct gp_surveyor_options o = usual();
	assert_null(gp_surveyor_options_wrong(&o));
	o.helo = GP_SLICE("a\r\nMAIL");
	assert_non_null(gp_surveyor_options_wrong(&o));
	o = usual();
	o.seed = GP_SLICE("short");
	assert_non_null(gp_surveyor_options_wrong(&o));
	o = usual();
	o.lines_max = GP_SURVEYOR_LINES_MAX + 1;
	assert_non_null(gp_surveyor_options_wrong(&o));
	o.lines_max = 0;
	assert_non_null(gp_surveyor_options_wrong(&o));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(servers),        cmocka_unit_test(a_suite_is_found),
		cmocka_unit_test(leave_is_taken), cmocka_unit_test(tls_from_the_first_octet),
		cmocka_unit_test(limits),         cmocka_unit_test(waiting_costs_nothing),
		cmocka_unit_test(wrong_options),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
