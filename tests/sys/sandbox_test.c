/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the sandboxes of the roles and of `gatepost scan` let through, tried from inside: every
 * system call by its number, then what an attacker would do next. `sandbox_test --table` prints the
 * table of docs/sandbox.md.
 */
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/futex.h>
#include <netinet/in.h>
#include <sched.h>
#include <seccomp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/capability.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>

#include "base/buf.h"
#include "cli/reports/sandbox.h"
#include "cli/scan/sandbox.h"
#include "procs/sandboxes.h"
#include "sys/log.h"

enum { CALLS = 471, X32 = 0x40000000 };

/* Two numbers that newer kernels keep for their own probes: no filter sees them, and from anywhere
 * else they fail or are the caller's end. */
enum { URETPROBE = 335, UPROBE = 336 };

enum role {
	SMTPD,
	RESOLVER,
	SPOOL,
	RELAY,
	MAILDIR,
	FETCH,
	SIGNER,
	AUTH,
	AUTH_DOVECOT,
	REPORTS,
	REPORTS_SERVER,
	INGEST,
	WEB,
	SCAN,
	SCAN_FILES,
	SCAN_REPLAY,
	READER,
	/* What these have beyond the two of scan is told, not shown: the table has no room. */
	TABLED,
	SCAN_STORE = TABLED,
	SCAN_STORE_FILES,
	ROLES
};

static const struct {
	const char *name;
	const struct gp_sandbox *rules;
	unsigned calls_max;
} roles[ROLES] = {
	[SMTPD] = {"smtpd", &smtpd_sandbox, 45},
	[RESOLVER] = {"resolver", &resolver_sandbox, 45},
	[SPOOL] = {"spool", &spool_sandbox, 45},
	[RELAY] = {"relay", &relay_sandbox, 45},
	[MAILDIR] = {"maildir", &maildir_sandbox, 45},
	[FETCH] = {"fetch", &fetch_sandbox, 45},
	[SIGNER] = {"signer", &signer_sandbox, 30},
	[AUTH] = {"auth", &auth_sandbox, 45},
	[AUTH_DOVECOT] = {"auth, Dovecot", &auth_dovecot_sandbox, 45},
	[REPORTS] = {"reports", &reports_sandbox, 32},
	[REPORTS_SERVER] = {"reports, PostgreSQL", &reports_server_sandbox, 45},
	[INGEST] = {"ingest", &ingest_sandbox, 30},
	[WEB] = {"web", &web_sandbox, 45},
	[SCAN] = {"scan", &scan_sandbox, 46},
	[SCAN_FILES] = {"scan files", &scan_files_sandbox, 48},
	[SCAN_STORE] = {"scan store", &scan_store_sandbox, 0},
	[SCAN_STORE_FILES] = {"scan store files", &scan_store_files_sandbox, 0},
	[SCAN_REPLAY] = {"replay", &scan_replay_sandbox, 31},
	[READER] = {"reader", &reports_reader_sandbox, 31},
};

#define ONLY(r) (1u << (r))
#define NOBODY 0u
#define EVERYBODY (ONLY(ROLES) - 1)
#define WITH_FOLDERS (ONLY(SPOOL) | ONLY(MAILDIR))
#define WITH_FILES (WITH_FOLDERS | ONLY(SCAN_FILES) | ONLY(SCAN_STORE_FILES))
#define ASKS \
	(ONLY(RESOLVER) | ONLY(SCAN) | ONLY(SCAN_FILES) | ONLY(SCAN_STORE) | ONLY(SCAN_STORE_FILES))
#define DIALS (ASKS | ONLY(RELAY))
#define UNIX (ONLY(RELAY) | ONLY(AUTH_DOVECOT))

/* The role's own directory, and what stands beside it. */
static char folder[] = "/tmp/gp-sandbox-XXXXXX";
static int own = -1;
static in_port_t tcp_port;
static int tcp_listener = -1;
static struct sockaddr_un abstract, named;
static int abstract_listener = -1, named_listener = -1;
static pid_t parent;

/* --- a child in the sandbox --- */

enum answer {
	DONE,    /* the call was carried out, well or badly */
	DENIED,  /* EACCES */
	NO_CALL, /* ENOSYS */
	FAILED,  /* another error */
	KILLED,
	BROKEN, /* the sandbox itself failed */
};

