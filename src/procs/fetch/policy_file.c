/* SPDX-License-Identifier: Apache-2.0 */
#include "procs/fetch/policy_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "procs/fetch/policy_record.h"
#include "sys/log.h"
#include "sys/small_file.h"

enum {
	FILES = 2,
	/* Twice what the cache holds, and what is appended beyond that before it is noticed. */
	FILE_MAX = 4 * POLICY_CACHE_OCTETS_MAX,
	SLACK = 1 << 20,  /* octets that may be there for nothing */
	CHUNK = 64 << 10, /* octets of records written at once */
};

static const char *const names[FILES] = {"policies.0", "policies.1"};

struct policy_file {
	struct policy_cache *cache;
	int fds[FILES];
	size_t sizes[FILES];
	size_t current; /* the one that is appended to; the other is empty */
	bool damaged;   /* one of them, when it was read */
	bool troubled;  /* it was said */
};

static struct policy_record
record_of(const struct policy *p)
{
	return (struct policy_record){.fetched_ms = p->state.fetched_ms,
				      .max_age_s = p->state.max_age_s,
				      .id = gp_slice(p->state.id, p->state.id_len),
				      .domain = policy_domain(p),
				      .text = p->text};
}

/* --- reading --- */

static int
read_whole(int fd, struct gp_buf *out)
{
	struct stat st;
	int r = gp_file_stat(fd, &st);
	if (r < 0)
		return r;
	while (out->len < (size_t)st.st_size) {
		char *to = gp_buf_reserve(out, CHUNK);
		ssize_t n = to ? pread(fd, to, CHUNK, (off_t)out->len) : -1;
		if (n <= 0)
			return to ? -EIO : -ENOMEM;
		gp_buf_advance(out, (size_t)n);
	}
	return 0;
}

static void
restore(struct policy_cache *cache, const struct policy_record *r, uint64_t now_ms)
{
	const struct gp_mtasts_policy policy = {.max_age_s = r->max_age_s};
	struct gp_mtasts_state state = {};
	gp_mtasts_kept(&state, r->id, &policy, r->fetched_ms);
	const struct policy *known = policy_cache_find(cache, r->domain);
	if ((known && known->state.fetched_ms > r->fetched_ms) || !gp_mtasts_valid(&state, now_ms))
		return;
	struct policy *p = policy_cache_make(cache, r->domain);
	if (!p || !policy_cache_set_text(cache, p, r->text))
		return;
	p->state = state;
	/* A clock that was wrong does not make a policy eternal. */
	p->state.fetched_ms = GP_MIN(r->fetched_ms, now_ms);
}

static int
load(struct policy_file *f, size_t which, uint64_t now_ms)
{
	struct gp_buf text = GP_BUF_INIT(FILE_MAX);
	struct policy_record record;
	size_t damaged = 0;
	int r = read_whole(f->fds[which], &text);
	f->sizes[which] = text.len;
	struct gp_slice rest = gp_buf_slice(&text);
	while (r == 0 && policy_record_read(&rest, &record, &damaged))
		restore(f->cache, &record, now_ms);
	f->damaged = f->damaged || damaged > 0;
	if (damaged > 0)
		gp_warning("policies_damaged", GP_FS("file", names[which]),
			   GP_FN("octets", damaged));
	gp_buf_free(&text);
	return r;
}

/* --- writing --- */

static int
write_all(int fd, struct gp_slice bytes)
{
	while (bytes.len > 0) {
		ssize_t n = write(fd, bytes.ptr, bytes.len);
		if (n < 0)
			return -errno;
		bytes = gp_slice_drop(bytes, (size_t)n);
	}
	return 0;
}

static size_t
octets_that_count(const struct policy_cache *cache, uint64_t now_ms)
{
	size_t sum = 0;
	for (const struct policy *p = NULL; (p = policy_cache_next(cache, p));) {
		struct policy_record record = record_of(p);
		sum += gp_mtasts_valid(&p->state, now_ms) ? policy_record_size(&record) : 0;
	}
	return sum;
}

