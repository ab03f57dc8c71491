/* SPDX-License-Identifier: Apache-2.0 */
/* A password from whoever runs the command. */
#pragma once

#include "core/sasl/names.h"

struct user_password {
	char text[GP_PASSWORD_MAX + 2]; /* wiped by user_password_forget */
	size_t len;
};

/* On a terminal it is asked for twice, without echo; else it is the first line of standard input.
   Returns an exit code; what is wrong was printed. */
[[nodiscard]] int
user_password_ask(struct user_password *ret);
void
user_password_forget(struct user_password *p);

static inline struct gp_slice
user_password_slice(const struct user_password *p)
{
	return gp_slice(p->text, p->len);
}
