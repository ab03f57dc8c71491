/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A zone as its server transfers it, over TCP (core/zone/axfr.h), waited for. Its answer is read by
 * a child that confines itself first (cli/scan/sandbox.h) and tells of names alone.
 */
#pragma once

#include "base/arena.h"
#include "core/tsig/key.h"

enum {
	AUDIT_TRANSFER_IDLE_S = 30, /* that a server may be silent for */
	AUDIT_TRANSFER_S = 600,     /* that all of it may take */
};

struct audit_transfer {
	/* "192.0.2.1:5353", "[2001:db8::1]"; port 53 unless it says */
	struct gp_slice server;
	struct gp_name zone;
	const struct gp_tsig_key *key; /* both sides sign with it (core/tsig); NULL: nobody does */
	/* A domain that a record shows (gp_zone_shown()), perhaps often; not 0 ends it. */
	int (*domain)(struct gp_slice domain, void *context);
	void *context;
};

/* A key from its file, to be wiped in any case. 0; -1: *ret_why is why not, as below. */
[[nodiscard]] int
audit_transfer_key_read(const char *path, struct gp_tsig_key *ret, const char **ret_why);

/*
 * Domains come as they are read: they count when it returns 0; with a key, all was signed then.
 * Positive: what `domain` returned. -1: *ret_why is why not; it lives in the arena, or for ever.
 */
[[nodiscard]] int
audit_transfer_read(const struct audit_transfer *transfer, struct gp_arena *arena,
		    const char **ret_why);
