/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gatepost.yaml to struct gp_config. Two passes of libyaml: over the events, to refuse what the
 * document form would hide (anchors and aliases, tags, a second document) and what is nested too
 * deeply; then over the document, along the schema.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/utf8.h"
#include "core/config/nearest.h"
#include "core/config/reading.h"

enum {
	DEPTH_MAX = 16, /* nested lists and mappings; the schema needs 6 */
	SHOWN_MAX = 60, /* octets of a wrong word that a complaint shows */
	TEXT_MAX = 1024,
	GROUP_KEYS_MAX = 32,
	SCRATCH_MAX = 64 << 10,
};

struct gp_slice
reading_shown(struct gp_slice s)
{
	size_t len = GP_MIN(s.len, (size_t)SHOWN_MAX);
	/* Not in the middle of a UTF-8 character. */
	while (len < s.len && len > 0 && ((unsigned char)s.ptr[len] & 0xc0) == 0x80)
		len--;
	return gp_slice_take(s, len);
}

/* A file of recipients or aliases may have octets that are no text; who shows complaints, on a
 * terminal or as JSON, takes UTF-8. */
static struct gp_slice
printable(struct reading *r, struct gp_slice s)
{
	char *copy = gp_arena_str(r->arena, s);
	for (size_t i = 0; copy && i < s.len;) {
		size_t n = gp_utf8_len(gp_slice_drop(s, i));
		if (n > 0 && gp_utf8_printable(gp_slice(s.ptr + i, n)))
			i += n;
		else
			copy[i++] = '?';
	}
	return gp_slice(copy, copy ? s.len : 0);
}

void
reading_complain(struct reading *r, struct gp_place at, const char *fmt, ...)
{
	char text[TEXT_MAX];
	va_list args;
	if (r->complaints_len >= GP_CONFIG_COMPLAINTS_MAX)
		fmt = "there are more mistakes; mend these first";
	if (r->complaints_len > GP_CONFIG_COMPLAINTS_MAX)
		return;
	va_start(args, fmt);
	int n = vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	if (!r->complaints)
		r->complaints = gp_arena_array(r->arena, GP_CONFIG_COMPLAINTS_MAX + 1,
					       sizeof(*r->complaints));
	if (!r->complaints || n < 0)
		return;
	struct gp_slice s = gp_slice(text, GP_MIN((size_t)n, sizeof(text) - 1));
	r->complaints[r->complaints_len++] =
		(struct gp_complaint){.place = at, .text = printable(r, s)};
}

static struct gp_place
place_of_mark(const struct reading *r, yaml_mark_t mark)
{
	return (struct gp_place){.file = r->file,
				 .line = (uint32_t)mark.line + 1,
				 .column = (uint32_t)mark.column + 1};
}

struct gp_place
reading_place(const struct reading *r, const yaml_node_t *node)
{
	return place_of_mark(r, node->start_mark);
}

bool
reading_is_empty(const yaml_node_t *node)
{
	return !node || (node->type == YAML_SCALAR_NODE && node->data.scalar.length == 0 &&
			 node->data.scalar.style == YAML_PLAIN_SCALAR_STYLE);
}

bool
reading_scalar(struct reading *r, const yaml_node_t *node, const char *what, struct gp_slice *ret)
{
	if (node->type != YAML_SCALAR_NODE) {
		reading_complain(r, reading_place(r, node), "%s takes one value, not a %s", what,
				 node->type == YAML_SEQUENCE_NODE ? "list" : "mapping");
		return false;
	}
	if (reading_is_empty(node)) {
		reading_complain(r, reading_place(r, node), "%s has no value", what);
		return false;
	}
	*ret = reading_text(node);
	return true;
}

size_t
reading_count(const yaml_node_t *node)
{
	if (node->type == YAML_SEQUENCE_NODE)
		return (size_t)(node->data.sequence.items.top - node->data.sequence.items.start);
	if (node->type == YAML_MAPPING_NODE)
		return (size_t)(node->data.mapping.pairs.top - node->data.mapping.pairs.start);
	return 0;
}

const yaml_node_t *
reading_item(const struct reading *r, const yaml_node_t *node, size_t at)
{
	gp_assert(node->type == YAML_SEQUENCE_NODE && at < reading_count(node));
	return yaml_document_get_node(r->doc, node->data.sequence.items.start[at]);
}

const yaml_node_t *
reading_pair(const struct reading *r, const yaml_node_t *node, size_t at,
	     const yaml_node_t **ret_value)
{
	gp_assert(node->type == YAML_MAPPING_NODE && at < reading_count(node));
	yaml_node_pair_t pair = node->data.mapping.pairs.start[at];
	*ret_value = yaml_document_get_node(r->doc, pair.value);
	return yaml_document_get_node(r->doc, pair.key);
}

