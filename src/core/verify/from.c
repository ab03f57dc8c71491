/* SPDX-License-Identifier: Apache-2.0 */
#include "core/verify/from.h"

#include <errno.h>
#include <string.h>

#include "base/scan.h"
#include "core/message/mailbox_list.h"

/* What no name of a field has in it, and what some readers pass over: spaces and folds, NUL and
 * other controls, and what UTF-8 has for spaces and marks without width. */
static bool
is_passed_over(char c)
{
	return c <= ' ' || c > '~';
}

/* " From:", "From\r\n :", "\0From:" */
static bool
is_broken_from(struct gp_slice line)
{
	struct gp_scan c = gp_scan(line);
	gp_scan_while(&c, is_passed_over);
	struct gp_slice rest = gp_slice_drop(line, c.at);
	if (!gp_slice_eq_nocase(gp_slice_take(rest, 4), GP_SLICE("from")))
		return false;
	c = gp_scan(gp_slice_drop(rest, 4));
	gp_scan_while(&c, is_passed_over);
	return gp_scan_char(&c, ':');
}

static bool
has_broken_from(const struct gp_header *h)
{
	for (size_t i = 0; i < h->fields_len; i++) {
		if (h->fields[i].name_len == 0 && is_broken_from(gp_header_raw(h, i)))
			return true;
	}
	return false;
}

/* Of a list that is well formed: a ";" can stand nowhere else but in quotes and comments. */
static bool
has_group(struct gp_slice list)
{
	bool quoted = false;
	unsigned depth = 0;
	for (size_t i = 0; i < list.len; i++) {
		char c = list.ptr[i];
		if (c == '\\')
			i++;
		else if (c == '"' && depth == 0)
			quoted = !quoted;
		else if (c == '(' && !quoted)
			depth++;
		else if (c == ')' && !quoted)
			depth--;
		else if (c == ';' && !quoted && depth == 0)
			return true;
	}
	return false;
}

static bool
hides_address(struct gp_slice local)
{
	return gp_slice_find(local, '@') >= 0 || memmem(local.ptr, local.len, "=?", 2);
}

/* What the addresses are like; the one field that names somebody, and is well formed. */
static int
look_at_list(const struct gp_header *h, struct gp_arena *arena, const char **ret)
{
	struct gp_mailbox_list list;
	const char *why;
	size_t field = gp_header_find(h, GP_SLICE("From"), 0);
	struct gp_slice line = gp_header_unfold(gp_header_value(h, field), arena);
	int r = line.ptr ? gp_mailbox_list_parse(line, arena, &list, &why) : -ENOMEM;
	if (r < 0)
		return r;
	if (r == 0 && has_group(line))
		*ret = "the From field names a group";
	for (size_t i = 0; r == 0 && i < list.len; i++) {
		if (hides_address(list.items[i].local))
			*ret = "the From field hides an address in a local part";
	}
	return 0;
}

/* 1: it names one mailbox, of the author's domain. 0: it does not. -ENOMEM. */
static int
is_of_author(struct gp_slice value, const struct gp_dmarc_author *author, struct gp_arena *arena)
{
	struct gp_mailbox_list list;
	struct gp_dmarc_author other;
	const char *why;
	struct gp_slice line = gp_header_unfold(value, arena);
	int r = line.ptr ? gp_mailbox_list_parse(line, arena, &list, &why) : -ENOMEM;
	if (r != 0 || list.len != 1)
		return GP_MIN(r, 0);
	r = gp_dmarc_author_of_domain(list.items[0].domain, arena, &other);
	return r < 0 ? r : gp_slice_eq(other.domain, author->domain);
}

static int
look_at_sender(const struct gp_header *h, const struct gp_dmarc_author *author,
	       struct gp_arena *arena, const char **ret)
{
	struct gp_slice name = GP_SLICE("Sender");
	size_t fields = gp_header_count(h, name);
	if (fields == 0)
		return 0;
	if (fields > 1) {
		*ret = "the From field is malformed, and there is more than one Sender field";
		return 0;
	}
	int r = is_of_author(gp_header_value(h, gp_header_find(h, name, 0)), author, arena);
	if (r == 0)
		*ret = "the From field is malformed, and Sender names somebody else";
	return GP_MIN(r, 0);
}

int
gp_verify_from(const struct gp_header *h, const struct gp_dmarc_author *author,
	       struct gp_arena *arena, const char **ret)
{
	*ret = NULL;
	if (author->state != GP_DMARC_AUTHOR_OK && author->state != GP_DMARC_AUTHOR_LITERAL) {
		*ret = gp_dmarc_author_text(author->state);
		return 0;
	}
	if (has_broken_from(h)) {
		*ret = "a line of the header is nearly a From field";
		return 0;
	}
	if (author->broken)
		return look_at_sender(h, author, arena, ret);
	return look_at_list(h, arena, ret);
}
