/* SPDX-License-Identifier: Apache-2.0 */
/* gatepost dkim sign: the message with one field more on top. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cli/command.h"
#include "cli/dkim.h"
#include "cli/dkim_key.h"
#include "core/dkim/body.h"
#include "core/dkim/key.h"
#include "sys/small_file.h"

enum {
	KEY_MAX = 64 * 1024,
	RSA_BITS_GOOD = 2048,  /* RFC 8301 section 3.2 */
	LINE_MAX_OCTETS = 998, /* RFC 5322 section 2.1.1 */
};

/* --- what the options say --- */

static int
read_key(struct dkim_run *run, struct dkim_key *ret)
{
	struct gp_slice text;
	int r = gp_file_read(gp_slice_str(run->key), KEY_MAX, &run->arena, &text);
	if (r < 0) {
		fprintf(stderr, "gatepost dkim: %s: %s\n", run->key, strerror(-r));
		return GP_EXIT_USAGE;
	}
	r = dkim_key_read(text, &run->arena, ret);
	if (r < 0)
		return dkim_fail(run->key, r);
	if (r > 0)
		return dkim_wrong(run->key, "no private key of RSA or Ed25519 without a password");
	struct gp_slice wanted = gp_slice_str(run->algorithm);
	if (run->algorithm && gp_dkim_algorithm_number(wanted) != ret->algorithm)
		return dkim_wrong("--algorithm", "the key is for another one");
	if (ret->algorithm != GP_DKIM_RSA_SHA256)
		return GP_EXIT_OK;
	if (ret->bits < GP_DKIM_RSA_BITS_MIN || ret->bits > GP_DKIM_RSA_BITS_MAX)
		return dkim_wrong(run->key, "nobody verifies RSA below 1024 or above 4096 bits");
	if (ret->bits < RSA_BITS_GOOD && !run->quiet)
		fprintf(stderr, "gatepost dkim: %s: RSA below 2048 bits is weak\n", run->key);
	return GP_EXIT_OK;
}

/* "relaxed/simple"; one word is for both. */
static bool
read_canons(const char *text, struct gp_dkim_order *o)
{
	struct gp_slice body = gp_slice_str(text);
	struct gp_slice header = gp_slice_cut(&body, '/');
	return gp_dkim_canon_read(header, &o->header_canon) &&
	       gp_dkim_canon_read(body.ptr ? body : header, &o->body_canon);
}

static int
read_headers(struct dkim_run *run, struct gp_dkim_order *o)
{
	struct gp_slice rest = gp_slice_str(run->headers);
	struct gp_slice *names = gp_arena_array(&run->arena, GP_DKIM_NAMES_MAX, sizeof(*names));
	if (!names)
		return dkim_fail("--headers", -ENOMEM);
	for (; rest.ptr; o->names_len++) {
		if (o->names_len == GP_DKIM_NAMES_MAX)
			return dkim_wrong("--headers", "too many names");
		names[o->names_len] = gp_slice_cut(&rest, ':');
	}
	o->names = names;
	return GP_EXIT_OK;
}

static int
read_order(struct dkim_run *run, const struct dkim_key *key, struct gp_dkim_order *ret)
{
	*ret = (struct gp_dkim_order){.domain = gp_slice_str(run->domain),
				      .selector = gp_slice_str(run->selector),
				      .algorithm = key->algorithm,
				      .time_s = run->now_s};
	if (run->expire_s > 0)
		ret->expiry_s = run->now_s + run->expire_s;
	if (!read_canons(run->canon ? run->canon : "relaxed/relaxed", ret))
		return dkim_wrong("--canon", "takes simple or relaxed, for header/body");
	return run->headers ? read_headers(run, ret) : GP_EXIT_OK;
}

/* --- the message --- */

/* What would be mended on the way, and break the signature (RFC 6376 section 5.3). */
static const char *
find_fault(struct gp_slice text)
{
	while (text.len > 0) {
		struct gp_slice line = gp_slice_cut(&text, '\n');
		line.len -= line.len > 0;
		if (line.len > LINE_MAX_OCTETS)
			return "a line is longer than 998 octets";
		if (gp_slice_find(line, '\r') >= 0)
			return "a CR ends no line";
	}
	return NULL;
}

