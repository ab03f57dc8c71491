/* SPDX-License-Identifier: Apache-2.0 */
/* gatepost audit diff: what came, went and changed at domains between two runs that were kept. */
#pragma once

/* argv[0] is "diff". Returns an exit code: GP_EXIT_BAD where a domain got worse. */
int
audit_diff(int argc, char **argv);
