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
	struct gp_slice words; /* what it may be found by, in lower case */
	int64_t time_s;        /* 0: not told */
	uint32_t faults[GP_SEVERITY_CRITICAL + 1];
	uint32_t unmeasured;
	uint32_t number;
};

struct scans {
	struct gp_arena arena;
	struct gp_buf words; /* of a row */
	struct row *rows;    /* the worst first */
	size_t rows_len;
	int64_t time_s, unread;
	bool cut; /* there are more than count */
};

struct writer {
	const struct scans *s;
	struct gp_arena *arena;
	struct gp_json j;
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

/* In lower case; empty: no memory, or nothing. */
static struct gp_slice
lower(struct gp_slice text, struct gp_arena *arena)
{
	char *to = gp_arena_array(arena, text.len, 1);
	for (size_t i = 0; to && i < text.len; i++)
		to[i] = gp_ascii_lower(text.ptr[i]);
	return gp_slice(to, to ? text.len : 0);
}

static void
add_word(struct gp_buf *words, const json_t *value)
{
	if (json_string_length(value) == 0)
		return;
	gp_buf_put(words, gp_slice(json_string_value(value), json_string_length(value)));
	gp_buf_put_char(words, '\n');
}

static void
add_place(struct gp_buf *words, const json_t *host)
{
	const char *address = json_string_value(json_object_get(host, "address"));
	bool six = address && strchr(address, ':');
	if (address)
		gp_buf_printf(words, "%s%s%s:%d\n", six ? "[" : "", address, six ? "]" : "",
			      (int)json_integer_value(json_object_get(host, "port")));
}

/* What is told of it, as a text of lines. */
static struct gp_slice
words_of(struct scans *s, const json_t *host)
{
	static const char *const of_finding[] = {"id", "title", "evidence"};
	const json_t *software = json_array_get(json_object_get(host, "software"), 0);
	const json_t *all = json_object_get(host, "findings");
	gp_buf_clear(&s->words);
	add_word(&s->words, json_object_get(host, "target"));
	add_place(&s->words, host);
	add_word(&s->words, name_of(host));
	add_word(&s->words, reason_of(host));
	add_word(&s->words, json_object_get(json_object_get(host, "starttls"), "version"));
	add_word(&s->words, json_object_get(software, "name"));
	add_word(&s->words, json_object_get(software, "version"));
	for (size_t i = 0; i < json_array_size(all); i++) {
		const json_t *f = json_array_get(all, i);
		for (size_t k = 0; is_in_state(f, GP_FINDING_FAIL) && k < GP_ARRAY_LEN(of_finding);
		     k++)
			add_word(&s->words, json_object_get(f, of_finding[k]));
	}
	return lower(gp_buf_slice(&s->words), &s->arena);
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
	json_int_t time_s = json_integer_value(json_object_get(host, "time"));
	*row = (struct row){.line = line,
			    .words = words_of(s, host),
			    .time_s = time_s > 0 && time_s <= UINT32_MAX ? time_s : 0,
			    .number = (uint32_t)s->rows_len};
	count_findings(host, row);
	s->rows_len++;
	json_decref(host);
}

/* --- values --- */

static void
put_text(struct writer *w, const char *name, const json_t *value)
{
	struct gp_slice text = gp_slice(json_string_value(value), json_string_length(value));
	if (text.len == 0) {
		gp_json_null(&w->j, name);
		return;
	}
	text = gp_visible(gp_slice_take(text, SCANS_TEXT_MAX), w->arena);
	gp_json_text(&w->j, name, gp_slice_take(text, SCANS_TEXT_MAX));
}

static void
put_member(struct writer *w, const json_t *of, const char *name)
{
	put_text(w, name, json_object_get(of, name));
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
put_time(struct gp_json *j, const char *name, int64_t time_s)
{
	if (time_s > 0)
		gp_json_number(j, name, time_s);
	else
		gp_json_null(j, name);
}

static void
put_finding(struct writer *w, const json_t *f)
{
	gp_json_open(&w->j, NULL, '{');
	put_member(w, f, "id");
	put_member(w, f, "severity");
	put_member(w, f, "title");
	put_member(w, f, "evidence");
	gp_json_close(&w->j, '}');
}

/* Its faults, the gravest first. */
static void
put_findings(struct writer *w, const json_t *host, const struct row *row)
{
	const json_t *all = json_object_get(host, "findings");
	int64_t faults = 0, told = 0;
	gp_json_open(&w->j, "findings", '[');
	for (int severity = GP_SEVERITY_CRITICAL; severity >= GP_SEVERITY_INFO; severity--) {
		faults += row->faults[severity];
		for (size_t i = 0; told < SCANS_FINDINGS_TOLD && i < json_array_size(all); i++) {
			const json_t *f = json_array_get(all, i);
			if (severity_of(f) != severity || !is_in_state(f, GP_FINDING_FAIL))
				continue;
			put_finding(w, f);
			told++;
		}
	}
	gp_json_close(&w->j, ']');
	gp_json_number(&w->j, "findings_more", faults - told);
}

/* The likeliest, which stands first. */
static void
put_software(struct writer *w, const json_t *host)
{
	const json_t *first = json_array_get(json_object_get(host, "software"), 0);
	put_text(w, "software", json_object_get(first, "name"));
	put_text(w, "software_version", json_object_get(first, "version"));
}

static void
put_host(struct writer *w, const struct row *row)
{
	json_t *host = parse(row->line);
	const json_t *tls = json_object_get(host, "starttls");
	json_int_t port = json_integer_value(json_object_get(host, "port"));
	gp_json_open(&w->j, NULL, '{');
	put_member(w, host, "target");
	put_member(w, host, "address");
	gp_json_number(&w->j, "port", port >= 0 && port <= UINT16_MAX ? port : 0);
	put_text(w, "name", name_of(host));
	put_text(w, "reason", reason_of(host));
	put_time(&w->j, "time", row->time_s);
	put_text(w, "starttls", json_object_get(tls, "state"));
	put_text(w, "tls", json_object_get(tls, "version"));
	put_software(w, host);
	put_counts(&w->j, row->faults, row->unmeasured);
	put_findings(w, host, row);
	gp_json_close(&w->j, '}');
	json_decref(host);
}

/* --- which of them --- */

static bool
matches(const struct row *row, const struct scans_wish *wish, struct gp_slice text)
{
	uint32_t faults = 0;
	for (int severity = wish->severity - 1; severity <= GP_SEVERITY_CRITICAL; severity++)
		faults += severity >= 0 ? row->faults[severity] : 0;
	return (wish->severity == 0 || faults > 0) &&
	       (text.len == 0 || (row->words.len >= text.len &&
				  memmem(row->words.ptr, row->words.len, text.ptr, text.len)));
}

/* As many as there is room for, from the one on that is wished. */
static void
put_hosts(struct writer *w, const struct scans_wish *wish)
{
	const struct scans *s = w->s;
	struct gp_slice text = lower(wish->text, w->arena);
	size_t matching = 0, told = 0;
	gp_json_open(&w->j, "hosts", '[');
	for (size_t i = 0; i < s->rows_len; i++) {
		if (!matches(&s->rows[i], wish, text))
			continue;
		if (matching >= wish->start && told < SCANS_HOSTS_TOLD &&
		    w->j.out->len < SCANS_ENOUGH) {
			put_host(w, &s->rows[i]);
			told++;
		}
		matching++;
	}
	gp_json_close(&w->j, ']');
	size_t before = GP_MIN(matching, (size_t)wish->start);
	gp_json_number(&w->j, "hosts_before", (int64_t)before);
	gp_json_number(&w->j, "hosts_more", (int64_t)(matching - before - told));
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

/* As many as there can be rows: a file is small as a rule, and read anew whenever it changes. */
static size_t
rows_max(struct gp_slice text)
{
	size_t lines = 1;
	for (size_t i = 0; i < text.len && lines < SCANS_HOSTS_MAX; i++)
		lines += text.ptr[i] == '\n';
	return lines;
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

struct scans *
scans_free(struct scans *s)
{
	if (!s)
		return NULL;
	gp_arena_free(&s->arena);
	gp_buf_free(&s->words);
	free(s);
	return NULL;
}

struct scans *
scans_new(struct gp_slice text, int64_t time_s, uint64_t seed)
{
	struct scans *s = calloc(1, sizeof(*s));
	if (!s)
		return NULL;
	s->arena = GP_ARENA_INIT(SCANS_ARENA_MAX);
	s->words = GP_BUF_INIT(2 * SCANS_LINE_MAX);
	s->time_s = time_s;
	s->rows = gp_arena_array(&s->arena, rows_max(text), sizeof(*s->rows));
	if (!s->rows)
		return scans_free(s);
	/* jansson's own hash would read its seed from a file. */
	json_object_seed((size_t)seed | 1);
	read_lines(s, text);
	qsort(s->rows, s->rows_len, sizeof(*s->rows), compare);
	return s->arena.failed || s->words.failed ? scans_free(s) : s;
}

/* What all hosts have: their number, faults and times. */
static void
put_all(struct writer *w)
{
	const struct scans *s = w->s;
	struct row sum = {};
	int64_t first_s = 0, last_s = 0;
	for (size_t i = 0; i < s->rows_len; i++) {
		const struct row *row = &s->rows[i];
		for (int severity = GP_SEVERITY_INFO; severity <= GP_SEVERITY_CRITICAL; severity++)
			sum.faults[severity] += row->faults[severity];
		sum.unmeasured += row->unmeasured;
		last_s = GP_MAX(last_s, row->time_s);
		if (row->time_s > 0 && (first_s == 0 || row->time_s < first_s))
			first_s = row->time_s;
	}
	gp_json_number(&w->j, "time", s->time_s);
	put_time(&w->j, "scanned_from", first_s);
	put_time(&w->j, "scanned_to", last_s);
	gp_json_number(&w->j, "hosts_all", (int64_t)s->rows_len);
	put_counts(&w->j, sum.faults, sum.unmeasured);
}

int
scans_write(const struct scans *s, const struct scans_wish *wish, struct gp_arena *arena,
	    struct gp_buf *out)
{
	struct writer w = {.s = s, .arena = arena, .j = {.out = out}};
	gp_json_open(&w.j, NULL, '{');
	gp_json_bool(&w.j, "configured", true);
	put_all(&w);
	put_hosts(&w, wish);
	gp_json_bool(&w.j, "hosts_cut", s->cut);
	gp_json_number(&w.j, "unread", s->unread);
	gp_json_close(&w.j, '}');
	return arena->failed || out->failed ? -ENOMEM : 0;
}
