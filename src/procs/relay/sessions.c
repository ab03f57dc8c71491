/* SPDX-License-Identifier: Apache-2.0 */
/*
 * TLS sessions that may be resumed, each under what it was made for: a destination, an address
 * there, and the proof that was demanded of it. A resumed session proves nothing anew, so none is
 * found under another key, and none long after its proof.
 */
#include <stdlib.h>

#include "base/list.h"
#include "base/map.h"
#include "procs/relay/relay.h"

struct entry {
	struct gp_list link;
	struct gp_tls_session *session;
	uint64_t proven_ms;
	struct gp_buf key;
};

static struct {
	struct gp_map by_key;
	struct gp_list used; /* the one that was kept last is the first */
} self = {.used = {&self.used, &self.used}};

static void
drop(struct entry *e)
{
	gp_map_remove(&self.by_key, gp_buf_slice(&e->key));
	gp_list_remove(&e->link);
	gp_tls_session_free(e->session);
	gp_buf_free(&e->key);
	free(e);
}

void
sessions_drop(struct gp_slice key)
{
	struct entry *e = gp_map_get(&self.by_key, key);
	if (e)
		drop(e);
}

const struct gp_tls_session *
sessions_find(struct gp_slice key, uint64_t *ret_proven_ms)
{
	struct entry *e = gp_map_get(&self.by_key, key);
	if (e && gp_loop_now_ms(relay.env->loop) - e->proven_ms >= RELAY_RESUME_MS) {
		drop(e);
		e = NULL;
	}
	if (!e)
		return NULL;
	*ret_proven_ms = e->proven_ms;
	return e->session;
}

void
sessions_keep(struct gp_slice key, struct gp_tls_session *session, uint64_t proven_ms)
{
	struct entry *e = session ? calloc(1, sizeof(*e)) : NULL;
	sessions_drop(key);
	if (!e) {
		gp_tls_session_free(session);
		return;
	}
	if (self.by_key.max == 0)
		self.by_key = gp_map(RELAY_RESUMED_MAX, relay.env->seed);
	if (self.by_key.len == RELAY_RESUMED_MAX)
		drop(gp_container_of(self.used.prev, struct entry, link));
	*e = (struct entry){
		.session = session, .proven_ms = proven_ms, .key = GP_BUF_INIT(RELAY_KEY_MAX)};
	gp_list_insert(&self.used, &e->link);
	if (!gp_buf_put(&e->key, key) || !gp_map_set(&self.by_key, gp_buf_slice(&e->key), e))
		drop(e);
}