/* A key that is right in another place. */
static const char *
group_that_has(struct gp_slice name)
{
	for (size_t i = 0; i < gp_schema.keys_len; i++) {
		const struct gp_key *key = &gp_schema.keys[i];
		if (key->group && gp_schema_key(key->group, name))
			return key->name;
	}
	return gp_schema_key(&gp_schema, name) ? "" : NULL;
}

/* Returns the key that was probably meant, or NULL. */
static const struct gp_key *
complain_unknown(struct reading *r, struct gp_place at, const struct gp_key_group *group,
		 struct gp_slice name)
{
	struct gp_nearest nearest = gp_nearest(name);
	const char *elsewhere = group_that_has(name);
	struct gp_slice shown = reading_shown(name);
	for (size_t i = 0; i < group->keys_len; i++) {
		if (group->keys[i].type != GP_KEY_LATER)
			gp_nearest_offer(&nearest, gp_slice_str(group->keys[i].name));
	}
	if (elsewhere && elsewhere[0] == '\0')
		reading_complain(r, at, "'%.*s' does not belong here but at the left margin",
				 GP_SLICE_FMT(shown));
	else if (elsewhere)
		reading_complain(r, at, "'%.*s' does not belong here but below '%s'",
				 GP_SLICE_FMT(shown), elsewhere);
	else if (nearest.word.len > 0)
		reading_complain(r, at, "unknown key '%.*s'; did you mean '%.*s'?",
				 GP_SLICE_FMT(shown), GP_SLICE_FMT(nearest.word));
	else
		reading_complain(r, at, "unknown key '%.*s'", GP_SLICE_FMT(shown));
	return elsewhere ? NULL : gp_schema_key(group, nearest.word);
}

/* Finds each key's value; what is unknown, doubled or not a word is complained of. */
static void
match_keys(struct reading *r, const yaml_node_t *node, const struct gp_key_group *group,
	   const yaml_node_t **values)
{
	for (size_t i = 0; i < reading_count(node); i++) {
		const yaml_node_t *value;
		const yaml_node_t *name = reading_pair(r, node, i, &value);
		struct gp_place at = reading_place(r, name);
		struct gp_slice text;
		if (!reading_scalar(r, name, "a key", &text))
			continue;
		const struct gp_key *key = gp_schema_key(group, text);
		if (!key) {
			/* Read on as if it were spelled well: no further mistake is missed, and
			   none is made up, such as that the key is missing. */
			key = complain_unknown(r, at, group, text);
			if (key && !values[key - group->keys])
				values[key - group->keys] = value;
		} else if (key->type == GP_KEY_LATER) {
			reading_complain(r, at, "'%s' is not supported by this version", key->name);
		} else if (values[key - group->keys]) {
			reading_complain(r, at, "'%s' was already given in line %zu", key->name,
					 values[key - group->keys]->start_mark.line + 1);
		} else {
			values[key - group->keys] = value;
		}
	}
}

static void
read_key(struct reading *r, const yaml_node_t *node, const struct gp_key *key, void *base)
{
	static reading_shape *const shapes[] = {
		[GP_KEY_LISTENS] = reading_listens,
		[GP_KEY_NETWORKS] = reading_networks,
		[GP_KEY_EXEMPT] = reading_exempt,
		[GP_KEY_PROXIES] = reading_proxies,
		[GP_KEY_OVERRIDES] = reading_overrides,
		[GP_KEY_SEALERS] = reading_sealers,
		[GP_KEY_ROUTES] = reading_routes,
		[GP_KEY_DOMAINS] = reading_domains,
		[GP_KEY_DESTINATIONS] = reading_destinations,
		[GP_KEY_FINGERPRINTS] = reading_fingerprints,
		[GP_KEY_ALIASES] = reading_aliases,
		[GP_KEY_RECIPIENTS] = reading_recipients,
		[GP_KEY_DELIVER] = reading_deliver,
		[GP_KEY_LOCAL] = reading_local,
		[GP_KEY_CERTIFICATES] = reading_certificates,
		[GP_KEY_KEYS] = reading_keys,
		[GP_KEY_PATTERNS] = reading_patterns,
		[GP_KEY_TEXT] = reading_content,
		[GP_KEY_ANSWERS] = reading_content,
		[GP_KEY_LATER] = NULL,
	};
	struct gp_slice text;
	void *at = (char *)base + key->offset;
	if (key->type == GP_KEY_GROUP)
		reading_group(r, node, reading_place(r, node), key, key->group, base);
	else if (shapes[key->type])
		shapes[key->type](r, node, key, at);
	else if (reading_scalar(r, node, key->name, &text))
		reading_value(r, reading_place(r, node), key, text, at);
}

