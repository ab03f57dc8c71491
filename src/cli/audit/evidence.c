/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/audit/evidence.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/base64.h"
#include "cli/audit/copy.h"
#include "cli/audit/options.h"
#include "cli/audit/zip.h"
#include "core/dns/message.h"
#include "core/message/date.h"
#include "sys/clock.h"

enum {
	PACKET_MAX = 65536,
	PIECE = 64 * 1024,
	FOLDER_MODE = 0755,
};

struct audit_seen_answer {
	struct audit_seen_answer *next;
	struct gp_ask_seen what;
	uint64_t time_s;
};

/* In their order, which is that of the archive and of the sums. */
enum file { RUN, ANSWERS, WORLD, FINDINGS, PAGE, FILES };

static const char *const names[FILES] = {
	[RUN] = "run.json",       [ANSWERS] = "answers.jsonl",
	[WORLD] = "world.json",   [FINDINGS] = "findings.jsonl",
	[PAGE] = "findings.html",
};

struct audit_evidence {
	const struct audit_evidence_run *run;
	bool archive;
	int folder; /* of files; of an archive, where it will lie */
	FILE *files[FILES];
	FILE *sums;
	struct audit_copy copies[2]; /* FINDINGS and PAGE */
	uint64_t begin_s;
	size_t domains, addresses, answers;
	struct zip zip;
	FILE *zip_file;
	char zip_path[4096]; /* while it is written */
};

static bool
complain(const struct audit_evidence *e, const char *file, int error)
{
	fprintf(stderr, "gatepost audit: %s%s%s: %s\n", e->run->path, file ? ": " : "",
		file ? file : "", strerror(error < 0 ? -error : error));
	return false;
}

/* --- what was answered --- */

struct audit_seen
audit_seen(void)
{
	return (struct audit_seen){.arena = GP_ARENA_INIT(AUDIT_SEEN_MAX)};
}

void
audit_seen_free(struct audit_seen *s)
{
	gp_arena_free(&s->arena);
	*s = (struct audit_seen){};
}

void
audit_seen_add(struct audit_seen *s, const struct gp_ask_seen *seen)
{
	struct audit_seen_answer *a = gp_arena_new(&s->arena, struct audit_seen_answer);
	if (!a)
		return;
	*a = (struct audit_seen_answer){
		.next = s->first, .what = *seen, .time_s = gp_clock_wall_ms() / 1000};
	a->what.question.name = gp_arena_dup(&s->arena, seen->question.name);
	a->what.packet = gp_arena_dup(&s->arena, seen->packet);
	if (s->arena.failed)
		return;
	s->first = a;
	s->len++;
}

/* RFC 3597 section 5 has a form for those without a name. */
static json_t *
type_json(uint16_t type)
{
	static const struct {
		uint16_t type;
		const char *name;
	} types[] = {
		{GP_DNS_A, "A"},       {GP_DNS_CNAME, "CNAME"}, {GP_DNS_PTR, "PTR"},
		{GP_DNS_MX, "MX"},     {GP_DNS_TXT, "TXT"},     {GP_DNS_AAAA, "AAAA"},
		{GP_DNS_TLSA, "TLSA"}, {GP_DNS_SPF, "SPF"},
	};
	char text[16];
	for (size_t i = 0; i < GP_ARRAY_LEN(types); i++) {
		if (types[i].type == type)
			return json_string(types[i].name);
	}
	snprintf(text, sizeof(text), "TYPE%u", type);
	return json_string(text);
}

static json_t *
packet_json(struct gp_slice packet)
{
	struct gp_buf text = GP_BUF_INIT(2 * PACKET_MAX);
	gp_base64_put(&text, packet);
	struct gp_slice s = gp_buf_slice(&text);
	json_t *value = text.failed ? NULL : json_stringn(s.ptr, s.len);
	gp_buf_free(&text);
	return value;
}

static json_t *
answer_json(struct gp_slice subject, const struct audit_seen_answer *a)
{
	static const char *const words[] = {[GP_DNS_OK] = "ok",
					    [GP_DNS_NODATA] = "nodata",
					    [GP_DNS_NXDOMAIN] = "nxdomain",
					    [GP_DNS_SERVFAIL] = "servfail",
					    [GP_DNS_TIMEOUT] = "timeout"};
	const struct gp_ask_seen *s = &a->what;
	uint32_t ttl_s;
	bool has_ttl = gp_dns_message_ttl(s->packet, &ttl_s);
	return json_pack("{s:s%, s:s%, s:o, s:s, s:s, s:b, s:o, s:o}", "for", subject.ptr,
			 subject.len, "name", s->question.name.ptr, s->question.name.len, "type",
			 type_json(s->question.type), "time", gp_date_stamp(a->time_s).s, "status",
			 words[s->status], "secure", (int)s->secure, "ttl",
			 has_ttl ? json_integer(ttl_s) : json_null(), "packet",
			 s->packet.len > 0 ? packet_json(s->packet) : json_null());
}

