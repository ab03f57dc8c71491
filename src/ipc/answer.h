/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DNS answers on their way from the resolver to those who asked. Records travel as data of RFC
 * 1035, and the reader parses them once more: a resolver that has fallen gives no more than wrong
 * answers.
 */
#pragma once

#include "core/dns/record.h"
#include "ipc/messages.h"

/* Makes the message; what is not in the answer lives in the arena. Returns 0 or -ENOMEM. */
[[nodiscard]] int
gp_answer_pack(const struct gp_dns_answer *answer, uint64_t ticket, struct gp_arena *arena,
	       struct gp_msg_answer *ret);

/*
 * Reads the message as the answer to `question`, copied into the arena, ready for gp_answers_add.
 * Returns 0; 1 when it is no proper answer (*ret is then a SERVFAIL, as good as any other);
 * -ENOMEM.
 */
[[nodiscard]] int
gp_answer_unpack(const struct gp_msg_answer *m, const struct gp_dns_question *question,
		 struct gp_arena *arena, struct gp_dns_answer *ret);
