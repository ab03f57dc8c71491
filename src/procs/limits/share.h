/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A bound on what many hold together. When it is passed, whoever holds most has to let go: not the
 * one who grows next, who may be anybody. So strangers who fill it up drive out each other, and who
 * holds little goes on.
 */
#pragma once

#include "base/list.h"

struct share {
	struct gp_list holders; /* the oldest first */
	size_t held, max;       /* in all; held is over max only until the caller has acted */
};

/* Embedded in its owner, who takes it out before it ends. */
struct share_holder {
	struct gp_list link;
	size_t held;
	bool settled; /* counts, and is not asked to let go any more */
};

void
share_init(struct share *s, size_t max);

/* Holds nothing yet. */
void
share_join(struct share *s, struct share_holder *h);
/* Holds nothing any more; harmless when it has left already. */
void
share_leave(struct share *s, struct share_holder *h);

/*
 * h, which has joined and is not settled, holds so much now. Returns NULL when all is well; else
 * who holds most, the oldest of several, and maybe h itself: when that one leaves all is well
 * again. The caller sees to it at once.
 */
[[nodiscard]] struct share_holder *
share_set(struct share *s, struct share_holder *h, size_t held);
