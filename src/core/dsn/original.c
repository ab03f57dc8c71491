/* SPDX-License-Identifier: Apache-2.0 */
#include "core/dsn/parts.h"
#include "core/dsn/writer.h"
#include "core/message/header.h"

static struct gp_slice
header_of(struct gp_slice message)
{
	struct gp_header_meter meter = {};
	gp_header_meter_feed(&meter, message);
	return gp_slice_take(message, meter.size);
}

/* Whole lines of s, as many as fit into size_max octets. */
static struct gp_slice
whole_lines(struct gp_slice s, size_t size_max)
{
	if (s.len <= size_max)
		return s;
	s = gp_slice_take(s, size_max);
	ptrdiff_t end = gp_slice_rfind(s, '\n');
	return gp_slice_take(s, end < 0 ? 0 : (size_t)end + 1);
}

static bool
any_failed(const struct gp_dsn *d)
{
	for (size_t i = 0; i < d->rcpts_len; i++) {
		if (d->rcpts[i].event == GP_DSN_FAILED)
			return true;
	}
	return false;
}

/* message/rfc822 may not be encoded (RFC 2046 section 5.2.1): it goes as it is or not at all.
 * message/global may (RFC 6532 section 3.7). */
static bool
whole_message(const struct gp_dsn *d, struct gp_dsn_part *part)
{
	/* RET is about failures alone (RFC 3461 section 4.3); success needs no copy. What required
	   TLS goes back as with RET=HDRS, whatever was said (RFC 8689 section 5). */
	if (d->envelope->ret == GP_RET_HDRS || d->envelope->flags & GP_ENVELOPE_REQUIRETLS ||
	    !any_failed(d) || d->message_size > GP_DSN_COPY_MAX || d->message.len < d->message_size)
		return false;
	struct gp_content_shape shape = gp_content_shape(d->message);
	if ((d->envelope->flags & GP_ENVELOPE_SMTPUTF8) && shape.octets_over_127) {
		part->type = "message/global";
		part->encoding = "quoted-printable";
		gp_put_quoted_printable(&part->body, d->message);
		return true;
	}
	if (shape.line_over_998 || shape.bare_ends_or_nul)
		return false;
	part->type = "message/rfc822";
	part->encoding = shape.octets_over_127 ? "8bit" : "7bit";
	gp_buf_put(&part->body, d->message);
	return true;
}

static void
header_only(const struct gp_dsn *d, struct gp_dsn_part *part)
{
	struct gp_slice header = whole_lines(header_of(d->message), GP_DSN_COPY_MAX);
	struct gp_content_shape shape = gp_content_shape(header);
	bool global = (d->envelope->flags & GP_ENVELOPE_SMTPUTF8) && shape.octets_over_127;
	part->type = global ? "message/global-headers" : "text/rfc822-headers";
	if (shape.octets_over_127 || shape.line_over_998 || shape.bare_ends_or_nul) {
		part->encoding = "quoted-printable";
		gp_put_quoted_printable(&part->body, header);
	} else {
		part->encoding = "7bit";
		gp_buf_put(&part->body, header);
	}
}

void
gp_dsn_original(const struct gp_dsn *d, struct gp_dsn_part *part)
{
	if (!whole_message(d, part))
		header_only(d, part);
}
