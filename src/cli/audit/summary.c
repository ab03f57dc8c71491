/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/audit/summary.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "cli/markup.h"
#include "core/posture/providers.h"

enum { NAMES_MAX = 4 << 20 }; /* of providers and examples */

void
audit_summary_init(struct audit_summary *s, const uint64_t seed[2])
{
	*s = (struct audit_summary){
		.arena = GP_ARENA_INIT(NAMES_MAX),
		.faults_by_id = gp_map(AUDIT_FAULTS_MAX, seed),
		.providers_by_key = gp_map(AUDIT_PROVIDERS_MAX, seed),
	};
}

void
audit_summary_free(struct audit_summary *s)
{
	gp_map_free(&s->faults_by_id);
	gp_map_free(&s->providers_by_key);
	gp_arena_free(&s->arena);
}

/* --- counting --- */

/* NULL: there is no room. */
static struct audit_fault *
fault_of(struct audit_summary *s, const struct gp_finding_kind *kind)
{
	struct gp_slice id = gp_slice_str(kind->id);
	struct audit_fault *fault = gp_map_get(&s->faults_by_id, id);
	if (fault || s->faults_len == AUDIT_FAULTS_MAX)
		return fault;
	fault = &s->faults[s->faults_len];
	*fault = (struct audit_fault){.id = kind->id, .title = kind->title};
	if (!gp_map_set(&s->faults_by_id, id, fault))
		return NULL;
	s->faults_len++;
	return fault;
}

static void
add_fault(struct audit_summary *s, const struct gp_finding *f, struct gp_slice domain)
{
	struct audit_fault *fault = fault_of(s, f->kind);
	if (!fault) {
		s->faults_more++;
		return;
	}
	fault->severity = GP_MAX(fault->severity, f->severity);
	if (fault->last == s->domains)
		return;
	fault->last = s->domains;
	if (fault->domains < AUDIT_EXAMPLES_MAX)
		fault->examples[fault->domains] = gp_arena_dup(&s->arena, domain);
	fault->domains++;
}

/* As names that two directions share are two. */
static struct audit_provider *
provider_of(struct audit_summary *s, struct gp_slice name, bool sends)
{
	char text[GP_DNS_NAME_TEXT_MAX + 2] = {sends ? '>' : '<'};
	gp_assert(name.len < sizeof(text));
	memcpy(text + 1, name.ptr, name.len);
	struct gp_slice key = gp_slice(text, name.len + 1);
	struct audit_provider *p = gp_map_get(&s->providers_by_key, key);
	if (p || s->providers_len == AUDIT_PROVIDERS_MAX)
		return p;
	key = gp_arena_dup(&s->arena, key);
	p = &s->providers[s->providers_len];
	*p = (struct audit_provider){.name = gp_slice_drop(key, 1), .sends = sends};
	if (!key.ptr || !gp_map_set(&s->providers_by_key, key, p))
		return NULL;
	s->providers_len++;
	return p;
}

static void
add_provider(struct audit_summary *s, struct gp_slice name, bool sends, unsigned worst)
{
	struct audit_provider *p = provider_of(s, name, sends);
	if (!p) {
		s->providers_more++;
		return;
	}
	p->domains++;
	p->worst[worst]++;
}

static void
add_providers(struct audit_summary *s, const struct gp_posture_facts *facts, struct gp_slice spf,
	      unsigned worst)
{
	struct gp_slice senders[GP_PROVIDER_SENDERS_MAX];
	struct gp_slice takes = gp_provider_of_mx(facts);
	size_t len = gp_providers_of_spf(spf, senders);
	if (takes.len > 0)
		add_provider(s, takes, false, worst);
	for (size_t i = 0; i < len; i++)
		add_provider(s, senders[i], true, worst);
}

int
audit_summary_add(struct audit_summary *s, const struct gp_posture_result *result,
		  struct gp_slice spf)
{
	const struct gp_findings *list = &result->findings;
	unsigned worst = AUDIT_WORST_NONE;
	bool unknown = result->facts.class == GP_POSTURE_UNKNOWN;
	s->domains++;
	for (size_t i = 0; i < list->len; i++) {
		const struct gp_finding *f = &list->items[i];
		if (f->state != GP_FINDING_FAIL)
			continue;
		worst = worst == AUDIT_WORST_NONE ? f->severity : GP_MAX(worst, f->severity);
		add_fault(s, f, result->facts.domain);
	}
	/* Where nothing was seen, nothing is well either. */
	unknown = unknown && worst == AUDIT_WORST_NONE;
	s->unknown += unknown;
	s->worst[worst] += !unknown;
	add_providers(s, &result->facts, spf, worst);
	return s->arena.failed ? -ENOMEM : 0;
}

