/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/reports/tls_judge.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#include "cli/reports/words.h"
#include "core/dane/dane.h"
#include "core/dane/server_name.h"
#include "core/mtasts/policy.h"

enum {
	QUESTIONS_OF_HOST = 3,
	ADDRESS_TEXT_MAX = 64,
	TLS_WORDS_MAX = 512,
	DAY_S = 24 * 3600,
};

const char *
tls_now_name(uint8_t now)
{
	static const char *const names[] = {[TLS_NOW_UNKNOWN] = "unknown",
					    [TLS_NOW_STILL] = "still",
					    [TLS_NOW_MENDED] = "mended",
					    [TLS_NOW_GONE] = "gone"};
	gp_assert(now < GP_ARRAY_LEN(names));
	return names[now];
}

/* --- questions --- */

static struct gp_slice
tlsa_name(struct gp_slice host, struct gp_arena *arena)
{
	return gp_arena_printf(arena, "_25._tcp.%.*s", GP_SLICE_FMT(host));
}

static void
ask(const struct gp_answers *answers, struct gp_slice name, uint16_t type,
    struct gp_dns_question *list, size_t *len)
{
	struct gp_dns_answer answer;
	if (!gp_answers_find(answers, name, type, &answer))
		list[(*len)++] = (struct gp_dns_question){name, type};
}

int
tls_questions(struct gp_slice domain, const struct gp_answers *answers, struct gp_arena *arena,
	      struct gp_dns_question **ret, size_t *ret_len)
{
	struct gp_dns_question *list =
		gp_arena_array(arena, 1 + TLS_HOSTS_MAX * QUESTIONS_OF_HOST, sizeof(*list));
	struct gp_dns_answer mx;
	*ret = list;
	*ret_len = 0;
	if (!list)
		return -ENOMEM;
	ask(answers, domain, GP_DNS_MX, list, ret_len);
	if (*ret_len > 0 || !gp_answers_find(answers, domain, GP_DNS_MX, &mx))
		return 0;
	for (size_t i = 0; i < GP_MIN(mx.records_len, (size_t)TLS_HOSTS_MAX); i++) {
		struct gp_slice host = mx.records[i].name;
		ask(answers, host, GP_DNS_A, list, ret_len);
		ask(answers, host, GP_DNS_AAAA, list, ret_len);
		ask(answers, tlsa_name(host, arena), GP_DNS_TLSA, list, ret_len);
	}
	return arena->failed ? -ENOMEM : 0;
}

/* --- words --- */

struct judging {
	const struct tls_seen *seen;
	struct gp_slice mx;
	struct gp_arena *arena;
};

GP_PRINTF(3, 4)
static struct tls_verdict
say(struct gp_arena *arena, uint8_t now, const char *fmt, ...)
{
	char text[TLS_WORDS_MAX];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	return (struct tls_verdict){now, gp_arena_dup(arena, gp_slice_str(text))};
}

struct address_text {
	char s[ADDRESS_TEXT_MAX];
};

static struct address_text
show(const struct gp_posture_host *h)
{
	struct address_text text;
	if (!inet_ntop(h->address_len == 4 ? AF_INET : AF_INET6, h->address, text.s,
		       sizeof(text.s)))
		text.s[0] = '\0';
	return text;
}

/* Of several addresses or certificates: one that fails is enough, and one that nobody saw is
   enough not to be sure. */
static struct tls_verdict
both(struct tls_verdict a, struct tls_verdict b)
{
	static const uint8_t weight[] = {[TLS_NOW_MENDED] = 0,
					 [TLS_NOW_GONE] = 1,
					 [TLS_NOW_UNKNOWN] = 2,
					 [TLS_NOW_STILL] = 3};
	return weight[b.now] > weight[a.now] ? b : a;
}

/* --- what a server shows --- */

