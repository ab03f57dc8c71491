/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Dialogues of the probe. A line of a script is
 *
 *     .connect        a connection is wanted, and made     .refused     wanted, and not to be had
 *     .tls            a handshake is wanted, and made      .notls       wanted, and fails
 *     .resumed        one is wanted, and resumed
 *     .done           the probe is over
 *     < TEXT          the server says it                   <= TEXT      without a line end
 *     > TEXT          the probe must have said it, and nothing else before
 *     !+N             N milliseconds pass                  !eof         the server closed
 *     !quiet          the probe must have said nothing
 *     !pause N        it wants N milliseconds to pass before the next connection
 *
 * Each is run with the bytes of both sides whole, and one at a time.
 */
#pragma once

#include "../unit.h"
#include "core/probe/probe.h"

#define HELO "scan.example.org"
#define OPENING ".connect\n< 220 mx.example.net ESMTP\n> EHLO " HELO "\n"
#define ASKS                                                                                      \
	"> HELP\n< 214 help\n> XGATEPOST\n< 500 what\n> EHLO\n< 501 who\n> HELO " HELO "\n< 250 " \
	"mx\n> QUIT\n< 221 bye\n"
/* The conversation without TLS, for what comes behind it. */
#define TALK OPENING "< 250 mx.example.net\n" ASKS

struct dialogue {
	const char *name;
	const char *script;
	struct gp_probe_options options; /* without helo: HELO */
	void (*check)(const struct gp_probe_record *);
	bool whole_only; /* hangs on what comes in one piece */
};

struct run {
	const struct dialogue *d;
	struct gp_probe *probe;
	struct gp_buf input, said;
	enum gp_probe_want want; /* pulled, and not yet seen to */
	uint64_t now_ms;
	bool octets;
};

static inline void
drain(struct run *r)
{
	struct gp_slice out;
	while ((out = gp_probe_output(r->probe)).len > 0) {
		out = gp_slice_take(out, r->octets ? 1 : out.len);
		gp_buf_put(&r->said, out);
		gp_probe_output_sent(r->probe, out.len, r->now_ms);
	}
}

static inline void
pull(struct run *r)
{
	drain(r);
	do {
		if (r->want != GP_PROBE_WANT_READ)
			break;
		struct gp_slice all = gp_buf_slice(&r->input);
		struct gp_slice piece = gp_slice_take(all, r->octets ? 1 : all.len);
		size_t len = piece.len;
		r->want = gp_probe_next(r->probe, &piece, r->now_ms);
		assert_int_equal(piece.len, 0);
		gp_buf_consume(&r->input, len);
		drain(r);
	} while (r->input.len > 0);
}

static inline void
expect_said(struct run *r, struct gp_slice line)
{
	pull(r);
	struct gp_slice said = gp_buf_slice(&r->said);
	ptrdiff_t lf = gp_slice_find(said, '\n');
	if (lf < 1 || !gp_slice_eq(gp_slice_take(said, (size_t)lf - 1), line))
		fail_msg("%s: expected '%.*s', said '%.*s'", r->d->name, GP_SLICE_FMT(line),
			 GP_SLICE_FMT(said));
	gp_buf_consume(&r->said, (size_t)lf + 1);
}

static inline void
expect_want(struct run *r, enum gp_probe_want want, struct gp_slice word)
{
	pull(r);
	if (r->want != want || r->said.len > 0)
		fail_msg("%s: expected %.*s, wants %d, said '%.*s'", r->d->name, GP_SLICE_FMT(word),
			 r->want, GP_SLICE_FMT(gp_buf_slice(&r->said)));
	gp_buf_clear(&r->input); /* of a connection that is closed, or of nobody any more */
	if (want != GP_PROBE_WANT_DONE)
		r->want = GP_PROBE_WANT_READ;
}

