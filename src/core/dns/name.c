/* SPDX-License-Identifier: Apache-2.0 */
#include "core/dns/name.h"

#include <errno.h>
#include <string.h>

#include "base/scan.h"

enum {
	LABEL_KIND = 0xc0, /* the two high bits of a length octet */
	LABEL_POINTER = 0xc0,
	POINTERS_MAX = 127, /* in a name: one a label, and no name has more labels */
};

/* Writes labels onto a name. The length octet of the label being written is at `label`. */
struct builder {
	struct gp_name *name;
	size_t len, label;
	bool failed;
};

static void
put_octet(struct builder *b, uint8_t octet)
{
	if (b->len >= GP_DNS_NAME_MAX) {
		b->failed = true;
		return;
	}
	b->name->octets[b->len++] = octet;
}

static void
start_label(struct builder *b)
{
	b->label = b->len;
	put_octet(b, 0);
}

static void
put_label_octet(struct builder *b, char c)
{
	put_octet(b, (uint8_t)gp_ascii_lower(c));
}

static void
end_label(struct builder *b)
{
	if (b->failed)
		return;
	size_t len = b->len - b->label - 1;
	if (len == 0 || len > GP_DNS_LABEL_MAX)
		b->failed = true;
	else
		b->name->octets[b->label] = (uint8_t)len;
}

/* The root's length octet ends every name. */
static bool
end_name(struct builder *b)
{
	put_octet(b, 0);
	if (b->failed)
		return false;
	b->name->len = (uint8_t)b->len;
	return true;
}

/* Behind the backslash: three decimal digits, or the octet itself. */
static bool
read_escape(struct gp_scan *c, char *ret)
{
	int octet = gp_scan_peek(c);
	if (octet <= ' ' || octet >= 127)
		return false;
	if (!gp_ascii_is_digit((char)octet)) {
		*ret = (char)octet;
		c->at++;
		return true;
	}
	uint64_t value;
	if (!gp_slice_u64(gp_slice_take(gp_scan_rest(c), 3), 255, &value) ||
	    gp_scan_rest(c).len < 3)
		return false;
	*ret = (char)value;
	c->at += 3;
	return true;
}

static bool
read_label(struct gp_scan *c, struct builder *b)
{
	start_label(b);
	for (int octet; (octet = gp_scan_peek(c)) >= 0 && octet != '.';) {
		char put = (char)octet;
		c->at++;
		if (octet == '\\' && !read_escape(c, &put))
			return false;
		if (octet <= ' ' || octet >= 127)
			return false;
		put_label_octet(b, put);
	}
	end_label(b);
	return !b->failed;
}

bool
gp_name_from_text(struct gp_slice text, struct gp_name *ret)
{
	struct gp_scan c = gp_scan(text);
	struct builder b = {.name = ret};
	if (gp_slice_eq(text, GP_SLICE(".")))
		return end_name(&b);
	do {
		if (!read_label(&c, &b))
			return false;
	} while (gp_scan_char(&c, '.') && !gp_scan_end(&c));
	return gp_scan_end(&c) && end_name(&b);
}

static int
octet_at(struct gp_slice message, size_t at)
{
	return at < message.len ? (unsigned char)message.ptr[at] : -1;
}

/* Copies the label of `len` octets at `at`. */
static bool
copy_label(struct gp_slice message, size_t at, size_t len, struct builder *b)
{
	struct gp_slice label = gp_slice_take(gp_slice_drop(message, at), len);
	if (label.len < len)
		return false;
	start_label(b);
	for (size_t i = 0; i < label.len; i++)
		put_label_octet(b, label.ptr[i]);
	end_label(b);
	return !b->failed;
}

bool
gp_name_from_message(struct gp_slice message, size_t *at, struct gp_name *ret)
{
	struct builder b = {.name = ret};
	size_t pos = *at, run = pos; /* run: where this stretch without pointers began */
	size_t end = 0;              /* behind the first pointer: where the name ends */
	unsigned pointers = 0;
	for (;;) {
		int len = octet_at(message, pos);
		if (len < 0)
			return false;
		if ((len & LABEL_KIND) == LABEL_POINTER) {
			int low = octet_at(message, pos + 1);
			size_t target = (size_t)(len & ~LABEL_KIND) << 8 | (size_t)(low & 0xff);
			if (low < 0 || target >= run || ++pointers > POINTERS_MAX)
				return false;
			end = end > 0 ? end : pos + 2;
			pos = run = target;
		} else if ((len & LABEL_KIND) != 0) {
			return false; /* extended label types never came (RFC 6891 section 5) */
		} else if (len == 0) {
			*at = end > 0 ? end : pos + 1;
			return end_name(&b);
		} else {
			if (!copy_label(message, pos + 1, (size_t)len, &b))
				return false;
			pos += 1 + (size_t)len;
		}
	}
}

/* At most 4 characters. */
static size_t
put_escaped(char *to, uint8_t octet)
{
	if (octet == '.' || octet == '\\') {
		to[0] = '\\';
		to[1] = (char)octet;
		return 2;
	}
	if (octet > ' ' && octet < 127) {
		to[0] = (char)octet;
		return 1;
	}
	to[0] = '\\';
	to[1] = (char)('0' + octet / 100);
	to[2] = (char)('0' + octet / 10 % 10);
	to[3] = (char)('0' + octet % 10);
	return 4;
}

int
gp_name_to_text(const struct gp_name *name, struct gp_arena *arena, struct gp_slice *ret)
{
	char text[GP_DNS_NAME_TEXT_MAX];
	size_t len = 0, at = 0;
	gp_assert(name->len > 0);
	for (uint8_t label; (label = name->octets[at]) > 0; at += 1 + (size_t)label) {
		gp_assert(at + 1 + label < name->len);
		if (at > 0)
			text[len++] = '.';
		for (size_t i = 1; i <= label; i++)
			len += put_escaped(&text[len], name->octets[at + i]);
	}
	if (len == 0)
		text[len++] = '.';
	*ret = gp_arena_dup(arena, gp_slice(text, len));
	return ret->ptr ? 0 : -ENOMEM;
}

bool
gp_name_is_root(const struct gp_name *name)
{
	return name->len == 1;
}

bool
gp_name_eq(const struct gp_name *a, const struct gp_name *b)
{
	return gp_slice_eq(gp_name_wire(a), gp_name_wire(b));
}
