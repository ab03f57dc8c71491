/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/scan/replay.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/base64.h"
#include "base/map.h"
#include "cli/command.h"
#include "cli/scan/arrivals.h"
#include "cli/scan/policy.h"
#include "cli/scan/seal.h"
#include "cli/scan/survey.h"
#include "core/mtasts/record.h"

enum {
	HOSTS_MAX = 10'000'000,
	RESULT_ARENA_MAX = 16 << 20,
	LINE_ARENA_MAX = 16 << 20,
	LINKS_MAX = GP_TLS_LINKS_MAX,
};

/* Where the driver of a probe stands: what may happen next. A log that says otherwise is wrong. */
enum phase {
	PHASE_TALKING,
	PHASE_ASKED,
	PHASE_CONNECTING,
	PHASE_SHAKING,
	PHASE_OVER,
};

/* A host whose result may still be told of. */
struct host {
	uint64_t number;
	struct scan_result *result;
	struct gp_surveyor *surveyor; /* NULL: none is under way */
	uint8_t phase;
};

struct replay {
	const struct scan_replay_options *o;
	struct gp_map hosts;
	struct scan_chain chain;
	uint8_t key[SCAN_LOG_KEY];
	uint64_t line;
	bool begun, ended;
	bool unsealed;         /* lines stand behind the last seal */
	bool verified;         /* all of it, once */
	struct gp_arena arena; /* of the line at hand */
};

static const char other_words[] = "something else was said than would be now",
		  impossible[] = "this cannot have happened here";

static int
complain(const struct replay *p, int code, const char *why)
{
	fprintf(stderr, "gatepost scan: --replay: %s:%" PRIu64 ": %s\n", p->o->path, p->line, why);
	return code;
}

/* --- values --- */

static int64_t
number(const json_t *object, const char *key)
{
	return json_integer_value(json_object_get(object, key));
}

/* U+0000 to U+00FF back to octets; others are no octets, and are left out. */
static struct gp_slice
octets(const json_t *object, const char *key, struct gp_arena *arena)
{
	const json_t *value = json_object_get(object, key);
	const unsigned char *from = (const unsigned char *)json_string_value(value);
	size_t len = json_string_length(value), at = 0;
	char *to = gp_arena_alloc(arena, len + 1);
	for (size_t i = 0; to && i < len; i++) {
		if (from[i] < 0x80)
			to[at++] = (char)from[i];
		else if ((from[i] == 0xc2 || from[i] == 0xc3) && i + 1 < len)
			to[at++] = (char)((from[i] & 3) << 6 | (from[i + 1] & 0x3f)), i++;
	}
	return to ? gp_slice(to, at) : gp_slice("", 0);
}

/* With a NUL behind it; NULL: empty. */
static const char *
text(const json_t *object, const char *key, struct gp_arena *arena)
{
	struct gp_slice s = octets(object, key, arena);
	return s.len > 0 ? gp_arena_str(arena, s) : NULL;
}

static void
digest(const json_t *object, const char *key, struct gp_arena *arena, uint8_t *ret, size_t len)
{
	struct gp_slice s = octets(object, key, arena);
	if (s.len == len)
		memcpy(ret, s.ptr, len);
}

/* --- hosts --- */

static struct host *
find_host(const struct replay *p, uint64_t n)
{
	return gp_map_get(&p->hosts, gp_slice((const char *)&n, sizeof(n)));
}

static void
free_host(struct host *h)
{
	gp_surveyor_free(h->surveyor);
	scan_result_free(h->result);
	free(h);
}

static struct host *
make_host(struct replay *p, uint64_t n)
{
	struct host *h = calloc(1, sizeof(*h));
	struct scan_result *r = calloc(1, sizeof(*r));
	if (h && r) {
		r->arena = GP_ARENA_INIT(RESULT_ARENA_MAX);
		r->number = n;
		*h = (struct host){.number = n, .result = r};
		if (gp_map_set(&p->hosts, gp_slice((const char *)&h->number, sizeof(h->number)), h))
			return h;
	}
	free(h);
	free(r);
	return NULL;
}

