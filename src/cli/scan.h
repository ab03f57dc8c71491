/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gatepost scan: what its parts share. scan.c has the options, scan_engine.h runs, scan_talk.h is one
 * probe over sockets, scan_rate.h says when, scan_report.h what came of it.
 */
#pragma once

#include "cli/scan_rate.h"
#include "cli/scan_talk.h"
#include "core/targets/optout.h"
#include "core/targets/progress.h"

enum {
	SCAN_NAME_MAX = 255,
};

/* What one address and port came to, whoever pointed there. */
struct scan_result {
	struct gp_arena arena; /* of the texts */
	uint8_t address[16];
	uint8_t address_len;
	uint16_t port;
	struct gp_probe *probe; /* has the record; NULL: it was not asked, `refused` says why */
	const char *refused;
	struct scan_tls tls;
};

/* A result as one target sees it. */
struct scan_view {
	const struct scan_result *result;
	struct gp_slice target; /* as it was named: an address, or a name */
};

/* Frees it and all in it. Accepts NULL, returns NULL. */
struct scan_result *
scan_result_free(struct scan_result *r);
