/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/scan/log.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/base64.h"
#include "base/utf8.h"
#include "cli/scan/seal.h"
#include "sys/clock.h"

struct scan_log {
	FILE *file;
	EVP_PKEY *key;
	struct scan_chain chain;
	struct gp_buf line;
	uint64_t begun_ms;
	int error;
};

/* --- JSON, of which only what is needed --- */

static void
put_string(struct gp_buf *out, struct gp_slice octets)
{
	gp_buf_put_char(out, '"');
	for (size_t i = 0; i < octets.len; i++) {
		unsigned char c = (unsigned char)octets.ptr[i];
		if (c == '\r' || c == '\n')
			gp_buf_put_str(out, c == '\r' ? "\\r" : "\\n");
		else if (c < ' ' || c > '~' || c == '"' || c == '\\')
			gp_buf_printf(out, "\\u%04x", c);
		else
			gp_buf_put_char(out, (char)c);
	}
	gp_buf_put_char(out, '"');
}

static void
put_key(struct gp_buf *out, const char *key)
{
	const struct gp_slice s = gp_buf_slice(out);
	if (s.len > 0 && s.ptr[s.len - 1] != '{')
		gp_buf_put_char(out, ',');
	gp_buf_printf(out, "\"%s\":", key);
}

static void
put_text(struct gp_buf *out, const char *key, struct gp_slice text)
{
	put_key(out, key);
	put_string(out, text);
}

static void
put_number(struct gp_buf *out, const char *key, int64_t n)
{
	put_key(out, key);
	gp_buf_printf(out, "%" PRId64, n);
}

static void
put_octets(struct gp_buf *out, const char *key, const uint8_t *octets, size_t len)
{
	put_text(out, key, gp_slice((const char *)octets, len));
}

static void
open_object(struct gp_buf *out, const char *key)
{
	put_key(out, key);
	gp_buf_put_char(out, '{');
}

static void
close_object(struct gp_buf *out)
{
	gp_buf_put_char(out, '}');
}

/* --- lines --- */

static void
latch(struct scan_log *log, int error)
{
	if (log->error == 0)
		log->error = error;
}

static struct gp_buf *
begin_line(struct scan_log *log)
{
	gp_buf_clear(&log->line);
	gp_buf_put_char(&log->line, '{');
	return &log->line;
}

static void
end_line(struct scan_log *log)
{
	gp_buf_put_str(&log->line, "}\n");
	struct gp_slice line = gp_buf_slice(&log->line);
	if (log->line.failed || !scan_chain_add(&log->chain, line))
		latch(log, -ENOMEM);
	else if (fwrite(line.ptr, 1, line.len, log->file) != line.len)
		latch(log, -EIO);
}

static struct gp_buf *
begin_host_line(struct scan_log *log, uint64_t host, uint64_t now_ms)
{
	struct gp_buf *out = begin_line(log);
	put_number(out, "h", (int64_t)host);
	put_number(out, "t", (int64_t)(now_ms - log->begun_ms));
	return out;
}

static struct gp_buf *
begin_line_of(struct scan_log *log, struct scan_log_place place, uint64_t now_ms)
{
	struct gp_buf *out = begin_host_line(log, place.host, now_ms);
	if (place.line > 0)
		put_number(out, "s", place.line);
	return out;
}

static void
put_base64(struct gp_buf *out, const char *key, const uint8_t *octets, size_t len)
{
	put_key(out, key);
	gp_buf_put_char(out, '"');
	gp_base64_put(out, gp_slice((const char *)octets, len));
	gp_buf_put_char(out, '"');
}

int
scan_log_seal(struct scan_log *log, bool end)
{
	uint8_t signature[SCAN_LOG_SIGNATURE];
	if (!scan_seal_sign(log->key, &log->chain, signature))
		latch(log, -ENOMEM);
	struct gp_buf *out = begin_line(log);
	put_base64(out, "seal", signature, sizeof(signature));
	put_key(out, "end");
	gp_buf_put_str(out, end ? "true" : "false");
	end_line(log);
	if (fflush(log->file) != 0)
		latch(log, -errno);
	return log->error;
}

