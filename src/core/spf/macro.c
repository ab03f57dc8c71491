/* SPDX-License-Identifier: Apache-2.0 */
#include "core/spf/macro.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

#include "base/scan.h"

enum {
	NAME_MAX_OCTETS =
		253, /* of an expanded name (section 7.3), which is also DNS's own limit */
	PARTS_ALL = 100'000'000, /* more than any value has */
	OUT_MAX = 1024,
	OUT_KEPT = 256, /* of the tail, when the rest is known to be cut: the name, a dot before it,
			    a dot behind it */
	VALUE_MAX = 64, /* an address as 32 nibbles and dots, a time */
};

static_assert(OUT_KEPT >= NAME_MAX_OCTETS + 2, "a name's label must be cut at its dot");

/* --- syntax --- */

/* "%{" macro-letter transformers *delimiter "}" */
struct macro {
	char letter; /* lower case */
	bool escape; /* it was upper case (section 7.3) */
	bool reverse;
	bool split;     /* there are transformers or delimiters */
	unsigned parts; /* to keep, from the right; PARTS_ALL when not said */
	struct gp_slice delimiters;
};

static bool
is_digit(char c)
{
	return gp_ascii_is_digit(c);
}

static bool
is_delimiter(char c)
{
	return gp_slice_find(GP_SLICE(".-+,/_="), c) >= 0;
}

static bool
is_macro_letter(char c, bool explanation)
{
	struct gp_slice letters = explanation ? GP_SLICE("slodiphvcrt") : GP_SLICE("slodiphv");
	return gp_slice_find(letters, c) >= 0;
}

/* A number of parts must not be zero (section 7.3); a large one is as good as all. */
static bool
read_parts(struct gp_slice digits, unsigned *ret)
{
	unsigned value = 0;
	for (size_t i = 0; i < digits.len; i++)
		value = GP_MIN(10 * value + (unsigned)(digits.ptr[i] - '0'), (unsigned)PARTS_ALL);
	*ret = digits.len > 0 ? value : PARTS_ALL;
	return *ret > 0;
}

/* Behind "%{". */
static bool
read_macro(struct gp_scan *c, bool explanation, struct macro *ret)
{
	int letter = gp_scan_peek(c);
	*ret = (struct macro){0};
	if (letter < 0)
		return false;
	ret->letter = gp_ascii_lower((char)letter);
	ret->escape = ret->letter != (char)letter;
	if (!is_macro_letter(ret->letter, explanation))
		return false;
	size_t from = ++c->at;
	struct gp_slice digits = gp_scan_while(c, is_digit);
	ret->reverse = gp_scan_char(c, 'r') || gp_scan_char(c, 'R');
	ret->delimiters = gp_scan_while(c, is_delimiter);
	ret->split = c->at > from;
	return read_parts(digits, &ret->parts) && gp_scan_char(c, '}');
}

static uint8_t
use_of(char letter)
{
	switch (letter) {
	case 's':
	case 'l':
		return GP_SPF_USES_LOCAL;
	case 'p':
		return GP_SPF_USES_VALIDATED;
	default:
		return 0;
	}
}

/* *ret_tail: what stands behind the last macro. */
static bool
check(struct gp_slice s, bool explanation, uint8_t *ret_uses, struct gp_slice *ret_tail)
{
	struct gp_scan c = gp_scan(s);
	size_t tail = 0;
	*ret_uses = 0;
	for (int octet; (octet = gp_scan_peek(&c)) >= 0;) {
		struct macro m;
		c.at++;
		if (octet != '%') {
			if (octet < (explanation ? 0x20 : 0x21) || octet > 0x7e)
				return false;
			continue;
		}
		if (gp_scan_char(&c, '{')) {
			if (!read_macro(&c, explanation, &m))
				return false;
			*ret_uses |= use_of(m.letter);
		} else if (!gp_scan_char(&c, '%') && !gp_scan_char(&c, '_') &&
			   !gp_scan_char(&c, '-')) {
			return false;
		}
		tail = c.at;
	}
	*ret_tail = gp_slice_drop(s, tail);
	return true;
}

bool
gp_spf_macro_string_valid(struct gp_slice s, uint8_t *ret_uses)
{
	struct gp_slice tail;
	return check(s, false, ret_uses, &tail);
}

bool
gp_spf_explanation_valid(struct gp_slice s, uint8_t *ret_uses)
{
	struct gp_slice tail;
	return check(s, true, ret_uses, &tail);
}

/* Letters, digits, and hyphens inside; not all digits (section 7.1). */
static bool
is_toplabel(struct gp_slice s)
{
	bool digits = true;
	if (s.len == 0 || s.ptr[0] == '-' || s.ptr[s.len - 1] == '-')
		return false;
	for (size_t i = 0; i < s.len; i++) {
		if (!gp_ascii_is_alnum(s.ptr[i]) && s.ptr[i] != '-')
			return false;
		digits = digits && gp_ascii_is_digit(s.ptr[i]);
	}
	return !digits;
}

