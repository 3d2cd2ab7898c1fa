/* deploy-control files: every key, what is refused and where, the frame both ways. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>

#include "core/mem.h"
#include "render/control.h"

/* The shapes of the repositories that people have: same keys, other values. */
static const char whole[] =
	"global:\n  auto_deploy: true\n"
	"environments:\n"
	"  dev:\n    enabled: true\n    auto_deploy: true\n"
	"    require_manual_approval: false\n"
	"    deployment_windows: {enabled: false}\n"
	"    services:\n      postgres: {enabled: true, auto_deploy: true,\n"
	"        rollback_on_failure: false}\n"
	"  prod:\n    enabled: true\n    auto_deploy: false\n"
	"    require_manual_approval: true\n"
	"    deployment_windows: {enabled: true, timezone: Europe/Berlin,\n"
	"      allowed_days: [Mon, tuesday, WED, Thu], allowed_hours: \"09:00-16:00\"}\n"
	"    services:\n      redis: {enabled: false}\n"
	"      postgres: {enabled: true, auto_deploy: false, require_approval: true,\n"
	"        rollback_on_failure: true}\n";

struct row {
	const char *what, *text, *environment;
	const char *frame;	/* or ... */
	const char *error;	/* ... words of the refusal */
};

#define ENV(more) "environments:\n  prod:\n" more
#define WINDOW(more) ENV("    deployment_windows: {" more "}\n")
#define PLAIN "env=prod global=1 enabled=1 auto=1 approval=0\n"
#define SPAN(zone, days, hours) PLAIN "window zone=" zone " days=" days " hours=" hours "\n"

static const struct row rows[] = {
	{ "dev", whole, "dev", "env=dev global=1 enabled=1 auto=1 approval=0\n"
	  "service name=postgres enabled=1 auto=1 approval=0 rollback=1\n", NULL },
	{ "prod", whole, "prod", "env=prod global=1 enabled=1 auto=0 approval=1\n"
	  "window zone=Europe/Berlin days=30 hours=540-960\n"
	  "service name=postgres enabled=1 auto=0 approval=1 rollback=2\n"
	  "service name=redis enabled=0 auto=1 approval=0 rollback=0\n", NULL },
	{ "what is not said holds nothing back", ENV("    {}\n"), "prod", PLAIN, NULL },
	{ "nothing but a name", ENV(""), "prod", PLAIN, NULL },
	{ "the kill switch", "global: {auto_deploy: false}\n" ENV("    {}\n"), "prod",
	  "env=prod global=0 enabled=1 auto=1 approval=0\n", NULL },
	{ "JSON is YAML", "{\"environments\": {\"prod\": {\"enabled\": false}}}", "prod",
	  "env=prod global=1 enabled=0 auto=1 approval=0\n", NULL },
	{ "over midnight, all days, UTC", WINDOW("allowed_hours: \"22:00-02:00\""), "prod",
	  SPAN("UTC", "127", "1320-120"), NULL },
	{ "several spans, a whole day", WINDOW("allowed_hours: [\"00:00-24:00\", "
	  "\"01:00-02:30\"]"), "prod", SPAN("UTC", "127", "0-1440,60-150"), NULL },
	{ "days without hours", WINDOW("allowed_days: [Sun, Sat]"), "prod",
	  SPAN("UTC", "65", "0-1440"), NULL },
	/* refused */
	{ "no such environment", whole, "stage", NULL,
	  "c.yaml: environments.stage is not there; there are: dev, prod" },
	{ "none at all", "global: {}\n", "prod", NULL, "there is: none" },
	{ "an empty file", "", "prod", NULL, "environments.prod is not there" },
	{ "no YAML", "a: [", "prod", NULL, "c.yaml: " },
	{ "two documents", ENV("    {}\n") "---\na: 1\n", "prod", NULL, "more than one" },
	{ "a list", "- a\n", "prod", NULL, "c.yaml:1: the file must be a map" },
	{ "an unknown key", "globals: {}\n", "prod", NULL,
	  "c.yaml:1: globals is not known; write one of global, environments" },
	{ "... of an environment", ENV("    enabeld: false\n"), "prod", NULL,
	  "c.yaml:3: environments.prod.enabeld is not known" },
	{ "... of another environment", ENV("    {}\n") "  dev: {x: 1}\n", "prod", NULL,
	  "environments.dev.x is not known" },
	{ "... of global", "global: {autodeploy: true}\n", "prod", NULL,
	  "global.autodeploy is not known; write one of auto_deploy" },
	{ "... of a service", ENV("    services: {a: {on: true}}\n"), "prod", NULL,
	  "environments.prod.services.a.on is not known" },
	{ "no boolean", ENV("    enabled: \"true\"\n"), "prod", NULL,
	  "c.yaml:3: environments.prod.enabled must be true or false" },
	{ "null is none either", ENV("    auto_deploy:\n"), "prod", NULL,
	  "environments.prod.auto_deploy must be true or false" },
	{ "no map", ENV("    services: [a]\n"), "prod", NULL, "services must be a map" },
	{ "a name that is none", ENV("    services: {\"a b\": {}}\n"), "prod", NULL,
	  "holds a name that no label can have" },
	{ "an environment's", "environments: {\"a/b\": {}}\n", "prod", NULL,
	  "holds a name with other" },
	{ "a window of nothing", WINDOW("enabled: true"), "prod", NULL,
	  "names neither allowed_days nor allowed_hours" },
	{ "no day", WINDOW("allowed_days: [Mo]"), "prod", NULL, "must name days such as" },
	{ "no days", WINDOW("allowed_days: []"), "prod", NULL, "at least one day" },
	{ "days as a text", WINDOW("allowed_days: Mon"), "prod", NULL, "at least one day" },
	{ "no hours", WINDOW("allowed_hours: []"), "prod", NULL, "at least one span" },
	{ "no time", WINDOW("allowed_hours: \"9:00-16:00\""), "prod", NULL,
	  "must be hours such as \"09:00-16:00\"" },
	{ "minute 60", WINDOW("allowed_hours: \"09:60-16:00\""), "prod", NULL, "must be" },
	{ "hour 25", WINDOW("allowed_hours: \"09:00-25:00\""), "prod", NULL, "must be" },
	{ "from 24:00", WINDOW("allowed_hours: \"24:00-01:00\""), "prod", NULL, "must be" },
	{ "no length", WINDOW("allowed_hours: \"09:00-09:00\""), "prod", NULL,
	  "begins when it ends" },
	{ "nine spans", WINDOW("allowed_hours: [\"01:00-02:00\", \"01:00-02:00\", "
	  "\"01:00-02:00\", \"01:00-02:00\", \"01:00-02:00\", \"01:00-02:00\", "
	  "\"01:00-02:00\", \"01:00-02:00\", \"01:00-02:00\"]"), "prod", NULL,
	  "more than 8 spans" },
	{ "a zone that climbs", WINDOW("timezone: ../../etc/passwd, allowed_days: [Mon]"),
	  "prod", NULL, "must be a time zone" },
	{ "a zone from the root", WINDOW("timezone: /etc/x, allowed_days: [Mon]"), "prod",
	  NULL, "must be a time zone" },
};