/* Whether it speaks TLS at all: for those that look further. */
static struct tls_verdict
judge_starttls(const struct judging *j, const struct gp_posture_host *h)
{
	struct address_text at = show(h);
	if (h->reach == GP_POSTURE_CLOSED)
		return say(j->arena, TLS_NOW_UNKNOWN, "%s refuses connections", at.s);
	if (h->reach != GP_POSTURE_MET)
		return say(j->arena, TLS_NOW_UNKNOWN, "%s: %s", at.s, h->why);
	switch (h->tls) {
	case GP_POSTURE_TLS_SPOKEN:
		return say(j->arena, TLS_NOW_MENDED, "%s speaks TLS", at.s);
	case GP_POSTURE_TLS_NONE:
		return say(j->arena, TLS_NOW_STILL, "%s does not offer STARTTLS", at.s);
	case GP_POSTURE_TLS_BROKEN:
		return say(j->arena, TLS_NOW_STILL,
			   "%s offers STARTTLS, and no TLS comes of it: %s", at.s, h->tls_why);
	default:
		return say(j->arena, TLS_NOW_UNKNOWN, "%s: %s", at.s, h->tls_why);
	}
}

static struct tls_verdict
judge_dates(const struct judging *j, const struct gp_posture_host *h,
	    const struct gp_posture_chain *c)
{
	struct address_text at = show(h);
	int64_t now = j->seen->now_s;
	if (c->until_s == 0)
		return say(j->arena, TLS_NOW_UNKNOWN, "the certificate of %s says no end", at.s);
	if (now > c->until_s)
		return say(j->arena, TLS_NOW_STILL, "the certificate of %s ended on %s", at.s,
			   reports_day_text(c->until_s / DAY_S).s);
	if (now < c->from_s)
		return say(j->arena, TLS_NOW_STILL, "the certificate of %s begins on %s", at.s,
			   reports_day_text(c->from_s / DAY_S).s);
	return say(j->arena, TLS_NOW_MENDED, "the certificate of %s is valid until %s", at.s,
		   reports_day_text(c->until_s / DAY_S).s);
}

static struct tls_verdict
judge_names(const struct judging *j, const struct gp_posture_host *h,
	    const struct gp_posture_chain *c)
{
	bool named = gp_server_name_in(j->mx, c->names);
	return say(j->arena, named ? TLS_NOW_MENDED : TLS_NOW_STILL,
		   named ? "the certificate of %s is of %.*s"
			 : "the certificate of %s is not of %.*s",
		   show(h).s, GP_SLICE_FMT(j->mx));
}

static struct tls_verdict
judge_trust(const struct judging *j, const struct gp_posture_host *h,
	    const struct gp_posture_chain *c)
{
	struct address_text at = show(h);
	switch (c->trust) {
	case GP_POSTURE_TRUSTED:
		return say(j->arena, TLS_NOW_MENDED, "the certificate of %s is of an authority",
			   at.s);
	case GP_POSTURE_TRUST_UNKNOWN:
		return say(j->arena, TLS_NOW_UNKNOWN, "nobody held %s against authorities", at.s);
	default:
		return say(j->arena, TLS_NOW_STILL, "the certificate of %s is not trusted: %s",
			   at.s, c->trust_why ? c->trust_why : "self-signed");
	}
}

static struct tls_verdict
judge_all_of_it(const struct judging *j, const struct gp_posture_host *h,
		const struct gp_posture_chain *c)
{
	struct tls_verdict v = both(judge_dates(j, h, c), judge_names(j, h, c));
	return both(v, judge_trust(j, h, c));
}

typedef struct tls_verdict
judge_chain(const struct judging *j, const struct gp_posture_host *h,
	    const struct gp_posture_chain *c);

/* Of a server that speaks TLS each certificate; one that was asked in another name may have another
   certificate for this one (RFC 6066 section 3). */
static struct tls_verdict
judge_chains(const struct judging *j, const struct gp_posture_host *h, judge_chain *judge)
{
	struct tls_verdict v = judge_starttls(j, h);
	if (v.now != TLS_NOW_MENDED)
		return v;
	if (!gp_slice_eq_nocase(h->asked, j->mx))
		return say(j->arena, TLS_NOW_UNKNOWN, "%s was asked in another name", show(h).s);
	if (h->chains_len == 0)
		return say(j->arena, TLS_NOW_UNKNOWN, "%s showed no certificate", show(h).s);
	v = judge(j, h, &h->chains[0]);
	for (size_t i = 1; i < h->chains_len; i++)
		v = both(v, judge(j, h, &h->chains[i]));
	return v;
}

/* --- its addresses --- */

