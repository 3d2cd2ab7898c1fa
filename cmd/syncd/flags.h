/*
 * flags.h - syncd's command line: --name value, --name=value, or SYNCD_NAME in
 * the environment; the command line wins.
 */
#ifndef CMD_SYNCD_FLAGS_H
#define CMD_SYNCD_FLAGS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "core/err.h"

struct flags {		/* strings are borrowed from argv and the environment */
	const char *kubeconfig, *context, *ns, *app_namespaces, *remote_hosts;
	const char *data_dir, *metrics_addr, *health_addr;
	const char *webhook_addr, *git_webhook_addr, *cert_dir, *webhook_name;
	const char *worker, *kustomize, *identity, *cluster_name;
	const char *bootstrap_repo, *bootstrap_path, *bootstrap_revision;
	uint64_t poll_ms, soak_ms, wave_deadline_ms, hook_deadline_ms;
	uint64_t cert_lifetime_ms, degraded_grace_ms, pull_grace_ms, crash_grace_ms;
	uint64_t lease_ms, renew_deadline_ms, retry_period_ms;
	bool auto_revert, leader_elect, log_json, log_debug;
	bool insecure_repositories, argocd_metrics;
	unsigned max_requests, workers;
	bool help, version;
};

/* 0, or -1 with a message for a usage error. Defaults come first. */
int flags_parse(struct flags *f, int argc, char **argv, struct err *err);
void flags_help(FILE *out);

#endif
