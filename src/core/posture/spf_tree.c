/* SPDX-License-Identifier: Apache-2.0 */
#include "core/posture/spf_tree.h"

#include "core/spf/macro.h"

/* --- terms: what they lead to --- */

static bool
is_void(uint8_t status)
{
	return status == GP_DNS_NODATA || status == GP_DNS_NXDOMAIN;
}

/* RFC 7208 section 4.6.4: nothing there for clients of one of the two kinds. */
static void
resolve_address(struct posture_run *run, struct posture_spf_term *t)
{
	struct gp_dns_answer a, aaaa;
	bool known = posture_ask(run, t->target, GP_DNS_A, &a);
	known &= posture_ask(run, t->target, GP_DNS_AAAA, &aaaa);
	if (!known)
		return;
	t->nxdomain = a.status == GP_DNS_NXDOMAIN && aaaa.status == GP_DNS_NXDOMAIN;
	t->void4 = is_void(a.status);
	t->void6 = is_void(aaaa.status);
	t->trouble = gp_dns_status_temporary(a.status) || gp_dns_status_temporary(aaaa.status);
}

/* Clients of either kind ask for A (section 5.7). */
static void
resolve_exists(struct posture_run *run, struct posture_spf_term *t)
{
	struct gp_dns_answer a;
	if (!posture_ask(run, t->target, GP_DNS_A, &a))
		return;
	t->nxdomain = a.status == GP_DNS_NXDOMAIN;
	t->void4 = t->void6 = is_void(a.status);
	t->trouble = gp_dns_status_temporary(a.status);
}

static void
resolve_hosts(struct posture_run *run, struct posture_spf_term *t, const struct gp_dns_answer *mx)
{
	bool void4 = true, void6 = true, known = true;
	for (size_t i = 0; i < mx->records_len; i++) {
		struct gp_dns_answer a, aaaa;
		struct gp_slice host = mx->records[i].name;
		if (gp_slice_eq(host, GP_SLICE(".")) || ++t->hosts > GP_SPF_HOSTS_MAX)
			continue;
		bool host_known = posture_ask(run, host, GP_DNS_A, &a);
		host_known &= posture_ask(run, host, GP_DNS_AAAA, &aaaa);
		known &= host_known;
		if (!host_known)
			continue;
		void4 &= is_void(a.status);
		void6 &= is_void(aaaa.status);
		t->trouble |=
			gp_dns_status_temporary(a.status) || gp_dns_status_temporary(aaaa.status);
	}
	t->void4 = known && t->hosts > 0 && void4;
	t->void6 = known && t->hosts > 0 && void6;
}

/* All hosts that it may have are charged for, known or not, so that each round counts the same. */
static void
resolve_mx(struct posture_run *run, struct posture_spf_term *t)
{
	struct gp_dns_answer mx;
	if (posture_ask(run, t->target, GP_DNS_MX, &mx)) {
		t->trouble = gp_dns_status_temporary(mx.status);
		t->nxdomain = mx.status == GP_DNS_NXDOMAIN;
		t->void4 = t->void6 = is_void(mx.status);
		if (mx.status == GP_DNS_OK)
			resolve_hosts(run, t, &mx);
	}
	unsigned charged = 2 * GP_MIN(t->hosts, (unsigned)GP_SPF_HOSTS_MAX);
	posture_merge(run, NULL, 0, 2 * GP_SPF_HOSTS_MAX - charged);
}

static bool
is_on_the_way(const struct posture_spf_node *node, struct gp_slice name)
{
	for (; node; node = node->parent) {
		if (gp_slice_eq_nocase(node->name, name))
			return true;
	}
	return false;
}

static void
add_child(struct posture_run *run, struct posture_spf *tree, const struct posture_spf_node *node,
	  struct posture_spf_term *t)
{
	t->loop = is_on_the_way(node, t->target);
	if (t->loop)
		return;
	if (tree->len == SPF_NODES_MAX) {
		tree->cut = true;
		return;
	}
	t->child = &tree->nodes[tree->len++];
	*t->child = (struct posture_spf_node){
		.parent = node,
		.name = t->target,
		.path = gp_arena_printf(run->arena, "%.*s > %.*s",
					GP_SLICE_FMT(gp_slice_take(node->path, SPF_PATH_MAX)),
					GP_SLICE_FMT(t->target)),
	};
}

