/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files of this folder share while a configuration is read. Readers complain and go on:
 * whatever they leave in the struct is then not used. A member is only guaranteed to be consistent
 * when r->complaints_len is 0.
 */
#pragma once

#include <yaml.h>

#include "core/config/schema.h"

struct reading {
	yaml_document_t *doc;
	struct gp_slice file, folder; /* folder: of file, with its last slash; empty: none */
	const struct gp_config_reader *files;
	struct gp_arena *arena;
	struct gp_arena scratch; /* reset by whoever uses it; large lists must not fill arena */
	struct gp_config *cfg;
	struct gp_complaint *complaints;
	size_t complaints_len;
	bool domains_good; /* nothing was wrong with them: an index can be made */
};

/* Adds a complaint. Controls, and octets that are no UTF-8, come out as '?'. */
GP_PRINTF(3, 4)
void
reading_complain(struct reading *r, struct gp_place at, const char *fmt, ...);

/* As much of s as a complaint should show. */
struct gp_slice
reading_shown(struct gp_slice s);

struct gp_place
reading_place(const struct reading *r, const yaml_node_t *node);

/* The node's text; false and a complaint when it is a list or a mapping. what: the key's name. */
bool
reading_scalar(struct reading *r, const yaml_node_t *node, const char *what, struct gp_slice *ret);

/* A scalar without quotes and text, or no node: somebody wrote `key:` and nothing behind it. */
bool
reading_is_empty(const yaml_node_t *node);

static inline struct gp_slice
reading_text(const yaml_node_t *node)
{
	return gp_slice((const char *)node->data.scalar.value, node->data.scalar.length);
}

/* The children; a sequence's or a mapping's. */
size_t
reading_count(const yaml_node_t *node);
const yaml_node_t *
reading_item(const struct reading *r, const yaml_node_t *node, size_t at);
const yaml_node_t *
reading_pair(const struct reading *r, const yaml_node_t *node, size_t at,
	     const yaml_node_t **ret_value);

/* Reads the keys of a group into the struct at base. node: NULL or empty for no keys at all. place:
   for what is missing. owner: the key that has the group, NULL for the file itself. */
void
reading_group(struct reading *r, const yaml_node_t *node, struct gp_place place,
	      const struct gp_key *owner, const struct gp_key_group *group, void *base);

/* One scalar of any type into the member at `at`. */
void
reading_value(struct reading *r, struct gp_place place, const struct gp_key *key,
	      struct gp_slice text, void *at);
/* Raises (lowers, for a floor) a limit to what strangers have. */
void
reading_loosen(struct reading *r, const struct gp_key *key, void *at);

/* A path as it was written, relative to the folder of the file. */
struct gp_slice
reading_path(struct reading *r, struct gp_slice path);

/* A path of a file that is not for us to read; looks whether it is there, and complains. */
void
reading_secret_path(struct reading *r, struct gp_place at, struct gp_slice text,
		    struct gp_slice *ret);

/* The value of a mapping with this one key, such as {file: PATH}; NULL when node is no such
 * mapping. */
const yaml_node_t *
reading_only_key(const struct reading *r, const yaml_node_t *node, const char *name);

/* Reads the file that the scalar at node names. False: it complained. */
bool
reading_file(struct reading *r, const yaml_node_t *node, struct gp_slice *ret_path,
	     struct gp_slice *ret_content);

/* The shapes of lists.c and mail.c: at is where the key's offset leads. */
typedef void
reading_shape(struct reading *r, const yaml_node_t *node, const struct gp_key *key, void *at);
reading_shape reading_listens, reading_networks, reading_routes, reading_domains;
reading_shape reading_destinations, reading_fingerprints, reading_certificates, reading_keys;
reading_shape reading_patterns, reading_exempt, reading_proxies, reading_overrides, reading_sealers;
reading_shape reading_recipients, reading_aliases, reading_deliver, reading_local, reading_content;

/* The socket of "unix:PATH"; complains, with the key's name. */
void
reading_socket(struct reading *r, struct gp_place at, const char *name, struct gp_slice text,
	       struct gp_slice *ret);

/* Where to connect to, in canonical form; complains. */
bool
reading_endpoint(struct reading *r, struct gp_place at, struct gp_slice text, uint16_t default_port,
		 bool literal_only, struct gp_slice *ret);

/* A domain name in canonical form; complains. */
bool
reading_domain(struct reading *r, struct gp_place at, struct gp_slice text, struct gp_slice *ret);

/* What only the whole can show: times out of order, aliases that go in circles. */
void
reading_check(struct reading *r);

/* NULL, or why a network must not relay: it stands for half of the Internet or more. Static, to be
   put behind "S ". */
const char *
reading_world(const struct gp_network *n);
/* The same of all relay_networks together. */
void
reading_check_networks(struct reading *r, struct gp_place at);
