/* kubeconfig_exec.h - a user's exec: what is run, and what its answer gives. */
#ifndef KUBECONFIG_EXEC_H
#define KUBECONFIG_EXEC_H

#include "kubeconfig_priv.h"

/* Written once at load and only read afterwards, also by other threads. */
struct exec_plugin {
	char *who;		/* FILE: user "NAME": exec: COMMAND, for messages */
	char *api_version, *hint;	/* hint: installHint, "" when there is none */
	char **argv, **env;	/* NULL-terminated; env is what it adds */
	json_t *cluster;	/* provideClusterInfo; NULL: not asked for */
	bool may_ask, must_ask;	/* interactiveMode: a person at a terminal */
};

/*
 * Reads users[].exec; cluster is the context's entry, ep its endpoint. ERR_INVALID
 * names the field.
 */
struct exec_plugin *exec_plugin_new(const struct config_entry *user,
				    const struct config_entry *cluster,
				    const struct http_endpoint *ep, struct err *err);
struct exec_plugin *exec_plugin_free(struct exec_plugin *p);

#endif
