/* The rules: what each is called, how bad it is, and what to do about it. */
#include "checks.h"

const struct rule_info rules[RULE_N] = {
	[RULE_BUILD] = { "build", LEVEL_ERROR, "it does not render",
		"What does not render is not deployed: the controller keeps what runs and says "
		"so. The message names file, line and field.", NULL },
	[RULE_APPLICATION] = { "application", LEVEL_ERROR, "syncd would refuse this Application",
		"The webhook refuses it, and a spec with errors is never acted on. The message names "
		"the field and what to write there.", NULL },
	[RULE_APPLICATION_WARNING] = { "application-warning", LEVEL_WARNING,
		"something in this Application has no effect",
		"syncd takes it and does not do what is written there. The message names the field.",
		NULL },
	[RULE_PROJECT] = { "project", LEVEL_ERROR, "syncd would refuse this AppProject",
		"A project that cannot be read refuses all of its applications. The message names "
		"the field and what to write there.", NULL },
	[RULE_PROJECT_WARNING] = { "project-warning", LEVEL_WARNING,
		"something in this AppProject has no effect",
		"syncd takes it and does not do what is written there. The message names the field.",
		NULL },
	[RULE_CONTROL] = { "deploy-control", LEVEL_ERROR, "the deploy-control file cannot be used",
		"The last valid one stays in force in the cluster until this one is right.", NULL },
	[RULE_RENDER_WARNING] = { "render", LEVEL_WARNING, "it renders, with a warning",
		"What is meant is probably something else than what is written.", NULL },
	[RULE_IMAGE_TAG] = { "image-no-tag", LEVEL_WARNING, "an image without a tag",
		"Without a tag the registry gives 'latest', which changes without a commit: a "
		"revert to the last good release would run the same bad image. Name a version, or "
		"a digest.", lint_image_tag },
	[RULE_IMAGE_LATEST] = { "image-latest", LEVEL_WARNING, "an image with the tag latest",
		"'latest' changes without a commit: a revert to the last good release would run the "
		"same bad image. Name a version, or a digest.", lint_image_latest },
	[RULE_REQUESTS] = { "requests-missing", LEVEL_WARNING, "a container without requests",
		"The scheduler takes a container without requests for one that needs nothing, and "
		"its pod is the first to be evicted. Say resources.requests.cpu and .memory.",
		lint_requests },
	[RULE_SECRET] = { "secret-plain", LEVEL_ERROR, "a secret's value in Git",
		"What is in Git is known to everybody who can read it, in every clone, for ever. "
		"Seal the Secret, let an operator make it, or write a placeholder such as "
		"<from-the-cluster>. A value that was committed is to be changed.", lint_secret },
	[RULE_NAME] = { "name", LEVEL_ERROR, "a name that no API server takes",
		"The API server refuses the object, and with it the release. Most kinds' names are "
		"DNS subdomains, those of Namespaces and Services DNS labels; a CRD is called "
		"PLURAL.GROUP.", check_name },
	[RULE_SCHEMA_KIND] = { "schema-kind", LEVEL_WARNING, "a kind that the schema does not know",
		"Its fields were not checked. Put its CRD into the repository, or save the schema "
		"of a cluster that has it.", NULL },
	[RULE_SCHEMA_UNKNOWN] = { "schema-unknown-field", LEVEL_ERROR, "a field that does not exist",
		"The API server refuses the object, or drops the field silently.", NULL },
	[RULE_SCHEMA_TYPE] = { "schema-type", LEVEL_ERROR, "a value of the wrong type",
		"The API server refuses the object. A number or a boolean that is meant as a text "
		"wants quotes.", NULL },
	[RULE_SCHEMA_REQUIRED] = { "schema-required", LEVEL_ERROR, "a field is missing",
		"The API server refuses an object without it.", NULL },
	[RULE_SCHEMA_ENUM] = { "schema-enum", LEVEL_ERROR, "a value that the field does not take",
		"The API server refuses the object. The message lists what it takes.", NULL },
	[RULE_WEBHOOK] = { "webhook-early", LEVEL_WARNING,
		"an admission webhook before what answers for it",
		"With failurePolicy Fail the API server refuses what a webhook guards until somebody "
		"answers. Within a wave syncd applies webhook configurations when the workloads are "
		"healthy; across waves it keeps to the order that is written.", NULL },
	[RULE_IGNORE] = { "lint-ignore", LEVEL_WARNING, "a rule is silenced that does not exist",
		"The annotation syncd.dev/lint-ignore names ids of rules, with commas between "
		"them.", NULL },
	[RULE_NOT_CHECKED] = { "not-checked", LEVEL_NOTE, "it was not checked",
		"Nothing is said about it, good or bad. The message says why.", NULL },
	[RULE_NOTHING_CHECKED] = { "nothing-checked", LEVEL_WARNING, "no Application was checked",
		"Not one Application is known to go out by what is here, so that the check says "
		"nothing about any of them. Mostly the clone's remotes do not name the repository "
		"as the Applications do: say --repo URL.", NULL },
};

const char *level_text(enum level level)
{
	static const char *const texts[] = {
		[LEVEL_NOTE] = "note", [LEVEL_WARNING] = "warning", [LEVEL_ERROR] = "error",
	};

	return texts[level];
}

enum rule rule_find(const char *id, size_t len)
{
	enum rule r = 0;

	while (r < RULE_N && (strlen(rules[r].id) != len || strncmp(rules[r].id, id, len)))
		r++;
	return r;
}
