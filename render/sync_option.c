/*
 * The sync options there are, as Argo CD's documentation lists them; exact and
 * case-sensitive, as it reads them. What one does to an object stands here, what it does
 * to an Application in sync/app_options.c.
 * https://argo-cd.readthedocs.io/en/stable/user-guide/sync-options/
 */
#include <assert.h>
#include <string.h>
#include <strings.h>

#include "core/mem.h"
#include "render/answer.h"

static const struct {
	const char *text;
	uint32_t flags;
} table[] = {
	[SOPT_UNKNOWN] = { "", 0 },
	[SOPT_CREATE_NAMESPACE] = { "CreateNamespace=true", 0 },
	[SOPT_CREATE_NAMESPACE_FALSE] = { "CreateNamespace=false", 0 },
	[SOPT_PRUNE] = { "Prune=true", OBJ_PRUNE_TRUE },
	[SOPT_PRUNE_FALSE] = { "Prune=false", OBJ_KEEP },
	[SOPT_PRUNE_CONFIRM] = { "Prune=confirm", OBJ_PRUNE_CONFIRM },
	[SOPT_PRUNE_LAST] = { "PruneLast=true", OBJ_PRUNE_LAST },
	[SOPT_PRUNE_LAST_FALSE] = { "PruneLast=false", OBJ_PRUNE_BEFORE },
	[SOPT_DELETE] = { "Delete=true", OBJ_DELETE_TRUE },
	[SOPT_DELETE_FALSE] = { "Delete=false", OBJ_DELETE_KEEP },
	[SOPT_DELETE_CONFIRM] = { "Delete=confirm", OBJ_DELETE_CONFIRM },
	[SOPT_OUT_OF_SYNC_ONLY] = { "ApplyOutOfSyncOnly=true", 0 },
	[SOPT_OUT_OF_SYNC_ONLY_FALSE] = { "ApplyOutOfSyncOnly=false", 0 },
	[SOPT_VALIDATE] = { "Validate=true", 0 },
	[SOPT_VALIDATE_FALSE] = { "Validate=false", 0 },
	[SOPT_SKIP_DRY_RUN] = { "SkipDryRunOnMissingResource=true", OBJ_SKIP_DRY_RUN },
	[SOPT_SKIP_DRY_RUN_FALSE] = { "SkipDryRunOnMissingResource=false", 0 },
	[SOPT_REPLACE] = { "Replace=true", OBJ_RECREATE },
	[SOPT_REPLACE_FALSE] = { "Replace=false", OBJ_NO_REPLACE },
	[SOPT_FORCE] = { "Force=true", OBJ_RECREATE },
	[SOPT_FORCE_FALSE] = { "Force=false", 0 },
	[SOPT_SERVER_SIDE] = { "ServerSideApply=true", 0 },
	[SOPT_SERVER_SIDE_FALSE] = { "ServerSideApply=false", 0 },
	[SOPT_MIGRATION] = { "ClientSideApplyMigration=true", 0 },
	[SOPT_MIGRATION_FALSE] = { "ClientSideApplyMigration=false", 0 },
	[SOPT_RESPECT_IGNORE] = { "RespectIgnoreDifferences=true", 0 },
	[SOPT_RESPECT_IGNORE_FALSE] = { "RespectIgnoreDifferences=false", 0 },
	[SOPT_FAIL_ON_SHARED] = { "FailOnSharedResource=true", 0 },
	[SOPT_FAIL_ON_SHARED_FALSE] = { "FailOnSharedResource=false", 0 },
	[SOPT_FOREGROUND] = { "PrunePropagationPolicy=foreground", 0 },
	[SOPT_BACKGROUND] = { "PrunePropagationPolicy=background", 0 },
	[SOPT_ORPHAN] = { "PrunePropagationPolicy=orphan", 0 },
};
static_assert(ARRAY_LEN(table) == SOPT_N, "one row per option");

enum sync_option sync_option_of(const char *text, size_t len)
{
	for (size_t i = 1; i < SOPT_N; i++)
		if (strlen(table[i].text) == len && !memcmp(table[i].text, text, len))
			return (enum sync_option)i;
	return SOPT_UNKNOWN;
}

const char *sync_option_but_for_case(const char *text)
{
	for (size_t i = 1; i < SOPT_N; i++)
		if (!strcasecmp(table[i].text, text))
			return table[i].text;
	return NULL;
}

uint32_t sync_option_flags(enum sync_option o)
{
	return table[o].flags;
}
