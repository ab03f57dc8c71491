/* SPDX-License-Identifier: Apache-2.0 */
/* What is told of a report, as JSON. NULL: no memory. */
#pragma once

#include <jansson.h>

#include "core/ingest/report.h"

/* What of it is no UTF-8 is U+FFFD. */
json_t *
told_text(struct gp_slice text);
json_t *
told_head(const struct gp_ingest_head *head);
json_t *
told_row(const struct gp_ingest_row *row);
json_t *
told_tls_policy(const struct gp_ingest_tls_policy *policy);
json_t *
told_tls_failure(const struct gp_ingest_tls_failure *failure);
json_t *
told_failure(const struct gp_ingest_failure *failure);
json_t *
told_flaw(uint64_t record, bool lost, const char *why);
