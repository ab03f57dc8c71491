/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tls: certificates, which are public, are read with the configuration; of keys only the paths are
 * looked at, as their content is for one role alone.
 */
#include "base/utf8.h"
#include "core/config/reading.h"

static const char certificate_mark[] = "-----BEGIN CERTIFICATE-----";
static const char key_mark[] = "PRIVATE KEY-----";

static bool
has(struct gp_slice text, const char *mark)
{
	struct gp_slice m = gp_slice_str(mark);
	while (text.len >= m.len) {
		if (gp_slice_starts(text, m))
			return true;
		ptrdiff_t next = gp_slice_find(gp_slice_drop(text, 1), m.ptr[0]);
		if (next < 0)
			return false;
		text = gp_slice_drop(text, (size_t)next + 1);
	}
	return false;
}

const char *
gp_config_certificate_wrong(struct gp_slice pem)
{
	/* What stands here goes to every role, */
	if (has(pem, key_mark))
		return "holds a private key; certificate takes a file of certificates alone, and "
		       "key the other";
	if (!has(pem, certificate_mark))
		return "holds no certificate in PEM";
	/* within the canonical form, which could not be read with other octets in it. */
	return gp_utf8_valid(pem) ? NULL : "not UTF-8";
}

static void
read_certificate(struct reading *r, const yaml_node_t *node, struct gp_certificate *ret)
{
	const yaml_node_t *inlined = reading_only_key(r, node, "text");
	if (inlined)
		ret->pem = gp_arena_dup(r->arena, reading_text(inlined));
	else if (!reading_file(r, node, &ret->path, &ret->pem))
		return;
	struct gp_place at = inlined ? reading_place(r, node) : (struct gp_place){ret->path, 1, 1};
	const char *why = gp_config_certificate_wrong(ret->pem);
	if (why)
		reading_complain(r, at, "%s", why);
}

void
reading_secret_path(struct reading *r, struct gp_place at, struct gp_slice text,
		    struct gp_slice *ret)
{
	if (gp_slice_find(text, '\0') >= 0) {
		reading_complain(r, at, "not a path");
		return;
	}
	*ret = reading_path(r, text);
	if (r->arena->failed || !r->files || !r->files->look)
		return;
	int rc = r->files->look(r->files->context, *ret);
	const char *why = rc < 0 ? strerrordesc_np(-rc) : NULL;
	if (rc < 0)
		reading_complain(r, at, "cannot read %.*s: %s", GP_SLICE_FMT(*ret),
				 why ? why : "unknown error");
}

static void
read_key_path(struct reading *r, const yaml_node_t *node, struct gp_slice *ret)
{
	struct gp_slice text;
	if (reading_scalar(r, node, "key", &text))
		reading_secret_path(r, reading_place(r, node), text, ret);
}

/* One entry, or a list of them. */
static size_t
count(struct reading *r, const yaml_node_t *node, const struct gp_key *key)
{
	size_t len = node->type == YAML_SEQUENCE_NODE ? reading_count(node) : 1;
	if (len <= GP_CONFIG_CERTIFICATES_MAX)
		return len;
	reading_complain(r, reading_place(r, node), "%s has more than %d entries", key->name,
			 GP_CONFIG_CERTIFICATES_MAX);
	return 0;
}

static const yaml_node_t *
entry(struct reading *r, const yaml_node_t *node, size_t at)
{
	return node->type == YAML_SEQUENCE_NODE ? reading_item(r, node, at) : node;
}

void
reading_certificates(struct reading *r, const yaml_node_t *node, const struct gp_key *key, void *at)
{
	struct gp_config *cfg = at;
	size_t len = count(r, node, key);
	struct gp_certificate *items = gp_arena_array(r->arena, len, sizeof(*items));
	for (size_t i = 0; items && i < len; i++)
		read_certificate(r, entry(r, node, i), &items[i]);
	cfg->tls.certificates = items;
	cfg->tls.certificates_len = items ? len : 0;
}

void
reading_keys(struct reading *r, const yaml_node_t *node, const struct gp_key *key, void *at)
{
	struct gp_config *cfg = at;
	size_t len = count(r, node, key);
	struct gp_slice *items = gp_arena_array(r->arena, len, sizeof(*items));
	for (size_t i = 0; items && i < len; i++)
		read_key_path(r, entry(r, node, i), &items[i]);
	cfg->tls.keys = items;
	cfg->tls.keys_len = items ? len : 0;
}
