/* SPDX-License-Identifier: Apache-2.0 */
#include "sys/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/futex.h>
#include <seccomp.h>
#include <sys/capability.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "sys/landlock.h"
#include "sys/log.h"

/* A sanitizer's allocator has needs of its own, in builds that never ship. */
#ifdef __has_feature
#if __has_feature(address_sanitizer)
#define SANITIZED
#endif
#endif

/* What libc, libevent and our own loop and channels need in every role. */
static const int common_calls[] = {
	SCMP_SYS(read),
	SCMP_SYS(write),
	SCMP_SYS(writev), /* libc's last words */
	SCMP_SYS(pread64),
	SCMP_SYS(close),
	SCMP_SYS(fstat),
	SCMP_SYS(memfd_create),
	SCMP_SYS(epoll_wait),
	SCMP_SYS(epoll_pwait),
	SCMP_SYS(epoll_ctl),
	SCMP_SYS(sendmmsg),
	SCMP_SYS(recvmmsg),
	SCMP_SYS(shutdown),
	SCMP_SYS(brk),
	SCMP_SYS(munmap),
	SCMP_SYS(mremap),
	/* Where the clock cannot be read without the kernel. */
	SCMP_SYS(clock_gettime),
	SCMP_SYS(gettimeofday),
	/* qsort(3) of more than a kilobyte asks how much memory the machine has. */
	SCMP_SYS(sysinfo),
	/* abort(3) */
	SCMP_SYS(rt_sigprocmask),
	SCMP_SYS(getpid),
	SCMP_SYS(gettid),
	SCMP_SYS(restart_syscall),
	SCMP_SYS(exit_group),
#ifdef SANITIZED
	SCMP_SYS(madvise),
	SCMP_SYS(futex),
	/* At each longjmp(3), by which OpenSSL changes stacks. */
	SCMP_SYS(sigaltstack),
#endif
};

static int
drop_capabilities(void)
{
	cap_t none = cap_init();
	int r = none && cap_set_proc(none) == 0 ? 0 : -errno;
	cap_free(none);
	if (r == 0 && prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0)
		r = -errno;
	return r;
}

int
gp_sandbox_drop_identity(uid_t uid, gid_t gid)
{
	gp_assert(uid != 0);
	/* Nothing that it could ever execute brings a capability back. */
	for (int cap = 0; prctl(PR_CAPBSET_READ, cap, 0, 0, 0) >= 0; cap++) {
		if (prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) < 0)
			return -errno;
	}
	if (setgroups(0, NULL) < 0)
		return -errno;
	if (setresgid(gid, gid, gid) < 0 || setresuid(uid, uid, uid) < 0)
		return -errno;
	/* From root the change of uid has dropped them; a supervisor that is another user and has
	 * kept the right to change it would hand them on. */
	int r = drop_capabilities();
	if (r < 0)
		return r;
	/* The way back must be shut. */
	return setuid(0) == 0 ? -EPERM : 0;
}

static int
limit_resources(void)
{
	struct rlimit zero = {};
	if (setrlimit(RLIMIT_CORE, &zero) < 0 || setrlimit(RLIMIT_NPROC, &zero) < 0)
		return -errno;
	return prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0 ? -errno : 0;
}

int
gp_sandbox_limit_memory(uint64_t octets)
{
#ifdef SANITIZED
	octets = RLIM_INFINITY;
#endif
	return setrlimit(RLIMIT_DATA, &(struct rlimit){octets, octets}) < 0 ? -errno : 0;
}

static int
allow(scmp_filter_ctx ctx, const int *calls, size_t len)
{
	int r = 0;
	for (size_t i = 0; r == 0 && i < len; i++)
		r = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, calls[i], 0);
	return r;
}

/* Memory that can be written must never be run. */
static int
allow_memory(scmp_filter_ctx ctx)
{
	int r = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(mmap), 1,
				 SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
	if (r == 0)
		r = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(mprotect), 1,
				     SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
	return r;
}

static int
allow_fcntl(scmp_filter_ctx ctx, bool locks)
{
	static const int commands[] = {F_GETFL,         F_SETFL, F_GETFD, F_SETFD,
				       F_DUPFD_CLOEXEC, F_GETLK, F_SETLK};
	size_t len = GP_ARRAY_LEN(commands) - (locks ? 0 : 2);
	int r = 0;
	for (size_t i = 0; r == 0 && i < len; i++)
		r = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(fcntl), 1,
				     SCMP_A1(SCMP_CMP_EQ, (scmp_datum_t)commands[i]));
	return r;
}

/* abort(3) may end this process; no signal reaches another one. */
static int
allow_abort(scmp_filter_ctx ctx)
{
	return seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(tgkill), 1,
				SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t)getpid()));
}

