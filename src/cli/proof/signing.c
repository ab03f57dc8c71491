/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/proof/signing.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cli/command.h"
#include "cli/message_file.h"
#include "core/dkim/body.h"
#include "core/dkim/key.h"
#include "sys/small_file.h"

enum {
	KEY_MAX = 64 * 1024,
	RSA_BITS_GOOD = 2048,  /* RFC 8301 section 3.2 */
	LINE_MAX_OCTETS = 998, /* RFC 5322 section 2.1.1 */
};

void
gp_signing_close(struct gp_signing *s)
{
	gp_lookup_close(&s->lookup);
	gp_buf_free(&s->text);
	dkim_key_free(&s->private);
}

int
gp_signing_fail(const struct gp_signing *s, const char *what, int error)
{
	fprintf(stderr, "%s: %s: %s\n", s->command, what, strerror(-error));
	return GP_EXIT_ERROR;
}

int
gp_signing_wrong(const struct gp_signing *s, const char *what, const char *why)
{
	fprintf(stderr, "%s: %s: %s\n", s->command, what, why);
	return GP_EXIT_USAGE;
}

/* --- the key --- */

int
gp_signing_read_key(struct gp_signing *s)
{
	struct dkim_key *key = &s->private;
	struct gp_slice text;
	int r = gp_file_read(gp_slice_str(s->key), KEY_MAX, s->arena, &text);
	if (r < 0)
		return gp_signing_wrong(s, s->key, strerror(-r));
	r = dkim_key_read(text, s->arena, key);
	if (r < 0)
		return gp_signing_fail(s, s->key, r);
	if (r > 0)
		return gp_signing_wrong(s, s->key,
					"no private key of RSA or Ed25519 without a password");
	if (key->algorithm != GP_DKIM_RSA_SHA256)
		return GP_EXIT_OK;
	if (key->bits < GP_DKIM_RSA_BITS_MIN || key->bits > GP_DKIM_RSA_BITS_MAX)
		return gp_signing_wrong(s, s->key,
					"nobody verifies RSA below 1024 or above 4096 bits");
	if (key->bits < RSA_BITS_GOOD && !s->quiet)
		fprintf(stderr, "%s: %s: RSA below 2048 bits is weak\n", s->command, s->key);
	return GP_EXIT_OK;
}

/* --- the message --- */

int
gp_signing_read_message(struct gp_signing *s)
{
	struct gp_buf file = GP_BUF_INIT(GP_MESSAGE_FILE_MAX);
	s->text = GP_BUF_INIT(2 * (size_t)GP_MESSAGE_FILE_MAX);
	int r = gp_message_read(s->message, &file);
	gp_message_put_lines(&s->text, gp_buf_slice(&file));
	s->lf = gp_message_has_lf(gp_buf_slice(&file));
	gp_buf_free(&file);
	if (r == 0 && s->text.failed)
		r = -ENOMEM;
	if (r == 0)
		r = gp_header_split(gp_buf_slice(&s->text), s->arena, &s->header);
	if (r > 0) {
		fprintf(stderr, "%s: %s: its header is too large\n", s->command, s->message);
		return GP_EXIT_BAD;
	}
	return r < 0 ? gp_signing_fail(s, s->message, r) : GP_EXIT_OK;
}

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

int
gp_signing_check_message(const struct gp_signing *s)
{
	const char *fault = find_fault(gp_buf_slice(&s->text));
	if (!fault)
		return GP_EXIT_OK;
	fprintf(stderr, "%s: %s: %s\n", s->command, s->message, fault);
	return GP_EXIT_BAD;
}

int
gp_signing_hash_body(const struct gp_signing *s, uint8_t canon, struct gp_dkim_digest *ret)
{
	struct gp_dkim_body body;
	size_t place = 0;
	gp_dkim_body_init(&body);
	int r = gp_dkim_body_want(&body, canon, GP_DKIM_BODY_ALL, &place);
	if (r == 0) {
		gp_dkim_body_feed(&body, gp_header_body(&s->header));
		r = gp_dkim_body_end(&body);
	}
	*ret = body.hashes[place].digest;
	gp_dkim_body_free(&body);
	return r;
}

/* --- the DNS --- */

int
gp_signing_open_dns(struct gp_signing *s)
{
	/* DKIM and ARC make nothing of DNSSEC, and servers without it are asked too. */
	static const struct gp_config config = {.dns.trust_anchor = {"none", 4}};
	struct gp_lookup_options o = {
		.command = s->command, .dns = s->dns, .resolver = s->resolver, .config = &config};
	return gp_lookup_open(&s->lookup, &o);
}

/* --- the answer --- */

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

static bool
put_both(const struct gp_signing *s, struct gp_slice fields, FILE *to)
{
	return put_out(to, fields, s->lf) && put_out(to, gp_buf_slice(&s->text), s->lf);
}

int
gp_signing_print(const struct gp_signing *s, struct gp_slice fields)
{
	if (!s->output) {
		bool good = put_both(s, fields, stdout) && fflush(stdout) == 0;
		return good ? GP_EXIT_OK : gp_signing_fail(s, "standard output", -errno);
	}
	FILE *to = fopen(s->output, "we");
	if (!to)
		return gp_signing_fail(s, s->output, -errno);
	bool good = put_both(s, fields, to);
	int error = errno;
	if (fclose(to) != 0 && good) {
		good = false;
		error = errno;
	}
	return good ? GP_EXIT_OK : gp_signing_fail(s, s->output, -error);
}
