/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A set's kept form, little-endian, lengths of 32 bits before octets:
 *
 *     u16 answers, each: name, u16 type, u8 status, u8 proof (1 secure, 2 bogus), canonical name,
 *                        u16 records, each: its data as of RFC 1035 section 3.2.1
 */
#include <errno.h>

#include "base/wire.h"
#include "core/dns/answers.h"
#include "core/dns/message.h"
#include "core/dns/name.h"

enum {
	PROOF_SECURE = 1,
	PROOF_BOGUS = 2,
	RDATA_MAX = UINT16_MAX,
	/* As long as TXT's data in memory: a record's, and the lengths of its strings. */
	SCRATCH_MAX = 2 * UINT16_MAX,
};

/* --- writing --- */

static bool
write_answer(struct gp_buf *out, struct gp_buf *scratch, const struct gp_dns_answer *a)
{
	gp_write_bytes(out, a->name);
	gp_write_u16(out, a->type);
	gp_write_u8(out, a->status);
	gp_write_u8(out, (a->secure ? PROOF_SECURE : 0) | (a->bogus ? PROOF_BOGUS : 0));
	gp_write_bytes(out, a->canonical);
	gp_write_u16(out, (uint16_t)a->records_len);
	for (size_t i = 0; i < a->records_len; i++) {
		gp_buf_clear(scratch);
		if (!gp_dns_rdata_write(scratch, &a->records[i]))
			return false;
		gp_write_bytes(out, gp_buf_slice(scratch));
	}
	return !out->failed;
}

bool
gp_answers_write(const struct gp_answers *set, struct gp_buf *out)
{
	struct gp_buf scratch = GP_BUF_INIT(SCRATCH_MAX);
	const struct gp_dns_answer *a;
	size_t at = 0, len = 0;
	while (gp_answers_next(set, &at))
		len++;
	gp_assert(len <= UINT16_MAX);
	gp_write_u16(out, (uint16_t)len);
	at = 0;
	while (!out->failed && (a = gp_answers_next(set, &at)) && write_answer(out, &scratch, a))
		;
	bool good = !out->failed && !scratch.failed;
	gp_buf_free(&scratch);
	return good;
}

/* --- reading --- */

static int
read_records(struct gp_reader *r, struct gp_arena *arena, struct gp_dns_answer *a)
{
	size_t len = gp_read_u16(r);
	if (len > GP_DNS_RECORDS_MAX || (len > 0) != (a->status == GP_DNS_OK))
		return 1;
	struct gp_dns_record *records = gp_arena_array(arena, len, sizeof(*records));
	int rc = records ? 0 : -ENOMEM;
	for (size_t i = 0; rc == 0 && i < len; i++) {
		struct gp_slice data = gp_read_bytes(r, RDATA_MAX);
		rc = r->failed ? 1
			       : gp_dns_rdata_parse(data, 0, data.len, a->type, arena, &records[i]);
	}
	a->records = records;
	a->records_len = len;
	return rc;
}

static int
read_answer(struct gp_reader *r, struct gp_arena *arena, struct gp_answers *set)
{
	struct gp_dns_answer a = {.name = gp_read_bytes(r, GP_DNS_NAME_TEXT_MAX)};
	struct gp_name canonical;
	a.type = gp_read_u16(r);
	a.status = gp_read_u8(r);
	uint8_t proof = gp_read_u8(r);
	a.secure = proof & PROOF_SECURE;
	a.bogus = proof & PROOF_BOGUS;
	a.canonical = gp_read_bytes(r, GP_DNS_NAME_TEXT_MAX);
	if (r->failed || a.type == 0 || a.status < GP_DNS_OK || a.status > GP_DNS_TIMEOUT ||
	    (a.bogus && (a.secure || a.status != GP_DNS_SERVFAIL)) ||
	    !gp_name_from_text(a.canonical, &canonical))
		return 1;
	int rc = read_records(r, arena, &a);
	if (rc == 0)
		rc = gp_answers_add(set, &a);
	return rc == -EINVAL ? 1 : rc;
}

int
gp_answers_read(struct gp_slice kept, struct gp_arena *arena, const uint64_t seed[2],
		struct gp_answers **ret)
{
	struct gp_reader r = gp_reader(kept);
	size_t len = gp_read_u16(&r);
	*ret = NULL;
	struct gp_answers *set = gp_answers_new(arena, GP_ANSWERS_MAX, seed);
	int rc = set ? 0 : -ENOMEM;
	for (size_t i = 0; rc == 0 && i < len; i++)
		rc = read_answer(&r, arena, set);
	if (rc == 0 && !gp_read_end(&r))
		rc = 1;
	if (rc == 0)
		*ret = set;
	else
		gp_answers_free(set);
	return rc;
}
