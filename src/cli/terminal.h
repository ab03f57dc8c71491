/* SPDX-License-Identifier: Apache-2.0 */
/* What commands share that write to terminals. */
#pragma once

#include <stdio.h>

/* Whether there may be colours: on a terminal, unless --no-colour (`forbidden`) or a NO_COLOR that
   is not empty forbids them (https://no-color.org). */
bool
gp_terminal_colours(FILE *out, bool forbidden);