/* A message without them is given them by the first server, which breaks the signature. */
static void
warn(const struct dkim_run *run, const struct gp_header *h)
{
	static const char *const names[] = {"Date", "Message-ID"};
	for (size_t i = 0; i < GP_ARRAY_LEN(names) && !run->quiet && !run->headers; i++) {
		if (gp_header_count(h, gp_slice_str(names[i])) == 0)
			fprintf(stderr,
				"gatepost dkim: %s: no %s: whoever adds one breaks the signature\n",
				run->message, names[i]);
	}
}

/* 0 or -errno. */
static int
hash_body(const struct gp_header *h, uint8_t canon, struct gp_dkim_digest *ret)
{
	struct gp_dkim_body body;
	size_t place = 0;
	gp_dkim_body_init(&body);
	int r = gp_dkim_body_want(&body, canon, GP_DKIM_BODY_ALL, &place);
	if (r == 0) {
		gp_dkim_body_feed(&body, gp_header_body(h));
		r = gp_dkim_body_end(&body);
	}
	*ret = body.hashes[place].digest;
	gp_dkim_body_free(&body);
	return r;
}

/* The field that goes on top. 0, 1 (which has been said) or -errno. */
static int
make_field(struct dkim_run *run, const struct dkim_key *key, const struct gp_dkim_order *order,
	   const struct gp_header *h, struct gp_slice *ret)
{
	struct gp_dkim_order o = *order;
	struct gp_dkim_digest digest;
	struct gp_dkim_draft draft;
	struct gp_slice signature;
	const char *why = NULL;
	o.body_hash = &digest;
	int r = hash_body(h, o.body_canon, &digest);
	if (r == 0)
		r = gp_dkim_draft(&o, h, &run->arena, &draft, &why);
	if (r > 0)
		fprintf(stderr, "gatepost dkim: %s: %s\n", run->message, why);
	if (r == 0)
		r = dkim_key_sign(key, &draft, &run->arena, &signature);
	return r == 0 ? gp_dkim_finish(&draft, signature, &run->arena, ret) : r;
}

/* With the line ends that it came with. */
static bool
put_out(FILE *to, struct gp_slice text, bool lf)
{
	while (text.len > 0) {
		struct gp_slice line = gp_slice_cut(&text, '\n');
		size_t len = lf && line.len > 0 ? line.len - 1 : line.len;
		if (fwrite(line.ptr, 1, len, to) != len || fputc('\n', to) == EOF)
			return false;
	}
	return true;
}

static int
print(const struct dkim_run *run, struct gp_slice field, struct gp_slice message, bool lf)
{
	if (!run->output) {
		bool good = put_out(stdout, field, lf) && put_out(stdout, message, lf) &&
			    fflush(stdout) == 0;
		return good ? GP_EXIT_OK : dkim_fail("standard output", -errno);
	}
	FILE *to = fopen(run->output, "we");
	if (!to)
		return dkim_fail(run->output, -errno);
	bool good = put_out(to, field, lf) && put_out(to, message, lf);
	int error = errno;
	if (fclose(to) != 0 && good) {
		good = false;
		error = errno;
	}
	return good ? GP_EXIT_OK : dkim_fail(run->output, -error);
}

static int
sign(struct dkim_run *run, const struct dkim_key *key, struct gp_buf *text)
{
	struct gp_dkim_order order;
	struct gp_header h;
	struct gp_slice field;
	bool lf;
	int code = read_order(run, key, &order);
	if (code == GP_EXIT_OK)
		code = dkim_read_message(run, text, &h, &lf);
	if (code != GP_EXIT_OK)
		return code;
	const char *fault = find_fault(gp_buf_slice(text));
	if (fault) {
		fprintf(stderr, "gatepost dkim: %s: %s\n", run->message, fault);
		return GP_EXIT_BAD;
	}
	warn(run, &h);
	int r = make_field(run, key, &order, &h, &field);
	if (r != 0)
		return r > 0 ? GP_EXIT_BAD : dkim_fail(run->message, r);
	return print(run, field, gp_buf_slice(text), lf);
}

int
dkim_sign(struct dkim_run *run)
{
	struct dkim_key key = {};
	struct gp_buf text = {};
	if (!run->key || !run->domain || !run->selector)
		return dkim_wrong("sign", "wants --key, --domain and --selector");
	int code = read_key(run, &key);
	if (code == GP_EXIT_OK)
		code = sign(run, &key, &text);
	gp_buf_free(&text);
	dkim_key_free(&key);
	return code;
}
