/* SPDX-License-Identifier: Apache-2.0 */
/* What conversations come to: state and severity of each finding, and the fix. */
#include "dialogue.h"

#include <string.h>

#include "core/probe/findings.h"
#include "core/probe/relay.h"
#include "core/probe/smuggle.h"

#define EHLO_CLEAR OPENING "< 250-mx.example.net\n"
#define TLS_AT "> STARTTLS\n< 220 go\n.tls\n> EHLO " HELO "\n< 250-mx.example.net\n"
#define GOOD EHLO_CLEAR "< 250-SIZE 1\n< 250 STARTTLS\n" TLS_AT "< 250 SIZE 1\n"
#define GOOD_CLEAR EHLO_CLEAR "< 250-SIZE 1\n< 250 STARTTLS\n"
#define HEAD "> HELP\n< 214 help\n> XGATEPOST\n< 500 what\n> EHLO\n< 501 who\n"
#define TAIL "> HELO " HELO "\n< 250 mx\n> QUIT\n< 221 bye\n.done\n"

struct judged {
	struct dialogue d;
	struct gp_probe_facts facts;
	const char *expected; /* lines "ID STATE SEVERITY [EVIDENCE'S BEGINNING]"; "-ID": none */
};

static const struct judged cases[] = {
	{{"nothing is wrong", GOOD ASKS ".done\n"},
	 {.port = 25, .rdns = GP_PROBE_RDNS_CONFIRMED, .rdns_name = {"mx.example.net", 14}},
	 "smtp.no_answer pass info\nsmtp.name pass low mx.example.net\ntls.absent pass medium "
	 "TLSv1.3\ntls.broken pass high\nauth.in_clear pass high\nstarttls.differs pass info\n"
	 "starttls.injection not_measured high nobody has consented to it: gatepost scan "
	 "--authorised TEXT --inject\n"
	 "auth.ntlm_leak not_measured low nobody\nsmtp.vrfy not_measured low nobody\n"
	 "smtp.open_relay not_measured critical nobody\nsmtp.smuggling not_measured high nobody\n"
	 "dns.fcrdns pass medium mx.example.net\n-smtp.size_absent\n-smtp.no_mx\n-smtp.unasked\n"
	 "-auth.absent\n-auth.on_relay_port\n-smtp.slow_greeting\n-smtp.xclient"},

	/* TLS and AUTH: the port decides */
	{{"no TLS on 25", EHLO_CLEAR "< 250 SIZE 1\n" ASKS},
	 {.port = 25},
	 "tls.absent fail medium EHLO's reply has no STARTTLS\n-tls.broken"},
	{{"TLS that nobody asked for", GOOD_CLEAR ASKS, {.mode = GP_PROBE_MODE_CLEAR}},
	 {.port = 25},
	 "tls.absent not_measured medium TLS was not wanted\n-tls.broken"},
	{{"no TLS on 587", EHLO_CLEAR "< 250 SIZE 1\n" ASKS},
	 {.port = 587},
	 "tls.absent fail high"},
	{{"TLS that fails", EHLO_CLEAR "< 250 STARTTLS\n> STARTTLS\n< 220 go\n.notls\n" EHLO_CLEAR
				       "< 250 STARTTLS\n" ASKS},
	 {.port = 25},
	 "tls.broken fail high no shared cipher\nsmtp.size_absent fail info\n-tls.absent"},
	{{"TLS that is put off",
	  EHLO_CLEAR "< 250 STARTTLS\n> STARTTLS\n< 454 4.7.0 no key\n" ASKS},
	 {.port = 25},
	 "tls.broken fail high STARTTLS is answered by 454 4.7.0 no key"},
	{{"AUTH in clear on 587",
	  EHLO_CLEAR "< 250-AUTH PLAIN LOGIN\n< 250 STARTTLS\n" TLS_AT "< 250 AUTH PLAIN\n" ASKS},
	 {.port = 587},
	 "auth.in_clear fail high in clear: AUTH PLAIN LOGIN\n-auth.on_relay_port"},
	{{"AUTH in clear on 25, beside TLS",
	  EHLO_CLEAR "< 250-AUTH PLAIN LOGIN\n< 250 STARTTLS\n" TLS_AT "< 250 AUTH PLAIN\n" ASKS},
	 {.port = 25},
	 "auth.in_clear fail medium\nauth.on_relay_port fail low"},
	{{"AUTH without a mechanism is no offer", EHLO_CLEAR "< 250 AUTH \n" ASKS},
	 {.port = 25},
	 "auth.in_clear pass\n-auth.on_relay_port"},
	{{"AUTH in clear on 25, without TLS", EHLO_CLEAR "< 250 AUTH=LOGIN\n" ASKS},
	 {.port = 25},
	 "auth.in_clear fail high in clear: AUTH LOGIN; and there is no TLS"},
	{{"AUTH in clear that tells no password", EHLO_CLEAR "< 250 AUTH CRAM-MD5 GSSAPI\n" ASKS},
	 {.port = 587},
	 "auth.in_clear fail low"},
	{{"submission without AUTH", GOOD ASKS}, {.port = 587}, "auth.absent fail medium"},
	{{"465",
	  ".connect\n.tls\n< 220 mx.example.net\n> EHLO " HELO
	  "\n< 250-mx.example.net\n< 250 AUTH PLAIN\n" ASKS,
	  {.mode = GP_PROBE_MODE_TLS}},
	 {.port = 465},
	 "tls.absent pass medium\nauth.in_clear pass high\n-auth.absent\n-starttls.differs"},
	{{"TLS changes what is offered",
	  EHLO_CLEAR "< 250-HELP\n< 250-ETRN\n< 250 STARTTLS\n" TLS_AT
		     "< 250-HELP\n< 250-AUTH PLAIN\n< 250-STARTTLS\n< 250 DSN\n" ASKS},
	 {.port = 25},
	 "starttls.differs fail info in clear only: ETRN; inside TLS only: DSN\n"
	 "starttls.again fail low"},
	{{"clear text behind 220",
	  EHLO_CLEAR "< 250 STARTTLS\n> STARTTLS\n< 220 go\n< 250 x\n.tls\n> EHLO " HELO
		     "\n< 250 mx.example.net\n" ASKS,
	  .whole_only = true},
	 {.port = 25},
	 "starttls.clear_text fail medium"},

	/* names, and what stands on the way */
	{{"three names",
	  ".connect\n< 220 mail.example.net ESMTP\n> EHLO " HELO "\n< 250 mx.example.net\n" ASKS},
	 {.port = 25},
	 "smtp.name fail low it greets as mail.example.net and answers EHLO as mx.example.net"},
	{{"no full name", ".connect\n< 220 ESMTP\n> EHLO " HELO "\n< 250 localhost\n" ASKS},
	 {.port = 25},
	 "smtp.name fail low to EHLO it says \"localhost\""},
	{{"another name than the DNS has", GOOD ASKS},
	 {.port = 25, .rdns = GP_PROBE_RDNS_CONFIRMED, .rdns_name = {"h1.example.com", 14}},
	 "smtp.name fail info it says mx.example.net, and its address has the name h1.example.com"},
	{{"no name in the DNS", GOOD ASKS},
	 {.port = 25, .rdns = GP_PROBE_RDNS_NONE, .domain = {"example.org", 11}},
	 "dns.fcrdns fail medium\nsmtp.no_mx fail info example.org has its mail elsewhere"},
	{{"an MX host", GOOD ASKS},
	 {.port = 25, .domain = {"example.org", 11}, .is_mx = true},
	 "-smtp.no_mx"},
	{{"a name that leads elsewhere", GOOD ASKS},
	 {.port = 587,
	  .rdns = GP_PROBE_RDNS_ASTRAY,
	  .rdns_name = {"a\x1b[1mb", 6},
	  .domain = {"example.org", 11}},
	 "dns.fcrdns fail info its name, a<U+001B>[1mb, does\n-smtp.no_mx"},
	{{"a firewall that strikes out",
	  ".connect\n< 220 ***********\n> EHLO " HELO
	  "\n< 250-mx.example.net\n< 250-SIZE 1\n< 250 XXXXXXXA\n" ASKS},
	 {.port = 25},
	 "smtp.rewritten fail medium the greeting is struck out: 220 ****"},
	{{"it sees a proxy for us", OPENING "< 250 mx.example.net Hello you [172.17.0.1]\n" ASKS},
	 {.port = 25},
	 "smtp.sees_private fail low it calls us 172.17.0.1"},
	{{"and may, in a private network",
	  OPENING "< 250 mx.example.net Hello you [172.17.0.1]\n" ASKS},
	 {.port = 25, .private_target = true},
	 "-smtp.sees_private"},
	{{"it sees us", OPENING "< 250 mx.example.net Hello you [172.32.0.1]\n" ASKS},
	 {.port = 25},
	 "-smtp.sees_private"},
	{{"a proxy's commands for all", EHLO_CLEAR "< 250 XCLIENT NAME ADDR\n" ASKS},
	 {.port = 25},
	 "smtp.xclient fail high"},
	{{"HELO alone", OPENING "< 502 what\n> HELO " HELO "\n< 250 mx\n" HEAD "> QUIT\n< 221 x\n"},
	 {.port = 25},
	 "smtp.no_esmtp fail low 502 what\nsmtp.name not_measured low\ntls.absent not_measured "
	 "medium the server does not know EHLO\nauth.in_clear not_measured high"},
	{{"a slow one", ".connect\n!+12300\n< 220 mx.example.net\n> EHLO " HELO "\n"},
	 {.port = 25},
	 "smtp.slow_greeting fail info it took 12.3 s"},
	{{"replies to nothing", ".connect\n< 220 mx\n< 250 \x1b[2J\n> EHLO " HELO "\n",
	  .whole_only = true},
	 {.port = 25},
	 "smtp.unasked fail medium 1 times; the first: 250 <U+001B>[2J"},

	/* it would not talk: what is not known is not said to be fine */
	{{"it refuses us", ".connect\n< 554 5.7.1 blocked\n> QUIT\n< 221 bye\n.done\n"},
	 {.port = 25},
	 "smtp.no_answer fail info the greeting refuses us; its greeting: 554 5.7.1 blocked\n"
	 "tls.absent not_measured medium the greeting refuses us\n"
	 "auth.in_clear not_measured high the greeting refuses us\nsmtp.name not_measured low"},
	{{"no connection", ".refused\n.done\n"},
	 {.port = 25},
	 "smtp.no_answer fail info no connection\ntls.absent not_measured medium no connection\n"
	 "dns.fcrdns not_measured medium"},

	/* with consent */
	{{"VRFY tells",
	  EHLO_CLEAR "< 250 SIZE 1\n" HEAD "> VRFY postmaster\n< 252 2.0.0 postmaster\n"
		     "> VRFY gatepost-no-such-user\n< 550 5.1.1 who\n> EXPN postmaster\n"
		     "< 502 no\n" TAIL,
	  {.consents = GP_PROBE_VRFYING}},
	 {.port = 25},
	 "smtp.vrfy fail low VRFY postmaster: 252 2.0.0 postmaster; of nobody: 550 5.1.1 who"},
	{{"EXPN tells more",
	  EHLO_CLEAR "< 250 SIZE 1\n" HEAD "> VRFY postmaster\n< 252 2.0.0 postmaster\n"
		     "> VRFY gatepost-no-such-user\n< 252 x\n> EXPN postmaster\n"
		     "< 250 root\n" TAIL,
	  {.consents = GP_PROBE_VRFYING}},
	 {.port = 25},
	 "smtp.vrfy fail medium EXPN postmaster: 250 root"},
	{{"VRFY does not tell",
	  EHLO_CLEAR "< 250 SIZE 1\n" HEAD "> VRFY postmaster\n< 252 perhaps\n"
		     "> VRFY gatepost-no-such-user\n< 252 perhaps\n> EXPN postmaster\n"
		     "< 502 no\n" TAIL,
	  {.consents = GP_PROBE_VRFYING}},
	 {.port = 25},
	 "smtp.vrfy pass low"},
	{{"VRFY is put off, which tells nothing",
	  EHLO_CLEAR "< 250 SIZE 1\n" HEAD "> VRFY postmaster\n< 450 later\n"
		     "> VRFY gatepost-no-such-user\n< 450 later\n> EXPN postmaster\n"
		     "< 502 no\n" TAIL,
	  {.consents = GP_PROBE_VRFYING}},
	 {.port = 25},
	 "smtp.vrfy not_measured low it was put off"},
	{{"so does one that wants a login first",
	  EHLO_CLEAR "< 250 SIZE 1\n" HEAD "> VRFY postmaster\n< 530 no\n"
		     "> VRFY gatepost-no-such-user\n< 530 no\n> EXPN postmaster\n"
		     "< 530 no\n" TAIL,
	  {.consents = GP_PROBE_VRFYING}},
	 {.port = 25},
	 "smtp.vrfy not_measured low the server wants TLS or a login first"},
	{{"EXPN alone is put off",
	  EHLO_CLEAR "< 250 SIZE 1\n" HEAD "> VRFY postmaster\n< 252 perhaps\n"
		     "> VRFY gatepost-no-such-user\n< 252 perhaps\n> EXPN postmaster\n"
		     "< 450 later\n" TAIL,
	  {.consents = GP_PROBE_VRFYING}},
	 {.port = 25},
	 "smtp.vrfy not_measured low it was put off"},
	{{"NTLM is put off",
	  EHLO_CLEAR "< 250 AUTH NTLM\n" HEAD
		     "> AUTH NTLM TlRMTVNTUAABAAAAB4IIogAAAAAAAAAAAAAAAAAAAAAGAbEdAAAADw==\n"
		     "< 454 later\n" TAIL,
	  {.consents = GP_PROBE_NTLMING}},
	 {.port = 25},
	 "auth.ntlm_leak not_measured low it was put off"},
	{{"the relay test was put off",
	  EHLO_CLEAR "< 250 SIZE 1\n" ASKS ".connect\n< 220 mx\n> EHLO " HELO "\n< 250 mx\n"
		     "> MAIL FROM:<>\n< 250 ok\n> RCPT TO:<me@own.example>\n< 250 ok\n> RSET\n"
		     "< 250 ok\n> MAIL FROM:<me@own.example>\n< 451 later\n> RSET\n",
	  {.consents = GP_PROBE_RELAY, .recipient = {"me@own.example", 14}}},
	 {.port = 25},
	 "smtp.open_relay fail medium not proven: no message arrived, but it takes recipients of "
	 "other domains; forms 1 (relays bounces)"},
	{{"at home there is nothing to be tested",
	  GOOD ASKS ".done\n",
	  {.consents = GP_PROBE_RELAY,
	   .recipient = {"me@own.example", 14},
	   .hosted = {"own.example", 11}}},
	 {.port = 25},
	 "smtp.open_relay not_measured critical the recipient's domain"},
	{{"an injection",
	  GOOD ASKS ".connect\n< 220 mx\n> EHLO " HELO "\n< 250-mx\n< 250 STARTTLS\n> STARTTLS\n"
		    "> NOOP\n< 220 go\n.tls\n> EHLO " HELO
		    "\n< 250 noop\n> QUIT\n< 250 mx\n.done\n",
	  {.consents = GP_PROBE_INJECT}},
	 {.port = 25},
	 "starttls.injection fail high"},
};