bool
gp_spf_domain_spec_valid(struct gp_slice s, uint8_t *ret_uses)
{
	struct gp_slice tail;
	if (s.len == 0 || !check(s, false, ret_uses, &tail))
		return false;
	if (tail.len == 0)
		return true;
	if (tail.ptr[tail.len - 1] == '.')
		tail.len--;
	ptrdiff_t dot = gp_slice_rfind(tail, '.');
	return dot >= 0 && is_toplabel(gp_slice_drop(tail, (size_t)dot + 1));
}

/* --- expansion --- */

/* Where all expanded octets go: a text, cut at its end; or a name, of which the end counts. */
struct out {
	char text[OUT_MAX];
	size_t len, max;
	size_t total; /* octets that were put */
	bool name;
};

static void
put(struct out *o, char c)
{
	o->total++;
	if (o->len == o->max) {
		if (!o->name)
			return;
		memmove(o->text, o->text + o->len - OUT_KEPT, OUT_KEPT);
		o->len = OUT_KEPT;
	}
	o->text[o->len++] = c;
}

static void
put_all(struct out *o, struct gp_slice s)
{
	for (size_t i = 0; i < s.len; i++)
		put(o, s.ptr[i]);
}

/* RFC 3986 section 2.3: what needs no escape in a URL. */
static bool
is_unreserved(char c)
{
	return gp_ascii_is_alnum(c) || c == '-' || c == '.' || c == '_' || c == '~';
}

static void
put_value(struct out *o, const struct macro *m, char c)
{
	static const char hex[] = "0123456789ABCDEF";
	if (!m->escape || is_unreserved(c))
		return put(o, c);
	put(o, '%');
	put(o, hex[(unsigned char)c >> 4]);
	put(o, hex[(unsigned char)c & 15]);
}

static bool
splits(const struct macro *m, char c)
{
	return m->delimiters.len > 0 ? gp_slice_find(m->delimiters, c) >= 0 : c == '.';
}

/* The parts that count, with dots between them. */
static void
put_parts(struct out *o, const struct macro *m, struct gp_slice value)
{
	size_t from = value.len;
	for (unsigned parts = m->parts; from > 0; from--) {
		if (splits(m, value.ptr[from - 1]) && --parts == 0)
			break;
	}
	for (; from < value.len; from++) {
		char c = value.ptr[from];
		put_value(o, m, splits(m, c) ? '.' : c);
	}
}

/* The rightmost of the reversed parts are the first ones of the value. */
static void
put_reversed(struct out *o, const struct macro *m, struct gp_slice value)
{
	size_t end = 0;
	for (unsigned parts = m->parts; end < value.len; end++) {
		if (splits(m, value.ptr[end]) && --parts == 0)
			break;
	}
	for (size_t from = end;; from--) {
		if (from > 0 && !splits(m, value.ptr[from - 1]))
			continue;
		for (size_t i = from; i < end; i++)
			put_value(o, m, value.ptr[i]);
		if (from == 0)
			return;
		put_value(o, m, '.');
		end = from - 1;
	}
}

/* %{i}: dotted quad, or the nibbles of an IPv6 address (section 7.3). */
static struct gp_slice
write_dotted(const struct gp_spf_values *v, char text[VALUE_MAX])
{
	static const char hex[] = "0123456789ABCDEF";
	if (v->address_len == 4) {
		inet_ntop(AF_INET, v->address, text, VALUE_MAX);
		return gp_slice_str(text);
	}
	for (size_t i = 0; i < 16; i++) {
		text[4 * i] = hex[v->address[i] >> 4];
		text[4 * i + 1] = '.';
		text[4 * i + 2] = hex[v->address[i] & 15];
		text[4 * i + 3] = '.';
	}
	return gp_slice(text, 63);
}

static struct gp_slice
value_of(char letter, const struct gp_spf_values *v, char text[VALUE_MAX])
{
	switch (letter) {
	case 's':
		return v->sender;
	case 'l':
		return v->local;
	case 'o':
		return v->sender_domain;
	case 'd':
		return v->domain;
	case 'i':
		return write_dotted(v, text);
	case 'p':
		return v->validated;
	case 'v':
		return v->address_len == 4 ? GP_SLICE("in-addr") : GP_SLICE("ip6");
	case 'h':
		return v->helo;
	case 'r':
		return v->receiver.len > 0 ? v->receiver : GP_SLICE("unknown");
	case 'c':
		inet_ntop(v->address_len == 4 ? AF_INET : AF_INET6, v->address, text, VALUE_MAX);
		return gp_slice_str(text);
	default:
		gp_assert(letter == 't');
		int len = snprintf(text, VALUE_MAX, "%llu", (unsigned long long)v->now_s);
		return gp_slice(text, (size_t)len);
	}
}

