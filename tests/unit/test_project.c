/* AppProjects: globs, and what a project lets through. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "core/doc.h"
#include "core/mem.h"
#include "sync/glob.h"
#include "sync/project.h"

static void globs(void **state)
{
	static const struct {
		const char *pattern, *text;
		char sep;
		int want;
	} cases[] = {
		{ "", "", 0, 1 }, { "", "a", 0, 0 }, { "a", "", 0, 0 },
		{ "abc", "abc", 0, 1 }, { "abc", "abcd", 0, 0 },
		{ "*", "", 0, 1 }, { "*", "a/b", 0, 1 }, { "*", "a/b", '/', 0 },
		{ "**", "a/b", '/', 1 }, { "a*", "abc", '/', 1 },
		{ "*c", "abc", '/', 1 }, { "a*c", "ac", 0, 1 },
		{ "a*b*c", "a-b-b-c", 0, 1 }, { "a*b*c", "a-b-b-", 0, 0 },
		{ "https://h/*", "https://h/o", '/', 1 },
		{ "https://h/*", "https://h/o/r", '/', 0 },
		{ "https://h/*/*", "https://h/o/r", '/', 1 },
		{ "https://h/**", "https://h/o/r", '/', 1 },
		{ "a?c", "abc", 0, 1 }, { "a?c", "ac", 0, 0 },
		{ "a?c", "a/c", '/', 0 }, { "a?c", "a\xc3\xa9" "c", 0, 1 },
		{ "a??c", "a\xc3\xa9" "c", 0, 0 },
		{ "[abc]x", "bx", 0, 1 }, { "[abc]x", "dx", 0, 0 },
		{ "[a-c]x", "bx", 0, 1 }, { "[!a-c]x", "bx", 0, 0 },
		{ "[^a-c]x", "dx", 0, 1 }, { "[a-c]", "", 0, 0 },
		{ "[a", "a", 0, -1 }, { "{a", "a", 0, -1 },
		{ "{a,bc}x", "bcx", 0, 1 }, { "{a,bc}x", "bx", 0, 0 },
		{ "{a,{b,c}d}", "cd", 0, 1 }, { "{a,{b,c}d}", "c", 0, 0 },
		{ "{,a}x", "x", 0, 1 }, { "x{a}", "xa", 0, 1 },
		{ "\\*", "*", 0, 1 }, { "\\*", "a", 0, 0 }, { "a\\", "a\\", 0, 1 },
		{ "team-*", "team-", 0, 1 }, { "*-prod", "team-a-prod", 0, 1 },
		{ "a*a*a*a*a*a*a*a*a*a*b", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
		  0, -1 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		int got = glob_match(cases[i].pattern, cases[i].text,
				     cases[i].sep);

		if (got != cases[i].want)
			fail_msg("%s on %s: %d", cases[i].pattern, cases[i].text,
				 got);
	}
}

static void long_patterns_are_not_tried(void **state)
{
	char pattern[GLOB_MAX + 2];

	(void)state;
	memset(pattern, 'a', sizeof(pattern) - 1);
	pattern[sizeof(pattern) - 1] = '\0';
	assert_int_equal(glob_match(pattern, pattern, 0), -1);
	assert_int_equal(glob_match(pattern + 1, pattern + 1, 0), 1);
}

/* Single quotes stand for double ones. */
static int load(struct project *p, const char *spec, struct err *err)
{
	_cleanup_free_ char *text = xasprintf("{'kind':'AppProject','metadata':"
		"{'name':'web'},'spec':%s}", spec);
	_cleanup_json_ json_t *o = NULL;

	for (char *c = text; *c; c++)
		if (*c == '\'')
			*c = '"';
	o = doc_parse(text, strlen(text), err);
	if (!o)
		fail_msg("%s in %s", err->msg, text);
	return project_decode(p, o, err);
}

#define REPOS(x) "{'sourceRepos':[" x "],'destinations':[{'server':'*'," \
		 "'namespace':'*'}]}"
#define DESTS(x) "{'sourceRepos':['*'],'destinations':[" x "]}"

