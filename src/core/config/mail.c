/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a domain has: recipients, aliases, a way to deliver; and the files they may stand in.
 * A file of recipients has one a line. A file of aliases has lines `name: target, target`; a line
 * that begins with a space goes on the one before; `#` begins a comment where a line begins.
 * Programs, files and :include: as targets, known from /etc/aliases elsewhere, are refused.
 */
#include <errno.h>
#include <string.h>

#include "base/map.h"
#include "base/utf8.h"
#include "core/config/nearest.h"
#include "core/config/reading.h"
#include "core/config/value.h"
#include "core/dns/idn.h"
#include "core/policy/mailbox.h"
#include "core/smtp/address.h"

enum {
	ALIAS_TARGETS_MAX = 1000,
	PATTERNS_MAX = 100, /* a policy of them is far from what senders take */
};

static const uint64_t no_seed[2];

const yaml_node_t *
reading_only_key(const struct reading *r, const yaml_node_t *node, const char *name)
{
	const yaml_node_t *value;
	if (node->type != YAML_MAPPING_NODE || reading_count(node) != 1)
		return NULL;
	const yaml_node_t *key = reading_pair(r, node, 0, &value);
	bool same =
		key->type == YAML_SCALAR_NODE && gp_slice_eq(reading_text(key), gp_slice_str(name));
	return same && value->type == YAML_SCALAR_NODE ? value : NULL;
}

bool
reading_file(struct reading *r, const yaml_node_t *node, struct gp_slice *ret_path,
	     struct gp_slice *ret_content)
{
	struct gp_slice text;
	struct gp_place at = reading_place(r, node);
	if (!reading_scalar(r, node, "file", &text))
		return false;
	if (!r->files) {
		reading_complain(r, at, "files are not read here");
		return false;
	}
	if (gp_slice_find(text, '\0') >= 0) {
		reading_complain(r, at, "not a path");
		return false;
	}
	*ret_path = reading_path(r, text);
	if (r->arena->failed)
		return false;
	int rc = r->files->read(r->files->context, *ret_path, r->arena, ret_content);
	if (rc != 0) {
		const char *why = strerrordesc_np(-rc);
		reading_complain(r, at, "cannot read %.*s: %s", GP_SLICE_FMT(*ret_path),
				 why ? why : "unknown error");
	}
	return rc == 0;
}

static void
check_answers(struct reading *r, struct gp_slice path, struct gp_slice content)
{
	struct gp_place at = {path, 1, 1};
	struct gp_slice why = {};
	if (!r->files->check_answers)
		return;
	int rc = r->files->check_answers(r->files->context, content, r->arena, &at.line, &at.column,
					 &why);
	if (rc < 0)
		r->arena->failed = true;
	else if (rc > 0)
		reading_complain(r, at, "%.*s", GP_SLICE_FMT(why));
}

void
reading_content(struct reading *r, const yaml_node_t *node, const struct gp_key *key, void *at)
{
	struct gp_slice path, content, *ret = at;
	const yaml_node_t *inlined = reading_only_key(r, node, "text");
	if (inlined) {
		*ret = gp_arena_dup(r->arena, reading_text(inlined));
		return;
	}
	if (node->type != YAML_SCALAR_NODE) {
		reading_complain(r, reading_place(r, node), "%s takes a path, or {text: ...}",
				 key->name);
		return;
	}
	if (!reading_file(r, node, &path, &content))
		return;
	if (!gp_utf8_valid(content))
		reading_complain(r, (struct gp_place){path, 1, 1}, "not UTF-8");
	else if (key->type == GP_KEY_ANSWERS)
		check_answers(r, path, content);
	*ret = content;
}

static struct gp_slice
lower(struct reading *r, struct gp_slice s)
{
	char *copy = gp_arena_str(r->arena, s);
	for (size_t i = 0; copy && i < s.len; i++)
		copy[i] = gp_ascii_lower(copy[i]);
	return gp_slice(copy, copy ? s.len : 0);
}

/* A name, or "*." and one: RFC 8461 section 4.1. */
static void
read_pattern(struct reading *r, struct gp_place at, struct gp_slice text, struct gp_slice *ret)
{
	struct gp_slice name;
	if (!gp_slice_starts(text, GP_SLICE("*.")))
		(void)reading_domain(r, at, text, ret);
	else if (reading_domain(r, at, gp_slice_drop(text, 2), &name))
		*ret = gp_arena_printf(r->arena, "*.%.*s", GP_SLICE_FMT(name));
}

