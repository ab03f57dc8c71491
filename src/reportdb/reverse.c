/* SPDX-License-Identifier: Apache-2.0 */
/* What a look for a source's name found, as it is kept. */
#include "core/smtp/address.h"
#include "reportdb/names.h"

/* Who has an address has its reverse zone, and any octets he likes in it: what is no name of a host
   is none here, and none comes to a terminal. */
static bool
is_host_name(struct gp_slice name)
{
	for (size_t i = 0; i < name.len; i++) {
		if (!gp_ascii_is_alnum(name.ptr[i]) && !memchr("-_.", name.ptr[i], 3))
			return false;
	}
	return gp_domain_valid(name);
}

static enum gp_reportdb_looked
judge(const struct gp_reverse *found)
{
	if (found->state == GP_REVERSE_UNKNOWN)
		return GP_REPORTDB_NO_ANSWER;
	return found->state == GP_REVERSE_CONFIRMED && is_host_name(found->name)
		       ? GP_REPORTDB_NAMED
		       : GP_REPORTDB_NAMELESS;
}

/* In lower case, as it is kept. */
static struct gp_slice
lower(struct gp_slice name, char *room)
{
	for (size_t i = 0; i < name.len; i++)
		room[i] = gp_ascii_lower(name.ptr[i]);
	return gp_slice(room, name.len);
}

int
gp_reportdb_keep_reverse(struct gp_reportdb *db, const uint8_t address[16],
			 const struct gp_reverse *found, int64_t now_s)
{
	char room[GP_DNS_NAME_TEXT_MAX];
	enum gp_reportdb_looked looked = judge(found);
	struct gp_slice name =
		looked == GP_REPORTDB_NAMED ? lower(found->name, room) : GP_SLICE("");
	int r = gp_reportdb_keep_name(db, address, looked, name, now_s);
	return r < 0 ? r : (int)looked;
}
