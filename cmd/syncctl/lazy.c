/*
 * lazy.c - libcurl and libcrypto, loaded when first called.
 *
 * Loading both takes longer than rendering a small tree, and `syncctl render` calls
 * neither. These definitions take the libraries' place at link time, so that
 * --as-needed leaves the libraries out; each finds the real function by its name.
 * A function that is called but not listed here costs the gain, not the program:
 * it is linked as ever (tests/e2e/syncctl.sh watches over that). One that cannot be
 * loaded ends the program with a message.
 */
#define CURL_DISABLE_TYPECHECK
#include <curl/curl.h>
#include <dlfcn.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/opensslv.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include "syncctl.h"

/* They forward to the functions of these names. */
#undef curl_easy_getinfo
#undef curl_easy_setopt
#undef curl_multi_setopt
#undef curl_share_setopt

#define TEXT_OF(x) #x
#define TEXT(x) TEXT_OF(x)

static const char libcurl[] = "libcurl.so.4";
static const char libcrypto[] = "libcrypto.so." TEXT(OPENSSL_SHLIB_VERSION);

/* dlopen() counts; a library is mapped once and stays until the end. */
static void *load(const char *library, const char *name)
{
	void *handle = dlopen(library, RTLD_NOW | RTLD_LOCAL);
	void *symbol = handle ? dlsym(handle, name) : NULL;

	if (symbol)
		return symbol;
	fprintf(stderr, "syncctl: %s\n", dlerror());
	_exit(EXIT_OTHER);
}

#define LAZY(library, type, name, params, args)                               \
	type name params                                                      \
	{                                                                     \
		static __typeof__(&name) real;                                \
                                                                              \
		if (!real)                                                    \
			*(void **)&real = load(library, #name);               \
		return real args;                                             \
	}

/*
 * The one argument after the option is a long, a pointer or a curl_off_t, all of
 * which travel in the same kind of register or slot where all are 64 bits wide.
 */
_Static_assert(sizeof(long) == sizeof(void *) && sizeof(curl_off_t) == sizeof(void *),
	       "an option's value is handed on as a pointer");
#define LAZY_OPTION(type, name, handle, option)                               \
	type name(handle h, option o, ...)                                    \
	{                                                                     \
		static __typeof__(&name) real;                                \
		void *value;                                                  \
		va_list ap;                                                   \
                                                                              \
		if (!real)                                                    \
			*(void **)&real = load(libcurl, #name);               \
		va_start(ap, o);                                              \
		value = va_arg(ap, void *);                                   \
		va_end(ap);                                                   \
		return real(h, o, value);                                     \
	}

LAZY(libcurl, CURLcode, curl_global_init, (long flags), (flags))
LAZY(libcurl, void, curl_global_cleanup, (void), ())
LAZY(libcurl, time_t, curl_getdate, (const char *s, const time_t *unused), (s, unused))
LAZY(libcurl, void, curl_free, (void *p), (p))
LAZY(libcurl, struct curl_slist *, curl_slist_append,
     (struct curl_slist *list, const char *s), (list, s))
LAZY(libcurl, void, curl_slist_free_all, (struct curl_slist *list), (list))

LAZY(libcurl, CURL *, curl_easy_init, (void), ())
LAZY(libcurl, void, curl_easy_cleanup, (CURL *h), (h))
LAZY(libcurl, const char *, curl_easy_strerror, (CURLcode code), (code))
LAZY_OPTION(CURLcode, curl_easy_setopt, CURL *, CURLoption)
LAZY_OPTION(CURLcode, curl_easy_getinfo, CURL *, CURLINFO)

LAZY(libcurl, CURLM *, curl_multi_init, (void), ())
LAZY(libcurl, CURLMcode, curl_multi_cleanup, (CURLM *m), (m))
LAZY(libcurl, CURLMcode, curl_multi_add_handle, (CURLM *m, CURL *h), (m, h))
LAZY(libcurl, CURLMcode, curl_multi_remove_handle, (CURLM *m, CURL *h), (m, h))
LAZY(libcurl, CURLMcode, curl_multi_assign, (CURLM *m, curl_socket_t s, void *p),
     (m, s, p))
LAZY(libcurl, CURLMsg *, curl_multi_info_read, (CURLM *m, int *left), (m, left))
LAZY(libcurl, CURLMcode, curl_multi_socket_action,
     (CURLM *m, curl_socket_t s, int events, int *running), (m, s, events, running))
LAZY_OPTION(CURLMcode, curl_multi_setopt, CURLM *, CURLMoption)

LAZY(libcurl, CURLSH *, curl_share_init, (void), ())
LAZY(libcurl, CURLSHcode, curl_share_cleanup, (CURLSH *s), (s))
LAZY_OPTION(CURLSHcode, curl_share_setopt, CURLSH *, CURLSHoption)

LAZY(libcurl, CURLU *, curl_url, (void), ())
LAZY(libcurl, void, curl_url_cleanup, (CURLU *u), (u))
LAZY(libcurl, CURLUcode, curl_url_set,
     (CURLU *u, CURLUPart part, const char *s, unsigned flags), (u, part, s, flags))

/* Under a name of its own: versions of the header differ in `const`. */
CURLUcode lazy_url_get(void *u, CURLUPart part, char **ret, unsigned flags)
	__asm__("curl_url_get");
CURLUcode lazy_url_get(void *u, CURLUPart part, char **ret, unsigned flags)
{
	static CURLUcode (*real)(void *, CURLUPart, char **, unsigned);

	if (!real)
		*(void **)&real = load(libcurl, "curl_url_get");
	return real(u, part, ret, flags);
}

LAZY(libcrypto, void, OPENSSL_cleanse, (void *p, size_t n), (p, n))
LAZY(libcrypto, const EVP_MD *, EVP_sha256, (void), ())
LAZY(libcrypto, EVP_MD_CTX *, EVP_MD_CTX_new, (void), ())
LAZY(libcrypto, void, EVP_MD_CTX_free, (EVP_MD_CTX *c), (c))
LAZY(libcrypto, int, EVP_DigestInit_ex, (EVP_MD_CTX *c, const EVP_MD *md, ENGINE *e),
     (c, md, e))
LAZY(libcrypto, int, EVP_DigestUpdate, (EVP_MD_CTX *c, const void *p, size_t n),
     (c, p, n))
LAZY(libcrypto, int, EVP_DigestFinal_ex, (EVP_MD_CTX *c, unsigned char *md, unsigned *n),
     (c, md, n))
LAZY(libcrypto, int, EVP_Digest,
     (const void *p, size_t n, unsigned char *md, unsigned *md_n, const EVP_MD *type,
      ENGINE *e), (p, n, md, md_n, type, e))
LAZY(libcrypto, unsigned char *, HMAC,
     (const EVP_MD *md, const void *key, int n, const unsigned char *data, size_t len,
      unsigned char *mac, unsigned *mac_n), (md, key, n, data, len, mac, mac_n))
LAZY(libcrypto, int, EVP_EncodeBlock, (unsigned char *to, const unsigned char *from, int n),
     (to, from, n))