/* Until the probe waits for something; what that is says what may happen next. */
static void
go_on(struct host *h, struct gp_slice input, uint64_t now)
{
	switch (gp_probe_next(h->result->probe, &input, now)) {
	case GP_PROBE_WANT_CONNECT:
		h->phase = PHASE_ASKED;
		break;
	case GP_PROBE_WANT_TLS:
		h->phase = PHASE_SHAKING;
		break;
	case GP_PROBE_WANT_DONE:
		h->phase = PHASE_OVER;
		break;
	case GP_PROBE_WANT_READ:
		break;
	}
}

static void
read_options(const json_t *b, struct gp_arena *arena, struct gp_probe_options *ret)
{
	*ret = (struct gp_probe_options){
		.helo = octets(b, "helo", arena),
		.mode = (uint8_t)number(b, "mode"),
		.consents = (uint32_t)number(b, "consents"),
		.brief = number(b, "brief"),
		.resume = number(b, "resume"),
		.greeting_ms = (uint32_t)number(b, "greeting_ms"),
		.reply_ms = (uint32_t)number(b, "reply_ms"),
		.total_ms = (uint32_t)number(b, "total_ms"),
		.octets_max = (size_t)number(b, "octets_max"),
		.recipient = octets(b, "recipient", arena),
		.token = octets(b, "token", arena),
		.date = octets(b, "date", arena),
		.server = octets(b, "server", arena),
		.hosted = octets(b, "hosted", arena),
		.address = octets(b, "address", arena),
		.own_address = octets(b, "own_address", arena),
	};
}

static void
read_listings(const json_t *list, struct gp_arena *arena, struct gp_listings *ret)
{
	size_t len = GP_MIN(json_array_size(list), (size_t)GP_BLOCKLISTS_MAX);
	struct gp_listing *items = gp_arena_array(arena, len, sizeof(*items));
	for (size_t i = 0; items && i < len; i++) {
		const json_t *l = json_array_get(list, i);
		struct gp_slice code = octets(l, "code", arena);
		items[i].zone = octets(l, "zone", arena);
		items[i].state =
			(uint8_t)GP_MIN((uint64_t)number(l, "state"), (uint64_t)GP_LISTING_ODD);
		items[i].reason = octets(l, "reason", arena);
		if (code.len == sizeof(items[i].code))
			memcpy(items[i].code, code.ptr, code.len);
	}
	*ret = (struct gp_listings){.items = items, .len = items ? len : 0};
}

static int
begin(struct replay *p, uint64_t n, uint64_t now, const json_t *b)
{
	struct gp_probe_options options;
	struct gp_slice address = octets(b, "octets", &p->arena);
	int64_t reverse = number(b, "reverse");
	if (find_host(p, n) || (address.len != 4 && address.len != 16) || reverse < 0 ||
	    reverse > GP_REVERSE_CONFIRMED)
		return complain(p, GP_EXIT_USAGE, "a host that makes no sense");
	struct host *h = make_host(p, n);
	if (!h)
		return GP_EXIT_ERROR;
	struct scan_result *r = h->result;
	memcpy(r->address, address.ptr, address.len);
	r->address_len = (uint8_t)address.len;
	r->port = (uint16_t)number(b, "port");
	r->sni = octets(b, "sni", &r->arena);
	r->left_out = text(b, "left_out", &r->arena);
	r->reverse.state = (uint8_t)reverse;
	r->reverse.name = octets(b, "reverse_name", &r->arena);
	r->domain = octets(b, "domain", &r->arena);
	r->is_mx = number(b, "is_mx");
	read_listings(json_object_get(b, "listings"), &r->arena, &r->listings);
	r->time_ms = (uint64_t)number(b, "time_ms");
	if (r->left_out)
		return GP_EXIT_OK;
	read_options(b, &p->arena, &options);
	if (options.mode > GP_PROBE_MODE_CLEAR || gp_probe_options_wrong(&options))
		return complain(p, GP_EXIT_USAGE, "a probe that makes no sense");
	r->probe = gp_probe_new(&options, now);
	if (!r->probe)
		return GP_EXIT_ERROR;
	go_on(h, gp_slice("", 0), now);
	return GP_EXIT_OK;
}

