/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/slice.h"

/* Is a server's name one of those of its certificate (with a space between; at most one wildcard,
   as the whole leftmost label, which stands for one label: RFC 6125 section 6.4.3)? */
bool
gp_server_name_in(struct gp_slice name, struct gp_slice names);