static inline void
do_event(struct run *r, struct gp_slice word)
{
	static const struct gp_probe_tls good = {.ok = true, .version = {"TLSv1.3", 7}},
					 again = {.ok = true, .resumed = true},
					 bad = {.error = {"no shared cipher", 16}};
	if (gp_slice_eq(word, GP_SLICE("connect"))) {
		expect_want(r, GP_PROBE_WANT_CONNECT, word);
		gp_probe_connecting(r->probe, r->now_ms);
		gp_probe_connected(r->probe, r->now_ms);
	} else if (gp_slice_eq(word, GP_SLICE("refused"))) {
		expect_want(r, GP_PROBE_WANT_CONNECT, word);
		gp_probe_connecting(r->probe, r->now_ms);
		gp_probe_unreachable(r->probe, r->now_ms);
	} else if (gp_slice_eq(word, GP_SLICE("tls"))) {
		expect_want(r, GP_PROBE_WANT_TLS, word);
		gp_probe_tls_done(r->probe, &good, r->now_ms);
	} else if (gp_slice_eq(word, GP_SLICE("resumed"))) {
		expect_want(r, GP_PROBE_WANT_TLS, word);
		gp_probe_tls_done(r->probe, &again, r->now_ms);
	} else if (gp_slice_eq(word, GP_SLICE("notls"))) {
		expect_want(r, GP_PROBE_WANT_TLS, word);
		gp_probe_tls_done(r->probe, &bad, r->now_ms);
	} else {
		assert_true(gp_slice_eq(word, GP_SLICE("done")));
		expect_want(r, GP_PROBE_WANT_DONE, word);
	}
}

static inline void
do_command(struct run *r, struct gp_slice word)
{
	uint64_t ms = 0;
	pull(r);
	if (gp_slice_eq(word, GP_SLICE("eof")))
		gp_probe_eof(r->probe, r->now_ms);
	else if (gp_slice_eq(word, GP_SLICE("quiet")))
		assert_int_equal(r->said.len, 0);
	else if (gp_slice_starts(word, GP_SLICE("pause ")) &&
		 gp_slice_u64(gp_slice_drop(word, 6), 1'000'000, &ms))
		assert_int_equal(gp_probe_pause_ms(r->probe), ms);
	else if (gp_slice_u64(gp_slice_drop(word, 1), 1'000'000, &ms))
		r->now_ms += ms;
	else
		fail_msg("%s: no command: %.*s", r->d->name, GP_SLICE_FMT(word));
}

static inline void
do_line(struct run *r, struct gp_slice line)
{
	if (gp_slice_starts(line, GP_SLICE("< "))) {
		gp_buf_put(&r->input, gp_slice_drop(line, 2));
		gp_buf_put_str(&r->input, "\r\n");
	} else if (gp_slice_starts(line, GP_SLICE("<= "))) {
		gp_buf_put(&r->input, gp_slice_drop(line, 3));
	} else if (gp_slice_starts(line, GP_SLICE("> "))) {
		expect_said(r, gp_slice_drop(line, 2));
	} else if (gp_slice_starts(line, GP_SLICE("."))) {
		do_event(r, gp_slice_drop(line, 1));
	} else if (gp_slice_starts(line, GP_SLICE("!"))) {
		do_command(r, gp_slice_drop(line, 1));
	} else {
		fail_msg("%s: no line: %.*s", r->d->name, GP_SLICE_FMT(line));
	}
}

static inline void
run_dialogue(const struct dialogue *d, bool octets)
{
	struct run r = {
		.d = d,
		.input = GP_BUF_INIT(1 << 20),
		.said = GP_BUF_INIT(1 << 20),
		.octets = octets,
	};
	struct gp_probe_options options = d->options;
	if (options.helo.len == 0)
		options.helo = GP_SLICE(HELO);
	assert_null(gp_probe_options_wrong(&options));
	r.probe = gp_probe_new(&options, 0);
	assert_non_null(r.probe);
	for (struct gp_slice script = gp_slice_str(d->script); script.len > 0;)
		do_line(&r, gp_slice_cut(&script, '\n'));
	pull(&r);
	if (r.said.len > 0)
		fail_msg("%s: said '%.*s'", d->name, GP_SLICE_FMT(gp_buf_slice(&r.said)));
	if (d->check)
		d->check(gp_probe_record(r.probe));
	r.probe = gp_probe_free(r.probe);
	gp_buf_free(&r.input);
	gp_buf_free(&r.said);
}

static inline void
run_dialogues(const struct dialogue *d, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		run_dialogue(&d[i], false);
		if (!d[i].whole_only)
			run_dialogue(&d[i], true);
	}
}
