/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whether two names are likely one organisation's, for people who look at a message: by the shape
 * of the name alone. What DMARC needs is decided by the DNS and never here.
 */
#pragma once

#include "base/slice.h"

/*
 * The last two labels of a name; three where the second is a general one under a country's
 * ("example.co.uk"). A final dot is dropped; what has no dot comes back as it is. A slice of name.
 */
struct gp_slice
gp_organisation_of(struct gp_slice name);

/* Are both there and of the same organisation, in whatever case? */
bool
gp_organisation_same(struct gp_slice a, struct gp_slice b);
