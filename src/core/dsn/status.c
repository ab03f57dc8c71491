/* SPDX-License-Identifier: Apache-2.0 */
#include "core/dsn/parts.h"
#include "core/dsn/writer.h"
#include "core/dsn/xtext.h"
#include "core/message/date.h"

enum { ADDRESS_TYPE_MAX = 60 }; /* the registered ones are far shorter */

struct status {
	const struct gp_dsn *d;
	struct gp_arena *arena;
	struct gp_buf *out;
	bool utf8;
};

static void
put_date_field(struct gp_buf *out, const char *name, uint64_t time_ms)
{
	gp_buf_printf(out, "%s: ", name);
	gp_buf_put_str(out, gp_date_text(time_ms / 1000).s);
	gp_buf_put_str(out, "\r\n");
}

static bool
is_ascii(struct gp_slice s)
{
	return !gp_content_shape(s).octets_over_127;
}

/* "type; address" on one line, with what the address cannot hold escaped (RFC 6533 section 3).
 * embedded: the address carries such escapes already. */
static void
put_address_field(struct status *s, const char *name, struct gp_slice type, struct gp_slice address,
		  bool embedded)
{
	struct gp_buf text = GP_BUF_INIT(8192);
	if (gp_slice_eq_nocase(type, GP_SLICE("utf-8")) && (!s->utf8 || embedded))
		gp_utf8_xtext_put(&text, gp_slice_take(address, GP_WRAP_LINE_MAX), embedded);
	else
		gp_put_clean(&text, address, s->utf8);
	gp_buf_printf(s->out, "%s: ", name);
	gp_put_clean(s->out, gp_slice_take(type, ADDRESS_TYPE_MAX), false);
	gp_buf_put_str(s->out, "; ");
	gp_buf_put(s->out, gp_slice_take(gp_buf_slice(&text), GP_WRAP_LINE_MAX));
	gp_buf_put_str(s->out, "\r\n");
	gp_buf_free(&text);
}

/* RFC 3464 section 2.3.1: what ORCPT said, decoded. A utf-8 address is not xtext but carries
 * escapes of its own kind (RFC 6533 section 3); one that is damaged is left out. */
static void
put_original_recipient(struct status *s, struct gp_slice orcpt)
{
	struct gp_slice type = gp_slice_cut(&orcpt, ';'), address;
	if (type.len == 0 || orcpt.len == 0)
		return;
	if (gp_slice_eq_nocase(type, GP_SLICE("utf-8")))
		put_address_field(s, "Original-Recipient", type, orcpt, true);
	else if (gp_dsn_decode_xtext(orcpt, s->arena, &address))
		put_address_field(s, "Original-Recipient", type, address, false);
}

/* The name of "mx.example.net [192.0.2.1]:25"; empty when it is not a host, as for a socket's path.
 */
static struct gp_slice
remote_name(struct gp_slice remote)
{
	struct gp_slice name = gp_slice_cut(&remote, ' ');
	for (size_t i = 0; i < name.len; i++) {
		char c = name.ptr[i];
		if (!gp_ascii_is_alnum(c) && c != '.' && c != '-' && c != '_')
			return gp_slice("", 0);
	}
	return name;
}

static void
put_mta_field(struct status *s, const char *name, struct gp_slice host)
{
	if (host.len == 0)
		return;
	gp_buf_printf(s->out, "%s: dns; ", name);
	gp_put_clean(s->out, host, s->utf8);
	gp_buf_put_str(s->out, "\r\n");
}

/* The reply's own code where it fits what happened (RFC 3464 section 2.3.4: its class says the
 * same as Action, except that a failure may end a series of 4.X.X), else the class alone. */
static void
put_status(struct gp_buf *out, const struct gp_reply *reply, uint8_t event)
{
	unsigned class = reply->enhanced_class, wanted = 2;
	if (event == GP_DSN_FAILED)
		wanted = class == 4 ? 4 : 5;
	else if (event == GP_DSN_DELAYED)
		wanted = 4;
	if (class == wanted)
		gp_buf_printf(out, "Status: %u.%u.%u\r\n", class, reply->enhanced_subject,
			      reply->enhanced_detail);
	else
		gp_buf_printf(out, "Status: %u.0.0\r\n", wanted);
}