/* --- order --- */

static int
by_number(uint64_t a, uint64_t b)
{
	return a > b ? -1 : a < b;
}

static int
compare_faults(const void *x, const void *y)
{
	const struct audit_fault *a = x, *b = y;
	int r = by_number(a->severity, b->severity);
	r = r ? r : by_number(a->domains, b->domains);
	return r ? r : strcmp(a->id, b->id);
}

static int
compare_providers(const void *x, const void *y)
{
	const struct audit_provider *a = x, *b = y;
	int r = by_number(!a->sends, !b->sends);
	r = r ? r : by_number(a->domains, b->domains);
	return r ? r : gp_slice_cmp(a->name, b->name);
}

void
audit_summary_sort(struct audit_summary *s)
{
	/* The maps lead to places that will be others'. */
	gp_map_free(&s->faults_by_id);
	gp_map_free(&s->providers_by_key);
	qsort(s->faults, s->faults_len, sizeof(*s->faults), compare_faults);
	qsort(s->providers, s->providers_len, sizeof(*s->providers), compare_providers);
}

/* --- words --- */

static const char *
worst_name(unsigned worst)
{
	return worst == AUDIT_WORST_NONE ? "without a fault" : gp_severity_name((uint8_t)worst);
}

/* "3 critical, 1 low, 2 without a fault": the gravest first, and none that nobody has. */
static void
put_worst(const uint64_t counts[AUDIT_WORST_COUNT], struct gp_buf *out)
{
	const char *between = "";
	for (unsigned i = 0; i < AUDIT_WORST_COUNT; i++) {
		unsigned worst =
			i == AUDIT_WORST_NONE ? AUDIT_WORST_NONE : GP_SEVERITY_CRITICAL - i;
		if (counts[worst] == 0)
			continue;
		gp_buf_printf(out, "%s%" PRIu64 " %s", between, counts[worst], worst_name(worst));
		between = ", ";
	}
}

/* The same of all domains. */
static void
put_all(const struct audit_summary *s, struct gp_buf *out)
{
	put_worst(s->worst, out);
	if (s->unknown > 0)
		gp_buf_printf(out, "%sof %" PRIu64 " the DNS said nothing",
			      s->unknown < s->domains ? "; " : "", s->unknown);
}

static const char *
domains_word(uint64_t n)
{
	return n == 1 ? "domain" : "domains";
}

/* "a.test, b.test and 3 more" */
static void
put_examples(const struct audit_fault *f, struct gp_buf *out)
{
	uint64_t shown = GP_MIN(f->domains, (uint64_t)AUDIT_EXAMPLES_MAX);
	for (size_t i = 0; i < shown; i++)
		gp_buf_printf(out, "%s%.*s", i > 0 ? ", " : "", GP_SLICE_FMT(f->examples[i]));
	if (f->domains > shown)
		gp_buf_printf(out, " and %" PRIu64 " more", f->domains - shown);
}

static const char *
direction_of(const struct audit_provider *p)
{
	return p->sends ? "mail from" : "mail to";
}

/* What the tables had no room for. */
static void
put_more(const struct audit_summary *s, const char *end, struct gp_buf *out)
{
	if (s->faults_more > 0)
		gp_buf_printf(out, "%" PRIu64 " further faults are not counted by their kind%s",
			      s->faults_more, end);
	if (s->providers_more > 0)
		gp_buf_printf(out,
			      "%" PRIu64 " times mail to or from providers that are not named%s",
			      s->providers_more, end);
}

void
audit_summary_text(const struct audit_summary *s, struct gp_buf *out)
{
	gp_buf_printf(out, "summary of %" PRIu64 " %s: ", s->domains, domains_word(s->domains));
	put_all(s, out);
	gp_buf_put_char(out, '\n');
	for (size_t i = 0; i < s->faults_len; i++) {
		const struct audit_fault *f = &s->faults[i];
		gp_buf_printf(out, "  %" PRIu64 " %s: %s (%s): %s\n      ", f->domains,
			      domains_word(f->domains), f->id, gp_severity_name(f->severity),
			      f->title);
		put_examples(f, out);
		gp_buf_put_char(out, '\n');
	}
	for (size_t i = 0; i < s->providers_len; i++) {
		const struct audit_provider *p = &s->providers[i];
		gp_buf_printf(out, "  %s %.*s: %" PRIu64 " %s: ", direction_of(p),
			      GP_SLICE_FMT(p->name), p->domains, domains_word(p->domains));
		put_worst(p->worst, out);
		gp_buf_put_char(out, '\n');
	}
	put_more(s, "\n", out);
}

