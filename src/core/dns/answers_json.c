/* SPDX-License-Identifier: Apache-2.0 */
#include <arpa/inet.h>
#include <errno.h>
#include <jansson.h>
#include <string.h>

#include "base/base64.h"
#include "base/buf.h"
#include "core/dns/answers.h"
#include "core/dns/idn.h"
#include "core/dns/message.h"
#include "core/dns/name.h"

enum { CHECK_ARENA_MAX = 1 << 30 };

/* Where in the text we are, for complaints. Functions return 0, 1 (complained), -ENOMEM. */
struct loader {
	struct gp_arena *arena;
	struct gp_answers *set;
	struct gp_slice owner; /* canonical */
	const char *type;      /* or NULL */
	struct gp_slice why;
};

static int
complain(struct loader *l, const char *what)
{
	l->why = gp_arena_printf(l->arena, "%.*s%s%s: %s", GP_SLICE_FMT(l->owner),
				 l->type ? " " : "", l->type ? l->type : "", what);
	return l->why.ptr ? 1 : -ENOMEM;
}

static struct gp_slice
text_of(const json_t *value)
{
	return gp_slice(json_string_value(value), json_string_length(value));
}

static int
read_name(struct loader *l, struct gp_slice text, struct gp_slice *ret)
{
	struct gp_name name;
	struct gp_slice ascii = GP_SLICE(".");
	if (text.len > 0 && !gp_slice_eq(text, ascii)) {
		int rc = gp_idn_to_ascii(text, l->arena, &ascii);
		if (rc != 0)
			return rc < 0 ? rc : complain(l, "not a domain name");
	}
	if (!gp_name_from_text(ascii, &name))
		return complain(l, "not a domain name");
	return gp_name_to_text(&name, l->arena, ret);
}

static int
read_target(struct loader *l, const json_t *value, struct gp_dns_record *ret)
{
	if (!json_is_string(value))
		return complain(l, "a name is a string");
	return read_name(l, text_of(value), &ret->name);
}

static int
read_address(struct loader *l, const json_t *value, struct gp_dns_record *ret)
{
	const char *text = json_string_value(value);
	int family = ret->type == GP_DNS_A ? AF_INET : AF_INET6;
	if (!text || inet_pton(family, text, ret->address) != 1)
		return complain(l, "not an address");
	return 0;
}

/* True when the value is a whole number up to max. */
static bool
read_number(const json_t *value, json_int_t max, json_int_t *ret)
{
	*ret = json_integer_value(value);
	return json_is_integer(value) && *ret >= 0 && *ret <= max;
}

static int
read_mx(struct loader *l, const json_t *value, struct gp_dns_record *ret)
{
	json_int_t preference;
	if (json_array_size(value) != 2 ||
	    !read_number(json_array_get(value, 0), UINT16_MAX, &preference))
		return complain(l, "expected [preference, \"name\"]");
	ret->preference = (uint16_t)preference;
	return read_target(l, json_array_get(value, 1), ret);
}

static int
read_text(struct loader *l, const json_t *value, struct gp_dns_record *ret)
{
	struct gp_buf joined = GP_BUF_INIT(UINT16_MAX);
	size_t parts = json_is_array(value) ? json_array_size(value) : 1;
	bool good = parts > 0;
	for (size_t i = 0; good && i < parts; i++) {
		const json_t *part = json_is_array(value) ? json_array_get(value, i) : value;
		good = json_is_string(part) && gp_buf_put(&joined, text_of(part));
	}
	ret->data = gp_arena_dup(l->arena, gp_buf_slice(&joined));
	gp_buf_free(&joined);
	if (!good)
		return complain(l, "expected a string or a list of strings, 64 KB at most");
	return ret->data.ptr ? 0 : -ENOMEM;
}

