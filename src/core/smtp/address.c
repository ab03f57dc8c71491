/* SPDX-License-Identifier: Apache-2.0 */
#include "core/smtp/address.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

#include "base/scan.h"
#include "base/utf8.h"

enum {
	ADDRESS_MAX = 254, /* RFC 5321 section 4.5.3.1.3, less the two brackets; erratum 1690 */
	LABEL_MAX = 63,
};

/* What a parser of this file needs besides its input; `why` is set where it fails. */
struct parse {
	struct gp_scan scan;
	struct gp_arena *arena;
	const char *why;
};

static bool
fail(struct parse *p, const char *why)
{
	if (!p->why)
		p->why = why;
	return gp_scan_fail(&p->scan);
}

/* Steps over one character over U+009F. Controls of U+0080 to U+009F are no characters of
 * addresses. */
static bool
take_utf8(struct parse *p)
{
	struct gp_slice rest = gp_scan_rest(&p->scan);
	size_t len = gp_utf8_len(rest);
	if (len < 2)
		return fail(p, "invalid UTF-8");
	if (!gp_utf8_printable(gp_slice_take(rest, len)))
		return fail(p, "control character");
	p->scan.at += len;
	return true;
}

/* RFC 5322 section 3.2.3 */
static bool
is_atext(int c)
{
	return c > 0 && c < 128 && (gp_ascii_is_alnum((char)c) || strchr("!#$%&'*+-/=?^_`{|}~", c));
}

static bool
is_control(int c)
{
	return (c >= 0 && c < 32) || c == 127;
}

/* Atom of RFC 5321 section 4.1.2, with UTF-8 as RFC 6531 section 3.3. */
static bool
take_atom(struct parse *p)
{
	size_t from = p->scan.at;
	for (;;) {
		int c = gp_scan_peek(&p->scan);
		if (c >= 128) {
			if (!take_utf8(p))
				return false;
		} else if (is_atext(c)) {
			p->scan.at++;
		} else {
			break;
		}
	}
	return p->scan.at > from;
}

/* True for text that is a Dot-string as it stands. */
static bool
is_dot_string(struct gp_slice s)
{
	struct parse p = {.scan = gp_scan(s)};
	do {
		if (!take_atom(&p))
			return false;
	} while (gp_scan_char(&p.scan, '.'));
	return gp_scan_end(&p.scan) && !p.scan.failed;
}

static bool
take_dot_string(struct parse *p, struct gp_slice *ret)
{
	size_t from = p->scan.at;
	do {
		if (!take_atom(p))
			return fail(p, is_control(gp_scan_peek(&p->scan))
					       ? "control character"
					       : "local part is not well formed");
	} while (gp_scan_char(&p->scan, '.'));
	*ret = gp_scan_since(&p->scan, from);
	return true;
}

/* One QcontentSMTP of RFC 5321 section 4.1.2; its octets without the quoting backslash go to *at.
 */
static bool
take_quoted_content(struct parse *p, char *content, size_t *at)
{
	bool escaped = gp_scan_char(&p->scan, '\\');
	size_t from = p->scan.at;
	int c = gp_scan_peek(&p->scan);
	if (c < 0)
		return fail(p, "quoted local part without its end");
	if (is_control(c))
		return fail(p, "control character");
	/* quoted-pairSMTP is a backslash and ASCII; RFC 6531 did not extend it. */
	if (c >= 128 && escaped)
		return fail(p, "backslash before UTF-8");
	if (c < 128)
		p->scan.at++;
	else if (!take_utf8(p))
		return false;
	struct gp_slice taken = gp_scan_since(&p->scan, from);
	if (*at + taken.len > GP_LOCAL_MAX)
		return fail(p, "local part is too long");
	memcpy(content + *at, taken.ptr, taken.len);
	*at += taken.len;
	return true;
}

