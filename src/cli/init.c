/* SPDX-License-Identifier: Apache-2.0 */
/* gatepost init: a commented configuration, the folders it names, a key and its certificate; what
 * exists is left alone. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/arg.h"
#include "cli/command.h"
#include "cli/commands.h"
#include "cli/options.h"
#include "cli/self_signed.h"

static const char usage[] =
	"usage: gatepost init [--dir DIR] [--domain D]... [--hostname H] [--listen "
	"ADDRESS:PORT]...\n"
	"\n"
	"Writes a commented gatepost.yaml, and makes the folders that it names, a private key and "
	"a\n"
	"self-signed certificate for it. Nothing that exists is changed.\n"
	"\n"
	"  --dir DIR       everything below this folder; default: the configuration in "
	"/etc/gatepost,\n"
	"                  the queue in /var/lib/gatepost, mail in /var/mail\n"
	"  --domain D      a domain whose mail is delivered here; may be given again\n"
	"  --hostname H    this server's full name; default: what the system says\n"
	"  --listen A:P    where to listen; default: port 25 of all addresses; may be given "
	"again\n";

enum {
	LIST_MAX = 64,
};

struct init_options {
	const char *dir; /* NULL: the system's folders */
	const char *hostname;
	struct gp_slice domains[LIST_MAX], listens[LIST_MAX];
	size_t domains_len, listens_len;
};

/* What is made. */
struct plan {
	struct gp_slice config_dir, config, state, mail;
	struct gp_slice tls_dir, certificate, key;
	struct gp_slice hostname;
};

static bool
add(struct gp_slice *list, size_t *len, const char *value)
{
	if (*len == LIST_MAX) {
		fprintf(stderr,
			"gatepost init: more than %d of one option; edit the file instead\n",
			LIST_MAX);
		return false;
	}
	list[(*len)++] = gp_slice_str(value);
	return true;
}

/* Returns 0, or an exit code + 1 when there is nothing left to do. */
static int
parse_options(int argc, char **argv, struct init_options *ret)
{
	enum { DIR_OPTION = 256, DOMAIN_OPTION, HOSTNAME_OPTION, LISTEN_OPTION };
	static const struct option options[] = {
		{"dir", required_argument, NULL, DIR_OPTION},
		{"domain", required_argument, NULL, DOMAIN_OPTION},
		{"hostname", required_argument, NULL, HOSTNAME_OPTION},
		{"listen", required_argument, NULL, LISTEN_OPTION},
		{"help", no_argument, NULL, 'h'},
		{},
	};
	bool good = true;
	int c;
	while (good && (c = gp_arg_next("init", argc, argv, "h", options)) != -1) {
		switch (c) {
		case DIR_OPTION:
			ret->dir = optarg;
			break;
		case HOSTNAME_OPTION:
			ret->hostname = optarg;
			break;
		case DOMAIN_OPTION:
			good = add(ret->domains, &ret->domains_len, optarg);
			break;
		case LISTEN_OPTION:
			good = add(ret->listens, &ret->listens_len, optarg);
			break;
		case 'h':
			fputs(usage, stdout);
			return GP_EXIT_OK + 1;
		default:
			good = false;
		}
	}
	if (good && optind != argc) {
		good = false;
		fputs(usage, stderr);
	}
	return good ? 0 : GP_EXIT_USAGE + 1;
}

/* The system's name when it is a full one; else mx below the first domain, which is at least a name
   that can be given an address. */
static struct gp_slice
find_hostname(const struct init_options *o, struct gp_arena *arena)
{
	char name[HOST_NAME_MAX + 1] = {};
	if (o->hostname)
		return gp_slice_str(o->hostname);
	if (gethostname(name, sizeof(name) - 1) != 0)
		name[0] = '\0';
	if (strchr(name, '.') || (name[0] != '\0' && o->domains_len == 0))
		return gp_arena_dup(arena, gp_slice_str(name));
	if (o->domains_len > 0)
		return gp_arena_printf(arena, "mx.%.*s", GP_SLICE_FMT(o->domains[0]));
	return GP_SLICE("localhost");
}