static void
apply_preset(struct reading *r, struct gp_place place, const struct gp_key *key, void *base)
{
	if (key->required)
		reading_complain(r, place, "'%s' is missing. %s", key->name, key->doc);
	else if (key->type == GP_KEY_GROUP)
		reading_group(r, NULL, place, key, key->group, base);
	else if (key->preset && key->type < GP_KEY_GROUP)
		reading_value(r, place, key, gp_slice_str(key->preset), (char *)base + key->offset);
	if (key->stranger_offset > 0)
		reading_loosen(r, key, (char *)base + key->offset);
}

void
reading_group(struct reading *r, const yaml_node_t *node, struct gp_place place,
	      const struct gp_key *owner, const struct gp_key_group *group, void *base)
{
	const yaml_node_t *values[GROUP_KEYS_MAX] = {};
	gp_assert(group->keys_len <= GROUP_KEYS_MAX);
	bool given = node && !reading_is_empty(node);
	if (given && node->type != YAML_MAPPING_NODE) {
		reading_complain(r, place, "%s takes keys of its own, as in `%s: {%s: ...}`",
				 owner ? owner->name : "the file", owner ? owner->name : "hostname",
				 group->keys[0].name);
		return;
	}
	if (given)
		match_keys(r, node, group, values);
	for (size_t i = 0; i < group->keys_len; i++) {
		const struct gp_key *key = &group->keys[i];
		if (values[i])
			read_key(r, values[i], key, base);
		else
			apply_preset(r, place, key, base);
	}
}

/* What libyaml's words mean for who meets them most often: with a tab, or an address. */
static const char *
hint_of(const char *problem)
{
	return strcmp(problem, "found character that cannot start any token") == 0
		       ? "; indent by spaces and not by tabs, and quote what begins with @, ` or %"
		       : "";
}

/* What cannot even be read has no mark of libyaml's, which reads ahead, only an offset. */
static struct gp_place
place_of_octet(const struct reading *r, struct gp_slice yaml, size_t offset)
{
	struct gp_place at = {.file = r->file, .line = 1, .column = 1};
	for (size_t i = 0; i < offset && i < yaml.len; i++) {
		if (yaml.ptr[i] == '\n') {
			at.line++;
			at.column = 1;
		} else if (((unsigned char)yaml.ptr[i] & 0xc0) != 0x80) {
			at.column++;
		}
	}
	return at;
}

/* libyaml's own words, such as "did not find expected ',' or ']'". */
static void
complain_syntax(struct reading *r, const yaml_parser_t *p, struct gp_slice yaml)
{
	const char *problem = p->problem ? p->problem : "cannot be read";
	struct gp_place at = place_of_mark(r, p->problem_mark);
	if (p->error == YAML_MEMORY_ERROR) {
		r->arena->failed = true;
	} else if (p->error == YAML_READER_ERROR) {
		at = place_of_octet(r, yaml, p->problem_offset);
		reading_complain(r, at, "not YAML: %s", problem);
	} else if (p->context) {
		reading_complain(r, at, "not YAML: %s (%s that begins in line %zu)%s", problem,
				 p->context, p->context_mark.line + 1, hint_of(problem));
	} else {
		reading_complain(r, at, "not YAML: %s", problem);
	}
}

static bool
has_tag_or_anchor(const yaml_event_t *e)
{
	switch (e->type) {
	case YAML_SCALAR_EVENT:
		return e->data.scalar.anchor || e->data.scalar.tag;
	case YAML_SEQUENCE_START_EVENT:
		return e->data.sequence_start.anchor || e->data.sequence_start.tag;
	case YAML_MAPPING_START_EVENT:
		return e->data.mapping_start.anchor || e->data.mapping_start.tag;
	default:
		return e->type == YAML_ALIAS_EVENT;
	}
}

struct survey {
	unsigned int depth, documents;
};

/* False: the document form must not be built. */
static bool
survey_event(struct reading *r, const yaml_event_t *e, struct survey *s)
{
	struct gp_place at = place_of_mark(r, e->start_mark);
	if (has_tag_or_anchor(e)) {
		reading_complain(r, at,
				 "anchors (&), aliases (*) and tags (!) are not taken here; "
				 "text that begins with one of these needs quotes");
		return false;
	}
	if (e->type == YAML_DOCUMENT_START_EVENT && ++s->documents > 1) {
		reading_complain(r, at, "a second document begins here; there can be only one");
		return false;
	}
	if (e->type == YAML_SEQUENCE_START_EVENT || e->type == YAML_MAPPING_START_EVENT)
		s->depth++;
	if (e->type == YAML_SEQUENCE_END_EVENT || e->type == YAML_MAPPING_END_EVENT)
		s->depth--;
	if (s->depth > DEPTH_MAX) {
		reading_complain(r, at, "nested more than %d deep", DEPTH_MAX);
		return false;
	}
	return true;
}