/* As it was seen by that name, or else by another; NULL: nobody looked. */
static const struct gp_posture_host *
find_host(const struct judging *j, const uint8_t *address, uint8_t len)
{
	const struct gp_posture_hosts *all = &j->seen->hosts;
	const struct gp_posture_host *found = NULL;
	for (size_t i = 0; i < all->len; i++) {
		const struct gp_posture_host *h = &all->list[i];
		if (h->address_len != len || memcmp(h->address, address, len) != 0)
			continue;
		if (!found || gp_slice_eq_nocase(h->asked, j->mx))
			found = h;
	}
	return found;
}

/* judge: NULL: STARTTLS is all that matters. */
static struct tls_verdict
judge_addresses(const struct judging *j, judge_chain *judge)
{
	static const uint16_t types[] = {GP_DNS_A, GP_DNS_AAAA};
	struct tls_verdict all = {.now = TLS_NOW_MENDED};
	for (size_t t = 0; t < GP_ARRAY_LEN(types); t++) {
		struct gp_dns_answer answer;
		uint8_t len = types[t] == GP_DNS_A ? 4 : 16;
		if (!gp_answers_find(j->seen->answers, j->mx, types[t], &answer))
			continue;
		for (size_t i = 0; i < answer.records_len; i++) {
			const struct gp_posture_host *h =
				find_host(j, answer.records[i].address, len);
			struct tls_verdict v =
				!h      ? say(j->arena, TLS_NOW_UNKNOWN, "nobody looked at it")
				: judge ? judge_chains(j, h, judge)
					: judge_starttls(j, h);
			all = all.words.len == 0 ? v : both(all, v);
		}
	}
	return all.words.len > 0 ? all : say(j->arena, TLS_NOW_UNKNOWN, "no address is known");
}

/* --- DANE --- */

static struct tls_verdict
judge_key(const struct judging *j, const struct gp_posture_host *h,
	  const struct gp_posture_chain *c)
{
	struct gp_dns_record usable[GP_DANE_RECORDS_MAX];
	struct gp_dns_answer tlsa;
	struct gp_slice name = tlsa_name(j->mx, j->arena);
	bool known = gp_answers_find(j->seen->answers, name, GP_DNS_TLSA, &tlsa);
	size_t len = known ? gp_dane_select(tlsa.records, tlsa.records_len, usable) : 0;
	for (size_t i = 0; i < len; i++) {
		if (gp_dane_matches(&usable[i], c->links, c->links_len))
			return say(j->arena, TLS_NOW_MENDED, "a TLSA record matches %s", show(h).s);
	}
	return say(j->arena, TLS_NOW_STILL, "none of %zu TLSA records matches %s", len, show(h).s);
}

/* required: without records it is still wrong. */
static struct tls_verdict
judge_dane(const struct judging *j, bool required)
{
	struct gp_dns_answer tlsa;
	struct gp_slice name = tlsa_name(j->mx, j->arena);
	if (!gp_answers_find(j->seen->answers, name, GP_DNS_TLSA, &tlsa))
		return say(j->arena, TLS_NOW_UNKNOWN, "nobody asked for its TLSA records");
	if (!j->seen->validated)
		return say(j->arena, TLS_NOW_UNKNOWN, "the resolver does not validate DNSSEC");
	if (gp_dns_status_temporary(tlsa.status))
		return say(j->arena, TLS_NOW_STILL, "the DNS fails for its TLSA records");
	if (tlsa.records_len == 0 || !tlsa.secure)
		return say(j->arena, required ? TLS_NOW_STILL : TLS_NOW_MENDED,
			   "it has no TLSA record that DNSSEC proves");
	return judge_addresses(j, judge_key);
}

static struct tls_verdict
judge_dnssec(const struct judging *j)
{
	struct gp_dns_answer tlsa;
	struct gp_slice name = tlsa_name(j->mx, j->arena);
	if (!j->seen->validated || !gp_answers_find(j->seen->answers, name, GP_DNS_TLSA, &tlsa))
		return say(j->arena, TLS_NOW_UNKNOWN, "the resolver does not validate DNSSEC");
	bool fails = gp_dns_status_temporary(tlsa.status);
	return say(j->arena, fails ? TLS_NOW_STILL : TLS_NOW_MENDED,
		   fails ? "the DNS fails for its TLSA records" : "the DNS answers");
}