/* Takes the value, which may be NULL: no memory. */
static bool
put_json(struct audit_evidence *e, enum file which, json_t *value)
{
	bool good = value && json_dumpf(value, e->files[which], JSON_COMPACT) == 0 &&
		    putc('\n', e->files[which]) != EOF;
	json_decref(value);
	return good || complain(e, names[which], value ? EIO : ENOMEM);
}

static int
compare(const void *a, const void *b)
{
	const struct audit_seen_answer *const *x = a, *const *y = b;
	int order = gp_slice_cmp((*x)->what.question.name, (*y)->what.question.name);
	return order != 0 ? order : (*x)->what.question.type - (*y)->what.question.type;
}

/* They came in any order; they are told by name and type. */
bool
audit_evidence_answers(struct audit_evidence *e, struct gp_slice subject,
		       const struct audit_seen *seen)
{
	size_t len = 0;
	if (!seen || e->files[WORLD])
		return true;
	const struct audit_seen_answer **list = calloc(seen->len + 1, sizeof(*list));
	if (!list)
		return complain(e, names[ANSWERS], ENOMEM);
	for (const struct audit_seen_answer *a = seen->first; a; a = a->next)
		list[len++] = a;
	qsort(list, len, sizeof(*list), compare);
	bool good = true;
	for (size_t i = 0; i < len && good; i++)
		good = put_json(e, ANSWERS, answer_json(subject, list[i]));
	free(list);
	if (good && seen->arena.failed)
		good = put_json(e, ANSWERS,
				json_pack("{s:s%, s:s}", "for", subject.ptr, subject.len, "missing",
					  "its answers are more than is kept"));
	e->answers += len;
	return good;
}

/* --- what was found --- */

bool
audit_evidence_domain(struct audit_evidence *e, const struct gp_posture_result *r,
		      const struct audit_judged *judged, struct gp_arena *arena)
{
	e->domains++;
	for (size_t i = 0; i < GP_ARRAY_LEN(e->copies); i++) {
		int rc = audit_copy_domain(&e->copies[i], r, judged, arena);
		if (rc < 0)
			return complain(e, names[FINDINGS + i], rc);
	}
	return true;
}

bool
audit_evidence_address(struct audit_evidence *e, struct gp_slice address,
		       const struct gp_findings *findings, struct gp_arena *arena)
{
	e->addresses++;
	for (size_t i = 0; i < GP_ARRAY_LEN(e->copies); i++) {
		int rc = audit_copy_address(&e->copies[i], address, findings, arena);
		if (rc < 0)
			return complain(e, names[FINDINGS + i], rc);
	}
	return true;
}

/* --- the run --- */

/* Were all answers from a file, and no server asked? */
static bool
has_world(const struct audit_evidence_run *run)
{
	return run->o->dns || (!run->o->resolver && run->config->dns.answers.len > 0);
}

/* Those that a stub resolver asks: the lines of resolv.conf(5) that name them. */
static json_t *
system_resolvers(void)
{
	json_t *list = json_array();
	char line[512], *rest;
	FILE *f = fopen("/etc/resolv.conf", "re");
	while (f && fgets(line, sizeof(line), f)) {
		const char *word = strtok_r(line, " \t\n", &rest);
		const char *address = word ? strtok_r(NULL, " \t\n", &rest) : NULL;
		if (address && strcmp(word, "nameserver") == 0)
			json_array_append_new(list, json_string(address));
	}
	if (f)
		fclose(f);
	return list;
}

static json_t *
resolver_json(const struct audit_evidence_run *run)
{
	struct gp_slice server = run->config->dns.server;
	if (has_world(run))
		return json_null();
	if (run->o->resolver)
		return json_pack("[s]", run->o->resolver);
	return server.len > 0 ? json_pack("[s%]", server.ptr, server.len) : system_resolvers();
}

