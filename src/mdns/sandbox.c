/*
 * The filter only compares the number of the system call with a list: twenty lines, so libseccomp
 * is not needed. A refused call returns an error and does not end the process: a call that some
 * version of the C library makes in passing then fails as on an old kernel.
 */
#include "mdns/sandbox.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/limits.h"

static void
limit(int resource, rlim_t value)
{
	struct rlimit both = {value, value};

	(void)setrlimit((__rlimit_resource_t)resource, &both);
}

static void
close_above(int keep)
{
	struct rlimit files;

#ifdef SYS_close_range
	if (syscall(SYS_close_range, (unsigned)keep + 1, ~0U, 0) == 0)
		return;
#endif
	rlim_t end = getrlimit(RLIMIT_NOFILE, &files) == 0 ? files.rlim_cur : 1024;
	for (rlim_t fd = (rlim_t)keep + 1; fd < end; fd++)
		(void)close((int)fd);
}

void
pz_mdns_sandbox_begin(int keep)
{
	close_above(keep);
	(void)prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	limit(RLIMIT_CORE, 0);
	limit(RLIMIT_NPROC, 0);
	if (!PZ_HAS_SANITIZER)
		limit(RLIMIT_DATA, PZ_MDNS_RESPONDER_BYTES_MAX);
}

/* ---- the filter ---- */

#if defined(__x86_64__)
#define ARCHITECTURE AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define ARCHITECTURE AUDIT_ARCH_AARCH64
#endif

#ifdef ARCHITECTURE
/* Newer architectures do not have the old names. The system calls of x32 have other numbers. */
static const uint32_t allowed[] = {
	/* sockets and the loop */
	SYS_read,
	SYS_write,
	SYS_readv,
	SYS_writev,
	SYS_recvfrom,
	SYS_recvmsg,
	SYS_sendto,
	SYS_sendmsg,
	SYS_setsockopt,
	SYS_getsockopt,
	SYS_getsockname,
	SYS_ioctl,
	SYS_fcntl,
	SYS_close,
	SYS_shutdown,
	SYS_epoll_ctl,
	SYS_epoll_pwait,
	SYS_ppoll,
#ifdef SYS_epoll_wait
	SYS_epoll_wait,
#endif
#ifdef SYS_epoll_pwait2
	SYS_epoll_pwait2,
#endif
#ifdef SYS_poll
	SYS_poll,
#endif
	/* memory */
	SYS_brk,
	SYS_mmap,
	SYS_munmap,
	SYS_mremap,
	SYS_mprotect,
	SYS_madvise,
	SYS_futex,
/* time and random numbers; without alarm() the kernel would end the process at the end of its first
 * alarm */
#ifdef SYS_alarm
	SYS_alarm,
#endif
	SYS_setitimer,
	SYS_clock_gettime,
	SYS_clock_getres,
	SYS_gettimeofday,
#ifdef SYS_time
	SYS_time,
#endif
	SYS_getrandom,
	/* the process itself, and its end */
	SYS_getpid,
	SYS_gettid,
	SYS_rt_sigaction,
	SYS_rt_sigprocmask,
	SYS_rt_sigreturn,
	SYS_sigaltstack,
	SYS_restart_syscall,
	SYS_sched_yield,
	SYS_exit,
	SYS_exit_group,
};

#define ALLOWED_LEN (sizeof(allowed) / sizeof(allowed[0]))
#define BEFORE_LEN 4

/* The architecture is checked first, because the numbers of system calls depend on it: a call of
 * another architecture could pass for an allowed one. Each match jumps to the last instruction,
 * which allows the call; what matches nothing gets the error. */
bool
pz_mdns_sandbox_seal(void)
{
	struct sock_filter code[BEFORE_LEN + ALLOWED_LEN + 2] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ARCHITECTURE, 1, 0),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
	};
	struct sock_fprog program = {.len = sizeof(code) / sizeof(code[0]), .filter = code};

	for (size_t i = 0; i < ALLOWED_LEN; i++)
		code[BEFORE_LEN + i] = (struct sock_filter)BPF_JUMP(
			BPF_JMP | BPF_JEQ | BPF_K, allowed[i], (uint8_t)(ALLOWED_LEN - i), 0);
	code[BEFORE_LEN + ALLOWED_LEN] =
		(struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM);
	code[BEFORE_LEN + ALLOWED_LEN + 1] =
		(struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

#else

bool
pz_mdns_sandbox_seal(void)
{
	return false;
}

#endif
