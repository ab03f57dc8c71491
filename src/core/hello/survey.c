/* SPDX-License-Identifier: Apache-2.0 */
/* A table of tasks: what each would ask, and what an answer tells. A task has at most one question
 * under way, and its index is the question's id. */
#include "core/hello/survey.h"

enum kind {
	VERSION,  /* is it spoken? */
	ORDER,    /* who chooses? our list the other way round */
	FALLBACK, /* is a downgrade noticed? */
	GREASE,   /* are unknown values passed over? */
	CHAIN,    /* the certificate of the other kind of key */
	CIPHERS,  /* what is left of a class */
	CURVES,   /* what is left of them, in TLS 1.2 or earlier */
	WEAK,     /* curves that nobody should take */
	GROUPS,   /* what is left of them, in TLS 1.3 */
};

enum state { IDLE, ASKED, OVER, GIVEN_UP };

struct task {
	uint8_t kind, state;
	uint8_t version; /* index; of VERSION and CIPHERS always, of the others once asked */
	uint8_t class;   /* enum gp_cipher_class, of CIPHERS */
	bool modest;     /* VERSION: once more, without what old servers choke on */
	bool lost;
	uint16_t answers;
	uint16_t ciphers[GP_CIPHERS];
	uint16_t groups[GP_HELLO_GROUPS_MAX];
	struct gp_survey_question question;
};

enum {
	V_SSL2,
	V_SSL3,
	V_TLS11 = 3,
	V_TLS12 = 4,
	V_TLS13 = 5,
	V_NONE = 255,
	TASKS_MAX = 40,
	PROTOCOL_VERSION = 70,       /* RFC 5246 section 7.2.2 */
	INAPPROPRIATE_FALLBACK = 86, /* RFC 7507 section 3 */
	MODEST_CIPHERS = 60,         /* some old servers take 64 at most */
};

struct gp_survey {
	struct gp_arena *arena;
	struct gp_survey_options options;
	struct gp_survey_facts facts;
	uint16_t lists[GP_SURVEY_VERSIONS][GP_CIPHERS]; /* all that can be asked for */
	size_t lists_len[GP_SURVEY_VERSIONS];
	struct task tasks[TASKS_MAX];
	size_t tasks_len, under_way;
	const char *stopped; /* why; NULL: it goes on */
};

static const uint16_t good_curves[] = {29, 23, 24, 25, 30, 22, 26, 27, 28, 9, 10, 11, 12, 13, 14};
static const uint16_t weak_curves[] = {1, 2, 3, 4, 5, 6, 7, 8, 15, 16, 17, 18, 19, 20, 21};
static const uint16_t all_groups[] = {0x11ec, 0x11eb, 0x11ed, 29,  23,  30,  25,  24,
				      31,     32,     33,     256, 257, 258, 259, 260};
static const uint16_t schemes[] = {0x0403, 0x0503, 0x0603, 0x0807, 0x0808, 0x0804, 0x0805,
				   0x0806, 0x0809, 0x080a, 0x080b, 0x0401, 0x0501, 0x0601,
				   0x0203, 0x0201, 0x0402, 0x0202, 0x0101};

/* --- what is known --- */

static bool
has(const uint16_t *list, size_t len, uint16_t item)
{
	for (size_t i = 0; i < len; i++)
		if (list[i] == item)
			return true;
	return false;
}

static bool
versions_settled(const struct gp_survey *s)
{
	for (size_t i = 0; i < s->tasks_len; i++)
		if (s->tasks[i].kind == VERSION && s->tasks[i].state < OVER)
			return false;
	return true;
}

/* The best version below `under` that has ClientHellos as we know them; V_NONE: there is none. */
static uint8_t
best(const struct gp_survey *s, uint8_t under)
{
	for (uint8_t v = under; v-- > V_SSL3;)
		if (s->facts.versions[v].spoken == GP_SURVEY_YES)
			return v;
	return V_NONE;
}

/* Puts the first suites that the version has in the task. */
static void
offer_first(const struct gp_survey *s, struct task *t, size_t max)
{
	size_t len = GP_MIN(s->lists_len[t->version], max);
	for (size_t i = 0; i < len; i++)
		t->ciphers[i] = s->lists[t->version][i];
	t->question.hello.ciphers_len = len;
}