static const struct judged *now;

static void
expect_line(const struct gp_findings *list, struct gp_slice line)
{
	struct gp_slice whole = line, id = gp_slice_cut(&line, ' ');
	char name[64], got[GP_FINDING_EVIDENCE_MAX + 100];
	bool none = gp_slice_starts(id, GP_SLICE("-"));
	(void)snprintf(name, sizeof(name), "%.*s", GP_SLICE_FMT(gp_slice_drop(id, none)));
	const struct gp_finding *f = gp_finding_of(list, name);
	if (none || !f) {
		if (none != !f)
			fail_msg("%s: %s %s", now->d.name, name, f ? "is there" : "is missing");
		return;
	}
	(void)snprintf(got, sizeof(got), "%s %s %s %.*s", name, gp_finding_state_name(f->state),
		       gp_severity_name(f->severity), GP_SLICE_FMT(f->evidence));
	if (!gp_slice_starts(gp_slice_str(got), whole))
		fail_msg("%s: wanted '%.*s', found '%s'", now->d.name, GP_SLICE_FMT(whole), got);
}

static void
judge(const struct gp_probe_record *record)
{
	struct gp_arena arena = GP_ARENA_INIT(1 << 20);
	struct gp_findings list = gp_findings(&arena);
	assert_int_equal(gp_probe_findings(record, &now->facts, &list), 0);
	for (struct gp_slice rest = gp_slice_str(now->expected); rest.len > 0;)
		expect_line(&list, gp_slice_cut(&rest, '\n'));
	gp_arena_free(&arena);
}

