/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Worlds of DNS in which d.test is one domain. The clean one has nothing wrong; others are patches
 * of it: owner name to type to values, null takes a type or a name out. Written with ' for ".
 */
#pragma once

#include "../unit.h"

#include <jansson.h>
#include <stdlib.h>

#include "core/posture/posture.h"

/* clang-format off */
#define KEY2048 \
	"MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEA3rkW+K1vJgIID3MWLOwaCPMj+jZLFCgW96zF" \
	"BYH3Vz1LCd1VUfTrSzvOAhOqS+c8vmCzoVDbLqcznq4HpK5+CekFVeReuxSszsCZ/deWFWTHaA1bMKNK" \
	"C78pWeXNCxVQrmsY0N+i3MhNGcqpOsRLW4K1ShvO6bkNjhT3/tq6IHjoG/RD/yCOy7lEbFXpTPJXSo2U" \
	"9x741SHDpiImNUkeIVhnUFycF+GBKikgLu7ITwVkjtN9Vk0THLppJtIgPs1DoMFy6Y5DakYHVPj75R5H" \
	"t9mGYx8Jz5i9BHyrcWwSh5wleEXOWBfmXnZ4Gix9NIEm4WuwtzsdIegOOUMjde3qwwIDAQAB"
#define KEY_OTHER \
	"MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAk39a33b5OEVBZinfFfqYrK/JK9CLb+kF1qD1" \
	"HFiXIbplDWZKZXHy13A9qNPr32hsyfSXtw100M5iYc3iYNZ6N/HoXfKbpcCpk0zX446kgnJfHcvboW2T" \
	"CNzuOpmlvPtcyRJanV0AhZrYnDgxMGQCAjbPsSxqKuUkM0V+mdiYeqMb9CbSHrLfMBlyRfORrVL0IKYM" \
	"YE74iyGP/zVLAmAANKxA5CePydjV8+R8F+CQPa6XgYCbb29VitwqLaoGmj70HsCywQ3NSfCfyzvrXckA" \
	"z8cezZRD1FHG1JIIXk7J3U8sgT3e6vq15AtdMdvEquLkrBnQApj8o9SIHbZWNRFs9wIDAQAB"
#define KEY1024 \
	"MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDUpHWiRbHJGnixCwodHI4N9Ef/HoWLXNh5f3O3Yxsj" \
	"QoTZx1yz57oqKIrRi0ewP67ElPTz317eYTk4mp5vdL9pv7FWX+oi58uzWKrrWC7+v5mLw7ZcNTyu/a7W" \
	"yEg8v7Ce6gcCryjhY9HOJF7qo8B14nBSfEliqkbG4faI/+T8YwIDAQAB"
#define KEY512 \
	"MFwwDQYJKoZIhvcNAQEBBQADSwAwSAJBANWTGfWD7B9fcf1sH6BDHOsQgoEnIWKINc+Mp58Zc9XTvcbC" \
	"/se154LfGCeL8jeVjXi3YpgU5sR7wTz9pafpJBsCAwEAAQ=="
/* clang-format on */

#define D32 "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
#define D32_NEXT "ffeeddccbbaa99887766554433221100ffeeddccbbaa99887766554433221100"
#define TLSA_PAIR "{'TLSA':[[3,1,1,'" D32 "'],[3,1,1,'" D32_NEXT "']],'secure':true}"

#define CAA_SET "[[0,'issue','ca.test; accounturi=https://ca.test/a/1'],[0,'issuemail',';']]"