void
reading_patterns(struct reading *r, const yaml_node_t *node, const struct gp_key *key, void *at)
{
	struct gp_domain_config *d = at;
	size_t len = reading_count(node);
	struct gp_slice text, *items = gp_arena_array(r->arena, len, sizeof(*items));
	if (node->type != YAML_SEQUENCE_NODE || len == 0 || len > PATTERNS_MAX) {
		reading_complain(r, reading_place(r, node), "%s takes a list of 1 to %d names",
				 key->name, PATTERNS_MAX);
		return;
	}
	for (size_t i = 0; items && i < len; i++) {
		const yaml_node_t *item = reading_item(r, node, i);
		if (reading_scalar(r, item, "a name", &text))
			read_pattern(r, reading_place(r, item), text, &items[i]);
	}
	d->mta_sts.mx = items;
	d->mta_sts.mx_len = items ? len : 0;
}

/* Text without an "@" that separates: one inside quotes does not. */
static bool
is_bare_local(struct gp_slice text)
{
	return gp_slice_find(text, '@') < 0 || gp_slice_ends_nocase(text, GP_SLICE("\""));
}

/* An address in the scratch arena; bare local parts get the domain. False: it complained. */
static bool
read_address(struct reading *r, struct gp_place at, struct gp_slice text, struct gp_slice domain,
	     struct gp_address *ret)
{
	const char *why = NULL;
	struct gp_slice shown = reading_shown(text), whole = text;
	gp_arena_reset(&r->scratch);
	if (text.len > GP_PATH_MAX) {
		reading_complain(r, at, "'%.*s...' is too long for an address",
				 GP_SLICE_FMT(shown));
		return false;
	}
	/* An empty domain was complained of, and its recipients cannot be judged. */
	if (domain.len == 0)
		return false;
	if (is_bare_local(text))
		whole = gp_arena_printf(&r->scratch, "%.*s@%.*s", GP_SLICE_FMT(text),
					GP_SLICE_FMT(domain));
	int rc = gp_address_parse(whole, &r->scratch, ret, &why);
	if (rc == 1)
		reading_complain(r, at, "'%.*s' is not an address: %s", GP_SLICE_FMT(shown), why);
	return rc == 0;
}

/* A local part of the domain itself, lower case; it may be written with the domain. */
static bool
read_local(struct reading *r, struct gp_place at, struct gp_slice text, struct gp_slice domain,
	   struct gp_slice *ret)
{
	struct gp_address address;
	struct gp_slice name;
	if (!read_address(r, at, text, domain, &address))
		return false;
	if (address.domain_kind != GP_DOMAIN_NAME ||
	    gp_idn_to_ascii(address.domain, &r->scratch, &name) != 0 ||
	    !gp_slice_eq(name, domain)) {
		reading_complain(r, at, "'%.*s' is not in %.*s", GP_SLICE_FMT(reading_shown(text)),
				 GP_SLICE_FMT(domain));
		return false;
	}
	*ret = lower(r, address.local);
	return true;
}

/* Goes through the lines of a file: comments and empty lines are left out. */
struct lines {
	struct gp_slice rest;
	struct gp_place place; /* of the line's first octet that is no space */
	struct gp_slice line;  /* without spaces around it */
	bool indented;
};

static bool
next_line(struct lines *l)
{
	while (l->rest.len > 0) {
		struct gp_slice raw = gp_slice_cut(&l->rest, '\n');
		l->place.line++;
		if (raw.len > 0 && raw.ptr[raw.len - 1] == '\r')
			raw.len--;
		l->line = gp_slice_trim(raw);
		if (l->line.len == 0 || l->line.ptr[0] == '#')
			continue;
		l->indented = l->line.ptr != raw.ptr;
		l->place.column = (uint32_t)(l->line.ptr - raw.ptr) + 1;
		return true;
	}
	return false;
}

static size_t
count_lines(struct gp_slice text)
{
	struct lines l = {.rest = text};
	size_t n = 0;
	while (next_line(&l))
		n++;
	return n;
}

static void
read_recipient_file(struct reading *r, const yaml_node_t *node, struct gp_domain_config *d)
{
	struct gp_slice path, content, *items;
	if (!reading_file(r, node, &path, &content))
		return;
	items = gp_arena_array(r->arena, count_lines(content), sizeof(*items));
	struct lines l = {.rest = content, .place.file = path};
	while (items && next_line(&l)) {
		if (read_local(r, l.place, l.line, d->name, &items[d->recipients_len]))
			d->recipients_len++;
	}
	d->recipients = items;
}