/* Puts the suites of this key exchange that are known to be accepted in the task. */
static void
offer_known(const struct gp_survey *s, struct task *t, enum gp_cipher_kx kx)
{
	const struct gp_survey_version *v = &s->facts.versions[t->version];
	struct gp_hello *h = &t->question.hello;
	for (size_t i = 0; i < v->ciphers_len; i++)
		if (gp_cipher_of(v->ciphers[i])->kx == kx)
			t->ciphers[h->ciphers_len++] = v->ciphers[i];
}

/* Puts what is not known yet of the list in the task. */
static void
offer_groups(struct task *t, const uint16_t *list, size_t len, const uint16_t *known,
	     size_t known_len)
{
	struct gp_hello *h = &t->question.hello;
	h->groups_len = 0;
	for (size_t i = 0; i < len; i++)
		if (!has(known, known_len, list[i]))
			t->groups[h->groups_len++] = list[i];
	h->groups = t->groups;
}

/* --- what each kind asks; false: nothing, at least not now --- */

static bool
ask_version(const struct gp_survey *s, struct task *t)
{
	struct gp_hello *h = &t->question.hello;
	offer_first(s, t, t->modest ? MODEST_CIPHERS : GP_CIPHERS);
	h->flags |= GP_HELLO_STATUS;
	if (!t->modest && h->version <= GP_TLS_1_2)
		h->flags |= GP_HELLO_HEARTBEAT | GP_HELLO_DEFLATE;
	t->question.want = GP_FLIGHT_WHOLE;
	return true;
}

static bool
ask_order(const struct gp_survey *s, struct task *t)
{
	offer_first(s, t, GP_CIPHERS);
	size_t len = t->question.hello.ciphers_len;
	for (size_t i = 0; i < len / 2; i++) {
		uint16_t first = t->ciphers[i];
		t->ciphers[i] = t->ciphers[len - 1 - i];
		t->ciphers[len - 1 - i] = first;
	}
	return true;
}

static bool
ask_plainly(const struct gp_survey *s, struct task *t, uint16_t flag)
{
	offer_first(s, t, GP_CIPHERS);
	t->question.hello.flags |= flag;
	return true;
}

/* Only suites whose certificate is of the kind that has not been seen. */
static bool
ask_chain(const struct gp_survey *s, struct task *t)
{
	if (s->facts.rsa.len > 0 && s->facts.ecdsa.len > 0)
		return false;
	uint8_t by = s->facts.rsa.len > 0 ? GP_BY_ECDSA : GP_BY_RSA;
	struct gp_hello *h = &t->question.hello;
	const uint16_t *all = s->lists[t->version];
	size_t len = s->lists_len[t->version];
	for (size_t i = 0; i < len; i++)
		if (gp_cipher_of(all[i])->by == by)
			t->ciphers[h->ciphers_len++] = all[i];
	t->question.want = GP_FLIGHT_WHOLE;
	return h->ciphers_len > 0;
}

static bool
ask_ciphers(const struct gp_survey *s, struct task *t)
{
	const struct gp_survey_version *v = &s->facts.versions[t->version];
	struct gp_hello *h = &t->question.hello;
	const uint16_t *all = s->lists[t->version];
	size_t len = v->spoken == GP_SURVEY_YES ? s->lists_len[t->version] : 0;
	for (size_t i = 0; i < len; i++)
		if (gp_cipher_class(gp_cipher_of(all[i])) == t->class &&
		    !has(v->ciphers, v->ciphers_len, all[i]))
			t->ciphers[h->ciphers_len++] = all[i];
	/* How large its primes and temporary keys are stands behind the certificate. */
	if (t->class == GP_CLASS_BROKEN || (t->class == GP_CLASS_DHE && s->facts.dh_bits == 0))
		t->question.want = GP_FLIGHT_WHOLE;
	return h->ciphers_len > 0;
}

