/* SPDX-License-Identifier: Apache-2.0 */
#include "core/dmarc/walk.h"

#include <errno.h>

#include "core/dns/idn.h"
#include "core/smtp/address.h"

enum { LABELS_NEXT_MAX = GP_DMARC_WALK_MAX - 1 }; /* of the second name asked */

static bool
is_asked(const struct gp_dmarc_asking *a, struct gp_slice name, uint16_t type)
{
	for (size_t i = 0; i < a->need_len; i++) {
		if (a->need[i].type == type && gp_slice_eq_nocase(a->need[i].name, name))
			return true;
	}
	return false;
}

bool
gp_dmarc_ask(struct gp_dmarc_asking *a, struct gp_slice name, uint16_t type,
	     struct gp_dns_answer *ret)
{
	if (gp_answers_find(a->answers, name, type, ret))
		return true;
	if (!is_asked(a, name, type)) {
		gp_assert(a->need_len < a->need_max);
		a->need[a->need_len++] = (struct gp_dns_question){name, type};
	}
	return false;
}

int
gp_dmarc_domain(struct gp_slice text, struct gp_arena *arena, struct gp_slice *ret)
{
	int rc = gp_idn_to_ascii(text, arena, ret);
	return rc == 0 && !gp_domain_valid(*ret) ? 1 : rc;
}

bool
gp_dmarc_is_within(struct gp_slice name, struct gp_slice domain)
{
	if (!gp_slice_ends_nocase(name, domain))
		return false;
	return name.len == domain.len || name.ptr[name.len - domain.len - 1] == '.';
}

/* --- names --- */

static size_t
count_labels(struct gp_slice domain)
{
	size_t n = 0;
	for (; domain.ptr; n++)
		(void)gp_slice_cut(&domain, '.');
	return n;
}

/* The last n labels of the domain, or all. */
static struct gp_slice
last_labels(struct gp_slice domain, size_t n)
{
	for (size_t have = count_labels(domain); have > n; have--)
		(void)gp_slice_cut(&domain, '.');
	return domain;
}

/* Section 4.10, steps 3 to 6: what is asked after `name`; 0 octets: nothing is left. */
static struct gp_slice
next_name(struct gp_slice name)
{
	size_t labels = count_labels(name);
	return last_labels(name, GP_MIN(labels - 1, (size_t)LABELS_NEXT_MAX));
}

/* --- one step --- */

/* Section 4.10, step 2: strings that are no records do not count, and more than one is none. */
static int
read_answer(const struct gp_dns_answer *answer, struct gp_arena *arena, struct gp_dmarc_step *step)
{
	size_t found = 0;
	struct gp_slice text = {};
	for (size_t i = 0; i < answer->records_len; i++) {
		if (!gp_dmarc_is_record(answer->records[i].data))
			continue;
		text = answer->records[i].data;
		found++;
	}
	step->status = answer->status;
	step->found = gp_dns_status_temporary(answer->status) ? GP_DMARC_FOUND_UNKNOWN
		      : found == 0                            ? GP_DMARC_FOUND_NONE
		      : found == 1                            ? GP_DMARC_FOUND
							      : GP_DMARC_FOUND_SEVERAL;
	if (step->found != GP_DMARC_FOUND)
		return 0;
	struct gp_dmarc_record *record = gp_arena_new(arena, struct gp_dmarc_record);
	step->record = record;
	return record ? gp_dmarc_record_parse(text, arena, record) : -ENOMEM;
}

/* Reads what is at the name. GP_DMARC_WALK_NEED: that is not known yet. */
static int
take_step(struct gp_slice name, struct gp_dmarc_asking *a, struct gp_dmarc_step *ret)
{
	struct gp_dns_answer answer;
	struct gp_slice owner = gp_arena_printf(a->arena, "_dmarc.%.*s", GP_SLICE_FMT(name));
	*ret = (struct gp_dmarc_step){.name = name};
	if (!owner.ptr)
		return -ENOMEM;
	if (!gp_dmarc_ask(a, owner, GP_DNS_TXT, &answer))
		return GP_DMARC_WALK_NEED;
	return read_answer(&answer, a->arena, ret);
}

static bool
ends_walk(const struct gp_dmarc_step *step)
{
	return step->found == GP_DMARC_FOUND_UNKNOWN ||
	       (step->record && step->record->psd != GP_DMARC_PSD_UNKNOWN);
}

/* --- where it ended --- */

/* Section 4.10.2: the three ways to tell, in their order. */
static struct gp_slice
find_org(struct gp_slice domain, const struct gp_dmarc_walk *w)
{
	const struct gp_dmarc_step *top = NULL;
	for (size_t i = 0; i < w->len; i++) {
		if (w->steps[i].record)
			top = &w->steps[i];
	}
	if (!top)
		return domain;
	if (top->record->psd == GP_DMARC_PSD_YES && top->name.len != domain.len)
		return last_labels(domain, count_labels(top->name) + 1);
	return top->name;
}

int
gp_dmarc_walk(struct gp_slice domain, struct gp_dmarc_asking *a, struct gp_dmarc_walk *ret)
{
	bool known = true;
	*ret = (struct gp_dmarc_walk){};
	for (struct gp_slice name = domain; name.len > 0; name = next_name(name)) {
		gp_assert(ret->len < GP_DMARC_WALK_MAX);
		struct gp_dmarc_step *step = &ret->steps[ret->len++];
		int rc = take_step(name, a, step);
		if (rc < 0)
			return rc;
		if (rc == GP_DMARC_WALK_NEED)
			known = false;
		else if (ends_walk(step))
			break;
	}
	if (!known)
		return GP_DMARC_WALK_NEED;
	const struct gp_dmarc_step *last = &ret->steps[ret->len - 1];
	ret->broken = last->found == GP_DMARC_FOUND_UNKNOWN;
	if (last->record && last->record->psd == GP_DMARC_PSD_YES)
		ret->psd = last;
	if (!ret->broken)
		ret->org = find_org(domain, ret);
	return GP_DMARC_WALKED;
}
