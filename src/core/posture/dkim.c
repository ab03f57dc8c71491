/* SPDX-License-Identifier: Apache-2.0 */
/* The DKIM keys at the selectors that are known or guessed: RFC 6376 section 3.6.1, RFC 8301. */
#include <string.h>

#include "core/dkim/key.h"
#include "core/posture/parts.h"
#include "core/taglist/taglist.h"

enum { BITS_GOOD = 2048 };

static const struct gp_finding_kind
	none = {"dkim.none.found", GP_SEVERITY_MEDIUM, "no DKIM key was found",
		"without signatures its mail has SPF alone, which ends with the first forwarder"},
	syntax = {"dkim.syntax", GP_SEVERITY_HIGH, "a DKIM key record is malformed",
		  "signatures by this selector never verify (RFC 6376 section 6.1.2)"},
	corrupt = {"dkim.key.corrupt", GP_SEVERITY_HIGH, "a DKIM key cannot be read",
		   "signatures by this selector never verify; often a long TXT record was cut"},
	key_short =
		{"dkim.key.short", GP_SEVERITY_HIGH, "a DKIM key is short",
		 "who factors it signs as this domain: days of work for 512 bits, a state's for "
		 "1024 (RFC 8301 section 3.2)"},
	revoked = {"dkim.revoked", GP_SEVERITY_INFO, "a DKIM key is revoked",
		   "as it should be after a rotation; nothing is signed by it any more"},
	testing = {"dkim.testing", GP_SEVERITY_MEDIUM, "a DKIM key says that it is a test",
		   "receivers may treat what is signed by it as if it were not (RFC 6376 section "
		   "3.6.1)"},
	sha1 = {"dkim.hash.sha1", GP_SEVERITY_HIGH, "a DKIM key is for SHA-1 alone",
		"such signatures count for nothing (RFC 8301 section 3.1)"},
	service = {"dkim.service", GP_SEVERITY_LOW, "a DKIM key is not for mail",
		   "receivers pass it over (RFC 6376 section 3.6.1)"},
	old = {"dkim.old", GP_SEVERITY_LOW, "a DKIM key has not changed for more than a year",
	       "who got hold of it, by a leak or a server that was given away, signs as this "
	       "domain for as long as it is there"},
	shared = {"dkim.shared", GP_SEVERITY_MEDIUM, "one DKIM key at several selectors",
		  "rotating one of them rotates nothing, and who has the key signs by all of them"},
	dangling = {"dkim.cname.dangling", GP_SEVERITY_HIGH,
		    "a DKIM selector leads to a name that is not there",
		    "whoever gets that name publishes a key, and signs as this domain"},
	wildcard = {"dkim.wildcard", GP_SEVERITY_INFO, "no wildcard revokes all DKIM selectors",
		    "a domain that sends no mail says so for any selector by one record"};

/* A selector at which something is. */
struct key {
	struct gp_slice selector;
	struct gp_dns_answer answer;
	struct gp_dkim_key key; /* `why` NULL */
	const char *why;        /* it cannot be used; static */
};

struct posture_keys {
	struct key *list;
	size_t len;
	struct posture_selectors asked;
	struct gp_dns_answer wildcard;
	struct gp_dns_answer trouble; /* status 0: there was none */
};

/* --- reading --- */

static bool
is_wildcards(const struct posture_keys *keys, const struct gp_dns_answer *answer)
{
	return answer->records_len > 0 && keys->wildcard.records_len > 0 &&
	       gp_slice_eq(answer->records[0].data, keys->wildcard.records[0].data);
}

/* Several records are as none (RFC 6376 section 3.6.2.2 leaves it open). */
static void
read_key(struct posture_run *run, struct key *k)
{
	k->why = "more than one record";
	if (k->answer.records_len != 1)
		return;
	if (gp_dkim_key_read(k->answer.records[0].data, run->arena, &k->key, &k->why) == 0)
		k->why = NULL;
}

static void
read_selector(struct posture_run *run, struct posture_keys *keys, struct gp_slice selector)
{
	struct gp_dns_answer answer;
	struct gp_slice name =
		gp_arena_printf(run->arena, "%.*s._domainkey.%.*s", GP_SLICE_FMT(selector),
				GP_SLICE_FMT(run->facts->domain));
	if (!name.ptr || !posture_ask(run, name, GP_DNS_TXT, &answer))
		return;
	if (gp_dns_status_temporary(answer.status))
		keys->trouble = answer;
	bool leads_on = !gp_slice_eq_nocase(answer.canonical, name);
	bool gone = answer.status == GP_DNS_NXDOMAIN && leads_on;
	if ((answer.records_len == 0 && !gone) || is_wildcards(keys, &answer))
		return;
	struct key *k = &keys->list[keys->len++];
	*k = (struct key){.selector = selector, .answer = answer};
	if (answer.records_len > 0)
		read_key(run, k);
}

static bool
is_revocation(struct posture_run *run, const struct gp_dns_answer *answer)
{
	struct gp_dkim_key key;
	const char *why;
	return answer->records_len == 1 &&
	       gp_dkim_key_read(answer->records[0].data, run->arena, &key, &why) == 0 &&
	       key.revoked;
}