/* --- TLS --- */

static void
read_link(const json_t *l, struct gp_arena *arena, struct gp_tls_link *ret)
{
	*ret = (struct gp_tls_link){
		.subject = octets(l, "subject", arena),
		.issuer = octets(l, "issuer", arena),
		.key = text(l, "key", arena),
		.key_bits = (unsigned)number(l, "key_bits"),
		.signature = text(l, "signature", arena),
		.weak_signature = number(l, "weak_signature"),
		.self_issued = number(l, "self_issued"),
		.signed_by_next = number(l, "signed_by_next"),
		.from_s = number(l, "from_s"),
		.until_s = number(l, "until_s"),
	};
	if (!ret->key)
		ret->key = "";
	if (!ret->signature)
		ret->signature = "";
	digest(l, "certificate_sha256", arena, ret->certificate.sha256, 32);
	digest(l, "certificate_sha512", arena, ret->certificate.sha512, 64);
	digest(l, "spki_sha256", arena, ret->spki.sha256, 32);
	digest(l, "spki_sha512", arena, ret->spki.sha512, 64);
}

static void
read_all(const json_t *a, struct gp_arena *arena, struct scan_tls *ret)
{
	const json_t *links = json_object_get(a, "links");
	size_t len = GP_MIN(json_array_size(links), (size_t)LINKS_MAX);
	*ret = (struct scan_tls){
		.tried = true,
		.ok = number(a, "ok"),
		.handshake_ms = (uint32_t)number(a, "handshake_ms"),
		.error = text(a, "error", arena),
		.version = text(a, "version", arena),
		.cipher = text(a, "cipher", arena),
		.trust = (uint8_t)GP_MIN(number(a, "trust"), (int64_t)GP_TLS_UNTRUSTED),
		.trust_text = text(a, "trust_text", arena),
		.shown = {.group = text(a, "group", arena),
			  .exchange_bits = (unsigned)number(a, "exchange_bits"),
			  .extended_master = number(a, "extended_master"),
			  .secure_renegotiation = number(a, "secure_renegotiation"),
			  .staple = (uint8_t)GP_MIN(number(a, "staple"),
						    (int64_t)GP_TLS_STAPLE_OTHER),
			  .links_dropped = (size_t)number(a, "links_dropped"),
			  .links_len = len},
		.certificate = {.subject = octets(a, "subject", arena),
				.issuer = octets(a, "issuer", arena),
				.names = octets(a, "names", arena),
				.from_s = number(a, "from_s"),
				.until_s = number(a, "until_s")},
	};
	if (!ret->version || !ret->cipher || !ret->trust_text)
		ret->ok = false;
	for (size_t i = 0; i < len; i++)
		read_link(json_array_get(links, i), arena, &ret->shown.links[i]);
}

static void
shake_hands(struct replay *p, struct scan_result *r, uint64_t now, const json_t *t)
{
	const json_t *all = json_object_get(t, "all");
	const struct gp_probe_tls told = {
		.ok = number(t, "ok"),
		.version = octets(t, "version", &p->arena),
		.cipher = octets(t, "cipher", &p->arena),
		.group = octets(t, "group", &p->arena),
		.chain = octets(t, "chain", &p->arena),
		.error = octets(t, "error", &p->arena),
		.stapled = number(t, "stapled"),
		.resumed = number(t, "resumed"),
		.handshake_ms = (uint32_t)number(t, "handshake_ms"),
	};
	if (all)
		read_all(all, &r->arena, &r->tls);
	gp_probe_tls_done(r->probe, &told, now);
}

/* --- the survey --- */

