/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whose the hosts are that take a domain's mail, and that send it: known by what their names end
 * in. It says whom a fault concerns that many domains have; nothing is judged by it.
 */
#pragma once

#include "base/slice.h"
#include "core/posture/posture.h"

enum gp_provider_limits { GP_PROVIDER_SENDERS_MAX = 16 };

/* By the name of an MX host, or of what an SPF record includes: "Google Workspace", static; empty:
   not known. The name is in lower case, without a final dot. */
struct gp_slice
gp_provider_of(struct gp_slice name);

/*
 * Who takes the domain's mail, by its best MX host: a provider that is known; "its own hosts",
 * those below the domain or its organisational domain; else what follows the host's first label.
 * "nobody" with a null MX or none; empty where the DNS did not say. Static, or part of the facts.
 */
struct gp_slice
gp_provider_of_mx(const struct gp_posture_facts *facts);

/*
 * Who may send, by the names that the SPF record includes or leads to, each known one once; the
 * others are not listed. record: its text. Returns how many of ret there are.
 */
size_t
gp_providers_of_spf(struct gp_slice record, struct gp_slice ret[GP_PROVIDER_SENDERS_MAX]);