static void
conversations_are_judged(void **state)
{
	(void)state;
	for (size_t i = 0; i < GP_ARRAY_LEN(cases); i++) {
		struct dialogue d = cases[i].d;
		now = &cases[i];
		d.check = judge;
		run_dialogues(&d, 1);
	}
}

/* --- records that no script leads to --- */

static struct gp_findings
findings_of(const struct gp_probe_record *r, const struct gp_probe_facts *facts,
	    struct gp_arena *arena)
{
	struct gp_findings list = gp_findings(arena);
	assert_int_equal(gp_probe_findings(r, facts, &list), 0);
	return list;
}

static void
a_proven_relay(void **state)
{
	struct gp_arena arena = GP_ARENA_INIT(1 << 20);
	struct gp_probe_relay_test tests[64] = {};
	size_t len;
	const struct gp_probe_form *forms = gp_probe_forms(&len);
	const struct gp_probe_record r = {
		.consents = GP_PROBE_RELAY | GP_PROBE_CANARY, .relay = tests, .relay_len = len};
	(void)state;
	assert_true(len <= GP_ARRAY_LEN(tests));
	for (size_t i = 0; i < len; i++) {
		tests[i].number = forms[i].number;
		tests[i].letter = forms[i].letter;
		tests[i].state = GP_PROBE_RELAY_REFUSED;
	}
	const struct gp_probe_facts postfix = {.port = 25, .software = "Postfix"};
	struct gp_findings list = findings_of(&r, &postfix, &arena);
	const struct gp_finding *f = gp_finding_of(&list, "smtp.open_relay");
	assert_int_equal(f->state, GP_FINDING_PASS);
	assert_int_equal(f->fix.len, 0);
	tests[23].state = GP_PROBE_RELAY_PROVEN;
	tests[30].state = GP_PROBE_RELAY_ACCEPTED;
	list = findings_of(&r, &postfix, &arena);
	f = gp_finding_of(&list, "smtp.open_relay");
	assert_int_equal(f->severity, GP_SEVERITY_CRITICAL);
	assert_slice(f->evidence,
		     "proven by messages that arrived; forms 23b (percent hack at its domain)");
	assert_non_null(strstr(f->fix.ptr, "smtpd_relay_restrictions"));
	gp_arena_reset(&arena);
	tests[23].state = GP_PROBE_RELAY_ACCEPTED;
	tests[30].state = GP_PROBE_RELAY_REFUSED;
	list = findings_of(&r, &postfix, &arena);
	f = gp_finding_of(&list, "smtp.open_relay");
	assert_int_equal(f->severity, GP_SEVERITY_LOW);
	assert_true(gp_slice_starts(f->evidence, GP_SLICE("not proven, and not likely")));
	tests[1].state = GP_PROBE_RELAY_ACCEPTED;
	list = findings_of(&r, &postfix, &arena);
	f = gp_finding_of(&list, "smtp.open_relay");
	assert_int_equal(f->severity, GP_SEVERITY_MEDIUM);
	gp_arena_free(&arena);
}

