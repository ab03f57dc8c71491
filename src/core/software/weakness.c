/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>

#include "base/scan.h"
#include "core/software/match.h"
#include "core/software/print.h"

enum { NUMBER_MAX = 1'000'000'000 };

static const struct gp_finding_kind
	lie = {"software.lie", GP_SEVERITY_INFO, "the greeting claims other software",
	       "what a server claims is a line of its configuration, how it answers is not; "
	       "whoever "
	       "believes the claim looks for the wrong mistakes"},
	version_told = {"software.version", GP_SEVERITY_INFO, "strangers can read the version",
			"RFC 5321 section 4.3.1 lets a greeting name software and version; it "
			"helps whoever looks for servers that were not kept up to date"},
	hint = {"software.weakness_hint", GP_SEVERITY_LOW, "a known weakness may be there",
		"the version is older than the corrected one, and nothing that can be seen speaks "
		"against it; nothing was tried: ask whoever packages it"},
	faint_hint = {"software.weakness_faint", GP_SEVERITY_INFO,
		      "a known weakness, perhaps corrected by the distribution",
		      "distributions correct old versions without renaming them: the package's "
		      "version decides, and cannot be seen from here"},
	shown = {"software.weakness", GP_SEVERITY_HIGH, "a known weakness was shown",
		 "a probe found the server to behave as the weakness describes"};

/* --- versions --- */

/* The next number of "4.97.1"; false: there is none. */
static bool
take_number(struct gp_scan *scan, uint64_t *ret)
{
	size_t from = scan->at;
	while (gp_ascii_is_digit((char)gp_scan_peek(scan)))
		scan->at++;
	if (!gp_slice_u64(gp_scan_since(scan, from), NUMBER_MAX, ret))
		return false;
	gp_scan_char(scan, '.');
	return true;
}

/* By their numbers, as far as both have one. *ret_branch: they differ in the last number of b at
   most, so that b is the branch that a belongs to. */
static int
compare(struct gp_slice a, struct gp_slice b, bool *ret_branch)
{
	struct gp_scan left = gp_scan(a), right = gp_scan(b);
	uint64_t x = 0, y = 0;
	*ret_branch = true;
	while (take_number(&right, &y)) {
		if (!take_number(&left, &x))
			x = 0;
		if (x != y) {
			*ret_branch = gp_scan_end(&right);
			return x < y ? -1 : 1;
		}
	}
	return 0;
}

/* "4.97-RC1" is before 4.97. */
static bool
is_candidate(struct gp_slice version)
{
	ptrdiff_t at = gp_slice_find(version, '-');
	return at >= 0 &&
	       gp_slice_starts_nocase(gp_slice_drop(version, (size_t)at + 1), GP_SLICE("rc"));
}

static bool
is_corrected(const struct gp_weakness *weakness, struct gp_slice version)
{
	for (size_t i = 0; i < weakness->fixed_len; i++) {
		bool branch = false;
		int order = compare(version, gp_slice_str(weakness->fixed[i]), &branch);
		bool newest = i + 1 == weakness->fixed_len;
		if (order > 0 && (branch || newest))
			return true;
		if (order == 0)
			return !is_candidate(version);
	}
	return false;
}

static bool
has_it(const struct gp_weakness *weakness, struct gp_slice version)
{
	bool branch = false;
	uint64_t number = 0;
	struct gp_scan scan = gp_scan(version);
	if (!take_number(&scan, &number) || is_corrected(weakness, version))
		return false;
	return !weakness->since || compare(version, gp_slice_str(weakness->since), &branch) >= 0;
}

/* --- what can be seen --- */

static bool
is_seen(const struct gp_weakness *weakness, const struct gp_software_observed *observed)
{
	for (size_t i = 0; i < weakness->sights_len; i++) {
		const struct gp_weakness_sight *sight = &weakness->sights[i];
		struct gp_slice line = {};
		struct gp_slice reply =
			gp_slice_take(observed->replies[sight->field], GP_SOFTWARE_TEXT_MAX);
		if (!gp_match_reply(sight->pattern, reply, &line, NULL))
			return false;
	}
	return true;
}

/* Does the server say that it was packaged by a distribution? */
static bool
is_packaged(const struct gp_software_observed *observed, struct gp_slice version)
{
	static const char *const marks[] = {"*Debian*", "*Ubuntu*", "*Red Hat*", "*FreeBSD*",
					    "*SUSE*",   "*Alpine*", "*deb??u*",  "*.el?*"};
	struct gp_slice line = {};
	for (size_t i = 0; i < GP_ARRAY_LEN(marks); i++) {
		struct gp_slice mark = gp_slice_str(marks[i]);
		struct gp_slice greeting = gp_slice_take(observed->replies[GP_SOFTWARE_GREETING],
							 GP_SOFTWARE_TEXT_MAX);
		if (gp_match_reply(mark, greeting, &line, NULL) ||
		    gp_match_line(mark, version, NULL))
			return true;
	}
	return false;
}

/* --- findings --- */

static bool
is_of(const struct gp_weakness *weakness, const struct gp_software_candidate *best)
{
	return strcmp(weakness->product, best->name) == 0 ||
	       (best->base && strcmp(weakness->product, best->base) == 0);
}

static void
tell(const struct gp_weakness *weakness, const struct gp_software_candidate *best, bool packaged,
     struct gp_findings *findings)
{
	unsigned confidence = (unsigned)weakness->confidence * best->weight / 1000;
	unsigned percent = confidence / (packaged ? 2 : 1) / 10;
	const char *fixed = weakness->fixed[weakness->fixed_len - 1];
	gp_finding_add(findings, packaged ? &faint_hint : &hint,
		       "%s: %s. %s %.*s is older than %s; confidence %u %%", weakness->id,
		       weakness->what, best->name, GP_SLICE_FMT(best->version), fixed, percent);
}

static void
tell_weaknesses(const struct gp_software_observed *observed,
		const struct gp_software_candidate *best, const struct gp_software_probed *probed,
		struct gp_findings *findings)
{
	bool packaged = is_packaged(observed, best->version);
	size_t told = 0;
	for (size_t i = 0; i < gp_weaknesses_len && told < GP_SOFTWARE_HINTS_MAX; i++) {
		const struct gp_weakness *weakness = &gp_weaknesses[i];
		if (!is_of(weakness, best))
			continue;
		if (weakness->probe & probed->shown) {
			gp_finding_add(findings, &shown, "%s: %s; %s %.*s", weakness->id,
				       weakness->what, best->name, GP_SLICE_FMT(best->version));
			told++;
		} else if (!(weakness->probe & probed->refuted) &&
			   has_it(weakness, best->version) && is_seen(weakness, observed)) {
			tell(weakness, best, packaged, findings);
			told++;
		}
	}
}

int
gp_software_findings(const struct gp_software_observed *observed,
		     const struct gp_software *software, const struct gp_software_probed *probed,
		     struct gp_findings *findings)
{
	if (software->len == 0)
		return 0;
	const struct gp_software_candidate *best = &software->items[0];
	if (software->belied)
		gp_finding_add(findings, &lie,
			       "it claims to be %s (\"%.*s\"), and answers as %s (%.*s)",
			       software->belied, GP_SLICE_FMT(software->claim), best->name,
			       GP_SLICE_FMT(best->evidence));
	if (best->version.len > 0)
		gp_finding_add(findings, &version_told, "%s %.*s", best->name,
			       GP_SLICE_FMT(best->version));
	tell_weaknesses(observed, best, probed, findings);
	return findings->arena->failed ? -ENOMEM : 0;
}
