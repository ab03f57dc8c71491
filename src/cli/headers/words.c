/* SPDX-License-Identifier: Apache-2.0 */
/* What the writers of `gatepost headers` share: times, hosts and results in words. */
#include <stdio.h>

#include "cli/headers/headers.h"
#include "core/identity/visible.h"

struct headers_span
headers_span(int64_t seconds)
{
	struct headers_span span = {};
	char sign = seconds < 0 ? '-' : '+';
	unsigned long long s = (unsigned long long)(seconds < 0 ? -seconds : seconds);
	if (s < 60)
		snprintf(span.s, sizeof(span.s), "%c%llu s", sign, s);
	else if (s < 3600)
		snprintf(span.s, sizeof(span.s), "%c%llu min %02llu s", sign, s / 60, s % 60);
	else if (s < 86400)
		snprintf(span.s, sizeof(span.s), "%c%llu h %02llu min", sign, s / 3600,
			 s / 60 % 60);
	else
		snprintf(span.s, sizeof(span.s), "%c%llu d %02llu h", sign, s / 86400,
			 s / 3600 % 24);
	return span;
}

struct gp_slice
headers_visible(const struct headers_view *view, struct gp_slice text)
{
	struct gp_slice shown = gp_visible(text, view->arena);
	return shown.ptr ? shown : gp_slice("", 0);
}

struct gp_slice
headers_client(const struct headers_view *view, const struct gp_hop *hop)
{
	struct gp_slice name = hop->helo.len > 0 ? hop->helo : hop->rdns;
	bool other = hop->rdns.len > 0 && !gp_slice_eq_nocase(hop->rdns, name);
	struct gp_slice text = headers_visible(view, name);
	if (other)
		text = gp_arena_printf(view->arena, "%.*s (%.*s)", GP_SLICE_FMT(text),
				       GP_SLICE_FMT(headers_visible(view, hop->rdns)));
	if (hop->octets_len > 0)
		text = gp_arena_printf(view->arena, "%.*s%s[%.*s]", GP_SLICE_FMT(text),
				       text.len > 0 ? " " : "", GP_SLICE_FMT(hop->address));
	return text.ptr ? text : gp_slice("", 0);
}

struct gp_slice
headers_tls(const struct headers_view *view, const struct gp_hop *hop)
{
	if (hop->tls_version.len == 0)
		return hop->tls ? GP_SLICE("TLS") : gp_slice("", 0);
	struct gp_slice text =
		gp_arena_printf(view->arena, "%.*s%s%.*s", GP_SLICE_FMT(hop->tls_version),
				hop->tls_cipher.len > 0 ? " " : "", GP_SLICE_FMT(hop->tls_cipher));
	return headers_visible(view, text);
}

size_t
headers_bar(const struct gp_path_hop *hop)
{
	uint64_t s = (uint64_t)(hop->delay_s < 0 ? -hop->delay_s : hop->delay_s);
	size_t bits = 0;
	for (; hop->has_delay && s > 0 && bits < HEADERS_BAR_MAX; s /= 2)
		bits++;
	return bits;
}

const char *
headers_result(uint8_t result)
{
	static const char *const words[] = {
		[GP_VERIFIED_NOT] = NULL,
		[GP_VERIFIED_NONE] = "none",
		[GP_VERIFIED_PASS] = "pass",
		[GP_VERIFIED_FAIL] = "fail",
		[GP_VERIFIED_UNKNOWN] = "temperror",
	};
	return words[result];
}

const char *
headers_verified_title(const struct headers_view *view)
{
	if (view->verification->by_journal)
		return "Verified by what our gateway heard when it came in";
	return view->found->verified_before ? "Verified by our gateway when it came in"
					    : "Verified";
}

static struct gp_slice
because(const struct headers_view *view, const struct gp_claimed_result *r)
{
	if (r->domain.len > 0 && gp_slice_starts(r->reason, r->domain))
		return headers_visible(view, r->reason);
	bool both = r->domain.len > 0 && r->reason.len > 0;
	struct gp_slice text = gp_arena_printf(view->arena, "%.*s%s%.*s", GP_SLICE_FMT(r->domain),
					       both ? ": " : "", GP_SLICE_FMT(r->reason));
	return headers_visible(view, text.ptr ? text : GP_SLICE(""));
}

/* Adds the results of a method; or that there is none, and why. */
static size_t
add_lines(const struct headers_view *view, const char *method, const char *missing,
	  struct headers_verified_line *to)
{
	const struct gp_verified *v = &view->found->verified;
	size_t len = 0;
	for (size_t i = 0; i < v->items_len; i++) {
		const struct gp_claimed_result *r = &v->items[i];
		if (gp_slice_eq_nocase(r->method, gp_slice_str(method)))
			to[len++] = (struct headers_verified_line){
				method, headers_visible(view, r->result), because(view, r)};
	}
	if (len == 0)
		to[len++] = (struct headers_verified_line){method, GP_SLICE(""),
							   gp_slice_str(missing ? missing : "")};
	return len;
}

const struct headers_verified_line *
headers_verified_lines(const struct headers_view *view, size_t *ret_len)
{
	static const char *const methods[] = {"SPF", "DKIM", "DMARC", "ARC"};
	const struct headers_verification *hv = view->verification;
	size_t max = view->found->verified.items_len + GP_ARRAY_LEN(methods);
	struct headers_verified_line *lines = gp_arena_array(view->arena, max, sizeof(*lines));
	*ret_len = 0;
	for (size_t i = 0; lines && i < GP_ARRAY_LEN(methods); i++)
		*ret_len +=
			add_lines(view, methods[i], i == 0 ? hv->no_spf : NULL, lines + *ret_len);
	return lines;
}