static int
write_cache(int fd, const struct policy_cache *cache, uint64_t now_ms)
{
	struct gp_buf out = GP_BUF_INIT(2 * CHUNK + GP_MTASTS_BODY_MAX);
	int r = 0;
	for (const struct policy *p = NULL; r == 0 && (p = policy_cache_next(cache, p));) {
		struct policy_record record = record_of(p);
		if (!gp_mtasts_valid(&p->state, now_ms))
			continue;
		policy_record_write(&out, &record);
		if (out.failed)
			r = -ENOMEM;
		else if (out.len >= CHUNK) {
			r = write_all(fd, gp_buf_slice(&out));
			gp_buf_clear(&out);
		}
	}
	if (r == 0)
		r = write_all(fd, gp_buf_slice(&out));
	gp_buf_free(&out);
	return r;
}

/* All that counts goes behind what the file has, which is then the one. */
static int
gather(struct policy_file *f, size_t into, uint64_t now_ms)
{
	size_t other = 1 - into;
	int r = write_cache(f->fds[into], f->cache, now_ms);
	if (r == 0 && fdatasync(f->fds[into]) < 0)
		r = -errno;
	if (r == 0 && ftruncate(f->fds[other], 0) < 0)
		r = -errno;
	if (r < 0)
		return r;
	f->sizes[into] += octets_that_count(f->cache, now_ms);
	f->sizes[other] = 0;
	f->current = into;
	return 0;
}

static int
change_places(struct policy_file *f, uint64_t now_ms)
{
	size_t other = 1 - f->current;
	/* What a failure before this one left there. */
	int r = ftruncate(f->fds[other], 0) < 0 ? -errno : 0;
	f->sizes[other] = 0;
	return r == 0 ? gather(f, other, now_ms) : r;
}

static int
append(struct policy_file *f, const struct policy *p)
{
	struct policy_record record = record_of(p);
	struct gp_buf out = GP_BUF_INIT(2 * GP_MTASTS_BODY_MAX);
	policy_record_write(&out, &record);
	int r = out.failed ? -ENOMEM : write_all(f->fds[f->current], gp_buf_slice(&out));
	/* Failed or not: what did not get there is written when all is written anew. */
	f->sizes[f->current] += out.len;
	gp_buf_free(&out);
	return r;
}

void
policy_file_keep(struct policy_file *f, const struct policy *p, uint64_t now_ms)
{
	int r = append(f, p);
	size_t size = f->sizes[f->current];
	if (r == 0 && size > SLACK && size > 2 * octets_that_count(f->cache, now_ms))
		r = change_places(f, now_ms);
	if (r < 0 && !f->troubled)
		gp_error("policies_not_kept", GP_FS("reason", strerror(-r)));
	f->troubled = r < 0;
}

/* --- the beginning and the end --- */

static int
open_one(struct policy_file *f, int folder, size_t which, uint64_t now_ms)
{
	f->fds[which] = openat(folder, names[which], O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	return f->fds[which] < 0 ? -errno : load(f, which, now_ms);
}

int
policy_file_open(int folder, struct policy_cache *cache, uint64_t now_ms, struct policy_file **ret)
{
	struct policy_file *f = calloc(1, sizeof(*f));
	int r = f ? 0 : -ENOMEM;
	*ret = NULL;
	if (!f)
		return r;
	f->cache = cache;
	f->fds[0] = f->fds[1] = -1;
	for (size_t i = 0; r == 0 && i < FILES; i++)
		r = open_one(f, folder, i, now_ms);
	f->current = f->sizes[0] > 0 ? 0 : 1;
	/* A crash on the way from one to the other: neither is known to have everything. */
	if (r == 0 && f->sizes[0] > 0 && f->sizes[1] > 0)
		r = gather(f, 0, now_ms);
	else if (r == 0 && f->damaged)
		r = change_places(f, now_ms); /* into the empty one, without the damage */
	if (r < 0)
		policy_file_close(f);
	else
		*ret = f;
	return r;
}

struct policy_file *
policy_file_close(struct policy_file *f)
{
	if (!f)
		return NULL;
	for (size_t i = 0; i < FILES; i++) {
		if (f->fds[i] >= 0)
			close(f->fds[i]);
	}
	free(f);
	return NULL;
}