static int
begin_survey(struct replay *p, struct host *h, const json_t *o)
{
	const struct gp_surveyor_options options = {
		.helo = octets(o, "helo", &p->arena),
		.sni = octets(o, "sni", &p->arena),
		.seed = octets(o, "seed", &p->arena),
		.tls_at_once = number(o, "tls_at_once"),
		.brief = number(o, "brief"),
		.lines_max = (uint32_t)number(o, "lines_max"),
		.connections_max = (uint32_t)number(o, "connections_max"),
		.greeting_ms = (uint32_t)number(o, "greeting_ms"),
		.reply_ms = (uint32_t)number(o, "reply_ms"),
		.total_ms = (uint32_t)number(o, "total_ms"),
		.octets_max = (size_t)number(o, "octets_max"),
	};
	if (h->surveyor || h->result->survey || gp_surveyor_options_wrong(&options))
		return complain(p, GP_EXIT_USAGE, "a survey that makes no sense");
	h->surveyor = gp_surveyor_new(&options);
	return h->surveyor ? GP_EXIT_OK : GP_EXIT_ERROR;
}

static int
end_survey(struct replay *p, struct host *h)
{
	unsigned line;
	if (gp_surveyor_next(h->surveyor, &line) != GP_SURVEYOR_DONE)
		return complain(p, GP_EXIT_BAD, "the survey cannot have been over");
	h->result->survey = scan_survey_keep(h->surveyor, &h->result->arena);
	h->surveyor = gp_surveyor_free(h->surveyor);
	return h->result->survey ? GP_EXIT_OK : GP_EXIT_ERROR;
}

/* What happens to a line that is open. False: nothing that could. */
static bool
pass_open(struct replay *p, struct gp_surveyor *s, unsigned n, const json_t *line, uint64_t now)
{
	if (json_object_get(line, "in"))
		gp_surveyor_feed(s, n, octets(line, "in", &p->arena), now);
	else if (json_object_get(line, "eof"))
		gp_surveyor_eof(s, n, now);
	else
		return false;
	return true;
}

/* False: it cannot have happened to this line. */
static bool
pass_survey(struct replay *p, struct gp_surveyor *s, unsigned n, const json_t *line, uint64_t now)
{
	unsigned next;
	if (json_object_get(line, "late")) {
		gp_surveyor_tick(s, now);
		return true;
	}
	switch (gp_surveyor_state(s, n)) {
	case GP_SURVEYOR_FREE:
		return json_object_get(line, "wanted") &&
		       gp_surveyor_next(s, &next) == GP_SURVEYOR_CONNECT && next == n;
	case GP_SURVEYOR_WANTED:
		if (json_object_get(line, "connecting"))
			gp_surveyor_connecting(s, n, now);
		return json_object_get(line, "connecting");
	case GP_SURVEYOR_CONNECTING:
		if (json_object_get(line, "connected"))
			gp_surveyor_connected(s, n, now);
		else if (json_object_get(line, "unreachable"))
			gp_surveyor_unreachable(s, n, now);
		return json_object_get(line, "connected") || json_object_get(line, "unreachable");
	case GP_SURVEYOR_OPEN:
		return pass_open(p, s, n, line, now);
	case GP_SURVEYOR_OVER:
		if (json_object_get(line, "closed"))
			gp_surveyor_closed(s, n);
		return json_object_get(line, "closed");
	}
	return false;
}

static int
follow_survey(struct replay *p, struct gp_surveyor *s, const json_t *line, uint64_t now)
{
	unsigned n = (unsigned)number(line, "s") - 1;
	if (json_object_get(line, "out") && gp_surveyor_state(s, n) >= GP_SURVEYOR_OPEN) {
		struct gp_slice sent = octets(line, "out", &p->arena);
		if (!gp_slice_starts(gp_surveyor_output(s, n), sent))
			return complain(p, GP_EXIT_BAD, other_words);
		gp_surveyor_sent(s, n, sent.len);
		return GP_EXIT_OK;
	}
	return pass_survey(p, s, n, line, now) ? GP_EXIT_OK : complain(p, GP_EXIT_BAD, impossible);
}

/* --- what happened --- */

