/* SPDX-License-Identifier: Apache-2.0 */
/* gatepost init and config, run as the table runs them, in a folder of their own. */
#include "../unit.h"

#include <fcntl.h>
#include <getopt.h>
#include <sys/stat.h>

#include "base/arena.h"
#include "cli/command.h"
#include "cli/commands.h"

/* Runs a command in a child with standard output and error gone; returns its exit code. */
static int
run(int (*command)(int, char **), char **argv)
{
	int argc = 0, status = 0;
	while (argv[argc])
		argc++;
	pid_t child = fork();
	if (child == 0) {
		int null = open("/dev/null", O_WRONLY);
		dup2(null, STDOUT_FILENO);
		dup2(null, STDERR_FILENO);
		int rc = command(argc, argv);
		fflush(stdout);
		_exit(rc);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

#define RUN(command, ...) run(command, (char *[]){__VA_ARGS__, NULL})

struct folder {
	struct gp_arena arena;
	char root[32];
	char *dir, *file;
};

static char *
below(struct folder *f, const char *name)
{
	struct gp_slice path = gp_arena_printf(&f->arena, "%s/%s", f->root, name);
	assert_non_null(path.ptr);
	return (char *)path.ptr;
}

static int
setup(void **state)
{
	struct folder *f = calloc(1, sizeof(*f));
	assert_non_null(f);
	f->arena = GP_ARENA_INIT(1 << 16);
	memcpy(f->root, "/tmp/gatepost-XXXXXX", sizeof("/tmp/gatepost-XXXXXX"));
	assert_non_null(mkdtemp(f->root));
	f->dir = below(f, "a/b");
	f->file = below(f, "a/b/gatepost.yaml");
	*state = f;
	return 0;
}

static int
teardown(void **state)
{
	struct folder *f = *state;
	static const char *const folders[] = {"a/b/state/tls", "a/b/state", "a/b/mail",
					      "a/b",           "a",         ""};
	unlink(f->file);
	unlink(below(f, "a/b/state/tls/key.pem"));
	unlink(below(f, "a/b/state/tls/certificate.pem"));
	for (size_t i = 0; i < GP_ARRAY_LEN(folders); i++)
		rmdir(below(f, folders[i]));
	gp_arena_free(&f->arena);
	free(f);
	return 0;
}

static void
what_init_writes_passes_check(void **state)
{
	struct folder *f = *state;
	struct stat st;
	assert_int_equal(RUN(gp_cmd_init, "init", "--dir", f->dir, "--domain", "example.org",
			     "--domain", "b\u00fccher.example", "--listen", "127.0.0.1:2525"),
			 GP_EXIT_OK);
	assert_int_equal(RUN(gp_cmd_config, "config", "check", "-c", f->file), GP_EXIT_OK);
	assert_int_equal(RUN(gp_cmd_config, "config", "check", "--json", "-c", f->file),
			 GP_EXIT_OK);
	assert_int_equal(RUN(gp_cmd_config, "config", "show", "-c", f->file), GP_EXIT_OK);
	assert_int_equal(stat(below(f, "a/b/state"), &st), 0);
	assert_int_equal(st.st_mode & 07777, 0755);
	assert_int_equal(stat(below(f, "a/b/mail"), &st), 0);
	assert_int_equal(stat(below(f, "a/b/state/tls/key.pem"), &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(stat(below(f, "a/b/state/tls/certificate.pem"), &st), 0);
}

/* The key that a TLSA record may name already. */
static void
a_key_that_is_there_stays(void **state)
{
	struct folder *f = *state;
	struct stat before, after;
	assert_int_equal(RUN(gp_cmd_init, "init", "--dir", f->dir), GP_EXIT_OK);
	assert_int_equal(stat(below(f, "a/b/state/tls/key.pem"), &before), 0);
	assert_int_equal(unlink(f->file), 0);
	assert_int_equal(RUN(gp_cmd_init, "init", "--dir", f->dir), GP_EXIT_OK);
	assert_int_equal(stat(below(f, "a/b/state/tls/key.pem"), &after), 0);
	assert_int_equal(before.st_ino, after.st_ino);
	assert_int_equal(RUN(gp_cmd_config, "config", "check", "-c", f->file), GP_EXIT_OK);
}

static void
init_never_overwrites(void **state)
{
	struct folder *f = *state;
	struct stat before, after;
	assert_int_equal(RUN(gp_cmd_init, "init", "--dir", f->dir), GP_EXIT_OK);
	assert_int_equal(stat(f->file, &before), 0);
	assert_int_equal(RUN(gp_cmd_init, "init", "--dir", f->dir, "--domain", "example.org"),
			 GP_EXIT_USAGE);
	assert_int_equal(stat(f->file, &after), 0);
	assert_int_equal(before.st_size, after.st_size);
}

static void
init_writes_nothing_that_would_not_load(void **state)
{
	struct folder *f = *state;
	struct stat st;
	static char *const bad[][2] = {
		{"--domain", "*"},         {"--domain", "a..b"},
		{"--hostname", "a b"},     {"--listen", "localhost:25"},
		{"--listen", "127.0.0.1"}, {"--domain", "x\": y"},
	};
	for (size_t i = 0; i < GP_ARRAY_LEN(bad); i++)
		assert_int_equal(RUN(gp_cmd_init, "init", "--dir", f->dir, bad[i][0], bad[i][1]),
				 GP_EXIT_USAGE);
	assert_int_equal(stat(f->dir, &st), -1);
}

static void
mistakes_have_an_exit_code(void **state)
{
	struct folder *f = *state;
	assert_int_equal(RUN(gp_cmd_config, "config", "check", "-c", f->file), GP_EXIT_USAGE);
	assert_int_equal(RUN(gp_cmd_init, "init", "--dir", f->dir), GP_EXIT_OK);
	FILE *file = fopen(f->file, "a");
	assert_non_null(file);
	assert_true(fputs("nonsense: 1\n", file) >= 0);
	assert_int_equal(fclose(file), 0);
	assert_int_equal(RUN(gp_cmd_config, "config", "check", "-c", f->file), GP_EXIT_USAGE);
	assert_int_equal(RUN(gp_cmd_config, "config", "check", "--json", "-c", f->file),
			 GP_EXIT_USAGE);
	assert_int_equal(RUN(gp_cmd_config, "config", "show", "-c", f->file), GP_EXIT_USAGE);
	assert_int_equal(RUN(gp_cmd_config, "config", "show", "--documentation"), GP_EXIT_OK);
	assert_int_equal(RUN(gp_cmd_config, "config", "chek"), GP_EXIT_USAGE);
	assert_int_equal(RUN(gp_cmd_config, "config"), GP_EXIT_USAGE);
	assert_int_equal(RUN(gp_cmd_config, "config", "-h"), GP_EXIT_OK);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(what_init_writes_passes_check, setup, teardown),
		cmocka_unit_test_setup_teardown(a_key_that_is_there_stays, setup, teardown),
		cmocka_unit_test_setup_teardown(init_never_overwrites, setup, teardown),
		cmocka_unit_test_setup_teardown(init_writes_nothing_that_would_not_load, setup,
						teardown),
		cmocka_unit_test_setup_teardown(mistakes_have_an_exit_code, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
