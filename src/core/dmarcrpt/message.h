/* SPDX-License-Identifier: Apache-2.0 */
/* What is told of a message, from its verification and from what was decided about it. */
#pragma once

#include "core/authpolicy/authpolicy.h"
#include "core/dmarcrpt/row.h"

/*
 * Of a message that was verified and decided about. Returns 0; 1: nothing is told, since the domain
 * does not ask, or the client was asked to come again; -ENOMEM. Texts live in the arena and in what
 * is given.
 *
 * Signatures come in the order that the RFC wishes: those that passed and are aligned first, then
 * others that passed, then the rest. Those without a proper d= or s= could be anybody's, and are
 * left out.
 */
[[nodiscard]] int
gp_dmarcrpt_of_message(const struct gp_verify_query *query, const struct gp_verify_facts *facts,
		       const struct gp_authpolicy_decision *decision, struct gp_arena *arena,
		       struct gp_dmarcrpt_policy *ret_policy, struct gp_dmarcrpt_row *ret_row);

/* The client's address as text, in the arena; empty: not known. */
struct gp_slice
gp_dmarcrpt_source(const struct gp_verify_query *query, struct gp_arena *arena);
