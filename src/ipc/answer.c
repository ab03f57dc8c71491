/* SPDX-License-Identifier: Apache-2.0 */
#include "ipc/answer.h"

#include <errno.h>

#include "core/dns/message.h"
#include "core/dns/name.h"

static int
pack_record(struct gp_buf *scratch, const struct gp_dns_record *record, struct gp_arena *arena,
	    struct gp_rdata *ret)
{
	gp_buf_clear(scratch);
	if (!gp_dns_rdata_write(scratch, record))
		return -ENOMEM;
	ret->data = gp_arena_dup(arena, gp_buf_slice(scratch));
	return ret->data.ptr ? 0 : -ENOMEM;
}

int
gp_answer_pack(const struct gp_dns_answer *answer, uint64_t ticket, struct gp_arena *arena,
	       struct gp_msg_answer *ret)
{
	struct gp_buf scratch = GP_BUF_INIT(2 * UINT16_MAX);
	struct gp_rdata *records = gp_arena_array(arena, answer->records_len, sizeof(*records));
	int rc = records ? 0 : -ENOMEM;
	for (size_t i = 0; rc == 0 && i < answer->records_len; i++)
		rc = pack_record(&scratch, &answer->records[i], arena, &records[i]);
	gp_buf_free(&scratch);
	*ret = (struct gp_msg_answer){.ticket = ticket,
				      .status = answer->status,
				      .secure = answer->secure,
				      .canonical = answer->canonical,
				      .records = records,
				      .records_len = answer->records_len};
	return rc;
}

/* The canonical name in its one form; it is what loops to ourselves are found by. */
static int
unpack_name(struct gp_slice text, struct gp_arena *arena, struct gp_slice *ret)
{
	struct gp_name name;
	return gp_name_from_text(text, &name) ? gp_name_to_text(&name, arena, ret) : 1;
}

static int
unpack_records(const struct gp_msg_answer *m, struct gp_arena *arena, struct gp_dns_answer *ret)
{
	struct gp_dns_record *records = gp_arena_array(arena, m->records_len, sizeof(*records));
	int rc = records ? 0 : -ENOMEM;
	for (size_t i = 0; rc == 0 && i < m->records_len; i++) {
		struct gp_slice data = m->records[i].data;
		rc = gp_dns_rdata_parse(data, 0, data.len, ret->type, arena, &records[i]);
	}
	ret->records = records;
	ret->records_len = m->records_len;
	return rc;
}

int
gp_answer_unpack(const struct gp_msg_answer *m, const struct gp_dns_question *question,
		 struct gp_arena *arena, struct gp_dns_answer *ret)
{
	const struct gp_dns_answer failure = {.name = question->name,
					      .canonical = question->name,
					      .type = question->type,
					      .status = GP_DNS_SERVFAIL};
	bool sound = m->status >= GP_DNS_OK && m->status <= GP_DNS_TIMEOUT &&
		     (m->status == GP_DNS_OK) == (m->records_len > 0);
	*ret = failure;
	int rc = sound ? unpack_name(m->canonical, arena, &ret->canonical) : 1;
	if (rc == 0)
		rc = unpack_records(m, arena, ret);
	ret->status = m->status;
	ret->secure = m->secure;
	if (rc > 0)
		*ret = failure;
	return rc;
}
