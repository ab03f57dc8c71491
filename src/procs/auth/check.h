/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Checks of what clients prove: passwords, keys of SCRAM and tokens, here in one line, or by
 * Dovecot or the issuer of tokens, side by side.
 */
#pragma once

#include "procs/auth/exchange.h"

/* By the timer: gives all results that are due, and makes one check, so that what else has come is
   seen in between. */
void
check_due(evutil_socket_t fd, short what, void *auth);

/* What those say who were asked (dovecot.h, issuer.h). */
void
check_dovecots_answer(void *auth, uint32_t id, enum dovecot_answer answer, struct gp_slice user);
void
check_dovecot_lost(void *auth);
void
check_issuers_answer(void *auth, uint32_t id, enum issuer_answer answer, struct gp_slice user);
