/* SPDX-License-Identifier: Apache-2.0 */
#include "client.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void
client_begin(struct client *c, struct sim *disk, const struct gp_store_settings *settings)
{
	*c = (struct client){.disk = disk, .settings = *settings, .now_ms = 1700000000000};
}

void
client_end(struct client *c)
{
	c->store = gp_store_free(c->store);
	c->disk = sim_free(c->disk);
}

void
client_fork(struct client *to, const struct client *from, struct sim *disk)
{
	memcpy(to, from, offsetof(struct client, sent) + from->sent_len * sizeof(from->sent[0]));
	to->sent_len = from->sent_len;
	to->id_max = from->id_max;
	to->now_ms = from->now_ms;
	to->lenient = from->lenient;
	to->wrong = from->wrong;
	to->disk = disk;
	to->store = NULL;
}

static void
say(struct client *c, const char *what)
{
	if (!c->wrong)
		c->wrong = what;
}

/* Mostly zeros, which are no operations on the simulated disk; the id at both ends. */
static void
fill(char *body, const struct sent *m)
{
	memset(body, 0, m->size);
	memcpy(body, &m->id, sizeof(m->id));
	memcpy(body + m->size - sizeof(m->id), &m->id, sizeof(m->id));
}

static const struct gp_slice forwarder = {"f@o", 3};
static const struct gp_rcpt rcpts[] = {{.address = GP_SLICE("a@b"), .forwarded = true}};

int
client_append(struct client *c, uint64_t size, bool own)
{
	gp_assert(c->sent_len < SENT_MAX && size >= 2 * sizeof(uint64_t));
	struct sent *m = &c->sent[c->sent_len];
	*m = (struct sent){.size = size, .own = own, .bounce = SIZE_MAX};
	int rc = gp_store_ids(c->store, 1, c->now_ms, &m->id);
	if (rc != 0)
		return rc;
	if (m->id <= c->id_max)
		say(c, "an id was given out twice");
	c->id_max = m->id;
	char *body = malloc(size);
	fill(body, m);
	struct gp_slice slice = gp_slice(body, size);
	struct gp_store_body b = {.slices = &slice, .slices_len = 1};
	struct gp_envelope e = {
		.sender = GP_SLICE("s@d"),
		.forwarder = forwarder,
		.arrival_ms = c->now_ms,
		.rcpts = rcpts,
		.rcpts_len = 1,
	};
	c->sent_len++;
	rc = gp_store_append(c->store, m->id, &e, &b, own ? GP_STORE_RESERVED : 0, NULL);
	free(body);
	/* What failed half way may come back after a cut; nobody will be told that it is safe. */
	m->put = rc == 0 ? ISSUED : NOT_YET;
	return rc;
}

int
client_defer(struct client *c, size_t i)
{
	struct sent *m = &c->sent[i];
	struct gp_queued *q = gp_store_find(c->store, m->id);
	if (!q)
		return -ENOENT;
	struct gp_rcpt_change change = {
		.state = {.last = {.kind = GP_OUTCOME_DEFERRED},
			  .attempts = ++m->attempts_issued,
			  .next_ms = c->now_ms + m->attempts_issued},
	};
	int rc = gp_store_outcome(c->store, q, &change, 1);
	m->attempts_issued -= rc != 0 && !sim_is_cut(c->disk);
	return rc;
}

int
client_finish(struct client *c, size_t i)
{
	struct sent *m = &c->sent[i];
	struct gp_queued *q = gp_store_find(c->store, m->id);
	if (!q)
		return -ENOENT;
	struct gp_rcpt_change change = {.state = {.last = {.kind = GP_OUTCOME_DELIVERED}}};
	int rc = gp_store_outcome(c->store, q, &change, 1);
	if (rc == GP_STORE_FINISHED || sim_is_cut(c->disk))
		m->finished = ISSUED;
	return rc == GP_STORE_FINISHED ? 0 : rc;
}

int
client_bounce(struct client *c, size_t i)
{
	size_t bounce = c->sent_len;
	int rc = client_append(c, 100, true);
	if (rc != 0)
		return rc;
	rc = client_finish(c, i);
	if (c->sent[i].finished == ISSUED)
		c->sent[i].bounce = bounce;
	return rc;
}

static void
answered(struct sent *m)
{
	m->put = m->put == ISSUED ? ACKED : m->put;
	m->finished = m->finished == ISSUED ? ACKED : m->finished;
	m->attempts_acked = m->attempts_issued;
}

static void
note_sync(struct client *c, int rc)
{
	bool alive = !gp_store_fatal(c->store);
	for (size_t i = 0; i < c->sent_len; i++) {
		struct sent *m = &c->sent[i];
		if (rc < 0 && m->put == ISSUED && !m->own) {
			m->put = NOT_YET;
			m->refused = alive;
		} else if (rc == 0 || alive) {
			answered(m);
		}
	}
}

int
client_sync(struct client *c)
{
	int rc = gp_store_sync(c->store);
	note_sync(c, rc);
	return rc;
}

int
client_reclaim(struct client *c)
{
	int rc;
	do
		rc = gp_store_reclaim(c->store);
	while (rc == GP_STORE_MORE);
	return rc < 0 ? client_sync(c) : rc;
}

