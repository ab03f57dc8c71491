/* SPDX-License-Identifier: Apache-2.0 */
/* DKIM selectors that many domains have: those that providers and common software give. */
#pragma once

#include "base/slice.h"

/* Their number is within GP_POSTURE_SELECTORS_MAX. */
const struct gp_slice *
audit_selectors(size_t *ret_len);