static void
read_recipient_list(struct reading *r, const yaml_node_t *node, struct gp_domain_config *d)
{
	size_t len = reading_count(node);
	struct gp_slice text, *items = gp_arena_array(r->arena, len, sizeof(*items));
	for (size_t i = 0; items && i < len; i++) {
		const yaml_node_t *item = reading_item(r, node, i);
		if (reading_scalar(r, item, "a recipient", &text) &&
		    read_local(r, reading_place(r, item), text, d->name, &items[d->recipients_len]))
			d->recipients_len++;
	}
	d->recipients = items;
}

void
reading_local(struct reading *r, const yaml_node_t *node, const struct gp_key *key, void *at)
{
	const struct gp_domain_config *d =
		gp_container_of((struct gp_slice *)at, struct gp_domain_config, reports);
	struct gp_slice text;
	if (reading_scalar(r, node, key->name, &text))
		(void)read_local(r, reading_place(r, node), text, d->name, at);
}

void
reading_recipients(struct reading *r, const yaml_node_t *node, const struct gp_key *key, void *at)
{
	struct gp_domain_config *d = at;
	const yaml_node_t *file = reading_only_key(r, node, "file");
	if (file)
		read_recipient_file(r, file, d);
	else if (node->type == YAML_SEQUENCE_NODE)
		read_recipient_list(r, node, d);
	else if (node->type == YAML_SCALAR_NODE && gp_slice_eq(reading_text(node), GP_SLICE("any")))
		d->recipients_any = true;
	else
		reading_complain(r, reading_place(r, node), "%s takes a list, {file: PATH} or any",
				 key->name);
}

/* NULL: it may be an address. */
static const char *
forbidden_target(struct gp_slice s)
{
	if (gp_slice_starts(s, GP_SLICE("\"")))
		s = gp_slice_drop(s, 1);
	if (gp_slice_starts(s, GP_SLICE("|")))
		return "programs are not run; let them read a mailbox, or speak LMTP";
	if (gp_slice_starts(s, GP_SLICE("/")))
		return "files are not written to; name a mailbox";
	if (gp_slice_starts_nocase(s, GP_SLICE(":include:")))
		return "other files are not included; write their addresses here";
	return NULL;
}

/* The next target of a list with commas; those inside quotes separate nothing. */
static struct gp_slice
cut_target(struct gp_slice *s)
{
	bool quoted = false;
	for (size_t i = 0; i < s->len; i++) {
		if (s->ptr[i] == '\\' && quoted) {
			i++;
		} else if (s->ptr[i] == '"') {
			quoted = !quoted;
		} else if (s->ptr[i] == ',' && !quoted) {
			struct gp_slice head = gp_slice_take(*s, i);
			*s = gp_slice_drop(*s, i + 1);
			return gp_slice_trim(head);
		}
	}
	struct gp_slice head = *s;
	*s = gp_slice(NULL, 0);
	return gp_slice_trim(head);
}

/* One alias while its targets are counted. */
struct alias_draft {
	struct gp_domain_config *domain;
	struct gp_slice *targets;
	size_t len;
	bool bad; /* a target was complained of */
};

static void
start_draft(struct alias_draft *draft)
{
	draft->len = 0;
	draft->bad = false;
}

static void
add_target(struct reading *r, struct gp_place at, struct gp_slice text, struct alias_draft *draft)
{
	struct gp_address address;
	const char *why = forbidden_target(text);
	struct gp_slice shown = reading_shown(text);
	draft->bad = draft->bad || why;
	if (why) {
		reading_complain(r, at, "'%.*s': %s", GP_SLICE_FMT(shown), why);
		return;
	}
	if (draft->len >= ALIAS_TARGETS_MAX) {
		if (draft->len++ == ALIAS_TARGETS_MAX)
			reading_complain(r, at, "more than %d targets", ALIAS_TARGETS_MAX);
		return;
	}
	if (read_address(r, at, text, draft->domain->name, &address))
		draft->targets[draft->len++] = gp_arena_dup(r->arena, address.text);
	else
		draft->bad = true;
}

static void
add_targets(struct reading *r, struct gp_place at, struct gp_slice list, struct alias_draft *draft)
{
	while (list.len > 0) {
		struct gp_slice target = cut_target(&list);
		if (target.len > 0)
			add_target(r, at, target, draft);
	}
}

