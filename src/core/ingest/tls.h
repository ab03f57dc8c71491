/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads a TLS report: the JSON of RFC 8460 section 4.4, as a whole.
 *
 * Members are told by their exact names; unknown ones are passed over. Counts may be numbers, whole
 * ones written with a fraction, or strings of digits; policy-string and mx-host lists or strings.
 * What is missing, odd or cannot be read is a flaw (report.h): a report needs a range of time, a
 * policy counts of its sessions, a failure its own. What is no JSON is lost as a whole: JSON that
 * was cut off, or is followed by something, and that has a member twice.
 */
#pragma once

#include "core/ingest/report.h"

enum {
	GP_INGEST_TLS_JSON_MAX = 10 << 20, /* octets */
	GP_INGEST_TLS_DEPTH_MAX = 32,
	/* Octets that its values take once they are read, as they are counted beforehand: some
	 * 30,000 failures. A value takes up to a hundred times the room that it has in the text. */
	GP_INGEST_TLS_TREE_MAX = 40 << 20,
};

/* seed is random: tables of members are hashed by it. Not 0: what the listener returned, or
 * -ENOMEM. Whether the report was kept, the listener knows: it has its head, or a flaw by which all
 * is lost. */
int
gp_ingest_tls_read(struct gp_slice json, uint64_t seed, const struct gp_ingest_listener *listener);
