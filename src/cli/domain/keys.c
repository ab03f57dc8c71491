/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gatepost domain add, rotate: a domain's DKIM keys. Each run of rotate takes the one step that is
 * due (core/keyring/keyring.h draws them), or says what it waits for; so cron may run it.
 *
 *     add                      keys, pending; their records are printed
 *     rotate, records seen     they sign from now on; those before them retire
 *     rotate, overlap over     those that retire are revoked; the records that say so are printed
 *     rotate, overlap over     the revoked ones are forgotten; their names are printed
 *     rotate                   the next keys, pending; their records are printed
 */
#include <errno.h>
#include <stdio.h>

#include "cli/command.h"
#include "cli/domain/dkim_pair.h"
#include "cli/domain/records.h"
#include "core/message/date.h"

enum { TEXT_MAX = 1 << 20 };

/* What a run of rotate came to. */
struct step {
	struct domain_run *run;
	struct keyring_file *file;
	struct gp_slice did, next; /* for people; next: what they have to do */
	uint64_t due_s;            /* before then there is nothing to be done; 0: now */
	const char *records_are;   /* "publish", "remove"; NULL: there are none */
	enum gp_keyring_state of;  /* the state of the keys whose records those are */
	int code;
};

/* How long a record that is not used any more stays: what was signed with its key may be queued for
 * retry.for. */
static uint64_t
overlap_s(const struct domain_run *run)
{
	return GP_MAX(run->overlap_s, run->config->retry.lifetime / 1000);
}

/* --- what was done --- */

static bool
is_concerned(const struct step *s, const struct domain_record *r)
{
	return s->records_are && r->key && r->key->state == s->of;
}

static void
print_text(const struct step *s, const struct domain_records *records)
{
	struct gp_buf out = GP_BUF_INIT(TEXT_MAX);
	gp_buf_printf(&out, "; %.*s: %.*s\n; %.*s\n", GP_SLICE_FMT(s->run->name),
		      GP_SLICE_FMT(s->did), GP_SLICE_FMT(s->next));
	for (size_t i = 0; i < records->len; i++) {
		if (!is_concerned(s, &records->items[i]))
			continue;
		domain_write_record(&out, &records->items[i]);
		gp_buf_put_char(&out, '\n');
	}
	printf("%.*s", GP_SLICE_FMT(gp_buf_slice(&out)));
	gp_buf_free(&out);
}

static int
print_object(const struct step *s, const struct domain_records *records)
{
	json_t *list = json_array();
	for (size_t i = 0; i < records->len; i++) {
		if (is_concerned(s, &records->items[i]))
			json_array_append_new(list, domain_json_record(&records->items[i]));
	}
	return domain_print_json(json_pack(
		"{s:o, s:o, s:o, s:o, s:o, s:o}", "domain", domain_json_text(s->run, s->run->name),
		"did", domain_json_text(s->run, s->did), "next", domain_json_text(s->run, s->next),
		"due", s->due_s > 0 ? json_integer((json_int_t)s->due_s) : json_null(),
		s->records_are ? s->records_are : "publish", list, "keys",
		domain_json_keys(s->run)));
}

static int
report(const struct step *s)
{
	struct domain_records records;
	s->run->ring = s->file->ring;
	int code = domain_make_records(s->run, &records);
	if (code == GP_EXIT_OK && s->run->json)
		code = print_object(s, &records);
	else if (code == GP_EXIT_OK)
		print_text(s, &records);
	if (code == GP_EXIT_OK && fflush(stdout) != 0)
		code = domain_fail(-EIO);
	return code == GP_EXIT_OK ? s->code : code;
}

static struct gp_slice
date_of(const struct step *s, uint64_t epoch_s)
{
	return gp_arena_dup(&s->run->arena, gp_slice_str(gp_date_stamp(epoch_s).s));
}

/* --- the steps --- */