static bool
ask_curves(const struct gp_survey *s, struct task *t)
{
	const struct gp_survey_facts *f = &s->facts;
	if (t->kind == WEAK)
		offer_groups(t, weak_curves, GP_ARRAY_LEN(weak_curves), f->curves, f->curves_len);
	else
		offer_groups(t, good_curves, GP_ARRAY_LEN(good_curves), f->curves, f->curves_len);
	offer_known(s, t, GP_KX_ECDHE);
	t->question.want = GP_FLIGHT_WHOLE;
	return t->question.hello.ciphers_len > 0 && t->question.hello.groups_len > 0;
}

static bool
ask_groups(const struct gp_survey *s, struct task *t)
{
	const struct gp_survey_facts *f = &s->facts;
	offer_groups(t, all_groups, GP_ARRAY_LEN(all_groups), f->groups, f->groups_len);
	offer_known(s, t, GP_KX_ANY);
	return t->question.hello.ciphers_len > 0 && t->question.hello.groups_len > 0;
}

static bool
is_settled(const struct gp_survey *s, uint8_t version)
{
	for (size_t i = 0; i < s->tasks_len; i++)
		if (s->tasks[i].kind == VERSION && s->tasks[i].version == version)
			return s->tasks[i].state >= OVER;
	gp_unreachable("each version has its task");
}

/* Does a brief survey ask for the version, and now? Of what is older than TLS 1.1 the next newer
   version's answer may make it needless. */
static bool
is_asked_briefly(const struct gp_survey *s, uint8_t version)
{
	if (version == V_TLS13)
		return is_settled(s, V_TLS12) && s->facts.versions[V_TLS12].spoken != GP_SURVEY_YES;
	return version == V_SSL2 || version >= V_TLS11 || is_settled(s, (uint8_t)(version + 1));
}

/* The version that a task asks in; V_NONE: not known, or none that will do. */
static uint8_t
version_of(const struct gp_survey *s, const struct task *t)
{
	switch ((enum kind)t->kind) {
	case VERSION:
		return !s->options.brief || is_asked_briefly(s, t->version) ? t->version : V_NONE;
	case CIPHERS:
		return t->version;
	case GROUPS:
		return s->facts.versions[V_TLS13].spoken == GP_SURVEY_YES ? V_TLS13 : V_NONE;
	default:
		break;
	}
	if (!versions_settled(s))
		return V_NONE;
	uint8_t highest = best(s, GP_SURVEY_VERSIONS);
	if (t->kind == GREASE || highest == V_NONE)
		return highest;
	if (t->kind == FALLBACK)
		return best(s, highest);
	return best(s, V_TLS13);
}

/* Composes the task's next question. */
static bool
compose(const struct gp_survey *s, struct task *t)
{
	uint8_t v = version_of(s, t);
	if (v == V_NONE)
		return false;
	t->version = v;
	t->question = (struct gp_survey_question){
		.id = (unsigned)(t - s->tasks),
		.want = GP_FLIGHT_HELLO,
		.hello =
			{
				.version = s->facts.versions[v].version,
				.flags = GP_HELLO_RENEGOTIATION | GP_HELLO_MASTER_SECRET |
					 GP_HELLO_TICKET,
				.ciphers = t->ciphers,
				.schemes = schemes,
				.schemes_len = GP_ARRAY_LEN(schemes),
				.sni = s->options.sni,
			},
	};
	if (v == V_TLS13)
		offer_groups(t, all_groups, GP_ARRAY_LEN(all_groups), NULL, 0);
	else
		offer_groups(t, good_curves, GP_ARRAY_LEN(good_curves), NULL, 0);
	switch ((enum kind)t->kind) {
	case VERSION:
		return ask_version(s, t);
	case ORDER:
		return ask_order(s, t);
	case FALLBACK:
		return ask_plainly(s, t, GP_HELLO_FALLBACK);
	case GREASE:
		return ask_plainly(s, t, GP_HELLO_GREASE);
	case CHAIN:
		return ask_chain(s, t);
	case CIPHERS:
		return ask_ciphers(s, t);
	case CURVES:
	case WEAK:
		return ask_curves(s, t);
	case GROUPS:
		return ask_groups(s, t);
	}
	gp_unreachable("no such kind");
}

