/* SPDX-License-Identifier: Apache-2.0 */
/*
 * --reports: what the database of received reports (reportdb/reportdb.h) says about the domains, as
 * facts for core/posture. All of it is read at once, before any host is talked to, so that the file
 * need not be open then: some KB a domain.
 */
#pragma once

#include "base/arena.h"
#include "core/posture/sent.h"

struct audit_sent {
	struct gp_posture_sent *list; /* of domain N at N; NULL: there is no database */
	struct gp_arena arena;
};

/* optional: that there is no such file is no error. Returns an exit code, after saying to standard
   error what is wrong. To be freed in any case. */
[[nodiscard]] int
audit_sent_read(struct audit_sent *ret, const char *path, bool optional,
		const struct gp_slice *domains, size_t domains_len, uint64_t now_s);
void
audit_sent_free(struct audit_sent *sent);
/* Of that domain. NULL: there is no database. */
const struct gp_posture_sent *
audit_sent_of(const struct audit_sent *sent, size_t number);
