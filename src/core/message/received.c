/* SPDX-License-Identifier: Apache-2.0 */
#include "core/message/received.h"

#include <string.h>

#include "core/message/date.h"

static bool
is_name_octet(char c)
{
	return gp_ascii_is_alnum(c) || (c != '\0' && strchr(".-_:[]", c));
}

static bool
is_address_octet(char c)
{
	return (unsigned char)c >= 32 && c != 127;
}

static bool
is_ascii_address_octet(char c)
{
	return c >= 32 && c < 127;
}

static void
put_checked(struct gp_buf *out, struct gp_slice s, bool (*test)(char))
{
	char *to = gp_buf_reserve(out, s.len);
	if (!to)
		return;
	for (size_t i = 0; i < s.len; i++)
		to[i] = test(s.ptr[i]) ? s.ptr[i] : '?';
	gp_buf_advance(out, s.len);
}

/* Extended-Domain: the name that the client gave, and in a comment the address it came from. */
static void
put_from(struct gp_buf *out, const struct gp_received *r)
{
	bool ipv6 = gp_slice_find(r->client_addr, ':') >= 0;
	if (r->client_addr.len == 0)
		return;
	gp_buf_put_str(out, "from ");
	put_checked(out, r->helo.len > 0 ? r->helo : GP_SLICE("unknown"), is_name_octet);
	gp_buf_put_str(out, ipv6 ? " ([IPv6:" : " ([");
	put_checked(out, r->client_addr, is_name_octet);
	gp_buf_put_str(out, "])\r\n\t");
}

/* RFC 3848, and RFC 6531 section 4.3. */
static const char *
with_protocol(const struct gp_received *r)
{
	static const char *const utf8[] = {"UTF8SMTP", "UTF8SMTPA", "UTF8SMTPS", "UTF8SMTPSA"};
	static const char *const esmtp[] = {"ESMTP", "ESMTPA", "ESMTPS", "ESMTPSA"};
	int kind = (r->tls_version.len > 0 ? 2 : 0) + (r->authenticated ? 1 : 0);
	if (r->utf8)
		return utf8[kind];
	return r->esmtp ? esmtp[kind] : "SMTP";
}

static void
put_with(struct gp_buf *out, const struct gp_received *r)
{
	gp_buf_put_str(out, " with ");
	gp_buf_put_str(out, with_protocol(r));
	if (r->tls_version.len == 0)
		return;
	gp_buf_put_str(out, "\r\n\t(");
	put_checked(out, r->tls_version, is_name_octet);
	gp_buf_put_char(out, ' ');
	put_checked(out, r->tls_cipher, is_name_octet);
	gp_buf_put_char(out, ')');
}

void
gp_received_write(struct gp_buf *out, const struct gp_received *r)
{
	gp_buf_put_str(out, "Received: ");
	put_from(out, r);
	gp_buf_put_str(out, "by ");
	put_checked(out, r->by, is_name_octet);
	if (r->client_addr.len > 0)
		put_with(out, r);
	gp_buf_put_str(out, " id ");
	put_checked(out, r->id, is_name_octet);
	if (r->rcpt.len > 0) {
		gp_buf_put_str(out, "\r\n\tfor <");
		put_checked(out, r->rcpt, r->utf8 ? is_address_octet : is_ascii_address_octet);
		gp_buf_put_char(out, '>');
	}
	gp_buf_put_str(out, ";\r\n\t");
	gp_buf_put_str(out, gp_date_text(r->time_s).s);
	gp_buf_put_str(out, "\r\n");
}
