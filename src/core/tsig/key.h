/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A key of TSIG, and the file that has it: one clause as tsig-keygen(8) writes it, and nsupdate(1)
 * and dig(1) read it with -k, with comments of all three kinds:
 *
 *     key "transfers.example.org" {
 *             algorithm hmac-sha256;
 *             secret "c2VjcmV0IG9mIGV4YW1wbGVzIGFsb25lISEh";
 *     };
 */
#pragma once

#include "core/dns/name.h"

enum gp_tsig_key_limits {
	GP_TSIG_FILE_MAX = 8192,  /* octets of a file */
	GP_TSIG_SECRET_MAX = 512, /* octets */
};

/* Those that RFC 8945 section 6 wants implemented and does not advise against. */
enum gp_tsig_algorithm {
	GP_TSIG_SHA256,
	GP_TSIG_SHA384,
	GP_TSIG_SHA512,
	GP_TSIG_ALGORITHMS,
};

struct gp_tsig_key {
	struct gp_name name;
	uint8_t algorithm; /* enum gp_tsig_algorithm */
	uint16_t secret_len;
	uint8_t secret[GP_TSIG_SECRET_MAX]; /* the owner wipes it */
};

/* "hmac-sha256"; also the name on the wire. */
const char *
gp_tsig_algorithm_name(uint8_t algorithm);

/* NULL: it was read; else why not, static. *ret may have parts of the secret in any case; nothing
   else has. */
[[nodiscard]] const char *
gp_tsig_key_read(struct gp_slice text, struct gp_tsig_key *ret);