static int
read_hex(struct loader *l, const json_t *value, struct gp_slice *ret)
{
	struct gp_slice hex = text_of(value);
	if (!json_is_string(value) || hex.len % 2 != 0)
		return complain(l, "not hexadecimal");
	char *to = gp_arena_alloc(l->arena, hex.len / 2);
	if (!to)
		return -ENOMEM;
	for (size_t i = 0; i < hex.len; i += 2) {
		int high = gp_ascii_hex(hex.ptr[i]), low = gp_ascii_hex(hex.ptr[i + 1]);
		if (high < 0 || low < 0)
			return complain(l, "not hexadecimal");
		to[i / 2] = (char)(high << 4 | low);
	}
	*ret = gp_slice(to, hex.len / 2);
	return 0;
}

static int
read_tlsa(struct loader *l, const json_t *value, struct gp_dns_record *ret)
{
	json_int_t usage, selector, matching;
	if (json_array_size(value) != 4 ||
	    !read_number(json_array_get(value, 0), UINT8_MAX, &usage) ||
	    !read_number(json_array_get(value, 1), UINT8_MAX, &selector) ||
	    !read_number(json_array_get(value, 2), UINT8_MAX, &matching))
		return complain(l, "expected [usage, selector, matching, \"hex\"]");
	ret->usage = (uint8_t)usage;
	ret->selector = (uint8_t)selector;
	ret->matching = (uint8_t)matching;
	return read_hex(l, json_array_get(value, 3), &ret->data);
}

static int
read_ds(struct loader *l, const json_t *value, struct gp_dns_record *ret)
{
	const json_t *last = json_array_get(value, 3);
	json_int_t tag, algorithm, digest_type;
	if (json_array_size(value) != 4 ||
	    !read_number(json_array_get(value, 0), UINT16_MAX, &tag) ||
	    !read_number(json_array_get(value, 1), UINT8_MAX, &algorithm) ||
	    !read_number(json_array_get(value, 2), UINT8_MAX, &digest_type))
		return complain(l, "expected [key tag, algorithm, digest type, \"hex\"]");
	ret->key_tag = (uint16_t)tag;
	ret->algorithm = (uint8_t)algorithm;
	ret->digest_type = (uint8_t)digest_type;
	return read_hex(l, last, &ret->data);
}

static int
read_dnskey(struct loader *l, const json_t *value, struct gp_dns_record *ret)
{
	const json_t *last = json_array_get(value, 3);
	json_int_t flags, protocol, algorithm;
	if (json_array_size(value) != 4 ||
	    !read_number(json_array_get(value, 0), UINT16_MAX, &flags) ||
	    !read_number(json_array_get(value, 1), UINT8_MAX, &protocol) || protocol != 3 ||
	    !read_number(json_array_get(value, 2), UINT8_MAX, &algorithm) || !json_is_string(last))
		return complain(l, "expected [flags, 3, algorithm, \"base64\"]");
	ret->key_flags = (uint16_t)flags;
	ret->algorithm = (uint8_t)algorithm;
	int rc = gp_base64_decode(text_of(last), GP_BASE64, l->arena, &ret->data);
	return rc > 0 ? complain(l, "not base64") : rc;
}

static int
read_caa(struct loader *l, const json_t *value, struct gp_dns_record *ret)
{
	json_t *tag = json_array_get(value, 1), *text = json_array_get(value, 2);
	json_int_t flags;
	if (json_array_size(value) != 3 || !json_is_string(tag) || !json_is_string(text) ||
	    !read_number(json_array_get(value, 0), UINT8_MAX, &flags) ||
	    !gp_dns_is_caa_tag(text_of(tag)))
		return complain(l, "expected [flags, \"tag\", \"value\"]");
	ret->flags = (uint8_t)flags;
	ret->tag = gp_arena_dup(l->arena, text_of(tag));
	ret->data = gp_arena_dup(l->arena, text_of(text));
	return ret->tag.ptr && ret->data.ptr ? 0 : -ENOMEM;
}