/* The less the earlier. */
static unsigned
urgency(const struct task *t)
{
	if (t->kind == VERSION)
		return 0;
	if (t->kind < CIPHERS || t->kind == WEAK)
		return 1;
	return t->kind == CIPHERS && t->class == GP_CLASS_BROKEN ? 2 : 3U + t->answers;
}

/* The most urgent task that has something to ask, its question composed. */
static struct task *
choose(struct gp_survey *s)
{
	uint64_t idle = 0;
	static_assert(TASKS_MAX <= 64);
	for (size_t i = 0; i < s->tasks_len; i++)
		idle |= (uint64_t)(s->tasks[i].state == IDLE) << i;
	while (idle) {
		size_t first = TASKS_MAX;
		for (size_t i = 0; i < s->tasks_len; i++)
			if (idle >> i & 1 && (first == TASKS_MAX ||
					      urgency(&s->tasks[i]) < urgency(&s->tasks[first])))
				first = i;
		if (compose(s, &s->tasks[first]))
			return &s->tasks[first];
		idle &= ~(UINT64_C(1) << first);
	}
	return NULL;
}

/* A version's list is whole when none of its classes has more to be asked. */
static enum gp_survey_step
end(struct gp_survey *s)
{
	for (size_t v = 0; v < GP_SURVEY_VERSIONS; v++) {
		struct gp_survey_version *version = &s->facts.versions[v];
		version->broken_listed = version->spoken == GP_SURVEY_YES && v != V_SSL2;
		version->listed = version->spoken == GP_SURVEY_YES && !s->options.brief;
	}
	for (size_t i = 0; i < s->tasks_len; i++) {
		struct task *t = &s->tasks[i];
		struct gp_survey_version *version = &s->facts.versions[t->version];
		if (t->kind != CIPHERS ||
		    (t->state != GIVEN_UP && !(t->state == IDLE && compose(s, t))))
			continue;
		version->listed = false;
		version->broken_listed &= t->class != GP_CLASS_BROKEN;
	}
	return GP_SURVEY_DONE;
}

/* Why nothing more is asked, whatever there may be to ask; NULL: it is. */
static const char *
why_spent(const struct gp_survey *s)
{
	if (s->stopped)
		return s->stopped;
	if (s->facts.lost >= GP_SURVEY_LOST_MAX)
		return "too many connections failed";
	return s->facts.connections >= s->options.connections_max ? "no more connections are spent"
								  : NULL;
}

void
gp_survey_stop(struct gp_survey *s, const char *why)
{
	if (!s->stopped)
		s->stopped = why;
}

enum gp_survey_step
gp_survey_next(struct gp_survey *s, struct gp_survey_question *ret)
{
	if (s->under_way == GP_SURVEY_UNDER_WAY_MAX)
		return GP_SURVEY_WAIT;
	struct task *chosen = choose(s);
	const char *spent = why_spent(s);
	if (!chosen || spent) {
		if (s->under_way > 0)
			return GP_SURVEY_WAIT;
		s->facts.cut = chosen != NULL;
		s->facts.cut_why = chosen ? spent : NULL;
		return end(s);
	}
	chosen->state = ASKED;
	s->under_way++;
	s->facts.connections++;
	*ret = chosen->question;
	return GP_SURVEY_ASK;
}

/* --- what an answer tells --- */

static void
learn_chain(struct gp_survey *s, struct gp_survey_chain *chain, const struct gp_flight *a)
{
	if (chain->len > 0 || a->certificates_len == 0)
		return;
	struct gp_slice *copy =
		gp_arena_array(s->arena, a->certificates_len, sizeof(struct gp_slice));
	if (!copy)
		return;
	for (size_t i = 0; i < a->certificates_len; i++)
		copy[i] = gp_arena_dup(s->arena, a->certificates[i]);
	*chain = (struct gp_survey_chain){copy, a->certificates_len};
}

static void
learn_sizes(struct gp_survey_facts *f, const struct gp_flight *a)
{
	if (a->dh_bits > 0 && (f->dh_bits == 0 || a->dh_bits < f->dh_bits)) {
		f->dh_bits = a->dh_bits;
		f->dh_prime = a->dh_prime;
	}
	if (a->rsa_bits > 0 && (f->export_bits == 0 || a->rsa_bits < f->export_bits))
		f->export_bits = a->rsa_bits;
}

