/* SPDX-License-Identifier: Apache-2.0 */
#include "procs/smtpd/submission.h"

#include <errno.h>
#include <inttypes.h>

#include "core/message/date.h"
#include "core/message/header.h"
#include "core/message/mailbox_list.h"
#include "core/smtp/address.h"
#include "core/users/users.h"

/* With the empty line behind it. */
static_assert(SUBMISSION_START_MAX == GP_HEADER_SIZE_MAX + 2, "any header fits");

static const struct gp_reply good = {};
static const struct gp_reply no_memory =
	GP_REPLY_INIT(451, 4, 3, 0, "Out of memory, try again later");

/* 554 5.6.0 with two words of what is wrong. */
static struct gp_reply
malformed(struct gp_arena *arena, const char *what, const char *why)
{
	struct gp_slice text = gp_arena_printf(arena, "%s: %s", what, why);
	return (struct gp_reply){554, 5, 6, 0, text};
}

static struct gp_reply
check_mailbox(const struct submission *s, const struct gp_mailbox *m, const char *field,
	      struct gp_arena *arena)
{
	struct gp_address address;
	const char *why = "";
	int r = gp_address_parse(m->text, arena, &address, &why);
	if (r < 0)
		return no_memory;
	if (r == 1)
		return malformed(arena, field, why);
	if (gp_user_may_send_as(s->from, s->from_len, address.text))
		return good;
	/* A reply is ASCII to those who did not ask for SMTPUTF8 (RFC 6531 section 3.7.4). */
	struct gp_slice shown = address.utf8 ? GP_SLICE("this") : address.text;
	struct gp_slice text =
		gp_arena_printf(arena, "%s: %.*s is not an address that you may send as", field,
				GP_SLICE_FMT(shown));
	return (struct gp_reply){550, 5, 7, 1, text};
}

/* Everybody whom the field names. max: mailboxes that it may have. */
static struct gp_reply
check_value(const struct submission *s, struct gp_slice value, const char *field, size_t max,
	    struct gp_arena *arena)
{
	struct gp_mailbox_list list;
	const char *why = "";
	struct gp_slice line = gp_header_unfold(value, arena);
	int r = line.ptr ? gp_mailbox_list_parse(line, arena, &list, &why) : -ENOMEM;
	if (r < 0)
		return no_memory;
	if (r == 1)
		return malformed(arena, field, why);
	if (list.len == 0)
		return malformed(arena, field, "it names nobody");
	if (list.len > max)
		return malformed(arena, field, "more than one address");
	struct gp_reply reply = good;
	for (size_t i = 0; reply.code == 0 && i < list.len; i++)
		reply = check_mailbox(s, &list.items[i], field, arena);
	return reply;
}

/* The field stands there once; or not at all, where it need not. */
static struct gp_reply
check_field(const struct submission *s, const struct gp_header *h, const char *field, bool needed,
	    size_t max, struct gp_arena *arena)
{
	struct gp_slice name = gp_slice_str(field);
	size_t n = gp_header_count(h, name);
	if (n > 1)
		return malformed(arena, field, "there is more than one such field");
	if (n == 0)
		return needed ? malformed(arena, field, "there is no such field") : good;
	return check_value(s, gp_header_value(h, gp_header_find(h, name, 0)), field, max, arena);
}

static struct gp_reply
check_lines(const struct gp_header *h)
{
	static const struct gp_reply no_field =
		GP_REPLY_INIT(554, 5, 6, 0, "A line of the header is no field");
	struct gp_reply r = good;
	for (size_t i = 0; i < h->fields_len; i++) {
		if (h->fields[i].name_len == 0)
			r = no_field;
	}
	return r;
}

static void
add_missing(const struct submission *s, const struct gp_header *h, struct gp_buf *head)
{
	if (gp_header_count(h, GP_SLICE("Date")) == 0)
		gp_buf_printf(head, "Date: %s\r\n", gp_date_text(s->now_ms / 1000).s);
	/* An id that was never used may be given again by a spool that was started anew. */
	if (gp_header_count(h, GP_SLICE("Message-ID")) == 0)
		gp_buf_printf(head, "Message-ID: <%.*s.%" PRIx64 "@%.*s>\r\n", GP_SLICE_FMT(s->id),
			      s->now_ms, GP_SLICE_FMT(s->hostname));
}

struct gp_reply
submission_take(const struct submission *s, struct gp_slice start, struct gp_arena *arena,
		struct gp_buf *head)
{
	struct gp_header h;
	int r = gp_header_split(gp_slice_take(start, SUBMISSION_START_MAX), arena, &h);
	if (r < 0)
		return no_memory;
	if (r == 1)
		return (struct gp_reply)GP_REPLY_INIT(554, 5, 6, 0, "The header is too long");
	struct gp_reply reply = check_lines(&h);
	if (reply.code == 0)
		reply = check_field(s, &h, "From", true, GP_MAILBOXES_MAX, arena);
	if (reply.code == 0)
		reply = check_field(s, &h, "Sender", false, 1, arena);
	if (reply.code == 0)
		add_missing(s, &h, head);
	return arena->failed || head->failed ? no_memory : reply;
}
