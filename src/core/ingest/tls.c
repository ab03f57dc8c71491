/* SPDX-License-Identifier: Apache-2.0 */
#include "core/ingest/tls.h"

#include <errno.h>
#include <jansson.h>
#include <stdarg.h>

#include "core/ingest/recode.h"
#include "core/ingest/text.h"

enum {
	FLAW_MAX = 512, /* octets */
	NO_TIME = -1,
	HEAD_ARENA_MAX = 64 << 10,
	POLICY_ARENA_MAX = 256 << 10, /* all that a policy may hold, or a failure, twice over */
};

struct reader {
	const struct gp_ingest_listener *listener;
	struct gp_arena head_arena;
	struct gp_arena arena; /* of a policy, or a failure */
	struct gp_ingest_head head;
	uint64_t record; /* the policy that is read, or 0 */
	bool lost;       /* it, or the report */
	int error;
};

/* --- telling --- */

static void
fail(struct reader *r, int error)
{
	if (r->error == 0)
		r->error = error;
}

GP_PRINTF(3, 4)
static void
tell(struct reader *r, bool lost, const char *fmt, ...)
{
	char why[FLAW_MAX];
	va_list args;
	va_start(args, fmt);
	vsnprintf(why, sizeof(why), fmt, args);
	va_end(args);
	if (r->error == 0)
		fail(r, r->listener->flaw(r->listener->context, r->record, lost, why));
	r->lost |= lost;
}

/* --- what values there are --- */

/* What the tree of values will take: jansson's structures with what malloc adds, and room for a
 * table that has just grown. */
static size_t
cost_of(char c)
{
	switch (c) {
	case '{':
		return 256;
	case '[':
		return 144;
	case ':': /* a member's name */
		return 128;
	case ',': /* a value, an empty string at most */
		return 96;
	default:
		return 0;
	}
}

/* The end of the string that begins at `at`. */
static size_t
string_end(struct gp_slice json, size_t at)
{
	for (at++; at < json.len && json.ptr[at] != '"'; at++) {
		if (json.ptr[at] == '\\')
			at++;
	}
	return at;
}

/* NULL, or why it is too much to be read. */
static const char *
find_excess(struct gp_slice json)
{
	size_t depth = 0, cost = json.len;
	for (size_t i = 0; i < json.len; i++) {
		char c = json.ptr[i];
		if (c == '"')
			i = string_end(json, i);
		cost += cost_of(c);
		depth += c == '{' || c == '[';
		depth -= (c == '}' || c == ']') && depth > 0;
		if (depth > GP_INGEST_TLS_DEPTH_MAX)
			return "its values stand too deep in each other";
		if (cost > GP_INGEST_TLS_TREE_MAX)
			return "it has too many values";
	}
	return NULL;
}

/* The text of a string, cleaned; empty when there is none. */
static struct gp_slice
text_of(struct reader *r, const json_t *value, struct gp_arena *arena)
{
	struct gp_slice raw = gp_slice(json_string_value(value), json_string_length(value));
	if (raw.len == 0)
		return GP_SLICE("");
	struct gp_slice text = gp_ingest_text(raw, GP_INGEST_TEXT_MAX, arena);
	if (!text.ptr)
		fail(r, -ENOMEM);
	return text;
}

/* null is as good as nothing. */
static struct gp_slice
text(struct reader *r, const json_t *object, const char *name, struct gp_arena *arena)
{
	const json_t *value = json_object_get(object, name);
	if (value && !json_is_string(value) && !json_is_null(value))
		tell(r, false, "its %s is no string", name);
	return text_of(r, value, arena);
}

static bool
count(const json_t *object, const char *name, uint64_t *ret)
{
	const json_t *value = json_object_get(object, name);
	if (json_is_string(value))
		return gp_ingest_count(
			gp_slice(json_string_value(value), json_string_length(value)), ret);
	double n = json_number_value(value);
	if (!json_is_number(value) || !(n >= 0 && n <= (double)GP_INGEST_COUNT_MAX))
		return false;
	*ret = (uint64_t)n;
	return (double)*ret == n;
}

static size_t
list(struct reader *r, const json_t *object, const char *name, struct gp_slice *ret)
{
	const json_t *value = json_object_get(object, name);
	if (json_is_string(value)) {
		ret[0] = text_of(r, value, &r->arena);
		return 1;
	}
	size_t len = 0, all = json_array_size(value);
	for (size_t i = 0; i < all && len < GP_INGEST_PATTERNS_MAX; i++) {
		if (json_is_string(json_array_get(value, i)))
			ret[len++] = text_of(r, json_array_get(value, i), &r->arena);
	}
	if (len < all)
		tell(r, false, "its %s has more than is kept: only its first %zu lines are", name,
		     len);
	return len;
}