/* 0 or -errno */
static int
plan_folders(const struct init_options *o, struct gp_arena *arena, struct plan *ret)
{
	struct gp_slice dir;
	ret->hostname = find_hostname(o, arena);
	if (!o->dir) {
		ret->config_dir = GP_SLICE("/etc/gatepost");
		ret->config = GP_SLICE(GP_CONFIG_DEFAULT);
		ret->state = GP_SLICE("/var/lib/gatepost");
		ret->mail = GP_SLICE("/var/mail");
		return arena->failed ? -ENOMEM : 0;
	}
	int rc = gp_cli_absolute(o->dir, arena, &dir);
	if (rc != 0)
		return rc;
	while (dir.len > 1 && dir.ptr[dir.len - 1] == '/')
		dir.len--;
	ret->config_dir = gp_arena_dup(arena, dir);
	ret->config = gp_arena_printf(arena, "%.*s/gatepost.yaml", GP_SLICE_FMT(dir));
	ret->state = gp_arena_printf(arena, "%.*s/state", GP_SLICE_FMT(dir));
	ret->mail = gp_arena_printf(arena, "%.*s/mail", GP_SLICE_FMT(dir));
	return arena->failed ? -ENOMEM : 0;
}

/* 0 or -errno */
static int
make_plan(const struct init_options *o, struct gp_arena *arena, struct plan *ret)
{
	int rc = plan_folders(o, arena, ret);
	if (rc != 0)
		return rc;
	ret->tls_dir = gp_arena_printf(arena, "%.*s/tls", GP_SLICE_FMT(ret->state));
	ret->certificate =
		gp_arena_printf(arena, "%.*s/certificate.pem", GP_SLICE_FMT(ret->tls_dir));
	ret->key = gp_arena_printf(arena, "%.*s/key.pem", GP_SLICE_FMT(ret->tls_dir));
	return arena->failed ? -ENOMEM : 0;
}

/* Makes the folder and those above it. 0 or -errno. */
static int
make_dirs(struct gp_slice path, mode_t mode, struct gp_arena *arena)
{
	char *copy = gp_arena_str(arena, path);
	if (!copy)
		return -ENOMEM;
	for (size_t i = 1; i < path.len; i++) {
		if (copy[i] != '/')
			continue;
		copy[i] = '\0';
		if (mkdir(copy, 0755) != 0 && errno != EEXIST)
			return -errno;
		copy[i] = '/';
	}
	return mkdir(copy, mode) != 0 && errno != EEXIST ? -errno : 0;
}

/* 0 or -errno; -EEXIST where it is there already */
static int
write_new_file(const char *path, mode_t mode, struct gp_slice text)
{
	int rc = 0;
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
	if (fd < 0)
		return -errno;
	while (text.len > 0 && rc == 0) {
		ssize_t n = write(fd, text.ptr, text.len);
		if (n < 0)
			rc = -errno;
		else
			text = gp_slice_drop(text, (size_t)n);
	}
	if (fsync(fd) != 0 && rc == 0)
		rc = -errno;
	if (close(fd) != 0 && rc == 0)
		rc = -errno;
	return rc;
}

static int
fail(struct gp_slice path, int error)
{
	fprintf(stderr, "gatepost init: %.*s: %s\n", GP_SLICE_FMT(path), strerror(-error));
	return error == -EEXIST ? GP_EXIT_USAGE : GP_EXIT_ERROR;
}

/* with_tls: the certificate is named; it must be there before the text is read. */
static void
write_starter(struct gp_buf *out, const struct init_options *o, const struct plan *plan,
	      bool with_tls)
{
	static const struct gp_slice everywhere[] = {
		{"0.0.0.0:25", sizeof("0.0.0.0:25") - 1},
		{"[::]:25", sizeof("[::]:25") - 1},
	};
	bool said = o->listens_len > 0;
	struct gp_config_start start = {
		.hostname = plan->hostname,
		.state = plan->state,
		.mail_root = plan->mail,
		.listens = said ? o->listens : everywhere,
		.listens_len = said ? o->listens_len : GP_ARRAY_LEN(everywhere),
		.domains = o->domains,
		.domains_len = o->domains_len,
		.certificate = with_tls ? plan->certificate : gp_slice(NULL, 0),
		.key = with_tls ? plan->key : gp_slice(NULL, 0),
	};
	gp_config_write_starter(out, &start);
}