static void
enter(enum role r)
{
	struct gp_sandbox_dir dir = {.fd = own, .access = roles[r].rules->dir_access};
	int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
	if (null < 0 || dup2(null, STDERR_FILENO) < 0)
		_exit(BROKEN);
	if (gp_sandbox_enter(roles[r].rules, &dir, dir.access != 0) < 0)
		_exit(BROKEN);
}

static enum answer
answer_of(long result)
{
	if (result >= 0)
		return DONE;
	return errno == EACCES ? DENIED : errno == ENOSYS ? NO_CALL : FAILED;
}

static enum answer
reap(pid_t child)
{
	int status = 0;
	assert_int_equal(waitpid(child, &status, 0), child);
	/* SIGILL: numbers that newer kernels keep for their own probes pass every filter, and
	   answer anybody else so. */
	int signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
	if (signal == SIGSEGV) /* rt_sigreturn was let through, and there is nowhere to return to */
		return FAILED;
	if (signal != 0)
		return signal == SIGSYS || signal == SIGILL ? KILLED : BROKEN;
	return WEXITSTATUS(status) > BROKEN ? DONE : (enum answer)WEXITSTATUS(status);
}

/* --- every number --- */

static enum answer
call(enum role r, long number, const long args[6])
{
	pid_t child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		enter(r);
		_exit(answer_of(
			syscall(number, args[0], args[1], args[2], args[3], args[4], args[5])));
	}
	return reap(child);
}

/* Arguments that a call is let through with, though not with others. */
static const struct {
	long number;
	long args[6];
} checked[] = {
	{SYS_mmap, {0, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0}},
	{SYS_mprotect, {0, 0, PROT_READ, 0, 0, 0}},
	{SYS_fcntl, {0, F_GETFL, 0, 0, 0, 0}},
	{SYS_tgkill, {0, 0, 0, 0, 0, 0}}, /* its first is the process itself */
	{SYS_futex, {0, FUTEX_WAKE_PRIVATE, 0, 0, 0, 0}},
	{SYS_socket, {AF_INET, SOCK_STREAM, IPPROTO_TCP, 0, 0, 0}},
	{SYS_socket, {AF_UNIX, SOCK_STREAM, 0, 0, 0, 0}},
};

/* tgkill needs the child's own id, which only the child knows. */
static enum answer
signal_itself(enum role r)
{
	pid_t child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		enter(r);
		_exit(answer_of(syscall(SYS_tgkill, getpid(), getpid(), 0)));
	}
	return reap(child);
}

static const char *
cell(enum role r, long number)
{
	static const long wild[6] = {-1, -1, -1, -1, -1, -1};
	enum answer a = call(r, number, wild);
	assert_int_not_equal(a, BROKEN);
	if (a == DENIED || (a == NO_CALL && number == SYS_clone3))
		return a == DENIED ? "EACCES" : "ENOSYS";
	if (a != KILLED)
		return "yes";
	for (size_t i = 0; i < GP_ARRAY_LEN(checked); i++) {
		if (checked[i].number != number)
			continue;
		a = number == SYS_tgkill ? signal_itself(r) : call(r, number, checked[i].args);
		if (a != KILLED)
			return "some";
	}
	return "";
}

static void
put_row(struct gp_buf *out, long number, const char *cells[TABLED])
{
	char *name = seccomp_syscall_resolve_num_arch(SCMP_ARCH_NATIVE, (int)number);
	gp_buf_printf(out, "| %s |", name ? name : "?");
	free(name);
	for (size_t r = 0; r < TABLED; r++)
		gp_buf_printf(out, " %s |", cells[r]);
	gp_buf_put_char(out, '\n');
}

static void
put_table(struct gp_buf *out, unsigned ret_counts[TABLED])
{
	gp_buf_put_str(out, "| call |");
	for (size_t r = 0; r < TABLED; r++)
		gp_buf_printf(out, " %s |", roles[r].name);
	gp_buf_put_str(out, "\n|---|");
	for (size_t r = 0; r < TABLED; r++)
		gp_buf_put_str(out, "---|");
	gp_buf_put_char(out, '\n');
	for (long number = 0; number < CALLS; number++) {
		const char *cells[TABLED];
		bool any = false;
		if (number == URETPROBE || number == UPROBE)
			continue;
		for (enum role r = 0; r < TABLED; r++) {
			cells[r] = cell(r, number);
			any = any || cells[r][0] != '\0';
			ret_counts[r] += cells[r][0] == 'y' || cells[r][0] == 's';
		}
		if (any)
			put_row(out, number, cells);
	}
	gp_buf_put_str(out, "| sum of yes and some |");
	for (size_t r = 0; r < TABLED; r++)
		gp_buf_printf(out, " %u |", ret_counts[r]);
	gp_buf_put_char(out, '\n');
}