/* A person's words, for others to read: as they are, where they are words. */
static void
put_words(struct gp_buf *out, const char *key, struct gp_slice text)
{
	if (!gp_utf8_printable(text)) {
		put_text(out, key, text);
		return;
	}
	put_key(out, key);
	gp_buf_put_char(out, '"');
	for (size_t i = 0; i < text.len; i++) {
		if (text.ptr[i] == '"' || text.ptr[i] == '\\')
			gp_buf_put_char(out, '\\');
		gp_buf_put_char(out, text.ptr[i]);
	}
	gp_buf_put_char(out, '"');
}

static void
put_first_line(struct scan_log *log, const char *authorised)
{
	uint8_t public[SCAN_LOG_KEY] = {};
	if (!scan_seal_public(log->key, public))
		latch(log, -EINVAL);
	struct gp_buf *out = begin_line(log);
	put_number(out, "gatepost_scan_log", 1);
	put_number(out, "time", (int64_t)(gp_clock_wall_ms() / 1000));
	put_words(out, "authorised", gp_slice_str(authorised));
	put_base64(out, "key", public, sizeof(public));
	end_line(log);
}

int
scan_log_open(const char *path, const char *key, const char *authorised, uint64_t now_ms,
	      struct scan_log **ret)
{
	struct scan_log *log = calloc(1, sizeof(*log));
	if (!log)
		return -ENOMEM;
	*log = (struct scan_log){.line = GP_BUF_INIT(SCAN_LOG_LINE_MAX), .begun_ms = now_ms};
	int r = scan_seal_key(key, &log->key);
	if (r == 0) {
		/* A log says what was done: it is not done away with by the next run. */
		int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
		r = fd < 0 ? -errno : 0;
		log->file = fd < 0 ? NULL : fdopen(fd, "w");
		if (r < 0)
			fprintf(stderr, "gatepost scan: --log: %s: %s\n", path, strerror(-r));
	}
	if (r < 0 || !log->file) {
		scan_log_free(log);
		return r < 0 ? r : -ENOMEM;
	}
	put_first_line(log, authorised);
	*ret = log;
	return 0;
}

struct scan_log *
scan_log_free(struct scan_log *log)
{
	if (!log)
		return NULL;
	if (log->file)
		fclose(log->file);
	EVP_PKEY_free(log->key);
	gp_buf_free(&log->line);
	free(log);
	return NULL;
}

/* --- what happened --- */

static void
put_options(struct gp_buf *out, const struct gp_probe_options *o)
{
	const struct {
		const char *key;
		struct gp_slice text;
	} texts[] = {
		{"helo", o->helo},       {"recipient", o->recipient},     {"token", o->token},
		{"date", o->date},       {"server", o->server},           {"hosted", o->hosted},
		{"address", o->address}, {"own_address", o->own_address},
	};
	put_number(out, "mode", o->mode);
	put_number(out, "consents", o->consents);
	put_number(out, "brief", o->brief);
	put_number(out, "resume", o->resume);
	put_number(out, "greeting_ms", o->greeting_ms);
	put_number(out, "reply_ms", o->reply_ms);
	put_number(out, "total_ms", o->total_ms);
	put_number(out, "octets_max", (int64_t)o->octets_max);
	for (size_t i = 0; i < GP_ARRAY_LEN(texts); i++)
		put_text(out, texts[i].key, texts[i].text);
}

static void
put_listings(struct gp_buf *out, const struct gp_listings *l)
{
	put_key(out, "listings");
	gp_buf_put_char(out, '[');
	for (size_t i = 0; i < l->len; i++) {
		gp_buf_put_str(out, i > 0 ? ",{" : "{");
		put_text(out, "zone", l->items[i].zone);
		put_number(out, "state", l->items[i].state);
		put_octets(out, "code", l->items[i].code, sizeof(l->items[i].code));
		put_text(out, "reason", l->items[i].reason);
		close_object(out);
	}
	gp_buf_put_char(out, ']');
}

