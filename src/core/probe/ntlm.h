/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The challenge of NTLM (MS-NLMSSP section 2.2.1.2): what a server tells about its network to
 * anybody who begins AUTH NTLM, before any password.
 */
#pragma once

#include "base/arena.h"

enum { GP_NTLM_CHALLENGE_MAX = 4096 }; /* octets of base64 */

/* Texts are UTF-8; what is no character, or a control, is '?'. Empty: not said. */
struct gp_ntlm_challenge {
	struct gp_slice target;
	struct gp_slice netbios_computer, netbios_domain;
	struct gp_slice dns_computer, dns_domain, dns_tree;
	bool has_version;
	uint8_t major, minor; /* of the operating system */
	uint16_t build;
};

/* Reads the base64 behind 334. Returns 0; 1 when it is no challenge; -ENOMEM. */
[[nodiscard]] int
gp_ntlm_challenge_read(struct gp_slice base64, struct gp_arena *arena,
		       struct gp_ntlm_challenge *ret);
