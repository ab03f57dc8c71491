/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The test suite of RFC 7208: YAML documents of tests and of the world that they are in. There, SPF
 * records stand for TXT records unless the name has some; "TXT: NONE" is none; and where a name is
 * TIMEOUT, what it has no records of has no answer.
 */
#pragma once

#include "../suite.h"

#include <yaml.h>

#include "base/buf.h"
#include "core/dns/name.h"
#include "world.h"

enum { SUITE_ARENA_MAX = 64 << 20, RECORDS_MAX = 64 };

static const uint16_t types[] = {GP_DNS_A,  GP_DNS_CNAME, GP_DNS_PTR,
				 GP_DNS_MX, GP_DNS_TXT,   GP_DNS_AAAA};

struct document {
	yaml_document_t yaml;
	struct gp_arena *arena;
	struct gp_answers *world;
};

/* --- YAML --- */

static inline struct gp_slice
text_of(const yaml_node_t *n)
{
	assert_int_equal(n->type, YAML_SCALAR_NODE);
	return gp_slice((const char *)n->data.scalar.value, n->data.scalar.length);
}

static inline size_t
pairs_of(const yaml_node_t *n)
{
	assert_int_equal(n->type, YAML_MAPPING_NODE);
	return (size_t)(n->data.mapping.pairs.top - n->data.mapping.pairs.start);
}

static inline yaml_node_t *
key_at(struct document *d, const yaml_node_t *n, size_t i)
{
	return yaml_document_get_node(&d->yaml, n->data.mapping.pairs.start[i].key);
}

static inline yaml_node_t *
value_at(struct document *d, const yaml_node_t *n, size_t i)
{
	return yaml_document_get_node(&d->yaml, n->data.mapping.pairs.start[i].value);
}

static inline size_t
items_of(const yaml_node_t *n)
{
	return n->type == YAML_SEQUENCE_NODE
		       ? (size_t)(n->data.sequence.items.top - n->data.sequence.items.start)
		       : 0;
}

static inline yaml_node_t *
item_at(struct document *d, const yaml_node_t *n, size_t i)
{
	return yaml_document_get_node(&d->yaml, n->data.sequence.items.start[i]);
}

static inline yaml_node_t *
member(struct document *d, const yaml_node_t *n, const char *key)
{
	for (size_t i = 0; i < pairs_of(n); i++) {
		if (gp_slice_eq(text_of(key_at(d, n, i)), gp_slice_str(key)))
			return value_at(d, n, i);
	}
	return NULL;
}

/* --- the world --- */

/* Names stand there raw, in any case, with a final dot or without. */
static inline struct gp_slice
name_of(struct document *d, struct gp_slice raw)
{
	struct gp_buf escaped = GP_BUF_INIT(4096);
	struct gp_name name;
	struct gp_slice text;
	for (size_t i = 0; i < raw.len; i++) {
		if (raw.ptr[i] == ' ')
			gp_buf_put_str(&escaped, "\\032");
		else
			gp_buf_put_char(&escaped, raw.ptr[i]);
	}
	if (raw.len == 0)
		gp_buf_put_char(&escaped, '.');
	assert_true(gp_name_from_text(gp_buf_slice(&escaped), &name));
	assert_int_equal(gp_name_to_text(&name, d->arena, &text), 0);
	gp_buf_free(&escaped);
	return text;
}

static inline struct gp_slice
join(struct document *d, const yaml_node_t *value)
{
	struct gp_slice all = GP_SLICE("");
	if (value->type == YAML_SCALAR_NODE)
		return text_of(value);
	for (size_t i = 0; i < items_of(value); i++) {
		struct gp_slice part = text_of(item_at(d, value, i));
		char *both = gp_arena_alloc(d->arena, all.len + part.len);
		assert_non_null(both);
		if (all.len > 0)
			memcpy(both, all.ptr, all.len);
		memcpy(both + all.len, part.ptr, part.len);
		all = gp_slice(both, all.len + part.len);
	}
	return all;
}

static inline struct gp_dns_record
read_record(struct document *d, uint16_t type, const yaml_node_t *value)
{
	struct gp_dns_record r = {.type = type};
	if (type == GP_DNS_TXT)
		r.data = join(d, value);
	else if (type == GP_DNS_MX)
		r.name = name_of(d, text_of(item_at(d, value, 1)));
	else if (type == GP_DNS_A || type == GP_DNS_AAAA)
		assert_int_equal(inet_pton(type == GP_DNS_A ? AF_INET : AF_INET6,
					   gp_arena_str(d->arena, text_of(value)), r.address),
				 1);
	else
		r.name = name_of(d, text_of(value));
	return r;
}

