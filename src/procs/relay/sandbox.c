/* SPDX-License-Identifier: Apache-2.0 */
#include "procs/sandboxes.h"

const struct gp_sandbox relay_sandbox = {.dial = true, .crypto = true};
