/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>

void
gp_assert_failed(const char *expr, const char *file, int line)
{
	fprintf(stderr, "gatepost: broken invariant: %s (%s:%d)\n", expr, file, line);
	abort();
}