static void file_is_read_strictly(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const struct row *r = &rows[i];
		_cleanup_buf_ struct buf frame = BUF_INIT;
		struct err err = ERR_INIT;
		struct control c, again;
		int rc = control_read(&c, "c.yaml", r->text, strlen(r->text),
				      r->environment, &err);

		if (rc != (r->error ? -1 : 0))
			fail_msg("%s: %s", r->what, rc ? err.msg : "it was read");
		if (rc && !strstr(err.msg, r->error))
			fail_msg("%s: %s", r->what, err.msg);
		if (rc)
			continue;
		control_format(&c, &frame);
		if (strcmp(buf_str(&frame), r->frame))
			fail_msg("%s: %s", r->what, buf_str(&frame));
		assert_int_equal(control_parse(&again, frame.data, frame.len, &err), 0);
		assert_memory_equal(c.window.hours, again.window.hours,
				    c.window.enabled ? c.window.n_hours *
				    sizeof(*c.window.hours) : 0);
		assert_int_equal(c.n_services, again.n_services);
	}
}

static void frame_has_one_spelling(void **state)
{
	static const char *const bad[] = {
		"", "\n", "env=prod", "env=prod global=1 enabled=1 auto=1 approval=0",
		PLAIN "\n", PLAIN PLAIN, " " PLAIN, PLAIN "x\n",
		"env= global=1 enabled=1 auto=1 approval=0\n",
		"env=a/b global=1 enabled=1 auto=1 approval=0\n",
		"env=prod global=2 enabled=1 auto=1 approval=0\n",
		"env=prod  global=1 enabled=1 auto=1 approval=0\n",
		"env=prod global=01 enabled=1 auto=1 approval=0\n",
		SPAN("../x", "1", "0-60"), SPAN("UTC", "0", "0-60"),
		SPAN("UTC", "128", "0-60"), SPAN("UTC", "1", ""), SPAN("UTC", "1", "60-60"),
		SPAN("UTC", "1", "0-1441"), SPAN("UTC", "1", "1440-1"),
		SPAN("UTC", "1", "0-60,"), SPAN("UTC", "1", "99999999999999999999-1"),
		SPAN("UTC", "1", "1-2,1-2,1-2,1-2,1-2,1-2,1-2,1-2,1-2"),
		PLAIN "service name=b enabled=1 auto=1 approval=0 rollback=0\n"
		"service name=a enabled=1 auto=1 approval=0 rollback=0\n",
		PLAIN "service name=a enabled=1 auto=1 approval=0 rollback=0\n"
		"service name=a enabled=1 auto=1 approval=0 rollback=0\n",
		PLAIN "service name=a enabled=1 auto=1 approval=0 rollback=3\n",
		PLAIN "service name= enabled=1 auto=1 approval=0 rollback=0\n",
		PLAIN "service name=a enabled=1 auto=1 approval=0 rollback=0\n"
		SPAN("UTC", "1", "0-60"),
	};
	struct err err = ERR_INIT;
	struct control c;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		if (!control_parse(&c, bad[i], strlen(bad[i]), &err))
			fail_msg("taken: %s", bad[i]);
	assert_int_equal(control_parse(&c, PLAIN "\0", sizeof(PLAIN), &err), -1);
}

static void caps_hold(void **state)
{
	_cleanup_buf_ struct buf text = BUF_INIT;
	struct err err = ERR_INIT;
	struct control c;

	(void)state;
	buf_adds(&text, "environments: {prod: {services: {");
	for (int i = 0; i <= CONTROL_SERVICES_MAX; i++)
		buf_addf(&text, "%ss%d: {}", i ? ", " : "", i);
	buf_adds(&text, "}}}\n");
	assert_int_equal(control_read(&c, "c.yaml", text.data, text.len, "prod", &err), -1);
	assert_non_null(strstr(err.msg, "more than 64 services"));
	buf_clear(&text);
	for (size_t i = 0; i <= CONTROL_FRAME_MAX; i++)
		buf_addc(&text, 'x');
	assert_int_equal(control_parse(&c, buf_str(&text), text.len, &err), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(file_is_read_strictly),
		cmocka_unit_test(frame_has_one_spelling),
		cmocka_unit_test(caps_hold),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