static void
calls_are_those_of_the_document(void **state)
{
	struct gp_buf table = GP_BUF_INIT(1 << 20), text = GP_BUF_INIT(1 << 20);
	unsigned counts[TABLED] = {};
	(void)state;
	put_table(&table, counts);
	for (size_t r = 0; r < TABLED; r++)
		assert_in_range(counts[r], 20, roles[r].calls_max);
	int fd = open(GP_TESTS_DIR "/../docs/sandbox.md", O_RDONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	for (ssize_t n = 1; n > 0;) {
		char *to = gp_buf_reserve(&text, 65536);
		assert_non_null(to);
		n = read(fd, to, 65536);
		gp_buf_advance(&text, n > 0 ? (size_t)n : 0);
	}
	close(fd);
	gp_buf_put_char(&text, '\0');
	gp_buf_put_char(&table, '\0');
	if (!strstr(gp_buf_slice(&text).ptr, gp_buf_slice(&table).ptr))
		fail_msg("docs/sandbox.md says otherwise; sandbox_test --table prints:\n%s",
			 gp_buf_slice(&table).ptr);
	gp_buf_free(&table);
	gp_buf_free(&text);
}

/* What is told beside the table. */
static void
a_store_adds_what_sqlite_needs(void **state)
{
	static const long added[] = {SYS_pwrite64, SYS_fdatasync, SYS_fsync, SYS_ftruncate,
				     SYS_clock_nanosleep};
	(void)state;
	for (long number = 0; number < CALLS; number++) {
		bool more = false;
		if (number == URETPROBE || number == UPROBE)
			continue;
		for (size_t i = 0; i < GP_ARRAY_LEN(added); i++)
			more |= number == added[i];
		assert_string_equal(cell(SCAN_STORE, number), more ? "yes" : cell(SCAN, number));
		assert_string_equal(cell(SCAN_STORE_FILES, number),
				    more ? "yes" : cell(SCAN_FILES, number));
	}
}

#ifdef __x86_64__
static void
other_ways_into_the_kernel_are_shut(void **state)
{
	static const long none[6];
	(void)state;
	for (enum role r = 0; r < ROLES; r++) {
		assert_int_equal(call(r, X32 + SYS_getpid, none), KILLED);
		pid_t child = fork();
		if (child == 0) {
			long number = 20; /* getpid of the 32-bit table */
			enter(r);
			__asm__ volatile("int $0x80" : "+a"(number) : : "memory");
			_exit(DONE);
		}
		assert_int_equal(reap(child), KILLED);
	}
}
#endif

/* --- what an attacker tries --- */

static long
connect_to(int family, int type, int protocol, const void *address, socklen_t len)
{
	int fd = socket(family, type, protocol);
	return fd < 0 ? -1 : connect(fd, address, len);
}

static long
dial(int protocol)
{
	struct sockaddr_in in = {
		.sin_family = AF_INET, .sin_port = tcp_port, .sin_addr = {htonl(INADDR_LOOPBACK)}};
	return connect_to(AF_INET, SOCK_STREAM, protocol, &in, sizeof(in));
}

static long
bind_to(int type, int protocol)
{
	struct sockaddr_in in = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
	int fd = socket(AF_INET, type, protocol);
	return fd < 0 ? -1 : bind(fd, (struct sockaddr *)&in, sizeof(in));
}

static long
run_from_memory(void)
{
	static char *const argv[] = {"true", NULL};
	int fd = memfd_create("code", 0), from = open("/bin/true", O_RDONLY);
	(void)from;
	return syscall(SYS_execveat, fd, "", argv, argv, AT_EMPTY_PATH);
}

static long
map(int prot)
{
	return mmap(NULL, 4096, prot, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED ? -1 : 0;
}

static long
make_executable(void)
{
	void *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	return mprotect(p, 4096, PROT_READ | PROT_EXEC);
}

static int
compare(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(long));
}

/* qsort(3) of more than a kilobyte asks how much memory the machine has, once a process. */
static long
sort_much(void)
{
	static long numbers[4096];
	for (size_t i = 0; i < GP_ARRAY_LEN(numbers); i++)
		numbers[i] = (long)(i * 7919 % 4096);
	qsort(numbers, GP_ARRAY_LEN(numbers), sizeof(numbers[0]), compare);
	return 0;
}

#define TRY(name_, expr)              \
	static long try_##name_(void) \
	{                             \
		return (long)(expr);  \
	}
static char *const no_args[] = {NULL};
/* clang-format off */
TRY(sort, sort_much())
TRY(memfd, memfd_create("x", MFD_CLOEXEC))
TRY(open_own, openat(own, "file", O_RDONLY))
TRY(make_own, openat(own, "new", O_WRONLY | O_CREAT, 0600))
TRY(unnamed_own, openat(own, ".", O_TMPFILE | O_RDWR, 0600))
TRY(mkdir_own, mkdirat(own, "sub", 0700))
TRY(passwd, open("/etc/passwd", O_RDONLY))
TRY(passwd_at, openat(AT_FDCWD, "/etc/passwd", O_RDONLY))
TRY(passwd_write, openat(AT_FDCWD, "/etc/passwd", O_WRONLY))
TRY(up, openat(own, "../outside", O_RDONLY))
TRY(far_up, openat(own, "../../etc/passwd", O_RDONLY))
TRY(through_link, openat(own, "link", O_RDONLY))
TRY(make_up, openat(own, "../made", O_WRONLY | O_CREAT, 0600))
TRY(make_tmp, openat(AT_FDCWD, "/tmp/gp-escape", O_WRONLY | O_CREAT, 0600))
TRY(list_root, openat(AT_FDCWD, "/", O_RDONLY | O_DIRECTORY))
TRY(own_memory, openat(AT_FDCWD, "/proc/self/mem", O_RDWR))
TRY(own_maps, openat(AT_FDCWD, "/proc/self/maps", O_RDONLY))
TRY(dev_null, openat(AT_FDCWD, "/dev/null", O_RDWR))
TRY(execute_own, syscall(SYS_execveat, own, "file", no_args, no_args, 0))
TRY(unlink_up, unlinkat(own, "../outside", 0))
TRY(rename_up, renameat2(own, "file", own, "../taken", 0))
TRY(link_up, linkat(own, "../outside", own, "got", 0))
TRY(mkdir_up, mkdirat(own, "../dir", 0700))
TRY(symlink_own, symlinkat("/etc/passwd", own, "sym"))
TRY(chmod_own, fchmodat(own, "file", 04755, 0))
TRY(fchmod_own, fchmod(own, 0777))
TRY(chown_own, fchownat(own, "file", 0, 0, 0))
TRY(truncate_path, truncate("/etc/passwd", 0))
TRY(mknod, mknodat(own, "node", S_IFCHR | 0600, 0))
TRY(facts, fstatat(AT_FDCWD, "/etc/passwd", &(struct stat){}, 0))
TRY(read_link, readlink("/proc/self/exe", (char[64]){}, 64))
TRY(change_dir, chdir("/"))
TRY(change_root, chroot("."))
TRY(mount, syscall(SYS_mount, "none", "/tmp", "tmpfs", 0, NULL))
TRY(watch, syscall(SYS_inotify_init1, 0))
TRY(ioctl_tty, syscall(SYS_ioctl, 0, 0x5412, "x"))
TRY(execute, execve("/bin/true", no_args, no_args))
TRY(execute_memory, run_from_memory())
TRY(map_plain, map(PROT_READ | PROT_WRITE))
TRY(map_exec, map(PROT_READ | PROT_EXEC))
TRY(map_all, map(PROT_READ | PROT_WRITE | PROT_EXEC))
TRY(protect_exec, make_executable())
TRY(fork, syscall(SYS_fork))
TRY(clone, syscall(SYS_clone, CLONE_VM | CLONE_VFORK | SIGCHLD, 0, 0, 0, 0))
TRY(clone3, syscall(SYS_clone3, NULL, 0))
TRY(trace, ptrace(PTRACE_ATTACH, parent, NULL, NULL))
TRY(read_memory, syscall(SYS_process_vm_readv, parent, NULL, 0, NULL, 0, 0))
TRY(kill, kill(parent, 0))
TRY(kill_all, kill(-1, 0))
TRY(tgkill, syscall(SYS_tgkill, parent, parent, 0))
TRY(tkill, syscall(SYS_tkill, parent, 0))
TRY(queue_signal, syscall(SYS_rt_sigqueueinfo, parent, 0, NULL))
TRY(pidfd, syscall(SYS_pidfd_open, parent, 0))
TRY(tcp, dial(IPPROTO_TCP))
TRY(tcp_by_default, dial(0))
TRY(mptcp, dial(262))
TRY(sctp, socket(AF_INET, SOCK_STREAM, 132))
TRY(udp, socket(AF_INET, SOCK_DGRAM, IPPROTO_UDP))
TRY(raw, socket(AF_INET, SOCK_RAW, IPPROTO_ICMP))
TRY(packet, socket(AF_PACKET, SOCK_RAW, 0))
TRY(netlink, socket(AF_NETLINK, SOCK_RAW, 0))
TRY(vsock, socket(AF_VSOCK, SOCK_STREAM, 0))
TRY(alg, socket(AF_ALG, SOCK_SEQPACKET, 0))
TRY(unix_stream, socket(AF_UNIX, SOCK_STREAM, 0))
TRY(unix_dgram, socket(AF_UNIX, SOCK_DGRAM, 0))
TRY(unix_packets, socket(AF_UNIX, SOCK_SEQPACKET, 0))
TRY(unix_abstract, connect_to(AF_UNIX, SOCK_STREAM, 0, &abstract, sizeof(abstract)))
TRY(unix_named, connect_to(AF_UNIX, SOCK_STREAM, 0, &named, sizeof(named)))
TRY(bind_tcp, bind_to(SOCK_STREAM, IPPROTO_TCP))
TRY(bind_udp, bind_to(SOCK_DGRAM, IPPROTO_UDP))
TRY(listen, listen(tcp_listener, 1))
TRY(become_root, setuid(0))
TRY(capabilities, syscall(SYS_capset, NULL, NULL))
TRY(dumpable, syscall(SYS_prctl, 4, 1, 0, 0, 0))
TRY(limits, syscall(SYS_prlimit64, 0, 7, NULL, NULL))
TRY(bpf, syscall(SYS_bpf, 0, NULL, 0))
TRY(perf, syscall(SYS_perf_event_open, NULL, 0, 0, 0, 0))
TRY(userfault, syscall(SYS_userfaultfd, 0))
TRY(uring, syscall(SYS_io_uring_setup, 1, NULL))
TRY(keys, syscall(SYS_keyctl, 0, 0, 0, 0, 0))
TRY(unshare, unshare(CLONE_NEWUSER))
TRY(dup_up, fcntl(0, F_DUPFD, 0))
TRY(owner, fcntl(tcp_listener, F_SETOWN, parent))
TRY(lease, fcntl(own, F_NOTIFY, 1))
/* clang-format on */

/* Who may; for everybody else it must fail, or be the end. */
static const struct {
	const char *what;
	long (*run)(void);
	unsigned who;
} attempts[] = {
	/* Those that succeed somewhere show that the attempt is made well. */
	{"a file in memory", try_memfd, EVERYBODY},
	{"memory", try_map_plain, EVERYBODY},
	{"sorting much", try_sort, EVERYBODY},
	{"a file of its own", try_open_own, WITH_FILES},
	{"making a file of its own", try_make_own, WITH_FILES},
	{"an unnamed file", try_unnamed_own, WITH_FILES},
	{"making a folder", try_mkdir_own, WITH_FOLDERS},
	{"dialling", try_tcp, DIALS},
	{"dialling by protocol 0", try_tcp_by_default, ASKS},
	{"a UDP socket", try_udp, ASKS},
	{"binding UDP", try_bind_udp, ASKS},
	{"binding TCP", try_bind_tcp, ASKS},
	{"the facts of a file", try_facts,
	 ONLY(SPOOL)}, /* no call tells a path from a descriptor */
	{"a Unix socket", try_unix_stream, UNIX},
	{"a server's Unix socket", try_unix_named, UNIX},

	{"/etc/passwd", try_passwd, NOBODY},
	{"/etc/passwd by openat", try_passwd_at, NOBODY},
	{"writing /etc/passwd", try_passwd_write, NOBODY},
	{"..", try_up, NOBODY},
	{"further up", try_far_up, NOBODY},
	{"a symbolic link out", try_through_link, NOBODY},
	{"making a file outside", try_make_up, NOBODY},
	{"making a file in /tmp", try_make_tmp, NOBODY},
	{"listing /", try_list_root, NOBODY},
	{"its own memory as a file", try_own_memory, NOBODY},
	{"its own maps", try_own_maps, NOBODY},
	{"a device", try_dev_null, NOBODY},
	{"running its own file", try_execute_own, NOBODY},
	{"removing outside", try_unlink_up, NOBODY},
	{"renaming to outside", try_rename_up, NOBODY},
	{"linking from outside", try_link_up, NOBODY},
	{"a folder outside", try_mkdir_up, NOBODY},
	{"a symbolic link", try_symlink_own, NOBODY},
	{"a set-user-id file", try_chmod_own, NOBODY},
	{"its folder's mode", try_fchmod_own, NOBODY},
	{"its file's owner", try_chown_own, NOBODY},
	{"truncating by path", try_truncate_path, NOBODY},
	{"a device node", try_mknod, NOBODY},
	{"reading a link", try_read_link, NOBODY},
	{"another folder", try_change_dir, NOBODY},
	{"another root", try_change_root, NOBODY},
	{"a mount", try_mount, NOBODY},
	{"watching files", try_watch, NOBODY},
	{"typing into a terminal", try_ioctl_tty, NOBODY},
	{"running a program", try_execute, NOBODY},
	{"running memory", try_execute_memory, NOBODY},
	{"memory to run", try_map_exec, NOBODY},
	{"memory to write and run", try_map_all, NOBODY},
	{"making memory run", try_protect_exec, NOBODY},
	{"fork", try_fork, NOBODY},
	{"clone", try_clone, NOBODY},
	{"clone3", try_clone3, NOBODY},
	{"ptrace", try_trace, NOBODY},
	{"another's memory", try_read_memory, NOBODY},
	{"kill", try_kill, NOBODY},
	{"kill everybody", try_kill_all, NOBODY},
	{"a signal to another", try_tgkill, NOBODY},
	{"a signal by thread", try_tkill, NOBODY},
	{"a queued signal", try_queue_signal, NOBODY},
	{"a handle on another", try_pidfd, NOBODY},
	{"MPTCP", try_mptcp, NOBODY},
	{"SCTP", try_sctp, NOBODY},
	{"a raw socket", try_raw, NOBODY},
	{"packets", try_packet, NOBODY},
	{"netlink", try_netlink, NOBODY},
	{"vsock", try_vsock, NOBODY},
	{"kernel crypto", try_alg, NOBODY},
	{"Unix datagrams", try_unix_dgram, NOBODY},
	{"Unix packets", try_unix_packets, NOBODY},
	{"an abstract socket", try_unix_abstract, NOBODY},
	{"listening", try_listen, NOBODY},
	{"root", try_become_root, NOBODY},
	{"capabilities", try_capabilities, NOBODY},
	{"being dumped", try_dumpable, NOBODY},
	{"its limits", try_limits, NOBODY},
	{"bpf", try_bpf, NOBODY},
	{"perf", try_perf, NOBODY},
	{"userfaultfd", try_userfault, NOBODY},
	{"io_uring", try_uring, NOBODY},
	{"keys", try_keys, NOBODY},
	{"namespaces", try_unshare, NOBODY},
	{"dup by fcntl", try_dup_up, NOBODY},
	{"a descriptor's owner", try_owner, NOBODY},
	{"a folder's changes", try_lease, NOBODY},
};

static enum answer
attempt(enum role r, long (*run)(void))
{
	pid_t child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		enter(r);
		_exit(answer_of(run()));
	}
	enum answer a = reap(child);
	unlinkat(own, "sub", AT_REMOVEDIR);
	return a;
}