static int
send_out(struct replay *p, struct host *h, uint64_t now, struct gp_slice sent)
{
	struct gp_probe *probe = h->result->probe;
	struct gp_slice due = gp_slice_take(gp_probe_output(probe), sent.len);
	if (!gp_slice_eq(due, sent))
		return complain(p, GP_EXIT_BAD, other_words);
	gp_probe_output_sent(probe, sent.len, now);
	return GP_EXIT_OK;
}

/* Events that have no more to them than that they happened. False: not now. */
static bool
pass_event(struct host *h, const json_t *line, uint64_t now)
{
	struct gp_probe *probe = h->result->probe;
	if (json_object_get(line, "connecting")) {
		if (h->phase != PHASE_ASKED)
			return false;
		gp_probe_connecting(probe, now);
		h->phase = PHASE_CONNECTING;
		return true;
	}
	if (json_object_get(line, "connected") || json_object_get(line, "unreachable")) {
		if (h->phase != PHASE_CONNECTING)
			return false;
		h->phase = PHASE_TALKING;
		if (json_object_get(line, "connected"))
			gp_probe_connected(probe, now);
		else
			gp_probe_unreachable(probe, now);
	} else if (json_object_get(line, "eof")) {
		gp_probe_eof(probe, now);
	} else if (json_object_get(line, "overrun")) {
		gp_probe_overrun(probe, now);
	} else if (!json_object_get(line, "late")) {
		return false;
	}
	go_on(h, gp_slice("", 0), now);
	return true;
}

static int
follow(struct replay *p, struct host *h, const json_t *line, uint64_t now)
{
	const json_t *tls = json_object_get(line, "tls");
	struct scan_result *r = h->result;
	if (json_object_get(line, "survey") && h->phase == PHASE_OVER)
		return begin_survey(p, h, json_object_get(line, "survey"));
	if (json_object_get(line, "surveyed") && h->surveyor)
		return end_survey(p, h);
	if (json_object_get(line, "s") && h->surveyor)
		return follow_survey(p, h->surveyor, line, now);
	if (json_object_get(line, "out"))
		return send_out(p, h, now, octets(line, "out", &p->arena));
	if (json_object_get(line, "arrived"))
		return scan_arrivals_judge(octets(line, "arrived", &r->arena), r->probe) < 0
			       ? GP_EXIT_ERROR
			       : GP_EXIT_OK;
	if (json_object_get(line, "in")) {
		go_on(h, octets(line, "in", &p->arena), now);
	} else if (tls && h->phase == PHASE_SHAKING) {
		h->phase = PHASE_TALKING;
		shake_hands(p, r, now, tls);
		go_on(h, gp_slice("", 0), now);
	} else if (!pass_event(h, line, now)) {
		return complain(p, GP_EXIT_BAD, impossible);
	}
	return GP_EXIT_OK;
}

/* --- views --- */

static void
read_dane(const json_t *v, struct gp_arena *arena, struct gp_dane_result *ret)
{
	const json_t *list = json_object_get(v, "dane_records");
	size_t len = GP_MIN(json_array_size(list), (size_t)GP_DANE_RECORDS_MAX);
	struct gp_dns_record *records = gp_arena_array(arena, len, sizeof(*records));
	for (size_t i = 0; records && i < len; i++) {
		const json_t *r = json_array_get(list, i);
		records[i] = (struct gp_dns_record){
			.type = GP_DNS_TLSA,
			.usage = (uint8_t)number(r, "usage"),
			.selector = (uint8_t)number(r, "selector"),
			.matching = (uint8_t)number(r, "matching"),
			.data = octets(r, "data", arena),
		};
	}
	*ret = (struct gp_dane_result){.base = octets(v, "dane_base", arena),
				       .records = records,
				       .records_len = records ? len : 0};
}

static int
read_policy(const json_t *v, struct gp_arena *arena, struct scan_policy *ret)
{
	struct gp_slice text = octets(v, "sts_text", arena), why = octets(v, "sts_reason", arena);
	*ret = (struct scan_policy){.record = (uint8_t)GP_MIN((uint64_t)number(v, "sts_record"),
							      (uint64_t)GP_MTASTS_RECORD_UNKNOWN)};
	int r = text.len > 0 ? scan_policy_read(ret, text, arena) : 0;
	if (!ret->policy && why.len > 0)
		ret->reason = why;
	return r;
}