static const char clean_world[] =
	"{'d.test':{'MX':[[10,'mx1.d.test'],[20,'mx2.d.test'],[30,'mx3.d.test']],"
	"'TXT':['v=spf1 mx -all'],'A':['20.0.0.80'],'secure':true,"
	"'CAA':" CAA_SET ",'DS':[[7,13,2,'" D32 "'],[7,13,1,'0011']],'DNSKEY':[[257,3,13,'YQ==']]},"
	"'mx1.d.test':{'A':['20.0.0.1'],'TXT':['v=spf1 a -all'],'secure':true},"
	"'mx2.d.test':{'A':['20.0.0.2'],'TXT':['v=spf1 a -all'],'secure':true},"
	"'mx3.d.test':{'A':['20.0.0.3'],'TXT':['v=spf1 a -all'],'secure':true},"
	"'1.0.0.20.in-addr.arpa':{'PTR':['mx1.d.test']},"
	"'2.0.0.20.in-addr.arpa':{'PTR':['mx2.d.test']},"
	"'3.0.0.20.in-addr.arpa':{'PTR':['mx3.d.test']},"
	"'_25._tcp.mx1.d.test':" TLSA_PAIR ",'_25._tcp.mx2.d.test':" TLSA_PAIR ","
	"'_25._tcp.mx3.d.test':" TLSA_PAIR ","
	"'s1._domainkey.d.test':{'TXT':['v=DKIM1; k=rsa; p=" KEY2048 "']},"
	"'_dmarc.d.test':{'TXT':['v=DMARC1; p=reject; rua=mailto:r@d.test']},"
	"'_mta-sts.d.test':{'TXT':['v=STSv1; id=1']},"
	"'mta-sts.d.test':{'A':['20.0.0.81']},"
	"'_smtp._tls.d.test':{'TXT':['v=TLSRPTv1; rua=mailto:t@d.test']},"
	"'a.test':{'A':['20.0.1.1']},'b.test':{'A':['20.0.2.1']}}";

/* A domain that sends and takes no mail, locked down; a patch of the clean one. */
static const char parked_world[] =
	"{'d.test':{'MX':[[0,'.']],'TXT':['v=spf1 -all']},'s1._domainkey.d.test':null,"
	"'*._domainkey.d.test':{'TXT':['v=DKIM1; p=']},"
	"'_dmarc.d.test':{'TXT':['v=DMARC1; p=reject; sp=reject; np=reject; adkim=s; aspf=s']},"
	"'_mta-sts.d.test':null,'_smtp._tls.d.test':null}";

static inline json_t *
load_json(const char *text)
{
	json_error_t e;
	char *copy = strdup(text);
	assert_non_null(copy);
	for (char *p = copy; *p; p++)
		*p = *p == '\'' ? '"' : *p;
	json_t *o = json_loads(copy, 0, &e);
	if (!o)
		fail_msg("%s: %s at %d", copy, e.text, e.position);
	free(copy);
	return o;
}

/* null takes out; what is there is laid over what was. */
static inline void
patch(json_t *world, json_t *with)
{
	const char *name, *type;
	json_t *value, *records;
	json_object_foreach(with, name, value)
	{
		json_t *there = json_object_get(world, name);
		if (json_is_null(value)) {
			json_object_del(world, name);
			continue;
		}
		if (!json_is_object(value) || !there) {
			json_object_set(world, name, value);
			continue;
		}
		json_object_foreach(value, type, records)
		{
			if (json_is_null(records))
				json_object_del(there, type);
			else
				json_object_set(there, type, records);
		}
	}
}

static inline json_t *
make_world(bool parked, const char *with)
{
	json_t *world = load_json(clean_world), *p = load_json(with);
	if (parked) {
		json_t *q = load_json(parked_world);
		patch(world, q);
		json_decref(q);
	}
	patch(world, p);
	json_decref(p);
	return world;
}

static inline struct gp_answers *
read_world(const json_t *world, struct gp_arena *arena)
{
	static const uint64_t seed[2] = {1, 2};
	char *text = json_dumps(world, 0);
	struct gp_answers *set = NULL;
	struct gp_slice why;
	int rc = gp_answers_from_json(gp_slice_str(text), arena, seed, &set, &why);
	if (rc != 0)
		fail_msg("%s: %.*s", text, GP_SLICE_FMT(why));
	free(text);
	return set;
}