/* fetch dials one port, another than the test's; before Landlock's ABI 4 a kernel knows none. */
static bool
is_too_old_for(enum role r, long (*run)(void))
{
	return r == FETCH && run == try_tcp && syscall(SYS_landlock_create_ruleset, NULL, 0, 1) < 4;
}

static void
nothing_succeeds_but_what_is_granted(void **state)
{
	(void)state;
	for (size_t i = 0; i < GP_ARRAY_LEN(attempts); i++) {
		for (enum role r = 0; r < ROLES; r++) {
			bool may = attempts[i].who & ONLY(r);
			if (is_too_old_for(r, attempts[i].run))
				continue;
			enum answer a = attempt(r, attempts[i].run);
			if (a == BROKEN || (a == DONE) != may)
				fail_msg("%s by %s: answer %d", attempts[i].what, roles[r].name, a);
		}
	}
}

/* --- who the role is --- */

enum { USER = 12345, GROUP = 12346 };

static bool
has_capabilities(void)
{
	cap_t now = cap_get_proc(), none = cap_init();
	bool has = !now || !none || cap_compare(now, none) != 0;
	cap_free(now);
	cap_free(none);
	for (int cap = 0; prctl(PR_CAPBSET_READ, cap, 0, 0, 0) >= 0; cap++)
		has = has || prctl(PR_CAPBSET_READ, cap, 0, 0, 0) != 0;
	return has;
}