static struct gp_slice
quote(struct gp_arena *arena, struct gp_slice content)
{
	char *text = gp_arena_alloc(arena, 2 * content.len + 2);
	size_t at = 0;
	if (!text)
		return gp_slice(NULL, 0);
	text[at++] = '"';
	for (size_t i = 0; i < content.len; i++) {
		if (content.ptr[i] == '"' || content.ptr[i] == '\\')
			text[at++] = '\\';
		text[at++] = content.ptr[i];
	}
	text[at++] = '"';
	return gp_slice(text, at);
}

/* RFC 5321 section 4.1.2: where the quotes are not needed, "the quoted and the unquoted forms are
 * equivalent, and the sending system SHOULD transmit the form that uses the minimum quoting". */
static bool
take_quoted_string(struct parse *p, struct gp_slice *ret)
{
	char content[GP_LOCAL_MAX];
	size_t at = 0;
	while (!gp_scan_char(&p->scan, '"')) {
		if (!take_quoted_content(p, content, &at))
			return false;
	}
	struct gp_slice s = gp_slice(content, at);
	*ret = is_dot_string(s) ? gp_arena_dup(p->arena, s) : quote(p->arena, s);
	return true;
}

static bool
take_local(struct parse *p, struct gp_slice *ret)
{
	size_t from = p->scan.at;
	bool good =
		gp_scan_char(&p->scan, '"') ? take_quoted_string(p, ret) : take_dot_string(p, ret);
	if (good && p->scan.at - from > GP_LOCAL_MAX)
		return fail(p, "local part is too long");
	return good;
}

static bool
is_label_char(int c)
{
	return c > 0 && c < 128 && (gp_ascii_is_alnum((char)c) || c == '-' || c == '_');
}

/* sub-domain of RFC 5321 section 4.1.2: no hyphen at its ends. */
static bool
take_label(struct parse *p)
{
	size_t from = p->scan.at;
	for (;;) {
		int c = gp_scan_peek(&p->scan);
		if (c >= 128) {
			if (!take_utf8(p))
				return false;
		} else if (is_label_char(c)) {
			p->scan.at++;
		} else {
			break;
		}
	}
	struct gp_slice label = gp_scan_since(&p->scan, from);
	if (label.len == 0)
		return fail(p, is_control(gp_scan_peek(&p->scan)) ? "control character"
								  : "domain is not well formed");
	if (label.len > LABEL_MAX)
		return fail(p, "label of the domain is too long");
	if (label.ptr[0] == '-' || label.ptr[label.len - 1] == '-')
		return fail(p, "label of the domain begins or ends in a hyphen");
	return true;
}

static bool
take_domain_name(struct parse *p, struct gp_slice *ret)
{
	size_t from = p->scan.at;
	do {
		if (!take_label(p))
			return false;
	} while (gp_scan_char(&p->scan, '.'));
	*ret = gp_scan_since(&p->scan, from);
	return ret->len <= GP_DOMAIN_MAX || fail(p, "domain is too long");
}

static struct gp_slice
dup_lower(struct gp_arena *arena, struct gp_slice s)
{
	char *copy = gp_arena_alloc(arena, s.len);
	if (!copy)
		return gp_slice(NULL, 0);
	for (size_t i = 0; i < s.len; i++)
		copy[i] = gp_ascii_lower(s.ptr[i]);
	return gp_slice(copy, s.len);
}

/* Snum of RFC 5321 section 4.1.3: decimal, leading zeros and all; never octal. */
static bool
parse_ipv4(struct gp_slice s, uint8_t ret[4])
{
	for (size_t i = 0; i < 4; i++) {
		uint64_t value;
		bool last = i == 3;
		struct gp_slice part = last ? s : gp_slice_cut(&s, '.');
		if (part.len > 3 || !gp_slice_u64(part, 255, &value) || (!last && !s.ptr))
			return false;
		ret[i] = (uint8_t)value;
	}
	return true;
}

static bool
set_ipv4(struct parse *p, struct gp_slice inside, struct gp_address *ret)
{
	uint8_t a[4];
	if (!parse_ipv4(inside, a))
		return fail(p, "address literal is not well formed");
	ret->domain_kind = GP_DOMAIN_IPV4;
	ret->domain = gp_arena_printf(p->arena, "[%d.%d.%d.%d]", a[0], a[1], a[2], a[3]);
	return true;
}