/* The suite that was chosen. False: it was not on offer. */
static bool
learn_cipher(struct gp_survey *s, const struct task *t, const struct gp_flight *a)
{
	struct gp_survey_version *v = &s->facts.versions[t->version];
	if (!has(t->ciphers, t->question.hello.ciphers_len, a->cipher))
		return false;
	learn_sizes(&s->facts, a);
	uint8_t by = gp_cipher_of(a->cipher)->by;
	if (by == GP_BY_RSA)
		learn_chain(s, &s->facts.rsa, a);
	else if (by == GP_BY_ECDSA)
		learn_chain(s, &s->facts.ecdsa, a);
	if (!has(v->ciphers, v->ciphers_len, a->cipher))
		v->ciphers[v->ciphers_len++] = a->cipher;
	return true;
}

static bool
learn_group(const struct task *t, const struct gp_flight *a, uint16_t *known, size_t *len)
{
	if (!has(t->groups, t->question.hello.groups_len, a->group))
		return false;
	if (!has(known, *len, a->group))
		known[(*len)++] = a->group;
	return true;
}

/* Of several versions the worse counts: `worse` stays once it is known. */
static void
learn_extension(uint8_t *fact, bool taken, enum gp_survey_known worse)
{
	if (*fact != worse)
		*fact = taken ? GP_SURVEY_YES : GP_SURVEY_NO;
}

static void
learn_extensions(struct gp_survey_facts *f, const struct task *t, const struct gp_flight *a)
{
	uint16_t asked = t->question.hello.flags;
	if (a->version < GP_SSL_3 || a->version >= GP_TLS_1_3)
		return;
	if (asked & GP_HELLO_DEFLATE)
		learn_extension(&f->deflate, a->took & GP_TOOK_DEFLATE, GP_SURVEY_YES);
	if (a->version == GP_SSL_3)
		return;
	learn_extension(&f->renegotiation, a->took & GP_TOOK_RENEGOTIATION, GP_SURVEY_NO);
	learn_extension(&f->master_secret, a->took & GP_TOOK_MASTER_SECRET, GP_SURVEY_NO);
	learn_extension(&f->ticket, a->took & GP_TOOK_TICKET, GP_SURVEY_YES);
	learn_extension(&f->stapled, a->staple.len > 0, GP_SURVEY_YES);
	if (asked & GP_HELLO_HEARTBEAT)
		learn_extension(&f->heartbeat, a->took & GP_TOOK_HEARTBEAT, GP_SURVEY_YES);
}

/* A server answers with the best that it has up to what is offered, and with an alert where all of
   that is too old (RFC 5246 appendix E.1). SSLv2's hello is another matter. */
static void
refuse_older(struct gp_survey *s, uint8_t than)
{
	for (size_t i = 0; i < s->tasks_len; i++) {
		struct task *t = &s->tasks[i];
		if (t->version >= than || t->version == V_SSL2)
			continue;
		t->state = OVER;
		s->facts.versions[t->version].spoken = GP_SURVEY_NO;
	}
}

static void
answer_version(struct gp_survey *s, struct task *t, const struct gp_flight *a, bool agreed)
{
	struct gp_survey_version *v = &s->facts.versions[t->version];
	if (!agreed && !a->alert && !a->hello && !t->modest && t->version != V_SSL2) {
		t->modest = true;
		t->state = IDLE;
		return;
	}
	v->spoken = agreed ? GP_SURVEY_YES : GP_SURVEY_NO;
	if (s->options.brief && t->version <= V_TLS11 && a->alert &&
	    a->description == PROTOCOL_VERSION)
		refuse_older(s, t->version);
	if (!agreed)
		return;
	learn_extensions(&s->facts, t, a);
	learn_cipher(s, t, a);
	if (t->version < V_TLS13)
		learn_group(t, a, s->facts.curves, &s->facts.curves_len);
	else
		learn_group(t, a, s->facts.groups, &s->facts.groups_len);
}

/* A line of questions goes on as long as the server takes something of what is offered, which is
 * known from then on and offered no more. What a neighbour has found out meanwhile is no end. */
