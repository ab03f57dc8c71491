/* SPDX-License-Identifier: Apache-2.0 */
/* First octet: which type is asked for; the rest: a response to a question about "q". */
#include "core/dns/message.h"
#include "core/dns/name.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const uint16_t types[] = {GP_DNS_A,   GP_DNS_AAAA, GP_DNS_CNAME,  GP_DNS_MX,
				 GP_DNS_PTR, GP_DNS_TXT,  GP_DNS_TLSA,   GP_DNS_SPF,
				 GP_DNS_NS,  GP_DNS_DS,   GP_DNS_DNSKEY, GP_DNS_CAA};

/* What came out as a name must go in again, and come out the same. */
static void
check_name(struct gp_slice text, struct gp_arena *arena)
{
	struct gp_name name;
	struct gp_slice again;
	gp_assert(gp_name_from_text(text, &name));
	if (gp_name_to_text(&name, arena, &again) == 0)
		gp_assert(gp_slice_eq(text, again));
}

static void
check_answer(const struct gp_dns_answer *a, struct gp_arena *arena)
{
	gp_assert((a->status == GP_DNS_OK) == (a->records_len > 0));
	gp_assert(a->records_len <= GP_DNS_RECORDS_MAX);
	check_name(a->canonical, arena);
	for (size_t i = 0; i < a->records_len; i++) {
		gp_assert(a->records[i].type == a->type);
		if (a->records[i].name.len > 0)
			check_name(a->records[i].name, arena);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct gp_arena arena = GP_ARENA_INIT(1 << 20);
	struct gp_slice message = gp_slice((const char *)data, size);
	uint32_t ttl_s;
	(void)gp_dns_message_ttl(message, &ttl_s);
	struct gp_dns_question question = {GP_SLICE("q"), GP_DNS_A};
	struct gp_dns_answer answer;
	if (size > 0)
		question.type = types[data[0] % GP_ARRAY_LEN(types)];
	if (gp_dns_message_parse(gp_slice_drop(message, 1), &question, &arena, &answer) == 0)
		check_answer(&answer, &arena);
	gp_arena_free(&arena);
	return 0;
}