static const struct reader {
	const char *name;
	uint16_t type;
	int (*read)(struct loader *l, const json_t *value, struct gp_dns_record *ret);
} readers[] = {
	{"A", GP_DNS_A, read_address},        {"AAAA", GP_DNS_AAAA, read_address},
	{"CNAME", GP_DNS_CNAME, read_target}, {"MX", GP_DNS_MX, read_mx},
	{"PTR", GP_DNS_PTR, read_target},     {"TLSA", GP_DNS_TLSA, read_tlsa},
	{"TXT", GP_DNS_TXT, read_text},       {"SPF", GP_DNS_SPF, read_text},
	{"NS", GP_DNS_NS, read_target},       {"DS", GP_DNS_DS, read_ds},
	{"CAA", GP_DNS_CAA, read_caa},        {"DNSKEY", GP_DNS_DNSKEY, read_dnskey},
};

static const struct reader *
find_reader(const char *type)
{
	for (size_t i = 0; i < GP_ARRAY_LEN(readers); i++) {
		if (strcmp(readers[i].name, type) == 0)
			return &readers[i];
	}
	return NULL;
}

static bool
is_bogus(const json_t *value)
{
	return gp_slice_eq(text_of(value), GP_SLICE("BOGUS"));
}

/* "SERVFAIL", "BOGUS" and "TIMEOUT"; 0 for anything else. */
static uint8_t
status_word(const json_t *value)
{
	if (gp_slice_eq(text_of(value), GP_SLICE("SERVFAIL")) || is_bogus(value))
		return GP_DNS_SERVFAIL;
	return gp_slice_eq(text_of(value), GP_SLICE("TIMEOUT")) ? GP_DNS_TIMEOUT : 0;
}

static int
added(struct loader *l, int rc)
{
	return rc == 1 ? complain(l, "too many answers in the file") : rc;
}

static int
read_records(struct loader *l, const struct reader *reader, const json_t *list,
	     struct gp_dns_answer *ret)
{
	size_t len = json_array_size(list);
	if (len > GP_DNS_RECORDS_MAX)
		return complain(l, "more records than one answer holds");
	struct gp_dns_record *records = gp_arena_array(l->arena, len, sizeof(*records));
	if (!records)
		return -ENOMEM;
	for (size_t i = 0; i < len; i++) {
		records[i].type = reader->type;
		int rc = reader->read(l, json_array_get(list, i), &records[i]);
		if (rc != 0)
			return rc;
	}
	ret->records = records;
	ret->records_len = len;
	return 0;
}

static int
read_type(struct loader *l, const struct reader *reader, json_t *value)
{
	struct gp_dns_answer answer = {
		.name = l->owner, .canonical = l->owner, .type = reader->type};
	struct gp_dns_record alias = {.type = GP_DNS_CNAME};
	int rc = 0;
	answer.status = status_word(value);
	answer.bogus = is_bogus(value);
	if (answer.status == 0 && json_is_array(value)) {
		rc = read_records(l, reader, value, &answer);
	} else if (answer.status == 0 && reader->type == GP_DNS_CNAME) {
		answer.records = &alias;
		answer.records_len = 1;
		rc = reader->read(l, value, &alias);
	} else if (answer.status == 0) {
		return complain(l, "expected a list, \"SERVFAIL\", \"BOGUS\" or \"TIMEOUT\"");
	}
	if (rc != 0)
		return rc;
	if (answer.status == 0)
		answer.status = answer.records_len > 0 ? GP_DNS_OK : GP_DNS_NODATA;
	return added(l, gp_answers_add(l->set, &answer));
}

static bool
is_capitals(const char *s)
{
	for (size_t i = 0; s[i] != '\0'; i++) {
		bool capital = s[i] >= 'A' && s[i] <= 'Z';
		if (!capital && !gp_ascii_is_digit(s[i]))
			return false;
	}
	return s[0] != '\0';
}

/* One member of a name's object. */
static int
read_member(struct loader *l, const char *key, json_t *value)
{
	const struct reader *reader = find_reader(key);
	l->type = key;
	if (reader)
		return read_type(l, reader, value);
	if (strcmp(key, "secure") == 0)
		return json_is_boolean(value) ? 0 : complain(l, "expected true or false");
	return is_capitals(key) ? 0 : complain(l, "not a record type");
}