static const struct {
	const char *spec, *url, *ns, *app_ns, *refusal;
} applications[] = {
	{ REPOS("'*'"), "https://h/o/r", "x", "argocd", NULL },
	{ REPOS(""), "https://h/o/r", "x", "argocd", "spec.sourceRepos" },
	{ "{}", "https://h/o/r", "x", "argocd", "spec.sourceRepos" },
	{ REPOS("'https://h/o/*'"), "https://h/o/r.git", "x", "argocd",
	  NULL },
	{ REPOS("'https://H/o/r.git/'"), "https://h/O/r", "x", "argocd",
	  NULL },
	{ REPOS("'https://h/o/*'"), "https://h/p/r", "x", "argocd",
	  "spec.sourceRepos" },
	{ REPOS("'https://h/*'"), "https://h/o/r", "x", "argocd",
	  "spec.sourceRepos" },
	{ REPOS("'*','!https://h/o/secret'"), "https://h/o/r", "x",
	  "argocd", NULL },
	{ REPOS("'*','!https://h/o/secret'"), "https://h/o/secret.git",
	  "x", "argocd", "spec.sourceRepos" },
	{ REPOS("'!https://h/o/secret'"), "https://h/o/r", "x", "argocd",
	  NULL },
	{ REPOS("'*','![bad'"), "https://h/o/r", "x", "argocd",
	  "spec.sourceRepos" },
	{ DESTS("{'server':'https://kubernetes.default.svc',"
		"'namespace':'team-*'}"), "u", "team-a", "argocd", NULL },
	{ DESTS("{'server':'https://kubernetes.default.svc',"
		"'namespace':'team-*'}"), "u", "other", "argocd",
	  "spec.destinations" },
	{ DESTS("{'name':'in-cluster','namespace':'a'}"), "u", "a",
	  "argocd", NULL },
	{ DESTS("{'server':'https://else','namespace':'*'}"), "u", "a",
	  "argocd", "spec.destinations" },
	{ DESTS("{'server':'*','namespace':'*'},"
		"{'server':'*','namespace':'!kube-system'}"), "u", "a",
	  "argocd", NULL },
	{ DESTS("{'server':'*','namespace':'*'},"
		"{'server':'*','namespace':'!kube-system'}"), "u",
	  "kube-system", "argocd", "spec.destinations" },
	{ DESTS("{'server':'!https://kubernetes.*','namespace':'*'},"
		"{'server':'*','namespace':'*'}"), "u", "a", "argocd",
	  "spec.destinations" },
	{ DESTS("{'server':'*'}"), "u", "a", "argocd",
	  "spec.destinations" },
	{ "{'sourceNamespaces':['team-*'],'sourceRepos':['*'],"
	  "'destinations':[{'server':'*','namespace':'*'}]}",
	  "u", "a", "team-b", NULL },
	{ REPOS("'*'"), "u", "a", "team-b", "spec.sourceNamespaces" },
};

static void applications_are_judged(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(applications); i++) {
		struct project_app a = { applications[i].url, applications[i].ns,
					 applications[i].app_ns, "argocd" };
		struct err err = ERR_INIT;
		struct project p;
		int rc;

		assert_int_equal(0, load(&p, applications[i].spec, &err));
		rc = project_check_app(&p, &a, &err);
		if ((rc != 0) != (applications[i].refusal != NULL))
			fail_msg("%s with %s, %s: %d", applications[i].spec,
				 applications[i].url, applications[i].ns, rc);
		if (rc)
			assert_non_null(strstr(err.msg, applications[i].refusal));
		project_deinit(&p);
	}
}

#define OPEN "'sourceRepos':['*'],'destinations':[{'server':'*','namespace':'a'}]"

