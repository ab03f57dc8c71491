/* SPDX-License-Identifier: Apache-2.0 */
#include "core/mtasts/policy.h"

#include <errno.h>

#include "base/scan.h"
#include "base/utf8.h"
#include "core/dns/name.h"
#include "core/smtp/address.h"

enum {
	NAME_MAX_LEN = 32,   /* sts-policy-ext-name */
	MAX_AGE_DIGITS = 10, /* sts-policy-max-age-value */
};

struct reader {
	struct gp_arena *arena;
	struct gp_mtasts_policy *policy;
	struct gp_slice *mx;
	unsigned line;
	bool version, max_age;
	struct gp_slice why;
};

static int
complain(struct reader *r, const char *what)
{
	r->why = gp_arena_printf(r->arena, "line %u: %s", r->line, what);
	return r->why.ptr ? 1 : -ENOMEM;
}

static int
read_version(struct reader *r, struct gp_slice value)
{
	if (!r->version && !gp_slice_eq(value, GP_SLICE("STSv1")))
		return complain(r, "the version is not STSv1");
	r->version = true;
	return 0;
}

static int
read_mode(struct reader *r, struct gp_slice value)
{
	if (r->policy->mode != 0)
		return 0;
	for (unsigned m = GP_MTASTS_NONE; m <= GP_MTASTS_ENFORCE; m++) {
		if (gp_slice_eq(value, gp_slice_str(gp_mtasts_mode_name((uint8_t)m))))
			r->policy->mode = (uint8_t)m;
	}
	return r->policy->mode != 0 ? 0 : complain(r, "the mode is none of RFC 8461 section 3.2");
}

static int
read_max_age(struct reader *r, struct gp_slice value)
{
	uint64_t seconds;
	if (r->max_age)
		return 0;
	if (value.len > MAX_AGE_DIGITS || !gp_slice_u64(value, UINT64_MAX, &seconds))
		return complain(r, "max_age is not a number of at most ten digits");
	r->policy->max_age_s = (uint32_t)GP_MIN(seconds, (uint64_t)GP_MTASTS_MAX_AGE_MAX_S);
	r->max_age = true;
	return 0;
}

/* An MX pattern in the form that names are compared in: [ "*." ] Domain. */
static int
read_mx(struct reader *r, struct gp_slice value)
{
	struct gp_name name;
	struct gp_slice text;
	bool wildcard = gp_slice_starts(value, GP_SLICE("*."));
	struct gp_slice domain = wildcard ? gp_slice_drop(value, 2) : value;
	if (domain.len > 1 && domain.ptr[domain.len - 1] == '.')
		domain.len--;
	if (gp_slice_has_8bit(domain) || !gp_domain_valid(domain) ||
	    !gp_name_from_text(domain, &name))
		return complain(r, "mx is not a domain name in A-labels");
	if (r->policy->mx_len == GP_MTASTS_MX_MAX)
		return complain(r, "too many mx");
	int rc = gp_name_to_text(&name, r->arena, &text);
	if (rc == 0 && wildcard)
		text = gp_arena_printf(r->arena, "*.%.*s", GP_SLICE_FMT(text));
	if (rc < 0 || !text.ptr)
		return -ENOMEM;
	r->mx[r->policy->mx_len++] = text;
	return 0;
}

/* sts-policy-ext-value: visible characters of any script, spaces between them. */
static int
read_extension(struct reader *r, struct gp_slice value)
{
	if (value.len == 0 || !gp_utf8_printable(value))
		return complain(r, "a value is empty or not printable UTF-8");
	return 0;
}

static bool
is_name_octet(char c)
{
	return gp_ascii_is_alnum(c) || c == '_' || c == '-' || c == '.';
}

