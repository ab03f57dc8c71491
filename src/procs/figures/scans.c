/* SPDX-License-Identifier: Apache-2.0 */
#include "procs/figures/scans.h"

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "core/finding/finding.h"
#include "core/identity/visible.h"

/* A line that is a host's. It is read again when it is told: few are, and trees are large. */
struct row {
	struct gp_slice line;
	uint32_t faults[GP_SEVERITY_CRITICAL + 1];
	uint32_t unmeasured;
	uint32_t number;
};

struct scans {
	struct gp_arena *arena;
	struct gp_json j;
	struct row *rows;
	size_t rows_len;
	int64_t unread;
	bool cut; /* there are more than count */
};

/* --- a line --- */

/* jansson reads what is nested by calling itself. */
static bool
is_deep(struct gp_slice line)
{
	size_t depth = 0;
	bool quoted = false;
	for (size_t i = 0; i < line.len; i++) {
		char c = line.ptr[i];
		if (quoted && c == '\\')
			i++;
		else if (c == '"')
			quoted = !quoted;
		else if (!quoted && (c == '{' || c == '['))
			depth++;
		else if (!quoted && (c == '}' || c == ']') && depth > 0)
			depth--;
		if (depth > SCANS_DEPTH_MAX)
			return true;
	}
	return false;
}

/* The caller's; NULL: it is no host's. */
static json_t *
parse(struct gp_slice line)
{
	if (line.len > SCANS_LINE_MAX || is_deep(line))
		return NULL;
	json_t *host = json_loadb(line.ptr, line.len, JSON_REJECT_DUPLICATES, NULL);
	if (json_is_string(json_object_get(host, "target")) &&
	    json_is_array(json_object_get(host, "findings")))
		return host;
	json_decref(host);
	return NULL;
}

/* -1: there is no such severity. */
static int
severity_of(const json_t *finding)
{
	const char *name = json_string_value(json_object_get(finding, "severity"));
	for (int s = GP_SEVERITY_INFO; name && s <= GP_SEVERITY_CRITICAL; s++) {
		if (strcmp(name, gp_severity_name((uint8_t)s)) == 0)
			return s;
	}
	return -1;
}

static bool
is_in_state(const json_t *finding, uint8_t state)
{
	const char *name = json_string_value(json_object_get(finding, "state"));
	return name && strcmp(name, gp_finding_state_name(state)) == 0;
}

static void
count_findings(const json_t *host, struct row *row)
{
	const json_t *all = json_object_get(host, "findings");
	for (size_t i = 0; i < json_array_size(all); i++) {
		const json_t *f = json_array_get(all, i);
		int severity = severity_of(f);
		if (severity >= 0 && is_in_state(f, GP_FINDING_FAIL))
			row->faults[severity]++;
		row->unmeasured += is_in_state(f, GP_FINDING_NOT_MEASURED);
	}
}

static void
take_line(struct scans *s, struct gp_slice line)
{
	json_t *host = parse(line);
	if (!host) {
		s->unread++;
		return;
	}
	struct row *row = &s->rows[s->rows_len];
	*row = (struct row){.line = line, .number = (uint32_t)s->rows_len};
	count_findings(host, row);
	s->rows_len++;
	json_decref(host);
}

/* --- values --- */

static void
put_text(struct scans *s, const char *name, const json_t *value)
{
	struct gp_slice text = gp_slice(json_string_value(value), json_string_length(value));
	if (text.len == 0) {
		gp_json_null(&s->j, name);
		return;
	}
	text = gp_visible(gp_slice_take(text, SCANS_TEXT_MAX), s->arena);
	gp_json_text(&s->j, name, gp_slice_take(text, SCANS_TEXT_MAX));
}

static void
put_member(struct scans *s, const json_t *of, const char *name)
{
	put_text(s, name, json_object_get(of, name));
}

static void
put_counts(struct gp_json *j, const uint32_t faults[], uint32_t unmeasured)
{
	gp_json_open(j, "counts", '{');
	for (int severity = GP_SEVERITY_CRITICAL; severity >= GP_SEVERITY_INFO; severity--)
		gp_json_number(j, gp_severity_name((uint8_t)severity), faults[severity]);
	gp_json_number(j, "unmeasured", unmeasured);
	gp_json_close(j, '}');
}

static void
put_finding(struct scans *s, const json_t *f)
{
	gp_json_open(&s->j, NULL, '{');
	put_member(s, f, "id");
	put_member(s, f, "severity");
	put_member(s, f, "title");
	put_member(s, f, "evidence");
	gp_json_close(&s->j, '}');
}

