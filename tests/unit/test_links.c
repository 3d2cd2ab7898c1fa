/* links.h: which addresses an object has, rule by rule. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "core/doc.h"
#include "core/mem.h"
#include "sync/links.h"

/* The list as "a, b", "" for none. */
static char *joined(const char *list)
{
	struct buf out = BUF_INIT;

	links_foreach(s, list)
		buf_addf(&out, "%s%s", out.len ? ", " : "", s);
	buf_addc(&out, '\0');
	return buf_steal(&out, NULL);
}

static char *links(const char *object)
{
	_cleanup_json_ json_t *j = doc_parse(object, strlen(object),
					     &(struct err){ .code = ERR_NONE });
	_cleanup_free_ char *list = NULL;

	if (!j)
		fail_msg("no JSON: %s", object);
	list = links_of_object(j);
	return joined(list);
}

struct row { const char *object, *want; };

static void check(const struct row *rows, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		_cleanup_free_ char *got = links(rows[i].object);

		if (strcmp(got, rows[i].want))
			fail_msg("row %zu: \"%s\", not \"%s\"", i, got, rows[i].want);
	}
}

#define CONFIGMAP(annotations) "{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\"," \
	"\"metadata\":{\"annotations\":{" annotations "}}}"
#define LINK(name, value) "\"link.argocd.argoproj.io/" name "\":\"" value "\""

/* Rule 1. */
static void annotations_link(void **state)
{
	static const struct row rows[] = {
		{ "{}", "" }, { "[]", "" }, { "null", "" },
		{ CONFIGMAP(""), "" },
		{ CONFIGMAP(LINK("a", "http://h")), "http://h" },
		{ CONFIGMAP(LINK("a", "HTTPS://H/%20x?q=a b#c")),
		  "HTTPS://H/%20x?q=a b#c" },
		{ CONFIGMAP(LINK("a", "See the dash|https://h/d")),
		  "See the dash|https://h/d" },
		{ CONFIGMAP(LINK("", "http://h")), "http://h" },
		{ CONFIGMAP(LINK("a", "http://h") "," LINK("b", "http://h")),
		  "http://h" },
		{ CONFIGMAP(LINK("a", "http:opaque")), "http:opaque" },
		/* other keys, other types */
		{ CONFIGMAP("\"link.argocd.argoproj.io\":\"http://h\""), "" },
		{ CONFIGMAP("\"x.link.argocd.argoproj.io/a\":\"http://h\""), "" },
		{ CONFIGMAP("\"link.argocd.argoproj.io/a\":1"), "" },
		/* nothing that a click should not do */
		{ CONFIGMAP(LINK("a", "javascript:alert(1)")), "" },
		{ CONFIGMAP(LINK("a", "title|javascript:alert(1)")), "" },
		{ CONFIGMAP(LINK("a", "http://h|data:text/html,x")), "" },
		{ CONFIGMAP(LINK("a", "a|b|http://h")), "" },
		{ CONFIGMAP(LINK("a", " http://h")), "" },
		{ CONFIGMAP(LINK("a", "ftp://h")), "" },
		{ CONFIGMAP(LINK("a", "docs/page")), "" },
		{ CONFIGMAP(LINK("a", "//h/x")), "" },
		{ CONFIGMAP(LINK("a", "http://h\\n")), "" },
		{ CONFIGMAP(LINK("a", "http://h\\u007f")), "" },
		{ CONFIGMAP(LINK("a", "http://a b/")), "" },
		{ CONFIGMAP(LINK("a", "http://h/%2")), "" },
		{ CONFIGMAP(LINK("a", "http://h/%zz")), "" },
		{ CONFIGMAP(LINK("a", "")), "" },
		{ CONFIGMAP(LINK("a", "title|")), "" },
	};

	(void)state;
	check(rows, ARRAY_LEN(rows));
}

#define INGRESS(api, annotations, spec, status) "{\"apiVersion\":\"" api "\"," \
	"\"kind\":\"Ingress\",\"metadata\":{\"annotations\":{" annotations "}}," \
	"\"spec\":{" spec "},\"status\":{\"loadBalancer\":{" status "}}}"
#define V1 "networking.k8s.io/v1"
#define RULE(host, paths) "{\"host\":\"" host "\",\"http\":{\"paths\":[" paths "]}}"
#define PATH(path) "{\"path\":\"" path "\",\"backend\":{}}"
#define RULES(rules) "\"rules\":[" rules "]"
#define ADDRESS(list) "\"ingress\":[" list "]"
#define TLS(list) ",\"tls\":[" list "]"
#define IGNORE(value) "\"argocd.argoproj.io/ignore-default-links\":\"" value "\""

