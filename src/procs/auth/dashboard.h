/* SPDX-License-Identifier: Apache-2.0 */
/* Who may see the dashboard, told to web: it learns no password, and ends the session of whoever's
 * is another now, or may not see it any more. */
#pragma once

#include "ipc/channel.h"
#include "procs/auth/accounts.h"

/* Those over the message's 200 may see nothing, which is logged. */
void
dashboard_tell(const struct accounts *a, struct gp_channel *web);