static int
read_owner(struct loader *l, const char *key, json_t *value)
{
	const char *type;
	json_t *member;
	uint8_t status = status_word(value);
	bool secure = json_is_true(json_object_get(value, "secure"));
	l->type = NULL;
	l->owner = gp_slice_str(key);
	int rc = read_name(l, l->owner, &l->owner);
	if (rc != 0)
		return rc;
	if (status == 0 && !json_is_object(value))
		return complain(l, "expected an object of types, \"SERVFAIL\", \"BOGUS\" or "
				   "\"TIMEOUT\"");
	rc = is_bogus(value)
		     ? gp_answers_add_bogus_name(l->set, l->owner)
		     : gp_answers_add_name(l->set, l->owner, status ? status : GP_DNS_OK, secure);
	rc = added(l, rc);
	if (rc != 0 || status != 0)
		return rc;
	json_object_foreach(value, type, member)
	{
		rc = read_member(l, type, member);
		if (rc != 0)
			return rc;
	}
	return 0;
}

static int
read_owners(struct loader *l, json_t *root)
{
	const char *key;
	json_t *value;
	if (!json_is_object(root)) {
		l->owner = GP_SLICE("answers");
		return complain(l, "expected an object of names");
	}
	json_object_foreach(root, key, value)
	{
		int rc = read_owner(l, key, value);
		if (rc != 0)
			return rc;
	}
	return 0;
}

/* error->line is 0 unless the text is no JSON at all. */
static int
load(struct gp_slice json, struct gp_arena *arena, const uint64_t seed[2], struct gp_answers **ret,
     json_error_t *error, struct gp_slice *ret_why)
{
	struct loader l = {.arena = arena};
	*error = (json_error_t){};
	/* jansson's own hash would read its seed from a file. */
	json_object_seed((size_t)seed[0] | 1);
	json_t *root =
		json_loadb(json.ptr, json.len, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, error);
	if (!root) {
		*ret_why = gp_arena_dup(arena, gp_slice_str(error->text));
		return ret_why->ptr ? 1 : -ENOMEM;
	}
	error->line = 0;
	l.set = gp_answers_new_closed(arena, GP_ANSWERS_FILE_MAX, seed);
	int rc = l.set ? read_owners(&l, root) : -ENOMEM;
	json_decref(root);
	if (rc != 0)
		gp_answers_free(l.set);
	else
		*ret = l.set;
	*ret_why = l.why;
	return rc;
}

int
gp_answers_from_json(struct gp_slice json, struct gp_arena *arena, const uint64_t seed[2],
		     struct gp_answers **ret, struct gp_slice *ret_why)
{
	json_error_t error;
	int rc = load(json, arena, seed, ret, &error, ret_why);
	if (rc != 1 || error.line == 0)
		return rc;
	*ret_why = gp_arena_printf(arena, "line %d, column %d: %.*s", error.line, error.column,
				   GP_SLICE_FMT(*ret_why));
	return ret_why->ptr ? 1 : -ENOMEM;
}

int
gp_answers_check(struct gp_slice json, struct gp_arena *arena, const uint64_t seed[2],
		 uint32_t *ret_line, uint32_t *ret_column, struct gp_slice *ret_why)
{
	struct gp_arena mine = GP_ARENA_INIT(CHECK_ARENA_MAX);
	struct gp_answers *set = NULL;
	struct gp_slice why = {};
	json_error_t error;
	int rc = load(json, &mine, seed, &set, &error, &why);
	*ret_line = error.line > 0 ? (uint32_t)error.line : 1;
	*ret_column = error.line > 0 && error.column > 0 ? (uint32_t)error.column : 1;
	if (rc == 1)
		*ret_why = gp_arena_dup(arena, why);
	gp_answers_free(set);
	gp_arena_free(&mine);
	return rc == 1 && !ret_why->ptr ? -ENOMEM : rc;
}
