/* SPDX-License-Identifier: Apache-2.0 */
#include "procs/web/queries.h"

#include "base/day.h"
#include "core/config/value.h"
#include "core/dns/name.h"
#include "core/finding/finding.h"
#include "ipc/values.h"
#include "procs/web/form.h"

/* The last days where it is not said; a range that is longer than a page may have is cut nowhere,
 * but refused. */
static const char *
read_range(const struct form *form, int64_t today, struct gp_msg_figures_wanted *ret)
{
	struct gp_slice from = form_value(form, "from"), to = form_value(form, "to");
	int64_t first, last = today;
	if (to.len > 0 && !gp_day_parse(to, &last))
		return "to= is no day, such as 2026-11-30.";
	first = GP_MAX(last - (QUERY_DAYS - 1), (int64_t)0);
	if (from.len > 0 && !gp_day_parse(from, &first))
		return "from= is no day, such as 2026-11-30.";
	if (first > last)
		return "The first day is behind the last.";
	if (last - first >= QUERY_DAYS_MAX)
		return "That is more than ten years.";
	ret->from_day = (uint32_t)first;
	ret->to_day = (uint32_t)last;
	return NULL;
}

static const char *
read_domain(const struct form *form, struct gp_arena *arena, struct gp_msg_figures_wanted *ret)
{
	struct gp_slice domain = form_value(form, "domain");
	char *to = gp_arena_str(arena, domain);
	if (domain.len > GP_DNS_NAME_TEXT_MAX)
		return "domain= is no name of a domain.";
	for (size_t i = 0; to && i < domain.len; i++)
		to[i] = gp_ascii_lower(domain.ptr[i]);
	ret->domain = gp_slice(to, to ? domain.len : 0);
	return NULL;
}

static const char *
read_address(const struct form *form, struct gp_arena *arena, struct gp_msg_figures_wanted *ret)
{
	static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
	uint8_t octets[16];
	uint8_t *to = gp_arena_array(arena, 1, 16);
	size_t len = gp_ip_parse(form_value(form, "address"), octets);
	if (len == 0 || !to)
		return "address= is no address.";
	if (ret->domain.len == 0)
		return "A source is looked at for one domain: domain= is missing.";
	if (len == 4)
		memcpy(to, mapped, sizeof(mapped));
	memcpy(to + 16 - len, octets, len);
	ret->source = gp_slice((const char *)to, 16);
	return NULL;
}

static const char *
read_severity(const struct form *form, struct gp_msg_figures_wanted *ret)
{
	struct gp_slice severity = form_value(form, "severity");
	for (int s = GP_SEVERITY_INFO; s <= GP_SEVERITY_CRITICAL; s++) {
		if (gp_slice_eq(severity, gp_slice_str(gp_severity_name((uint8_t)s))))
			ret->severity = (uint8_t)(1 + s);
	}
	return severity.len == 0 || ret->severity > 0
		       ? NULL
		       : "severity= is critical, high, medium, low or info.";
}

/* Which hosts of a scan. */
static const char *
read_hosts(const struct form *form, struct gp_msg_figures_wanted *ret)
{
	struct gp_slice start = form_value(form, "start");
	uint64_t n = 0;
	if (start.len > 0 && !gp_slice_u64(start, UINT32_MAX, &n))
		return "start= is no number.";
	ret->start = (uint32_t)n;
	ret->text = form_value(form, "text");
	return ret->text.len <= QUERY_TEXT_MAX ? read_severity(form, ret) : "text= is too long.";
}

const char *
query_read(struct gp_slice query, uint8_t kind, int64_t today, struct gp_arena *arena,
	   struct gp_msg_figures_wanted *ret)
{
	struct form form;
	*ret = (struct gp_msg_figures_wanted){.kind = kind};
	if (form_parse(query, arena, &form) != 0)
		return "The query cannot be read.";
	struct gp_slice order = form_value(&form, "order");
	struct gp_slice unauthenticated = form_value(&form, "unauthenticated");
	if (order.len > 0 && !gp_slice_eq(order, GP_SLICE("unaligned")) &&
	    !gp_slice_eq(order, GP_SLICE("messages")))
		return "order= is messages or unaligned.";
	if (unauthenticated.len > 0 && !gp_slice_eq(unauthenticated, GP_SLICE("1")))
		return "unauthenticated= is 1, or is left out.";
	ret->by_unaligned = gp_slice_eq(order, GP_SLICE("unaligned"));
	ret->unauthenticated = unauthenticated.len > 0;
	const char *why = read_range(&form, today, ret);
	if (!why)
		why = read_domain(&form, arena, ret);
	if (!why && kind == GP_FIGURES_AUDIT && ret->domain.len == 0)
		why = "domain= is missing.";
	if (!why && (kind == GP_FIGURES_AUDITS || kind == GP_FIGURES_SCANS))
		ret->domain = gp_slice("", 0);
	if (!why && kind == GP_FIGURES_SCANS)
		why = read_hosts(&form, ret);
	if (!why && kind == GP_FIGURES_SOURCE)
		why = read_address(&form, arena, ret);
	return why;
}