static void
resolve(struct posture_run *run, struct posture_spf *tree, const struct posture_spf_node *node,
	struct posture_spf_term *t)
{
	struct gp_spf_name name = {.name = node->name};
	if (!gp_spf_term_asks(&t->term) || t->term.kind == GP_SPF_PTR)
		return;
	t->macro = gp_slice_find(t->term.spec, '%') >= 0;
	if (t->macro)
		return;
	if (t->term.spec.len > 0 && gp_spf_make_name(t->term.spec, run->arena, &name) != 0) {
		t->no_name = true;
		return;
	}
	t->target = name.name;
	if (t->term.kind == GP_SPF_A)
		resolve_address(run, t);
	else if (t->term.kind == GP_SPF_MX)
		resolve_mx(run, t);
	else if (t->term.kind == GP_SPF_EXISTS)
		resolve_exists(run, t);
	else
		add_child(run, tree, node, t);
}

/* --- records --- */

static size_t
count_words(struct gp_slice text)
{
	size_t n = 1;
	for (size_t i = 0; i < text.len; i++)
		n += text.ptr[i] == ' ';
	return n;
}

static bool
stands_twice(const struct posture_spf_node *node, const struct posture_spf_term *t)
{
	bool once = t->term.kind == GP_SPF_REDIRECT || t->term.kind == GP_SPF_EXP;
	for (size_t i = 0; once && &node->terms[i] != t; i++) {
		if (node->terms[i].term.kind == t->term.kind && !node->terms[i].bad)
			return true;
	}
	return false;
}

/* Mechanisms behind "all", and a redirect beside it, are passed over (sections 5.1 and 6.1). */
static void
settle(struct posture_spf_node *node)
{
	for (size_t i = 0; i < node->len; i++) {
		struct posture_spf_term *t = &node->terms[i];
		t->bad = t->bad || stands_twice(node, t);
		node->bad += t->bad; /* of all readings */
		if (t->bad)
			continue;
		if (t->term.kind < GP_SPF_REDIRECT && node->all)
			t->moot = true;
		else if (t->term.kind == GP_SPF_ALL)
			node->all = t;
		else if (t->term.kind == GP_SPF_REDIRECT)
			node->redirect = t;
	}
	if (node->all && node->redirect) {
		node->redirect->moot = true;
		node->redirect = NULL;
	}
}

static void
read_terms(struct posture_run *run, struct posture_spf *tree, struct posture_spf_node *node,
	   struct gp_slice text)
{
	size_t max = GP_MIN(count_words(text), (size_t)SPF_TERMS_MAX);
	node->terms = gp_arena_array(run->arena, max, sizeof(*node->terms));
	node->len = 0;
	while (node->terms && node->len < max) {
		struct posture_spf_term *t = &node->terms[node->len];
		struct gp_slice before = text;
		int rc = gp_spf_next(&text, &t->term);
		if (rc > 0)
			break;
		t->bad = rc < 0;
		do
			t->raw = gp_slice_cut(&before, ' ');
		while (t->raw.len == 0);
		node->len++;
	}
	node->cut = node->len == SPF_TERMS_MAX;
	tree->cut |= node->cut;
	node->all = node->redirect = NULL;
	settle(node);
}

static void
read_draft(struct posture_run *run, struct posture_spf *tree, struct posture_spf_node *node,
	   const struct posture_spf_draft *draft)
{
	struct gp_slice text = posture_spf_write(run, draft);
	node->lost = draft->lost;
	read_terms(run, tree, node, gp_slice_drop(text, sizeof("v=spf1") - 1));
}

/* The domain's own record is read on as it was meant, so that one mistake does not hide others. */
static void
understand(struct posture_run *run, struct posture_spf *tree, struct posture_spf_node *own)
{
	struct posture_spf_draft draft;
	for (size_t i = 0; i < own->len; i++) {
		if (own->terms[i].bad)
			posture_list_add(run, &own->faults, "\"%.*s\"",
					 GP_SLICE_FMT(own->terms[i].raw));
	}
	if (own->state == SPF_RECORD && own->bad > 0) {
		posture_spf_draft(run, own, NULL, &draft);
		read_draft(run, tree, own, &draft);
	} else if (own->state == SPF_SEVERAL || own->state == SPF_NONE) {
		if (posture_spf_guess(run, &own->answer, &draft))
			read_draft(run, tree, own, &draft);
	}
}