void
scan_log_begin(struct scan_log *log, uint64_t host, uint64_t now_ms,
	       const struct scan_result *result, const struct gp_probe_options *options)
{
	if (!log)
		return;
	struct gp_buf *out = begin_host_line(log, host, now_ms);
	open_object(out, "begin");
	put_octets(out, "octets", result->address, result->address_len);
	put_number(out, "port", result->port);
	put_text(out, "sni", result->sni);
	put_text(out, "left_out", gp_slice_str(result->left_out));
	put_number(out, "reverse", result->reverse.state);
	put_text(out, "reverse_name", result->reverse.name);
	put_text(out, "domain", result->domain);
	put_number(out, "is_mx", result->is_mx);
	put_listings(out, &result->listings);
	put_number(out, "time_ms", (int64_t)result->time_ms);
	if (options)
		put_options(out, options);
	close_object(out);
	end_line(log);
}

void
scan_log_event(struct scan_log *log, struct scan_log_place place, uint64_t now_ms,
	       const char *event)
{
	if (!log)
		return;
	put_number(begin_line_of(log, place, now_ms), event, 1);
	end_line(log);
}

void
scan_log_octets(struct scan_log *log, struct scan_log_place place, uint64_t now_ms,
		const char *direction, struct gp_slice octets)
{
	if (!log)
		return;
	put_text(begin_line_of(log, place, now_ms), direction, octets);
	end_line(log);
}

void
scan_log_survey(struct scan_log *log, uint64_t host, uint64_t now_ms,
		const struct gp_surveyor_options *o)
{
	if (!log)
		return;
	struct gp_buf *out = begin_host_line(log, host, now_ms);
	open_object(out, "survey");
	put_text(out, "helo", o->helo);
	put_text(out, "sni", o->sni);
	put_text(out, "seed", o->seed);
	put_number(out, "tls_at_once", o->tls_at_once);
	put_number(out, "brief", o->brief);
	put_number(out, "lines_max", o->lines_max);
	put_number(out, "connections_max", o->connections_max);
	put_number(out, "greeting_ms", o->greeting_ms);
	put_number(out, "reply_ms", o->reply_ms);
	put_number(out, "total_ms", o->total_ms);
	put_number(out, "octets_max", (int64_t)o->octets_max);
	close_object(out);
	end_line(log);
}

static void
put_link(struct gp_buf *out, const struct gp_tls_link *l)
{
	gp_buf_put_char(out, '{');
	put_text(out, "subject", l->subject);
	put_text(out, "issuer", l->issuer);
	put_text(out, "key", gp_slice_str(l->key));
	put_number(out, "key_bits", l->key_bits);
	put_text(out, "signature", gp_slice_str(l->signature));
	put_number(out, "weak_signature", l->weak_signature);
	put_number(out, "self_issued", l->self_issued);
	put_number(out, "signed_by_next", l->signed_by_next);
	put_number(out, "from_s", l->from_s);
	put_number(out, "until_s", l->until_s);
	put_octets(out, "certificate_sha256", l->certificate.sha256, sizeof(l->certificate.sha256));
	put_octets(out, "certificate_sha512", l->certificate.sha512, sizeof(l->certificate.sha512));
	put_octets(out, "spki_sha256", l->spki.sha256, sizeof(l->spki.sha256));
	put_octets(out, "spki_sha512", l->spki.sha512, sizeof(l->spki.sha512));
	close_object(out);
}