/* Rule 2. */
static const struct row ingresses[] = {
	{ INGRESS(V1, "", RULES(RULE("h", PATH("/"))), ""), "http://h/" },
	{ INGRESS("extensions/v1beta1", "", RULES(RULE("h", PATH("/"))), ""),
	  "http://h/" },
	{ INGRESS("networking.k8s.io/v1beta1", "",
		  RULES(RULE("h", PATH("/"))), ""), "http://h/" },
	/* one per path, each once; no path is the host alone */
	{ INGRESS(V1, "", RULES(RULE("h", PATH("/a") "," PATH("/b") ","
				     PATH("/a"))), ""),
	  "http://h/a, http://h/b" },
	{ INGRESS(V1, "", RULES(RULE("h", "{\"backend\":{}}")), ""), "http://h" },
	{ INGRESS(V1, "", RULES(RULE("h", "")), ""), "" },
	{ INGRESS(V1, "", RULES("{\"host\":\"h\"}"), ""), "" },
	{ INGRESS(V1, "", RULES(RULE("a", PATH("/")) ","
				RULE("b", PATH("/x"))), ""),
	  "http://a/, http://b/x" },
	/* a star at the end, and only one of it */
	{ INGRESS(V1, "", RULES(RULE("h", PATH("/api/*"))), ""),
	  "http://h/api/" },
	{ INGRESS(V1, "", RULES(RULE("h", PATH("/*/x**"))), ""),
	  "http://h/*/x*" },
	{ INGRESS(V1, "", RULES(RULE("h", PATH("*") "," PATH(""))), ""),
	  "http://h" },
	/* no host: the first address, or none */
	{ INGRESS(V1, "", RULES(RULE("", PATH("/"))), ""), "" },
	{ INGRESS(V1, "", RULES("{\"http\":{\"paths\":[" PATH("/") "]}}"),
		  ADDRESS("{\"ip\":\"192.0.2.1\"},{\"ip\":\"192.0.2.2\"}")),
	  "http://192.0.2.1/" },
	{ INGRESS(V1, "", RULES(RULE("", PATH("/"))),
		  ADDRESS("{\"hostname\":\"lb\",\"ip\":\"192.0.2.1\"}")),
	  "http://lb/" },
	{ INGRESS(V1, "", RULES(RULE("", PATH("/"))),
		  ADDRESS("{\"hostname\":\"\",\"ip\":\"192.0.2.1\"},"
			  "{\"ip\":\"192.0.2.2\"}")), "http://192.0.2.2/" },
	{ INGRESS(V1, "", RULES(RULE("h", PATH("/"))),
		  ADDRESS("{\"ip\":\"192.0.2.1\"}")), "http://h/" },
	/* a secret makes it https, for every host; names alone do not */
	{ INGRESS(V1, "", RULES(RULE("h", PATH("/")))
		  TLS("{\"secretName\":\"s\"}"), ""), "https://h/" },
	{ INGRESS(V1, "", RULES(RULE("h", PATH("/")))
		  TLS("{\"hosts\":[\"other\"],\"secretName\":\"s\"}"), ""),
	  "https://h/" },
	{ INGRESS(V1, "", RULES(RULE("h", PATH("/")))
		  TLS("{\"hosts\":[\"h\"]}"), ""), "http://h/" },
	{ INGRESS(V1, "", RULES(RULE("h", PATH("/"))) TLS(""), ""),
	  "http://h/" },
	/* types that no API server gives */
	{ INGRESS(V1, "", "\"rules\":{},\"tls\":1", ""), "" },
	{ INGRESS(V1, "", RULES("1,\"x\",{\"host\":1,\"http\":[]}"), ""), "" },
	{ INGRESS(V1, "", RULES(RULE("h", "1,{\"path\":2}")), ""), "http://h" },
	/* rule 1 comes on top */
	{ INGRESS(V1, LINK("a", "http://x"), RULES(RULE("h", PATH("/"))), ""),
	  "http://x, http://h/" },
	/* rule 4 */
	{ INGRESS(V1, IGNORE("true") "," LINK("a", "http://x"),
		  RULES(RULE("h", PATH("/"))), ""), "http://x" },
	{ INGRESS(V1, IGNORE("1"), RULES(RULE("h", PATH("/"))), ""), "" },
	{ INGRESS(V1, IGNORE("false"), RULES(RULE("h", PATH("/"))), ""),
	  "http://h/" },
	{ INGRESS(V1, IGNORE("yes"), RULES(RULE("h", PATH("/"))), ""),
	  "http://h/" },
	/* the same fields of another kind or group say nothing */
	{ INGRESS("example.com/v1", "", RULES(RULE("h", PATH("/"))), ""), "" },
	{ INGRESS("networking.k8s.io.example.com/v1", "",
		  RULES(RULE("h", PATH("/"))), ""), "" },
	{ "{\"apiVersion\":\"v1\",\"kind\":\"Service\",\"spec\":{\"type\":"
	  "\"LoadBalancer\"},\"status\":{\"loadBalancer\":{\"ingress\":["
	  "{\"ip\":\"192.0.2.1\"}]}}}", "" },
	{ "{\"apiVersion\":\"networking.istio.io/v1\",\"kind\":"
	  "\"VirtualService\",\"metadata\":{\"annotations\":{"
	  LINK("a", "http://x") "}},\"spec\":{\"hosts\":[\"h\"]}}",
	  "http://x" },
};

