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

/* What Go's filepath.Match says of them: there "{", "}" and a class's "!" are themselves. */
static void globs_of_kinds(void **state)
{
	static const struct {
		const char *pattern, *text;
		int want;
	} cases[] = {
		{ "*", "", 1 }, { "**", "Job", 1 }, { "", "Job", 0 }, { "", "", 1 },
		{ "*", "a/b", 0 }, { "*.io", "x.io", 1 }, { "J*b", "Job", 1 }, { "J?", "Jo", 1 },
		{ "J?", "J", 0 }, { "?", "\xc3\xa9", 1 }, { "{Job,Pod}", "Job", 0 },
		{ "{Job,Pod}", "{Job,Pod}", 1 }, { "[A-K]ob", "Job", 1 },
		{ "[^A-K]ob", "Job", 0 }, { "[^a]ob", "Job", 1 }, { "[!J]ob", "Job", 1 },
		{ "[!a]ob", "Job", 0 }, { "[!a]ob", "!ob", 1 }, { "[a\\]]", "]", 1 },
		{ "[J", "J", -1 }, { "[]a]", "]", -1 }, { "[]", "a", -1 }, { "[-a]", "a", -1 },
		{ "\\*", "*", 1 }, { "\\*", "a", 0 }, { "a\\", "a", -1 }, { "x]", "x]", 1 },
		{ "*a*a*a*a*a*a*a*a*a*a*b", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", -1 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		int got = glob_kind(cases[i].pattern, cases[i].text);

		if (got != cases[i].want)
			fail_msg("%s on %s: %d", cases[i].pattern, cases[i].text, got);
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
#define ALL "{'server':'*','namespace':'*'}"
#define SPACES(x) "{'sourceNamespaces':[" x "],'sourceRepos':['*'],'destinations':[" ALL "]}"
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
	/* Other spellings of what a pattern means. */
	{ REPOS("'*','!https://git.corp/secret/*'"), "https://git.corp/secret/r", "x", "argocd",
	  "spec.sourceRepos" },
	{ REPOS("'*','!https://git.corp/secret/*'"), "https://u@git.corp/secret/r", "x", "argocd",
	  "spec.sourceRepos" },
	{ REPOS("'*','!https://git.corp/secret/*'"), "https://git.corp:443/secret/r.git", "x",
	  "argocd", "spec.sourceRepos" },
	{ REPOS("'*','!https://git.corp/secret/*'"), "HTTPS://u@Git.Corp:443/Secret/r/", "x",
	  "argocd", "spec.sourceRepos" },
	{ REPOS("'*','!https://git.corp:443/secret/*'"), "https://git.corp/secret/r", "x",
	  "argocd", "spec.sourceRepos" },
	{ REPOS("'*','!https://u@git.corp/secret/*'"), "https://git.corp/secret/r", "x",
	  "argocd", "spec.sourceRepos" },
	{ REPOS("'*','!https://git.corp/secret/*'"), "https://git.corp:8443/secret/r", "x",
	  "argocd", NULL },
	{ REPOS("'*','!git@git.corp:secret/*'"), "ssh://git@git.corp/secret/r", "x", "argocd",
	  "spec.sourceRepos" },
	{ REPOS("'*','!ssh://git.corp/secret/*'"), "git@git.corp:/secret/r.git", "x", "argocd",
	  "spec.sourceRepos" },
	{ REPOS("'*','!ssh://git@git.corp:22/secret/*'"), "git@git.corp:secret/r", "x", "argocd",
	  "spec.sourceRepos" },
	{ REPOS("'*','!ssh://*/secret/*'"), "bob@git.corp:secret/r", "x", "argocd",
	  "spec.sourceRepos" },
	{ REPOS("'*','!git@git.corp**'"), "git@git.corp:secret/r", "x", "argocd",
	  "spec.sourceRepos" },
	{ REPOS("'git@git.corp:team/*'"), "ssh://git@git.corp/team/r", "x", "argocd", NULL },
	{ REPOS("'git@git.corp:team/*'"), "ssh://bob@git.corp/team/r", "x", "argocd",
	  "spec.sourceRepos" },
	{ REPOS("'https://git.corp/team/*'"), "https://u@git.corp/team/r", "x", "argocd", NULL },
	{ REPOS("'https://git.corp/team/*'"), "https://git.corp@evil/team/r", "x", "argocd",
	  "spec.sourceRepos" },
	{ REPOS("'https://*@git.corp/team/*'"), "https://git.corp/team/r", "x", "argocd", NULL },
	{ REPOS("'**'"), "git@[::1]:team/r", "x", "argocd", NULL },
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
	/* Whose denial is it? Another cluster's is none of ours. */
	{ DESTS(ALL ",{'server':'https://else','namespace':'!kube-system'}"), "u",
	  "kube-system", "argocd", NULL },
	{ DESTS(ALL ",{'name':'else','namespace':'!kube-system'}"), "u", "kube-system",
	  "argocd", NULL },
	{ DESTS(ALL ",{'server':'!https://else','namespace':'!kube-system'}"), "u",
	  "kube-system", "argocd", "spec.destinations" },
	/* A cluster that is denied for some namespaces is not for the others. */
	{ DESTS("{'server':'!https://kubernetes.*','namespace':'prod-*'}," ALL), "u", "a",
	  "argocd", NULL },
	{ DESTS("{'server':'!https://kubernetes.*','namespace':'prod-*'}," ALL), "u",
	  "prod-a", "argocd", "spec.destinations" },
	{ DESTS("{'server':'!https://kubernetes.*','namespace':'!a'}," ALL), "u", "a",
	  "argocd", NULL },
	{ DESTS("{'name':'!in-cluster','namespace':'prod-*'}," ALL), "u", "a", "argocd",
	  "spec.destinations" },
	/* Ours: a denial counts however the cluster is called beside it. */
	{ DESTS(ALL ",{'name':'in-cluster','namespace':'!kube-system'}"), "u",
	  "kube-system", "argocd", "spec.destinations" },
	{ DESTS("{'server':'*','name':'!in-cluster','namespace':'*'}"), "u", "a", "argocd",
	  "spec.destinations" },
	{ SPACES("'!kube-system'"), "u", "a", "team-b", "spec.sourceNamespaces" },
	{ SPACES("'!kube-system','team-*'"), "u", "a", "team-b", NULL },
	{ SPACES("'/team-.*/'"), "u", "a", "team-b", "spec.sourceNamespaces" },
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
		/* Braces let nothing in that Argo CD keeps out, and keep out what they say. */
		{ ",'namespaceResourceWhitelist':[{'group':'','kind':'{Secret,Pod}'}]",
		  "", "Secret", "a", "x", "namespaceResourceWhitelist" },
		{ ",'namespaceResourceBlacklist':[{'group':'','kind':'{Secret,Pod}'}]",
		  "", "Secret", "a", "x", "namespaceResourceBlacklist" },
		{ ",'namespaceResourceWhitelist':[{'group':'','kind':'[!P]od'}]",
		  "", "Cod", "a", "x", "namespaceResourceWhitelist" },
		{ ",'namespaceResourceBlacklist':[{'group':'','kind':'[^P]*'}]",
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

#define ACCOUNTS(x) "{" OPEN ",'destinationServiceAccounts':[" x "]}"
#define HERE "'server':'https://kubernetes.default.svc'"
#define USER "system:serviceaccount:"

/* Argo CD's rules; the cases of its own test are among them. */
static const struct {
	const char *spec, *dest_ns, *app_ns, *user, *refusal;
} accounts[] = {
	/* 1: no list, nobody else */
	{ "{" OPEN "}", "a", "argocd", NULL, NULL },
	{ ACCOUNTS(""), "a", "argocd", NULL, NULL },
	/* 2: the server and the namespace are globs */
	{ ACCOUNTS("{" HERE ",'namespace':'a','defaultServiceAccount':'sa'}"),
	  "a", "argocd", USER "a:sa", NULL },
	{ ACCOUNTS("{'server':'*','namespace':'*','defaultServiceAccount':'sa'}"),
	  "b", "argocd", USER "b:sa", NULL },
	{ ACCOUNTS("{'server':'https://*.svc','namespace':'te*',"
		   "'defaultServiceAccount':'sa'}"),
	  "team", "argocd", USER "team:sa", NULL },
	/* 3: the first that matches */
	{ ACCOUNTS("{'server':'*','namespace':'b','defaultServiceAccount':'one'},"
		   "{'server':'*','namespace':'a','defaultServiceAccount':'two'},"
		   "{'server':'*','namespace':'*','defaultServiceAccount':'three'}"),
	  "a", "argocd", USER "a:two", NULL },
	/* 4: in a namespace of its own */
	{ ACCOUNTS("{'server':'*','namespace':'a','defaultServiceAccount':"
		   "'ops:deployer'}"), "a", "argocd", USER "ops:deployer", NULL },
	/* 5: no destination namespace: the application's */
	{ ACCOUNTS("{'server':'*','namespace':'','defaultServiceAccount':'sa'}"),
	  "", "apps", USER "apps:sa", NULL },
	{ ACCOUNTS("{'server':'*','namespace':'*','defaultServiceAccount':'sa'}"),
	  "", "apps", USER "apps:sa", NULL },
	/* 6: none that matches */
	{ ACCOUNTS("{'server':'https://other','namespace':'*',"
		   "'defaultServiceAccount':'sa'}"), "a", "argocd", NULL,
	  "AppProject web does not say as which service account namespace "
	  "\"a\" of https://kubernetes.default.svc is written" },
	{ ACCOUNTS("{" HERE ",'defaultServiceAccount':'sa'}"), "a", "argocd",
	  NULL, "does not say as which service account" },
	/* 7: an account that is none */
	{ ACCOUNTS("{'server':'*','namespace':'*','defaultServiceAccount':'a*'}"),
	  "a", "argocd", NULL, "\"a*\" is no service account" },
	{ ACCOUNTS("{'server':'*','namespace':'*','defaultServiceAccount':' '}"),
	  "a", "argocd", NULL, "is no service account" },
	{ ACCOUNTS("{'server':'*','namespace':'*'}"),
	  "a", "argocd", NULL, "is no service account" },
	{ ACCOUNTS("{'server':'*','namespace':'*','defaultServiceAccount':"
		   "'a:b:c'}"), "a", "argocd", NULL, "is no service account" },
	{ ACCOUNTS("{'server':'*','namespace':'*','defaultServiceAccount':':b'}"),
	  "a", "argocd", NULL, "is no service account" },
	{ ACCOUNTS("{'server':'*','namespace':'*','defaultServiceAccount':"
		   "'x\\r\\nImpersonate-Group: system:masters'}"), "a", "argocd",
	  NULL, "is no service account" },
	/* 8: a pattern that cannot be read does not let the next one match */
	{ ACCOUNTS("{'server':'*','namespace':'[','defaultServiceAccount':'sa'},"
		   "{'server':'*','namespace':'*','defaultServiceAccount':'sb'}"),
	  "a", "argocd", NULL, "[0]: its pattern cannot be read" },
	{ ACCOUNTS("{'server':'[','namespace':'a','defaultServiceAccount':'sa'}"),
	  "a", "argocd", NULL, "[0]: its pattern cannot be read" },
};

static void accounts_are_found(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(accounts); i++) {
		_cleanup_free_ char *user = NULL;
		struct err err = ERR_INIT;
		struct project p;
		int rc;

		assert_int_equal(0, load(&p, accounts[i].spec, &err));
		rc = project_acts_as(&p, accounts[i].dest_ns, accounts[i].app_ns, &user, &err);
		if ((rc != 0) != (accounts[i].refusal != NULL))
			fail_msg("%s: %s", accounts[i].spec, err.msg);
		if (rc && !strstr(err.msg, accounts[i].refusal))
			fail_msg("%s: not in: %s", accounts[i].refusal, err.msg);
		assert_int_equal(!user, !accounts[i].user);
		if (user)
			assert_string_equal(user, accounts[i].user);
		project_deinit(&p);
	}
}

static void who_it_may_write_as(void **state)
{
	static const char text[] = ACCOUNTS("{'server':'*','namespace':'a',"
		"'defaultServiceAccount':'sa'},{'server':'*','namespace':'b',"
		"'defaultServiceAccount':'ci:sb'},{'server':'*','namespace':'c'}");
	static const struct { const char *user; bool may; } users[] = {
		{ "system:serviceaccount:any:sa", true },
		{ "system:serviceaccount:ci:sb", true },
		{ "system:serviceaccount:any:sb", false },
		{ "system:serviceaccount:any:sc", false },
		{ "system:serviceaccount:sa", false }, { "sa", false }, { "", false },
		{ "ada", false },
	};
	struct err err = ERR_INIT;
	struct project p;

	(void)state;
	assert_int_equal(0, load(&p, text, &err));
	for (size_t i = 0; i < ARRAY_LEN(users); i++)
		if (project_may_act_as(&p, users[i].user) != users[i].may)
			fail_msg("%s", users[i].user);
	project_deinit(&p);
	project_permissive(&p);
	assert_false(project_may_act_as(&p, "system:serviceaccount:any:sa"));
	project_deinit(&p);
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
		"{'destinationServiceAccounts':'sa'}",
		"{'destinationServiceAccounts':['sa']}",
		"{'destinationServiceAccounts':[{'defaultServiceAccount':7}]}",
		"{'destinationServiceAccounts':[{'server':'!x'}]}",
		"{'destinationServiceAccounts':[{'namespace':'!x'}]}",
		"{'signatureKeys':{}}", "{'signatureKeys':'4AEE18F83AFDEB23'}",
		"{'signatureKeys':['4AEE18F83AFDEB23']}", "{'signatureKeys':[{}]}",
		"{'signatureKeys':[{'keyID':'4AEE18F83AFDEB23'},{'keyID':'3AFDEB23'}]}",
		"{'signatureKeys':[{'keyID':7}]}", "{'signatureKeys':[null]}",
		"{'sourceRepos':['*'],'sourceIntegrity':{'git':{}}}",
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

/* In either case, and as whole as they are listed. */
static void signers_are_listed(void **state)
{
	struct signed_policy to = { 0 };
	struct err err = ERR_INIT;
	struct project p;

	(void)state;
	assert_int_equal(load(&p, "{'signatureKeys':[{'keyID':'4aee18f83afdeb23'},{'keyID':"
			      "'5DE3E0509C47EA3CF04A42D34AEE18F83AFDEB24'}]}", &err), 0);
	assert_true(project_asks_signatures(&p));
	project_signers(&p, &to);
	assert_int_equal(to.listed.len, 2);
	assert_string_equal(to.listed.data[0], "4AEE18F83AFDEB23");
	assert_string_equal(to.listed.data[1], "5DE3E0509C47EA3CF04A42D34AEE18F83AFDEB24");
	signed_policy_deinit(&to);
	project_deinit(&p);
	assert_int_equal(load(&p, "{'signatureKeys':[]}", &err), 0);
	assert_false(project_asks_signatures(&p));
	project_deinit(&p);
	assert_int_equal(load(&p, "{'signatureKeys':null}", &err), 0);
	assert_false(project_asks_signatures(&p));
	project_deinit(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(globs),
		cmocka_unit_test(globs_of_kinds),
		cmocka_unit_test(long_patterns_are_not_tried),
		cmocka_unit_test(applications_are_judged),
		cmocka_unit_test(objects_are_judged),
		cmocka_unit_test(accounts_are_found),
		cmocka_unit_test(who_it_may_write_as),
		cmocka_unit_test(the_permissive_one_allows_all),
		cmocka_unit_test(what_cannot_be_read_is_refused),
		cmocka_unit_test(signers_are_listed),
	};

	doc_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
