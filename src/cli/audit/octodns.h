/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A patch as octoDNS has zones: YAML, a document a domain, whose keys are in the natural order that
 * its YamlProvider wants, with what it would not take by default written such that it does.
 *
 * octoDNS knows sets of records, not single ones: so a set is told of whole, what stays as it is
 * with it. What belongs into others' zones stands in comments.
 */
#pragma once

#include "cli/audit/patch.h"

/* set: what will be published in the end. left: as in audit_patch_write(). */
void
audit_octodns_write(const struct audit_patch *p, const struct gp_answers *set,
		    const struct gp_posture_result *left, struct gp_arena *arena,
		    struct gp_buf *out);