static bool
is_live(const struct key *k)
{
	return k->answer.records_len > 0 && !k->why && !k->key.revoked;
}

static void
note_keys(struct posture_run *run, const struct posture_keys *keys)
{
	struct gp_posture_key *list = gp_arena_array(run->arena, keys->len, sizeof(*list));
	size_t len = 0;
	for (size_t i = 0; i < keys->len && list; i++) {
		const struct key *k = &keys->list[i];
		if (is_live(k))
			list[len++] = (struct gp_posture_key){
				k->selector, posture_fingerprint(run, k->key.octets)};
	}
	run->facts->dkim.list = list;
	run->facts->dkim.list_len = len;
}

void
posture_read_dkim(struct posture_run *run)
{
	struct posture_keys *keys = gp_arena_new(run->arena, struct posture_keys);
	if (!keys)
		return;
	posture_selectors(run, &keys->asked);
	size_t len = keys->asked.len;
	keys->list = gp_arena_array(run->arena, len, sizeof(*keys->list));
	struct gp_slice star = posture_name(run, "*._domainkey", run->facts->domain);
	bool known = keys->list && star.ptr && posture_ask(run, star, GP_DNS_TXT, &keys->wildcard);
	for (size_t i = 0; i < len && keys->list; i++)
		read_selector(run, keys, keys->asked.names[i]);
	run->facts->dkim.wildcard_revoked = known && is_revocation(run, &keys->wildcard);
	for (size_t i = 0; i < keys->len && keys->list; i++) {
		bool good = keys->list[i].answer.records_len > 0 && !keys->list[i].why;
		run->facts->dkim.keys += good;
		run->facts->dkim.revoked += good && keys->list[i].key.revoked;
	}
	if (keys->list)
		note_keys(run, keys);
	run->keys = known ? keys : NULL;
}

/* --- records to publish --- */

/* All tags but the named one, the version first; t keeps its "s". Empty: it is no key even so. */
static struct gp_slice
rewrite(struct posture_run *run, const struct key *k, const char *without)
{
	struct gp_slice rest = k->answer.records[0].data, text = GP_SLICE("v=DKIM1");
	struct gp_dkim_key again;
	struct gp_tag tag;
	const char *why;
	if (rest.len > GP_FINDING_EVIDENCE_MAX * 2)
		return GP_SLICE("");
	for (int rc; (rc = gp_taglist_next(&rest, &tag)) <= 0;) {
		bool dropped = rc == 0 && gp_slice_eq(tag.name, gp_slice_str(without));
		if (rc < 0 || gp_slice_eq_nocase(tag.name, GP_SLICE("v")))
			continue;
		if (!dropped)
			text = gp_arena_printf(run->arena, "%.*s; %.*s=%.*s", GP_SLICE_FMT(text),
					       GP_SLICE_FMT(tag.name), GP_SLICE_FMT(tag.value));
		else if (k->key.strict && *without == 't')
			text = gp_arena_printf(run->arena, "%.*s; t=s", GP_SLICE_FMT(text));
	}
	return gp_dkim_key_read(text, run->arena, &again, &why) == 0 ? text : GP_SLICE("");
}

static void
find(struct posture_run *run, const struct gp_finding_kind *kind, uint8_t severity,
     const struct key *k, const char *what, struct gp_slice record, const char *fix)
{
	const struct gp_dns_answer *a = &k->answer;
	struct gp_slice shown = posture_show_txt(run, a);
	if (a->records_len == 0)
		shown = gp_arena_printf(run->arena, "%.*s CNAME %.*s", GP_SLICE_FMT(a->name),
					GP_SLICE_FMT(a->canonical));
	struct gp_slice evidence = gp_arena_printf(run->arena, "%s%s%.*s", what, *what ? ": " : "",
						   GP_SLICE_FMT(shown));
	struct posture_mend m = {.evidence = evidence, .fix = gp_slice_str(fix)};
	if (record.len > 0)
		m = posture_publish(run, evidence, m.fix, k->answer.name, record);
	posture_add(run, kind, severity, &m);
}

/* --- judging --- */

static const struct gp_slice no_record = {"", 0};

static void
judge_unusable(struct posture_run *run, const struct key *k)
{
	bool is_octets = gp_slice_starts(gp_slice_str(k->why), GP_SLICE("p= is no RSA")) ||
			 gp_slice_starts(gp_slice_str(k->why), GP_SLICE("p= is no Ed")) ||
			 gp_slice_starts(gp_slice_str(k->why), GP_SLICE("its "));
	if (is_octets)
		find(run, &corrupt, corrupt.severity, k, k->why, no_record,
		     "publish the key again, whole, in strings of 255 octets at most");
	else
		find(run, &syntax, syntax.severity, k, k->why, rewrite(run, k, ""),
		     "correct it, or publish the key again");
}

