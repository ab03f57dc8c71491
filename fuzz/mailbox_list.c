/* SPDX-License-Identifier: Apache-2.0 */
/* Fields with addresses: what was read is read the same again, without its names and comments. */
#include "core/message/mailbox_list.h"
#include "base/buf.h"

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

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct gp_arena arena = GP_ARENA_INIT(1 << 22);
	struct gp_buf text = GP_BUF_INIT(1 << 22);
	struct gp_mailbox_list list, again;
	const char *why = NULL;
	int r = gp_mailbox_list_parse(gp_slice((const char *)data, size), &arena, &list, &why);
	gp_assert(r == 0 || (r == 1 && why));
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
