/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The MX hosts of all domains of an audit, and the domains' MTA-STS policies, looked at by the
 * engine of `gatepost scan` before the domains are: each address is talked to once, however many
 * domains lead to it, and asked by a few connections more which versions of TLS it takes, and in
 * names that its certificate does not have for another one, as slowly as scan is. Nothing is said
 * there but what scan says to anybody without consent. Who asked not to be scanned is not.
 */
#pragma once

#include "base/map.h"
#include "cli/audit/domains.h"
#include "core/config/config.h"
#include "core/posture/hosts.h"

struct audit_hosts {
	struct gp_arena arena;
	struct gp_posture_hosts seen;
	struct gp_map policies; /* struct gp_posture_file by domain */
};

/*
 * Of these domains; config: of which `dns` counts. This process confines itself before a host's
 * first octet, as audit_confine() does. Returns an exit code, after saying to standard error what
 * is wrong. To be freed in any case.
 */
[[nodiscard]] int
audit_hosts_look(struct audit_hosts *ret, const struct audit_options *o,
		 const struct gp_config *config, const struct gp_slice *domains, size_t len);
/* Gives up what `scan` does (cli/scan/sandbox.h): what is still needed of files must be open by
   now, but for those of --resume and --metrics. Returns 0, or -errno after saying what is wrong. */
[[nodiscard]] int
audit_confine(const struct audit_options *o);

void
audit_hosts_free(struct audit_hosts *h);

/* NULL: nobody asked for it, as there are no hosts. */
const struct gp_posture_file *
audit_hosts_policy(const struct audit_hosts *h, struct gp_slice domain);
