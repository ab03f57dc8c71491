/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/scan/report.h"

#include <errno.h>

#include "cli/scan/findings.h"
#include "core/identity/visible.h"
#include "core/probe/findings.h"
#include "core/probe/smuggle.h"
#include "core/targets/special.h"

struct gp_slice
scan_visible(const struct scan_report *report, struct gp_slice text)
{
	return gp_visible(text, report->arena);
}

const char *
scan_end_name(uint8_t end)
{
	static const char *const names[] = {
		[GP_PROBE_END_NONE] = "not_begun",
		[GP_PROBE_END_QUIT] = "quit",
		[GP_PROBE_END_NO_CONNECTION] = "no_connection",
		[GP_PROBE_END_REFUSED] = "refused",
		[GP_PROBE_END_421] = "too_much",
		[GP_PROBE_END_CLOSED] = "closed",
		[GP_PROBE_END_TIME] = "timeout",
		[GP_PROBE_END_NOT_SMTP] = "not_smtp",
		[GP_PROBE_END_GARBAGE] = "garbage",
		[GP_PROBE_END_ENDLESS] = "endless",
		[GP_PROBE_END_TLS] = "tls_failed",
		[GP_PROBE_END_MEMORY] = "no_memory",
	};
	gp_assert(end < GP_ARRAY_LEN(names));
	return names[end];
}

/* --- what runs there --- */

static void
observe(const struct gp_probe_record *record, struct gp_software_observed *ret)
{
	static const struct {
		uint8_t ask, field;
	} places[] = {
		{GP_PROBE_GREETING, GP_SOFTWARE_GREETING},
		{GP_PROBE_EHLO, GP_SOFTWARE_EHLO},
		{GP_PROBE_EHLO_TLS, GP_SOFTWARE_EHLO_TLS},
		{GP_PROBE_HELO, GP_SOFTWARE_HELO},
		{GP_PROBE_HELP, GP_SOFTWARE_HELP},
		{GP_PROBE_UNKNOWN, GP_SOFTWARE_UNKNOWN},
		{GP_PROBE_MALFORMED, GP_SOFTWARE_MALFORMED},
		{GP_PROBE_STARTTLS, GP_SOFTWARE_STARTTLS},
		{GP_PROBE_QUIT, GP_SOFTWARE_QUIT},
		{GP_PROBE_VRFY, GP_SOFTWARE_VRFY},
		{GP_PROBE_EXPN, GP_SOFTWARE_EXPN},
	};
	const struct gp_probe_reply *greeting = &record->replies[GP_PROBE_GREETING];
	*ret = (struct gp_software_observed){};
	for (size_t i = 0; i < GP_ARRAY_LEN(places); i++) {
		const struct gp_probe_reply *r = &record->replies[places[i].ask];
		if (r->code > 0)
			ret->replies[places[i].field] = r->text;
	}
	if (greeting->lines > 1)
		ret->greeting_pause_ms = greeting->last_ms - greeting->line_ms;
}

static void
note_probed(const struct gp_probe_record *record, struct gp_software_probed *ret)
{
	enum gp_probe_smuggle_state smuggling = gp_probe_smuggle_verdict(record);
	*ret = (struct gp_software_probed){};
	if (smuggling == GP_PROBE_SMUGGLE_SPLIT)
		ret->shown |= GP_SOFTWARE_SMUGGLING;
	else if (smuggling != GP_PROBE_SMUGGLE_NOT_TESTED)
		ret->refuted |= GP_SOFTWARE_SMUGGLING;
	if (record->injected)
		ret->shown |= GP_SOFTWARE_INJECTION;
	else if (!record->inject_why)
		ret->refuted |= GP_SOFTWARE_INJECTION;
}

static int
look_for_software(struct scan_report *report, const struct gp_probe_record *record)
{
	struct gp_software_observed observed;
	struct gp_software_probed probed;
	observe(record, &observed);
	note_probed(record, &probed);
	int r = gp_software_find(&observed, report->arena, &report->software);
	if (r < 0)
		return r;
	return gp_software_findings(&observed, &report->software, &probed, &report->findings);
}

const char *
scan_report_software(const struct scan_report *report)
{
	if (report->software.len == 0)
		return NULL;
	const struct gp_software_candidate *first = &report->software.items[0];
	return first->base ? first->base : first->name;
}

static uint8_t
rdns_of(const struct gp_reverse *reverse)
{
	static const uint8_t states[] = {
		[GP_REVERSE_UNKNOWN] = GP_PROBE_RDNS_UNKNOWN,
		[GP_REVERSE_NONE] = GP_PROBE_RDNS_NONE,
		[GP_REVERSE_UNCONFIRMED] = GP_PROBE_RDNS_ASTRAY,
		[GP_REVERSE_CONFIRMED] = GP_PROBE_RDNS_CONFIRMED,
	};
	return states[reverse->state];
}

static int
look_at_dialogue(struct scan_report *report, const struct gp_probe_record *record)
{
	const struct scan_view *v = report->view;
	const struct scan_result *r = v->result;
	const struct gp_probe_facts facts = {
		.port = r->port,
		.rdns = rdns_of(&r->reverse),
		.rdns_name = r->reverse.name,
		.software = scan_report_software(report),
		.private_target = gp_special_of(r->address, r->address_len),
		.domain = r->domain,
		.is_mx = r->is_mx || v->mx,
	};
	return gp_probe_findings(record, &facts, &report->findings);
}

/* Who reads findings alone is to miss nobody. */
static void
tell_not_asked(struct scan_report *report)
{
	static const struct gp_finding_kind kind = {
		"scan.not_asked", GP_SEVERITY_INFO, "it was not asked",
		"the name leads nowhere, or the address is not to be scanned: nothing is known"};
	const struct scan_view *v = report->view;
	const struct gp_finding f = {
		.kind = &kind,
		.state = GP_FINDING_NOT_MEASURED,
		.severity = kind.severity,
		.evidence = gp_slice_str(v->result ? v->result->left_out : v->why),
	};
	gp_finding_put(&report->findings, &f);
}

int
scan_report_make(const struct scan_view *view, struct gp_arena *arena, struct scan_report *ret)
{
	*ret = (struct scan_report){.view = view, .arena = arena, .findings = gp_findings(arena)};
	if (view->result && view->result->probe) {
		const struct gp_probe_record *record = gp_probe_record(view->result->probe);
		int r = look_for_software(ret, record);
		if (r == 0)
			r = look_at_dialogue(ret, record);
		if (r == 0)
			r = scan_findings(view, scan_report_software(ret), &ret->findings);
		if (r < 0)
			return r;
	} else {
		tell_not_asked(ret);
	}
	return arena->failed ? -ENOMEM : 0;
}
