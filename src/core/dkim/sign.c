/* SPDX-License-Identifier: Apache-2.0 */
#include "core/dkim/sign.h"

#include <errno.h>
#include <inttypes.h>

#include "base/base64.h"
#include "core/dns/idn.h"
#include "core/smtp/address.h"

enum {
	LINE_MAX_COLUMNS = 76,
	TAB_COLUMNS = 8,
	FIELD_MAX = 16 * 1024, /* GP_DKIM_NAMES_MAX names, and the rest */
	TAG_MAX = 600,         /* a domain or a selector, and its name */
};

/* --- which fields --- */

static const char *const oversigned[] = {
	"from", "reply-to",   "to",           "cc",           "subject",
	"date", "message-id", "mime-version", "content-type", "content-transfer-encoding",
};

/* RFC 8058 section 4 wants the two of List-Unsubscribe signed. */
static const char *const signed_as_they_are[] = {
	"sender",
	"in-reply-to",
	"references",
	"content-disposition",
	"content-id",
	"list-unsubscribe",
	"list-unsubscribe-post",
};

struct choice {
	const struct gp_header *header;
	struct gp_slice *names;
	size_t len;
	bool full;
};

static void
choose(struct choice *c, const char *name, size_t times_more)
{
	size_t times = gp_header_count(c->header, gp_slice_str(name)) + times_more;
	c->full = c->full || times > GP_DKIM_NAMES_MAX - c->len;
	for (size_t i = 0; i < times && !c->full; i++)
		c->names[c->len++] = gp_slice_str(name);
}

int
gp_dkim_default_names(const struct gp_header *h, struct gp_arena *arena,
		      const struct gp_slice **ret, size_t *ret_len)
{
	struct choice c = {.header = h,
			   .names = gp_arena_array(arena, GP_DKIM_NAMES_MAX, sizeof(*c.names))};
	if (!c.names)
		return -ENOMEM;
	for (size_t i = 0; i < GP_ARRAY_LEN(oversigned); i++)
		choose(&c, oversigned[i], 1);
	for (size_t i = 0; i < GP_ARRAY_LEN(signed_as_they_are); i++)
		choose(&c, signed_as_they_are[i], 0);
	*ret = c.names;
	*ret_len = c.len;
	return c.full;
}

/* --- writing the field --- */

struct writer {
	struct gp_buf out;
	size_t column;
};

/* glue: what stands before the text when it still fits on the line. */
static void
put(struct writer *w, const char *glue, struct gp_slice text)
{
	struct gp_slice before = gp_slice_str(glue);
	if (w->column + before.len + text.len > LINE_MAX_COLUMNS) {
		gp_buf_put_str(&w->out, "\r\n\t");
		w->column = TAB_COLUMNS;
	} else {
		gp_buf_put(&w->out, before);
		w->column += before.len;
	}
	gp_buf_put(&w->out, text);
	w->column += text.len;
}

GP_PRINTF(2, 3)
static void
put_tag(struct writer *w, const char *fmt, ...)
{
	char text[TAG_MAX];
	va_list args;
	va_start(args, fmt);
	int len = vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	gp_assert(len > 0 && (size_t)len < sizeof(text));
	put(w, " ", gp_slice(text, (size_t)len));
}

static void
put_names(struct writer *w, const struct gp_slice *names, size_t len)
{
	put(w, " ", GP_SLICE("h="));
	for (size_t i = 0; i < len; i++) {
		put(w, "", names[i]);
		gp_buf_put_char(&w->out, i + 1 < len ? ':' : ';');
		w->column++;
	}
}

/* What there is of a field before it is signed. */
static void
put_field(struct writer *w, const struct gp_dkim_order *o)
{
	bool arc = o->kind == GP_DKIM_ARC_MESSAGE;
	struct gp_slice name =
		arc ? GP_SLICE("ARC-Message-Signature:") : GP_SLICE("DKIM-Signature:");
	put(w, "", name);
	if (arc)
		put_tag(w, "i=%u;", o->instance);
	else
		put_tag(w, "v=1;");
	put_tag(w, "a=%s;", gp_dkim_algorithm_name(o->algorithm));
	put_tag(w, "c=%s/%s;", gp_dkim_canon_name(o->header_canon),
		gp_dkim_canon_name(o->body_canon));
	put_tag(w, "d=%.*s;", GP_SLICE_FMT(o->domain));
	put_tag(w, "s=%.*s;", GP_SLICE_FMT(o->selector));
	put_tag(w, "t=%" PRIu64 ";", o->time_s);
	if (o->expiry_s > 0)
		put_tag(w, "x=%" PRIu64 ";", o->expiry_s);
	put_names(w, o->names, o->names_len);
	struct gp_buf hash = GP_BUF_INIT(2 * GP_DKIM_DIGEST_SIZE);
	if (!gp_base64_put(&hash, gp_dkim_digest_slice(o->body_hash)))
		w->out.failed = true;
	put_tag(w, "bh=%.*s;", GP_SLICE_FMT(gp_buf_slice(&hash)));
	gp_buf_free(&hash);
	gp_buf_put_str(&w->out, "\r\n\tb=");
}

