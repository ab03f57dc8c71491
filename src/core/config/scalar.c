/* SPDX-License-Identifier: Apache-2.0 */
/* The scalars of the configuration: one text each, checked and put into its member. */
#include <errno.h>
#include <string.h>

#include "base/utf8.h"
#include "core/config/nearest.h"
#include "core/config/print.h"
#include "core/config/reading.h"
#include "core/config/value.h"
#include "core/dns/idn.h"
#include "core/smtp/address.h"
#include "core/tlsrpt/record.h"

enum {
	USER_MAX = 32, /* octets of a login name (useradd(8)) */
	PATH_OCTETS_MAX = 1024,
	URL_PATH_MAX = 2048, /* what fetch takes */
	SUN_PATH_MAX = 107,  /* unix(7): 108 with the NUL */
	WORDS_OCTETS_MAX = 512,
};

struct gp_slice
reading_path(struct reading *r, struct gp_slice path)
{
	if (path.len > 0 && path.ptr[0] == '/')
		return gp_arena_dup(r->arena, path);
	return gp_arena_printf(r->arena, "%.*s%.*s", GP_SLICE_FMT(r->folder), GP_SLICE_FMT(path));
}

bool
reading_domain(struct reading *r, struct gp_place at, struct gp_slice text, struct gp_slice *ret)
{
	struct gp_slice shown = reading_shown(text), name = {};
	int rc = gp_domain_valid(text) ? gp_idn_to_ascii(text, r->arena, &name) : 1;
	struct gp_network address;
	if (rc == 0 && !gp_network_parse(text, &address)) {
		reading_complain(r, at,
				 "'%.*s' is an address, but this takes a name, such as "
				 "mx.example.org",
				 GP_SLICE_FMT(shown));
		return false;
	}
	if (rc == 1)
		reading_complain(r, at, "'%.*s' is not a domain name", GP_SLICE_FMT(shown));
	/* The name may be a part of the YAML document, which goes before the configuration does. */
	*ret = gp_arena_dup(r->arena, name);
	return rc == 0;
}

bool
reading_endpoint(struct reading *r, struct gp_place at, struct gp_slice text, uint16_t default_port,
		 bool literal_only, struct gp_slice *ret)
{
	struct gp_endpoint e;
	const char *why = NULL;
	struct gp_slice shown = reading_shown(text);
	struct gp_buf canonical = GP_BUF_INIT(GP_DOMAIN_MAX + 16);
	int rc = gp_endpoint_parse(text, default_port, r->arena, &e, &why);
	if (rc == 0 && literal_only && !e.literal) {
		why = "is a name, but this takes an address, such as 192.0.2.1:25";
		rc = 1;
	}
	if (rc != 0) {
		if (rc > 0)
			reading_complain(r, at, "'%.*s' %s", GP_SLICE_FMT(shown), why);
		return false;
	}
	gp_endpoint_write(&canonical, &e);
	r->arena->failed = r->arena->failed || canonical.failed;
	*ret = gp_arena_dup(r->arena, gp_buf_slice(&canonical));
	gp_buf_free(&canonical);
	return true;
}

void
reading_socket(struct reading *r, struct gp_place at, const char *name, struct gp_slice text,
	       struct gp_slice *ret)
{
	const struct gp_slice scheme = GP_SLICE("unix:");
	struct gp_slice path = reading_path(r, gp_slice_drop(text, scheme.len));
	if (!gp_slice_starts(text, scheme))
		reading_complain(r, at, "%s takes \"unix:PATH\"", name);
	else if (text.len == scheme.len || path.len > SUN_PATH_MAX ||
		 gp_slice_find(path, '\0') >= 0)
		reading_complain(r, at, "%s: a socket's path has 1 to %d octets", name,
				 SUN_PATH_MAX);
	*ret = gp_arena_printf(r->arena, "unix:%.*s", GP_SLICE_FMT(path));
}

static void
set_words(struct reading *r, struct gp_place at, const struct gp_key *key, struct gp_slice text,
	  struct gp_slice *ret)
{
	if (text.len == 0 || text.len > WORDS_OCTETS_MAX || !gp_utf8_printable(text))
		reading_complain(r, at, "%s takes 1 to %d octets without control characters",
				 key->name, WORDS_OCTETS_MAX);
	*ret = gp_arena_dup(r->arena, text);
}

static void
set_user(struct reading *r, struct gp_place at, struct gp_slice text, struct gp_slice *ret)
{
	bool good = text.len > 0 && text.len <= USER_MAX && !gp_ascii_is_digit(text.ptr[0]) &&
		    text.ptr[0] != '-';
	for (size_t i = 0; good && i < text.len; i++)
		good = gp_ascii_is_alnum(text.ptr[i]) ||
		       gp_slice_find(GP_SLICE("_-."), text.ptr[i]) >= 0;
	if (!good)
		reading_complain(r, at, "'%.*s' is not a user name",
				 GP_SLICE_FMT(reading_shown(text)));
	*ret = gp_arena_dup(r->arena, text);
}