/* Puts the draft's targets behind the name, in the domain's list. */
static void
finish_alias(struct reading *r, struct gp_place at, struct gp_map *names, struct alias_draft *draft,
	     struct gp_alias *alias)
{
	size_t len = GP_MIN(draft->len, (size_t)ALIAS_TARGETS_MAX);
	struct gp_slice *targets = gp_arena_array(r->arena, len, sizeof(*targets));
	if (!targets)
		return;
	if (len > 0)
		memcpy(targets, draft->targets, len * sizeof(*targets));
	else if (!draft->bad)
		reading_complain(r, at, "'%.*s' has no target", GP_SLICE_FMT(alias->name));
	alias->targets = targets;
	alias->targets_len = len;
	alias->place = at;
	const struct gp_alias *earlier = gp_map_get(names, alias->name);
	if (earlier)
		reading_complain(r, at, "'%.*s' was already given in line %u",
				 GP_SLICE_FMT(reading_shown(alias->name)), earlier->place.line);
	else if (!gp_map_set(names, alias->name, alias))
		r->arena->failed = true;
}

/* The colon behind an alias's name, past a quoted one; -1: none. */
static ptrdiff_t
find_colon(struct gp_slice s)
{
	bool quoted = false;
	for (size_t i = 0; i < s.len; i++) {
		if (s.ptr[i] == '\\' && quoted)
			i++;
		else if (s.ptr[i] == '"')
			quoted = !quoted;
		else if (s.ptr[i] == ':' && !quoted)
			return (ptrdiff_t)i;
	}
	return -1;
}

/* A line that is not indented: the name, and the targets that stand behind it. */
static bool
start_alias_line(struct reading *r, const struct lines *l, struct alias_draft *draft,
		 struct gp_alias *alias)
{
	ptrdiff_t colon = find_colon(l->line);
	if (colon < 0) {
		reading_complain(r, l->place, "no `name: target` in this line");
		return false;
	}
	struct gp_slice name = gp_slice_trim(gp_slice_take(l->line, (size_t)colon));
	bool good = read_local(r, l->place, name, draft->domain->name, &alias->name);
	add_targets(r, l->place, gp_slice_drop(l->line, (size_t)colon + 1), draft);
	alias->place = l->place;
	return good;
}

static void
read_alias_lines(struct reading *r, struct gp_slice path, struct gp_slice content,
		 struct gp_alias *items, struct alias_draft *draft)
{
	struct gp_domain_config *d = draft->domain;
	struct lines l = {.rest = content, .place.file = path};
	struct gp_map names = gp_map(count_lines(content) + 1, no_seed);
	bool open = false, begun = false;
	while (next_line(&l)) {
		if (l.indented && begun) {
			add_targets(r, l.place, l.line, draft);
			continue;
		}
		if (open)
			finish_alias(r, items[d->aliases_len].place, &names, draft,
				     &items[d->aliases_len]);
		d->aliases_len += open;
		start_draft(draft);
		begun = true;
		open = start_alias_line(r, &l, draft, &items[d->aliases_len]);
	}
	if (open)
		finish_alias(r, items[d->aliases_len].place, &names, draft, &items[d->aliases_len]);
	d->aliases_len += open;
	d->aliases = items;
	gp_map_free(&names);
}

static void
read_alias_file(struct reading *r, const yaml_node_t *node, struct alias_draft *draft)
{
	struct gp_slice path, content;
	if (!reading_file(r, node, &path, &content))
		return;
	struct gp_alias *items = gp_arena_array(r->arena, count_lines(content) + 1, sizeof(*items));
	if (items)
		read_alias_lines(r, path, content, items, draft);
}

static void
read_alias_targets(struct reading *r, const yaml_node_t *value, struct alias_draft *draft)
{
	struct gp_slice text;
	bool list = value->type == YAML_SEQUENCE_NODE;
	for (size_t i = 0; list && i < reading_count(value); i++) {
		const yaml_node_t *item = reading_item(r, value, i);
		if (reading_scalar(r, item, "a target", &text))
			add_target(r, reading_place(r, item), gp_slice_trim(text), draft);
	}
	if (!list && reading_scalar(r, value, "an alias", &text))
		add_targets(r, reading_place(r, value), text, draft);
}