static void objects_are_judged(void **state)
{
	static const struct {
		const char *lists, *group, *kind, *ns, *name, *refusal;
	} cases[] = {
		{ "", "apps", "Deployment", "a", "x", NULL },
		{ "", "apps", "Deployment", "b", "x", "spec.destinations" },
		{ "", "", "Namespace", "", "a", "clusterResourceWhitelist" },
		{ ",'clusterResourceWhitelist':[]", "", "Namespace", "", "a",
		  "clusterResourceWhitelist" },
		{ ",'clusterResourceWhitelist':[{'group':'','kind':'Namespace'}]",
		  "", "Namespace", "", "a", NULL },
		{ ",'clusterResourceWhitelist':[{'group':'','kind':'Namespace',"
		  "'name':'team-*'}]", "", "Namespace", "", "team-a", NULL },
		{ ",'clusterResourceWhitelist':[{'group':'','kind':'Namespace',"
		  "'name':'team-*'}]", "", "Namespace", "", "other",
		  "clusterResourceWhitelist" },
		{ ",'clusterResourceWhitelist':[{'group':'*','kind':'*'}],"
		  "'clusterResourceBlacklist':[{'group':'*.k8s.io','kind':"
		  "'ClusterRole*'}]", "rbac.authorization.k8s.io",
		  "ClusterRoleBinding", "", "x", "clusterResourceBlacklist" },
		{ ",'namespaceResourceWhitelist':[]", "", "ConfigMap", "a", "x",
		  "namespaceResourceWhitelist" },
		{ ",'namespaceResourceWhitelist':null", "", "ConfigMap", "a", "x",
		  NULL },
		{ ",'namespaceResourceWhitelist':[{'group':'','kind':"
		  "'ConfigMap'}]", "", "ConfigMap", "a", "x", NULL },
		{ ",'namespaceResourceWhitelist':[{'group':'','kind':"
		  "'ConfigMap'}]", "", "Secret", "a", "x",
		  "namespaceResourceWhitelist" },
		{ ",'namespaceResourceBlacklist':[{'group':'','kind':'Secret'}]",
		  "", "Secret", "a", "x", "namespaceResourceBlacklist" },
		{ ",'namespaceResourceBlacklist':[{'group':'','kind':'{Sec'}]",
		  "", "Secret", "a", "x", "namespaceResourceBlacklist" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		_cleanup_free_ char *spec = xasprintf("{" OPEN "%s}",
						      cases[i].lists);
		struct err err = ERR_INIT;
		struct project p;
		int rc;

		assert_int_equal(0, load(&p, spec, &err));
		rc = project_check_object(&p, cases[i].group, cases[i].kind,
					  cases[i].ns, cases[i].name, &err);
		if ((rc != 0) != (cases[i].refusal != NULL))
			fail_msg("%s: %s %s", spec, cases[i].kind, err.msg);
		if (rc)
			assert_non_null(strstr(err.msg, cases[i].refusal));
		project_deinit(&p);
	}
}

static void the_permissive_one_allows_all(void **state)
{
	struct project_app a = { "https://h/o/r", "x", "argocd", "argocd" };
	struct err err = ERR_INIT;
	struct project p;

	(void)state;
	project_permissive(&p);
	assert_non_null(p.spec);
	assert_int_equal(0, project_check_app(&p, &a, &err));
	assert_int_equal(0, project_check_object(&p, "", "Namespace", "", "x",
						 &err));
	assert_int_equal(0, project_check_object(&p, "g", "K", "ns", "x", &err));
	project_deinit(&p);
}

static void what_cannot_be_read_is_refused(void **state)
{
	static const char *const specs[] = {
		"null", "[]", "{'sourceRepos':'*'}", "{'sourceRepos':[1]}",
		"{'destinations':{}}", "{'destinations':['*']}",
		"{'destinations':[{'server':1}]}",
		"{'sourceNamespaces':[null]}",
		"{'clusterResourceWhitelist':[{'kind':[]}]}",
		"{'clusterResourceBlacklist':7}",
		"{'namespaceResourceWhitelist':[7]}",
		"{'namespaceResourceBlacklist':[{'group':{}}]}",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(specs); i++) {
		struct err err = ERR_INIT;
		struct project p;

		if (!load(&p, specs[i], &err))
			fail_msg("%s was accepted", specs[i]);
		assert_int_equal(err.code, ERR_INVALID);
		assert_non_null(strstr(err.msg, "AppProject web"));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(globs),
		cmocka_unit_test(long_patterns_are_not_tried),
		cmocka_unit_test(applications_are_judged),
		cmocka_unit_test(objects_are_judged),
		cmocka_unit_test(the_permissive_one_allows_all),
		cmocka_unit_test(what_cannot_be_read_is_refused),
	};

	doc_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
