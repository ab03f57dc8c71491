/* SPDX-License-Identifier: Apache-2.0 */
#include "core/config/schema_rows.h"

/* More than this no part of us reads (core/message/header.h). */
enum { HEADER_SIZE_MAX = 256 * 1024, HEADER_FIELDS_MAX = 1000 };

/*
 * LIMIT(name, type, strangers' preset, relay_networks' preset, least, most, floor, doc). The bounds
 * keep out what RFC 5321 section 4.5.3.1 forbids (recipients under 100, command lines under 512)
 * and what could only be a slip.
 */
#define LIMITS(LIMIT)                                                                          \
	LIMIT(message_size, SIZE, "25MB", "25MB", 64 * KB, 2 * GB, false,                      \
	      "Octets of a message; EHLO announces it as SIZE.")                               \
	LIMIT(header_size, SIZE, "256KiB", "256KiB", 16 * KB, HEADER_SIZE_MAX, false,          \
	      "Octets of all header fields of a message together.")                            \
	LIMIT(header_fields, COUNT, "1000", "1000", 50, HEADER_FIELDS_MAX, false,              \
	      "Header fields of a message.")                                                   \
	LIMIT(recipients, COUNT, "1000", "5000", 100, 100000, false,                           \
	      "Recipients of a transaction; RFC 5321 asks for 100 at least.")                  \
	LIMIT(messages, COUNT, "100", "10000", 1, 1000000, false, "Messages of a connection.") \
	LIMIT(errors, COUNT, "20", "100", 1, 10000, false,                                     \
	      "Refused commands of a session before it is closed.")                            \
	LIMIT(useless_commands, COUNT, "100", "1000", 1, 100000, false,                        \
	      "NOOP, RSET, VRFY, HELP and repeated EHLO without a message between them.")      \
	LIMIT(hops, COUNT, "50", "50", 10, 1000, false,                                        \
	      "Received fields of a message; one that has more goes round in circles.")        \
	LIMIT(command_length, SIZE, "2048B", "2048B", 512, 64 * KB, false,                     \
	      "Octets of a command line with its CRLF; RFC 5321 asks for 512 at least.")       \
	LIMIT(command_time, TIME, "5m", "5m", 10 * SECOND, HOUR, false,                        \
	      "Time for a whole command line, not for each octet of it.")                      \
	LIMIT(body_rate, SIZE, "500B", "500B", 0, GB, true,                                    \
	      "Octets a second that a body must come in with, over its whole length; 0: off.") \
	LIMIT(connections, COUNT, "2000", "2000", 1, 1000000, false,                           \
	      "Connections that are open at once, all clients together.")                      \
	LIMIT(connections_per_source, COUNT, "50", "500", 1, 1000000, false,                   \
	      "Connections of one address (IPv6: of a /64).")                                  \
	LIMIT(connections_per_network, COUNT, "150", "1500", 1, 1000000, false,                \
	      "Connections of a /24 (IPv6: of a /48).")                                        \
	LIMIT(handshakes_per_source, COUNT, "600", "60000", 1, 1000000, false,                 \
	      "TLS handshakes that one address (IPv6: a /64) may begin in a minute.")          \
	LIMIT(handshakes_per_network, COUNT, "1800", "180000", 1, 1000000, false,              \
	      "The same for a /24 (IPv6: for a /48).")

#define STRANGER_LIMIT(name_, type_, preset_, relay_preset_, min_, max_, floor_, doc_) \
	{.name = #name_,                                                               \
	 .type = GP_KEY_##type_,                                                       \
	 .preset = (preset_),                                                          \
	 .min = (min_),                                                                \
	 .max = (max_),                                                                \
	 .doc = (doc_),                                                                \
	 AT(limits.name_)},
#define RELAY_LIMIT(name_, type_, preset_, relay_preset_, min_, max_, floor_, doc_) \
	{.name = #name_,                                                            \
	 .type = GP_KEY_##type_,                                                    \
	 .preset = (relay_preset_),                                                 \
	 .min = (min_),                                                             \
	 .max = (max_),                                                             \
	 .doc = (doc_),                                                             \
	 .floor = (floor_),                                                         \
	 .stranger_offset = offsetof(struct gp_config, limits.name_),               \
	 AT(relay_limits.name_)},

static const struct gp_key limits_keys[] = {LIMITS(STRANGER_LIMIT)};
static const struct gp_key relay_limits_keys[] = {LIMITS(RELAY_LIMIT)};
const struct gp_key_group gp_schema_limits = GROUP(limits_keys);
const struct gp_key_group gp_schema_relay_limits = GROUP(relay_limits_keys);