static bool
is_only(uid_t user, gid_t group)
{
	uid_t u[3];
	gid_t g[3];
	return getresuid(&u[0], &u[1], &u[2]) == 0 && getresgid(&g[0], &g[1], &g[2]) == 0 &&
	       u[0] == user && u[1] == user && u[2] == user && g[0] == group && g[1] == group &&
	       g[2] == group && getgroups(0, NULL) == 0;
}

/* From a supervisor that has groups, and keeps its capabilities over the change of its user. */
static void
a_role_is_its_own_user_for_ever(void **state)
{
	static const gid_t groups[] = {0, 5};
	(void)state;
	if (geteuid() != 0)
		skip();
	pid_t child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		if (setgroups(GP_ARRAY_LEN(groups), groups) < 0 ||
		    prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) < 0 ||
		    gp_sandbox_drop_identity(USER, GROUP) < 0)
			_exit(BROKEN);
		bool back = setuid(0) == 0 || setgid(0) == 0;
		_exit(!back && is_only(USER, GROUP) && !has_capabilities() ? DONE : FAILED);
	}
	assert_int_equal(reap(child), DONE);
}

/* --- the place --- */

static int
listen_at(const struct sockaddr *a, socklen_t len)
{
	int fd = socket(a->sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_true(fd >= 0);
	assert_int_equal(bind(fd, a, len), 0);
	assert_int_equal(listen(fd, 128), 0);
	return fd;
}

static int
set_up(void **state)
{
	char path[128];
	struct sockaddr_in in = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
	socklen_t len = sizeof(in);
	(void)state;
	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/own", folder);
	assert_int_equal(mkdir(path, 0700), 0);
	own = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(own >= 0);
	close(openat(own, "file", O_WRONLY | O_CREAT | O_CLOEXEC, 0700));
	close(openat(own, "../outside", O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
	assert_int_equal(symlinkat("/etc/passwd", own, "link"), 0);
	tcp_listener = listen_at((struct sockaddr *)&in, sizeof(in));
	assert_int_equal(getsockname(tcp_listener, (struct sockaddr *)&in, &len), 0);
	tcp_port = in.sin_port;
	abstract.sun_family = named.sun_family = AF_UNIX;
	snprintf(abstract.sun_path + 1, sizeof(abstract.sun_path) - 1, "%s", folder);
	snprintf(named.sun_path, sizeof(named.sun_path), "%s/socket", folder);
	abstract_listener = listen_at((struct sockaddr *)&abstract, sizeof(abstract));
	named_listener = listen_at((struct sockaddr *)&named, sizeof(named));
	parent = getpid();
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	const char *const files[] = {"file", "new", "link", "../outside", "../socket"};
	for (size_t i = 0; i < GP_ARRAY_LEN(files); i++)
		unlinkat(own, files[i], 0);
	unlinkat(own, "../own", AT_REMOVEDIR);
	rmdir(folder);
	return 0;
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(calls_are_those_of_the_document),
		cmocka_unit_test(a_store_adds_what_sqlite_needs),
#ifdef __x86_64__
		cmocka_unit_test(other_ways_into_the_kernel_are_shut),
#endif
		cmocka_unit_test(nothing_succeeds_but_what_is_granted),
		cmocka_unit_test(a_role_is_its_own_user_for_ever),
	};
	if (argc > 1 && strcmp(argv[1], "--table") == 0) {
		struct gp_buf table = GP_BUF_INIT(1 << 20);
		unsigned counts[TABLED] = {};
		set_up(NULL);
		put_table(&table, counts);
		tear_down(NULL);
		printf("%.*s", GP_SLICE_FMT(gp_buf_slice(&table)));
		gp_buf_free(&table);
		return 0;
	}
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
