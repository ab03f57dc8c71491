/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A log of `gatepost scan`, from whoever made it: its lines are those of the input, between a first
 * one and a seal that are good, since everybody can seal what he has written. All that comes of it
 * is told, as text and as JSON.
 */
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/base64.h"
#include "cli/scan/replay.h"
#include "cli/scan/report.h"
#include "cli/scan/seal.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { INPUT_MAX = 64 * 1024 };

static EVP_PKEY *
the_key(void)
{
	static EVP_PKEY *key;
	static const uint8_t secret[SCAN_LOG_KEY] = {1};
	if (!key)
		key = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, secret, sizeof(secret));
	gp_assert(key);
	return key;
}

static void
put_base64(struct gp_buf *out, const uint8_t *octets, size_t len)
{
	gp_base64_put(out, gp_slice((const char *)octets, len));
}

/* All of the log so far is in the chain. */
static void
put_line(struct gp_buf *out, struct scan_chain *chain, struct gp_slice line)
{
	struct gp_buf whole = GP_BUF_INIT(INPUT_MAX + 1);
	gp_buf_put(&whole, line);
	gp_buf_put_char(&whole, '\n');
	gp_assert(scan_chain_add(chain, gp_buf_slice(&whole)));
	gp_buf_put(out, gp_buf_slice(&whole));
	gp_buf_free(&whole);
}

static void
put_log(struct gp_buf *out, struct gp_slice lines)
{
	struct scan_chain chain = {};
	struct gp_buf line = GP_BUF_INIT(1024);
	uint8_t public[SCAN_LOG_KEY], signature[SCAN_LOG_SIGNATURE];
	gp_assert(scan_seal_public(the_key(), public));
	gp_buf_put_str(&line, "{\"gatepost_scan_log\":1,\"key\":\"");
	put_base64(&line, public, sizeof(public));
	gp_buf_put_str(&line, "\"}");
	put_line(out, &chain, gp_buf_slice(&line));
	while (lines.len > 0)
		put_line(out, &chain, gp_slice_cut(&lines, '\n'));
	gp_assert(scan_seal_sign(the_key(), &chain, signature));
	gp_buf_put_str(out, "{\"seal\":\"");
	put_base64(out, signature, sizeof(signature));
	gp_buf_put_str(out, "\",\"end\":true}\n");
	gp_buf_free(&line);
}

static int
confine(void *context)
{
	(void)context;
	return 0;
}

static int
tell(void *context, const struct scan_view *view)
{
	struct gp_arena arena = GP_ARENA_INIT(4 << 20);
	struct gp_buf text = GP_BUF_INIT(4 << 20);
	struct scan_report report;
	(void)context;
	int r = scan_report_make(view, &arena, &report);
	if (r == 0) {
		scan_report_text(&report, &text);
		json_t *object = scan_report_json(&report);
		gp_assert(object);
		free(json_dumps(object, JSON_COMPACT));
		json_decref(object);
	}
	gp_buf_free(&text);
	gp_arena_free(&arena);
	return r;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static FILE *nowhere;
	static int fd = -1;
	char path[64];
	if (size > INPUT_MAX)
		return 0;
	if (!nowhere) {
		/* What is wrong with a log is said there. */
		nowhere = stderr = fopen("/dev/null", "we");
		fd = memfd_create("log", MFD_CLOEXEC);
		gp_assert(nowhere && fd >= 0);
	}
	struct gp_buf log = GP_BUF_INIT(4 * INPUT_MAX);
	put_log(&log, gp_slice((const char *)data, size));
	struct gp_slice text = gp_buf_slice(&log);
	gp_assert(!log.failed && ftruncate(fd, 0) == 0 &&
		  pwrite(fd, text.ptr, text.len, 0) == (ssize_t)text.len);
	gp_buf_free(&log);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	const struct scan_replay_options options = {.path = path, .confine = confine, .tell = tell};
	(void)!scan_replay(&options);
	return 0;
}
