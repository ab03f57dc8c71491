/* SPDX-License-Identifier: Apache-2.0 */
/* The conversation with reports: figures of what others told us. There is always a result: what
 * cannot be answered, since reports is gone, is GP_FIGURES_FAILED. */
#pragma once

#include "ipc/role.h"

/* Who waits for a result; embedded in it, zero at first. */
struct figures_request {
	struct gp_list link;
	uint64_t ticket; /* 0: it does not wait */
	/* result: enum gp_figures_result; json: when it is GP_FIGURES_OK, valid until the function
	   returns. Never from within figures_ask. */
	void (*on_result)(struct figures_request *r, uint8_t result, struct gp_slice json);
};

void
figures_start(void);

/* Takes fd over: the channel to reports, in place of one before. */
void
figures_connect(struct gp_role_env *env, int fd);

/* Asks; the ticket is set here. False: it cannot be asked now, and there will be no result. */
[[nodiscard]] bool
figures_ask(struct figures_request *r, const struct gp_msg_figures_wanted *question);

/* Tells reports that somebody is over his limit; where it is away, nobody hears of it. */
void
figures_tell_over_limit(struct gp_slice reporter, uint64_t octets);

/* Its result is not wanted any more, if it waits for one. */
void
figures_forget(struct figures_request *r);