static bool
quarantined(struct client *c, const struct sent *m)
{
	const char *name;
	for (size_t i = 0; (name = sim_name(c->disk, "quarantine", i)); i++) {
		uint64_t size;
		const char *bytes = sim_file(c->disk, "quarantine", name, &size);
		if (bytes && memmem(bytes, size, &m->id, sizeof(m->id)))
			return true;
	}
	return false;
}

static void
check_missing(struct client *c, const struct sent *m)
{
	if (m->flipped) {
		/* In the last batch it cannot be told from a torn one. */
		bool told = c->report.damaged > 0 || c->report.tail_size > 0;
		if (m->put == ACKED && m->finished == NOT_YET && !told && !quarantined(c, m))
			say(c, "a damaged message is gone without a trace");
		return;
	}
	if (m->put == ACKED && m->finished == NOT_YET && !c->lenient)
		say(c, "an acknowledged message is lost");
	if (m->put != ACKED || m->finished != ISSUED || m->bounce == SIZE_MAX || c->lenient)
		return;
	const struct sent *b = &c->sent[m->bounce];
	if (b->finished == NOT_YET && !gp_store_find(c->store, b->id))
		say(c, "a message failed and its bounce is lost");
}

static void
check_found(struct client *c, const struct sent *m, const struct gp_queued *q)
{
	if (m->finished == ACKED && !c->lenient)
		say(c, "a finished message came back");
	if (m->refused && !c->lenient)
		say(c, "a refused message came back");
	struct gp_arena arena = GP_ARENA_INIT(8 << 20);
	struct gp_stored s;
	int rc = gp_store_read(c->store, q, &arena, &s);
	char *body = malloc(m->size);
	fill(body, m);
	if (rc != 0 && !(m->flipped && rc == GP_STORE_DAMAGED))
		say(c, "a message cannot be read");
	else if (rc == 0 && !gp_slice_eq(s.body, gp_slice(body, m->size)))
		say(c, "a body is not what was appended");
	else if (rc == 0 &&
		 !(gp_slice_eq(s.envelope.forwarder, forwarder) && s.envelope.rcpts[0].forwarded))
		say(c, "a reverse-path is lost");
	else if (rc == 0 && (s.states[0].attempts > m->attempts_issued ||
			     (s.states[0].attempts < m->attempts_acked && !c->lenient)))
		say(c, "an acknowledged outcome is lost");
	free(body);
	gp_arena_free(&arena);
}

void
client_check(struct client *c)
{
	uint64_t known = 0;
	for (size_t i = 0; i < c->sent_len; i++) {
		const struct gp_queued *q = gp_store_find(c->store, c->sent[i].id);
		known += q != NULL;
		if (q)
			check_found(c, &c->sent[i], q);
		else
			check_missing(c, &c->sent[i]);
	}
	if (known != gp_store_stats(c->store).messages)
		say(c, "the store holds what nobody appended");
}

/* From here on the client believes what it saw. */
static void
believe(struct client *c)
{
	for (size_t i = 0; i < c->sent_len; i++) {
		struct sent *m = &c->sent[i];
		struct gp_queued *q = gp_store_find(c->store, m->id);
		if (!q) {
			if (!m->flipped || c->report.tail_size > 0 || m->put != ACKED)
				m->finished = ACKED;
			m->put = ACKED;
			continue;
		}
		struct gp_arena arena = GP_ARENA_INIT(8 << 20);
		struct gp_stored s = {};
		m->put = ACKED;
		m->finished = NOT_YET;
		m->refused = false;
		m->bounce = SIZE_MAX;
		if (gp_store_read_envelope(c->store, q, &arena, &s) == 0)
			m->attempts_acked = m->attempts_issued = s.states[0].attempts;
		gp_arena_free(&arena);
	}
}

bool
client_open(struct client *c, int *ret)
{
	*ret = gp_store_open(sim_io(c->disk), sim_root(c->disk), &c->settings, c->now_ms, &c->store,
			     &c->report);
	if (*ret != 0)
		return false;
	client_check(c);
	if (c->report.damaged > 0 && !c->lenient)
		say(c, "damage was reported where there is none");
	believe(c);
	return true;
}

size_t
client_oldest(const struct client *c)
{
	for (size_t i = 0; i < c->sent_len; i++)
		if (c->sent[i].finished == NOT_YET && !c->sent[i].flipped && c->store &&
		    gp_store_find(c->store, c->sent[i].id))
			return i;
	return SIZE_MAX;
}

bool
client_flip(struct client *c, size_t i)
{
	struct sent *m = &c->sent[i];
	const char *name;
	for (size_t k = 0; (name = sim_name(c->disk, NULL, k)); k++) {
		uint64_t size;
		const char *bytes = sim_file(c->disk, NULL, name, &size);
		/* The last octets of the body: the id stands in the head too. */
		char end[16] = {};
		memcpy(end + 8, &m->id, sizeof(m->id));
		const char *at = bytes && strlen(name) == 16 ? memmem(bytes, size, end, 16) : NULL;
		if (!at)
			continue;
		sim_flip(c->disk, name, (uint64_t)(at - bytes) + 3, 0x10);
		m->flipped = true;
		c->lenient = true;
		return true;
	}
	return false;
}