/* --- the head: RFC 8460 section 4.4 --- */

static void
read_time(struct reader *r, const json_t *range, const char *name, int64_t *ret_s)
{
	struct gp_slice s = text(r, range, name, &r->head_arena);
	enum gp_ingest_time_result result = gp_ingest_stamp(s, ret_s);
	if (result == GP_INGEST_TIME_ODD)
		tell(r, false, "its %s has no zone that is known: it is read as UTC", name);
	else if (result == GP_INGEST_TIME_BAD)
		tell(r, true, "its %s cannot be read: \"%.*s\"", name,
		     GP_SLICE_FMT(gp_ingest_cut(s, 64)));
}

/* That of the first policy that says one. */
static struct gp_slice
find_domain(struct reader *r, const json_t *policies)
{
	struct gp_slice domain = GP_SLICE("");
	for (size_t i = 0; i < json_array_size(policies) && domain.len == 0; i++) {
		const json_t *policy = json_object_get(json_array_get(policies, i), "policy");
		const json_t *value = json_object_get(policy, "policy-domain");
		if (!gp_ingest_name(text_of(r, value, &r->head_arena), &r->head_arena, &domain))
			domain = GP_SLICE("");
		if (r->head_arena.used > HEAD_ARENA_MAX / 2)
			break;
	}
	return domain;
}

/* False: the report is lost. */
static bool
read_head(struct reader *r, const json_t *root)
{
	struct gp_arena *arena = &r->head_arena;
	const json_t *range = json_object_get(root, "date-range");
	r->head = (struct gp_ingest_head){
		.kind = GP_INGEST_TLS,
		.org = text(r, root, "organization-name", arena),
		.email = text(r, root, "contact-info", arena),
		.id = text(r, root, "report-id", arena),
		.pct = -1,
	};
	if (r->head.org.len == 0)
		tell(r, false, "it has no organization-name");
	if (r->head.id.len == 0)
		tell(r, false, "it has no report-id");
	read_time(r, range, "start-datetime", &r->head.begin);
	if (!r->lost)
		read_time(r, range, "end-datetime", &r->head.end);
	if (r->lost)
		return false;
	const char *why = gp_ingest_mend_range(&r->head);
	if (why)
		tell(r, false, "%s", why);
	const json_t *policies = json_object_get(root, "policies");
	r->head.domain = find_domain(r, policies);
	if (json_array_size(policies) == 0)
		tell(r, false, "it has no policies");
	else if (r->head.domain.len == 0)
		tell(r, false, "it does not say what domain it is about");
	if (r->error == 0)
		fail(r, r->listener->head(r->listener->context, &r->head));
	return true;
}

/* --- policies --- */

/* Sessions of the failures that say how many; *ret_bad: how many do not. */
static uint64_t
sum_failures(const json_t *details, size_t *ret_bad)
{
	uint64_t sum = 0, n;
	*ret_bad = 0;
	for (size_t i = 0; i < json_array_size(details); i++) {
		if (count(json_array_get(details, i), "failed-session-count", &n))
			sum += n;
		else
			++*ret_bad;
	}
	return GP_MIN(sum, GP_INGEST_COUNT_MAX);
}

static void
read_summary(struct reader *r, const json_t *summary, uint64_t failures,
	     struct gp_ingest_tls_policy *ret)
{
	static const char good[] = "total-successful-session-count";
	static const char bad[] = "total-failure-session-count";
	if (!summary) {
		tell(r, false, "it has no summary: its failures are added up");
		ret->failed = failures;
	} else if (!count(summary, good, &ret->successful)) {
		tell(r, true, "its %s cannot be read", good);
	} else if (!count(summary, bad, &ret->failed)) {
		tell(r, true, "its %s cannot be read", bad);
	}
}

static void
read_policy(struct reader *r, const json_t *policy, struct gp_ingest_tls_policy *ret)
{
	struct gp_slice domain = text(r, policy, "policy-domain", &r->arena);
	ret->type = text(r, policy, "policy-type", &r->arena);
	ret->lines_len = list(r, policy, "policy-string", ret->lines);
	ret->mx_len = list(r, policy, "mx-host", ret->mx);
	if (ret->type.len == 0)
		tell(r, false, "it has no policy-type");
	if (!gp_ingest_name(domain, &r->arena, &ret->domain))
		tell(r, false, "its policy-domain cannot be read");
	else if (ret->domain.len == 0)
		tell(r, false, "it has no policy-domain");
	if (ret->domain.len == 0)
		ret->domain = r->head.domain;
}

