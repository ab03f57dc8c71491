/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A field of anybody's. What is read is written by us, and read the same again; what was written
 * with octets of any kind has our lines, results and properties and no others; and of what bears an
 * id, the border knows the id.
 */
#include "core/authres/authres.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { ARENA_MAX = 1 << 24 };

static const struct gp_slice ours = {"mx.our.test", 11};

static void
write_value(struct gp_buf *out, const struct gp_authres *a)
{
	gp_authres_write(out, a);
	gp_assert(!out->failed);
	struct gp_slice s = gp_buf_slice(out);
	for (size_t i = 0; i < s.len; i++) {
		/* only folding has controls */
		if (s.ptr[i] == '\r')
			gp_assert(s.len - i > 2 && s.ptr[i + 1] == '\n' && s.ptr[i + 2] == '\t');
		else if (s.ptr[i] == '\n' || s.ptr[i] == '\t')
			gp_assert(i > 0 && (s.ptr[i - 1] == '\r' || s.ptr[i - 1] == '\n'));
		else
			gp_assert((unsigned char)s.ptr[i] >= ' ' && s.ptr[i] != 0x7f);
	}
}

static size_t
count_values(const struct gp_authres_result *r)
{
	size_t n = 0;
	for (size_t i = 0; i < r->properties_len; i++)
		n += r->properties[i].value.len > 0;
	return n;
}

/* Reads what was written; it says the same, and would be written the same. */
static void
check_round(const struct gp_authres *a, struct gp_arena *arena)
{
	struct gp_buf first = GP_BUF_INIT(1 << 24), second = GP_BUF_INIT(1 << 24);
	struct gp_authres again;
	const char *why;
	write_value(&first, a);
	int rc = gp_authres_parse(gp_buf_slice(&first), arena, &again, &why);
	gp_assert(rc == 0 && again.results_len == a->results_len);
	for (size_t i = 0; i < a->results_len; i++) {
		const struct gp_authres_result *was = &a->results[i], *is = &again.results[i];
		gp_assert(gp_slice_eq(was->method, is->method));
		gp_assert(gp_slice_eq(was->result, is->result));
		gp_assert((was->reason.len > 0) == (is->reason.len > 0));
		gp_assert(is->properties_len == count_values(was));
	}
	write_value(&second, &again);
	gp_assert(gp_slice_eq(gp_buf_slice(&first), gp_buf_slice(&second)));
	gp_buf_free(&first);
	gp_buf_free(&second);
}

/* Whatever stands in the values: one result, three properties. */
static void
check_octets(struct gp_slice text, struct gp_arena *arena)
{
	struct gp_slice header = GP_SLICE("header"), rest = text;
	struct gp_slice a = gp_slice_cut(&rest, '|'), b = gp_slice_cut(&rest, '|');
	const struct gp_authres_property p[] = {{header, GP_SLICE("d"), a},
						{header, GP_SLICE("i"), b},
						{header, GP_SLICE("s"), rest}};
	const struct gp_authres_result r = {GP_SLICE("dkim"), GP_SLICE("fail"), a, p, 3};
	const struct gp_authres field = {ours, &r, 1};
	check_round(&field, arena);
}

static void
check_claim(struct gp_slice value, struct gp_slice id, struct gp_arena *arena)
{
	struct gp_header h;
	struct gp_slice text =
		gp_arena_printf(arena, "Authentication-Results: %.*s", GP_SLICE_FMT(value));
	if (gp_header_split(text, arena, &h) != 0 || h.fields_len == 0)
		return;
	int claims = gp_authres_claims(&h, 0, ours, arena);
	gp_assert(claims == 0 || claims == 1);
	if (h.fields_len == 1 && h.body_at == text.len && gp_slice_eq_nocase(id, ours))
		gp_assert(claims == 1);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct gp_arena arena = GP_ARENA_INIT(ARENA_MAX);
	struct gp_slice text = gp_slice((const char *)data, GP_MIN(size, (size_t)1 << 16));
	struct gp_authres a;
	const char *why = NULL;
	int rc = gp_authres_parse(text, &arena, &a, &why);
	gp_assert(rc == 0 || (rc == 1 && why));
	check_claim(text, rc == 0 ? a.id : GP_SLICE(""), &arena);
	if (rc == 0) {
		if (a.id.len == 0)
			a.id = ours;
		check_round(&a, &arena);
	}
	check_octets(text, &arena);
	gp_arena_free(&arena);
	return 0;
}
