/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/audit/diff.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "cli/arg.h"
#include "cli/audit/domains.h"
#include "cli/audit/store.h"
#include "cli/command.h"

enum {
	NAMES_MAX = 1 << 30,  /* octets */
	LOOKS_MAX = 16 << 20, /* octets of the two looks at a domain */
	TIME_TEXT_LEN = 32,
	OPT_STORE = 256,
	OPT_SINCE,
	OPT_FILE,
	OPT_JSON,
};

static const char usage[] =
	"usage: gatepost audit diff --store FILE [options] [DOMAIN...]\n"
	"\n"
	"What came, went and changed between the newest look at each domain and the one before; "
	"of\n"
	"all domains that the store knows, where none is named. Exits with 1 where one got worse.\n"
	"\n"
	"      --store FILE   what gatepost audit --store has kept\n"
	"      --since RUN    as things were after the run of this number\n"
	"      --file FILE    more domains\n"
	"      --json         an object a domain\n";

static const struct option long_options[] = {
	{"store", required_argument, NULL, OPT_STORE},
	{"since", required_argument, NULL, OPT_SINCE},
	{"file", required_argument, NULL, OPT_FILE},
	{"json", no_argument, NULL, OPT_JSON},
	{"help", no_argument, NULL, 'h'},
	{},
};

struct diff {
	struct audit_store *store;
	const char *path;
	uint64_t since; /* a run; 0: the one before */
	bool json, help;
	struct audit_options named; /* operands and files */
	struct gp_arena names, arena;
	bool all; /* no domain was named */
	struct {
		size_t domains, first_seen, changed, worse; /* changed: the worse ones too */
	} told;
};

/* Of one domain. */
struct found {
	struct gp_slice domain;
	struct audit_look before, now;
	bool has_before;
	struct audit_changes changes;
};

/* --- telling --- */

static const char *
time_text(uint64_t time_s, char ret[TIME_TEXT_LEN])
{
	struct tm tm;
	time_t t = (time_t)time_s;
	if (!gmtime_r(&t, &tm) || strftime(ret, TIME_TEXT_LEN, "%Y-%m-%dT%H:%M:%SZ", &tm) == 0)
		ret[0] = '\0';
	return ret;
}

/* The one that it is about. */
static const struct audit_kept *
subject(const struct audit_change *c)
{
	return c->kind == AUDIT_LOST || !c->now ? c->before : c->now;
}

static void
print_finding(const struct audit_change *c)
{
	static const char signs[] = {
		[AUDIT_CAME] = '+', [AUDIT_WENT] = '-', [AUDIT_CHANGED] = '~', [AUDIT_LOST] = '?'};
	const struct audit_kept *k = subject(c);
	struct gp_slice evidence = c->kind == AUDIT_LOST ? c->now->evidence : k->evidence;
	printf("  %c %-8s %.*s: %.*s\n", signs[c->kind], gp_severity_name(k->severity),
	       GP_SLICE_FMT(k->id), GP_SLICE_FMT(evidence));
	if (c->kind == AUDIT_CHANGED && c->before->severity != k->severity)
		printf("             was %s\n", gp_severity_name(c->before->severity));
	if (c->kind == AUDIT_CHANGED && !gp_slice_eq(c->before->evidence, k->evidence))
		printf("             was: %.*s\n", GP_SLICE_FMT(c->before->evidence));
}

static void
print_fact(const struct audit_change *c)
{
	struct gp_slice was = c->fact_before.value, is = c->fact.value;
	printf("    %.*s: %.*s (was %.*s)\n", GP_SLICE_FMT(c->fact.name),
	       GP_SLICE_FMT(is.len > 0 ? is : GP_SLICE("not known")),
	       GP_SLICE_FMT(was.len > 0 ? was : GP_SLICE("not known")));
}

