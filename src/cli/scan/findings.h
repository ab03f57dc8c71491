/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a handshake and the DNS come to: the certificate for the name that was asked for, its dates
 * and strength, TLSA records. What the dialogue comes to is core/probe/findings.h.
 *
 * Between servers a poor certificate is still better than clear text (RFC 7435 section 3), so that
 * on port 25 the same fault is less grave than where users send passwords.
 */
#pragma once

#include "cli/scan/scan.h"
#include "core/finding/finding.h"

/* The view has a result with a record. software: as core/software names it; NULL: not recognised.
   Adds to the list. Returns 0 or -ENOMEM. */
[[nodiscard]] int
scan_findings(const struct scan_view *view, const char *software, struct gp_findings *findings);

/* A chain that a survey has seen, of another certificate than that of the handshake; NULL: none. */
const struct scan_certificates *
scan_other_chain(const struct scan_result *result);

/* Why nobody knows whether it has TLS, static; NULL: it is known. The result has a record. */
const char *
scan_tls_unknown(const struct scan_result *result);

/* By RFC 9325 section 4.5; a suite, as OpenSSL names it, by section 4.1. */
bool
scan_key_is_short(const struct gp_tls_link *link);
bool
scan_cipher_is_weak(const char *cipher);

/* The chain as TLSA records are held against it. Returns how many links it has. */
size_t
scan_dane_links(const struct gp_tls_shown *shown, struct gp_dane_link ret[GP_TLS_LINKS_MAX]);

/* Do the records, of a usable set, match the chain? (RFC 7672 section 3.1) */
bool
scan_dane_matches(const struct gp_dane_result *dane, const struct gp_tls_shown *shown);