static bool
set_ipv6(struct parse *p, struct gp_slice inside, struct gp_address *ret)
{
	char text[INET6_ADDRSTRLEN] = {};
	struct in6_addr address;
	if (inside.len >= sizeof(text))
		return fail(p, "address literal is not well formed");
	memcpy(text, inside.ptr, inside.len);
	if (strlen(text) != inside.len || inet_pton(AF_INET6, text, &address) != 1)
		return fail(p, "address literal is not well formed");
	ret->domain_kind = GP_DOMAIN_IPV6;
	ret->domain = gp_arena_printf(p->arena, "[IPv6:%s]",
				      inet_ntop(AF_INET6, &address, text, sizeof(text)));
	return true;
}

static bool
is_ldh(struct gp_slice s)
{
	for (size_t i = 0; i < s.len; i++) {
		if (!gp_ascii_is_alnum(s.ptr[i]) && s.ptr[i] != '-')
			return false;
	}
	return s.len > 0 && s.ptr[s.len - 1] != '-';
}

/* General-address-literal of RFC 5321 section 4.1.3; dcontent was checked by the caller. */
static bool
set_general(struct parse *p, struct gp_slice tag, struct gp_slice content, struct gp_address *ret)
{
	if (!is_ldh(tag) || content.len == 0)
		return fail(p, "address literal is not well formed");
	struct gp_slice low = dup_lower(p->arena, tag);
	ret->domain_kind = GP_DOMAIN_GENERAL;
	ret->domain =
		gp_arena_printf(p->arena, "[%.*s:%.*s]", GP_SLICE_FMT(low), GP_SLICE_FMT(content));
	return true;
}

static bool
is_dcontent(char c)
{
	return c > 32 && c < 127 && c != '[' && c != '\\' && c != ']';
}

/* address-literal of RFC 5321 section 4.1.3, behind its opening bracket. */
static bool
take_literal(struct parse *p, struct gp_address *ret)
{
	struct gp_slice inside = gp_scan_while(&p->scan, is_dcontent);
	if (!gp_scan_char(&p->scan, ']'))
		return fail(p, "address literal is not well formed");
	if (inside.len + 2 > GP_DOMAIN_MAX)
		return fail(p, "domain is too long");
	ptrdiff_t colon = gp_slice_find(inside, ':');
	if (colon < 0)
		return set_ipv4(p, inside, ret);
	struct gp_slice tag = gp_slice_take(inside, (size_t)colon);
	struct gp_slice content = gp_slice_drop(inside, (size_t)colon + 1);
	if (gp_slice_eq_nocase(tag, GP_SLICE("IPv6")))
		return set_ipv6(p, content, ret);
	return set_general(p, tag, content, ret);
}

static bool
take_domain(struct parse *p, struct gp_address *ret)
{
	struct gp_slice name;
	if (gp_scan_char(&p->scan, '['))
		return take_literal(p, ret);
	if (!take_domain_name(p, &name))
		return false;
	ret->domain_kind = GP_DOMAIN_NAME;
	ret->domain = dup_lower(p->arena, name);
	return true;
}

static bool
has_utf8(struct gp_slice s)
{
	for (size_t i = 0; i < s.len; i++) {
		if ((unsigned char)s.ptr[i] > 127)
			return true;
	}
	return false;
}

/* Puts the parts together: `text` is the one allocation, local and domain are cut from it. */
static bool
set_text(struct parse *p, struct gp_address *ret)
{
	size_t local_len = ret->local.len;
	bool bare = ret->domain_kind == GP_DOMAIN_NONE;
	size_t len = bare ? local_len : local_len + 1 + ret->domain.len;
	char *text = gp_arena_alloc(p->arena, len);
	if (!text)
		return false;
	/* An arena that failed stays failed: were a part missing, so would be the text. */
	gp_assert(ret->local.ptr && (bare || ret->domain.ptr));
	memcpy(text, ret->local.ptr, local_len);
	if (!bare) {
		text[local_len] = '@';
		memcpy(text + local_len + 1, ret->domain.ptr, ret->domain.len);
	}
	ret->text = gp_slice(text, len);
	if (ret->text.len > ADDRESS_MAX)
		return fail(p, "address is too long");
	ret->local = gp_slice_take(ret->text, local_len);
	if (!bare)
		ret->domain = gp_slice_drop(ret->text, local_len + 1);
	ret->utf8 = has_utf8(ret->text);
	return true;
}