static void
read_failure(struct reader *r, const json_t *detail)
{
	struct gp_ingest_tls_failure f = {};
	if (r->error != 0 || !count(detail, "failed-session-count", &f.sessions))
		return;
	gp_arena_reset(&r->arena);
	f.result = text(r, detail, "result-type", &r->arena);
	f.sending_ip = text(r, detail, "sending-mta-ip", &r->arena);
	f.receiving_mx = text(r, detail, "receiving-mx-hostname", &r->arena);
	f.receiving_ip = text(r, detail, "receiving-ip", &r->arena);
	f.receiving_helo = text(r, detail, "receiving-mx-helo", &r->arena);
	f.reason_code = text(r, detail, "failure-reason-code", &r->arena);
	f.info = text(r, detail, "additional-information", &r->arena);
	if (r->error == 0)
		fail(r, r->listener->tls_failure(r->listener->context, &f));
}

static void
read_record(struct reader *r, const json_t *record)
{
	const json_t *details = json_object_get(record, "failure-details");
	struct gp_ingest_tls_policy policy = {.number = ++r->record};
	size_t bad;
	uint64_t failures = sum_failures(details, &bad);
	gp_arena_reset(&r->arena);
	r->lost = false;
	read_summary(r, json_object_get(record, "summary"), failures, &policy);
	if (r->lost)
		return;
	read_policy(r, json_object_get(record, "policy"), &policy);
	if (bad > 0)
		tell(r, false, "%zu of its failures are left out, as their counts cannot be read",
		     bad);
	if (r->error == 0)
		fail(r, r->listener->tls_policy(r->listener->context, &policy));
	for (size_t i = 0; i < json_array_size(details); i++)
		read_failure(r, json_array_get(details, i));
}

/* --- the whole --- */

static void
read_root(struct reader *r, const json_t *root)
{
	const json_t *policies = json_object_get(root, "policies");
	if (!json_is_object(root)) {
		tell(r, true, "its JSON is no object");
		return;
	}
	if (!read_head(r, root))
		return;
	for (size_t i = 0; i < json_array_size(policies) && r->error == 0; i++)
		read_record(r, json_array_get(policies, i));
}

static void
read_json(struct reader *r, struct gp_slice json, uint64_t seed)
{
	json_error_t error;
	const char *why = find_excess(json);
	if (why) {
		tell(r, true, "%s", why);
		return;
	}
	/* jansson's own hash would read its seed from a file. */
	json_object_seed((size_t)seed | 1);
	json_t *root = json_loadb(json.ptr ? json.ptr : "", json.len,
				  JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &error);
	if (root)
		read_root(r, root);
	else if (json_error_code(&error) == json_error_out_of_memory)
		fail(r, -ENOMEM);
	else
		tell(r, true, "it is no JSON: %.*s",
		     GP_SLICE_FMT(gp_ingest_text(gp_slice_str(error.text), 200, &r->head_arena)));
	json_decref(root);
}

int
gp_ingest_tls_read(struct gp_slice json, uint64_t seed, const struct gp_ingest_listener *listener)
{
	struct reader r = {.listener = listener,
			   .head_arena = GP_ARENA_INIT(HEAD_ARENA_MAX),
			   .arena = GP_ARENA_INIT(POLICY_ARENA_MAX)};
	struct gp_recode octets = {};
	struct gp_buf mended = GP_BUF_INIT(GP_RECODE_GROWTH * (GP_INGEST_TLS_JSON_MAX + 4));
	if (json.len > GP_INGEST_TLS_JSON_MAX) {
		tell(&r, true, "it is over %d MiB long", GP_INGEST_TLS_JSON_MAX >> 20);
	} else if (!gp_slice_has_8bit(json)) {
		read_json(&r, json, seed);
	} else if (!gp_recode_feed(&octets, json, &mended) || !gp_recode_end(&octets, &mended)) {
		fail(&r, -ENOMEM);
	} else {
		if (octets.mended)
			tell(&r, false, "octets that are no UTF-8 are read as windows-1252");
		read_json(&r, gp_buf_slice(&mended), seed);
	}
	gp_buf_free(&mended);
	gp_arena_free(&r.head_arena);
	gp_arena_free(&r.arena);
	return r.error;
}
