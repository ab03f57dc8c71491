/* SPDX-License-Identifier: Apache-2.0 */
/* What was found; a finding's records as if they were published; the tables of docs/audit.md. */
#pragma once

#include "base/buf.h"
#include "world.h"

enum { DOCUMENT_MAX = 1 << 18 };

#define TABLE_HEAD "| id | severity here | what | proposed |\n|---|---|---|---|\n"

static inline bool
has(const struct gp_findings *list, const char *id)
{
	for (size_t i = 0; i < list->len; i++) {
		if (list->items[i].state == GP_FINDING_FAIL &&
		    strcmp(list->items[i].kind->id, id) == 0)
			return true;
	}
	return false;
}

static inline const struct gp_finding *
get(const struct gp_findings *list, const char *id)
{
	for (size_t i = 0; i < list->len; i++) {
		if (list->items[i].state == GP_FINDING_FAIL &&
		    strcmp(list->items[i].kind->id, id) == 0)
			return &list->items[i];
	}
	return NULL;
}

static inline void
assert_nothing(const struct gp_findings *list, const char *where)
{
	for (size_t i = 0; i < list->len; i++) {
		const struct gp_finding *f = &list->items[i];
		if (f->state == GP_FINDING_FAIL)
			fail_msg("%s: %s: %.*s", where, f->kind->id, GP_SLICE_FMT(f->evidence));
	}
}

/* --- published --- */

/* TXT: those of the same version go; below "_" there is only one purpose. */
static inline void
drop_txt(const char *name, json_t *records)
{
	for (size_t i = json_array_size(records); i > 0; i--) {
		const char *text = json_string_value(json_array_get(records, i - 1));
		if (name[0] == '_' || strstr(name, "._domainkey.") ||
		    (text && strstr(text, "spf1")))
			json_array_remove(records, i - 1);
	}
}

static inline json_t *
make_tlsa(struct gp_slice value)
{
	uint64_t fields[3];
	for (int i = 0; i < 3; i++)
		assert_true(gp_slice_u64(gp_slice_cut(&value, ' '), UINT8_MAX, &fields[i]));
	return json_pack("[i, i, i, s%]", (int)fields[0], (int)fields[1], (int)fields[2], value.ptr,
			 value.len);
}

/* FLAGS TAG "VALUE" */
static inline json_t *
make_caa(struct gp_slice text)
{
	uint64_t flags;
	assert_true(gp_slice_u64(gp_slice_cut(&text, ' '), UINT8_MAX, &flags));
	struct gp_slice tag = gp_slice_cut(&text, ' ');
	assert_true(text.len >= 2 && text.ptr[0] == '"' && text.ptr[text.len - 1] == '"');
	return json_pack("[i, s%, s%]", (int)flags, tag.ptr, tag.len, text.ptr + 1, text.len - 2);
}

static inline json_t *
make_value(const struct gp_finding_record *record)
{
	struct gp_slice host = record->value;
	if (strcmp(record->type, "TXT") == 0)
		return json_stringn(record->value.ptr, record->value.len);
	if (strcmp(record->type, "TLSA") == 0)
		return make_tlsa(record->value);
	if (strcmp(record->type, "CAA") == 0)
		return make_caa(record->value);
	assert_string_equal(record->type, "MX");
	struct gp_slice preference = gp_slice_cut(&host, ' ');
	uint64_t n;
	assert_true(gp_slice_u64(preference, UINT16_MAX, &n));
	return json_pack("[i, s%]", (int)n, host.ptr, host.len);
}

static inline void
publish(json_t *world, const struct gp_finding *f)
{
	for (int adding = 0; adding < 2; adding++) {
		for (size_t i = 0; i < f->records_len; i++) {
			const struct gp_finding_record *r = &f->records[i];
			char name[300];
			snprintf(name, sizeof(name), "%.*s", GP_SLICE_FMT(r->name));
			json_t *node = json_object_get(world, name);
			if (!node) {
				node = json_object();
				json_object_set_new(world, name, node);
			}
			/* Such records are proposed where the zone is signed. */
			if (strcmp(r->type, "TLSA") == 0)
				json_object_set_new(node, "secure", json_true());
			json_t *records = json_object_get(node, r->type);
			if (!records) {
				records = json_array();
				json_object_set_new(node, r->type, records);
			}
			if (adding)
				json_array_append_new(records, make_value(r));
			else if (strcmp(r->type, "TXT") == 0)
				drop_txt(name, records);
			else
				json_array_clear(records);
		}
	}
}

/* --- documented --- */

static inline const char *
mended_by(const struct gp_finding *f)
{
	static char text[32];
	snprintf(text, sizeof(text), "%zu records", f->records_len);
	return f->records_len == 0 ? "no record" : f->records_len == 1 ? "a record" : text;
}

/* Ends the table with a NUL. program: what prints it. */
static inline void
assert_in_document(struct gp_buf *table, const char *program)
{
	struct gp_buf text = GP_BUF_INIT(DOCUMENT_MAX);
	gp_buf_put_char(table, '\0');
	FILE *f = fopen(GP_TESTS_DIR "/../docs/audit.md", "re");
	char *to = gp_buf_reserve(&text, DOCUMENT_MAX - 1);
	assert_true(f && to);
	gp_buf_advance(&text, fread(to, 1, DOCUMENT_MAX - 1, f));
	fclose(f);
	gp_buf_put_char(&text, '\0');
	if (!strstr(gp_buf_slice(&text).ptr, gp_buf_slice(table).ptr))
		fail_msg("docs/audit.md says otherwise; %s --table prints:\n%s", program,
			 gp_buf_slice(table).ptr);
	gp_buf_free(&text);
}

/* With --table: prints the table as it is now, for the document. */
static inline bool
printed_table(int argc, char **argv, void (*put)(struct gp_buf *out))
{
	if (argc != 2 || strcmp(argv[1], "--table") != 0)
		return false;
	struct gp_buf table = GP_BUF_INIT(DOCUMENT_MAX);
	put(&table);
	printf("%.*s", GP_SLICE_FMT(gp_buf_slice(&table)));
	gp_buf_free(&table);
	return true;
}
