/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The log of a run: all that was said to servers and by them, with times, such that the same
 * results come out of it again without a network (replay.h), and that whoever has the public
 * key can tell that nothing in it was changed.
 *
 * A line is a JSON object. Octets of servers are JSON strings in which U+0000 to U+00FF stand for
 * the octets; who permitted it is text. t: milliseconds since the run began.
 *
 *     {"gatepost_scan_log":1,"time":1790000000,"authorised":"...","key":"BASE64"}
 *     {"h":7,"t":12,"begin":{...}}             a host: its address, and the probe's options
 *     {"h":7,"t":13,"connecting":1}  "connected" "unreachable" "eof" "overrun" "late"
 *     {"h":7,"t":13,"in":"220 ..."}  {"h":7,"t":13,"out":"EHLO ...\r\n"}
 *     {"h":7,"t":15,"tls":{...}}               what a handshake showed
 *     {"h":7,"t":99,"arrived":["1790000000123456 TOKEN"]}
 *     {"h":7,"t":99,"view":{...}}              a target was told of it; without h: it has no host
 *     {"h":7,"t":99,"survey":{...}}            it begins; from here on "s" is a line of it
 *     {"h":7,"t":99,"s":1,"wanted":1} "connecting" and so on, "in" and "out", "closed"
 *     {"h":7,"t":99,"surveyed":1}              and is done
 *     {"h":7,"t":99,"over":1}                  nobody will be told any more
 *     {"seal":"BASE64","end":false}            Ed25519 over the hash of all lines before it
 *
 * The hash is a chain: SHA-256 of the one before and the line, beginning with zeros. Lines behind
 * the last seal are not sealed yet; one with "end":true ends the log.
 */
#pragma once

#include "cli/scan/scan.h"
#include "core/surveyor/surveyor.h"

enum {
	SCAN_LOG_HASH = 32,
	SCAN_LOG_SIGNATURE = 64,
	SCAN_LOG_KEY = 32,              /* octets of the public key */
	SCAN_LOG_LINE_MAX = 512 * 1024, /* octets; 16 KB of a server, six for each, are 96 KB */
};

struct scan_log;

struct scan_log_place {
	uint64_t host;
	uint32_t line; /* of its survey, from 1 on; 0: its probe's connection */
};

/*
 * Makes the file, which must not be there yet. key: a file with an Ed25519 key in PEM; NULL: the
 * user's own, which is made where there is none yet. authorised: NULL: nobody. Returns 0, or
 * -errno after saying to standard error what is wrong.
 */
[[nodiscard]] int
scan_log_open(const char *path, const char *key, const char *authorised, uint64_t now_ms,
	      struct scan_log **ret);
/* Seals what there is. end: and ends it. 0 or -errno. */
[[nodiscard]] int
scan_log_seal(struct scan_log *log, bool end);
/* Accepts NULL, returns NULL. */
struct scan_log *
scan_log_free(struct scan_log *log);

/* What these could not write makes the next scan_log_seal() fail. log may be NULL. */
void
scan_log_begin(struct scan_log *log, uint64_t host, uint64_t now_ms,
	       const struct scan_result *result, const struct gp_probe_options *options);
/* "connecting", "connected", "unreachable", "eof", "overrun", "late" or "over"; of a survey's line
   "wanted" and "closed" too, and "surveyed" of the host. */
void
scan_log_event(struct scan_log *log, struct scan_log_place place, uint64_t now_ms,
	       const char *event);
/* direction: "in" or "out" */
void
scan_log_octets(struct scan_log *log, struct scan_log_place place, uint64_t now_ms,
		const char *direction, struct gp_slice octets);
/* It begins. */
void
scan_log_survey(struct scan_log *log, uint64_t host, uint64_t now_ms,
		const struct gp_surveyor_options *options);
/* all: NULL after the first handshake, of which it is. */
void
scan_log_tls(struct scan_log *log, uint64_t host, uint64_t now_ms, const struct gp_probe_tls *told,
	     const struct scan_tls *all);
void
scan_log_arrivals(struct scan_log *log, uint64_t host, uint64_t now_ms, struct gp_slice list);
void
scan_log_view(struct scan_log *log, uint64_t host, uint64_t now_ms, const struct scan_view *view);
