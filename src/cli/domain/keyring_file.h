/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The file of a domain's DKIM keys as `gatepost domain` reads and changes it: STATE/dkim/
 * DOMAIN.keys, in a folder of mode 0700. Its format is core/keyring's.
 */
#pragma once

#include "core/config/config.h"
#include "core/keyring/keyring.h"

struct keyring_file {
	const char *path;
	int folder; /* open and locked for a change; -1: not open */
	bool there; /* there is such a file */
	struct gp_keyring ring;
};

/* Reads the file of the domain, or none; changes nothing. What is read lives in the arena. Returns
   an exit code; what is wrong was printed. */
[[nodiscard]] int
keyring_file_read(struct keyring_file *f, const struct gp_config *cfg, struct gp_slice domain,
		  struct gp_arena *arena);

/* The same for a change: makes the folder where there is none, and no other command changes a key
   until keyring_file_close, which is to be called in any case. */
[[nodiscard]] int
keyring_file_open(struct keyring_file *f, const struct gp_config *cfg, struct gp_slice domain,
		  struct gp_arena *arena);
void
keyring_file_close(struct keyring_file *f);

/* Writes f->ring; it is on disk when this returns GP_EXIT_OK. Returns an exit code; what is wrong
   was printed. */
[[nodiscard]] int
keyring_file_write(struct keyring_file *f);
