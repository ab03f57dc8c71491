/* SPDX-License-Identifier: Apache-2.0 */
#include "core/mtasts/record.h"

#include "base/scan.h"
#include "core/dns/txt.h"

struct gp_dns_question
gp_mtasts_question(struct gp_slice domain, struct gp_arena *arena)
{
	struct gp_slice name = gp_arena_printf(arena, "_mta-sts.%.*s", GP_SLICE_FMT(domain));
	return (struct gp_dns_question){name, GP_DNS_TXT};
}

static bool
is_id(struct gp_slice s)
{
	struct gp_scan c = gp_scan(s);
	size_t len = gp_scan_while(&c, gp_ascii_is_alnum).len;
	return len > 0 && len == s.len && len <= GP_MTASTS_ID_MAX;
}

/* The fields' one id; empty: they are malformed. A second id says nothing (section 3.2). */
static struct gp_slice
read_id(struct gp_slice fields)
{
	struct gp_slice none = GP_SLICE(""), id = none;
	struct gp_txt_field f;
	int rc;
	while ((rc = gp_txt_next(&fields, &f)) == 0) {
		bool names_id = gp_slice_eq(f.name, GP_SLICE("id"));
		if (names_id ? !is_id(f.value) : !gp_txt_extension_valid(f.value))
			return none;
		if (names_id && id.len == 0)
			id = f.value;
	}
	return rc < 0 ? none : id;
}

enum gp_mtasts_record
gp_mtasts_record_read(const struct gp_dns_answer *answer, struct gp_slice *ret_id)
{
	struct gp_slice fields;
	*ret_id = GP_SLICE("");
	if (gp_dns_status_temporary(answer->status))
		return GP_MTASTS_RECORD_UNKNOWN;
	size_t found = gp_txt_select(answer, GP_SLICE("v=STSv1"), &fields);
	if (found != 1)
		return found == 0 ? GP_MTASTS_RECORD_NONE : GP_MTASTS_RECORD_SEVERAL;
	*ret_id = read_id(fields);
	return ret_id->len > 0 ? GP_MTASTS_RECORD_OK : GP_MTASTS_RECORD_INVALID;
}
