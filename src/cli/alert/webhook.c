/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/alert/webhook.h"

#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/lookup.h"
#include "core/config/value.h"
#include "core/sasl/crypto.h"
#include "core/tlsrpt/record.h"
#include "procs/fetch/https.h"
#include "sys/password.h"
#include "sys/small_file.h"

enum {
	ADDRESSES_MAX = 16,
	TIME_MAX_MS = 30 * 1000,
	AUTHORITIES_MAX = 4 << 20, /* octets */
	ARENA_MAX = 16 << 20,
	URL_MAX = 2048,
	FIELD_MAX = 160,
	HASH_SHOWN = 16, /* octets of a URL's hash that name it */
};

struct post {
	const struct alert_webhook *webhook;
	struct gp_slice secret; /* empty: there is no signature */
	struct gp_arena arena;
	struct gp_tlsrpt_rua place;
	struct gp_fetch_address addresses[ADDRESSES_MAX];
	size_t addresses_len;
	struct https_request request;
	struct event_base *base;
	bool taken;
};

static bool
complain(const struct post *p, const char *why)
{
	fprintf(stderr, "%s: webhook at %.*s: %s\n", p->webhook->command,
		GP_SLICE_FMT(p->place.host), why);
	return false;
}

static bool
read_url(const char *url, struct gp_arena *arena, struct gp_tlsrpt_rua *ret)
{
	struct gp_slice text = gp_slice_str(url);
	bool good = text.len <= URL_MAX;
	for (size_t i = 0; i < text.len; i++)
		good = good && text.ptr[i] > ' ' && text.ptr[i] <= '~';
	uint8_t octets[16]; /* an address proves nothing that a certificate could */
	return good && gp_tlsrpt_rua_read(text, arena, ret) == 0 && ret->host.len > 0 &&
	       gp_ip_parse(ret->host, octets) == 0;
}

static bool
url_valid(const char *url)
{
	struct gp_arena arena = GP_ARENA_INIT(ARENA_MAX);
	struct gp_tlsrpt_rua place;
	bool good = read_url(url, &arena, &place);
	gp_arena_free(&arena);
	return good;
}

/* --- options --- */

void
alert_webhook_option(struct alert_webhook *w, int c, const struct gp_arg *arg)
{
	*(c == ALERT_WEBHOOK ? &w->url : &w->secret_file) = arg->value;
}

const char *
alert_webhook_wrong(struct alert_webhook *w)
{
	const char *url = getenv("GATEPOST_WEBHOOK");
	if (!w->url && url && url[0] != '\0')
		w->url = url;
	if (w->url && !url_valid(w->url))
		return "the webhook is no https URL with a server's name";
	if (w->secret_file && !w->url)
		return "--webhook-secret-file is for a --webhook";
	return NULL;
}

struct gp_slice
alert_webhook_name(const struct alert_webhook *w, struct gp_arena *arena)
{
	struct gp_sha256 hash;
	struct gp_slice name = GP_SLICE("webhook:");
	if (gp_sha256(gp_slice_str(w->url), &hash) < 0)
		return GP_SLICE("");
	for (size_t i = 0; i < HASH_SHOWN && name.ptr; i++)
		name = gp_arena_printf(arena, "%.*s%02x", GP_SLICE_FMT(name), hash.octets[i]);
	return name;
}

/* --- the server --- */

/* Private ones too: whoever runs the command has named the server. */
static bool
find_addresses(struct post *p)
{
	static const struct gp_config no_config;
	const struct alert_webhook *w = p->webhook;
	const struct gp_lookup_options options = {.command = w->command,
						  .dns = w->dns,
						  .resolver = w->resolver,
						  .config = w->config ? w->config : &no_config};
	static const uint16_t types[] = {GP_DNS_AAAA, GP_DNS_A};
	struct gp_lookup lookup = {};
	bool good = gp_lookup_open(&lookup, &options) == 0;
	for (size_t i = 0; i < GP_ARRAY_LEN(types) && good; i++) {
		struct gp_dns_answer answer;
		size_t len = types[i] == GP_DNS_A ? 4 : 16;
		good = gp_lookup_get(&lookup, p->place.host, types[i], &answer);
		for (size_t k = 0; good && k < answer.records_len; k++) {
			const void *octets = answer.records[k].address;
			if (p->addresses_len < ADDRESSES_MAX)
				p->addresses[p->addresses_len++].octets =
					gp_arena_dup(&p->arena, gp_slice(octets, len));
		}
	}
	gp_lookup_close(&lookup);
	return p->addresses_len > 0 || complain(p, "no address is known");
}

static void
on_done(struct https_request *q, const struct https_answer *a)
{
	struct post *p = gp_container_of(q, struct post, request);
	char why[320];
	p->taken = a->result == GP_FETCH_OK ||
		   (a->result == GP_FETCH_HTTP_STATUS && a->status >= 200 && a->status < 300);
	snprintf(why, sizeof(why), "status %u: %.200s", a->status, a->reason);
	if (!p->taken)
		complain(p, a->status > 0 ? why : a->reason);
	(void)event_base_loopbreak(p->base);
}

