/* SPDX-License-Identifier: Apache-2.0 */
/* Mail of which something was refused as a report, on its way into refused.db
   (reportdb/refused.h). */
#pragma once

#include "core/config/config.h"
#include "ipc/messages.h"

/* Before the sandbox, as refused_mail_forget() is then: all files of the database are open from
 * then on. One that cannot be opened is logged, and each mail comes again later. */
void
refused_mail_open(const char *path);

/* Forgets what is as old as reports of others that are not kept any longer. 0 or -errno, which the
 * log has. */
int
refused_mail_forget(const struct gp_config *cfg, int64_t now_s);

/* Does it make sense? Else whoever said it has fallen. */
[[nodiscard]] bool
refused_mail_sane(const struct gp_message *m);

/* True: it is on disk, or is too large to be, which is logged. */
[[nodiscard]] bool
refused_mail_keep(const struct gp_config *cfg, const struct gp_message *m, int64_t now_s);
