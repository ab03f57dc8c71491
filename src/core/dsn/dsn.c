/* SPDX-License-Identifier: Apache-2.0 */
#include "core/dsn/dsn.h"

#include <errno.h>
#include <string.h>

#include "core/dsn/parts.h"
#include "core/dsn/writer.h"
#include "core/message/date.h"

enum {
	UNIQUE_MAX = 64,
	PART_MAX = 16 * 1024 * 1024, /* 1,000 recipients with a full reply each need 5 MB */
};

enum gp_dsn_event
gp_dsn_event(const struct gp_outcome *outcome)
{
	switch (outcome->kind) {
	case GP_OUTCOME_DELIVERED:
		return outcome->remote_dsn ? GP_DSN_NONE : GP_DSN_DELIVERED;
	case GP_OUTCOME_RELAYED:
		return outcome->remote_dsn ? GP_DSN_NONE : GP_DSN_RELAYED;
	case GP_OUTCOME_DEFERRED:
		return GP_DSN_DELAYED;
	default:
		return GP_DSN_FAILED;
	}
}

/* Addresses whose owner is a program by RFC 3834 section 2; it does not wait for our courtesy. */
static bool
is_program(struct gp_slice sender)
{
	struct gp_slice local = sender;
	ptrdiff_t at = gp_slice_rfind(sender, '@');
	if (at >= 0)
		local = gp_slice_take(sender, (size_t)at);
	return gp_slice_starts_nocase(local, GP_SLICE("owner-")) ||
	       gp_slice_ends_nocase(local, GP_SLICE("-request")) ||
	       gp_slice_eq_nocase(local, GP_SLICE("MAILER-DAEMON"));
}

bool
gp_dsn_wanted(const struct gp_envelope *envelope, uint8_t notify, enum gp_dsn_event event)
{
	if (envelope->sender.len == 0 || (notify & GP_NOTIFY_NEVER))
		return false;
	switch (event) {
	case GP_DSN_FAILED:
		return notify == 0 || (notify & GP_NOTIFY_FAILURE);
	case GP_DSN_DELAYED:
		return notify == 0 ? !is_program(envelope->sender)
				   : (notify & GP_NOTIFY_DELAY) != 0;
	case GP_DSN_DELIVERED:
	case GP_DSN_RELAYED:
		return (notify & GP_NOTIFY_SUCCESS) != 0;
	default:
		return false;
	}
}

enum gp_dsn_event
gp_dsn_worst(const struct gp_dsn *d)
{
	static const uint8_t rank[] = {[GP_DSN_DELIVERED] = 1,
				       [GP_DSN_RELAYED] = 2,
				       [GP_DSN_DELAYED] = 3,
				       [GP_DSN_FAILED] = 4};
	uint8_t worst = GP_DSN_NONE;
	for (size_t i = 0; i < d->rcpts_len; i++) {
		gp_assert(d->rcpts[i].event > GP_DSN_NONE && d->rcpts[i].event <= GP_DSN_RELAYED);
		if (rank[d->rcpts[i].event] > rank[worst])
			worst = d->rcpts[i].event;
	}
	return worst;
}

enum part { TEXT, STATUS, ORIGINAL, PARTS };

static const char *
subject(enum gp_dsn_event worst)
{
	switch (worst) {
	case GP_DSN_FAILED:
		return "Your message could not be delivered";
	case GP_DSN_DELAYED:
		return "Your message is delayed";
	case GP_DSN_DELIVERED:
		return "Your message was delivered";
	default:
		return "Your message was passed on";
	}
}

static bool
contains(const struct gp_buf *b, struct gp_slice needle)
{
	struct gp_slice s = gp_buf_slice(b);
	return memmem(s.ptr, s.len, needle.ptr, needle.len) != NULL;
}

/*
 * A boundary that none of the parts holds (RFC 2046 section 5.1.1). The number is there for a
 * message that was made with our unique word in it; a part of n octets holds fewer than n numbers,
 * so the search ends.
 */
static struct gp_slice
choose_boundary(const struct gp_dsn *d, const struct gp_dsn_part parts[PARTS],
		struct gp_arena *arena)
{
	for (unsigned n = 0;; n++) {
		struct gp_slice b = gp_arena_printf(arena, "=_%.*s_%u", GP_SLICE_FMT(d->unique), n);
		if (!b.ptr)
			return b;
		bool taken = false;
		for (size_t i = 0; i < PARTS; i++)
			taken |= contains(&parts[i].body, b);
		if (!taken)
			return b;
	}
}

static bool
needs_8bit(const struct gp_dsn_part parts[PARTS])
{
	for (size_t i = 0; i < PARTS; i++) {
		if (strcmp(parts[i].encoding, "8bit") == 0)
			return true;
	}
	return false;
}