static void
print_text(const struct found *f)
{
	char before[TIME_TEXT_LEN], now[TIME_TEXT_LEN];
	printf("%.*s: ", GP_SLICE_FMT(f->domain));
	if (!f->has_before) {
		printf("first seen in run %llu (%s)\n", (unsigned long long)f->now.run,
		       time_text(f->now.time_s, now));
		return;
	}
	printf("%s, from run %llu (%s) to run %llu (%s)\n",
	       f->changes.len == 0 ? "no change"
	       : f->changes.worse  ? "worse"
				   : "not worse",
	       (unsigned long long)f->before.run, time_text(f->before.time_s, before),
	       (unsigned long long)f->now.run, time_text(f->now.time_s, now));
	for (size_t i = 0; i < f->changes.len; i++) {
		if (f->changes.items[i].kind == AUDIT_FACT)
			print_fact(&f->changes.items[i]);
		else
			print_finding(&f->changes.items[i]);
	}
}

static json_t *
text_json(struct gp_slice text)
{
	return json_stringn(text.ptr ? text.ptr : "", text.len);
}

static json_t *
kept_json(const struct audit_kept *k)
{
	return k ? json_pack("{s:s, s:s, s:o}", "severity", gp_severity_name(k->severity), "state",
			     gp_finding_state_name(k->state), "evidence", text_json(k->evidence))
		 : json_null();
}

static json_t *
change_json(const struct audit_change *c)
{
	const char *what = audit_change_name(c->kind);
	if (c->kind == AUDIT_FACT)
		return json_pack("{s:s, s:o, s:o, s:o}", "change", what, "fact",
				 text_json(c->fact.name), "before", text_json(c->fact_before.value),
				 "now", text_json(c->fact.value));
	return json_pack("{s:s, s:o, s:o, s:o}", "change", what, "id", text_json(subject(c)->id),
			 "before", kept_json(c->before), "now", kept_json(c->now));
}

static json_t *
look_json(const struct audit_look *look)
{
	return json_pack("{s:I, s:I}", "run", (json_int_t)look->run, "time",
			 (json_int_t)look->time_s);
}

static int
print_json(const struct found *f)
{
	json_t *changes = json_array();
	for (size_t i = 0; i < f->changes.len; i++)
		json_array_append_new(changes, change_json(&f->changes.items[i]));
	json_t *o =
		json_pack("{s:o, s:o, s:o, s:b, s:o}", "domain", text_json(f->domain), "before",
			  f->has_before ? look_json(&f->before) : json_null(), "now",
			  look_json(&f->now), "worse", (int)f->changes.worse, "changes", changes);
	bool good = o && json_array_size(json_object_get(o, "changes")) == f->changes.len &&
		    json_dumpf(o, stdout, JSON_COMPACT) == 0;
	json_decref(o);
	return good && putchar('\n') != EOF ? 0 : -ENOMEM;
}

/* --- comparing --- */

static int
fail(int error)
{
	fprintf(stderr, "gatepost audit: %s\n", strerror(-error));
	return GP_EXIT_ERROR;
}

/* The look to compare with. Returns as audit_store_look() does. */
static int
look_before(struct diff *d, struct found *f)
{
	uint64_t run = d->since > 0 ? d->since : f->now.run - 1;
	return audit_store_look(d->store, f->domain, run, &d->arena, &f->before);
}

static void
count(struct diff *d, const struct found *f)
{
	d->told.domains++;
	d->told.first_seen += !f->has_before;
	d->told.changed += f->changes.len > 0;
	d->told.worse += f->changes.worse;
}

static void
print_sum(const struct diff *d)
{
	printf("%zu domains: %zu changed, %zu for the worse; %zu seen for the first time\n",
	       d->told.domains, d->told.changed, d->told.worse, d->told.first_seen);
}