static bool
start_parser(struct reading *r, yaml_parser_t *p, struct gp_slice yaml)
{
	if (!yaml_parser_initialize(p)) {
		r->arena->failed = true;
		return false;
	}
	yaml_parser_set_encoding(p, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(p, (const unsigned char *)yaml.ptr, yaml.len);
	return true;
}

/* All that is wrong with the form; false when the document must not be built. */
static bool
survey_text(struct reading *r, struct gp_slice yaml)
{
	yaml_parser_t p;
	struct survey s = {};
	bool good = true, end = false;
	if (!start_parser(r, &p, yaml))
		return false;
	while (good && !end) {
		yaml_event_t e;
		if (!yaml_parser_parse(&p, &e)) {
			complain_syntax(r, &p, yaml);
			good = false;
			break;
		}
		good = survey_event(r, &e, &s);
		end = e.type == YAML_STREAM_END_EVENT;
		yaml_event_delete(&e);
	}
	yaml_parser_delete(&p);
	return good;
}

static void
read_document(struct reading *r, struct gp_slice yaml)
{
	yaml_parser_t p;
	yaml_document_t doc;
	if (!start_parser(r, &p, yaml))
		return;
	if (!yaml_parser_load(&p, &doc)) {
		complain_syntax(r, &p, yaml);
		yaml_parser_delete(&p);
		return;
	}
	/* cppcheck-suppress autoVariables; it is taken away again below */
	r->doc = &doc;
	const yaml_node_t *root = yaml_document_get_root_node(&doc);
	struct gp_place top = {.file = r->file, .line = 1, .column = 1};
	reading_group(r, root, top, NULL, &gp_schema, r->cfg);
	if (!r->arena->failed)
		reading_check(r);
	r->doc = NULL;
	yaml_document_delete(&doc);
	yaml_parser_delete(&p);
}

static bool
stands_before(const struct reading *r, const struct gp_place *a, const struct gp_place *b)
{
	bool a_main = gp_slice_eq(a->file, r->file), b_main = gp_slice_eq(b->file, r->file);
	if (a_main != b_main)
		return a_main;
	int order = gp_slice_cmp(a->file, b->file);
	if (order != 0)
		return order < 0;
	return a->line < b->line || (a->line == b->line && a->column < b->column);
}

/* Insertion sort: there are a hundred at most, and equal places keep their order. The last one,
 * when it says that there are more, stays where it is. */
static void
sort_complaints(struct reading *r)
{
	size_t len = GP_MIN(r->complaints_len, (size_t)GP_CONFIG_COMPLAINTS_MAX);
	for (size_t i = 1; i < len; i++) {
		struct gp_complaint moving = r->complaints[i];
		size_t j = i;
		for (; j > 0 && stands_before(r, &moving.place, &r->complaints[j - 1].place); j--)
			r->complaints[j] = r->complaints[j - 1];
		r->complaints[j] = moving;
	}
}

int
gp_config_parse(struct gp_slice yaml, struct gp_slice file, const struct gp_config_reader *reader,
		struct gp_arena *arena, struct gp_config *ret, struct gp_complaints *ret_complaints)
{
	struct reading r = {
		.files = reader, .arena = arena, .scratch = GP_ARENA_INIT(SCRATCH_MAX), .cfg = ret};
	*ret = (struct gp_config){};
	if (gp_slice_starts(yaml, GP_SLICE("\xef\xbb\xbf"))) /* of an editor that means well */
		yaml = gp_slice_drop(yaml, 3);
	r.file = gp_arena_dup(arena, file);
	r.folder = gp_slice_take(r.file, (size_t)(gp_slice_rfind(r.file, '/') + 1));
	const struct gp_place whole = {.file = r.file, .line = 1, .column = 1};
	/* It begins the paths that were relative, in a canonical form that is UTF-8. */
	if (!gp_utf8_valid(r.folder))
		reading_complain(&r, whole, "the name of its folder is not UTF-8");
	if (yaml.len > GP_CONFIG_IMAGE_MAX)
		reading_complain(&r, whole, "larger than %d octets", GP_CONFIG_IMAGE_MAX);
	else if (survey_text(&r, yaml))
		read_document(&r, yaml);
	arena->failed = arena->failed || r.scratch.failed;
	gp_arena_free(&r.scratch);
	sort_complaints(&r);
	*ret_complaints = (struct gp_complaints){r.complaints, r.complaints_len};
	if (arena->failed)
		return -ENOMEM;
	return r.complaints_len > 0 ? 1 : 0;
}

void
gp_complaint_write(struct gp_buf *out, const struct gp_complaint *c)
{
	gp_buf_put(out, c->place.file);
	gp_buf_printf(out, ":%u:%u: ", c->place.line, c->place.column);
	gp_buf_put(out, c->text);
}