static int
look(struct replay *p, const struct host *h, const json_t *v)
{
	struct gp_dane_result dane = {};
	const struct gp_host_address host = {.host = octets(v, "host", &p->arena)};
	int64_t outcome = number(v, "dane_outcome");
	bool has_dane = json_object_get(v, "dane_base");
	bool has_policy = json_object_get(v, "sts_record");
	struct scan_policy policy = {};
	struct scan_view view = {
		.result = number(v, "has_result") && h ? h->result : NULL,
		.why = text(v, "why", &p->arena),
		.temporary = number(v, "temporary"),
		.target = octets(v, "target", &p->arena),
		.port = (uint16_t)number(v, "port"),
		.host = json_object_get(v, "host") ? &host : NULL,
		.mx = number(v, "mx"),
		.dane = has_dane ? &dane : NULL,
		.policy = has_policy ? &policy : NULL,
		.dane_outcome = (int)outcome,
		.again = number(v, "again"),
	};
	if (has_dane)
		read_dane(v, &p->arena, &dane);
	if (has_policy && read_policy(v, &p->arena, &policy) < 0)
		return GP_EXIT_ERROR;
	if ((!view.result && !view.why) || outcome < GP_DANE_ABSENT || outcome > GP_DANE_TROUBLE)
		return complain(p, GP_EXIT_USAGE, "a view that makes no sense");
	int r = p->o->tell(p->o->context, &view);
	return r < 0 ? complain(p, GP_EXIT_ERROR, strerror(-r)) : GP_EXIT_OK;
}

/* --- lines --- */

static int
take_host_line(struct replay *p, const json_t *line)
{
	uint64_t n = (uint64_t)number(line, "h"), now = (uint64_t)number(line, "t");
	const json_t *start = json_object_get(line, "begin"), *view = json_object_get(line, "view");
	struct host *h = find_host(p, n);
	if (start)
		return begin(p, n, now, start);
	if (view)
		return look(p, h, view);
	if (!h)
		return complain(p, GP_EXIT_USAGE, "a host that has not begun");
	if (json_object_get(line, "over")) {
		(void)gp_map_remove(&p->hosts, gp_slice((const char *)&n, sizeof(n)));
		free_host(h);
		return GP_EXIT_OK;
	}
	if (!h->result->probe)
		return complain(p, GP_EXIT_USAGE, "a host that was left out");
	return follow(p, h, line, now);
}

static int
take_first_line(struct replay *p, const json_t *line)
{
	struct gp_slice key = {};
	const char *base64 = json_string_value(json_object_get(line, "key"));
	if (number(line, "gatepost_scan_log") != 1 ||
	    gp_base64_decode(gp_slice_str(base64), GP_BASE64, &p->arena, &key) != 0 ||
	    key.len != sizeof(p->key))
		return complain(p, GP_EXIT_USAGE, "it is no log of a scan");
	if (p->o->key && memcmp(p->key, key.ptr, key.len) != 0)
		return complain(p, GP_EXIT_BAD, "it was sealed by another key");
	memcpy(p->key, key.ptr, key.len);
	p->begun = true;
	return GP_EXIT_OK;
}

/* before: the chain as it was without this line. */
static int
take_seal(struct replay *p, const json_t *line, const struct scan_chain *before)
{
	struct gp_slice seal = {};
	const char *base64 = json_string_value(json_object_get(line, "seal"));
	if (gp_base64_decode(gp_slice_str(base64), GP_BASE64, &p->arena, &seal) != 0 ||
	    !scan_seal_verify(p->key, before, seal))
		return complain(p, GP_EXIT_BAD, "the seal is broken: the log was changed");
	p->unsealed = false;
	p->ended = json_is_true(json_object_get(line, "end"));
	return GP_EXIT_OK;
}

