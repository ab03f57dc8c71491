/* SPDX-License-Identifier: Apache-2.0 */
#include "core/dmarcrpt/row.h"

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
	};
	gp_assert(override < GP_DMARCRPT_OVERRIDES);
	return names[override];
}