static void
read_node(struct posture_run *run, struct posture_spf *tree, struct posture_spf_node *node)
{
	struct gp_slice text;
	if (!posture_ask(run, node->name, GP_DNS_TXT, &node->answer))
		return;
	size_t found = gp_spf_select(&node->answer, &text);
	node->state = gp_dns_status_temporary(node->answer.status) ? SPF_TROUBLE
		      : found == 0                                 ? SPF_NONE
		      : found == 1                                 ? SPF_RECORD
								   : SPF_SEVERAL;
	if (node->state == SPF_RECORD)
		read_terms(run, tree, node, text);
	if (!node->parent)
		understand(run, tree, node);
	for (size_t i = 0; i < node->len; i++) {
		struct posture_spf_term *t = &node->terms[i];
		if (!t->bad && !t->moot)
			resolve(run, tree, node, t);
	}
}

/* --- counting --- */

static void
note_over(struct posture_spf_place *place, bool over, const struct posture_spf_node *node,
	  const struct posture_spf_term *t)
{
	if (over && !place->node)
		*place = (struct posture_spf_place){node, t};
}

static void
count_node(struct posture_spf_count *c, const struct posture_spf_node *node);

static void
count_term(struct posture_spf_count *c, const struct posture_spf_node *node,
	   const struct posture_spf_term *t)
{
	c->lookups += gp_spf_term_asks(&t->term);
	c->void4 += t->void4;
	c->void6 += t->void6;
	note_over(&c->lookups_over, c->lookups > GP_SPF_LOOKUPS_MAX, node, t);
	note_over(&c->void_over, GP_MAX(c->void4, c->void6) > GP_SPF_VOID_MAX, node, t);
	if (t->child)
		count_node(c, t->child);
}

/* In the order in which a verifier comes by; a redirect is followed last, wherever it stands. */
static void
count_node(struct posture_spf_count *c, const struct posture_spf_node *node)
{
	for (size_t i = 0; i < node->len; i++) {
		const struct posture_spf_term *t = &node->terms[i];
		if (!t->bad && !t->moot && t->term.kind < GP_SPF_REDIRECT)
			count_term(c, node, t);
	}
	if (node->redirect)
		count_term(c, node, node->redirect);
}

struct posture_spf_count
posture_spf_count_term(const struct posture_spf_node *node, const struct posture_spf_term *t)
{
	struct posture_spf_count c = {};
	count_term(&c, node, t);
	return c;
}

/* --- the tree --- */

const struct posture_spf_node *
posture_spf_end(const struct posture_spf_node *node)
{
	while (node && node->redirect)
		node = node->redirect->child;
	bool read = node && (node->state == SPF_RECORD || !node->parent);
	return read ? node : NULL;
}

/* Does it give a pass to anybody? */
static bool
is_authorising(const struct posture_spf_term *t)
{
	return !t->bad && !t->moot && t->term.kind < GP_SPF_REDIRECT &&
	       (t->term.qualifier == GP_SPF_PASS || t->term.qualifier == GP_SPF_NEUTRAL);
}

static void
note_facts(struct posture_run *run, const struct posture_spf *tree)
{
	struct gp_posture_facts *f = run->facts;
	const struct posture_spf_node *own = &tree->nodes[0], *end = posture_spf_end(own);
	f->spf.known = own->state > SPF_TROUBLE;
	f->spf.present = own->state == SPF_RECORD;
	f->spf.lookups = tree->count.lookups;
	struct gp_slice terms;
	if (f->spf.present && gp_spf_select(&own->answer, &terms) == 1)
		f->spf.record = gp_arena_printf(run->arena, "v=spf1%.*s", GP_SLICE_FMT(terms));
	f->spf.valid = f->spf.present && own->bad == 0;
	bool passes = own->redirect != NULL;
	for (size_t i = 0; i < own->len; i++)
		passes |= is_authorising(&own->terms[i]);
	f->spf.nobody = f->spf.valid && !passes && own->all;
	f->spf.closed = f->spf.valid && end && end->all && end->all->term.qualifier == GP_SPF_FAIL;
}

void
posture_read_spf(struct posture_run *run)
{
	struct posture_spf *tree = gp_arena_new(run->arena, struct posture_spf);
	unsigned before = run->asked;
	if (!tree)
		return;
	tree->nodes[tree->len++] =
		(struct posture_spf_node){.name = run->facts->domain, .path = run->facts->domain};
	for (size_t i = 0; i < tree->len; i++) {
		if (run->asked - before < SPF_ASK_MAX)
			read_node(run, tree, &tree->nodes[i]);
		else
			tree->cut = true;
	}
	count_node(&tree->count, &tree->nodes[0]);
	note_facts(run, tree);
	run->spf = tree;
}