/* --- the order --- */

static bool
is_name_octet(char c)
{
	return c > ' ' && c <= '~' && c != ':' && c != ';';
}

static bool
is_field_name(struct gp_slice s)
{
	for (size_t i = 0; i < s.len; i++) {
		if (!is_name_octet(s.ptr[i]))
			return false;
	}
	return s.len > 0;
}

const char *
gp_dkim_order_fault(struct gp_dkim_order *o, struct gp_arena *arena)
{
	bool from = false;
	if (!gp_domain_valid(o->domain) || gp_idn_to_ascii(o->domain, arena, &o->domain) != 0)
		return "the domain is none";
	if (!gp_domain_valid(o->selector) || gp_idn_to_ascii(o->selector, arena, &o->selector) != 0)
		return "the selector is none";
	if (o->expiry_s > 0 && o->expiry_s <= o->time_s)
		return "it would have expired when it is made";
	if (o->names_len > GP_DKIM_NAMES_MAX)
		return "there are too many names of fields";
	for (size_t i = 0; i < o->names_len; i++) {
		if (!is_field_name(o->names[i]))
			return "a name is none of a field";
		from = from || gp_slice_eq_nocase(o->names[i], GP_SLICE("from"));
	}
	return from || !o->names ? NULL : "From must be among the names of fields";
}

static int
put_input(const struct gp_dkim_order *o, const struct gp_header *header, struct gp_arena *arena,
	  struct gp_slice field, struct gp_dkim_draft *ret)
{
	struct gp_buf input = GP_BUF_INIT(GP_DKIM_INPUT_MAX);
	gp_dkim_put_fields(header, o->names, o->names_len, o->header_canon, header->fields_len,
			   &input);
	int r = gp_dkim_put_own(field, gp_slice(NULL, 0), o->header_canon, arena, &input);
	ret->field = gp_arena_dup(arena, field);
	ret->input = gp_arena_dup(arena, gp_buf_slice(&input));
	gp_buf_free(&input);
	if (r == 0 && !arena->failed)
		r = gp_dkim_digest(ret->input, &ret->digest);
	return arena->failed ? -ENOMEM : r;
}

int
gp_dkim_draft(const struct gp_dkim_order *order, const struct gp_header *header,
	      struct gp_arena *arena, struct gp_dkim_draft *ret, const char **ret_why)
{
	struct gp_dkim_order o = *order;
	gp_assert(o.kind != GP_DKIM_ARC_SEAL && o.algorithm != GP_DKIM_UNKNOWN);
	if (gp_header_count(header, GP_SLICE("from")) == 0) {
		*ret_why = "the message has no From";
		return 1;
	}
	int r = o.names ? 0 : gp_dkim_default_names(header, arena, &o.names, &o.names_len);
	if (r != 0) {
		*ret_why = "too many fields are to be signed";
		return r;
	}
	*ret_why = gp_dkim_order_fault(&o, arena);
	if (*ret_why)
		return arena->failed ? -ENOMEM : 1;
	struct writer w = {.out = GP_BUF_INIT(FIELD_MAX)};
	put_field(&w, &o);
	if (w.out.failed)
		*ret_why = "the names of fields are too long", r = 1;
	else
		r = put_input(&o, header, arena, gp_buf_slice(&w.out), ret);
	gp_buf_free(&w.out);
	return r;
}

int
gp_dkim_finish(const struct gp_dkim_draft *draft, struct gp_slice signature, struct gp_arena *arena,
	       struct gp_slice *ret)
{
	struct gp_buf text = GP_BUF_INIT(2 * GP_DKIM_SIGNATURE_MAX);
	struct writer w = {.out = GP_BUF_INIT(2 * FIELD_MAX), .column = TAB_COLUMNS + 2};
	gp_buf_put(&w.out, draft->field);
	gp_base64_put(&text, signature);
	struct gp_slice rest = gp_buf_slice(&text);
	while (rest.len > 0) {
		size_t room =
			LINE_MAX_COLUMNS - (w.column < LINE_MAX_COLUMNS ? w.column : TAB_COLUMNS);
		struct gp_slice part = gp_slice_take(rest, room);
		put(&w, "", part);
		rest = gp_slice_drop(rest, part.len);
	}
	gp_buf_put_str(&w.out, "\r\n");
	bool failed = text.failed || w.out.failed;
	*ret = gp_arena_dup(arena, gp_buf_slice(&w.out));
	gp_buf_free(&text);
	gp_buf_free(&w.out);
	return failed || arena->failed ? -ENOMEM : 0;
}
