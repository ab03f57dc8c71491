/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The file that an interrupted run goes on from. Domains are told of in their order, so it says of
 * which list, and how many of them are done:
 *
 *     gatepost audit 1
 *     list 89abcdef 10000
 *     done 1234
 */
#pragma once

#include "base/buf.h"
#include "cli/audit/domains.h"

enum { AUDIT_RESUME_TEXT_MAX = 256 };

/* Exported for tests: what stands in the file, and how many of the list are done by it; -1: it is
   none of ours, or of another list. */
void
audit_resume_put(const struct audit_domains *list, size_t done, struct gp_buf *out);
ptrdiff_t
audit_resume_parse(struct gp_slice text, const struct audit_domains *list);

/* 0 where the file is not there yet. Returns an exit code, after saying to standard error what is
   wrong. */
[[nodiscard]] int
audit_resume_read(const char *path, const struct audit_domains *list, size_t *ret_done);

/* Replaces the file, once the output `told` is on disk. 0 or -errno. */
[[nodiscard]] int
audit_resume_write(const char *path, const struct audit_domains *list, size_t done, int told);
