/* SPDX-License-Identifier: Apache-2.0 */
/* Names that stand for themselves, and with a leading dot for all that is below them. */
#pragma once

#include "base/map.h"

/* The value of the name's own key, else of the longest one with a leading dot that it ends in, not
   being all of it; NULL: none. */
void *
gp_suffix_find(const struct gp_map *names, struct gp_slice name);