/* Its faults, the gravest first. */
static void
put_findings(struct scans *s, const json_t *host, const struct row *row)
{
	const json_t *all = json_object_get(host, "findings");
	int64_t faults = 0, told = 0;
	gp_json_open(&s->j, "findings", '[');
	for (int severity = GP_SEVERITY_CRITICAL; severity >= GP_SEVERITY_INFO; severity--) {
		faults += row->faults[severity];
		for (size_t i = 0; told < SCANS_FINDINGS_TOLD && i < json_array_size(all); i++) {
			const json_t *f = json_array_get(all, i);
			if (severity_of(f) != severity || !is_in_state(f, GP_FINDING_FAIL))
				continue;
			put_finding(s, f);
			told++;
		}
	}
	gp_json_close(&s->j, ']');
	gp_json_number(&s->j, "findings_more", faults - told);
}

/* The likeliest, which stands first. */
static void
put_software(struct scans *s, const json_t *host)
{
	const json_t *first = json_array_get(json_object_get(host, "software"), 0);
	put_text(s, "software", json_object_get(first, "name"));
	put_text(s, "software_version", json_object_get(first, "version"));
}

/* What its MX record calls it, or else its address. */
static const json_t *
name_of(const json_t *host)
{
	const json_t *name = json_object_get(host, "host");
	return json_is_string(name) ? name
				    : json_object_get(json_object_get(host, "reverse"), "name");
}

/* Why there is nothing to be told of it. */
static const json_t *
reason_of(const json_t *host)
{
	const json_t *unresolved = json_object_get(host, "unresolved");
	return json_is_string(unresolved) ? unresolved : json_object_get(host, "left_out");
}

static void
put_host(struct scans *s, const struct row *row)
{
	json_t *host = parse(row->line);
	const json_t *tls = json_object_get(host, "starttls");
	json_int_t port = json_integer_value(json_object_get(host, "port"));
	gp_json_open(&s->j, NULL, '{');
	put_member(s, host, "target");
	put_member(s, host, "address");
	gp_json_number(&s->j, "port", port >= 0 && port <= UINT16_MAX ? port : 0);
	put_text(s, "name", name_of(host));
	put_text(s, "reason", reason_of(host));
	put_text(s, "starttls", json_object_get(tls, "state"));
	put_text(s, "tls", json_object_get(tls, "version"));
	put_software(s, host);
	put_counts(&s->j, row->faults, row->unmeasured);
	put_findings(s, host, row);
	gp_json_close(&s->j, '}');
	json_decref(host);
}

/* --- all of them --- */

static void
read_lines(struct scans *s, struct gp_slice text)
{
	while (text.len > 0) {
		struct gp_slice line = gp_slice_cut(&text, '\n');
		if (s->rows_len == SCANS_HOSTS_MAX) {
			s->cut = true;
			return;
		}
		if (gp_slice_trim(line).len > 0)
			take_line(s, line);
	}
}

/* The worst first: by the gravest faults, then those less grave; else as they came. */
static int
compare(const void *a, const void *b)
{
	const struct row *x = a, *y = b;
	for (int severity = GP_SEVERITY_CRITICAL; severity >= GP_SEVERITY_INFO; severity--) {
		if (x->faults[severity] != y->faults[severity])
			return x->faults[severity] > y->faults[severity] ? -1 : 1;
	}
	return x->number < y->number ? -1 : 1;
}

static void
put_total(struct scans *s)
{
	struct row sum = {};
	for (size_t i = 0; i < s->rows_len; i++) {
		for (int severity = GP_SEVERITY_INFO; severity <= GP_SEVERITY_CRITICAL; severity++)
			sum.faults[severity] += s->rows[i].faults[severity];
		sum.unmeasured += s->rows[i].unmeasured;
	}
	put_counts(&s->j, sum.faults, sum.unmeasured);
}

static void
put_hosts(struct scans *s)
{
	size_t told = 0;
	gp_json_open(&s->j, "hosts", '[');
	while (told < GP_MIN(s->rows_len, (size_t)SCANS_HOSTS_TOLD) && s->j.out->len < SCANS_ENOUGH)
		put_host(s, &s->rows[told++]);
	gp_json_close(&s->j, ']');
	gp_json_number(&s->j, "hosts_more", (int64_t)(s->rows_len - told));
}

int
scans_write(struct gp_slice text, int64_t time_s, uint64_t seed, struct gp_arena *arena,
	    struct gp_buf *out)
{
	struct scans s = {.arena = arena, .j = {.out = out}};
	s.rows = gp_arena_array(arena, SCANS_HOSTS_MAX, sizeof(*s.rows));
	if (!s.rows)
		return -ENOMEM;
	/* jansson's own hash would read its seed from a file. */
	json_object_seed((size_t)seed | 1);
	read_lines(&s, text);
	qsort(s.rows, s.rows_len, sizeof(*s.rows), compare);
	gp_json_open(&s.j, NULL, '{');
	gp_json_bool(&s.j, "configured", true);
	gp_json_number(&s.j, "time", time_s);
	put_total(&s);
	put_hosts(&s);
	gp_json_bool(&s.j, "hosts_cut", s.cut);
	gp_json_number(&s.j, "unread", s.unread);
	gp_json_close(&s.j, '}');
	return arena->failed || out->failed ? -ENOMEM : 0;
}
