/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The canonical form: every key in the order of the schema, block style for what can be long, each
 * text from outside in double quotes. What has no value is left out.
 */
#include "core/config/print.h"
#include "base/utf8.h"
#include "core/config/value.h"

/* Decodes what gp_utf8_len() found to be one character. */
static uint32_t
code_point(struct gp_slice s)
{
	static const unsigned char lead_bits[] = {0, 0x7f, 0x1f, 0x0f, 0x07};
	uint32_t value = (unsigned char)s.ptr[0] & lead_bits[s.len];
	for (size_t i = 1; i < s.len; i++)
		value = value << 6 | ((unsigned char)s.ptr[i] & 0x3f);
	return value;
}

/* YAML 1.1 section 4.1: what a stream may hold as it is, less the line breaks of section 4.2. */
static bool
is_printable(uint32_t c)
{
	if (c < 0xa0)
		return c >= 0x20 && c <= 0x7e;
	return c != 0x2028 && c != 0x2029 && c != 0xfeff && c != 0xfffe && c != 0xffff;
}

void
print_quoted(struct gp_buf *out, struct gp_slice s)
{
	gp_buf_put_char(out, '"');
	while (s.len > 0) {
		/* What is not UTF-8 was refused when it was read; it must still come out as YAML.
		 */
		struct gp_slice c = gp_slice_take(s, GP_MAX(gp_utf8_len(s), (size_t)1));
		uint32_t value = c.len == 1 ? (unsigned char)c.ptr[0] : code_point(c);
		if (value == '"' || value == '\\')
			gp_buf_printf(out, "\\%c", (char)value);
		else if (!is_printable(value))
			gp_buf_printf(out, "\\u%04x", (unsigned int)value);
		else
			gp_buf_put(out, c);
		s = gp_slice_drop(s, c.len);
	}
	gp_buf_put_char(out, '"');
}

void
print_indent(struct gp_buf *out, unsigned int depth)
{
	gp_buf_printf(out, "%*s", (int)(2 * depth), "");
}

static void
print_name(struct gp_buf *out, unsigned int depth, const char *name, const char *rest)
{
	print_indent(out, depth);
	gp_buf_printf(out, "%s:%s", name, rest);
}

static void
print_quoted_list(struct gp_buf *out, const struct gp_slice *items, size_t len)
{
	gp_buf_put_char(out, '[');
	for (size_t i = 0; i < len; i++) {
		gp_buf_put_str(out, i > 0 ? ", " : "");
		print_quoted(out, items[i]);
	}
	gp_buf_put_str(out, "]\n");
}

static void
print_group(struct gp_buf *out, unsigned int depth, const struct gp_key_group *group,
	    const void *base);

static void
print_listens(struct gp_buf *out, unsigned int depth, const struct gp_key *key,
	      const struct gp_config *cfg)
{
	print_name(out, depth, key->name, cfg->listens_len > 0 ? "\n" : " []\n");
	for (size_t i = 0; i < cfg->listens_len; i++) {
		print_indent(out, depth + 1);
		gp_buf_put_str(out, "-\n");
		print_group(out, depth + 2, key->group, &cfg->listens[i]);
	}
}

static void
print_networks(struct gp_buf *out, unsigned int depth, const struct gp_key *key,
	       const struct gp_network *items, size_t len)
{
	print_name(out, depth, key->name, len > 0 ? "\n" : " []\n");
	for (size_t i = 0; i < len; i++) {
		print_indent(out, depth + 1);
		gp_buf_put_str(out, "- \"");
		gp_network_write(out, &items[i]);
		gp_buf_put_str(out, "\"\n");
	}
}

static void
print_domains(struct gp_buf *out, unsigned int depth, const struct gp_key *key,
	      const struct gp_config *cfg)
{
	print_name(out, depth, key->name, cfg->domains_len > 0 ? "\n" : " {}\n");
	for (size_t i = 0; i < cfg->domains_len; i++) {
		print_indent(out, depth + 1);
		print_quoted(out, cfg->domains[i].name);
		gp_buf_put_str(out, ":\n");
		print_group(out, depth + 2, key->group, &cfg->domains[i]);
	}
}

static void
print_routes(struct gp_buf *out, unsigned int depth, const struct gp_key *key,
	     const struct gp_config *cfg)
{
	print_name(out, depth, key->name, cfg->routes_len > 0 ? "\n" : " {}\n");
	for (size_t i = 0; i < cfg->routes_len; i++) {
		print_indent(out, depth + 1);
		print_quoted(out, cfg->routes[i].domain);
		gp_buf_put_str(out, ": ");
		print_quoted(out, cfg->routes[i].target);
		gp_buf_put_char(out, '\n');
	}
}