static void
judge_key(struct posture_run *run, const struct key *k)
{
	const struct gp_dkim_key *key = &k->key;
	char bits[32];
	if (key->revoked) {
		find(run, &revoked, revoked.severity, k, "", no_record, "");
		return;
	}
	snprintf(bits, sizeof(bits), "%u bits", key->bits);
	if (key->algorithm == GP_DKIM_RSA_SHA256 && key->bits < BITS_GOOD)
		find(run, &key_short,
		     key->bits < GP_DKIM_RSA_BITS_MIN ? GP_SEVERITY_CRITICAL : key_short.severity,
		     k, bits, no_record,
		     "sign by a new selector with an RSA key of 2048 bits, and revoke this one");
	if (key->testing)
		find(run, &testing, testing.severity, k, "", rewrite(run, k, "t"), "take y out");
	if (!key->sha256)
		find(run, &sha1, sha1.severity, k, "", rewrite(run, k, "h"),
		     "let it be used with SHA-256");
	if (!key->email)
		find(run, &service, service.severity, k, "", rewrite(run, k, "s"), "take s out");
}

/* By what earlier looks saw: the same key, for too long. */
static void
judge_old(struct posture_run *run)
{
	const struct gp_posture_facts *f = run->facts;
	struct posture_list list = {};
	for (size_t i = 0; i < f->dkim.list_len; i++) {
		const struct gp_posture_key *k = &f->dkim.list[i];
		struct gp_slice name =
			gp_arena_printf(run->arena, "dkim.key.%.*s", GP_SLICE_FMT(k->selector));
		const struct gp_posture_past *past = posture_unchanged(run, name, k->fingerprint);
		if (past && posture_age_s(run, past->since_s) > GP_POSTURE_KEY_AGE_S)
			posture_list_add(run, &list, "%.*s: the same since %.*s",
					 GP_SLICE_FMT(k->selector),
					 GP_SLICE_FMT(posture_day(run, past->since_s)));
	}
	const struct posture_mend m = {
		.evidence = list.text,
		.fix = GP_SLICE("sign by a new selector with a key of its own, and revoke this one "
				"some days later, with an empty p")};
	if (list.len > 0)
		posture_add(run, &old, old.severity, &m);
}

/* Each group of selectors once, by its first. */
static void
judge_shared(struct posture_run *run, const struct posture_keys *keys)
{
	for (size_t i = 0; i < keys->len; i++) {
		struct posture_list same = {};
		const struct key *k = &keys->list[i];
		bool first = is_live(k);
		for (size_t j = 0; j < keys->len && first; j++) {
			const struct key *o = &keys->list[j];
			/* One alias to the other is one record, of one who rotates both. */
			bool equal =
				is_live(o) && gp_slice_eq(o->key.octets, k->key.octets) &&
				(j == i || !gp_slice_eq(o->answer.canonical, k->answer.canonical));
			first = !equal || j >= i;
			if (equal)
				posture_list_add(run, &same, "%.*s", GP_SLICE_FMT(o->selector));
		}
		const struct posture_mend m = {same.text, GP_SLICE("a key for each selector"), NULL,
					       0};
		if (first && same.len > 1)
			posture_add(run, &shared, shared.severity, &m);
	}
}

static void
judge_none(struct posture_run *run)
{
	const struct posture_selectors *asked = &run->keys->asked;
	const struct posture_mend m = {
		.evidence = gp_arena_printf(run->arena, "%zu selectors asked, %s", asked->len,
					    asked->known ? "known" : "guessed"),
		.fix = GP_SLICE("sign its mail; or name the selector, if it is signed")};
	if (run->keys->trouble.status != 0)
		posture_unknown(run, &none, &run->keys->trouble);
	else
		posture_add(run, &none, none.severity, &m);
}

/* For domains that send nothing: is there one record for all selectors? */
static void
judge_wildcard(struct posture_run *run)
{
	const struct gp_posture_facts *f = run->facts;
	const struct gp_dns_answer *answer = &run->keys->wildcard;
	if (f->class != GP_POSTURE_PARKED && f->class != GP_POSTURE_RECEIVING)
		return;
	if (gp_dns_status_temporary(answer->status)) {
		posture_unknown(run, &wildcard, answer);
	} else if (!f->dkim.wildcard_revoked) {
		struct posture_mend m = posture_publish(run, answer->name, GP_SLICE("publish one"),
							answer->name, GP_SLICE("v=DKIM1; p="));
		posture_add(run, &wildcard, wildcard.severity, &m);
	}
}

void
posture_judge_dkim(struct posture_run *run)
{
	const struct posture_keys *keys = run->keys;
	if (!keys)
		return;
	for (size_t i = 0; i < keys->len; i++) {
		const struct key *k = &keys->list[i];
		if (k->answer.records_len == 0)
			find(run, &dangling, dangling.severity, k, "", no_record,
			     "take the alias out");
		else if (k->why)
			judge_unusable(run, k);
		else
			judge_key(run, k);
	}
	judge_old(run);
	judge_shared(run, keys);
	judge_wildcard(run);
	bool sends = run->facts->class == GP_POSTURE_SENDING;
	if (sends && run->facts->dkim.keys == run->facts->dkim.revoked)
		judge_none(run);
}
