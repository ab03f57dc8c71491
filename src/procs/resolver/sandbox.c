/* SPDX-License-Identifier: Apache-2.0 */
#include "procs/sandboxes.h"

const struct gp_sandbox resolver_sandbox = {.dns = true};
