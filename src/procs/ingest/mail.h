/* SPDX-License-Identifier: Apache-2.0 */
/* One mail that carries reports, or claims to. */
#pragma once

#include "reportdb/reportdb.h"

struct ingest_result {
	unsigned kept, duplicates, refused; /* documents */
	char reason[256];                   /* of the last refused one; or empty */
};

struct ingest_from {
	uint64_t id;              /* spool's, by which people find it again */
	struct gp_slice hostname; /* our authserv-id */
	uint64_t seed;            /* random */
};

/*
 * Tells the database what is in the mail: it is not durable before gp_reportdb_sync(). Its sender is
 * authenticated when the field that we wrote ourselves (core/authres.h has those in our name
 * removed) says that it passed DMARC. What cannot be read is in quarantine there, with its reason. Returns 0 or -errno, of the
 * database or of memory: then nothing since the last sync is kept.
 */
[[nodiscard]] int
ingest_mail(struct gp_reportdb *db, const struct ingest_from *from, struct gp_slice mail,
	    struct ingest_result *ret);