static bool
is_choice(const struct gp_key *key, struct gp_slice text)
{
	for (size_t i = 0; key->choices && key->choices[i]; i++) {
		if (gp_slice_eq(text, gp_slice_str(key->choices[i])))
			return true;
	}
	return false;
}

static void
set_path(struct reading *r, struct gp_place at, const struct gp_key *key, struct gp_slice text,
	 struct gp_slice *ret)
{
	bool good = text.len > 0 && text.len <= PATH_OCTETS_MAX;
	for (size_t i = 0; good && i < text.len; i++)
		good = (unsigned char)text.ptr[i] >= 32 && text.ptr[i] != 127;
	if (!good)
		reading_complain(r, at, "not a path: 1 to %d octets without control characters",
				 PATH_OCTETS_MAX);
	else
		*ret = is_choice(key, text) ? gp_arena_dup(r->arena, text) : reading_path(r, text);
}

static void
set_url(struct reading *r, struct gp_place at, struct gp_slice text, struct gp_slice *ret)
{
	struct gp_slice host, path, name;
	if (!gp_https_url_parse(text, &host, &path) || path.len > URL_PATH_MAX)
		reading_complain(r, at,
				 "'%.*s' is not a URL such as https://login.example.net/token",
				 GP_SLICE_FMT(reading_shown(text)));
	else if (reading_domain(r, at, host, &name))
		*ret = gp_arena_printf(r->arena, "https://%.*s%.*s", GP_SLICE_FMT(name),
				       GP_SLICE_FMT(path));
}

static bool
within_bounds(struct reading *r, struct gp_place at, const struct gp_key *key, uint64_t value)
{
	if (value >= key->min && value <= key->max)
		return true;
	struct gp_buf text = GP_BUF_INIT(256);
	print_number(&text, key, key->min);
	gp_buf_put_str(&text, " to ");
	print_number(&text, key, key->max);
	reading_complain(r, at, "%s is out of bounds: %.*s are possible", key->name,
			 GP_SLICE_FMT(gp_buf_slice(&text)));
	gp_buf_free(&text);
	return false;
}

static bool
parse_number(struct reading *r, struct gp_place at, const struct gp_key *key, struct gp_slice text,
	     uint64_t *ret)
{
	struct gp_slice shown = reading_shown(text);
	const char *form = "a number";
	bool good;
	if (key->type == GP_KEY_SIZE) {
		good = gp_size_parse(text, ret);
		form = "a size such as 4096, 25MB or 256KiB";
	} else if (key->type == GP_KEY_TIME) {
		good = gp_time_parse(text, ret);
		form = "a time such as 500ms, 30s, 5m, 4h or 5d";
	} else {
		good = gp_slice_u64(text, UINT32_MAX, ret);
	}
	if (!good)
		reading_complain(r, at, "%s: '%.*s' is not %s", key->name, GP_SLICE_FMT(shown),
				 form);
	return good && within_bounds(r, at, key, *ret);
}

static void
set_choice(struct reading *r, struct gp_place at, const struct gp_key *key, struct gp_slice text,
	   uint8_t *ret)
{
	struct gp_nearest nearest = gp_nearest(text);
	struct gp_slice shown = reading_shown(text);
	struct gp_buf words = GP_BUF_INIT(256);
	for (uint8_t i = 0; key->choices[i]; i++) {
		struct gp_slice word = gp_slice_str(key->choices[i]);
		if (gp_slice_eq(text, word)) {
			*ret = (uint8_t)(key->min + i);
			gp_buf_free(&words);
			return;
		}
		gp_nearest_offer(&nearest, word);
		gp_buf_printf(&words, "%s%s", i > 0 ? ", " : "", key->choices[i]);
	}
	if (nearest.word.len > 0)
		reading_complain(r, at, "%s: '%.*s' is not known; did you mean '%.*s'?", key->name,
				 GP_SLICE_FMT(shown), GP_SLICE_FMT(nearest.word));
	else
		reading_complain(r, at, "%s: '%.*s' is not one of: %.*s", key->name,
				 GP_SLICE_FMT(shown), GP_SLICE_FMT(gp_buf_slice(&words)));
	gp_buf_free(&words);
}

/* Characters of an atom (RFC 5322 section 3.2.3) that people separate with; letters and digits
   would cut names in two. */
