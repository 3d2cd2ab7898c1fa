/*
 * The system call filter: a list of calls that fail with EPERM.
 *
 * A deny list, because the libraries below us may need a new harmless call with
 * any update. For render it leaves no way to a network, another process, another
 * program, or a change of any file, even where Landlock is missing; Landlock's
 * ABI 2 does not cover truncate, modes, owners and times. The program is classic
 * BPF over struct seccomp_data (linux/seccomp.h), written by hand: libseccomp is
 * one library more in the smallest process.
 */
#include "sandbox.h"

#include "core/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#if defined(__x86_64__)
#define ARCH AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define ARCH AUDIT_ARCH_AARCH64
#else
#error "no system call filter for this processor"
#endif
#define X32_BIT 0x40000000U

/* Into other processes, the kernel, other namespaces: nobody's business here. */
static const int never[] = {
	SYS_ptrace, SYS_process_vm_readv, SYS_process_vm_writev, SYS_kcmp,
	SYS_pidfd_open, SYS_pidfd_getfd, SYS_pidfd_send_signal,
	SYS_rt_sigqueueinfo, SYS_rt_tgsigqueueinfo, SYS_tkill,
	SYS_io_uring_setup, SYS_io_uring_enter, SYS_io_uring_register,
	SYS_bpf, SYS_perf_event_open, SYS_userfaultfd, SYS_keyctl, SYS_add_key,
	SYS_request_key, SYS_mount, SYS_umount2, SYS_pivot_root, SYS_chroot,
	SYS_unshare, SYS_setns, SYS_open_by_handle_at, SYS_name_to_handle_at,
	SYS_fsopen, SYS_fsmount, SYS_move_mount, SYS_open_tree, SYS_mount_setattr,
	SYS_kexec_load, SYS_init_module, SYS_finit_module, SYS_delete_module,
	SYS_personality, SYS_quotactl, SYS_swapon, SYS_swapoff, SYS_reboot,
	SYS_acct, SYS_listen, SYS_accept, SYS_accept4, SYS_mknodat,
#ifdef SYS_mknod
	SYS_mknod,
#endif
};
static const int network[] = {
	SYS_socket, SYS_socketpair, SYS_connect, SYS_bind,
};
static const int programs[] = {
	SYS_execve, SYS_execveat, SYS_kill,
#ifdef SYS_fork
	SYS_fork, SYS_vfork,
#endif
};
static const int changes[] = {
	SYS_truncate, SYS_ftruncate, SYS_fallocate, SYS_unlinkat, SYS_renameat,
	SYS_renameat2, SYS_linkat, SYS_symlinkat, SYS_mkdirat, SYS_fchmod,
	SYS_fchmodat, SYS_fchown, SYS_fchownat, SYS_utimensat, SYS_setxattr,
	SYS_lsetxattr, SYS_fsetxattr, SYS_removexattr, SYS_lremovexattr,
	SYS_fremovexattr,
#ifdef SYS_unlink
	SYS_unlink, SYS_rename, SYS_link, SYS_symlink, SYS_mkdir, SYS_rmdir,
	SYS_chmod, SYS_chown, SYS_lchown, SYS_utime, SYS_utimes, SYS_creat,
#endif
};

struct program {
	struct sock_filter code[256];
	unsigned short len;
};

#define FIELD(name) offsetof(struct seccomp_data, name)
/* The low half of an argument; both processors are little-endian. */
#define ARG(i) (offsetof(struct seccomp_data, args) + 8 * (i))

static void emit(struct program *p, struct sock_filter f)
{
	if (p->len >= ARRAY_LEN(p->code))
		abort();
	p->code[p->len++] = f;
}

static void load(struct program *p, size_t offset)
{
	emit(p, (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
					     (unsigned)offset));
}

static void answer(struct program *p, unsigned what)
{
	emit(p, (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, what));
}

/* If the loaded value is not v, skips so many instructions. */
static void unless(struct program *p, unsigned v, unsigned char skip)
{
	emit(p, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, v, 0,
					     skip));
}

static void deny(struct program *p, const int *calls, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		unless(p, (unsigned)calls[i], 1);
		answer(p, SECCOMP_RET_ERRNO | EPERM);
	}
}

/* Another ABI has other numbers: its calls kill. */
static void begin(struct program *p)
{
	load(p, FIELD(arch));
	emit(p, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ARCH,
					     1, 0));
	answer(p, SECCOMP_RET_KILL_PROCESS);
	load(p, FIELD(nr));
	emit(p, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, X32_BIT,
					     0, 1));
	answer(p, SECCOMP_RET_KILL_PROCESS);
}

/*
 * The blocks below end with an answer wherever they load something else: whoever
 * comes out of them still has the call's number loaded.
 *
 * clone(2) for threads only; clone3 hides its flags, so glibc must use clone.
 */
static void threads_only(struct program *p)
{
	unless(p, SYS_clone3, 1);
	answer(p, SECCOMP_RET_ERRNO | ENOSYS);
	unless(p, SYS_clone, 4);
	load(p, ARG(0));
	emit(p, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K,
					     CLONE_THREAD, 1, 0));
	answer(p, SECCOMP_RET_ERRNO | EPERM);
	answer(p, SECCOMP_RET_ALLOW);
}

/* abort() and pthread_kill() signal ourselves: that, and no one else. */
static void own_signals_only(struct program *p)
{
	unless(p, SYS_tgkill, 4);
	load(p, ARG(0));
	unless(p, (unsigned)getpid(), 1);
	answer(p, SECCOMP_RET_ALLOW);
	answer(p, SECCOMP_RET_ERRNO | EPERM);
}

static void open_reads_only(struct program *p, unsigned call, unsigned arg)
{
	unless(p, call, 4);
	load(p, ARG(arg));
	emit(p, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K,
					     O_WRONLY | O_RDWR | O_CREAT |
					     O_TRUNC, 0, 1));
	answer(p, SECCOMP_RET_ERRNO | EPERM);
	answer(p, SECCOMP_RET_ALLOW);
}

static void no_writes(struct program *p)
{
	deny(p, changes, ARRAY_LEN(changes));
	unless(p, SYS_openat2, 1);
	answer(p, SECCOMP_RET_ERRNO | ENOSYS);
	open_reads_only(p, SYS_openat, 2);
#ifdef SYS_open
	open_reads_only(p, SYS_open, 1);
#endif
}

static int install(struct program *p, struct err *err)
{
	struct sock_fprog prog = { .filter = p->code };

	answer(p, SECCOMP_RET_ALLOW);
	prog.len = p->len;
	if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog, 0, 0) < 0)
		return err_set(err, ERR_INTERNAL, "sandbox: seccomp: %s",
			       strerror(errno));
	return 0;
}

int sandbox_calls(enum profile profile, struct err *err)
{
	struct program p = { .len = 0 };

	begin(&p);
	deny(&p, never, ARRAY_LEN(never));
	if (profile != PROFILE_FETCH)
		deny(&p, network, ARRAY_LEN(network));
	if (profile != PROFILE_EXEC)
		deny(&p, programs, ARRAY_LEN(programs));
	if (profile == PROFILE_RENDER)
		no_writes(&p);
	if (profile != PROFILE_EXEC) {
		threads_only(&p);
		own_signals_only(&p);
	}
	return install(&p, err);
}

int sandbox_calls_of_program(struct err *err)
{
	static const int signals[] = { SYS_kill };
	struct program p = { .len = 0 };

	begin(&p);
	deny(&p, signals, ARRAY_LEN(signals));
	return install(&p, err);
}
