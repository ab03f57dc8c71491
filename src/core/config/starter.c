/* SPDX-License-Identifier: Apache-2.0 */
/* The starter file and the reference of all keys, both from the schema's own words. */
#include "core/config/print.h"

enum {
	PAGE_WIDTH = 88,
	ASIDE_COLUMN = 36,
};

/* Writes words from `column` on, and wraps them to lines that begin with `lead`. */
static void
write_wrapped(struct gp_buf *out, size_t column, const char *lead, const char *text)
{
	struct gp_slice rest = gp_slice_str(text);
	bool first = true;
	while (rest.len > 0) {
		struct gp_slice word = gp_slice_cut(&rest, ' ');
		if (!first && column + 1 + word.len > PAGE_WIDTH) {
			gp_buf_printf(out, "\n%s", lead);
			column = gp_slice_str(lead).len;
			first = true;
		}
		if (!first)
			gp_buf_put_char(out, ' ');
		gp_buf_put(out, word);
		column += word.len + (first ? 0 : 1);
		first = false;
	}
	gp_buf_put_char(out, '\n');
}

/* A default as YAML: texts that could be taken for something else need their quotes. */
static void
write_preset(struct gp_buf *out, const struct gp_key *key)
{
	if (key->type == GP_KEY_SEPARATORS)
		print_quoted(out, gp_slice_str(key->preset));
	else
		gp_buf_put_str(out, key->preset);
}

static void
write_example(struct gp_buf *out, const struct gp_key *key)
{
	if (key->example)
		gp_buf_put_str(out, key->example);
	else
		write_preset(out, key);
}

/* `  key: value      # what it is`, all behind `mark`. */
static void
write_aside(struct gp_buf *out, const char *mark, unsigned int depth, const struct gp_key *key)
{
	size_t before = out->len;
	gp_buf_put_str(out, mark);
	print_indent(out, depth);
	gp_buf_printf(out, "%s: ", key->name);
	write_example(out, key);
	do
		gp_buf_put_char(out, ' ');
	while (!out->failed && out->len - before < ASIDE_COLUMN);
	gp_buf_put_str(out, "# ");
	char lead[ASIDE_COLUMN + 3];
	snprintf(lead, sizeof(lead), "#%*s# ", ASIDE_COLUMN - 1, "");
	write_wrapped(out, out->len - before, lead, key->doc);
}

/* Comment lines, each behind `lead`. */
static void
write_doc(struct gp_buf *out, const char *lead, const char *doc)
{
	gp_buf_put_str(out, lead);
	write_wrapped(out, gp_slice_str(lead).len, lead, doc);
}

static void
write_commented_group(struct gp_buf *out, const struct gp_key *key)
{
	gp_buf_printf(out, "#%s:\n", key->name);
	for (size_t i = 0; i < key->group->keys_len; i++) {
		if (key->group->keys[i].type != GP_KEY_LATER)
			write_aside(out, "#", 1, &key->group->keys[i]);
	}
}

static void
write_maildir(struct gp_buf *out, struct gp_slice root)
{
	struct gp_buf path = GP_BUF_INIT(8192);
	gp_buf_put(&path, root);
	gp_buf_put_str(&path, "/{domain}/{local}");
	out->failed = out->failed || path.failed;
	gp_buf_put_str(out, "{maildir: ");
	print_quoted(out, gp_buf_slice(&path));
	gp_buf_put_char(out, '}');
	gp_buf_free(&path);
}

/* One entry of `domains`; mark: "#" for an example. */
static void
write_domain(struct gp_buf *out, const char *mark, struct gp_slice name, struct gp_slice mail_root,
	     const struct gp_key_group *group)
{
	char lead[16];
	snprintf(lead, sizeof(lead), "%s    # ", mark);
	gp_buf_printf(out, "%s  ", mark);
	print_quoted(out, name);
	gp_buf_put_str(out, ":\n");
	for (size_t i = 0; i < group->keys_len; i++) {
		const struct gp_key *key = &group->keys[i];
		write_doc(out, lead, key->doc);
		gp_buf_printf(out, "%s    %s%s: ", mark, key->required ? "" : "#", key->name);
		if (key->type == GP_KEY_DELIVER)
			write_maildir(out, mail_root);
		else if (key->type == GP_KEY_RECIPIENTS && mark[0] == '\0')
			gp_buf_put_str(out, "[postmaster]");
		else
			write_example(out, key);
		gp_buf_put_char(out, '\n');
	}
}

static void
write_domains(struct gp_buf *out, const struct gp_key *key, const struct gp_config_start *start)
{
	const char *mark = start->domains_len > 0 ? "" : "#";
	gp_buf_printf(out, "%s%s:\n", mark, key->name);
	for (size_t i = 0; i < start->domains_len; i++)
		write_domain(out, mark, start->domains[i], start->mail_root, key->group);
	if (start->domains_len == 0)
		write_domain(out, mark, GP_SLICE("example.org"), start->mail_root, key->group);
}

static void
write_listens(struct gp_buf *out, const struct gp_key *key, const struct gp_config_start *start)
{
	gp_buf_printf(out, "%s:\n", key->name);
	for (size_t i = 0; i < start->listens_len; i++) {
		gp_buf_put_str(out, "  - {address: ");
		print_quoted(out, start->listens[i]);
		gp_buf_put_str(out, ", service: inbound}\n");
	}
}

