/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/terminal.h"

#include <stdlib.h>
#include <unistd.h>

bool
gp_terminal_colours(FILE *out, bool forbidden)
{
	const char *no_color = getenv("NO_COLOR");
	return !forbidden && !(no_color && no_color[0] != '\0') && isatty(fileno(out));
}
