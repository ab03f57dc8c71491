/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The sandbox of each role; the rules stand in the role's folder, in sandbox.c. What they amount
 * to, role by role and call by call, is in docs/sandbox.md, and a test holds the two together.
 */
#pragma once

#include "sys/sandbox.h"

extern const struct gp_sandbox smtpd_sandbox;
extern const struct gp_sandbox resolver_sandbox;
extern const struct gp_sandbox spool_sandbox;
extern const struct gp_sandbox relay_sandbox;
extern const struct gp_sandbox maildir_sandbox;
extern const struct gp_sandbox fetch_sandbox;
extern const struct gp_sandbox auth_sandbox;         /* with the file of users alone */
extern const struct gp_sandbox auth_dovecot_sandbox; /* and with Dovecot's socket */
extern const struct gp_sandbox signer_sandbox;
extern const struct gp_sandbox reports_sandbox;        /* with files alone */
extern const struct gp_sandbox reports_server_sandbox; /* and with connections to PostgreSQL */
extern const struct gp_sandbox ingest_sandbox;
extern const struct gp_sandbox web_sandbox;
