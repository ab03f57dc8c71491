/* SPDX-License-Identifier: Apache-2.0 */
#include "core/dmarcrpt/row.h"

bool
gp_dmarcrpt_is_name(struct gp_slice s)
{
	for (size_t i = 0; i < s.len; i++) {
		if ((unsigned char)s.ptr[i] <= ' ')
			return false;
	}
	return s.len > 0 && s.len <= GP_DMARCRPT_NAME_MAX;
}

const char *
gp_dmarcrpt_disposition_name(uint8_t disposition)
{
	static const char *const names[GP_DMARCRPT_DISPOSITIONS] = {
		[GP_DMARCRPT_NONE] = "none",
		[GP_DMARCRPT_PASS] = "pass",
		[GP_DMARCRPT_QUARANTINE] = "quarantine",
		[GP_DMARCRPT_REJECT] = "reject",
	};
	gp_assert(disposition > 0 && disposition < GP_DMARCRPT_DISPOSITIONS);
	return names[disposition];
}

const char *
gp_dmarcrpt_override_name(uint8_t override)
{
	static const char *const names[GP_DMARCRPT_OVERRIDES] = {
		[GP_DMARCRPT_AS_PUBLISHED] = "",
		[GP_DMARCRPT_LOCAL_POLICY] = "local_policy",
		[GP_DMARCRPT_TEST_MODE] = "policy_test_mode",
		[GP_DMARCRPT_OTHER] = "other",
		[GP_DMARCRPT_ARC] = "arc",
	};
	gp_assert(override < GP_DMARCRPT_OVERRIDES);
	return names[override];
}

const char *
gp_dmarcrpt_override_type(uint8_t override)
{
	return gp_dmarcrpt_override_name(
		override == GP_DMARCRPT_ARC ? (uint8_t)GP_DMARCRPT_LOCAL_POLICY : override);
}