static void
put_header(const struct gp_dsn *d, const struct gp_dsn_part parts[PARTS], bool utf8,
	   struct gp_slice boundary, struct gp_buf *out)
{
	gp_buf_put_str(out, "From: \"Mail Delivery System\" <MAILER-DAEMON@");
	gp_put_clean(out, d->hostname, false);
	gp_buf_put_str(out, ">\r\nTo: <");
	gp_put_clean(out, d->envelope->sender, utf8);
	gp_buf_put_str(out, ">\r\nDate: ");
	gp_buf_put_str(out, gp_date_text(d->now_ms / 1000).s);
	gp_buf_printf(out, "\r\nMessage-ID: <%.*s@", GP_SLICE_FMT(d->unique));
	gp_put_clean(out, d->hostname, false);
	/* RFC 3834 section 5: keeps responders quiet. */
	gp_buf_printf(out, ">\r\nSubject: %s\r\nAuto-Submitted: auto-replied\r\n",
		      subject(gp_dsn_worst(d)));
	gp_buf_printf(out,
		      "MIME-Version: 1.0\r\nContent-Type: multipart/report; "
		      "report-type=delivery-status;\r\n boundary=\"%.*s\"\r\n"
		      "Content-Transfer-Encoding: %s\r\n\r\n",
		      GP_SLICE_FMT(boundary), needs_8bit(parts) ? "8bit" : "7bit");
	gp_buf_put_str(out, "This is a report in the form of RFC 3464.\r\n");
}

static void
put_part(const struct gp_dsn_part *part, const char *description, struct gp_slice boundary,
	 struct gp_buf *out)
{
	gp_buf_printf(out,
		      "\r\n--%.*s\r\nContent-Type: %s\r\nContent-Description: %s\r\n"
		      "Content-Transfer-Encoding: %s\r\n\r\n",
		      GP_SLICE_FMT(boundary), part->type, description, part->encoding);
	gp_buf_put(out, gp_buf_slice(&part->body));
}

static void
put_report(const struct gp_dsn *d, const struct gp_dsn_part parts[PARTS], bool utf8,
	   struct gp_slice boundary, struct gp_buf *out)
{
	static const char *const descriptions[PARTS] = {
		[TEXT] = "Explanation", [STATUS] = "Delivery status", [ORIGINAL] = "Your message"};
	put_header(d, parts, utf8, boundary, out);
	for (size_t i = 0; i < PARTS; i++) {
		put_part(&parts[i], descriptions[i], boundary, out);
		out->failed |= parts[i].body.failed;
	}
	gp_buf_printf(out, "\r\n--%.*s--\r\n", GP_SLICE_FMT(boundary));
}

static int
make_envelope(const struct gp_dsn *d, bool utf8, bool eight_bit, struct gp_arena *arena,
	      struct gp_envelope *ret)
{
	struct gp_rcpt *rcpt = gp_arena_new(arena, struct gp_rcpt);
	if (!rcpt)
		return -ENOMEM;
	rcpt->address = d->envelope->sender;
	rcpt->notify = GP_NOTIFY_NEVER;
	*ret = (struct gp_envelope){
		.arrival_ms = d->now_ms,
		.rcpts = rcpt,
		.rcpts_len = 1,
		.flags = (uint8_t)((utf8 ? GP_ENVELOPE_SMTPUTF8 | GP_ENVELOPE_8BITMIME : 0) |
				   (eight_bit ? GP_ENVELOPE_8BITMIME : 0) |
				   (d->envelope->flags & GP_ENVELOPE_REQUIRETLS)),
	};
	return 0;
}

static void
check_arguments(const struct gp_dsn *d)
{
	gp_assert(d->envelope->sender.len > 0);
	gp_assert(d->rcpts_len > 0 && d->rcpts_len <= GP_DSN_RCPTS_MAX);
	gp_assert(d->unique.len > 0 && d->unique.len <= UNIQUE_MAX);
	for (size_t i = 0; i < d->unique.len; i++)
		gp_assert(gp_ascii_is_alnum(d->unique.ptr[i]));
}

int
gp_dsn_build(const struct gp_dsn *d, struct gp_arena *arena, struct gp_buf *out,
	     struct gp_envelope *ret_envelope)
{
	struct gp_dsn_part parts[PARTS];
	check_arguments(d);
	for (size_t i = 0; i < PARTS; i++)
		parts[i] = (struct gp_dsn_part){.body = GP_BUF_INIT(PART_MAX)};
	/* Only an address of the report's own needs SMTPUTF8: what it quotes can be escaped. */
	bool utf8 = gp_content_shape(d->envelope->sender).octets_over_127;
	gp_dsn_text(d, &parts[TEXT]);
	gp_dsn_status(d, utf8, arena, &parts[STATUS]);
	gp_dsn_original(d, &parts[ORIGINAL]);
	struct gp_slice boundary = choose_boundary(d, parts, arena);
	put_report(d, parts, utf8, boundary, out);
	int r = make_envelope(d, utf8, needs_8bit(parts), arena, ret_envelope);
	for (size_t i = 0; i < PARTS; i++)
		gp_buf_free(&parts[i].body);
	return out->failed || arena->failed ? -ENOMEM : r;
}