static void
put_macro(struct out *o, struct gp_scan *c, const struct gp_spf_values *values)
{
	struct macro m;
	char text[VALUE_MAX];
	bool valid = read_macro(c, true, &m);
	gp_assert(valid);
	struct gp_slice value = value_of(m.letter, values, text);
	if (m.reverse)
		return put_reversed(o, &m, value);
	if (m.split)
		return put_parts(o, &m, value);
	for (size_t i = 0; i < value.len; i++)
		put_value(o, &m, value.ptr[i]);
}

static void
expand(struct out *o, struct gp_slice s, const struct gp_spf_values *values)
{
	struct gp_scan c = gp_scan(s);
	for (int octet; (octet = gp_scan_peek(&c)) >= 0;) {
		c.at++;
		if (octet != '%')
			put(o, (char)octet);
		else if (gp_scan_char(&c, '{'))
			put_macro(o, &c, values);
		else if (gp_scan_char(&c, '_'))
			put(o, ' ');
		else if (gp_scan_char(&c, '-'))
			put_all(o, GP_SLICE("%20"));
		else if (gp_scan_char(&c, '%'))
			put(o, '%');
	}
}

/* --- names --- */

/* Section 7.3: labels go from the left until 253 octets are left. A name of one label stays. */
static struct gp_slice
fit_name(struct gp_slice s)
{
	if (s.len > 0 && s.ptr[s.len - 1] == '.')
		s.len--;
	if (s.len <= NAME_MAX_OCTETS)
		return s;
	struct gp_slice tail = gp_slice_drop(s, s.len - NAME_MAX_OCTETS - 1);
	ptrdiff_t dot = gp_slice_find(tail, '.');
	return dot < 0 ? s : gp_slice_drop(tail, (size_t)dot + 1);
}

/* Do names have this octet as itself (core/dns/name.h)? */
static bool
is_plain(char c)
{
	return c > ' ' && c < 0x7f && c != '\\';
}

/* Labels of 1 to 63 octets, each one. *ret_odd: how many octets are to be escaped. */
static bool
labels_valid(struct gp_slice s, size_t *ret_odd)
{
	size_t label = 0;
	*ret_odd = 0;
	for (size_t i = 0; i < s.len; i++) {
		if (s.ptr[i] == '.') {
			if (label == 0 || label > GP_DNS_LABEL_MAX)
				return false;
			label = 0;
			continue;
		}
		label++;
		*ret_odd += !is_plain(s.ptr[i]);
	}
	return label > 0 && label <= GP_DNS_LABEL_MAX;
}

static struct gp_slice
escape(struct gp_slice s, size_t odd, struct gp_arena *arena)
{
	char *text = gp_arena_alloc(arena, s.len + 3 * odd);
	size_t len = 0;
	for (size_t i = 0; text && i < s.len; i++) {
		unsigned char c = (unsigned char)s.ptr[i];
		if (is_plain(s.ptr[i])) {
			text[len++] = s.ptr[i];
			continue;
		}
		text[len++] = '\\';
		text[len++] = (char)('0' + c / 100);
		text[len++] = (char)('0' + c / 10 % 10);
		text[len++] = (char)('0' + c % 10);
	}
	return gp_slice(text, len);
}

int
gp_spf_make_name(struct gp_slice text, struct gp_arena *arena, struct gp_spf_name *ret)
{
	size_t odd;
	ret->text = ret->name = fit_name(text);
	if (ret->text.len > NAME_MAX_OCTETS || !labels_valid(ret->text, &odd))
		return 1;
	if (odd > 0)
		ret->name = escape(ret->text, odd, arena);
	return ret->name.ptr ? 0 : -ENOMEM;
}

int
gp_spf_expand_name(struct gp_slice spec, const struct gp_spf_values *values, struct gp_arena *arena,
		   size_t *work, struct gp_spf_name *ret)
{
	struct out o;
	if (gp_slice_find(spec, '%') < 0)
		return gp_spf_make_name(spec, arena, ret);
	o.len = o.total = 0;
	o.max = sizeof(o.text);
	o.name = true;
	expand(&o, spec, values);
	*work += o.total;
	struct gp_slice text = fit_name(gp_slice(o.text, o.len));
	text = gp_arena_dup(arena, text);
	return text.ptr ? gp_spf_make_name(text, arena, ret) : -ENOMEM;
}

/* --- explanations --- */

static bool
is_printable(struct gp_slice s)
{
	for (size_t i = 0; i < s.len; i++) {
		if (s.ptr[i] < 0x20 || s.ptr[i] > 0x7e)
			return false;
	}
	return s.len > 0;
}

int
gp_spf_expand_explanation(struct gp_slice text, const struct gp_spf_values *values, size_t size_max,
			  struct gp_arena *arena, struct gp_slice *ret)
{
	struct out o;
	gp_assert(size_max <= sizeof(o.text));
	o.len = o.total = 0;
	o.max = size_max;
	o.name = false;
	expand(&o, text, values);
	if (!is_printable(gp_slice(o.text, o.len)))
		return 1;
	*ret = gp_arena_dup(arena, gp_slice(o.text, o.len));
	return ret->ptr ? 0 : -ENOMEM;
}
