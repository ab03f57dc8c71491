/* SPDX-License-Identifier: Apache-2.0 */
#include "core/dane/dane.h"

#include <errno.h>

#include "core/dane/der.h"

enum {
	SHA256_LEN = 32,
	SHA512_LEN = 64,
	BASES_MAX = 2,
};

static bool
is_full_data(uint8_t selector, struct gp_slice data)
{
	return selector == GP_DANE_CERT ? gp_der_is_certificate(data) : gp_der_is_key(data);
}

bool
gp_dane_record_usable(const struct gp_dns_record *r)
{
	if (r->usage != GP_DANE_TA && r->usage != GP_DANE_EE)
		return false;
	if (r->selector != GP_DANE_CERT && r->selector != GP_DANE_SPKI)
		return false;
	switch (r->matching) {
	case GP_DANE_FULL:
		return is_full_data(r->selector, r->data);
	case GP_DANE_SHA256:
		return r->data.len == SHA256_LEN;
	case GP_DANE_SHA512:
		return r->data.len == SHA512_LEN;
	default:
		return false;
	}
}

/* True when a digest that is stronger than this record's is there for the same thing. */
static bool
is_outdone(const struct gp_dns_record *r, const struct gp_dns_record *records, size_t len)
{
	for (size_t i = 0; i < len && r->matching == GP_DANE_SHA256; i++) {
		const struct gp_dns_record *other = &records[i];
		if (other->matching == GP_DANE_SHA512 && other->usage == r->usage &&
		    other->selector == r->selector && gp_dane_record_usable(other))
			return true;
	}
	return false;
}

size_t
gp_dane_select(const struct gp_dns_record *records, size_t len, struct gp_dns_record *ret)
{
	size_t taken = 0;
	for (size_t i = 0; i < len && taken < GP_DANE_RECORDS_MAX; i++) {
		if (gp_dane_record_usable(&records[i]) && !is_outdone(&records[i], records, len))
			ret[taken++] = records[i];
	}
	return taken;
}

static void
ask(struct gp_dane_result *r, struct gp_slice name, uint16_t type)
{
	gp_assert(r->need_len < GP_DANE_NEED_MAX);
	r->need[r->need_len++] = (struct gp_dns_question){name, type};
}

/* Where a name that is an alias of no validated chain stands: is its own alias at least secure? */
static int
find_insecure_base(const struct gp_dane_host *host, const struct gp_answers *answers,
		   struct gp_dane_result *ret, struct gp_slice bases[BASES_MAX])
{
	struct gp_dns_answer alias;
	if (gp_slice_eq_nocase(host->canonical, host->name))
		return 0;
	if (!gp_answers_find(answers, host->name, GP_DNS_CNAME, &alias)) {
		ask(ret, host->name, GP_DNS_CNAME);
		return 0;
	}
	if (gp_dns_status_temporary(alias.status)) {
		ret->base = host->name;
		return -1;
	}
	bases[0] = host->name;
	return alias.secure && alias.status == GP_DNS_OK ? 1 : 0;
}

/* How many base domains there are to look at, in order. -1: trouble. */
static int
find_bases(const struct gp_dane_host *host, const struct gp_answers *answers,
	   struct gp_dane_result *ret, struct gp_slice bases[BASES_MAX])
{
	if (host->canonical.len == 0)
		return 0;
	if (!host->secure)
		return find_insecure_base(host, answers, ret, bases);
	bases[0] = host->canonical;
	bases[1] = host->name;
	return gp_slice_eq_nocase(host->canonical, host->name) ? 1 : 2;
}

/* Judges a known answer about one base. GP_DANE_ABSENT: go on with the next. */
static int
judge(const struct gp_dns_answer *answer, struct gp_arena *arena, struct gp_dane_result *ret)
{
	if (gp_dns_status_temporary(answer->status))
		return GP_DANE_TROUBLE;
	if (answer->status != GP_DNS_OK || !answer->secure)
		return GP_DANE_ABSENT;
	struct gp_dns_record *records =
		gp_arena_array(arena, GP_DANE_RECORDS_MAX, sizeof(*records));
	if (!records)
		return -ENOMEM;
	ret->rrset = answer->records;
	ret->rrset_len = answer->records_len;
	ret->records = records;
	ret->records_len = gp_dane_select(answer->records, answer->records_len, records);
	return ret->records_len > 0 ? GP_DANE_USABLE : GP_DANE_UNUSABLE;
}

/* Asks about all bases at once; what the second one says counts only without the first. */
static int
judge_bases(const struct gp_dane_host *host, const struct gp_slice *bases, int len,
	    const struct gp_answers *answers, struct gp_arena *arena, struct gp_dane_result *ret)
{
	struct gp_dns_answer found[BASES_MAX];
	for (int i = 0; i < len; i++) {
		struct gp_slice name =
			gp_arena_printf(arena, "_%u._tcp.%.*s", host->port, GP_SLICE_FMT(bases[i]));
		if (!name.ptr)
			return -ENOMEM;
		if (!gp_answers_find(answers, name, GP_DNS_TLSA, &found[i]))
			ask(ret, name, GP_DNS_TLSA);
	}
	if (ret->need_len > 0)
		return GP_DANE_NEED;
	for (int i = 0; i < len; i++) {
		ret->base = bases[i];
		int rc = judge(&found[i], arena, ret);
		if (rc != GP_DANE_ABSENT)
			return rc;
	}
	ret->base = GP_SLICE("");
	return GP_DANE_ABSENT;
}

int
gp_dane_eval(const struct gp_dane_host *host, const struct gp_answers *answers,
	     struct gp_arena *arena, struct gp_dane_result *ret)
{
	struct gp_slice bases[BASES_MAX];
	*ret = (struct gp_dane_result){0};
	int len = find_bases(host, answers, ret, bases);
	if (len < 0)
		return GP_DANE_TROUBLE;
	if (ret->need_len > 0)
		return GP_DANE_NEED;
	return judge_bases(host, bases, len, answers, arena, ret);
}

static size_t
add_name(struct gp_slice *names, size_t len, struct gp_slice name)
{
	for (size_t i = 0; i < len; i++) {
		if (gp_slice_eq_nocase(names[i], name))
			return len;
	}
	gp_assert(len < GP_DANE_NAMES_MAX);
	names[len] = name;
	return len + 1;
}

size_t
gp_dane_names(const struct gp_dane_host *host, struct gp_slice base,
	      const struct gp_dane_next_hop *hop, struct gp_slice ret[GP_DANE_NAMES_MAX])
{
	size_t len = add_name(ret, 0, base);
	if (!hop->mx)
		return add_name(ret, len, host->name);
	if (hop->secure) {
		len = add_name(ret, len, hop->domain);
		len = add_name(ret, len, hop->canonical);
	}
	return len;
}