static int
allow_socket(scmp_filter_ctx ctx, int family, int type, int protocol)
{
	/* The type's flags (SOCK_NONBLOCK, SOCK_CLOEXEC) stand above its low four bits. */
	return seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(socket), 3,
				SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t)family),
				SCMP_A1(SCMP_CMP_MASKED_EQ, 0xf, (scmp_datum_t)type),
				SCMP_A2(SCMP_CMP_EQ, (scmp_datum_t)protocol));
}

/* pthread_once(3) wakes whoever waits, though nobody does; OpenSSL begins so what it first uses. */
static int
allow_crypto(scmp_filter_ctx ctx)
{
	int r = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(getrandom), 0);
	return r < 0 ? r
		     : seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(futex), 1,
					SCMP_A1(SCMP_CMP_EQ, FUTEX_WAKE_PRIVATE));
}

enum { TCP = 6, UDP = 17 };

static int
allow_network(scmp_filter_ctx ctx, const struct gp_sandbox *rules)
{
	static const int dial_calls[] = {SCMP_SYS(connect), SCMP_SYS(setsockopt),
					 SCMP_SYS(getsockopt), SCMP_SYS(sendto),
					 SCMP_SYS(recvfrom)};
	/* libunbound's, beyond that; it reseeds its numbers from the kernel. */
	static const int dns_calls[] = {SCMP_SYS(bind), SCMP_SYS(sendmsg), SCMP_SYS(recvmsg),
					SCMP_SYS(getrandom)};
	static const int families[] = {AF_INET, AF_INET6};
	bool tcp = rules->dial || rules->dns || rules->dial_port > 0;
	int r = 0;
	if (tcp || rules->dial_unix)
		r = allow(ctx, dial_calls, GP_ARRAY_LEN(dial_calls));
	if (r == 0 && (rules->dial || rules->dial_unix))
		r = allow_socket(ctx, AF_UNIX, SOCK_STREAM, 0);
	if (r == 0 && rules->dns)
		r = allow(ctx, dns_calls, GP_ARRAY_LEN(dns_calls));
	for (size_t i = 0; r == 0 && i < GP_ARRAY_LEN(families); i++) {
		/* By number: 0 would let libraries choose, and MPTCP (262) escapes Landlock's
		 * rules. */
		if (tcp)
			r = allow_socket(ctx, families[i], SOCK_STREAM, TCP);
		if (r == 0 && rules->dns)
			r = allow_socket(ctx, families[i], SOCK_STREAM, 0);
		if (r == 0 && rules->dns)
			r = allow_socket(ctx, families[i], SOCK_DGRAM, UDP);
		if (r == 0 && rules->dns)
			r = allow_socket(ctx, families[i], SOCK_DGRAM, 0);
	}
	return r;
}

/* Calls that libraries try and can do without: an error serves better than a killed role. */
static int
refuse_politely(scmp_filter_ctx ctx, bool files)
{
	static const int calls[] = {SCMP_SYS(open),   SCMP_SYS(openat),   SCMP_SYS(stat),
				    SCMP_SYS(access), SCMP_SYS(readlink), SCMP_SYS(newfstatat)};
	int r = seccomp_rule_add(ctx, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0);
	for (size_t i = 0; !files && r == 0 && i < GP_ARRAY_LEN(calls); i++)
		r = seccomp_rule_add(ctx, SCMP_ACT_ERRNO(EACCES), calls[i], 0);
	return r;
}

static int
filter_calls(const struct gp_sandbox *rules, bool files)
{
	scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_KILL_PROCESS);
	if (!ctx)
		return -ENOMEM;
	/* A decision tree instead of a list: the filter is on the way of every call. */
	int r = seccomp_attr_set(ctx, SCMP_FLTATR_CTL_OPTIMIZE, 2);
	if (r == 0)
		r = allow(ctx, common_calls, GP_ARRAY_LEN(common_calls));
	if (r == 0)
		r = allow_memory(ctx);
	if (r == 0)
		r = allow_fcntl(ctx, rules->locks);
	if (r == 0)
		r = allow_abort(ctx);
	if (r == 0)
		r = allow_network(ctx, rules);
	if (r == 0 && rules->crypto)
		r = allow_crypto(ctx);
	if (r == 0)
		r = allow(ctx, rules->calls, rules->calls_len);
	if (r == 0)
		r = refuse_politely(ctx, files);
	if (r == 0)
		r = seccomp_load(ctx);
	seccomp_release(ctx);
	return r;
}

int
gp_sandbox_enter(const struct gp_sandbox *rules, const struct gp_sandbox_dir *dirs, size_t dirs_len)
{
	int r = limit_resources();
	if (r == 0 && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		r = -errno;
	if (r == 0)
		r = drop_capabilities();
	if (r == 0)
		r = gp_landlock_enter(rules, dirs, dirs_len);
	if (r == 0)
		r = filter_calls(rules, dirs_len > 0);
	return r;
}
