/*
 * The sandbox but for its system call filter (seccomp.c).
 *
 * Order matters: the limits come before anything is read, no_new_privs before
 * Landlock and seccomp, which need it. Only Landlock may be missing: it is a
 * matter of the kernel's build. RLIMIT_AS is left out under AddressSanitizer,
 * which reserves terabytes, and for exec, because so does Go.
 */
#include "sandbox.h"

#include "core/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef __has_feature
#define __has_feature(x) 0
#endif
#if defined(__SANITIZE_ADDRESS__) || __has_feature(address_sanitizer)
#define ASAN 1
#else
#define ASAN 0
#endif

#define MIB ((rlim_t)1 << 20)

static const struct {
	rlim_t files, file_size, memory, cpu_s;
} limits[] = {
	[PROFILE_FETCH] = { 256, 4096 * MIB, 4096 * MIB, 1800 },
	[PROFILE_RENDER] = { 128, 0, 1024 * MIB, 1800 },
	[PROFILE_EXEC] = { 256, 256 * MIB, RLIM_INFINITY, 600 },
};

static int limit(int what, const char *name, rlim_t max, struct err *err)
{
	struct rlimit old, r = { max, max };

	/* A limit that is lower already stays. */
	if (!getrlimit((__rlimit_resource_t)what, &old) && old.rlim_max < max)
		r.rlim_cur = r.rlim_max = old.rlim_max;
	if (setrlimit((__rlimit_resource_t)what, &r) < 0)
		return err_set(err, ERR_INTERNAL, "sandbox: %s: %s", name,
			       strerror(errno));
	return 0;
}

static int set_limits(enum profile p, struct err *err)
{
	if (limit(RLIMIT_CORE, "RLIMIT_CORE", 0, err) ||
	    limit(RLIMIT_NOFILE, "RLIMIT_NOFILE", limits[p].files, err) ||
	    limit(RLIMIT_FSIZE, "RLIMIT_FSIZE", limits[p].file_size, err) ||
	    limit(RLIMIT_CPU, "RLIMIT_CPU", limits[p].cpu_s, err))
		return -1;
	if (ASAN || limits[p].memory == RLIM_INFINITY)
		return 0;
	return limit(RLIMIT_AS, "RLIMIT_AS", limits[p].memory, err);
}

static int set_prctl(int option, unsigned long value, const char *name,
		     struct err *err)
{
	if (prctl(option, value, 0, 0, 0) < 0)
		return err_set(err, ERR_INTERNAL, "sandbox: %s: %s", name,
			       strerror(errno));
	return 0;
}

int sandbox_begin(enum profile profile, pid_t parent, struct err *err)
{
	if (close_range(3, ~0U, 0) < 0)
		return err_set(err, ERR_INTERNAL, "sandbox: close_range: %s",
			       strerror(errno));
	if (set_limits(profile, err) ||
	    set_prctl(PR_SET_DUMPABLE, 0, "PR_SET_DUMPABLE", err) ||
	    set_prctl(PR_SET_PDEATHSIG, SIGKILL, "PR_SET_PDEATHSIG", err) ||
	    set_prctl(PR_SET_NO_NEW_PRIVS, 1, "PR_SET_NO_NEW_PRIVS", err))
		return -1;
	/* It may have died before the signal was asked for. */
	if (parent && getppid() != parent)
		return err_set(err, ERR_CANCELLED, "sandbox: the daemon is "
			       "gone");
	return 0;
}

#define ACCESS_READ (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR)
#define ACCESS_ALL_1 ((LANDLOCK_ACCESS_FS_MAKE_SYM << 1) - 1)
/* Of a rule for a file that is no folder, the kernel takes only these. */
#define ACCESS_OF_FILE (LANDLOCK_ACCESS_FS_READ_FILE | \
			LANDLOCK_ACCESS_FS_WRITE_FILE | \
			LANDLOCK_ACCESS_FS_EXECUTE)
#define ACCESS_WRITE (ACCESS_READ | LANDLOCK_ACCESS_FS_WRITE_FILE | \
		      LANDLOCK_ACCESS_FS_REMOVE_DIR | \
		      LANDLOCK_ACCESS_FS_REMOVE_FILE | \
		      LANDLOCK_ACCESS_FS_MAKE_DIR | LANDLOCK_ACCESS_FS_MAKE_REG)

static __u64 access_bits(enum path_access a, bool can_refer)
{
	switch (a) {
	case PATH_READ:
		return ACCESS_READ;
	case PATH_READ_EXECUTE:
		return ACCESS_READ | LANDLOCK_ACCESS_FS_EXECUTE;
	case PATH_WRITE:
		return ACCESS_WRITE |
		       (can_refer ? LANDLOCK_ACCESS_FS_REFER : 0);
	}
	abort();
}

static int add_rule(int ruleset, const struct path_rule *rule, bool can_refer,
		    struct err *err)
{
	struct landlock_path_beneath_attr attr = {
		.allowed_access = access_bits(rule->access, can_refer),
	};
	struct stat st;
	int rc = 0;

	attr.parent_fd = rule->path ? open(rule->path, O_PATH | O_CLOEXEC) : -1;
	if (attr.parent_fd < 0)
		return 0;
	if (!fstat(attr.parent_fd, &st) && !S_ISDIR(st.st_mode))
		attr.allowed_access &= ACCESS_OF_FILE;
	if (syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH,
		    &attr, 0) < 0)
		rc = err_set(err, ERR_INTERNAL, "sandbox: Landlock: %s: %s",
			     rule->path, strerror(errno));
	close(attr.parent_fd);
	return rc;
}

/* Read by the loader, the C library and the sanitizers at any time. */
static const struct path_rule of_system[] = {
	{ "/usr", PATH_READ_EXECUTE },
	{ "/lib", PATH_READ_EXECUTE },
	{ "/lib64", PATH_READ_EXECUTE },
	{ "/dev/null", PATH_WRITE },
	{ "/dev/urandom", PATH_READ },
};

static int restrict_to(int ruleset, const struct path_rule *rules, size_t n,
		       bool can_refer, struct err *err)
{
	for (size_t i = 0; i < ARRAY_LEN(of_system); i++)
		if (add_rule(ruleset, &of_system[i], can_refer, err))
			return -1;
	for (size_t i = 0; i < n; i++)
		if (add_rule(ruleset, &rules[i], can_refer, err))
			return -1;
	if (syscall(SYS_landlock_restrict_self, ruleset, 0) < 0)
		return err_set(err, ERR_INTERNAL, "sandbox: Landlock: %s",
			       strerror(errno));
	return 0;
}

int sandbox_files(const struct path_rule *rules, size_t n, struct err *err)
{
	struct landlock_ruleset_attr attr = { .handled_access_fs = ACCESS_ALL_1 };
	long abi = syscall(SYS_landlock_create_ruleset, NULL, 0,
			   LANDLOCK_CREATE_RULESET_VERSION);
	int ruleset, rc;

	if (abi < 1)
		return 1;
	if (abi >= 2)
		attr.handled_access_fs |= LANDLOCK_ACCESS_FS_REFER;
	ruleset = (int)syscall(SYS_landlock_create_ruleset, &attr,
			       sizeof(attr.handled_access_fs), 0);
	if (ruleset < 0)
		return err_set(err, ERR_INTERNAL, "sandbox: Landlock: %s",
			       strerror(errno));
	rc = restrict_to(ruleset, rules, n, abi >= 2, err);
	close(ruleset);
	return rc;
}