static void
put_all(struct gp_buf *out, const struct scan_tls *tls)
{
	const struct gp_tls_shown *s = &tls->shown;
	open_object(out, "all");
	put_number(out, "ok", tls->ok);
	put_number(out, "handshake_ms", tls->handshake_ms);
	put_text(out, "error", gp_slice_str(tls->error));
	put_text(out, "version", gp_slice_str(tls->version));
	put_text(out, "cipher", gp_slice_str(tls->cipher));
	put_number(out, "trust", tls->trust);
	put_text(out, "trust_text", gp_slice_str(tls->trust_text));
	put_text(out, "group", gp_slice_str(s->group));
	put_number(out, "exchange_bits", s->exchange_bits);
	put_number(out, "extended_master", s->extended_master);
	put_number(out, "secure_renegotiation", s->secure_renegotiation);
	put_number(out, "staple", s->staple);
	put_number(out, "links_dropped", (int64_t)s->links_dropped);
	put_text(out, "subject", tls->certificate.subject);
	put_text(out, "issuer", tls->certificate.issuer);
	put_text(out, "names", tls->certificate.names);
	put_number(out, "from_s", tls->certificate.from_s);
	put_number(out, "until_s", tls->certificate.until_s);
	put_key(out, "links");
	gp_buf_put_char(out, '[');
	for (size_t i = 0; i < s->links_len; i++) {
		if (i > 0)
			gp_buf_put_char(out, ',');
		put_link(out, &s->links[i]);
	}
	gp_buf_put_char(out, ']');
	close_object(out);
}

void
scan_log_tls(struct scan_log *log, uint64_t host, uint64_t now_ms, const struct gp_probe_tls *told,
	     const struct scan_tls *all)
{
	if (!log)
		return;
	struct gp_buf *out = begin_host_line(log, host, now_ms);
	open_object(out, "tls");
	put_number(out, "ok", told->ok);
	put_text(out, "version", told->version);
	put_text(out, "cipher", told->cipher);
	put_text(out, "group", told->group);
	put_text(out, "chain", told->chain);
	put_text(out, "error", told->error);
	put_number(out, "stapled", told->stapled);
	put_number(out, "resumed", told->resumed);
	put_number(out, "handshake_ms", told->handshake_ms);
	if (all)
		put_all(out, all);
	close_object(out);
	end_line(log);
}

void
scan_log_arrivals(struct scan_log *log, uint64_t host, uint64_t now_ms, struct gp_slice list)
{
	if (!log)
		return;
	put_text(begin_host_line(log, host, now_ms), "arrived", list);
	end_line(log);
}

/* --- views --- */

static void
put_dane(struct gp_buf *out, const struct scan_view *view)
{
	put_number(out, "dane_outcome", view->dane_outcome);
	put_text(out, "dane_base", view->dane->base);
	put_key(out, "dane_records");
	gp_buf_put_char(out, '[');
	for (size_t i = 0; i < view->dane->records_len; i++) {
		const struct gp_dns_record *r = &view->dane->records[i];
		gp_buf_put_str(out, i > 0 ? ",{" : "{");
		put_number(out, "usage", r->usage);
		put_number(out, "selector", r->selector);
		put_number(out, "matching", r->matching);
		put_text(out, "data", r->data);
		close_object(out);
	}
	gp_buf_put_char(out, ']');
}

void
scan_log_view(struct scan_log *log, uint64_t host, uint64_t now_ms, const struct scan_view *view)
{
	if (!log)
		return;
	struct gp_buf *out = begin_host_line(log, host, now_ms);
	open_object(out, "view");
	put_text(out, "target", view->target);
	put_number(out, "port", view->port);
	put_number(out, "mx", view->mx);
	put_number(out, "again", view->again);
	put_number(out, "temporary", view->temporary);
	put_text(out, "why", gp_slice_str(view->why));
	put_number(out, "has_result", view->result != NULL);
	if (view->host)
		put_text(out, "host", view->host->host);
	if (view->dane)
		put_dane(out, view);
	if (view->policy) {
		put_number(out, "sts_record", view->policy->record);
		put_text(out, "sts_text", view->policy->text);
		put_text(out, "sts_reason", view->policy->reason);
	}
	close_object(out);
	end_line(log);
}