/* --- MTA-STS --- */

/* valid: it is to be one that can be read, too. */
static struct tls_verdict
judge_policy(const struct judging *j, bool valid)
{
	const struct gp_posture_file *p = j->seen->policy;
	struct gp_mtasts_policy policy;
	struct gp_slice why;
	if (!p || p->outcome == GP_POSTURE_FETCH_NOT)
		return say(j->arena, TLS_NOW_UNKNOWN, "no policy was asked for");
	if (p->outcome != GP_POSTURE_FETCHED)
		return say(j->arena, TLS_NOW_STILL, "the policy cannot be fetched: %.*s",
			   GP_SLICE_FMT(p->why));
	if (!valid)
		return say(j->arena, TLS_NOW_MENDED, "the policy can be fetched");
	if (gp_mtasts_policy_parse(p->text, j->arena, &policy, &why) != 0)
		return say(j->arena, TLS_NOW_STILL, "the policy cannot be read: %.*s",
			   GP_SLICE_FMT(why));
	if (j->mx.len > 0 && policy.mode != GP_MTASTS_NONE &&
	    !gp_mtasts_policy_names(&policy, j->mx))
		return say(j->arena, TLS_NOW_STILL, "the policy does not name %.*s",
			   GP_SLICE_FMT(j->mx));
	return say(j->arena, TLS_NOW_MENDED, "the policy can be read");
}

/* --- a failure --- */

static bool
is_of_the_domain(const struct judging *j)
{
	struct gp_dns_answer mx;
	bool known = gp_answers_find(j->seen->answers, j->seen->domain, GP_DNS_MX, &mx);
	for (size_t i = 0; known && i < mx.records_len; i++) {
		if (gp_slice_eq_nocase(mx.records[i].name, j->mx))
			return true;
	}
	return false;
}

static bool
mx_is_known(const struct judging *j)
{
	struct gp_dns_answer mx;
	return gp_answers_find(j->seen->answers, j->seen->domain, GP_DNS_MX, &mx) &&
	       !gp_dns_status_temporary(mx.status);
}

static struct tls_verdict
judge_server(const struct judging *j, struct gp_slice result)
{
	static const struct {
		const char *result;
		judge_chain *judge;
	} by_chain[] = {
		{"starttls-not-supported", NULL},
		{"certificate-expired", judge_dates},
		{"certificate-host-mismatch", judge_names},
		{"certificate-not-trusted", judge_trust},
		{"sts-webpki-invalid", judge_all_of_it},
		{"validation-failure", judge_all_of_it},
	};
	for (size_t i = 0; i < GP_ARRAY_LEN(by_chain); i++) {
		if (gp_slice_eq(result, gp_slice_str(by_chain[i].result)))
			return judge_addresses(j, by_chain[i].judge);
	}
	if (gp_slice_eq(result, GP_SLICE("tlsa-invalid")))
		return judge_dane(j, false);
	if (gp_slice_eq(result, GP_SLICE("dane-required")))
		return judge_dane(j, true);
	if (gp_slice_eq(result, GP_SLICE("dnssec-invalid")))
		return judge_dnssec(j);
	return say(j->arena, TLS_NOW_UNKNOWN, "a look does not tell");
}

struct tls_verdict
tls_judge(const struct tls_seen *seen, struct gp_slice result, struct gp_slice mx,
	  struct gp_arena *arena)
{
	struct judging j = {seen, mx, arena};
	if (mx.len > 0 && mx.ptr[mx.len - 1] == '.')
		j.mx = gp_slice_take(mx, mx.len - 1);
	if (gp_slice_eq(result, GP_SLICE("sts-policy-fetch-error")))
		return judge_policy(&j, false);
	if (gp_slice_eq(result, GP_SLICE("sts-policy-invalid")))
		return judge_policy(&j, true);
	if (!mx_is_known(&j))
		return say(arena, TLS_NOW_UNKNOWN, "the DNS does not tell its MX hosts");
	if (!is_of_the_domain(&j))
		return say(arena, TLS_NOW_GONE, "it is no MX host of the domain");
	return judge_server(&j, result);
}
