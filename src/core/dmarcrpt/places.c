/* SPDX-License-Identifier: Apache-2.0 */
#include "core/dmarcrpt/places.h"

#include <errno.h>

/* The walk's first question is the record's, and its others are wanted for the destinations. */
static int
ask_walk(struct gp_slice domain, const struct gp_answers *answers, struct gp_arena *arena,
	 struct gp_dmarc_walk *ret_walk, struct gp_dmarcrpt_places *ret)
{
	struct gp_dns_question *need = gp_arena_array(arena, GP_DMARC_WALK_MAX, sizeof(*need));
	struct gp_dmarc_asking asking = {
		.answers = answers, .arena = arena, .need = need, .need_max = GP_DMARC_WALK_MAX};
	int r = need ? gp_dmarc_walk(domain, &asking, ret_walk) : -ENOMEM;
	ret->need = need;
	ret->need_len = asking.need_len;
	return r;
}

/* As another spelling of the same URI would be another place, and the same mailbox. */
static bool
has(const struct gp_dmarcrpt_places *all, struct gp_slice address)
{
	for (size_t i = 0; i < all->len; i++) {
		if (gp_slice_eq_nocase(all->list[i].address, address))
			return true;
	}
	return false;
}

static void
take(const struct gp_dmarc_destination *d, struct gp_dmarcrpt_places *ret)
{
	for (size_t i = 0; i < d->to_len && ret->len < GP_DMARCRPT_PLACES_MAX; i++) {
		if (!has(ret, d->to[i].address))
			ret->list[ret->len++] = d->to[i];
	}
	ret->refused +=
		d->state == GP_DMARC_DESTINATION_REFUSED || d->state == GP_DMARC_DESTINATION_SCHEME;
	ret->unknown += d->state == GP_DMARC_DESTINATION_UNKNOWN;
}

static int
judge_places(struct gp_slice domain, uint8_t kind, const struct gp_dmarc_uris *uris,
	     const struct gp_answers *answers, struct gp_arena *arena,
	     struct gp_dmarcrpt_places *ret)
{
	struct gp_dmarc_destinations *all = gp_arena_array(arena, 1, sizeof(*all));
	int r = all ? gp_dmarc_destinations_eval(domain, uris, kind, answers, arena, all) : -ENOMEM;
	if (r == GP_DMARC_DESTINATION_NEED) {
		ret->need = all->need;
		ret->need_len = all->need_len;
		return GP_DMARCRPT_PLACES_NEED;
	}
	for (size_t i = 0; r == GP_DMARC_DESTINATION_DONE && i < all->len; i++)
		take(&all->list[i], ret);
	return r < 0 ? r : GP_DMARCRPT_PLACES_DONE;
}

/* NULL: the record asks for none of this kind. */
static const struct gp_dmarc_uris *
wished(const struct gp_dmarc_record *record, uint8_t kind)
{
	if (!record || (kind == GP_DMARC_RUF && record->psd == GP_DMARC_PSD_YES))
		return NULL;
	const struct gp_dmarc_uris *uris = kind == GP_DMARC_RUA ? &record->rua : &record->ruf;
	return uris->len > 0 ? uris : NULL;
}

int
gp_dmarcrpt_places_eval(struct gp_slice domain, uint8_t kind, const struct gp_answers *answers,
			struct gp_arena *arena, struct gp_dmarcrpt_places *ret)
{
	struct gp_dmarc_walk walk;
	*ret = (struct gp_dmarcrpt_places){};
	int r = ask_walk(domain, answers, arena, &walk, ret);
	if (r != GP_DMARC_WALKED)
		return r < 0 ? r : GP_DMARCRPT_PLACES_NEED;
	const struct gp_dmarc_step *own = &walk.steps[0];
	const struct gp_dmarc_uris *uris = wished(own->record, kind);
	if (own->found == GP_DMARC_FOUND_UNKNOWN)
		ret->wish = GP_DMARCRPT_UNKNOWN;
	else if (!uris)
		ret->wish = GP_DMARCRPT_UNWISHED;
	else
		return judge_places(domain, kind, uris, answers, arena, ret);
	return GP_DMARCRPT_PLACES_DONE;
}
