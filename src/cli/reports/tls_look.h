/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A look at the MX hosts of our domains, by what `gatepost audit` looks with: to hold what others
 * reported of TLS against it. Whoever is looked at is named by the DNS of these domains alone; no
 * name of a report is asked for or connected to.
 */
#pragma once

#include "cli/audit/hosts.h"
#include "cli/audit/options.h"
#include "cli/lookup.h"
#include "cli/reports/options.h"
#include "cli/reports/tls_judge.h"

enum { TLS_LOOK_DOMAINS_MAX = 32 }; /* of one look: so many rounds of questions there are */

struct tls_look {
	struct audit_options options;
	struct audit_hosts hosts;
	struct gp_lookup lookup;
	bool validated;
	int64_t now_s;
};

/* Confines this process (audit_hosts_look()): files, and databases, are closed by now, and standard
   output stays. An exit code, after saying to standard error what is wrong. To be ended in any
   case. */
[[nodiscard]] int
tls_look(struct tls_look *ret, const struct reports_options *o, const struct gp_config *config,
	 const struct gp_slice *domains, size_t len);
void
tls_look_end(struct tls_look *l);

/* Of one of these domains. */
struct tls_verdict
tls_look_judge(const struct tls_look *l, struct gp_slice domain, struct gp_slice result,
	       struct gp_slice mx, struct gp_arena *arena);
