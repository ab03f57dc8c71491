/* SPDX-License-Identifier: Apache-2.0 */
/* Fields with addresses: what was read is read the same again, without its names and comments; and
 * what is no list names nobody, or one who stands there once. */
#include "base/buf.h"
#include "core/message/lone_mailbox.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Each mailbox in brackets, with commas between. */
static void
write_list(struct gp_buf *out, const struct gp_mailbox_list *list)
{
	for (size_t i = 0; i < list->len; i++)
		gp_buf_printf(out, "%s<%.*s>", i > 0 ? ", " : "",
			      GP_SLICE_FMT(list->items[i].text));
	gp_assert(!out->failed);
}

static void
check_lone(struct gp_slice value, struct gp_arena *arena)
{
	struct gp_mailbox m;
	struct gp_mailbox_list list;
	const char *why;
	int r = gp_lone_mailbox_find(value, arena, &m);
	gp_assert(r == 0 || r == 1);
	if (r == 0) {
		gp_assert(gp_slice_find(value, '@') == gp_slice_rfind(value, '@'));
		gp_assert(gp_slice_find(value, '\0') < 0);
		r = gp_mailbox_list_parse(m.text, arena, &list, &why);
		gp_assert(r == 0 && list.len == 1 && gp_slice_eq(list.items[0].text, m.text));
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct gp_slice value = gp_slice((const char *)data, size);
	struct gp_arena arena = GP_ARENA_INIT(1 << 22);
	struct gp_buf text = GP_BUF_INIT(1 << 22);
	struct gp_mailbox_list list, again;
	const char *why = NULL;
	int r = gp_mailbox_list_parse(value, &arena, &list, &why);
	gp_assert(r == 0 || (r == 1 && why));
	if (r == 1)
		check_lone(value, &arena);
	if (r == 0 && list.len > 0) {
		write_list(&text, &list);
		r = gp_mailbox_list_parse(gp_buf_slice(&text), &arena, &again, &why);
		gp_assert(r == 0 && again.len == list.len);
		for (size_t i = 0; i < list.len; i++)
			gp_assert(gp_slice_eq(again.items[i].text, list.items[i].text));
	}
	gp_buf_free(&text);
	gp_arena_free(&arena);
	return 0;
}