static int
compare(struct diff *d, struct gp_slice domain)
{
	struct found f = {.domain = domain};
	gp_arena_reset(&d->arena);
	int r = audit_store_look(d->store, domain, UINT64_MAX, &d->arena, &f.now);
	if (r == 0)
		fprintf(stderr, "gatepost audit: %.*s: no run has looked at it\n",
			GP_SLICE_FMT(domain));
	if (r != 1)
		return r < 0 ? GP_EXIT_ERROR : GP_EXIT_OK;
	r = look_before(d, &f);
	if (r < 0)
		return GP_EXIT_ERROR;
	f.has_before = r == 1;
	r = f.has_before ? audit_changes_find(&f.before, &f.now, &d->arena, &f.changes) : 0;
	if (r == 0)
		count(d, &f);
	if (r == 0 && d->json)
		r = print_json(&f);
	else if (r == 0 && (!d->all || !f.has_before || f.changes.len > 0))
		print_text(&f);
	return r < 0 ? fail(r) : GP_EXIT_OK;
}

static int
compare_list(struct diff *d, const struct gp_slice *list, size_t len)
{
	int code = GP_EXIT_OK;
	for (size_t i = 0; i < len && code == GP_EXIT_OK; i++)
		code = compare(d, list[i]);
	if (code != GP_EXIT_OK)
		return code;
	if (d->all && !d->json)
		print_sum(d);
	if (fflush(stdout) != 0)
		return fail(-errno);
	return d->told.worse > 0                       ? GP_EXIT_BAD
	       : d->told.domains == d->told.first_seen ? GP_EXIT_UNKNOWN
						       : GP_EXIT_OK;
}

static int
compare_all(struct diff *d)
{
	struct gp_slice *list;
	size_t len;
	d->all = d->named.operands_len == 0 && d->named.files_len == 0;
	if (d->all)
		return audit_store_domains(d->store, &d->names, &list, &len)
			       ? compare_list(d, list, len)
			       : GP_EXIT_ERROR;
	struct audit_domains domains;
	int code = audit_domains_read(&domains, &d->named, &d->names);
	if (code == GP_EXIT_OK)
		code = compare_list(d, domains.list, domains.len);
	audit_domains_free(&domains);
	return code;
}

/* --- the command --- */

static bool
read_option(struct diff *d, int c)
{
	switch (c) {
	case OPT_STORE:
		return gp_arg_text(&(struct gp_arg){"audit diff", "store", optarg}, &d->path);
	case OPT_SINCE:
		return gp_arg_u64(&(struct gp_arg){"audit diff", "since", optarg}, 1, INT64_MAX,
				  &d->since);
	case OPT_FILE:
		if (d->named.files_len == AUDIT_FILES_MAX)
			return gp_arg_wrong(&(struct gp_arg){"audit diff", "file", optarg},
					    "is one file too many");
		d->named.files[d->named.files_len++] = optarg;
		return true;
	case OPT_JSON:
		d->json = true;
		return true;
	case 'h':
		d->help = true;
		return true;
	default:
		return false;
	}
}

static int
read_options(struct diff *d, int argc, char **argv)
{
	int c;
	while ((c = gp_arg_next("audit diff", argc, argv, "h", long_options)) != -1) {
		if (!read_option(d, c))
			return GP_EXIT_USAGE;
	}
	d->named.operands = (const char *const *)argv + optind;
	d->named.operands_len = (size_t)(argc - optind);
	if (d->path || d->help)
		return GP_EXIT_OK;
	fputs("gatepost audit: diff wants the --store that it reads\n", stderr);
	return GP_EXIT_USAGE;
}

int
audit_diff(int argc, char **argv)
{
	static struct diff d = {.names = {.max = NAMES_MAX}, .arena = {.max = LOOKS_MAX}};
	int code = read_options(&d, argc, argv);
	if (code != GP_EXIT_OK)
		return code;
	if (d.help) {
		fputs(usage, stdout);
		return GP_EXIT_OK;
	}
	d.store = audit_store_open(d.path, false);
	code = d.store ? compare_all(&d) : GP_EXIT_ERROR;
	audit_store_close(d.store);
	gp_arena_free(&d.names);
	gp_arena_free(&d.arena);
	return code;
}
