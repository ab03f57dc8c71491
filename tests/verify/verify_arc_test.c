/* SPDX-License-Identifier: Apache-2.0 */
/* ARC beside the others: over the same body, with questions of its own that have a bound. */
#include "rig.h"

#include "../arc/rig.h"

#define MESSAGE "From: a@author.test\r\nSubject: hello\r\n\r\nHello.\r\n"

#define ZONE                                                            \
	"{\"author.test\": {\"A\": [\"192.0.2.80\"]},"                  \
	" \"_dmarc.author.test\": {\"TXT\": [\"v=DMARC1; p=reject\"]}," \
	" \"sender.test\": {\"TXT\": [\"v=spf1 ip4:192.0.2.1 -all\"]}," \
	" \"helo.test\": {\"TXT\": [\"v=spf1 -all\"]},"                 \
	" \"x._domainkey.a.test\": {\"TXT\": [\"%.*s\"]}}"

static struct signer rsa;

/* A chain that passes at a.test, over MESSAGE. */
static struct gp_slice
chain_of(struct arc_rig *a, unsigned sets)
{
	struct gp_slice message = GP_SLICE(MESSAGE);
	*a = (struct arc_rig){};
	rig_open(&a->dkim);
	rig_add_txt(&a->dkim, GP_SLICE("x._domainkey.a.test"),
		    signer_record(&rsa, "v=DKIM1;", &a->dkim.arena));
	for (unsigned i = 0; i < sets; i++)
		message = arc_seal(a, &rsa, message);
	return message;
}

static void
open_drive(struct drive *d, struct arc_rig *a)
{
	struct gp_slice record = signer_record(&rsa, "v=DKIM1;", &a->dkim.arena);
	struct gp_slice zone = gp_arena_printf(&a->dkim.arena, ZONE, GP_SLICE_FMT(record));
	drive_open(d, zone.ptr);
	d->query.arc = true;
}

static void
a_chain_is_judged_however_the_message_comes(void **state)
{
	struct arc_rig a;
	struct drive d;
	(void)state;
	struct gp_slice message = chain_of(&a, 3);
	open_drive(&d, &a);
	for (enum way way = 0; way < WAYS; way++) {
		drive_through(&d, message, way);
		assert_int_equal(d.outcome, GP_VERIFY_DONE);
		assert_slice(drive_show(&d), "spf=pass spf=fail dkim=none dmarc=fail arc=pass");
		assert_int_equal(gp_verify_facts(d.v).arc->instances, 3);
	}
	drive_close(&d);
	rig_close(&a.dkim);
}

static void
it_is_told_with_what_it_is_about(void **state)
{
	struct arc_rig a;
	struct drive d;
	struct gp_authres results;
	struct gp_buf text = GP_BUF_INIT(1 << 16);
	(void)state;
	struct gp_slice message = chain_of(&a, 1);
	open_drive(&d, &a);
	drive_through(&d, message, WAY_AT_ONCE);
	struct gp_verify_facts facts = gp_verify_facts(d.v);
	assert_int_equal(
		gp_verify_results(&d.query, &facts, GP_SLICE("mx.test"), &d.arena, &results), 0);
	gp_authres_write(&text, &results);
	struct gp_slice line = gp_header_unfold(gp_buf_slice(&text), &d.arena);
	const char *want = "arc=pass smtp.remote-ip=192.0.2.1 header.oldest-pass=0";
	if (!memmem(line.ptr, line.len, want, strlen(want)))
		fail_msg("%.*s", GP_SLICE_FMT(line));
	gp_buf_free(&text);
	drive_close(&d);
	rig_close(&a.dkim);
}

static void
it_is_left_out_where_nobody_wants_it(void **state)
{
	struct arc_rig a;
	struct drive d;
	(void)state;
	struct gp_slice message = chain_of(&a, 1);
	open_drive(&d, &a);
	d.query.arc = false;
	drive_through(&d, message, WAY_AT_ONCE);
	assert_slice(drive_show(&d), "spf=pass spf=fail dkim=none dmarc=fail");
	assert_null(gp_verify_facts(d.v).arc);
	drive_close(&d);
	rig_close(&a.dkim);
}

/* A chain with a key for each of its fields: what is not asked for it is no answer, and the others
 * have theirs. */
static void
a_chain_asks_only_so_much(void **state)
{
	struct arc_rig a;
	struct drive d;
	(void)state;
	struct gp_slice message = chain_of(&a, 20);
	open_drive(&d, &a);
	char *text = gp_arena_str(&a.dkim.arena, message);
	char next = '!';
	for (char *at = text; (at = strstr(at, "s=x;")); at++)
		at[2] = (char)('a' + next++ % 26);
	drive_through(&d, gp_slice_str(text), WAY_AT_ONCE);
	size_t with = d.asked_len;
	assert_slice(drive_show(&d), "spf=pass spf=fail dkim=none dmarc=fail arc=fail");
	d.query.arc = false;
	drive_through(&d, gp_slice_str(text), WAY_AT_ONCE);
	assert_int_equal(with - d.asked_len, GP_VERIFY_ARC_QUESTIONS_MAX);
	drive_close(&d);
	rig_close(&a.dkim);
}

static int
make_key(void **state)
{
	static struct gp_arena arena = GP_ARENA_INIT(1 << 16);
	signer_open(&rsa, 1024, &arena);
	*state = &arena;
	return 0;
}

static int
free_key(void **state)
{
	signer_close(&rsa);
	gp_arena_free(*state);
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_chain_is_judged_however_the_message_comes),
		cmocka_unit_test(it_is_told_with_what_it_is_about),
		cmocka_unit_test(it_is_left_out_where_nobody_wants_it),
		cmocka_unit_test(a_chain_asks_only_so_much),
	};
	return cmocka_run_group_tests(tests, make_key, free_key);
}