static bool
read_authorities(struct post *p, struct gp_slice *ret)
{
	const char *path = p->webhook->authorities;
	int r = path ? gp_file_read(gp_slice_str(path), AUTHORITIES_MAX, &p->arena, ret) : 0;
	if (r < 0)
		fprintf(stderr, "%s: %s: %s\n", p->webhook->command, path, strerror(-r));
	return r == 0;
}

/* False where nobody could say anything: on_done() has told of all else. */
static bool
transfer(struct post *p)
{
	struct https_options options = {.port = p->place.port};
	struct https *https = NULL;
	if (!read_authorities(p, &options.ca))
		return false;
	p->base = event_base_new();
	int r = p->base ? https_new(p->base, &options, &https) : -ENOMEM;
	if (r == 0)
		r = https_start(https, &p->request);
	if (r == 0)
		(void)event_base_dispatch(p->base);
	if (r == 0 && p->request.transfer)
		https_cancel(https, &p->request);
	https_free(https);
	if (p->base)
		event_base_free(p->base);
	return r == 0 || complain(p, strerror(-r));
}

/* The signature's field; empty without a secret. */
static bool
sign(const struct post *p, uint64_t now_s, struct gp_arena *arena, char field[FIELD_MAX])
{
	struct gp_sha256 mac;
	struct gp_slice body = p->request.body;
	field[0] = '\0';
	if (p->secret.len == 0)
		return true;
	struct gp_slice text =
		gp_arena_printf(arena, "%llu.%.*s", (unsigned long long)now_s, GP_SLICE_FMT(body));
	if (!text.ptr || gp_hmac_sha256(p->secret, text, &mac) < 0)
		return complain(p, "no memory");
	int len = snprintf(field, FIELD_MAX,
			   "Gatepost-Signature: t=%llu,v1=", (unsigned long long)now_s);
	for (size_t i = 0; i < GP_SHA256_SIZE; i++)
		len += snprintf(field + len, FIELD_MAX - (size_t)len, "%02x", mac.octets[i]);
	return true;
}

static bool
post_body(const struct alert_webhook *w, struct gp_slice secret, struct gp_slice body,
	  uint64_t now_s)
{
	struct post p = {.webhook = w, .secret = secret, .arena = GP_ARENA_INIT(ARENA_MAX)};
	char field[FIELD_MAX];
	bool good = read_url(w->url, &p.arena, &p.place);
	gp_assert(good); /* it was looked at when the options were read */
	struct gp_slice host = gp_arena_printf(&p.arena, "%.*s", GP_SLICE_FMT(p.place.host));
	struct gp_slice path = gp_arena_printf(&p.arena, "%.*s", GP_SLICE_FMT(p.place.path));
	p.request = (struct https_request){.host = host.ptr,
					   .path = path.ptr,
					   .media_type = "application/json",
					   .field = secret.len > 0 ? field : NULL,
					   .body = body,
					   .time_max_ms = TIME_MAX_MS,
					   .done = on_done};
	good = host.ptr && path.ptr && sign(&p, now_s, &p.arena, field) && find_addresses(&p);
	p.request.addresses = p.addresses;
	p.request.addresses_len = p.addresses_len;
	bool taken = good && transfer(&p) && p.taken;
	gp_arena_free(&p.arena);
	return taken;
}

/* --- the secret --- */

static bool
read_environment(const struct alert_webhook *w, char secret[ALERT_SECRET_MAX], size_t *ret_len)
{
	const char *text = getenv("GATEPOST_WEBHOOK_SECRET");
	*ret_len = text ? strlen(text) : 0;
	if (*ret_len > ALERT_SECRET_MAX) {
		fprintf(stderr, "%s: GATEPOST_WEBHOOK_SECRET is too long\n", w->command);
		return false;
	}
	memcpy(secret, text ? text : "", *ret_len);
	return true;
}

/* From the file, or from the environment; neither: there is none. */
static bool
read_secret(const struct alert_webhook *w, char secret[ALERT_SECRET_MAX], size_t *ret_len)
{
	if (!w->secret_file)
		return read_environment(w, secret, ret_len);
	int fd = open(w->secret_file, O_RDONLY | O_CLOEXEC);
	int r = fd < 0 ? -errno : gp_file_line(fd, secret, ALERT_SECRET_MAX, ret_len);
	if (fd >= 0)
		close(fd);
	if (r < 0)
		fprintf(stderr, "%s: %s: %s\n", w->command, w->secret_file,
			fd < 0 ? strerror(-r) : gp_file_line_trouble(r));
	return r == 0;
}

bool
alert_webhook_send(const struct alert_webhook *w, struct gp_slice body, uint64_t now_s)
{
	char secret[ALERT_SECRET_MAX];
	size_t len = 0;
	bool taken =
		read_secret(w, secret, &len) && post_body(w, gp_slice(secret, len), body, now_s);
	gp_wipe(secret, sizeof(secret));
	return taken;
}
