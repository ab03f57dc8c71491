/* SPDX-License-Identifier: Apache-2.0 */
#include "procs/reports/where.h"

#include <errno.h>

#include "core/dmarcrpt/places.h"
#include "core/tlsrpt/record.h"

/* --- TLS reports: one record says it all --- */

static int
take_tls(int record, const struct gp_tlsrpt_places *places, struct where *ret)
{
	static_assert((int)GP_TLSRPT_RUA_MAX <= (int)WHERE_PLACES_MAX);
	ret->wish = record == GP_TLSRPT_RECORD_OK        ? WHERE_WISHED
		    : record == GP_TLSRPT_RECORD_UNKNOWN ? WHERE_UNKNOWN
							 : WHERE_UNWISHED;
	if (record == GP_TLSRPT_RECORD_SEVERAL || record == GP_TLSRPT_RECORD_INVALID)
		ret->why = "the record cannot be read";
	for (size_t i = 0; i < places->len; i++) {
		const struct gp_tlsrpt_rua *one = &places->rua[i];
		ret->list[ret->len++] =
			(struct place){one->uri, one->address, one->host, one->path, one->port};
	}
	return WHERE_DONE;
}

static int
find_tls(struct gp_slice domain, const struct gp_answers *answers, struct gp_arena *arena,
	 struct where *ret)
{
	struct gp_dns_question *q = gp_arena_array(arena, 1, sizeof(*q));
	struct gp_tlsrpt_places places;
	struct gp_dns_answer answer;
	if (!q)
		return -ENOMEM;
	*q = gp_tlsrpt_question(domain, arena);
	if (!q->name.ptr)
		return -ENOMEM;
	if (!gp_answers_find(answers, q->name, q->type, &answer)) {
		ret->need = q;
		ret->need_len = 1;
		return WHERE_NEED;
	}
	int r = gp_tlsrpt_record_read(&answer, arena, &places);
	return r < 0 ? r : take_tls(r, &places, ret);
}

/* --- DMARC reports: by mail, to those who have agreed --- */

static int
find_dmarc(struct gp_slice domain, uint8_t kind, const struct gp_answers *answers,
	   struct gp_arena *arena, struct where *ret)
{
	struct gp_dmarcrpt_places places;
	static_assert((int)GP_DMARCRPT_PLACES_MAX <= (int)WHERE_PLACES_MAX);
	static_assert((int)GP_DMARC_DESTINATION_NEED_MAX + (int)GP_DMARC_URIS_MAX <
		      (int)WHERE_ANSWERS_MAX);
	int r = gp_dmarcrpt_places_eval(domain, kind, answers, arena, &places);
	if (r < 0)
		return r;
	ret->need = places.need;
	ret->need_len = places.need_len;
	if (r == GP_DMARCRPT_PLACES_NEED)
		return WHERE_NEED;
	ret->wish = places.wish == GP_DMARCRPT_WISHED    ? WHERE_WISHED
		    : places.wish == GP_DMARCRPT_UNKNOWN ? WHERE_UNKNOWN
							 : WHERE_UNWISHED;
	ret->refused = places.refused;
	ret->unknown = places.unknown;
	for (size_t i = 0; i < places.len; i++)
		ret->list[ret->len++] = (struct place){.uri = places.list[i].uri,
						       .address = places.list[i].address};
	if (ret->wish == WHERE_WISHED && ret->len + ret->unknown == 0) {
		ret->wish = WHERE_UNWISHED;
		ret->why = "no place has agreed to take reports about it";
	}
	return WHERE_DONE;
}

int
where_find(const struct store_report *report, const struct gp_answers *answers,
	   struct gp_arena *arena, struct where *ret)
{
	*ret = (struct where){};
	uint8_t kind = report->kind == STORE_FAILURE ? GP_DMARC_RUF : GP_DMARC_RUA;
	return report->kind == STORE_TLS ? find_tls(report->domain, answers, arena, ret)
					 : find_dmarc(report->domain, kind, answers, arena, ret);
}