static void
put_diagnostic(struct status *s, const struct gp_outcome *o)
{
	const struct gp_reply *r = &o->reply;
	struct gp_buf body = GP_BUF_INIT(8192);
	if (r->code == 0 && r->text.len == 0)
		return;
	/* RFC 3464 section 2.3.6; a diagnostic of our own must not pass for a server's. */
	gp_buf_put_str(&body, o->remote_said ? "smtp;" : "x-gatepost;");
	if (r->code > 0)
		gp_buf_printf(&body, " %u", r->code);
	if (r->enhanced_class > 0)
		gp_buf_printf(&body, " %u.%u.%u", r->enhanced_class, r->enhanced_subject,
			      r->enhanced_detail);
	gp_buf_put_char(&body, ' ');
	gp_buf_put(&body, gp_slice_take(r->text, GP_DSN_TEXT_MAX));
	gp_put_field(s->out, "Diagnostic-Code", gp_buf_slice(&body), s->utf8);
	gp_buf_free(&body);
}

static const char *
action_name(uint8_t event)
{
	static const char *const names[] = {
		[GP_DSN_FAILED] = "failed",
		[GP_DSN_DELAYED] = "delayed",
		[GP_DSN_DELIVERED] = "delivered",
		[GP_DSN_RELAYED] = "relayed",
	};
	gp_assert(event > GP_DSN_NONE && event < GP_ARRAY_LEN(names));
	return names[event];
}

/* RFC 3464 section 2.3, in the order of its list. */
static void
put_recipient(struct status *s, const struct gp_dsn_rcpt *r)
{
	struct gp_slice address = r->rcpt->address;
	gp_buf_put_str(s->out, "\r\n");
	put_original_recipient(s, r->rcpt->orcpt);
	put_address_field(s, "Final-Recipient",
			  is_ascii(address) ? GP_SLICE("rfc822") : GP_SLICE("utf-8"), address,
			  false);
	gp_buf_printf(s->out, "Action: %s\r\n", action_name(r->event));
	put_status(s->out, &r->outcome->reply, r->event);
	put_mta_field(s, "Remote-MTA", remote_name(r->outcome->remote));
	put_diagnostic(s, r->outcome);
	if (r->attempt_ms > 0)
		put_date_field(s->out, "Last-Attempt-Date", r->attempt_ms);
	if (r->event == GP_DSN_DELAYED && r->retry_until_ms > 0)
		put_date_field(s->out, "Will-Retry-Until", r->retry_until_ms);
}

void
gp_dsn_status(const struct gp_dsn *d, bool utf8, struct gp_arena *arena, struct gp_dsn_part *part)
{
	struct status s = {.d = d, .arena = arena, .out = &part->body, .utf8 = utf8};
	struct gp_slice envid;
	part->type = utf8 ? "message/global-delivery-status" : "message/delivery-status";
	/* RFC 3464 section 2.2 */
	if (d->envelope->envid.len > 0 && gp_dsn_decode_xtext(d->envelope->envid, arena, &envid))
		gp_put_field(s.out, "Original-Envelope-Id", envid, utf8);
	put_mta_field(&s, "Reporting-MTA", d->hostname);
	put_mta_field(&s, "Received-From-MTA", d->envelope->client_helo);
	put_date_field(s.out, "Arrival-Date", d->envelope->arrival_ms);
	gp_put_field(s.out, "X-Gatepost-Queue-ID", d->queue_id, false);
	for (size_t i = 0; i < d->rcpts_len; i++)
		put_recipient(&s, &d->rcpts[i]);
	part->encoding = gp_content_shape(gp_buf_slice(s.out)).octets_over_127 ? "8bit" : "7bit";
}