static void
write_said(struct gp_buf *out, const struct gp_key *key, struct gp_slice value)
{
	gp_buf_printf(out, "%s: ", key->name);
	print_quoted(out, value);
	gp_buf_put_char(out, '\n');
}

static void
write_tls(struct gp_buf *out, const struct gp_key *key, const struct gp_config_start *start)
{
	gp_buf_printf(out, "%s:\n", key->name);
	for (size_t i = 0; i < key->group->keys_len; i++) {
		const struct gp_key *member = &key->group->keys[i];
		bool chain = member->type == GP_KEY_CERTIFICATES,
		     ours = chain || member->type == GP_KEY_KEYS;
		write_doc(out, "  # ", member->doc);
		gp_buf_printf(out, "%s  %s: ", ours ? "" : "#", member->name);
		if (ours)
			print_quoted(out, chain ? start->certificate : start->key);
		else
			write_example(out, member);
		gp_buf_put_char(out, '\n');
	}
}

static bool
is_tls(const struct gp_key *key)
{
	return key->group && key->group->keys[0].type == GP_KEY_CERTIFICATES;
}

static void
write_root_key(struct gp_buf *out, const struct gp_key *key, const struct gp_config_start *start)
{
	write_doc(out, "# ", key->doc);
	if (key->offset == offsetof(struct gp_config, hostname) && key->type == GP_KEY_HOSTNAME) {
		write_said(out, key, start->hostname);
	} else if (key->type == GP_KEY_PATH) {
		write_said(out, key, start->state);
	} else if (key->type == GP_KEY_LISTENS) {
		write_listens(out, key, start);
	} else if (key->type == GP_KEY_DOMAINS) {
		write_domains(out, key, start);
	} else if (is_tls(key) && start->certificate.len > 0) {
		write_tls(out, key, start);
	} else if (key->type == GP_KEY_GROUP) {
		write_commented_group(out, key);
	} else {
		gp_buf_printf(out, "#%s: ", key->name);
		write_example(out, key);
		gp_buf_put_char(out, '\n');
	}
	gp_buf_put_char(out, '\n');
}

void
gp_config_write_starter(struct gp_buf *out, const struct gp_config_start *start)
{
	write_doc(
		out, "# ",
		"The configuration of Gatepost, in YAML. A line that begins with # and no space "
		"behind it is a key with its default or an example: take the # away to change it. "
		"`gatepost config check` says what is wrong with this file, and where.");
	gp_buf_put_char(out, '\n');
	for (size_t i = 0; i < gp_schema.keys_len; i++) {
		if (gp_schema.keys[i].type != GP_KEY_LATER)
			write_root_key(out, &gp_schema.keys[i], start);
	}
}

/* What is to be said of a key, on one line. */
static void
describe(struct gp_buf *out, const struct gp_key *key)
{
	gp_buf_printf(out, "`%s`", key->name);
	if (key->preset) {
		gp_buf_put_str(out, " (default `");
		write_preset(out, key);
		gp_buf_put_str(out, "`)");
	} else if (key->required) {
		gp_buf_put_str(out, " (must be given)");
	}
	gp_buf_printf(out, ": %s", key->doc);
	if (key->type >= GP_KEY_SIZE && key->type <= GP_KEY_COUNT) {
		gp_buf_put_str(out, " From ");
		print_number(out, key, key->min);
		gp_buf_put_str(out, " to ");
		print_number(out, key, key->max);
		gp_buf_put_char(out, '.');
	}
	if (key->example)
		gp_buf_printf(out, " Example: `%s`", key->example);
	gp_buf_put_char(out, '\0');
}

static void
write_reference_list(struct gp_buf *out, const struct gp_key_group *group)
{
	gp_buf_put_char(out, '\n');
	for (size_t i = 0; i < group->keys_len; i++) {
		struct gp_buf text = GP_BUF_INIT(4096);
		if (group->keys[i].type == GP_KEY_LATER)
			continue;
		describe(&text, &group->keys[i]);
		out->failed = out->failed || text.failed;
		gp_buf_put_str(out, "- ");
		write_wrapped(out, 2, "  ", text.failed ? "" : gp_buf_slice(&text).ptr);
		gp_buf_free(&text);
	}
}

/* prefix: the group that it stands in, and a dot. */
static void
write_reference_section(struct gp_buf *out, const char *prefix, const struct gp_key *key)
{
	gp_buf_printf(out, "\n## %s%s%s\n\n%s\n", prefix, key->name,
		      key->type == GP_KEY_LISTENS ? ", each entry"
		      : key->type == GP_KEY_GROUP ? ""
						  : ", each",
		      key->doc);
	write_reference_list(out, key->group);
	for (size_t i = 0; i < key->group->keys_len; i++) {
		const struct gp_key *inner = &key->group->keys[i];
		char name[64];
		snprintf(name, sizeof(name), "%s.", key->name);
		if (inner->group)
			write_reference_section(out, name, inner);
	}
}

void
gp_config_write_reference(struct gp_buf *out)
{
	gp_buf_put_str(out,
		       "# The keys of gatepost.yaml\n\n"
		       "Written by `gatepost config show --documentation`. Sizes are octets, or "
		       "take KB, MB, GB (powers of 1,000)\nor KiB, MiB, GiB (of 1,024); times "
		       "take ms, s, m, h or d. Unknown keys are errors.\n");
	write_reference_list(out, &gp_schema);
	for (size_t i = 0; i < gp_schema.keys_len; i++) {
		if (gp_schema.keys[i].group)
			write_reference_section(out, "", &gp_schema.keys[i]);
	}
}