/* What was typed may be no domain or address: the file would not load, so it is not written. */
static int
check_starter(struct gp_slice text, struct gp_slice path, struct gp_arena *arena)
{
	struct gp_config cfg;
	struct gp_complaints complaints;
	int rc = gp_config_parse(text, path, &gp_cli_files, arena, &cfg, &complaints);
	for (size_t i = 0; i < complaints.len; i++)
		fprintf(stderr, "gatepost init: %.*s\n", GP_SLICE_FMT(complaints.items[i].text));
	return rc == 0 ? GP_EXIT_OK : rc > 0 ? GP_EXIT_USAGE : GP_EXIT_ERROR;
}

/* The key stays when there is one already: TLSA records may name it. */
static int
make_certificate(const struct plan *plan, struct gp_arena *arena)
{
	struct gp_buf certificate = GP_BUF_INIT(1 << 16), key = GP_BUF_INIT(1 << 16);
	int rc = make_dirs(plan->tls_dir, 0700, arena);
	if (rc == 0)
		rc = gp_self_signed_make(plan->hostname, &certificate, &key);
	if (rc == 0)
		rc = write_new_file(plan->key.ptr, 0600, gp_buf_slice(&key));
	if (rc == 0)
		rc = write_new_file(plan->certificate.ptr, 0644, gp_buf_slice(&certificate));
	if (key.ptr)
		explicit_bzero(key.ptr, key.cap);
	gp_buf_free(&key);
	gp_buf_free(&certificate);
	return rc == -EEXIST ? 0 : rc;
}

static int
make_all(const struct plan *plan, struct gp_slice text, struct gp_arena *arena)
{
	int rc = make_dirs(plan->config_dir, 0755, arena);
	if (rc != 0)
		return fail(plan->config_dir, rc);
	rc = write_new_file(plan->config.ptr, 0644, text);
	if (rc != 0)
		return fail(plan->config, rc);
	rc = make_dirs(plan->state, 0755, arena);
	if (rc != 0)
		return fail(plan->state, rc);
	rc = make_certificate(plan, arena);
	if (rc != 0)
		return fail(plan->tls_dir, rc);
	rc = make_dirs(plan->mail, 0755, arena);
	return rc != 0 ? fail(plan->mail, rc) : GP_EXIT_OK;
}

static void
print_next_steps(const struct init_options *o, const struct plan *plan)
{
	const char *file = plan->config.ptr;
	printf("wrote %s\n\nNext:\n", file);
	if (o->domains_len == 0)
		printf("  say in it which domains are yours, or who may relay\n");
	else
		printf("  name each domain's recipients in it; now there is only postmaster\n");
	printf("  gatepost config check -c %s\n  gatepost serve -c %s\n", file, file);
	printf("  point the MX records of your domains to %.*s\n", GP_SLICE_FMT(plan->hostname));
	if (o->domains_len > 0)
		printf("  gatepost domain add %.*s -c %s\n    makes the keys that sign its mail, "
		       "and "
		       "prints all records to publish\n",
		       GP_SLICE_FMT(o->domains[0]), file);
}

int
gp_cmd_init(int argc, char **argv)
{
	struct init_options o = {};
	struct plan plan = {};
	struct gp_arena arena = GP_ARENA_INIT(GP_CONFIG_ARENA_MAX);
	struct gp_buf text = GP_BUF_INIT(1 << 20);
	int rc = parse_options(argc, argv, &o);
	if (rc > 0)
		return rc - 1;
	rc = make_plan(&o, &arena, &plan);
	if (rc == 0) {
		write_starter(&text, &o, &plan, false);
		rc = check_starter(gp_buf_slice(&text), plan.config, &arena);
		gp_buf_clear(&text);
		write_starter(&text, &o, &plan, true);
	} else {
		rc = fail(gp_slice_str(o.dir), rc);
	}
	if (rc == GP_EXIT_OK)
		rc = make_all(&plan, gp_buf_slice(&text), &arena);
	if (rc == GP_EXIT_OK)
		print_next_steps(&o, &plan);
	gp_buf_free(&text);
	gp_arena_free(&arena);
	return rc;
}
