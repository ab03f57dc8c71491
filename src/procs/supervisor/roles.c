/* SPDX-License-Identifier: Apache-2.0 */
#include "procs/supervisor/supervisor.h"

#define PEER(role) (1u << GP_ROLE_##role)

/*
 *                    commands (control socket)
 *                        |
 *     25, 587 --> smtpd --> spool --> maildir --> mailboxes
 *                  |        |   --> ingest  --> reports
 *                  |        |   --> relay   --> other servers
 *         signer, auth,     |         |
 *         resolver          |      resolver        fetch --> HTTPS servers
 *  443, 8025 --> web        |          |             |
 *                  |        +------ reports ---------+  (hears of relay's sessions and
 *         signer, auth,     |         |                 smtpd's messages; asks signer,
 *         reports, spool,   web       web               as spool does)
 *         ingest, resolver
 */
const struct role_spec role_specs[] = {
	{GP_ROLE_SIGNER, false, NEEDS_KEYS, 2,
	 PEER(SMTPD) | PEER(WEB) | PEER(REPORTS) | PEER(SPOOL)},
	{GP_ROLE_SPOOL, false, NEEDS_SPOOL_DIR | NEEDS_CONTROL_SOCKET, 1,
	 PEER(SMTPD) | PEER(RELAY) | PEER(MAILDIR) | PEER(INGEST) | PEER(REPORTS) | PEER(SIGNER) |
		 PEER(WEB)},
	{GP_ROLE_RESOLVER, false, 0, 2,
	 PEER(RELAY) | PEER(REPORTS) | PEER(SMTPD) | PEER(AUTH) | PEER(WEB)},
	{GP_ROLE_MAILDIR, false, NEEDS_MAIL_ROOTS, 2, PEER(SPOOL)},
	{GP_ROLE_INGEST, false, 0, 2, PEER(SPOOL) | PEER(REPORTS) | PEER(WEB)},
	{GP_ROLE_FETCH, false, NEEDS_POLICY_DIR, 2, PEER(RELAY) | PEER(REPORTS) | PEER(AUTH)},
	{GP_ROLE_REPORTS, false,
	 NEEDS_REPORTS_DIR | NEEDS_ASN_DATABASE | NEEDS_AUDIT_DATABASE | NEEDS_SCAN_RESULTS, 1,
	 PEER(SPOOL) | PEER(RESOLVER) | PEER(FETCH) | PEER(RELAY) | PEER(SIGNER) | PEER(SMTPD) |
		 PEER(WEB) | PEER(INGEST)},
	{GP_ROLE_AUTH, false, NEEDS_USERS | NEEDS_ISSUER_SECRET, 2,
	 PEER(SMTPD) | PEER(WEB) | PEER(RESOLVER) | PEER(FETCH)},
	{GP_ROLE_RELAY, true, NEEDS_SECRETS, 1,
	 PEER(SPOOL) | PEER(RESOLVER) | PEER(FETCH) | PEER(REPORTS)},
	{GP_ROLE_SMTPD, true, NEEDS_LISTENS | NEEDS_CERTIFICATES | NEEDS_SRS_SECRET, 0,
	 PEER(SPOOL) | PEER(SIGNER) | PEER(AUTH) | PEER(RESOLVER) | PEER(REPORTS)},
	{GP_ROLE_WEB, false, NEEDS_WEB_SOCKETS | NEEDS_CERTIFICATES | NEEDS_ROLES, 0,
	 PEER(SIGNER) | PEER(AUTH) | PEER(REPORTS) | PEER(SPOOL) | PEER(INGEST) | PEER(RESOLVER)},
};
const size_t role_specs_len = GP_ARRAY_LEN(role_specs);