static void
smuggling(void **state)
{
	struct gp_arena arena = GP_ARENA_INIT(1 << 20);
	struct gp_probe_smuggle_test tests[32] = {};
	const struct gp_probe_facts facts = {.port = 25};
	struct gp_probe_record r = {.consents = GP_PROBE_SMUGGLE, .smuggle = tests};
	(void)state;
	(void)gp_probe_variants(&r.smuggle_len);
	assert_true(r.smuggle_len <= GP_ARRAY_LEN(tests));
	tests[0].why = "put off";
	struct gp_findings list = findings_of(&r, &facts, &arena);
	const struct gp_finding *f = gp_finding_of(&list, "smtp.smuggling");
	assert_int_equal(f->state, GP_FINDING_NOT_MEASURED);
	assert_slice(f->evidence, "put off");
	tests[0].state = GP_PROBE_SMUGGLE_SPLIT;
	tests[1].state = GP_PROBE_SMUGGLE_ONE;
	list = findings_of(&r, &facts, &arena);
	f = gp_finding_of(&list, "smtp.smuggling");
	assert_int_equal(f->state, GP_FINDING_FAIL);
	assert_slice(f->evidence, "split by LF.LF");
	tests[0].state = GP_PROBE_SMUGGLE_REFUSED;
	list = findings_of(&r, &facts, &arena);
	assert_int_equal(gp_finding_of(&list, "smtp.smuggling")->state, GP_FINDING_PASS);
	gp_arena_free(&arena);
}

