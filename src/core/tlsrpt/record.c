/* SPDX-License-Identifier: Apache-2.0 */
#include "core/tlsrpt/record.h"

#include <errno.h>

#include "base/scan.h"
#include "core/dns/txt.h"
#include "core/smtp/uri.h"

enum { PORT_HTTPS = 443 };

struct gp_dns_question
gp_tlsrpt_question(struct gp_slice domain, struct gp_arena *arena)
{
	struct gp_slice name = gp_arena_printf(arena, "_smtp._tls.%.*s", GP_SLICE_FMT(domain));
	return (struct gp_dns_question){name, GP_DNS_TXT};
}

/* What follows "mailto:". 1: no mailbox that mail can be sent to as ASCII. */
static int
read_mailto(struct gp_slice rest, struct gp_arena *arena, struct gp_tlsrpt_rua *rua)
{
	struct gp_address address;
	int rc = gp_uri_mailto(rest, arena, &address);
	if (rc == 0)
		rua->address = address.text;
	return rc;
}

static bool
is_host_octet(char c)
{
	return gp_ascii_is_alnum(c) || c == '-' || c == '.' || c == '_';
}

static bool
read_port(struct gp_slice text, uint16_t *ret)
{
	uint64_t port;
	if (!gp_slice_u64(text, UINT16_MAX, &port) || port == 0)
		return false;
	*ret = (uint16_t)port;
	return true;
}

static struct gp_slice
lower(struct gp_slice s, struct gp_arena *arena)
{
	char *to = gp_arena_alloc(arena, s.len);
	for (size_t i = 0; to && i < s.len; i++)
		to[i] = gp_ascii_lower(s.ptr[i]);
	return gp_slice(to, to ? s.len : 0);
}

/* What follows "https:". A name; an address there proves nothing that a certificate could. */
static int
read_https(struct gp_slice rest, struct gp_arena *arena, struct gp_tlsrpt_rua *rua)
{
	struct gp_scan c = gp_scan(rest);
	if (!gp_scan_word(&c, GP_SLICE("//")))
		return 1;
	struct gp_slice host = gp_scan_while(&c, is_host_octet);
	if (!gp_domain_valid(host))
		return 1;
	rua->port = PORT_HTTPS;
	if (gp_scan_char(&c, ':') && !read_port(gp_scan_while(&c, gp_ascii_is_digit), &rua->port))
		return 1;
	struct gp_slice path = gp_scan_rest(&c);
	path = gp_slice_cut(&path, '#');
	if (path.len > 0 && path.ptr[0] != '/' && path.ptr[0] != '?')
		return 1;
	bool bare = path.len == 0 || path.ptr[0] == '?';
	rua->path = bare ? gp_arena_printf(arena, "/%.*s", GP_SLICE_FMT(path)) : path;
	rua->host = lower(host, arena);
	return arena->failed ? -ENOMEM : 0;
}

enum { OTHER_SCHEME = 2 };

/* 1: malformed. */
static int
read_place(struct gp_slice uri, struct gp_arena *arena, struct gp_tlsrpt_rua *ret)
{
	struct gp_slice scheme, rest;
	*ret = (struct gp_tlsrpt_rua){.uri = uri};
	if (!gp_uri_split(uri, &scheme, &rest))
		return 1;
	if (gp_slice_eq_nocase(scheme, GP_SLICE("mailto")))
		return read_mailto(rest, arena, ret);
	if (gp_slice_eq_nocase(scheme, GP_SLICE("https")))
		return read_https(rest, arena, ret);
	return OTHER_SCHEME;
}

int
gp_tlsrpt_rua_read(struct gp_slice uri, struct gp_arena *arena, struct gp_tlsrpt_rua *ret)
{
	int rc = read_place(uri, arena, ret);
	return rc < 0 ? rc : rc > 0;
}

/* Adds the place to *ret, unless it is of a scheme that we do not know. 1: malformed. */
static int
read_uri(struct gp_slice uri, struct gp_arena *arena, struct gp_tlsrpt_places *ret)
{
	struct gp_tlsrpt_rua rua;
	int rc = read_place(uri, arena, &rua);
	if (rc == 0 && ret->len < GP_TLSRPT_RUA_MAX)
		ret->rua[ret->len++] = rua;
	return rc == OTHER_SCHEME ? 0 : rc;
}

static int
read_rua(struct gp_slice list, struct gp_arena *arena, struct gp_tlsrpt_places *ret)
{
	int rc = list.len > 0 ? 0 : 1;
	while (rc == 0 && list.ptr)
		rc = read_uri(gp_slice_trim(gp_slice_cut(&list, ',')), arena, ret);
	return rc;
}

static int
read_fields(struct gp_slice fields, struct gp_arena *arena, struct gp_tlsrpt_places *ret)
{
	struct gp_txt_field f;
	int rc, more;
	while ((more = gp_txt_next(&fields, &f)) == 0) {
		if (gp_slice_eq(f.name, GP_SLICE("rua")))
			rc = read_rua(f.value, arena, ret);
		else
			rc = gp_txt_extension_valid(f.value) ? 0 : 1;
		if (rc != 0)
			return rc;
	}
	return more < 0 || ret->len == 0 ? 1 : 0;
}

int
gp_tlsrpt_record_read(const struct gp_dns_answer *answer, struct gp_arena *arena,
		      struct gp_tlsrpt_places *ret)
{
	struct gp_slice fields;
	ret->len = 0;
	if (gp_dns_status_temporary(answer->status))
		return GP_TLSRPT_RECORD_UNKNOWN;
	size_t found = gp_txt_select(answer, GP_SLICE("v=TLSRPTv1"), &fields);
	if (found != 1)
		return found == 0 ? GP_TLSRPT_RECORD_NONE : GP_TLSRPT_RECORD_SEVERAL;
	int rc = read_fields(fields, arena, ret);
	if (rc != 0)
		ret->len = 0;
	return rc <= 0 ? rc : GP_TLSRPT_RECORD_INVALID;
}
