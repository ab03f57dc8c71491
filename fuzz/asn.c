/* SPDX-License-Identifier: Apache-2.0 */
/* A database of autonomous systems, asked about addresses in both of its trees. */
#include "core/asn/asn.h"
#include "base/utf8.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
ask(const struct gp_mmdb *db, const char *address)
{
	struct gp_asn asn;
	bool found = gp_asn_find(db, (const uint8_t *)address, &asn);
	gp_assert(found == (asn.number > 0));
	gp_assert(found || asn.organization.len == 0);
	gp_assert(asn.organization.len <= GP_ASN_ORGANIZATION_MAX);
	gp_assert(gp_utf8_printable(asn.organization));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct gp_mmdb db;
	if (gp_mmdb_open(gp_slice((const char *)data, size), &db))
		return 0;
	gp_assert(db.tree.len + db.data.len < size);
	ask(&db, "\0\0\0\0\0\0\0\0\0\0\xff\xff\xc0\0\2\1");
	ask(&db, "\0\0\0\0\0\0\0\0\0\0\xff\xff\xc6\x33\x64\7");
	ask(&db, "\x20\1\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\1");
	ask(&db, "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0");
	return 0;
}