static void
read_alias_mapping(struct reading *r, const yaml_node_t *node, struct alias_draft *draft)
{
	struct gp_domain_config *d = draft->domain;
	size_t len = reading_count(node);
	struct gp_alias *items = gp_arena_array(r->arena, len, sizeof(*items));
	struct gp_map names = gp_map(len, no_seed);
	for (size_t i = 0; items && i < len; i++) {
		const yaml_node_t *value;
		const yaml_node_t *name = reading_pair(r, node, i, &value);
		struct gp_place at = reading_place(r, name);
		struct gp_alias *alias = &items[d->aliases_len];
		struct gp_slice text;
		bool good = reading_scalar(r, name, "an alias", &text) &&
			    read_local(r, at, text, d->name, &alias->name);
		start_draft(draft);
		read_alias_targets(r, value, draft);
		if (good)
			finish_alias(r, at, &names, draft, alias);
		d->aliases_len += good;
	}
	d->aliases = items;
	gp_map_free(&names);
}

void
reading_aliases(struct reading *r, const yaml_node_t *node, const struct gp_key *key, void *at)
{
	struct alias_draft draft = {.domain = at};
	const yaml_node_t *file = reading_only_key(r, node, "file");
	if (reading_is_empty(node))
		return;
	draft.targets = gp_arena_array(r->arena, ALIAS_TARGETS_MAX, sizeof(*draft.targets));
	if (!draft.targets)
		return;
	if (file)
		read_alias_file(r, file, &draft);
	else if (node->type == YAML_MAPPING_NODE)
		read_alias_mapping(r, node, &draft);
	else
		reading_complain(r, reading_place(r, node), "%s takes a mapping, or {file: PATH}",
				 key->name);
}

static void
read_maildir(struct reading *r, struct gp_place at, struct gp_slice text,
	     const struct gp_domain_config *d, struct gp_slice *ret)
{
	*ret = reading_path(r, text);
	const char *why = gp_mailbox_template_check(*ret, d->name);
	if (why && !r->arena->failed)
		reading_complain(r, at, "maildir: '%.*s' %s", GP_SLICE_FMT(reading_shown(*ret)),
				 why);
}

static void
read_lmtp(struct reading *r, struct gp_place at, struct gp_slice text, struct gp_slice *ret)
{
	if (gp_slice_starts(text, GP_SLICE("unix:")))
		reading_socket(r, at, "lmtp", text, ret);
	else
		reading_endpoint(r, at, text, 0, false, ret);
}

static void
complain_deliver(struct reading *r, const yaml_node_t *node, const struct gp_key *key)
{
	struct gp_slice word = {};
	if (node->type == YAML_SCALAR_NODE)
		word = reading_text(node);
	if (node->type == YAML_MAPPING_NODE && reading_count(node) == 1) {
		const yaml_node_t *value;
		const yaml_node_t *name = reading_pair(r, node, 0, &value);
		word = name->type == YAML_SCALAR_NODE ? reading_text(name) : word;
	}
	struct gp_nearest nearest = gp_nearest(word);
	static const char *const ways[] = {"maildir", "lmtp", "relay", "discard"};
	for (size_t i = 0; i < GP_ARRAY_LEN(ways); i++)
		gp_nearest_offer(&nearest, gp_slice_str(ways[i]));
	if (nearest.word.len > 0 && nearest.distance > 0)
		reading_complain(r, reading_place(r, node),
				 "unknown way '%.*s'; did you mean '%.*s'?",
				 GP_SLICE_FMT(reading_shown(word)), GP_SLICE_FMT(nearest.word));
	else
		reading_complain(r, reading_place(r, node),
				 "%s is {maildir: PATH}, {lmtp: TARGET}, "
				 "{relay: \"HOST:PORT\"} or discard",
				 key->name);
}

void
reading_deliver(struct reading *r, const yaml_node_t *node, const struct gp_key *key, void *at)
{
	struct gp_deliver *ret = at;
	const struct gp_domain_config *d = gp_container_of(ret, struct gp_domain_config, deliver);
	const yaml_node_t *value;
	if (node->type == YAML_SCALAR_NODE &&
	    gp_slice_eq(reading_text(node), GP_SLICE("discard"))) {
		ret->kind = GP_DELIVER_DISCARD;
	} else if ((value = reading_only_key(r, node, "maildir"))) {
		ret->kind = GP_DELIVER_MAILDIR;
		read_maildir(r, reading_place(r, value), reading_text(value), d, &ret->target);
	} else if ((value = reading_only_key(r, node, "lmtp"))) {
		ret->kind = GP_DELIVER_LMTP;
		read_lmtp(r, reading_place(r, value), reading_text(value), &ret->target);
	} else if ((value = reading_only_key(r, node, "relay"))) {
		ret->kind = GP_DELIVER_RELAY;
		reading_endpoint(r, reading_place(r, value), reading_text(value), 25, false,
				 &ret->target);
	} else {
		complain_deliver(r, node, key);
	}
}