static bool
take_mailbox(struct parse *p, struct gp_address *ret)
{
	if (!take_local(p, &ret->local))
		return false;
	if (gp_scan_char(&p->scan, '@') && !take_domain(p, ret))
		return false;
	return set_text(p, ret);
}

/* A-d-l of RFC 5321 section 4.1.2: "MUST BE accepted, SHOULD NOT be generated, and SHOULD be
 * ignored". */
static bool
skip_source_route(struct parse *p)
{
	struct gp_slice ignored;
	do {
		if (!gp_scan_char(&p->scan, '@'))
			return fail(p, "source route is not well formed");
		if (!take_domain_name(p, &ignored))
			return false;
	} while (gp_scan_char(&p->scan, ','));
	return gp_scan_char(&p->scan, ':') || fail(p, "source route is not well formed");
}

static bool
take_path(struct parse *p, struct gp_address *ret)
{
	if (!gp_scan_char(&p->scan, '<'))
		return fail(p, "path without its opening bracket");
	if (gp_scan_char(&p->scan, '>'))
		return true;
	if (gp_scan_peek(&p->scan) == '@' && !skip_source_route(p))
		return false;
	if (!take_mailbox(p, ret))
		return false;
	if (!gp_scan_char(&p->scan, '>'))
		return fail(p, "path without its closing bracket");
	if (p->scan.at > GP_PATH_MAX)
		return fail(p, "path is too long");
	/* RFC 5321 section 4.1.1.3: only <postmaster> goes without a domain, in either case. */
	if (ret->domain_kind != GP_DOMAIN_NONE)
		return true;
	if (!gp_slice_eq_nocase(ret->local, GP_SLICE("postmaster")))
		return fail(p, "address without a domain");
	ret->text = ret->local = dup_lower(p->arena, ret->local);
	return true;
}

static int
finish(const struct parse *p, bool good, struct gp_address *ret, const char **ret_why)
{
	if (p->arena->failed || !good)
		*ret = (struct gp_address){};
	if (p->arena->failed)
		return -ENOMEM;
	if (good)
		return 0;
	*ret_why = p->why;
	return 1;
}

int
gp_address_parse_path(struct gp_slice *s, struct gp_arena *arena, struct gp_address *ret,
		      const char **ret_why)
{
	struct parse p = {.scan = gp_scan(*s), .arena = arena};
	*ret = (struct gp_address){};
	bool good = take_path(&p, ret);
	if (good)
		*s = gp_scan_rest(&p.scan);
	return finish(&p, good, ret, ret_why);
}

int
gp_address_parse(struct gp_slice s, struct gp_arena *arena, struct gp_address *ret,
		 const char **ret_why)
{
	struct parse p = {.scan = gp_scan(s), .arena = arena};
	*ret = (struct gp_address){};
	bool good = take_mailbox(&p, ret);
	if (good && !gp_scan_end(&p.scan))
		good = fail(&p, "something follows the address");
	return finish(&p, good, ret, ret_why);
}

struct gp_slice
gp_address_unquote(struct gp_slice local, struct gp_arena *arena)
{
	if (!gp_slice_starts(local, GP_SLICE("\"")))
		return local;
	char *copy = gp_arena_str(arena, local);
	size_t len = 0;
	for (size_t i = 1; copy && i + 1 < local.len; i++) {
		if (local.ptr[i] == '\\')
			i++;
		copy[len++] = local.ptr[i];
	}
	return gp_slice(copy, len);
}

bool
gp_domain_valid(struct gp_slice s)
{
	struct parse p = {.scan = gp_scan(s)};
	struct gp_slice name;
	return take_domain_name(&p, &name) && gp_scan_end(&p.scan);
}
