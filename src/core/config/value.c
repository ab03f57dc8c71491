/* SPDX-License-Identifier: Apache-2.0 */
#include "core/config/value.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

#include "core/dns/idn.h"
#include "core/smtp/address.h"

struct unit {
	const char *name;
	uint64_t factor;
};

/* Smallest first. A writer takes the last unit that divides the value. */
static const struct unit size_units[] = {
	{"B", 1},         {"KB", 1000},       {"KiB", 1024},       {"MB", 1000000},
	{"MiB", 1048576}, {"GB", 1000000000}, {"GiB", 1073741824},
};
static const struct unit time_units[] = {
	{"ms", 1}, {"s", 1000}, {"m", 60000}, {"h", 3600000}, {"d", 86400000},
};

static bool
parse_with_unit(struct gp_slice s, const struct unit *units, size_t units_len, uint64_t *ret)
{
	uint64_t value;
	size_t digits = 0;
	while (digits < s.len && gp_ascii_is_digit(s.ptr[digits]))
		digits++;
	if (!gp_slice_u64(gp_slice_take(s, digits), UINT64_MAX, &value))
		return false;
	s = gp_slice_drop(s, digits);
	for (size_t i = 0; i < units_len; i++) {
		if (gp_slice_eq_nocase(s, gp_slice_str(units[i].name)))
			return !gp_mul_overflow(value, units[i].factor, ret);
	}
	return false;
}

static void
write_with_unit(struct gp_buf *out, uint64_t value, const struct unit *units, size_t units_len)
{
	const struct unit *best = &units[0];
	for (size_t i = 0; i < units_len; i++) {
		if (value != 0 && value % units[i].factor == 0)
			best = &units[i];
	}
	gp_buf_put_u64(out, value / best->factor);
	gp_buf_put_str(out, best->name);
}

bool
gp_size_parse(struct gp_slice s, uint64_t *ret)
{
	return gp_slice_u64(s, UINT64_MAX, ret) ||
	       parse_with_unit(s, size_units, GP_ARRAY_LEN(size_units), ret);
}

void
gp_size_write(struct gp_buf *out, uint64_t octets)
{
	write_with_unit(out, octets, size_units, GP_ARRAY_LEN(size_units));
}

bool
gp_time_parse(struct gp_slice s, uint64_t *ret_ms)
{
	if (gp_slice_eq(s, GP_SLICE("0"))) {
		*ret_ms = 0;
		return true;
	}
	return parse_with_unit(s, time_units, GP_ARRAY_LEN(time_units), ret_ms);
}

void
gp_time_write(struct gp_buf *out, uint64_t ms)
{
	if (ms == 0)
		gp_buf_put_char(out, '0');
	else
		write_with_unit(out, ms, time_units, GP_ARRAY_LEN(time_units));
}

/* ::ffff:0:0/96, RFC 4291 section 2.5.5.2 */
static const uint8_t mapped_prefix[12] = {[10] = 0xff, [11] = 0xff};

size_t
gp_ip_parse(struct gp_slice s, uint8_t ret[16])
{
	char text[INET6_ADDRSTRLEN];
	if (s.len == 0 || s.len >= sizeof(text) || gp_slice_find(s, '\0') >= 0)
		return 0;
	memcpy(text, s.ptr, s.len);
	text[s.len] = '\0';
	if (inet_pton(AF_INET, text, ret) == 1)
		return 4;
	if (inet_pton(AF_INET6, text, ret) != 1)
		return 0;
	if (memcmp(ret, mapped_prefix, sizeof(mapped_prefix)) != 0)
		return 16;
	memmove(ret, ret + sizeof(mapped_prefix), 4);
	memset(ret + 4, 0, sizeof(mapped_prefix));
	return 4;
}

void
gp_ip_write(struct gp_buf *out, const uint8_t *address, size_t address_len)
{
	char text[INET6_ADDRSTRLEN];
	gp_assert(address_len == 4 || address_len == 16);
	inet_ntop(address_len == 4 ? AF_INET : AF_INET6, address, text, sizeof(text));
	gp_buf_put_str(out, text);
}

/* Clears the bits behind the prefix; says whether there were any. */
static bool
clear_host_bits(struct gp_network *n)
{
	bool found = false;
	for (size_t i = 0; i < n->address_len; i++) {
		size_t from = i * 8;
		uint8_t keep = 0xff;
		if (n->prefix_len <= from)
			keep = 0;
		else if (n->prefix_len < from + 8)
			keep = (uint8_t)(0xff << (from + 8 - n->prefix_len));
		found = found || (n->address[i] & ~keep) != 0;
		n->address[i] &= keep;
	}
	return found;
}

const char *
gp_network_parse(struct gp_slice s, struct gp_network *ret)
{
	uint64_t prefix;
	bool has_prefix = gp_slice_find(s, '/') >= 0;
	struct gp_slice address = gp_slice_cut(&s, '/');
	bool colons = gp_slice_find(address, ':') >= 0;
	size_t max = colons ? 128 : 32;
	*ret = (struct gp_network){};
	size_t len = gp_ip_parse(address, ret->address);
	if (len == 0)
		return "is not a network: write 192.0.2.0/24 or 2001:db8::/32";
	if (!has_prefix)
		prefix = max;
	else if (!gp_slice_u64(s, max, &prefix))
		return colons ? "has no prefix length of 0 to 128"
			      : "has no prefix length of 0 to 32";
	if (colons && len == 4 && prefix < 96) {
		/* It holds all of the mapped range and more, so it stays what it was. */
		memcpy(ret->address + 12, ret->address, 4);
		memcpy(ret->address, mapped_prefix, sizeof(mapped_prefix));
		len = 16;
	} else if (colons && len == 4) {
		prefix -= 96;
	}
	ret->address_len = (uint8_t)len;
	ret->prefix_len = (uint8_t)prefix;
	return clear_host_bits(ret) ? "has bits behind its prefix" : NULL;
}

