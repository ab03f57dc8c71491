/* SPDX-License-Identifier: Apache-2.0 */
#include "procs/dkim/signers.h"

enum { ARENA_MAX = 4 * 1024 * 1024 }; /* more than the largest list has */

bool
signers_take(struct signers *s, const struct gp_msg_dkim_signers *m)
{
	gp_arena_free(&s->arena);
	*s = (struct signers){.arena = GP_ARENA_INIT(ARENA_MAX)};
	struct gp_dkim_signer *items = gp_arena_array(&s->arena, m->signers_len, sizeof(*items));
	for (size_t i = 0; items && i < m->signers_len; i++)
		items[i] = (struct gp_dkim_signer){
			.domain = gp_arena_dup(&s->arena, m->signers[i].domain),
			.selector = gp_arena_dup(&s->arena, m->signers[i].selector),
			.algorithm = m->signers[i].algorithm,
		};
	s->items = items;
	s->known = !s->arena.failed;
	s->len = s->known ? m->signers_len : 0;
	return s->known;
}

const struct gp_dkim_signer *
signers_of(const struct signers *s, struct gp_slice domain, size_t *ret_len)
{
	size_t at = 0, end;
	while (at < s->len && !gp_slice_eq(s->items[at].domain, domain))
		at++;
	for (end = at; end < s->len && gp_slice_eq(s->items[end].domain, domain);)
		end++;
	*ret_len = end - at;
	return at < s->len ? &s->items[at] : NULL;
}

const struct gp_dkim_signer *
signers_above(const struct signers *s, struct gp_slice domain, size_t *ret_len)
{
	const struct gp_dkim_signer *found = NULL;
	for (*ret_len = 0; domain.len > 0 && !found; (void)gp_slice_cut(&domain, '.'))
		found = signers_of(s, domain, ret_len);
	return found;
}
