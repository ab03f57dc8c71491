/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a body of 10 MB costs the session that takes it, and the hashes of a signature over it, by
 * its shape: each beside an honest one of that size, which is text in lines of 78 octets.
 *
 *     shapes_bench
 *
 * The shapes take turns; the medians of five passes. shapes.py tells what a whole message costs a
 * gateway.
 */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/dkim/body.h"
#include "core/smtp/server.h"

enum { SIZE = 10'000'000, PASSES = 5, PIECE = 64 * 1024 };

static const struct {
	const char *name, *unit; /* the body is this, again and again */
} shapes[] = {
	{"honest",
	 "Some words of a letter, as long as lines of such a text usually are: 78 octets\r\n"},
	{"CRLF", "\r\n"},
	{"an octet a line", "x\r\n"},
	{"three octets a line", "abc\r\n"},
	{"a stuffed dot a line", "..\r\n"},
	{"stuffed dots and text", "..x\r\n"},
	{"a space a line", " \r\n"},
	{"a space at each end", "x \r\n"},
	{"dots and spaces", ".. \r\n"},
	{"dots and spaces by twos", "..  \r\n"},
	{"spaces", " "},
	{"tabs between octets", "x\t"},
	{"spaces by twos", "x  "},
	{"one line", "x"},
	{"lines of 998", NULL}, /* made in place */
	{"empty lines, then text", "\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\nx"},
};

enum { SHAPES = GP_ARRAY_LEN(shapes), LINE_MAX = 998 };

static double
seconds(void)
{
	struct timespec t;
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static struct gp_slice
make_body(size_t shape)
{
	char line[LINE_MAX + 2];
	struct gp_slice unit = gp_slice(line, sizeof(line));
	struct gp_buf body = GP_BUF_INIT(SIZE + 2 * PIECE);
	memset(line, 'x', LINE_MAX);
	memcpy(line + LINE_MAX, "\r\n", 2);
	if (shapes[shape].unit)
		unit = gp_slice_str(shapes[shape].unit);
	while (body.len < SIZE)
		gp_buf_put(&body, unit);
	gp_assert(!body.failed);
	return gp_buf_slice(&body); /* until the end of the program */
}

/* --- the session --- */

static const struct gp_limits limits = {
	.message_size = 4 * (uint64_t)SIZE,
	.header_size = 256 * 1024,
	.header_fields = 1000,
	.recipients = 100,
	.messages = 100,
	.errors = 20,
	.useless_commands = 100,
	.hops = 50,
	.command_length = 512,
	.command_time = 300 * 1000,
};

/* Returns how much of a body came; hashed, too, unless hashes is NULL. */
static uint64_t
feed(struct gp_smtp_server *s, struct gp_slice input, struct gp_dkim_body *hashes)
{
	static const struct gp_reply ok = GP_REPLY(250, 2, 0, 0, "OK");
	uint64_t size = 0;
	for (;;) {
		switch (gp_smtp_server_next(s, &input, 1)) {
		case GP_SMTP_NEED_INPUT:
			gp_smtp_server_output_sent(s, gp_smtp_server_output(s).len);
			if (input.len == 0)
				return size;
			break;
		case GP_SMTP_BODY:
			size += gp_smtp_server_body(s).len;
			if (hashes)
				gp_dkim_body_feed(hashes, gp_smtp_server_body(s));
			break;
		case GP_SMTP_MAIL:
		case GP_SMTP_RCPT:
		case GP_SMTP_DATA:
		case GP_SMTP_END:
			gp_smtp_server_answer(s, &ok);
			break;
		default:
			gp_unreachable("the session does not like it");
		}
	}
}

static void
want(struct gp_dkim_body *b, uint8_t canon)
{
	size_t place;
	gp_dkim_body_init(b);
	gp_assert(gp_dkim_body_want(b, canon, GP_DKIM_BODY_ALL, &place) == 0);
}

static double
take(struct gp_slice body, bool hashed)
{
	const struct gp_smtp_server_setup setup = {.hostname = GP_SLICE("mx.example.org"),
						   .limits = &limits};
	struct gp_smtp_server *s = gp_smtp_server_new(&setup, 1);
	struct gp_dkim_body b;
	gp_assert(s);
	want(&b, GP_DKIM_RELAXED);
	feed(s, GP_SLICE("EHLO a.test\r\nMAIL FROM:<a@a.test>\r\nRCPT TO:<b@b.test>\r\nDATA\r\n"),
	     NULL);
	feed(s, GP_SLICE("From: a@a.test\r\n\r\n"), NULL);
	double begin = seconds();
	uint64_t size = 0;
	for (; body.len > 0; body = gp_slice_drop(body, PIECE))
		size += feed(s, gp_slice_take(body, PIECE), hashed ? &b : NULL);
	gp_assert(gp_dkim_body_end(&b) == 0 && size > SIZE / 2);
	double took = seconds() - begin;
	gp_dkim_body_free(&b);
	gp_smtp_server_free(s);
	return took;
}

/* --- the hashes --- */

static double
hash(struct gp_slice body, uint8_t canon)
{
	struct gp_dkim_body b;
	want(&b, canon);
	double begin = seconds();
	for (; body.len > 0; body = gp_slice_drop(body, PIECE))
		gp_dkim_body_feed(&b, gp_slice_take(body, PIECE));
	gp_assert(gp_dkim_body_end(&b) == 0);
	double took = seconds() - begin;
	gp_dkim_body_free(&b);
	return took;
}

/* --- the table --- */

enum { SESSION, SIMPLE, RELAXED, BOTH, KINDS };

static int
order(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

static double
median(double *values)
{
	qsort(values, PASSES, sizeof(*values), order);
	return values[PASSES / 2];
}

int
main(void)
{
	static double took[SHAPES][KINDS][PASSES];
	struct gp_slice bodies[SHAPES];
	for (size_t i = 0; i < SHAPES; i++)
		bodies[i] = make_body(i);
	for (size_t pass = 0; pass < PASSES; pass++) {
		for (size_t i = 0; i < SHAPES; i++) {
			took[i][SESSION][pass] = take(bodies[i], false);
			took[i][SIMPLE][pass] = hash(bodies[i], GP_DKIM_SIMPLE);
			took[i][RELAXED][pass] = hash(bodies[i], GP_DKIM_RELAXED);
			took[i][BOTH][pass] = take(bodies[i], true);
		}
	}
	printf("%-24s %17s %17s %17s %17s\n", "ms, times honest", "session", "simple", "relaxed",
	       "session, relaxed");
	double honest[KINDS];
	for (size_t i = 0; i < SHAPES; i++) {
		printf("%-24s", shapes[i].name);
		for (size_t kind = 0; kind < KINDS; kind++) {
			double ms = 1e3 * median(took[i][kind]);
			if (i == 0)
				honest[kind] = ms;
			printf(" %10.1f %5.1f ", ms, ms / honest[kind]);
		}
		printf("\n");
	}
	return 0;
}
