/* SPDX-License-Identifier: Apache-2.0 */
/* Can a result be one of an honest role? What is false here has come from one that has fallen. */
#pragma once

#include "ipc/messages.h"

bool
sane_tls(const struct gp_msg_tls_result *m);

bool
sane_dmarc(const struct gp_msg_dmarc_result *m);

bool
sane_failure(const struct gp_failrpt_incident *i);

bool
sane_over_limit(const struct gp_msg_report_over_limit *m);