/* What a line says, once it is in the chain. */
static int
take_object(struct replay *p, const json_t *line, const struct scan_chain *before)
{
	if (p->ended)
		return complain(p, GP_EXIT_BAD, "there is more behind its end");
	if (!p->begun)
		return take_first_line(p, line);
	if (json_object_get(line, "seal"))
		return take_seal(p, line, before);
	p->unsealed = true;
	return p->verified ? take_host_line(p, line) : GP_EXIT_OK;
}

static int
take_line(struct replay *p, struct gp_slice octets_of_line)
{
	const struct scan_chain before = p->chain;
	json_error_t error;
	p->line++;
	gp_arena_reset(&p->arena);
	json_t *line = json_loadb(octets_of_line.ptr, octets_of_line.len,
				  JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &error);
	bool good = json_is_object(line) && scan_chain_add(&p->chain, octets_of_line);
	int code = good ? take_object(p, line, &before)
			: complain(p, GP_EXIT_USAGE, "it is no line of a log");
	json_decref(line);
	return code == GP_EXIT_OK && p->arena.failed ? GP_EXIT_ERROR : code;
}

static int
take_lines(struct replay *p, FILE *file)
{
	char *line = NULL;
	size_t size = 0;
	ssize_t len;
	int code = GP_EXIT_OK;
	p->chain = (struct scan_chain){};
	p->line = 0;
	p->begun = p->ended = p->unsealed = false;
	rewind(file);
	while (code == GP_EXIT_OK && (len = getline(&line, &size, file)) > 0)
		code = len <= SCAN_LOG_LINE_MAX
			       ? take_line(p, gp_slice(line, (size_t)len))
			       : complain(p, GP_EXIT_USAGE, "a line that is too long");
	free(line);
	if (code == GP_EXIT_OK && !p->begun)
		code = complain(p, GP_EXIT_USAGE, "it is empty");
	return code;
}

/* Twice: nothing is told before all of it has its seals. */
static int
replay(struct replay *p, FILE *file)
{
	int code = take_lines(p, file);
	if (code != GP_EXIT_OK)
		return code;
	if (p->unsealed || !p->ended)
		return complain(p, GP_EXIT_BAD, "it is cut off: its last seal does not end it");
	p->verified = true;
	return take_lines(p, file);
}

static int
read_key(struct replay *p)
{
	EVP_PKEY *key = NULL;
	if (!p->o->key)
		return GP_EXIT_OK;
	int r = scan_seal_key(p->o->key, &key);
	bool good = r == 0 && scan_seal_public(key, p->key);
	EVP_PKEY_free(key);
	return good ? GP_EXIT_OK : GP_EXIT_USAGE;
}

static void
free_hosts(struct replay *p)
{
	const struct gp_map_entry *e;
	size_t at = 0;
	while ((e = gp_map_next(&p->hosts, &at)))
		free_host(e->value);
	gp_map_free(&p->hosts);
}

int
scan_replay(const struct scan_replay_options *options)
{
	static const uint64_t seed[2] = {1, 2}; /* whoever wrote the log could not choose numbers */
	struct replay p = {
		.o = options,
		.hosts = gp_map(HOSTS_MAX, seed),
		.arena = GP_ARENA_INIT(LINE_ARENA_MAX),
	};
	FILE *file = fopen(options->path, "re");
	if (!file)
		fprintf(stderr, "gatepost scan: --replay: %s: %s\n", options->path,
			strerror(errno));
	int code = file ? read_key(&p) : GP_EXIT_USAGE;
	/* OpenSSL reads files of its own when it is first used: before it can no more. */
	if (code == GP_EXIT_OK && !scan_chain_add(&p.chain, gp_slice("", 0)))
		code = GP_EXIT_ERROR;
	if (code == GP_EXIT_OK && options->confine(options->context) < 0)
		code = GP_EXIT_USAGE;
	if (code == GP_EXIT_OK)
		code = replay(&p, file);
	if (file)
		fclose(file);
	free_hosts(&p);
	gp_arena_free(&p.arena);
	return code;
}
