/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/reports/imap_wire.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "cli/reports/imap_reply.h"
#include "procs/fetch/curl_library.h"

enum {
	PIECE = 16 << 10,
	COMMAND_MAX = 4096,
};

struct imap_wire {
	CURL *easy;
	struct gp_buf in;   /* heard, and not looked at yet */
	struct gp_buf text; /* of the response that is being heard */
	uint32_t commands;
	uint64_t ends_ms; /* the command's time */
	char error[CURL_ERROR_SIZE];
	char why[IMAP_WHY_MAX];
};

static uint64_t
clock_ms(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1'000'000;
}

/* --- its life --- */

struct imap_wire *
imap_wire_new(void)
{
	struct imap_wire *w = calloc(1, sizeof(*w));
	if (!w)
		return NULL;
	w->in = GP_BUF_INIT(IMAP_TEXT_MAX);
	w->text = GP_BUF_INIT(IMAP_TEXT_MAX);
	return w;
}

struct imap_wire *
imap_wire_free(struct imap_wire *w)
{
	if (!w)
		return NULL;
	if (w->easy) {
		curl.easy_cleanup(w->easy);
		curl.global_cleanup();
	}
	gp_buf_free(&w->in);
	gp_buf_free(&w->text);
	free(w);
	return NULL;
}

const char *
imap_wire_why(const struct imap_wire *w)
{
	return w->why;
}

/* A server's words may reach a terminal. */
int
imap_wire_fail(struct imap_wire *w, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	vsnprintf(w->why, sizeof(w->why), format, args);
	va_end(args);
	for (char *c = w->why; *c; c++) {
		if (*c < ' ' || *c > '~')
			*c = '?';
	}
	return 1;
}

/* Collects the first refusal of a row of options. */
#define SET(option, value) bad = bad ? bad : curl_easy_set(w->easy, option, value)

