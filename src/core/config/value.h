/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The configuration's scalars: how sizes, times, networks and endpoints are written and read. Each
 * reader takes the whole slice or nothing; each writer gives a text that the reader takes back to
 * the same value.
 */
#pragma once

#include "core/config/config.h"

/* Octets: "4096", "25MB" (10^6), "256KiB" (2^10); B, KB, MB, GB, KiB, MiB, GiB in any case. */
[[nodiscard]] bool
gp_size_parse(struct gp_slice s, uint64_t *ret);
void
gp_size_write(struct gp_buf *out, uint64_t octets);

/* Milliseconds: a number with ms, s, m, h or d; a bare "0". */
[[nodiscard]] bool
gp_time_parse(struct gp_slice s, uint64_t *ret_ms);
void
gp_time_write(struct gp_buf *out, uint64_t ms);

/* Text of an address without brackets to 4 or 16 octets, IPv4-mapped IPv6 as 4. Returns the number
 * of octets, 0 when it is no address. */
size_t
gp_ip_parse(struct gp_slice s, uint8_t ret[16]);
/* address_len: 4 or 16. No brackets. */
void
gp_ip_write(struct gp_buf *out, const uint8_t *address, size_t address_len);

/*
 * "192.0.2.0/24", "2001:db8::/32", or an address alone. Returns NULL, or what is wrong with it:
 * static text, to be put behind "S ". Bits behind the prefix are a mistake, and *ret then holds the
 * network that was probably meant (ret->address_len is 0 otherwise).
 */
[[nodiscard]] const char *
gp_network_parse(struct gp_slice s, struct gp_network *ret);
void
gp_network_write(struct gp_buf *out, const struct gp_network *n);
bool
gp_network_contains(const struct gp_network *n, const uint8_t *address, size_t address_len);

/* Where to connect or to listen. */
struct gp_endpoint {
	struct gp_slice host; /* name in A-labels and lower case, IPv4, or IPv6 without brackets */
	uint16_t port;
	bool literal; /* an address, not a name */
};

/*
 * "host:port", "192.0.2.1:25", "[2001:db8::1]:25". default_port: when the text has none; 0: it must
 * have one. Returns 0; 1 and *ret_why (static, to be put behind "S ") when it is no such text;
 * -ENOMEM. Given canonical text, ret->host is a part of s and nothing is allocated.
 */
[[nodiscard]] int
gp_endpoint_parse(struct gp_slice s, uint16_t default_port, struct gp_arena *arena,
		  struct gp_endpoint *ret, const char **ret_why);
void
gp_endpoint_write(struct gp_buf *out, const struct gp_endpoint *e);

/* Whether a text of gp_endpoint_parse is an address that nobody but this machine reaches. */
bool
gp_endpoint_is_loopback(struct gp_slice s);

/* "https://HOST/PATH" without a port, of printable ASCII; without a path it is "/". False: it is no
   such text. Whether the host is one is not looked at. */
[[nodiscard]] bool
gp_https_url_parse(struct gp_slice s, struct gp_slice *ret_host, struct gp_slice *ret_path);