static void
set_separators(struct reading *r, struct gp_place at, struct gp_slice text, struct gp_slice *ret)
{
	const struct gp_slice possible = GP_SLICE("+-=_#~");
	for (size_t i = 0; i < text.len; i++) {
		if (gp_slice_find(possible, text.ptr[i]) >= 0)
			continue;
		reading_complain(r, at, "subaddress takes characters of %.*s, or \"\" for none",
				 GP_SLICE_FMT(possible));
		break;
	}
	*ret = gp_arena_dup(r->arena, text);
}

static void
set_address(struct reading *r, struct gp_place at, struct gp_slice text, struct gp_slice *ret)
{
	struct gp_address address;
	const char *why = NULL;
	int rc = gp_address_parse(text, r->arena, &address, &why);
	if (rc == 0 && address.domain_kind == GP_DOMAIN_NAME && !address.utf8)
		*ret = gp_arena_dup(r->arena, address.text);
	else if (rc >= 0)
		reading_complain(r, at, "'%.*s' is not an address such as name@example.org",
				 GP_SLICE_FMT(reading_shown(text)));
}

/* What would not make a record that senders take is not taken here. */
static void
set_reports(struct reading *r, struct gp_place at, struct gp_slice text, struct gp_slice *ret)
{
	struct gp_dns_record record = {.type = GP_DNS_TXT};
	struct gp_dns_answer answer = {.status = GP_DNS_OK, .records = &record, .records_len = 1};
	gp_arena_reset(&r->scratch);
	struct gp_tlsrpt_places *places = gp_arena_new(&r->scratch, struct gp_tlsrpt_places);
	record.data = gp_arena_printf(&r->scratch, "v=TLSRPTv1; rua=%.*s", GP_SLICE_FMT(text));
	/* A semicolon would begin another field of the record. */
	bool more = gp_slice_find(text, ';') >= 0;
	int rc = places && record.data.ptr ? gp_tlsrpt_record_read(&answer, &r->scratch, places)
					   : GP_TLSRPT_RECORD_OK;
	if (more || rc == GP_TLSRPT_RECORD_INVALID)
		reading_complain(r, at, "'%.*s' is not a list of mailto: and https: URIs",
				 GP_SLICE_FMT(reading_shown(text)));
	*ret = gp_arena_dup(r->arena, text);
}

void
reading_value(struct reading *r, struct gp_place place, const struct gp_key *key,
	      struct gp_slice text, void *at)
{
	uint64_t number;
	switch ((enum gp_key_type)key->type) {
	case GP_KEY_HOSTNAME:
		reading_domain(r, place, text, at);
		return;
	case GP_KEY_USER:
		set_user(r, place, text, at);
		return;
	case GP_KEY_PATH:
		set_path(r, place, key, text, at);
		return;
	case GP_KEY_SIZE:
	case GP_KEY_TIME:
	case GP_KEY_COUNT:
		if (!parse_number(r, place, key, text, &number))
			return;
		if (key->wide)
			*(uint64_t *)at = number;
		else
			*(uint32_t *)at = (uint32_t)number;
		return;
	case GP_KEY_CHOICE:
		set_choice(r, place, key, text, at);
		return;
	case GP_KEY_SERVER:
		reading_endpoint(r, place, text, (uint16_t)key->min, false, at);
		return;
	case GP_KEY_LISTEN:
	case GP_KEY_RESOLVER:
		reading_endpoint(r, place, text, (uint16_t)key->min, true, at);
		return;
	case GP_KEY_SEPARATORS:
		set_separators(r, place, text, at);
		return;
	case GP_KEY_ADDRESS:
		set_address(r, place, text, at);
		return;
	case GP_KEY_REPORTS:
		set_reports(r, place, text, at);
		return;
	case GP_KEY_URL:
		set_url(r, place, text, at);
		return;
	case GP_KEY_SECRET:
		reading_secret_path(r, place, text, at);
		return;
	case GP_KEY_SOCKET:
		reading_socket(r, place, key->name, text, at);
		return;
	case GP_KEY_WORDS:
		set_words(r, place, key, text, at);
		return;
	default:
		gp_assert(key->type < GP_KEY_TEXT);
	}
}

uint64_t
gp_key_number(const struct gp_key *key, const void *at)
{
	return key->wide ? *(const uint64_t *)at : *(const uint32_t *)at;
}

void
reading_loosen(struct reading *r, const struct gp_key *key, void *at)
{
	uint64_t own = gp_key_number(key, at);
	uint64_t strangers = gp_key_number(key, (const char *)r->cfg + key->stranger_offset);
	uint64_t looser = key->floor ? GP_MIN(own, strangers) : GP_MAX(own, strangers);
	if (key->wide)
		*(uint64_t *)at = looser;
	else
		*(uint32_t *)at = (uint32_t)looser;
}