static void
print_destinations(struct gp_buf *out, unsigned int depth, const struct gp_key *key,
		   const struct gp_config *cfg)
{
	print_name(out, depth, key->name, cfg->destinations_len > 0 ? "\n" : " {}\n");
	for (size_t i = 0; i < cfg->destinations_len; i++) {
		print_indent(out, depth + 1);
		print_quoted(out, cfg->destinations[i].name);
		gp_buf_put_str(out, ":\n");
		print_group(out, depth + 2, key->group, &cfg->destinations[i]);
	}
}

static void
print_overrides(struct gp_buf *out, unsigned int depth, const struct gp_key *key,
		const struct gp_authentication_config *a)
{
	print_name(out, depth, key->name, a->overrides_len > 0 ? "\n" : " {}\n");
	for (size_t i = 0; i < a->overrides_len; i++) {
		print_indent(out, depth + 1);
		print_quoted(out, a->overrides[i].domain);
		gp_buf_put_str(out, ":\n");
		print_group(out, depth + 2, key->group, &a->overrides[i]);
	}
}

static void
print_sealers(struct gp_buf *out, unsigned int depth, const struct gp_key *key,
	      const struct gp_authentication_config *a)
{
	print_name(out, depth, key->name, a->trusted_sealers_len > 0 ? "\n" : " []\n");
	for (size_t i = 0; i < a->trusted_sealers_len; i++) {
		print_indent(out, depth + 1);
		gp_buf_put_str(out, "- ");
		print_quoted(out, a->trusted_sealers[i]);
		gp_buf_put_char(out, '\n');
	}
}

static void
print_fingerprints(struct gp_buf *out, unsigned int depth, const struct gp_key *key,
		   const struct gp_destination_config *d)
{
	if (d->fingerprints_len == 0)
		return;
	print_name(out, depth, key->name, " ");
	print_quoted_list(out, d->fingerprints, d->fingerprints_len);
}

static void
print_recipients(struct gp_buf *out, unsigned int depth, const struct gp_key *key,
		 const struct gp_domain_config *d)
{
	if (d->recipients_any || d->recipients_len == 0) {
		print_name(out, depth, key->name, d->recipients_any ? " any\n" : " []\n");
		return;
	}
	print_name(out, depth, key->name, "\n");
	for (size_t i = 0; i < d->recipients_len; i++) {
		print_indent(out, depth + 1);
		gp_buf_put_str(out, "- ");
		print_quoted(out, d->recipients[i]);
		gp_buf_put_char(out, '\n');
	}
}

static void
print_aliases(struct gp_buf *out, unsigned int depth, const struct gp_key *key,
	      const struct gp_domain_config *d)
{
	print_name(out, depth, key->name, d->aliases_len > 0 ? "\n" : " {}\n");
	for (size_t i = 0; i < d->aliases_len; i++) {
		print_indent(out, depth + 1);
		print_quoted(out, d->aliases[i].name);
		gp_buf_put_str(out, ": ");
		print_quoted_list(out, d->aliases[i].targets, d->aliases[i].targets_len);
	}
}

static void
print_deliver(struct gp_buf *out, unsigned int depth, const struct gp_key *key,
	      const struct gp_deliver *d)
{
	static const char *const ways[] = {
		[GP_DELIVER_MAILDIR] = "maildir",
		[GP_DELIVER_LMTP] = "lmtp",
		[GP_DELIVER_RELAY] = "relay",
	};
	if (d->kind == GP_DELIVER_DISCARD) {
		print_name(out, depth, key->name, " discard\n");
		return;
	}
	gp_assert(d->kind < GP_ARRAY_LEN(ways) && ways[d->kind]);
	print_name(out, depth, key->name, " {");
	gp_buf_printf(out, "%s: ", ways[d->kind]);
	print_quoted(out, d->target);
	gp_buf_put_str(out, "}\n");
}

static void
print_certificates(struct gp_buf *out, unsigned int depth, const struct gp_key *key,
		   const struct gp_config *cfg)
{
	if (cfg->tls.certificates_len == 0)
		return;
	print_name(out, depth, key->name, "\n");
	for (size_t i = 0; i < cfg->tls.certificates_len; i++) {
		print_indent(out, depth + 1);
		gp_buf_put_str(out, "- {text: ");
		print_quoted(out, cfg->tls.certificates[i].pem);
		gp_buf_put_str(out, "}\n");
	}
}

static void
print_keys(struct gp_buf *out, unsigned int depth, const struct gp_key *key,
	   const struct gp_config *cfg)
{
	if (cfg->tls.keys_len == 0)
		return;
	print_name(out, depth, key->name, " ");
	print_quoted_list(out, cfg->tls.keys, cfg->tls.keys_len);
}