/* A webhook's URL may be a secret. */
static json_t *
command_json(const struct audit_evidence_run *run)
{
	const char *hidden = run->o->watch.webhook.url;
	json_t *list = json_array();
	json_array_append_new(list, json_string("gatepost"));
	for (int i = 0; i < run->argc; i++) {
		const char *word = run->argv[i];
		bool has = hidden && hidden >= word && hidden <= word + strlen(word);
		size_t shown = has ? (size_t)(hidden - word) : strlen(word);
		json_t *value = json_sprintf("%.*s%s", (int)shown, word, has ? "***" : "");
		/* What is no UTF-8 can be no value. */
		json_array_append_new(list, value ? value : json_string("(not UTF-8)"));
	}
	return list;
}

static bool
write_run(struct audit_evidence *e)
{
	const struct audit_evidence_run *run = e->run;
	json_t *baselines = json_array();
	for (size_t i = 0; i < run->baselines->len; i++) {
		struct gp_slice name = run->baselines->list[i].name;
		json_array_append_new(baselines, json_stringn(name.ptr, name.len));
	}
	return put_json(e, RUN,
			json_pack("{s:s, s:o, s:s, s:s, s:s, s:o, s:I, s:I, s:I, s:o}", "version",
				  GP_VERSION, "command", command_json(run), "begin",
				  gp_date_stamp(e->begin_s).s, "end",
				  gp_date_stamp(gp_clock_wall_ms() / 1000).s, "as_of",
				  gp_date_stamp(run->o->time_s).s, "resolvers", resolver_json(run),
				  "domains", (json_int_t)e->domains, "addresses",
				  (json_int_t)e->addresses, "answers", (json_int_t)e->answers,
				  "baselines", baselines));
}

/* --- files --- */