static const char *
type_name(uint16_t type)
{
	switch (type) {
	case GP_DNS_A:
		return "A";
	case GP_DNS_AAAA:
		return "AAAA";
	case GP_DNS_MX:
		return "MX";
	case GP_DNS_PTR:
		return "PTR";
	case GP_DNS_CNAME:
		return "CNAME";
	default:
		return "TXT";
	}
}

/* How many values the name has under this key. */
static inline size_t
read_records(struct document *d, const yaml_node_t *list, const char *key, uint16_t type,
	     struct gp_dns_record *ret, size_t *ret_len)
{
	size_t found = 0;
	for (size_t i = 0; i < items_of(list); i++) {
		const yaml_node_t *entry = item_at(d, list, i);
		const yaml_node_t *value =
			entry->type == YAML_MAPPING_NODE ? member(d, entry, key) : NULL;
		if (!value)
			continue;
		found++;
		assert_true(*ret_len < RECORDS_MAX);
		if (value->type != YAML_SCALAR_NODE ||
		    !gp_slice_eq(text_of(value), GP_SLICE("NONE")))
			ret[(*ret_len)++] = read_record(d, type, value);
	}
	return found;
}

static inline bool
times_out(struct document *d, const yaml_node_t *list)
{
	for (size_t i = 0; i < items_of(list); i++) {
		const yaml_node_t *entry = item_at(d, list, i);
		if (entry->type == YAML_SCALAR_NODE &&
		    gp_slice_eq(text_of(entry), GP_SLICE("TIMEOUT")))
			return true;
	}
	return false;
}

static inline void
add_name(struct document *d, struct gp_slice name, const yaml_node_t *list)
{
	assert_int_equal(gp_answers_add_name(d->world, name, GP_DNS_OK, false), 0);
	for (size_t i = 0; i < GP_ARRAY_LEN(types); i++) {
		struct gp_dns_record records[RECORDS_MAX];
		struct gp_dns_answer answer = {.name = name,
					       .canonical = name,
					       .type = types[i],
					       .status = GP_DNS_OK,
					       .records = records};
		size_t found = read_records(d, list, type_name(types[i]), types[i], records,
					    &answer.records_len);
		if (types[i] == GP_DNS_TXT && found == 0)
			read_records(d, list, "SPF", types[i], records, &answer.records_len);
		if (answer.records_len == 0 && !times_out(d, list))
			continue;
		if (answer.records_len == 0)
			answer.status = GP_DNS_TIMEOUT;
		assert_int_equal(gp_answers_add(d->world, &answer), 0);
	}
}

static inline void
load_zone(struct document *d)
{
	const yaml_node_t *zone = member(d, yaml_document_get_root_node(&d->yaml), "zonedata");
	d->world = gp_answers_new_closed(d->arena, GP_ANSWERS_FILE_MAX, test_seed);
	assert_non_null(d->world);
	for (size_t i = 0; i < pairs_of(zone); i++)
		add_name(d, name_of(d, text_of(key_at(d, zone, i))), value_at(d, zone, i));
}

/* --- the tests in it --- */

static inline struct gp_spf_query
query_of(struct document *d, const yaml_node_t *test)
{
	struct gp_spf_query q = {.helo = text_of(member(d, test, "helo")),
				 .sender = text_of(member(d, test, "mailfrom"))};
	set_client(&q, text_of(member(d, test, "host")));
	return q;
}

/* Calls run for each document; returns the sum of what it returned, how many tests there were. */
static inline size_t
each_document(size_t (*run)(struct document *d, size_t *ret), size_t *ret)
{
	struct gp_arena arena = GP_ARENA_INIT(SUITE_ARENA_MAX);
	struct gp_slice text = gp_suite_read("spf-rfc7208/rfc7208-tests.yml", &arena);
	yaml_parser_t parser;
	size_t sum = 0;
	assert_int_equal(yaml_parser_initialize(&parser), 1);
	yaml_parser_set_input_string(&parser, (const unsigned char *)text.ptr, text.len);
	for (bool more = true; more;) {
		struct document d = {.arena = &arena};
		assert_int_equal(yaml_parser_load(&parser, &d.yaml), 1);
		more = yaml_document_get_root_node(&d.yaml) != NULL;
		if (more) {
			load_zone(&d);
			sum += run(&d, ret);
			gp_answers_free(d.world);
		}
		yaml_document_delete(&d.yaml);
	}
	yaml_parser_delete(&parser);
	gp_arena_free(&arena);
	return sum;
}