static void
print_patterns(struct gp_buf *out, unsigned int depth, const struct gp_key *key,
	       const struct gp_domain_config *d)
{
	if (d->mta_sts.mx_len == 0)
		return;
	print_name(out, depth, key->name, " ");
	print_quoted_list(out, d->mta_sts.mx, d->mta_sts.mx_len);
}

void
print_number(struct gp_buf *out, const struct gp_key *key, uint64_t value)
{
	if (key->type == GP_KEY_SIZE)
		gp_size_write(out, value);
	else if (key->type == GP_KEY_TIME)
		gp_time_write(out, value);
	else
		gp_buf_put_u64(out, value);
}

static void
print_scalar(struct gp_buf *out, unsigned int depth, const struct gp_key *key, const void *at)
{
	const struct gp_slice *text = at;
	switch ((enum gp_key_type)key->type) {
	case GP_KEY_SIZE:
	case GP_KEY_TIME:
	case GP_KEY_COUNT:
		print_name(out, depth, key->name, " ");
		print_number(out, key, gp_key_number(key, at));
		break;
	case GP_KEY_CHOICE:
		print_name(out, depth, key->name, " ");
		gp_buf_put_str(out, key->choices[*(const uint8_t *)at - key->min]);
		break;
	case GP_KEY_TEXT:
	case GP_KEY_ANSWERS:
		if (text->len == 0)
			return;
		print_name(out, depth, key->name, " {text: ");
		print_quoted(out, *text);
		gp_buf_put_char(out, '}');
		break;
	default:
		if (text->len == 0 && !key->preset)
			return;
		print_name(out, depth, key->name, " ");
		print_quoted(out, *text);
	}
	gp_buf_put_char(out, '\n');
}

/* Leaves no trace of a group that says nothing. */
static void
print_subgroup(struct gp_buf *out, unsigned int depth, const struct gp_key *key, const void *base)
{
	size_t before = out->len;
	print_name(out, depth, key->name, "\n");
	size_t begin = out->len;
	print_group(out, depth + 1, key->group, base);
	if (out->len == begin)
		gp_buf_truncate(out, before);
}

static void
print_key(struct gp_buf *out, unsigned int depth, const struct gp_key *key, const void *base)
{
	const void *at = (const char *)base + key->offset;
	const struct gp_config *cfg = at;
	switch ((enum gp_key_type)key->type) {
	case GP_KEY_GROUP:
		print_subgroup(out, depth, key, base);
		break;
	case GP_KEY_LISTENS:
		print_listens(out, depth, key, at);
		break;
	case GP_KEY_NETWORKS:
		print_networks(out, depth, key, cfg->relay_networks, cfg->relay_networks_len);
		break;
	case GP_KEY_EXEMPT:
		print_networks(out, depth, key, cfg->authentication.exempt,
			       cfg->authentication.exempt_len);
		break;
	case GP_KEY_PROXIES:
		print_networks(out, depth, key, cfg->web.proxies, cfg->web.proxies_len);
		break;
	case GP_KEY_OVERRIDES:
		print_overrides(out, depth, key, &cfg->authentication);
		break;
	case GP_KEY_SEALERS:
		print_sealers(out, depth, key, &cfg->authentication);
		break;
	case GP_KEY_DOMAINS:
		print_domains(out, depth, key, at);
		break;
	case GP_KEY_ROUTES:
		print_routes(out, depth, key, at);
		break;
	case GP_KEY_DESTINATIONS:
		print_destinations(out, depth, key, at);
		break;
	case GP_KEY_FINGERPRINTS:
		print_fingerprints(out, depth, key, at);
		break;
	case GP_KEY_RECIPIENTS:
		print_recipients(out, depth, key, at);
		break;
	case GP_KEY_ALIASES:
		print_aliases(out, depth, key, at);
		break;
	case GP_KEY_DELIVER:
		print_deliver(out, depth, key, at);
		break;
	case GP_KEY_CERTIFICATES:
		print_certificates(out, depth, key, at);
		break;
	case GP_KEY_KEYS:
		print_keys(out, depth, key, at);
		break;
	case GP_KEY_PATTERNS:
		print_patterns(out, depth, key, at);
		break;
	case GP_KEY_LATER:
		break;
	default:
		print_scalar(out, depth, key, at);
	}
}

static void
print_group(struct gp_buf *out, unsigned int depth, const struct gp_key_group *group,
	    const void *base)
{
	for (size_t i = 0; i < group->keys_len; i++)
		print_key(out, depth, &group->keys[i], base);
}

void
gp_config_print(struct gp_buf *out, const struct gp_config *cfg)
{
	print_group(out, 0, &gp_schema, cfg);
}
