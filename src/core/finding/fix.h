/* SPDX-License-Identifier: Apache-2.0 */
/* What to do about a finding, as the lines of each server's own configuration. */
#pragma once

#include "base/slice.h"

/* A row of a table; the first one that fits counts, so that any other software stands last. */
struct gp_finding_fix {
	const char *kind;     /* the finding's id, or its beginning up to a final "*" */
	const char *software; /* the beginning of its name; NULL: any other */
	const char *text;     /* lines for people */
};

/* Of the first row that fits; software: NULL: not known. NULL: no row fits. */
const char *
gp_finding_fix(const struct gp_finding_fix *fixes, size_t len, const char *kind_id,
	       const char *software);