/* Within the folder; of an archive without a name, until all is known. NULL after saying why. */
static FILE *
make_file(const struct audit_evidence *e, const char *name)
{
	FILE *f = NULL;
	int fd = e->archive ? -1
			    : openat(e->folder, name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	if (e->archive)
		f = tmpfile();
	else if (fd >= 0)
		f = fdopen(fd, "w+");
	if (!f)
		complain(e, name, errno);
	else
		setvbuf(f, NULL, _IOFBF, 0); /* now: it looks what the file is */
	return f;
}

static bool
copy_world(struct audit_evidence *e)
{
	char piece[PIECE];
	size_t n;
	const char *path = e->run->o->dns;
	struct gp_slice text = e->run->config->dns.answers;
	FILE *from = path ? fopen(path, "re") : NULL;
	if (path && !from)
		return complain(e, path, errno);
	bool good = path || fwrite(text.ptr, 1, text.len, e->files[WORLD]) == text.len;
	while (from && good && (n = fread(piece, 1, sizeof(piece), from)) > 0)
		good = fwrite(piece, 1, n, e->files[WORLD]) == n;
	if (from) {
		good = good && !ferror(from);
		fclose(from);
	}
	return good || complain(e, names[WORLD], EIO);
}

static bool
flush(struct audit_evidence *e)
{
	for (size_t i = 0; i < FILES; i++) {
		if (e->files[i] && fflush(e->files[i]) != 0)
			return complain(e, names[i], errno);
	}
	return true;
}

static bool
make_files(struct audit_evidence *e)
{
	static const uint8_t formats[] = {FINDINGS_JSON, FINDINGS_HTML};
	bool world = has_world(e->run);
	for (size_t i = 0; i < FILES; i++) {
		bool wanted = (i != ANSWERS && i != WORLD) || (i == WORLD) == world;
		e->files[i] = wanted ? make_file(e, names[i]) : NULL;
		if (wanted && !e->files[i])
			return false;
	}
	for (size_t i = 0; i < GP_ARRAY_LEN(e->copies); i++)
		audit_copy_begin(&e->copies[i], e->files[FINDINGS + i], formats[i]);
	return (!world || copy_world(e)) && flush(e);
}

static bool
make_folder(struct audit_evidence *e)
{
	if (mkdir(e->run->path, FOLDER_MODE) < 0)
		return complain(e, NULL, errno);
	e->folder = open(e->run->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return e->folder >= 0 || complain(e, NULL, errno);
}

static bool
make_archive(struct audit_evidence *e)
{
	int len = snprintf(e->zip_path, sizeof(e->zip_path), "%s.new", e->run->path);
	if (len < 0 || (size_t)len >= sizeof(e->zip_path)) {
		e->zip_path[0] = '\0';
		return complain(e, NULL, ENAMETOOLONG);
	}
	e->zip_file = fopen(e->zip_path, "we");
	if (!e->zip_file)
		return complain(e, NULL, errno);
	zip_begin(&e->zip, e->zip_file, e->run->o->time_s);
	return true;
}

struct audit_evidence *
audit_evidence_open(const struct audit_evidence_run *run)
{
	struct audit_evidence *e = calloc(1, sizeof(*e));
	if (!e)
		return NULL;
	e->run = run;
	e->folder = -1;
	e->begin_s = gp_clock_wall_ms() / 1000;
	e->archive = gp_slice_ends_nocase(gp_slice_str(run->path), GP_SLICE(".zip"));
	bool good = (e->archive ? make_archive(e) : make_folder(e)) && make_files(e);
	return good ? e : audit_evidence_close(e);
}

struct audit_evidence *
audit_evidence_close(struct audit_evidence *e)
{
	if (!e)
		return NULL;
	for (size_t i = 0; i < FILES; i++) {
		if (e->files[i])
			fclose(e->files[i]);
	}
	for (size_t i = 0; i < GP_ARRAY_LEN(e->copies); i++)
		audit_copy_free(&e->copies[i]);
	if (e->sums)
		fclose(e->sums);
	if (e->zip_file)
		fclose(e->zip_file);
	if (e->zip_path[0] != '\0')
		unlink(e->zip_path);
	if (e->folder >= 0)
		close(e->folder);
	free(e);
	return NULL;
}

/* --- the end --- */

static bool
put_sum(struct audit_evidence *e, const char *name, FILE *f)
{
	unsigned char piece[PIECE], digest[EVP_MAX_MD_SIZE];
	unsigned len = 0;
	size_t n;
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	bool good = ctx && fflush(f) == 0 && EVP_DigestInit_ex(ctx, EVP_sha256(), NULL) == 1;
	rewind(f);
	while (good && (n = fread(piece, 1, sizeof(piece), f)) > 0)
		good = EVP_DigestUpdate(ctx, piece, n) == 1;
	good = good && !ferror(f) && EVP_DigestFinal_ex(ctx, digest, &len) == 1;
	EVP_MD_CTX_free(ctx);
	for (unsigned i = 0; i < len && good; i++)
		good = fprintf(e->sums, "%02x", digest[i]) > 0;
	return (good && fprintf(e->sums, "  %s\n", name) > 0) || complain(e, name, EIO);
}

/* One that is whole: its sum, and its place in the archive. */
static bool
seal(struct audit_evidence *e, const char *name, FILE *f)
{
	if (f != e->sums && !put_sum(e, name, f))
		return false;
	if (fflush(f) != 0)
		return complain(e, name, errno);
	int r = e->archive ? zip_add(&e->zip, name, f) : 0;
	return r == 0 || complain(e, name, r);
}

static bool
seal_baselines(struct audit_evidence *e)
{
	const struct audit_baselines *all = e->run->baselines;
	bool good = true;
	if (all->len > 0 && !e->archive && mkdirat(e->folder, "baselines", FOLDER_MODE) < 0)
		return complain(e, "baselines", errno);
	for (size_t i = 0; i < all->len && good; i++) {
		char name[ZIP_NAME_MAX + 1];
		struct gp_slice text = all->texts[i];
		snprintf(name, sizeof(name), "baselines/%.*s.txt", GP_SLICE_FMT(all->list[i].name));
		FILE *f = make_file(e, name);
		good = f &&
		       (fwrite(text.ptr, 1, text.len, f) == text.len || complain(e, name, EIO)) &&
		       seal(e, name, f);
		if (f)
			fclose(f);
	}
	return good;
}

static bool
finish_archive(struct audit_evidence *e)
{
	int r = zip_end(&e->zip);
	if (r == 0 && (fsync(fileno(e->zip_file)) < 0 || rename(e->zip_path, e->run->path) < 0))
		r = -errno;
	if (r == 0)
		e->zip_path[0] = '\0';
	return r == 0 || complain(e, NULL, r);
}

bool
audit_evidence_end(struct audit_evidence *e)
{
	for (size_t i = 0; i < GP_ARRAY_LEN(e->copies); i++) {
		int rc = audit_copy_end(&e->copies[i]);
		if (rc < 0)
			return complain(e, names[FINDINGS + i], rc);
	}
	return write_run(e) && flush(e);
}

bool
audit_evidence_seal(struct audit_evidence *e)
{
	e->sums = make_file(e, "SHA256SUMS");
	bool good = e->sums;
	for (size_t i = 0; i < FILES && good; i++)
		good = !e->files[i] || seal(e, names[i], e->files[i]);
	good = good && seal_baselines(e) && seal(e, "SHA256SUMS", e->sums);
	return good && (!e->archive || finish_archive(e));
}