/* --- HTML: a section of the page that findings make --- */

static void
put_fault_item(const struct audit_fault *f, struct gp_buf *out)
{
	struct gp_buf names = GP_BUF_INIT(AUDIT_EXAMPLES_MAX * GP_DNS_NAME_TEXT_MAX);
	const char *severity = gp_severity_name(f->severity);
	put_examples(f, &names);
	gp_buf_printf(out,
		      "<li class=\"%s\"><span class=\"tag\">%s</span> <b>%" PRIu64
		      " %s: %s</b> <span class=\"soft\">%s</span><p class=\"soft\">",
		      severity, severity, f->domains, domains_word(f->domains), f->title, f->id);
	gp_markup_put(out, gp_buf_slice(&names));
	gp_buf_put_str(out, "</p></li>\n");
	gp_buf_free(&names);
}

static void
put_provider_item(const struct audit_provider *p, struct gp_buf *out)
{
	gp_buf_printf(out, "<li>%s <b>", direction_of(p));
	gp_markup_put(out, p->name);
	gp_buf_printf(out, "</b>: %" PRIu64 " %s: ", p->domains, domains_word(p->domains));
	put_worst(p->worst, out);
	gp_buf_put_str(out, "</li>\n");
}

void
audit_summary_html(const struct audit_summary *s, struct gp_buf *out)
{
	gp_buf_printf(out, "<section id=\"summary\"><h2>Summary of %" PRIu64 " %s</h2><p>",
		      s->domains, domains_word(s->domains));
	put_all(s, out);
	gp_buf_put_str(out, "</p><ul>\n");
	for (size_t i = 0; i < s->faults_len; i++)
		put_fault_item(&s->faults[i], out);
	gp_buf_put_str(out, "</ul><ul>\n");
	for (size_t i = 0; i < s->providers_len; i++)
		put_provider_item(&s->providers[i], out);
	gp_buf_put_str(out, "</ul><p class=\"soft\">");
	put_more(s, "; ", out);
	gp_buf_put_str(out, "</p></section>\n");
}

/* --- JSON --- */

static json_t *
worst_json(const uint64_t counts[AUDIT_WORST_COUNT])
{
	json_t *o = json_object();
	for (unsigned i = 0; i < AUDIT_WORST_COUNT; i++)
		json_object_set_new(o, i == AUDIT_WORST_NONE ? "none" : worst_name(i),
				    json_integer((json_int_t)counts[i]));
	return o;
}

static json_t *
fault_json(const struct audit_fault *f)
{
	json_t *names = json_array();
	for (size_t i = 0; i < f->domains && i < AUDIT_EXAMPLES_MAX; i++)
		json_array_append_new(names, json_stringn(f->examples[i].ptr, f->examples[i].len));
	return json_pack("{s:s, s:s, s:s, s:I, s:o}", "id", f->id, "severity",
			 gp_severity_name(f->severity), "title", f->title, "domains",
			 (json_int_t)f->domains, "examples", names);
}

static json_t *
provider_json(const struct audit_provider *p)
{
	return json_pack("{s:s%, s:s, s:I, s:o}", "name", p->name.ptr, p->name.len, "mail",
			 p->sends ? "from" : "to", "domains", (json_int_t)p->domains, "worst",
			 worst_json(p->worst));
}

static int
put_piece(const char *piece, size_t len, void *context)
{
	return gp_buf_put(context, gp_slice(piece, len)) ? 0 : -1;
}

int
audit_summary_json(const struct audit_summary *s, struct gp_buf *out)
{
	json_t *faults = json_array(), *providers = json_array();
	bool good = true;
	for (size_t i = 0; i < s->faults_len; i++)
		good = json_array_append_new(faults, fault_json(&s->faults[i])) == 0 && good;
	for (size_t i = 0; i < s->providers_len; i++)
		good = json_array_append_new(providers, provider_json(&s->providers[i])) == 0 &&
		       good;
	json_t *o = json_pack("{s:{s:I, s:I, s:o, s:o, s:I, s:o, s:I}}", "summary", "domains",
			      (json_int_t)s->domains, "unknown", (json_int_t)s->unknown, "worst",
			      worst_json(s->worst), "faults", faults, "faults_not_named",
			      (json_int_t)s->faults_more, "providers", providers,
			      "providers_not_named", (json_int_t)s->providers_more);
	good = good && o && json_dump_callback(o, put_piece, out, JSON_COMPACT) == 0;
	json_decref(o);
	return good && gp_buf_put_char(out, '\n') ? 0 : -ENOMEM;
}