void
gp_network_write(struct gp_buf *out, const struct gp_network *n)
{
	gp_ip_write(out, n->address, n->address_len);
	gp_buf_printf(out, "/%u", n->prefix_len);
}

bool
gp_network_contains(const struct gp_network *n, const uint8_t *address, size_t address_len)
{
	size_t whole = n->prefix_len / 8, rest = n->prefix_len % 8;
	if (address_len != n->address_len || memcmp(address, n->address, whole) != 0)
		return false;
	return rest == 0 || ((address[whole] ^ n->address[whole]) >> (8 - rest)) == 0;
}

/* Cuts host and port apart; what is not there is empty with a NULL ptr. */
static const char *
split_endpoint(struct gp_slice s, struct gp_slice *ret_host, struct gp_slice *ret_port)
{
	ptrdiff_t at;
	*ret_port = gp_slice(NULL, 0);
	if (s.len > 0 && s.ptr[0] == '[') {
		at = gp_slice_find(s, ']');
		if (at < 0)
			return "has no closing bracket";
		*ret_host = gp_slice_take(gp_slice_drop(s, 1), (size_t)at - 1);
		s = gp_slice_drop(s, (size_t)at + 1);
		if (s.len > 0 && s.ptr[0] != ':')
			return "has something other than :port behind its bracket";
	} else {
		at = gp_slice_find(s, ':');
		if (at >= 0 && gp_slice_rfind(s, ':') != at)
			return "needs brackets around its IPv6 address: [2001:db8::1]:25";
		*ret_host = at < 0 ? s : gp_slice_take(s, (size_t)at);
		s = at < 0 ? gp_slice(NULL, 0) : gp_slice_drop(s, (size_t)at);
	}
	if (s.len > 0)
		*ret_port = gp_slice_drop(s, 1);
	return NULL;
}

static bool
looks_numeric(struct gp_slice host)
{
	for (size_t i = 0; i < host.len; i++) {
		if (!gp_ascii_is_digit(host.ptr[i]) && host.ptr[i] != '.')
			return false;
	}
	return true;
}

/* The host in canonical spelling; brackets tells that it stood in some. */
static int
parse_host(struct gp_slice host, bool brackets, struct gp_arena *arena, struct gp_endpoint *ret,
	   const char **ret_why)
{
	uint8_t address[16];
	size_t len = gp_ip_parse(host, address);
	if (len > 0) {
		struct gp_buf text = GP_BUF_INIT(INET6_ADDRSTRLEN);
		gp_ip_write(&text, address, len);
		bool same = gp_slice_eq(gp_buf_slice(&text), host);
		ret->host = same ? host : gp_arena_dup(arena, gp_buf_slice(&text));
		ret->literal = true;
		bool failed = text.failed || !ret->host.ptr;
		gp_buf_free(&text);
		return failed ? -ENOMEM : 0;
	}
	*ret_why = "is neither a host name nor an address";
	if (brackets || looks_numeric(host) || !gp_domain_valid(host))
		return 1;
	ret->literal = false;
	return gp_idn_to_ascii(host, arena, &ret->host);
}

int
gp_endpoint_parse(struct gp_slice s, uint16_t default_port, struct gp_arena *arena,
		  struct gp_endpoint *ret, const char **ret_why)
{
	struct gp_slice host, port;
	uint64_t number = default_port;
	*ret = (struct gp_endpoint){};
	*ret_why = split_endpoint(s, &host, &port);
	if (*ret_why)
		return 1;
	if (port.ptr && (!gp_slice_u64(port, UINT16_MAX, &number) || number == 0)) {
		*ret_why = "has no port of 1 to 65535 behind its colon";
		return 1;
	}
	if (number == 0) {
		*ret_why = "has no port: write HOST:PORT";
		return 1;
	}
	ret->port = (uint16_t)number;
	return parse_host(host, s.len > 0 && s.ptr[0] == '[', arena, ret, ret_why);
}

bool
gp_endpoint_is_loopback(struct gp_slice s)
{
	static const struct gp_network loopback[] = {{{127}, 4, 8}, {{[15] = 1}, 16, 128}};
	struct gp_slice host, port;
	uint8_t address[16];
	size_t len = split_endpoint(s, &host, &port) ? 0 : gp_ip_parse(host, address);
	return len > 0 && (gp_network_contains(&loopback[0], address, len) ||
			   gp_network_contains(&loopback[1], address, len));
}

void
gp_endpoint_write(struct gp_buf *out, const struct gp_endpoint *e)
{
	bool brackets = gp_slice_find(e->host, ':') >= 0;
	gp_buf_put_str(out, brackets ? "[" : "");
	gp_buf_put(out, e->host);
	gp_buf_printf(out, "%s:%u", brackets ? "]" : "", e->port);
}

bool
gp_https_url_parse(struct gp_slice s, struct gp_slice *ret_host, struct gp_slice *ret_path)
{
	const struct gp_slice scheme = GP_SLICE("https://");
	if (!gp_slice_starts_nocase(s, scheme))
		return false;
	s = gp_slice_drop(s, scheme.len);
	for (size_t i = 0; i < s.len; i++) {
		if (s.ptr[i] <= ' ' || s.ptr[i] >= 127 || s.ptr[i] == '#')
			return false;
	}
	ptrdiff_t slash = gp_slice_find(s, '/');
	*ret_host = slash < 0 ? s : gp_slice_take(s, (size_t)slash);
	*ret_path = slash < 0 ? GP_SLICE("/") : gp_slice_drop(s, (size_t)slash);
	return ret_host->len > 0;
}