/* Whether the record is there as it should be; else why not, in words. */
static int
look(struct gp_lookup *lookup, struct domain_run *run, const struct gp_keyring_key *key,
     struct gp_slice *ret_why)
{
	struct gp_dns_answer answer;
	struct gp_slice name = domain_key_name(run, key);
	if (!name.ptr || !gp_lookup_get(lookup, name, GP_DNS_TXT, &answer) ||
	    gp_dns_status_temporary(answer.status)) {
		*ret_why = GP_SLICE("the DNS did not answer");
		return GP_EXIT_UNKNOWN;
	}
	if (answer.records_len == 1 && gp_keyring_record_is(key, answer.records[0].data))
		return GP_EXIT_OK;
	*ret_why = answer.records_len == 0  ? GP_SLICE("is not there")
		   : answer.records_len > 1 ? GP_SLICE("is not alone")
					    : GP_SLICE("is another one");
	return GP_EXIT_BAD;
}

/* All pending keys; the worst of what was found. */
static int
look_at_all(struct step *s)
{
	struct gp_lookup lookup;
	struct domain_run *run = s->run;
	int worst = domain_lookup(run, &lookup);
	bool open = worst == GP_EXIT_OK;
	for (size_t i = 0; open && i < s->file->ring.len; i++) {
		const struct gp_keyring_key *key = &s->file->ring.keys[i];
		struct gp_slice why = {};
		if (key->state != GP_KEYRING_PENDING)
			continue;
		int code = look(&lookup, run, key, &why);
		if (code == GP_EXIT_OK)
			continue;
		s->did = gp_arena_printf(&run->arena, "waits; the record %.*s._domainkey.%.*s %.*s",
					 GP_SLICE_FMT(key->selector), GP_SLICE_FMT(run->name),
					 GP_SLICE_FMT(why));
		worst = GP_MAX(worst, code);
	}
	gp_lookup_close(&lookup);
	return worst;
}

static void
activate(struct step *s)
{
	struct gp_keyring *ring = &s->file->ring;
	bool first = gp_keyring_count(ring, GP_KEYRING_ACTIVE) == 0;
	s->code = look_at_all(s);
	if (s->code != GP_EXIT_OK) {
		s->next = GP_SLICE("Publish these records, then run this again:");
		s->records_are = "publish";
		s->of = GP_KEYRING_PENDING;
		return;
	}
	gp_keyring_activate(ring, s->run->now_s);
	s->did = GP_SLICE("the new keys are published, and sign from now on");
	s->due_s = first ? 0 : s->run->now_s + overlap_s(s->run);
	s->next = first ? GP_SLICE("A running gateway takes them within a minute, or at SIGHUP.")
			: gp_arena_printf(&s->run->arena,
					  "A running gateway takes them within a minute, or at "
					  "SIGHUP. Leave the old records; run this again after "
					  "%.*s.",
					  GP_SLICE_FMT(date_of(s, s->due_s)));
	s->code = keyring_file_write(s->file);
}

/* Whether the keys of that state have waited long enough; else says so. */
static bool
is_over(struct step *s, enum gp_keyring_state state, const char *what)
{
	s->due_s = gp_keyring_since_s(&s->file->ring, state) + overlap_s(s->run);
	if (s->run->now_s >= s->due_s) {
		s->due_s = 0;
		return true;
	}
	s->did = gp_arena_printf(&s->run->arena, "nothing to be done; %s stay until %.*s", what,
				 GP_SLICE_FMT(date_of(s, s->due_s)));
	s->next = GP_SLICE("Run this again after that.");
	return false;
}

static void
revoke_key(struct step *s)
{
	if (!is_over(s, GP_KEYRING_RETIRING, "the records of the old keys"))
		return;
	gp_keyring_revoke(&s->file->ring, s->run->now_s);
	s->due_s = s->run->now_s + overlap_s(s->run);
	s->did = GP_SLICE("the old keys are destroyed");
	s->next = gp_arena_printf(&s->run->arena,
				  "Publish in place of theirs these records, which revoke them; "
				  "run this again after %.*s:",
				  GP_SLICE_FMT(date_of(s, s->due_s)));
	s->records_are = "publish";
	s->of = GP_KEYRING_REVOKED;
	s->code = keyring_file_write(s->file);
}

