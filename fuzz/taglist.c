/* SPDX-License-Identifier: Apache-2.0 */
/* A list of tags: a lenient reader finds what a strict one does, and all of it in the text. */
#include <errno.h>

#include "core/taglist/taglist.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool
is_part(struct gp_slice part, struct gp_slice text)
{
	return part.ptr >= text.ptr && part.ptr + part.len <= text.ptr + text.len;
}

static void
check_value(struct gp_slice value)
{
	struct gp_arena arena = GP_ARENA_INIT(1 << 20);
	struct gp_slice rest = value, item, octets;
	size_t items = 0, len = 0;
	while (gp_taglist_item(&rest, ':', &item)) {
		gp_assert(is_part(item, value));
		len += item.len;
		items++;
	}
	gp_assert(items > 0 && len + items - 1 <= value.len);
	int rc = gp_taglist_base64(value, &arena, &octets);
	gp_assert(rc == 1 || octets.len <= value.len);
	gp_arena_free(&arena);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct gp_slice text = gp_slice((const char *)data, size), rest = text;
	struct gp_taglist list;
	struct gp_tag tag;
	int fault = gp_taglist_read(text, &list);
	gp_assert(list.fault_at <= size && (fault != GP_TAGLIST_OK || list.len > 0));
	for (size_t i = 0; i < list.len; i++) {
		const struct gp_tag *t = &list.tags[i];
		int rc = gp_taglist_next(&rest, &tag);
		gp_assert(rc == 0 && gp_slice_eq(tag.name, t->name));
		gp_assert(gp_taglist_find(&list, t->name) == t);
		gp_assert(is_part(t->value, t->raw) && is_part(t->raw, text));
		check_value(t->value);
	}
	int rc = gp_taglist_next(&rest, &tag);
	gp_assert((fault == GP_TAGLIST_OK) == (rc == 1) || list.len == 0);
	return 0;
}