static int
read_line(struct reader *r, struct gp_slice line)
{
	static const struct {
		struct gp_slice name;
		int (*read)(struct reader *r, struct gp_slice value);
	} keys[] = {
		{{"version", 7}, read_version},
		{{"mode", 4}, read_mode},
		{{"max_age", 7}, read_max_age},
		{{"mx", 2}, read_mx},
	};
	struct gp_scan c = gp_scan(line);
	struct gp_slice name = gp_scan_while(&c, is_name_octet);
	bool good = name.len > 0 && name.len <= NAME_MAX_LEN && gp_ascii_is_alnum(name.ptr[0]);
	if (!good || !gp_scan_char(&c, ':'))
		return complain(r, "not of the form \"key: value\"");
	struct gp_slice value = gp_slice_trim(gp_scan_rest(&c));
	for (size_t i = 0; i < GP_ARRAY_LEN(keys); i++) {
		if (gp_slice_eq(name, keys[i].name))
			return keys[i].read(r, value);
	}
	return read_extension(r, value);
}

/* Takes a line off the body, without its end. */
static struct gp_slice
cut_line(struct gp_slice *body)
{
	struct gp_slice line = gp_slice_cut(body, '\n');
	if (line.len > 0 && line.ptr[line.len - 1] == '\r')
		line.len--;
	return line;
}

static bool
is_white(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* The body without what is white at its end: line ends there are no lines. */
static struct gp_slice
trim_end(struct gp_slice body)
{
	while (body.len > 0 && is_white(body.ptr[body.len - 1]))
		body.len--;
	return body;
}

static int
check_complete(struct reader *r)
{
	if (!r->version)
		return complain(r, "no version");
	if (r->policy->mode == 0)
		return complain(r, "no mode");
	if (!r->max_age)
		return complain(r, "no max_age");
	if (r->policy->mx_len == 0 && r->policy->mode != GP_MTASTS_NONE)
		return complain(r, "no mx");
	return 0;
}

int
gp_mtasts_policy_parse(struct gp_slice body, struct gp_arena *arena, struct gp_mtasts_policy *ret,
		       struct gp_slice *ret_why)
{
	struct reader r = {.arena = arena, .policy = ret};
	int rc = 0;
	*ret = (struct gp_mtasts_policy){0};
	r.mx = gp_arena_array(arena, GP_MTASTS_MX_MAX, sizeof(*r.mx));
	ret->mx = r.mx;
	if (!r.mx)
		return -ENOMEM;
	if (body.len > GP_MTASTS_BODY_MAX)
		rc = complain(&r, "over 64 KiB");
	struct gp_slice rest = trim_end(body);
	while (rc == 0 && rest.len > 0) {
		r.line++;
		rc = read_line(&r, cut_line(&rest));
	}
	if (rc == 0)
		rc = check_complete(&r);
	*ret_why = r.why;
	return rc;
}

bool
gp_mtasts_content_type_valid(struct gp_slice value)
{
	struct gp_slice type = gp_slice_trim(gp_slice_cut(&value, ';'));
	return gp_slice_eq_nocase(type, GP_SLICE("text/plain"));
}

static bool
matches(struct gp_slice pattern, struct gp_slice host)
{
	if (!gp_slice_starts(pattern, GP_SLICE("*.")))
		return gp_slice_eq_nocase(pattern, host);
	ptrdiff_t dot = gp_slice_find(host, '.');
	return dot > 0 &&
	       gp_slice_eq_nocase(gp_slice_drop(pattern, 1), gp_slice_drop(host, (size_t)dot));
}

bool
gp_mtasts_policy_names(const struct gp_mtasts_policy *policy, struct gp_slice host)
{
	if (host.len > 1 && host.ptr[host.len - 1] == '.')
		host.len--;
	for (size_t i = 0; i < policy->mx_len; i++) {
		if (matches(policy->mx[i], host))
			return true;
	}
	return false;
}

const char *
gp_mtasts_mode_name(uint8_t mode)
{
	static const char *const names[] = {[GP_MTASTS_NONE] = "none",
					    [GP_MTASTS_TESTING] = "testing",
					    [GP_MTASTS_ENFORCE] = "enforce"};
	gp_assert(mode >= GP_MTASTS_NONE && mode <= GP_MTASTS_ENFORCE);
	return names[mode];
}