static void ingresses_link(void **state)
{
	(void)state;
	check(ingresses, ARRAY_LEN(ingresses));
}

#define GATEWAY(annotations, listeners, addresses) "{\"apiVersion\":" \
	"\"gateway.networking.k8s.io/v1\",\"kind\":\"Gateway\",\"metadata\":{" \
	"\"annotations\":{" annotations "}},\"spec\":{\"listeners\":[" listeners \
	"]},\"status\":{\"addresses\":[" addresses "]}}"
#define LISTENER(host, protocol, port) "{\"hostname\":\"" host "\",\"protocol\":\"" \
	protocol "\",\"port\":" port "}"

/* Rule 3. */
static void gateways_link(void **state)
{
	static const struct row rows[] = {
		{ GATEWAY("", "", ""), "" },
		{ GATEWAY("", LISTENER("h", "HTTP", "80"), ""), "http://h" },
		{ GATEWAY("", LISTENER("h", "HTTPS", "443") ","
			      LISTENER("t", "TLS", "8443"), ""),
		  "https://h, https://t:8443" },
		{ GATEWAY("", LISTENER("h", "TCP", "5432"), ""), "http://h:5432" },
		{ GATEWAY("", LISTENER("h", "HTTP", "443"), ""), "http://h:443" },
		{ GATEWAY("", LISTENER("*", "HTTP", "80"), ""), "" },
		{ GATEWAY("", LISTENER("", "HTTP", "80"),
			  "{\"value\":\"192.0.2.1\"},"
			  "{\"type\":\"Hostname\",\"value\":\"lb\"},"
			  "{\"type\":\"NamedAddress\",\"value\":\"n\"},"
			  "{\"type\":\"IPAddress\",\"value\":\"\"}"),
		  "http://192.0.2.1, http://lb" },
		{ GATEWAY("", LISTENER("h i", "HTTP", "80"), ""), "" },
		{ GATEWAY(IGNORE("t"), LISTENER("h", "HTTP", "80"), ""), "" },
	};

	(void)state;
	check(rows, ARRAY_LEN(rows));
}

static void a_list_is_capped(void **state)
{
	_cleanup_json_ json_t *annotations = json_object();
	_cleanup_free_ char *list = NULL;
	size_t n = 0, bytes = 0;

	(void)state;
	for (int i = 0; i < 1000; i++) {
		_cleanup_free_ char *key = xasprintf("link.argocd.argoproj.io/%d", i);
		_cleanup_free_ char *url = xasprintf("http://host-%d/", i);

		json_object_set_new(annotations, key, json_string(url));
	}
	list = links_of_annotations(annotations);
	links_foreach(s, list) {
		assert_memory_equal(s, "http://host-", 12);
		bytes += strlen(s) + 1;
		n++;
	}
	assert_in_range(n, 100, 999);
	assert_in_range(bytes, LINKS_MAX_BYTES - 32, LINKS_MAX_BYTES);
	assert_null(links_of_annotations(NULL));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(annotations_link),
		cmocka_unit_test(ingresses_link),
		cmocka_unit_test(gateways_link),
		cmocka_unit_test(a_list_is_capped),
	};

	doc_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