static void
what_ntlm_tells(void **state)
{
	struct gp_arena arena = GP_ARENA_INIT(1 << 20);
	struct gp_probe_record r = {.consents = GP_PROBE_NTLMING};
	const struct gp_probe_facts facts = {.port = 25, .software = "Exchange"};
	(void)state;
	r.replies[GP_PROBE_NTLM] = (struct gp_probe_reply){
		.code = 334,
		.text = GP_SLICE(
			"334 TlRMTVNTUAACAAAAAAAAADgAAAAFgomiASNFZ4mrze8AAAAAAAAAABAAEAA4AAAA"
			"CgBjRQAAAA8BAAIATQACAAIAQwAAAAAA"),
	};
	struct gp_findings list = findings_of(&r, &facts, &arena);
	const struct gp_finding *f = gp_finding_of(&list, "auth.ntlm_leak");
	assert_int_equal(f->state, GP_FINDING_FAIL);
	assert_slice(f->evidence, "computer M (), domain C (), build 10.0.17763");
	r.replies[GP_PROBE_NTLM].text = GP_SLICE("334 what");
	list = findings_of(&r, &facts, &arena);
	assert_int_equal(gp_finding_of(&list, "auth.ntlm_leak")->state, GP_FINDING_PASS);
	gp_arena_free(&arena);
}

