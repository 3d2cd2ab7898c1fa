/*
 * Setting libgit2 up, and its errors as ours.
 *
 * Limits come before anything is opened. The system's and the user's
 * configuration would let a file on the node change what a URL means
 * (url.*.insteadOf) or which key is used, so no such file is looked for. The
 * mirrors are made by ourselves, hence no check of their owner.
 */
#include "repo.h"

#include "core/utf8.h"

#include <stdarg.h>
#include <stdio.h>

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define WITH_ASAN 1
#endif
#elif defined(__SANITIZE_ADDRESS__)
#define WITH_ASAN 1
#endif
#ifdef WITH_ASAN
/*
 * libgit2 1.5 forgets pcre2's match data each time it searches a configuration.
 * A fetch worker serves one request, so it does not add up.
 */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
	return "leak:libpcre2-8.so";
}
#endif

#define MIB ((size_t)1 << 20)
#define MAX_PACK_OBJECTS ((size_t)20 * 1000 * 1000)

static int set_limits(void)
{
	if (git_libgit2_opts(GIT_OPT_SET_MWINDOW_SIZE, 32 * MIB) < 0 ||
	    git_libgit2_opts(GIT_OPT_SET_MWINDOW_MAPPED_LIMIT, 256 * MIB) < 0 ||
	    git_libgit2_opts(GIT_OPT_SET_CACHE_MAX_SIZE,
			     (ssize_t)(32 * MIB)) < 0 ||
	    git_libgit2_opts(GIT_OPT_SET_PACK_MAX_OBJECTS, MAX_PACK_OBJECTS) < 0)
		return -1;
	return git_libgit2_opts(GIT_OPT_SET_PACK_MAX_OBJECT_SIZE, 64 * MIB);
}

static int set_no_config(void)
{
	static const int levels[] = {
		GIT_CONFIG_LEVEL_PROGRAMDATA, GIT_CONFIG_LEVEL_SYSTEM,
		GIT_CONFIG_LEVEL_XDG, GIT_CONFIG_LEVEL_GLOBAL,
	};

	for (size_t i = 0; i < ARRAY_LEN(levels); i++)
		if (git_libgit2_opts(GIT_OPT_SET_SEARCH_PATH, levels[i], "") < 0)
			return -1;
	if (git_libgit2_opts(GIT_OPT_SET_TEMPLATE_PATH, "") < 0)
		return -1;
	return git_libgit2_opts(GIT_OPT_SET_OWNER_VALIDATION, 0);
}

int repo_setup(struct err *err)
{
	static bool done;
	int rc;

	if (done)
		return 0;
	rc = git_libgit2_init();
	if (rc >= 0)
		rc = set_limits();
	if (rc >= 0)
		rc = set_no_config();
	if (rc < 0)
		return repo_fail(rc, err, "libgit2 does not start");
	done = true;
	return 0;
}

/*
 * Classes that tell of the mirror's own files. Trees and commits that do not parse
 * are not among them: they are what was pushed, and stay so in a new mirror.
 */
static bool is_damage(int rc, int klass)
{
	if (rc == GIT_EMISMATCH)
		return true;
	return klass == GIT_ERROR_ODB || klass == GIT_ERROR_ZLIB ||
	       klass == GIT_ERROR_INDEXER || klass == GIT_ERROR_SHA ||
	       klass == GIT_ERROR_REPOSITORY || klass == GIT_ERROR_REFERENCE ||
	       klass == GIT_ERROR_OS;
}

int repo_fail(int rc, struct err *err, const char *fmt, ...)
{
	const git_error *last = git_error_last();
	_cleanup_free_ char *text = utf8_clean(last ? last->message : "", 200);
	int klass = last ? last->klass : GIT_ERROR_NONE;
	enum err_code code = ERR_IO;
	char what[256];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(what, sizeof(what), fmt, ap);
	va_end(ap);
	if (rc == GIT_EAUTH)
		code = ERR_AUTH;
	else if (klass == GIT_ERROR_NET || klass == GIT_ERROR_HTTP ||
		 klass == GIT_ERROR_SSL)
		code = ERR_NET;
	else if (!is_damage(rc, klass))
		code = ERR_INVALID;
	git_error_clear();
	return err_set(err, code, "%s: %s", what, *text ? text : "unknown error");
}
