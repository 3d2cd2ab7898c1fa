/*
 * Addresses for people, see links.h. Nothing here fails: a field of another type
 * than the API has it is read as absent, since any client may write a CR's status.
 */
#include "sync/links.h"

#include <ctype.h>

#include "core/doc.h"
#include "core/mem.h"

#define LINK_PREFIX "link.argocd.argoproj.io/"
#define IGNORE_DEFAULT "argocd.argoproj.io/ignore-default-links"

static const char *text(const json_t *o, const char *key)
{
	const char *s = doc_get_str(o, key, NULL);

	return s ? s : "";
}

/* Every address once: paths that differ in their "*" alone give the same one. */
static void add(struct buf *list, const char *link)
{
	size_t n = strlen(link) + 1;

	if (n == 1 || list->len + n >= LINKS_MAX_BYTES)
		return;
	for (size_t at = 0; at < list->len; at += strlen(list->data + at) + 1)
		if (!strcmp(list->data + at, link))
			return;
	buf_add(list, link, n);
}

static bool is_escape(const char *s)
{
	return isxdigit((unsigned char)s[1]) && isxdigit((unsigned char)s[2]);
}

/*
 * Whoever shows a link makes it clickable: http and https alone, and nothing that
 * Go's url.Parse refuses (control characters, broken escapes, a space in the host).
 */
static bool is_link(const char *url)
{
	const char *rest = url + strcspn(url, ":");
	bool in_host;

	if (strncasecmp(url, "http:", 5) && strncasecmp(url, "https:", 6))
		return false;
	in_host = !strncmp(++rest, "//", 2);
	rest += in_host ? 2 : 0;
	for (const char *s = rest; *s; s++) {
		if (strchr("/?#", *s))
			in_host = false;
		if ((unsigned char)*s < ' ' || *s == 0x7f ||
		    (*s == ' ' && in_host) || (*s == '%' && !is_escape(s)))
			return false;
	}
	return true;
}

static void add_annotated(struct buf *list, const json_t *annotations)
{
	const char *key;
	json_t *value;

	json_object_foreach((json_t *)annotations, key, value) {
		const char *link = json_string_value(value), *bar;

		if (!link || strncmp(key, LINK_PREFIX, strlen(LINK_PREFIX)))
			continue;
		bar = strchr(link, '|');
		if (is_link(bar ? bar + 1 : link))
			add(list, link);
	}
}

/* What Go's strconv.ParseBool takes for true. */
static bool ignores_default(const json_t *object)
{
	static const char *const yes[] = { "1", "t", "T", "true", "TRUE", "True" };
	const char *s = doc_get_str(object, "metadata", "annotations",
				    IGNORE_DEFAULT, NULL);

	for (size_t i = 0; s && i < ARRAY_LEN(yes); i++)
		if (!strcmp(s, yes[i]))
			return true;
	return false;
}

/* The first address that a load balancer has; its hostname hides its IP. */
static const char *balancer(const json_t *object)
{
	const json_t *list = doc_get(object, "status", "loadBalancer", "ingress",
				     NULL), *item;
	size_t i;

	json_array_foreach((json_t *)list, i, item) {
		const char *host = text(item, "hostname");

		if (!doc_get(item, "hostname", NULL))
			host = text(item, "ip");
		if (*host)
			return host;
	}
	return "";
}

static bool has_tls(const json_t *ingress)
{
	const json_t *list = doc_get(ingress, "spec", "tls", NULL), *item;
	size_t i;

	json_array_foreach((json_t *)list, i, item)
		if (doc_get_str(item, "secretName", NULL))
			return true;
	return false;
}

static void add_path(struct buf *list, const char *scheme, const char *host,
		     const char *path)
{
	_cleanup_buf_ struct buf link = BUF_INIT;
	size_t n = strlen(path);

	n -= n && path[n - 1] == '*';
	buf_addf(&link, "%s://%s%.*s", scheme, host, (int)n, path);
	add(list, buf_str(&link));
}

static void add_ingress(struct buf *list, const json_t *ingress)
{
	const json_t *rules = doc_get(ingress, "spec", "rules", NULL), *rule;
	const char *scheme = has_tls(ingress) ? "https" : "http";
	size_t i, j;

	json_array_foreach((json_t *)rules, i, rule) {
		const json_t *paths = doc_get(rule, "http", "paths", NULL), *path;
		const char *host = text(rule, "host");

		if (!*host)
			host = balancer(ingress);
		json_array_foreach((json_t *)paths, j, path)
			if (*host)
				add_path(list, scheme, host, text(path, "path"));
	}
}

static void add_listener(struct buf *list, const json_t *listener,
			 const char *host)
{
	const char *protocol = text(listener, "protocol");
	bool tls = !strcmp(protocol, "HTTPS") || !strcmp(protocol, "TLS");
	int64_t own = tls ? 443 : 80;
	int64_t port = doc_get_int(listener, own, "port", NULL);
	_cleanup_buf_ struct buf link = BUF_INIT;

	buf_addf(&link, "%s://%s", tls ? "https" : "http", host);
	if (port != own)
		buf_addf(&link, ":%lld", (long long)port);
	if (is_link(buf_str(&link)))
		add(list, buf_str(&link));
}

/* A listener for any host: under each address that the gateway got. */
static void add_addresses(struct buf *list, const json_t *gateway,
			  const json_t *listener)
{
	const json_t *all = doc_get(gateway, "status", "addresses", NULL), *item;
	size_t i;

	json_array_foreach((json_t *)all, i, item) {
		const char *type = text(item, "type"), *host = text(item, "value");

		if (*host && (!*type || !strcmp(type, "IPAddress") ||
			      !strcmp(type, "Hostname")))
			add_listener(list, listener, host);
	}
}

static void add_gateway(struct buf *list, const json_t *gateway)
{
	const json_t *all = doc_get(gateway, "spec", "listeners", NULL), *listener;
	size_t i;

	json_array_foreach((json_t *)all, i, listener) {
		const char *host = text(listener, "hostname");

		if (*host && strcmp(host, "*"))
			add_listener(list, listener, host);
		else
			add_addresses(list, gateway, listener);
	}
}

static bool is_of(const json_t *object, const char *group, const char *kind)
{
	const char *api = text(object, "apiVersion");
	size_t n = strlen(group);

	return !strncmp(api, group, n) && api[n] == '/' &&
	       !strcmp(text(object, "kind"), kind);
}

/* Without the room that a buf keeps: each object that has links holds its list. */
static char *taken(struct buf *list)
{
	char *s;
	size_t n;

	if (!list->len)
		return NULL;
	buf_addc(list, '\0');
	s = buf_steal(list, &n);
	return xrealloc(s, n);
}

char *links_of_annotations(const json_t *annotations)
{
	_cleanup_buf_ struct buf list = BUF_INIT;

	add_annotated(&list, annotations);
	return taken(&list);
}

char *links_of_object(const json_t *object)
{
	_cleanup_buf_ struct buf list = BUF_INIT;

	add_annotated(&list, doc_get(object, "metadata", "annotations", NULL));
	if (ignores_default(object))
		return taken(&list);
	if (is_of(object, "networking.k8s.io", "Ingress") ||
	    is_of(object, "extensions", "Ingress"))
		add_ingress(&list, object);
	else if (is_of(object, "gateway.networking.k8s.io", "Gateway"))
		add_gateway(&list, object);
	return taken(&list);
}
