/* SPDX-License-Identifier: Apache-2.0 */
/* Faults, each a patch of the clean world, with what is to be found there. */
#pragma once

#include "world.h"

#define PARKED 1   /* of the parked domain, not of the clean one */
#define ANY_ALSO 2 /* what else is found is not looked at */
#define KEPT 4     /* has no record that would mend it */

#define DMARC(text) "{'_dmarc.d.test':{'TXT':['" text "']}}"
#define SPF(text) "{'d.test':{'TXT':['" text "']}}"
#define KEY(text) "{'s1._domainkey.d.test':{'TXT':['" text "']}}"
#define BIMI(text) "{'default._bimi.d.test':{'TXT':['" text "']}}"
#define RUA "rua=mailto:r@d.test"

/* A fault for each row: what is found, and what else may be. */
static const struct {
	const char *id;
	uint8_t severity;
	uint8_t flags;
	const char *world;
	const char *also; /* ids with spaces around each */
} plants[] = {
	/* MX */
	{"domain.absent", GP_SEVERITY_INFO, KEPT, "{'d.test':null}"},
	{"mx.none", GP_SEVERITY_INFO, PARKED, "{'d.test':{'MX':null}}"},
	{"mx.none", GP_SEVERITY_INFO, KEPT, "{'d.test':{'MX':null,'TXT':['v=spf1 a -all']}}"},
	{"mx.null", GP_SEVERITY_MEDIUM, KEPT, "{'d.test':{'MX':[[0,'.']],'TXT':['v=spf1 a -all']}}",
	 " dmarc.rua.dead "},
	{"mx.null.mixed", GP_SEVERITY_HIGH, 0,
	 "{'d.test':{'MX':[[0,'.'],[10,'mx1.d.test'],[10,'mx2.d.test']]}}"},
	{"mx.cname", GP_SEVERITY_HIGH, 0,
	 "{'d.test':{'MX':[[10,'mx1.d.test'],[20,'alias.d.test']]},"
	 "'alias.d.test':{'CNAME':'mx2.d.test'},'_25._tcp.alias.d.test':" TLSA_PAIR "}"},
	{"mx.ip", GP_SEVERITY_HIGH, 0,
	 "{'d.test':{'MX':[[10,'mx1.d.test'],[10,'mx2.d.test'],[20,'20.0.0.9']]},"
	 "'_25._tcp.20.0.0.9':" TLSA_PAIR "}"},
	{"mx.nxdomain", GP_SEVERITY_HIGH, 0,
	 "{'d.test':{'MX':[[10,'mx1.d.test'],[10,'mx2.d.test'],[20,'gone.d.test']]},"
	 "'_25._tcp.gone.d.test':" TLSA_PAIR "}"},
	{"mx.dangling", GP_SEVERITY_CRITICAL, 0,
	 "{'d.test':{'MX':[[10,'mx1.d.test'],[10,'mx2.d.test'],[20,'mx.gone.test']]},"
	 "'_25._tcp.mx.gone.test':" TLSA_PAIR "}"},
	{"mx.private", GP_SEVERITY_HIGH, 0, "{'mx3.d.test':{'A':['10.0.0.1']}}"},
	{"mx.single", GP_SEVERITY_INFO, KEPT, "{'d.test':{'MX':[[10,'mx1.d.test']]}}"},
	{"mx.wildcard", GP_SEVERITY_LOW, KEPT, "{'*.d.test':{'MX':[[10,'mx1.d.test']]}}"},
	{"mx.ptr", GP_SEVERITY_MEDIUM, KEPT, "{'1.0.0.20.in-addr.arpa':null}"},
	{"mx.fcrdns", GP_SEVERITY_MEDIUM, KEPT, "{'1.0.0.20.in-addr.arpa':{'PTR':['mx2.d.test']}}"},

	/* DMARC */
	{"dmarc.missing", GP_SEVERITY_CRITICAL, 0, "{'_dmarc.d.test':null}"},
	{"dmarc.missing", GP_SEVERITY_CRITICAL, PARKED, "{'_dmarc.d.test':null}"},
	{"dmarc.multiple", GP_SEVERITY_CRITICAL, 0,
	 "{'_dmarc.d.test':{'TXT':['v=DMARC1; p=reject; " RUA "','v=DMARC1; p=none']}}"},
	{"dmarc.syntax", GP_SEVERITY_CRITICAL, 0, DMARC("p=reject; v=DMARC1; " RUA)},
	{"dmarc.syntax", GP_SEVERITY_CRITICAL, 0, DMARC("v=DMARC1, p=reject, " RUA)},
	{"dmarc.syntax", GP_SEVERITY_CRITICAL, 0, DMARC("v=DMARC1 p=reject " RUA)},
	{"dmarc.syntax", GP_SEVERITY_CRITICAL, 0, DMARC("v=dmarc1; p=reject; " RUA)},
	{"dmarc.syntax", GP_SEVERITY_HIGH, ANY_ALSO, DMARC("v=DMARC1; p=rejected; " RUA)},
	{"dmarc.syntax", GP_SEVERITY_CRITICAL, ANY_ALSO, DMARC("v=DMARC1; sp=reject")},
	{"dmarc.syntax", GP_SEVERITY_HIGH, 0, DMARC("v=DMARC1; p=reject; " RUA "; adkim=x")},
	{"dmarc.syntax", GP_SEVERITY_HIGH, 0, DMARC("v=DMARC1; p=reject; p=none; " RUA)},
	{"dmarc.p.none", GP_SEVERITY_HIGH, 0, DMARC("v=DMARC1; p=none; " RUA)},
	{"dmarc.p.none", GP_SEVERITY_HIGH, 0, DMARC("v=DMARC1; p=none; sp=none; " RUA)},
	{"dmarc.p.quarantine", GP_SEVERITY_LOW, 0, DMARC("v=DMARC1; p=quarantine; " RUA)},
	{"dmarc.parked.weak", GP_SEVERITY_HIGH, PARKED, DMARC("v=DMARC1; p=none; " RUA),
	 " dmarc.rua.dead "},
	{"dmarc.sp.weak", GP_SEVERITY_HIGH, 0, DMARC("v=DMARC1; p=reject; sp=none; " RUA)},
	{"dmarc.np.weak", GP_SEVERITY_MEDIUM, 0, DMARC("v=DMARC1; p=reject; np=none; " RUA)},
	{"dmarc.np.wildcard", GP_SEVERITY_MEDIUM, 0,
	 "{'_dmarc.d.test':{'TXT':['v=DMARC1; p=quarantine; np=reject; " RUA "']},"
	 "'*.d.test':{'TXT':['x']}}",
	 " dmarc.p.quarantine "},
	{"dmarc.pct", GP_SEVERITY_MEDIUM, 0, DMARC("v=DMARC1; p=reject; pct=50; " RUA)},
	{"dmarc.rf.ri", GP_SEVERITY_LOW, 0, DMARC("v=DMARC1; p=reject; ri=3600; rf=afrf; " RUA)},
	{"dmarc.t", GP_SEVERITY_INFO, 0, DMARC("v=DMARC1; p=reject; t=y; " RUA)},
	{"dmarc.psd", GP_SEVERITY_INFO, 0, DMARC("v=DMARC1; p=reject; psd=y; " RUA)},
	{"dmarc.rua.none", GP_SEVERITY_HIGH, 0, DMARC("v=DMARC1; p=reject")},
	{"dmarc.rua.none", GP_SEVERITY_HIGH, KEPT,
	 "{'d.test':{'MX':[[0,'.']],'TXT':['v=spf1 a -all']},"
	 "'_dmarc.d.test':{'TXT':['v=DMARC1; p=reject']}}",
	 " mx.null "},
	{"dmarc.rua.dead", GP_SEVERITY_HIGH, 0,
	 DMARC("v=DMARC1; p=reject; rua=mailto:r@no.d.test")},
	{"dmarc.rua.dead", GP_SEVERITY_HIGH, 0,
	 "{'_dmarc.d.test':{'TXT':['v=DMARC1; p=reject; " RUA ",mailto:r@no.d.test']},"
	 "'no.d.test':{'MX':[[0,'.']],'A':['20.0.0.83']}}"},
	{"dmarc.rua.dead", GP_SEVERITY_HIGH, KEPT,
	 "{'d.test':{'MX':[[0,'.']],'TXT':['v=spf1 a -all']}}", " mx.null "},
	{"dmarc.rua.external.unauth", GP_SEVERITY_HIGH, 0,
	 DMARC("v=DMARC1; p=reject; rua=mailto:r@a.test,mailto:r@b.test")},
	{"dmarc.rua.uri", GP_SEVERITY_MEDIUM, 0,
	 DMARC("v=DMARC1; p=reject; " RUA ",https://d.test/r")},
	{"dmarc.rua.uri", GP_SEVERITY_MEDIUM, 0, DMARC("v=DMARC1; p=reject; " RUA "!10m")},
	{"dmarc.rua.uri", GP_SEVERITY_MEDIUM, 0, DMARC("v=DMARC1; p=reject; rua=r@d.test"),
	 " dmarc.rua.none "},
	{"dmarc.rua.uri", GP_SEVERITY_MEDIUM, 0, DMARC("v=DMARC1; p=reject; " RUA ",r@d.test")},
	{"dmarc.rua.uri", GP_SEVERITY_MEDIUM, 0,
	 DMARC("v=DMARC1; p=reject; " RUA ",mailto:r@d.test")},
	{"dmarc.rua.uri", GP_SEVERITY_MEDIUM, 0,
	 DMARC("v=DMARC1; p=reject; " RUA ",mailto:b@d.test,mailto:c@d.test")},
	{"dmarc.ruf", GP_SEVERITY_INFO, KEPT,
	 DMARC("v=DMARC1; p=reject; " RUA "; ruf=mailto:f@d.test; fo=1:d")},
	{"dmarc.unknown.tag", GP_SEVERITY_LOW, 0, DMARC("v=DMARC1; p=reject; adkmi=s; " RUA)},

	/* SPF */
	{"spf.missing", GP_SEVERITY_LOW, 0, "{'d.test':{'TXT':null}}"},
	{"spf.missing", GP_SEVERITY_CRITICAL, 0,
	 "{'d.test':{'TXT':null},'_dmarc.d.test':{'TXT':['v=DMARC1; p=none; " RUA "']}}",
	 " dmarc.p.none "},
	{"spf.missing", GP_SEVERITY_HIGH, PARKED, "{'d.test':{'TXT':['other']}}"},
	{"spf.multiple", GP_SEVERITY_HIGH, 0,
	 "{'d.test':{'TXT':['v=spf1 mx -all','v=spf1 ip4:20.0.0.9 ~all']}}"},
	{"spf.syntax", GP_SEVERITY_HIGH, 0, SPF("v=spf1 mx ipv4:20.0.0.9 -all")},
	{"spf.syntax", GP_SEVERITY_HIGH, 0, SPF("v=spf1 mx ip4=20.0.0.9 ip4:20.0.0.0/33 -all")},
	{"spf.syntax", GP_SEVERITY_HIGH, 0, SPF("v=spf1 mx %{x}.d.test, include:a:b -all")},
	{"spf.syntax", GP_SEVERITY_HIGH, 0,
	 "{'d.test':{'TXT':['v=spf1 mx foo redirect=a.test']},"
	 "'a.test':{'TXT':['v=spf1 ip4:20.0.0.9 -all']}}"},
	{"spf.multiple", GP_SEVERITY_HIGH, 0,
	 "{'d.test':{'TXT':['v=spf1 mx -all','v=spf1 redirect=a.test']},"
	 "'a.test':{'TXT':['v=spf1 ip4:20.0.0.9 -all']}}"},
	{"spf.syntax", GP_SEVERITY_HIGH, 0, SPF("v=spf1mx -all")},
	{"spf.syntax", GP_SEVERITY_HIGH, 0, SPF(" v=spf1 mx -all")},
	{"spf.syntax", GP_SEVERITY_HIGH, 0, SPF("\xe2\x80\x9cv=spf1 mx -all\xe2\x80\x9d")},
	{"spf.all.plus", GP_SEVERITY_CRITICAL, 0, SPF("v=spf1 mx +all")},
	{"spf.all.plus", GP_SEVERITY_CRITICAL, 0, SPF("v=spf1 mx all")},
	{"spf.all.plus", GP_SEVERITY_CRITICAL, 0,
	 "{'d.test':{'TXT':['v=spf1 mx include:a.test -all']},'a.test':{'TXT':['v=spf1 +all']}}"},
	{"spf.all.plus", GP_SEVERITY_CRITICAL, 0,
	 "{'d.test':{'TXT':['v=spf1 mx include:a.test -all']},"
	 "'a.test':{'TXT':['v=spf1 include:b.test -all']},'b.test':{'TXT':['v=spf1 +all']}}"},
	{"spf.all.neutral", GP_SEVERITY_HIGH, 0, SPF("v=spf1 mx ?all")},
	{"spf.all.neutral", GP_SEVERITY_HIGH, 0, SPF("v=spf1 mx")},
	{"spf.all.soft", GP_SEVERITY_INFO, ANY_ALSO,
	 "{'d.test':{'TXT':['v=spf1 mx ~all']},'_dmarc.d.test':null}"},
	{"spf.all.notlast", GP_SEVERITY_MEDIUM, 0, SPF("v=spf1 mx -all ip4:20.0.0.9")},
	{"spf.redirect.all", GP_SEVERITY_LOW, 0, SPF("v=spf1 mx redirect=a.test -all")},
	{"spf.lookups.over", GP_SEVERITY_HIGH, 0,
	 "{'d.test':{'TXT':['v=spf1 mx include:a.test include:b.test -all']},'a.test':{'TXT':["
	 "'v=spf1 a a:mx1.d.test a:mx2.d.test a:mx3.d.test -all']},'b.test':{'TXT':["
	 "'v=spf1 a a:mx1.d.test a:mx2.d.test a:mx3.d.test -all']}}",
	 " spf.void.over "},
	{"spf.lookups.near", GP_SEVERITY_LOW, 0,
	 "{'d.test':{'TXT':['v=spf1 mx include:a.test include:b.test -all']},'a.test':{'TXT':["
	 "'v=spf1 a a:mx1.d.test a:mx2.d.test -all']},'b.test':{'TXT':['v=spf1 a a:mx2.d.test "
	 "-all']}}",
	 " spf.void.over "},
	{"spf.mx.over", GP_SEVERITY_HIGH, KEPT,
	 "{'d.test':{'TXT':['v=spf1 mx:a.test -all']},'a.test':{'MX':[[1,'a1.test'],[1,'a2.test'],"
	 "[1,'a3.test'],[1,'a4.test'],[1,'a5.test'],[1,'a6.test'],[1,'a7.test'],[1,'a8.test'],"
	 "[1,'a9.test'],[1,'a10.test'],[1,'a11.test']]}}"},
	{"spf.void.over", GP_SEVERITY_MEDIUM, 0,
	 SPF("v=spf1 mx a:x.d.test a:y.d.test mx:z.d.test -all")},
	{"spf.void.over", GP_SEVERITY_LOW, KEPT,
	 SPF("v=spf1 mx a:x.d.test a:mx1.d.test a:mx2.d.test -all")},
	{"spf.include.none", GP_SEVERITY_HIGH, 0, SPF("v=spf1 mx include:a.test -all")},
	{"spf.include.none", GP_SEVERITY_HIGH, 0, SPF("v=spf1 mx redirect=a.test"),
	 " spf.all.neutral "},
	{"spf.include.loop", GP_SEVERITY_HIGH, 0, SPF("v=spf1 mx include:d.test -all")},
	{"spf.include.loop", GP_SEVERITY_HIGH, 0,
	 "{'d.test':{'TXT':['v=spf1 mx include:a.test -all']},"
	 "'a.test':{'TXT':['v=spf1 include:b.test -all']},"
	 "'b.test':{'TXT':['v=spf1 include:a.test -all']}}"},
	{"spf.include.permerror", GP_SEVERITY_HIGH, 0,
	 "{'d.test':{'TXT':['v=spf1 mx include:a.test -all']},'a.test':{'TXT':['v=spf1 foo "
	 "-all']}}"},
	{"spf.include.permerror", GP_SEVERITY_HIGH, 0,
	 "{'d.test':{'TXT':['v=spf1 mx include:a.test -all']},"
	 "'a.test':{'TXT':['v=spf1 -all','v=spf1 a -all']}}"},
	{"spf.include.broad", GP_SEVERITY_MEDIUM, KEPT, SPF("v=spf1 ip4:20.0.0.0/16 -all")},
	{"spf.include.broad", GP_SEVERITY_HIGH, KEPT, SPF("v=spf1 ip4:0.0.0.0/0 -all")},
	{"spf.include.broad", GP_SEVERITY_LOW, KEPT,
	 "{'d.test':{'TXT':['v=spf1 mx include:a.test -all']},"
	 "'a.test':{'TXT':['v=spf1 ip6:2a00::/29 -all']}}"},
	{"spf.overlap", GP_SEVERITY_LOW, 0, SPF("v=spf1 mx ip4:20.0.0.9 ip4:20.0.0.0/24 mx -all")},
	{"spf.ptr", GP_SEVERITY_MEDIUM, 0, SPF("v=spf1 mx ptr -all")},
	/* in a provider's record, in one of its own below, and in the one that it leads to */
	{"spf.ptr", GP_SEVERITY_LOW, KEPT,
	 "{'d.test':{'TXT':['v=spf1 mx include:a.test -all']},"
	 "'a.test':{'TXT':['v=spf1 ip4:20.0.1.0/24 ptr -all']}}"},
	{"spf.ptr", GP_SEVERITY_MEDIUM, KEPT,
	 "{'d.test':{'TXT':['v=spf1 mx include:_spf.d.test -all']},"
	 "'_spf.d.test':{'TXT':['v=spf1 ptr -all']}}"},
	{"spf.ptr", GP_SEVERITY_MEDIUM, KEPT,
	 "{'d.test':{'TXT':['v=spf1 mx redirect=a.test']},"
	 "'a.test':{'TXT':['v=spf1 ptr redirect=b.test']},'b.test':{'TXT':['v=spf1 -all']}}"},
	{"spf.all.notlast", GP_SEVERITY_LOW, KEPT,
	 "{'d.test':{'TXT':['v=spf1 mx include:a.test -all']},"
	 "'a.test':{'TXT':['v=spf1 ip4:20.0.1.1 ~all ip4:20.0.1.2']}}"},
	{"spf.redirect.all", GP_SEVERITY_LOW, KEPT,
	 "{'d.test':{'TXT':['v=spf1 mx include:a.test -all']},"
	 "'a.test':{'TXT':['v=spf1 ip4:20.0.1.1 -all redirect=b.test']}}"},
	{"spf.length", GP_SEVERITY_LOW, KEPT,
	 "{'d.test':{'TXT':['v=spf1 mx include:a.test -all']},'a.test':{'TXT':['v=spf1 -all','"
	 "a123456789012345678901234567890123456789012345678901234567890123456789012345678901234567"
	 "0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567"
	 "','"
	 "b123456789012345678901234567890123456789012345678901234567890123456789012345678901234567"
	 "0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567"
	 "','"
	 "c123456789012345678901234567890123456789012345678901234567890123456789012345678901234567"
	 "0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567"
	 "']}}"},
	{"spf.exists.macro", GP_SEVERITY_INFO, KEPT, SPF("v=spf1 mx exists:%{i}.d.test -all")},
	{"spf.length", GP_SEVERITY_LOW, KEPT,
	 "{'d.test':{'TXT':['v=spf1 mx -all','"
	 "a123456789012345678901234567890123456789012345678901234567890123456789012345678901234567"
	 "0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567"
	 "','"
	 "b123456789012345678901234567890123456789012345678901234567890123456789012345678901234567"
	 "0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567"
	 "','"
	 "c123456789012345678901234567890123456789012345678901234567890123456789012345678901234567"
	 "0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567"
	 "']}}"},
	{"spf.lookup.dangling", GP_SEVERITY_HIGH, 0, SPF("v=spf1 mx include:_spf.gone.test -all")},
	{"spf.lookup.dangling", GP_SEVERITY_HIGH, 0, SPF("v=spf1 mx a:mail.gone.test -all")},
	{"spf.subdomain.gap", GP_SEVERITY_MEDIUM, KEPT,
	 "{'www.d.test':{'A':['20.0.0.82']},"
	 "'_dmarc.d.test':{'TXT':['v=DMARC1; p=reject; sp=quarantine; " RUA "']}}",
	 " dmarc.sp.weak "},
	{"spf.subdomain.gap", GP_SEVERITY_MEDIUM, KEPT,
	 "{'*.d.test':{'A':['20.0.0.82']},"
	 "'_dmarc.d.test':{'TXT':['v=DMARC1; p=reject; sp=quarantine; " RUA "']}}",
	 " dmarc.sp.weak "},
	{"spf.type99", GP_SEVERITY_LOW, KEPT, "{'d.test':{'SPF':['v=spf1 mx -all']}}"},
	{"spf.helo", GP_SEVERITY_LOW, 0, "{'mx2.d.test':{'TXT':null}}"},

	/* DKIM */
	{"dkim.none.found", GP_SEVERITY_MEDIUM, KEPT, "{'s1._domainkey.d.test':null}"},
	{"dkim.syntax", GP_SEVERITY_HIGH, 0, KEY("v=DKIM2; k=rsa; p=" KEY2048),
	 " dkim.none.found "},
	{"dkim.syntax", GP_SEVERITY_HIGH, 0, KEY("k=rsa; p=" KEY2048 "; v=DKIM1"),
	 " dkim.none.found "},
	{"dkim.syntax", GP_SEVERITY_HIGH, KEPT, KEY("v=DKIM1; k=rsa; p=***"), " dkim.none.found "},
	{"dkim.key.short", GP_SEVERITY_HIGH, KEPT, KEY("v=DKIM1; p=" KEY1024)},
	{"dkim.key.short", GP_SEVERITY_CRITICAL, KEPT, KEY("v=DKIM1; p=" KEY512)},
	{"dkim.key.corrupt", GP_SEVERITY_HIGH, KEPT, KEY("v=DKIM1; p=MIIBIjANBgkqhkiG9w0BAQEFAAOC"),
	 " dkim.none.found "},
	{"dkim.revoked", GP_SEVERITY_INFO, KEPT,
	 "{'s2._domainkey.d.test':{'TXT':['v=DKIM1; p=']}}"},
	{"dkim.testing", GP_SEVERITY_MEDIUM, 0, KEY("v=DKIM1; t=y:s; p=" KEY2048)},
	{"dkim.hash.sha1", GP_SEVERITY_HIGH, 0, KEY("v=DKIM1; h=sha1; p=" KEY2048)},
	{"dkim.service", GP_SEVERITY_LOW, 0, KEY("v=DKIM1; s=tlsrpt; p=" KEY2048)},
	{"dkim.shared", GP_SEVERITY_MEDIUM, KEPT,
	 "{'s2._domainkey.d.test':{'TXT':['v=DKIM1; p=" KEY2048 "']}}"},
	{"dkim.cname.dangling", GP_SEVERITY_HIGH, KEPT,
	 "{'s2._domainkey.d.test':{'CNAME':'d.gone.test'}}"},
	{"dkim.wildcard", GP_SEVERITY_INFO, PARKED, "{'*._domainkey.d.test':null}"},

	/* MTA-STS and TLS-RPT */
	{"sts.missing", GP_SEVERITY_MEDIUM, 0, "{'_mta-sts.d.test':null}"},
	{"sts.record.multiple", GP_SEVERITY_HIGH, 0,
	 "{'_mta-sts.d.test':{'TXT':['v=STSv1; id=1','v=STSv1; id=2']}}"},
	{"sts.record.syntax", GP_SEVERITY_HIGH, 0, "{'_mta-sts.d.test':{'TXT':['v=stsv1; id=1']}}"},
	{"sts.record.syntax", GP_SEVERITY_HIGH, 0, "{'_mta-sts.d.test':{'TXT':['v=STSv1;']}}"},
	{"sts.record.id", GP_SEVERITY_HIGH, 0,
	 "{'_mta-sts.d.test':{'TXT':['v=STSv1; id=2026-01-01']}}"},
	{"sts.policy.fetch", GP_SEVERITY_HIGH, KEPT, "{'mta-sts.d.test':null}"},
	{"tlsrpt.missing", GP_SEVERITY_MEDIUM, 0, "{'_smtp._tls.d.test':null}"},
	{"tlsrpt.multiple", GP_SEVERITY_HIGH, 0,
	 "{'_smtp._tls.d.test':{'TXT':['v=TLSRPTv1; rua=mailto:t@d.test',"
	 "'v=TLSRPTv1; rua=mailto:u@d.test']}}"},
	{"tlsrpt.syntax", GP_SEVERITY_HIGH, 0, "{'_smtp._tls.d.test':{'TXT':['v=TLSRPTv1;']}}"},
	{"tlsrpt.syntax", GP_SEVERITY_HIGH, 0,
	 "{'_smtp._tls.d.test':{'TXT':['v=tlsrptv1; rua=mailto:t@d.test']}}"},
	{"tlsrpt.uri", GP_SEVERITY_MEDIUM, 0,
	 "{'_smtp._tls.d.test':{'TXT':['v=TLSRPTv1; rua=http://d.test/,mailto:t@d.test']}}"},

	/* DANE */
	{"dnssec.none", GP_SEVERITY_LOW, KEPT, "{'d.test':{'secure':null}}"},
	{"dnssec.bogus", GP_SEVERITY_CRITICAL, KEPT, "{'d.test':'BOGUS'}"},
	{"dnssec.bogus", GP_SEVERITY_CRITICAL, KEPT, "{'d.test':{'MX':'BOGUS'}}"},
	{"dnssec.bogus", GP_SEVERITY_HIGH, KEPT,
	 "{'d.test':{'TXT':['v=spf1 mx include:a.test -all']},'a.test':'BOGUS'}"},
	{"dnssec.weakalg", GP_SEVERITY_MEDIUM, KEPT,
	 "{'d.test':{'DS':[[7,5,2,'" D32 "']],'DNSKEY':[[257,3,5,'YQ==']]}}"},
	{"dnssec.weakalg", GP_SEVERITY_MEDIUM, KEPT,
	 "{'d.test':{'DNSKEY':[[257,3,13,'YQ=='],[256,3,7,'YQ==']]}}"},
	{"dnssec.weakalg", GP_SEVERITY_MEDIUM, KEPT,
	 "{'d.test':{'DS':[[7,13,1,'00112233445566778899aabbccddeeff00112233']]}}"},
	{"dane.none", GP_SEVERITY_INFO, KEPT,
	 "{'_25._tcp.mx1.d.test':null,'_25._tcp.mx2.d.test':null,'_25._tcp.mx3.d.test':null}"},
	{"dane.partial", GP_SEVERITY_MEDIUM, KEPT, "{'_25._tcp.mx2.d.test':null}"},
	{"dane.usage01", GP_SEVERITY_HIGH, KEPT,
	 "{'_25._tcp.mx2.d.test':{'TLSA':[[1,1,1,'" D32 "']]}}"},
	{"dane.insecure", GP_SEVERITY_HIGH, KEPT, "{'_25._tcp.mx2.d.test':{'secure':null}}"},
	{"dane.rollover.none", GP_SEVERITY_LOW, KEPT,
	 "{'_25._tcp.mx2.d.test':{'TLSA':[[3,1,1,'" D32 "']]}}"},
	{"dane.servfail", GP_SEVERITY_HIGH, KEPT,
	 "{'_25._tcp.mx2.d.test':{'TLSA':'SERVFAIL','secure':true}}"},
	{"dane.servfail", GP_SEVERITY_HIGH, KEPT,
	 "{'_25._tcp.mx2.d.test':{'TLSA':'BOGUS','secure':true}}", " dnssec.bogus "},

	/* CAA */
	{"caa.missing", GP_SEVERITY_INFO, KEPT, "{'d.test':{'CAA':null}}"},
	{"caa.syntax", GP_SEVERITY_LOW, KEPT, "{'d.test':{'CAA':[[0,'issue','ca..test']]}}",
	 " caa.issuemail "},
	{"caa.syntax", GP_SEVERITY_LOW, 0,
	 "{'d.test':{'CAA':[[0,'issue','ca.test; accounturi=https://ca.test/a/1'],"
	 "[0,'issue','ca.test; accounturi'],[0,'issuemail',';']]}}"},
	{"caa.syntax", GP_SEVERITY_LOW, 0,
	 "{'d.test':{'CAA':[[0,'issue',';'],[128,'tbs','x'],[0,'issuemail',';'],[0,'tbs','x']]}}"},
	{"caa.issuemail", GP_SEVERITY_INFO, 0,
	 "{'d.test':{'CAA':[[0,'issue','ca.test; accounturi=https://ca.test/a/1']]}}"},
	{"caa.accounturi", GP_SEVERITY_INFO, KEPT,
	 "{'d.test':{'CAA':[[0,'issue','ca.test'],[0,'issuemail',';']]}}"},

	/* BIMI */
	{"bimi.multiple", GP_SEVERITY_LOW, KEPT,
	 BIMI("v=BIMI1; l=https://d.test/a.svg','v=BIMI1; l=")},
	{"bimi.syntax", GP_SEVERITY_LOW, KEPT, BIMI("v=BIMI1; l=http://d.test/a.svg")},
	{"bimi.syntax", GP_SEVERITY_LOW, KEPT,
	 BIMI("v=BIMI1; l=https://d.test/a.svg; a=d.test/a.pem")},
	{"bimi.syntax", GP_SEVERITY_LOW, KEPT, BIMI("v=BIMI1")},
	{"bimi.policy", GP_SEVERITY_LOW, KEPT,
	 "{'default._bimi.d.test':{'TXT':['v=BIMI1; l=https://d.test/a.svg; a=']},"
	 "'_dmarc.d.test':{'TXT':['v=DMARC1; p=quarantine; t=y; " RUA "']}}",
	 " dmarc.t  dmarc.p.quarantine "},
	{"bimi.logo", GP_SEVERITY_LOW, KEPT, BIMI("v=BIMI1; l=https://no.d.test/a.svg")},
	{"bimi.certificate", GP_SEVERITY_LOW, KEPT,
	 BIMI("v=BIMI1; l=https://d.test/a.svg; a=https://no.d.test:444/a.pem")},
};