int
imap_wire_open(struct imap_wire *w, const struct imap_login *login)
{
	CURLcode bad = CURLE_OK;
	if (gp_library_load(&curl_library) < 0)
		return imap_wire_fail(w, "%s", curl_library.why);
	if (curl.global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK)
		w->easy = curl.easy_init();
	if (!w->easy)
		return imap_wire_fail(w, "no memory");
	SET(CURLOPT_PROTOCOLS_STR, "imap,imaps");
	SET(CURLOPT_URL, login->url);
	SET(CURLOPT_USERNAME, login->user);
	SET(CURLOPT_PASSWORD, login->password);
	SET(CURLOPT_USE_SSL, (long)CURLUSESSL_ALL);
	SET(CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	SET(CURLOPT_SSL_VERIFYPEER, 1L);
	SET(CURLOPT_SSL_VERIFYHOST, 2L);
	if (login->authorities)
		SET(CURLOPT_CAINFO, login->authorities);
	SET(CURLOPT_PROXY, "");
	SET(CURLOPT_NOSIGNAL, 1L);
	SET(CURLOPT_CONNECT_ONLY, 1L); /* it signs in all the same */
	SET(CURLOPT_TIMEOUT_MS, (long)IMAP_LOGIN_MS);
	SET(CURLOPT_ERRORBUFFER, w->error);
	if (bad == CURLE_OK)
		bad = curl.easy_perform(w->easy);
	return bad == CURLE_OK
		       ? 0
		       : imap_wire_fail(w, "%s", w->error[0] ? w->error : curl.easy_strerror(bad));
}

/* --- octets --- */

static int
wait_for(struct imap_wire *w, short events)
{
	uint64_t now_ms = clock_ms();
	struct pollfd ready = {.events = events};
	curl_socket_t fd = CURL_SOCKET_BAD;
	if (curl_easy_get(w->easy, CURLINFO_ACTIVESOCKET, &fd) != CURLE_OK || fd == CURL_SOCKET_BAD)
		return imap_wire_fail(w, "the connection is lost");
	if (now_ms >= w->ends_ms)
		return imap_wire_fail(w, "the server takes too long");
	ready.fd = fd;
	int n = poll(&ready, 1, (int)GP_MIN(w->ends_ms - now_ms, (uint64_t)IMAP_SILENT_MS));
	return n > 0 || (n < 0 && errno == EINTR)
		       ? 0
		       : imap_wire_fail(w, "the server says nothing any more");
}

static int
send_all(struct imap_wire *w, struct gp_slice rest)
{
	int r = 0;
	while (r == 0 && rest.len > 0) {
		size_t n = 0;
		CURLcode code = curl.easy_send(w->easy, rest.ptr, rest.len, &n);
		rest = gp_slice_drop(rest, n);
		if (code == CURLE_AGAIN)
			r = wait_for(w, POLLOUT);
		else if (code != CURLE_OK)
			r = imap_wire_fail(w, "the connection is lost");
	}
	return r;
}

/* Hears some octets at least. */
static int
hear_more(struct imap_wire *w)
{
	CURLcode code = CURLE_AGAIN;
	size_t n = 0;
	int r = 0;
	char *to = gp_buf_reserve(&w->in, PIECE);
	if (!to)
		return imap_wire_fail(w, "the server sends a line without end");
	while (r == 0 && (code = curl.easy_recv(w->easy, to, PIECE, &n)) == CURLE_AGAIN)
		r = wait_for(w, POLLIN);
	if (r == 0 && (code != CURLE_OK || n == 0))
		r = imap_wire_fail(w, "the connection is lost");
	if (r == 0 && clock_ms() >= w->ends_ms)
		r = imap_wire_fail(w, "the server takes too long");
	if (r == 0)
		gp_buf_advance(&w->in, n);
	return r;
}

/* --- responses --- */

/* Adds a line, without its CRLF, to the response's text. */
static int
hear_line(struct imap_wire *w, struct gp_slice *ret)
{
	size_t looked = 0;
	ptrdiff_t at;
	while ((at = gp_slice_find(gp_slice_drop(gp_buf_slice(&w->in), looked), '\n')) < 0) {
		looked = w->in.len;
		int r = hear_more(w);
		if (r != 0)
			return r;
	}
	size_t len = looked + (size_t)at, before = w->text.len;
	struct gp_slice line = gp_slice_take(gp_buf_slice(&w->in), len);
	if (gp_slice_ends_nocase(line, GP_SLICE("\r")))
		line = gp_slice_take(line, line.len - 1);
	if (!gp_buf_put(&w->text, line))
		return imap_wire_fail(w, "the server sends a response without end");
	gp_buf_consume(&w->in, len + 1);
	*ret = gp_slice_drop(gp_buf_slice(&w->text), before);
	return 0;
}

static int
hear_literal(struct imap_wire *w, int fd, uint32_t octets)
{
	while (octets > 0) {
		int r = w->in.len == 0 ? hear_more(w) : 0;
		if (r != 0)
			return r;
		struct gp_slice some = gp_slice_take(gp_buf_slice(&w->in), octets);
		ssize_t n = write(fd, some.ptr, some.len);
		if (n <= 0)
			return imap_wire_fail(w, "a temporary file: %s", strerror(errno));
		gp_buf_consume(&w->in, (size_t)n);
		octets -= (uint32_t)n;
	}
	return 0;
}

/* One whole response, whose text is in w->text. literals: those that the command had. */
static int
hear_response(struct imap_wire *w, const struct imap_ear *ear, size_t *literals)
{
	struct gp_slice line = {};
	uint32_t octets;
	int r;
	gp_buf_clear(&w->text);
	while ((r = hear_line(w, &line)) == 0 && imap_reply_literal(line, &octets)) {
		if (!ear || ear->literal_fd < 0 || ++*literals > 1)
			return imap_wire_fail(w, "the server sends what nobody has asked for");
		if (octets > ear->literal_max)
			return imap_wire_fail(w, "the server sends more than was asked for");
		r = hear_literal(w, ear->literal_fd, octets);
		if (r != 0)
			return r;
	}
	return r;
}

int
imap_wire_command(struct imap_wire *w, struct gp_slice command, const struct imap_ear *ear)
{
	char tag[16];
	size_t literals = 0;
	struct gp_slice rest;
	struct gp_buf line = GP_BUF_INIT(COMMAND_MAX);
	snprintf(tag, sizeof(tag), "g%u", ++w->commands);
	gp_buf_printf(&line, "%s %.*s\r\n", tag, GP_SLICE_FMT(command));
	w->ends_ms = clock_ms() + IMAP_COMMAND_MS;
	int r = line.failed ? imap_wire_fail(w, "a command is too long")
			    : send_all(w, gp_buf_slice(&line));
	gp_buf_free(&line);
	for (size_t n = 0; r == 0; n++) {
		r = n < IMAP_UNASKED_MAX ? hear_response(w, ear, &literals)
					 : imap_wire_fail(w, "the server comes to no end");
		if (r != 0)
			break;
		switch (imap_reply_kind(gp_buf_slice(&w->text), gp_slice_str(tag), &rest)) {
		case IMAP_REPLY_UNTAGGED:
			r = ear && ear->untagged ? ear->untagged(ear->context, rest) : 0;
			break;
		case IMAP_REPLY_OK:
			return 0;
		case IMAP_REPLY_NO:
			return imap_wire_fail(w, "the server refuses: %.*s", GP_SLICE_FMT(rest));
		case IMAP_REPLY_STRANGE:
			return imap_wire_fail(w, "the server says what it may not: %.*s",
					      GP_SLICE_FMT(gp_buf_slice(&w->text)));
		}
	}
	return r;
}