static void
fixes(void **state)
{
	static const struct {
		const char *kind, *software, *part;
	} rows[] = {
		{"auth.in_clear", "Postfix", "smtpd_tls_auth_only = yes"},
		{"auth.in_clear", "Exim", "auth_advertise_hosts"},
		{"auth.in_clear", "OpenSMTPD", "tls-require"},
		{"auth.in_clear", "Sendmail", "confAUTH_OPTIONS"},
		{"auth.in_clear", "Exchange Online", "Set-ReceiveConnector"},
		{"auth.in_clear", "Dovecot submission", "ssl = required"},
		{"auth.in_clear", "Haraka", "inside TLS only"},
		{"auth.in_clear", NULL, "inside TLS only"},
		{"smtp.vrfy", "Postfix", "disable_vrfy_command"},
	};
	(void)state;
	for (size_t i = 0; i < GP_ARRAY_LEN(rows); i++) {
		const char *fix = gp_probe_fix(rows[i].kind, rows[i].software);
		assert_non_null(fix);
		assert_non_null(strstr(fix, rows[i].part));
	}
	assert_null(gp_probe_fix("smtp.no_answer", "Postfix"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(conversations_are_judged),
		cmocka_unit_test(a_proven_relay),
		cmocka_unit_test(smuggling),
		cmocka_unit_test(what_ntlm_tells),
		cmocka_unit_test(fixes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
