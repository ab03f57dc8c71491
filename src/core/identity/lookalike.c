/* SPDX-License-Identifier: Apache-2.0 */
#include "core/identity/lookalike.h"

#include <errno.h>
#include <idn2.h>

#include "base/buf.h"
#include "base/utf8.h"
#include "core/identity/organisation.h"
#include "core/identity/skeleton.h"

enum {
	LABEL_MAX = 63,
	NAME_MAX_OCTETS = 1024,
	LABEL_MIN = 5,   /* shorter labels are near to too many others */
	LABEL_LONG = 10, /* two letters may differ */
};

struct gp_slice
gp_lookalike_unicode(struct gp_slice domain, struct gp_arena *arena)
{
	char *text = gp_arena_str(arena, domain), *shown = NULL;
	struct gp_slice ret = domain;
	if (!text || domain.len > NAME_MAX_OCTETS || gp_slice_find(domain, '\0') >= 0)
		return ret;
	if (idn2_to_unicode_8z8z(text, &shown, 0) == IDN2_OK) {
		struct gp_slice s = gp_slice_str(shown);
		const char *copy = gp_arena_str(arena, s);
		if (copy)
			ret = gp_slice(copy, s.len);
	}
	idn2_free(shown);
	return ret;
}

bool
gp_lookalike_mixes(struct gp_slice domain)
{
	enum gp_script first = GP_SCRIPT_OTHER;
	while (domain.len > 0) {
		uint32_t c = gp_utf8_take(&domain);
		enum gp_script script = gp_script_of(c);
		if (c == '.')
			first = GP_SCRIPT_OTHER;
		else if (script != GP_SCRIPT_OTHER && first != GP_SCRIPT_OTHER && script != first)
			return true;
		else if (script != GP_SCRIPT_OTHER)
			first = script;
	}
	return false;
}

static struct gp_slice
skeleton_of(struct gp_slice name, struct gp_arena *arena)
{
	struct gp_slice shown = gp_lookalike_unicode(name, arena);
	struct gp_buf text = GP_BUF_INIT(shown.len);
	gp_skeleton_put(&text, shown);
	struct gp_slice copy = gp_arena_dup(arena, gp_buf_slice(&text));
	gp_buf_free(&text);
	return copy;
}

/* Letters to put in, take out, change, or swap with their neighbour, to make a of b. */
static size_t
distance(struct gp_slice a, struct gp_slice b)
{
	size_t rows[3][LABEL_MAX + 1];
	gp_assert(a.len <= LABEL_MAX && b.len <= LABEL_MAX);
	for (size_t j = 0; j <= b.len; j++)
		rows[0][j] = j;
	for (size_t i = 1; i <= a.len; i++) {
		size_t *row = rows[i % 3], *last = rows[(i + 2) % 3], *before = rows[(i + 1) % 3];
		row[0] = i;
		for (size_t j = 1; j <= b.len; j++) {
			size_t change = last[j - 1] + (a.ptr[i - 1] != b.ptr[j - 1]);
			row[j] = GP_MIN(change, GP_MIN(row[j - 1], last[j]) + 1);
			bool swapped = i > 1 && j > 1 && a.ptr[i - 1] == b.ptr[j - 2] &&
				       a.ptr[i - 2] == b.ptr[j - 1];
			if (swapped)
				row[j] = GP_MIN(row[j], before[j - 2] + 1);
		}
	}
	return rows[a.len % 3][b.len];
}

static struct gp_slice
first_label(struct gp_slice name)
{
	return gp_slice_cut(&name, '.');
}

static bool
is_below(struct gp_slice name, struct gp_slice own)
{
	return gp_slice_eq(name, own) ||
	       (name.len > own.len && name.ptr[name.len - own.len - 1] == '.' &&
		gp_slice_ends_nocase(name, own));
}

/* Does it stand in the text with no letter or digit at its sides? */
static bool
has_word(struct gp_slice text, struct gp_slice word)
{
	for (size_t i = 0; i + word.len <= text.len; i++) {
		size_t end = i + word.len;
		if (gp_slice_starts(gp_slice_drop(text, i), word) &&
		    (i == 0 || !gp_ascii_is_alnum(text.ptr[i - 1])) &&
		    (end == text.len || !gp_ascii_is_alnum(text.ptr[end])))
			return true;
	}
	return false;
}

static enum gp_lookalike
compare_labels(struct gp_slice name, struct gp_slice own)
{
	struct gp_slice label = first_label(gp_organisation_of(name));
	struct gp_slice own_label = first_label(gp_organisation_of(own));
	if (label.len > LABEL_MAX || own_label.len > LABEL_MAX || own_label.len == 0)
		return GP_LOOKALIKE_NOT;
	if (gp_slice_eq(label, own_label))
		return GP_LOOKALIKE_TOP;
	size_t most = own_label.len >= LABEL_LONG ? 2 : own_label.len >= LABEL_MIN ? 1 : 0;
	if (most > 0 && distance(label, own_label) <= most)
		return GP_LOOKALIKE_TYPO;
	bool inside = own_label.len >= LABEL_MIN && has_word(name, own_label);
	return inside || has_word(name, own) ? GP_LOOKALIKE_INSIDE : GP_LOOKALIKE_NOT;
}

int
gp_lookalike_of(struct gp_slice domain, struct gp_slice own, struct gp_arena *arena,
		enum gp_lookalike *ret)
{
	struct gp_slice organisation = gp_organisation_of(own);
	*ret = GP_LOOKALIKE_NOT;
	if (domain.len == 0 || own.len == 0 || domain.len > NAME_MAX_OCTETS)
		return 0;
	if (is_below(domain, own) || is_below(domain, organisation)) {
		*ret = GP_LOOKALIKE_SAME;
		return 0;
	}
	struct gp_slice looks = skeleton_of(domain, arena), own_looks = skeleton_of(own, arena);
	if (arena->failed)
		return -ENOMEM;
	if (is_below(looks, own_looks) || is_below(looks, gp_organisation_of(own_looks)))
		*ret = GP_LOOKALIKE_GLYPHS;
	else
		*ret = compare_labels(looks, own_looks);
	return 0;
}

const char *
gp_lookalike_words(enum gp_lookalike how)
{
	static const char *const words[] = {
		[GP_LOOKALIKE_NOT] = "is not like",
		[GP_LOOKALIKE_SAME] = "is",
		[GP_LOOKALIKE_GLYPHS] = "has letters that look the same as those of",
		[GP_LOOKALIKE_TYPO] = "is a letter or two away from",
		[GP_LOOKALIKE_TOP] = "is the same name under another top as",
		[GP_LOOKALIKE_INSIDE] = "has within it the name of",
	};
	return words[how];
}