/* The records are printed for the last time, by the names that they have. */
static int
forget(struct step *s)
{
	if (!is_over(s, GP_KEYRING_REVOKED, "the records that revoke the old keys"))
		return report(s);
	s->did = GP_SLICE("the change of keys is complete");
	s->next = GP_SLICE("Remove these records:");
	s->records_are = "remove";
	s->of = GP_KEYRING_REVOKED;
	struct gp_keyring before = s->file->ring;
	gp_keyring_forget(&s->file->ring);
	s->code = keyring_file_write(s->file);
	if (s->code == GP_EXIT_OK)
		s->file->ring = before;
	return report(s);
}

static void
begin(struct step *s)
{
	struct domain_run *run = s->run;
	struct gp_keyring *ring = &s->file->ring;
	s->due_s = gp_keyring_since_s(ring, GP_KEYRING_ACTIVE) + run->after_s;
	if (run->after_s > 0 && run->now_s < s->due_s) {
		s->did = GP_SLICE("nothing to be done; the keys are young");
		s->next = gp_arena_printf(&run->arena, "The next ones are due at %.*s.",
					  GP_SLICE_FMT(date_of(s, s->due_s)));
		return;
	}
	s->due_s = 0;
	int r = dkim_pair_add(ring, run->now_s, &run->arena);
	s->code = r < 0 ? domain_fail(r) : keyring_file_write(s->file);
	s->did = GP_SLICE("new keys are made, and not used yet");
	s->next = GP_SLICE("Publish these records beside the others, then run this again:");
	s->records_are = "publish";
	s->of = GP_KEYRING_PENDING;
}

static int
take_step(struct step *s)
{
	switch (gp_keyring_next(&s->file->ring)) {
	case GP_KEYRING_ACTIVATE:
		activate(s);
		break;
	case GP_KEYRING_REVOKE:
		revoke_key(s);
		break;
	case GP_KEYRING_FORGET:
		return forget(s);
	case GP_KEYRING_ADD:
		begin(s);
		break;
	}
	/* What could not be done was told already. */
	return s->code == GP_EXIT_ERROR || s->code == GP_EXIT_USAGE ? s->code : report(s);
}

/* --- the verbs --- */

int
domain_rotate(struct domain_run *run)
{
	struct keyring_file file;
	struct step step = {.run = run, .file = &file};
	int code = keyring_file_open(&file, run->config, run->name, &run->arena);
	if (code == GP_EXIT_OK && !file.there) {
		fprintf(stderr,
			"gatepost domain: %.*s has no keys yet; `gatepost domain add` makes "
			"them\n",
			GP_SLICE_FMT(run->name));
		code = GP_EXIT_USAGE;
	}
	if (code == GP_EXIT_OK)
		code = take_step(&step);
	keyring_file_close(&file);
	return code;
}

static int
make_keys(struct domain_run *run, struct keyring_file *file)
{
	if (file->there) {
		fprintf(stderr,
			"gatepost domain: %s is there already; `gatepost domain show` prints what "
			"to publish, `gatepost domain rotate` changes keys\n",
			file->path);
		return GP_EXIT_USAGE;
	}
	int r = dkim_pair_add(&file->ring, run->now_s, &run->arena);
	return r < 0 ? domain_fail(r) : keyring_file_write(file);
}

int
domain_add(struct domain_run *run)
{
	struct keyring_file file;
	int code = keyring_file_open(&file, run->config, run->name, &run->arena);
	if (code == GP_EXIT_OK)
		code = make_keys(run, &file);
	keyring_file_close(&file);
	return code == GP_EXIT_OK ? domain_show(run) : code;
}
