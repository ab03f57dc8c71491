/* SPDX-License-Identifier: Apache-2.0 */
#include "procs/sandboxes.h"

/* Its channels, which every role has, and what signing takes. */
const struct gp_sandbox signer_sandbox = {.crypto = true};