static bool
answer_line(struct gp_survey *s, const struct task *t, const struct gp_flight *a)
{
	struct gp_survey_facts *f = &s->facts;
	if (t->kind == CIPHERS)
		return learn_cipher(s, t, a);
	if (t->kind == GROUPS)
		return learn_group(t, a, f->groups, &f->groups_len);
	return learn_group(t, a, f->curves, &f->curves_len);
}

static void
take_answer(struct gp_survey *s, struct task *t, const struct gp_flight *a)
{
	struct gp_survey_facts *f = &s->facts;
	bool agreed = a->hello && a->version == t->question.hello.version;
	t->state = OVER;
	switch ((enum kind)t->kind) {
	case VERSION:
		answer_version(s, t, a, agreed);
		break;
	case ORDER:
		if (agreed)
			f->server_order = a->cipher == f->versions[t->version].ciphers[0]
						  ? GP_SURVEY_YES
						  : GP_SURVEY_NO;
		break;
	case FALLBACK:
		if (agreed)
			f->fallback = GP_SURVEY_NO;
		else if (a->alert && a->description == INAPPROPRIATE_FALLBACK)
			f->fallback = GP_SURVEY_YES;
		break;
	case GREASE:
		f->tolerant = agreed ? GP_SURVEY_YES : GP_SURVEY_NO;
		break;
	case CHAIN:
		break;
	case CIPHERS:
	case CURVES:
	case WEAK:
	case GROUPS:
		if (agreed && answer_line(s, t, a)) {
			t->answers++;
			t->state = IDLE;
		}
	}
	if (agreed && t->version != V_SSL2)
		learn_cipher(s, t, a);
}

void
gp_survey_answer(struct gp_survey *s, unsigned id, const struct gp_flight *answer)
{
	gp_assert(id < s->tasks_len && s->tasks[id].state == ASKED);
	struct task *t = &s->tasks[id];
	s->under_way--;
	if (answer) {
		take_answer(s, t, answer);
		return;
	}
	s->facts.lost++;
	t->state = t->lost ? GIVEN_UP : IDLE;
	t->lost = true;
}

/* --- the table --- */

static struct task *
add(struct gp_survey *s, enum kind kind)
{
	gp_assert(s->tasks_len < TASKS_MAX);
	struct task *t = &s->tasks[s->tasks_len++];
	t->kind = (uint8_t)kind;
	return t;
}

struct gp_survey *
gp_survey_new(struct gp_arena *arena, const struct gp_survey_options *options)
{
	static const uint16_t versions[GP_SURVEY_VERSIONS] = {GP_SSL_2,   GP_SSL_3,   GP_TLS_1_0,
							      GP_TLS_1_1, GP_TLS_1_2, GP_TLS_1_3};
	struct gp_survey *s = gp_arena_new(arena, struct gp_survey);
	if (!s)
		return NULL;
	s->arena = arena;
	s->options = *options;
	if (s->options.connections_max == 0)
		s->options.connections_max =
			options->brief ? GP_SURVEY_BRIEF_CONNECTIONS : GP_SURVEY_CONNECTIONS;
	/* The newest first, since most servers have only that. */
	for (uint8_t v = GP_SURVEY_VERSIONS; v-- > 0;) {
		s->facts.versions[v].version = versions[v];
		s->lists_len[v] = gp_cipher_list(versions[v], s->lists[v], GP_CIPHERS);
		add(s, VERSION)->version = v;
	}
	for (int kind = ORDER; kind <= GROUPS && !options->brief; kind++)
		if (kind != CIPHERS)
			add(s, (uint8_t)kind);
	for (uint8_t v = V_TLS13; v >= V_SSL3; v--)
		for (int class = GP_CLASS_TLS13; class <= GP_CLASS_STATIC; class ++) {
			if ((class == GP_CLASS_TLS13) != (v == V_TLS13) ||
			    (options->brief && class != GP_CLASS_BROKEN))
				continue;
			struct task *t = add(s, CIPHERS);
			t->version = v;
			t->class = (uint8_t) class;
		}
	return s;
}

const struct gp_survey_facts *
gp_survey_facts(const struct gp_survey *s)
{
	return &s->facts;
}
