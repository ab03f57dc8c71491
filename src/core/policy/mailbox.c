/* SPDX-License-Identifier: Apache-2.0 */
#include "core/policy/mailbox.h"

#include <errno.h>

#include "base/buf.h"
#include "core/smtp/address.h"

enum placeholder {
	PLAIN,
	DOMAIN,
	LOCAL,
	UNKNOWN,
};

/* Takes a run of plain text or one {placeholder} off the front of *s. */
static enum placeholder
cut_piece(struct gp_slice *s, struct gp_slice *ret)
{
	ptrdiff_t open = gp_slice_find(*s, '{');
	if (open != 0) {
		*ret = open < 0 ? *s : gp_slice_take(*s, (size_t)open);
		*s = gp_slice_drop(*s, ret->len);
		return gp_slice_find(*ret, '}') < 0 ? PLAIN : UNKNOWN;
	}
	ptrdiff_t close = gp_slice_find(*s, '}');
	*ret = close < 0 ? *s : gp_slice_take(*s, (size_t)close + 1);
	*s = gp_slice_drop(*s, ret->len);
	if (gp_slice_eq(*ret, GP_SLICE("{domain}")))
		return DOMAIN;
	return gp_slice_eq(*ret, GP_SLICE("{local}")) ? LOCAL : UNKNOWN;
}

static const char *
check_name(struct gp_slice name, struct gp_slice domain, bool first)
{
	size_t len = 0;
	struct gp_slice piece;
	if (name.len == 0)
		return "has an empty name between two slashes, or behind the last";
	if (gp_slice_eq(name, GP_SLICE(".")) || gp_slice_eq(name, GP_SLICE("..")))
		return "has a name that is . or ..";
	while (name.len > 0) {
		enum placeholder kind = cut_piece(&name, &piece);
		if (kind == UNKNOWN)
			return "has a brace that is not of {domain} or {local}";
		if (kind != PLAIN && first)
			return "needs a fixed folder before its first {domain} or {local}";
		len += kind == PLAIN    ? piece.len
		       : kind == DOMAIN ? domain.len
					: GP_MAILBOX_ENCODED_MAX;
	}
	return len <= GP_MAILBOX_NAME_MAX ? NULL : "has a name that can grow over 255 octets";
}

const char *
gp_mailbox_template_check(struct gp_slice template, struct gp_slice domain)
{
	if (template.len == 0 || template.ptr[0] != '/')
		return "does not begin with a slash";
	for (size_t i = 0; i < template.len; i++) {
		if ((unsigned char)template.ptr[i] < 32 || template.ptr[i] == 127)
			return "has a control character";
	}
	if (template.len > 1024)
		return "has more than 1024 octets";
	bool first = true;
	template = gp_slice_drop(template, 1);
	do {
		/* gp_slice_cut leaves a NULL ptr when no slash was left, "" when one was last */
		const char *why = check_name(gp_slice_cut(&template, '/'), domain, first);
		if (why)
			return why;
		first = false;
	} while (template.ptr);
	return NULL;
}

static bool
is_plain(char c, bool first)
{
	return (c >= 'a' && c <= 'z') || gp_ascii_is_digit(c) || c == '-' || c == '_' || c == '+' ||
	       (c == '.' && !first);
}

static void
put_local(struct gp_buf *out, struct gp_slice local)
{
	if (local.len == 0)
		gp_buf_put_char(out, '=');
	for (size_t i = 0; i < local.len; i++) {
		if (is_plain(local.ptr[i], i == 0))
			gp_buf_put_char(out, local.ptr[i]);
		else
			gp_buf_printf(out, "=%02x", (unsigned char)local.ptr[i]);
	}
}

int
gp_mailbox_path(struct gp_slice template, struct gp_slice domain, struct gp_slice local,
		struct gp_arena *arena, struct gp_slice *ret)
{
	/* 1,024 octets of template hold fewer than 171 placeholders of 192 or 253 octets. */
	struct gp_buf out = GP_BUF_INIT(64 << 10);
	struct gp_slice piece;
	if (local.len > GP_LOCAL_MAX)
		return 1;
	while (template.len > 0) {
		switch (cut_piece(&template, &piece)) {
		case DOMAIN:
			gp_buf_put(&out, domain);
			break;
		case LOCAL:
			put_local(&out, local);
			break;
		default:
			gp_buf_put(&out, piece);
		}
	}
	bool failed = out.failed;
	*ret = failed ? gp_slice(NULL, 0) : gp_arena_dup(arena, gp_buf_slice(&out));
	gp_buf_free(&out);
	return failed || !ret->ptr ? -ENOMEM : 0;
}
