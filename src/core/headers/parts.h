/* SPDX-License-Identifier: Apache-2.0 */
/* Between the files of this folder. */
#pragma once

#include "core/headers/headers.h"

/* Sets h->verified, and finds what others claim and it does not bear out. verified: NULL: the
 * caller did not; what our gateway wrote counts. */
void
gp_headers_take_verified(struct gp_headers *h, const struct gp_verified *verified);
