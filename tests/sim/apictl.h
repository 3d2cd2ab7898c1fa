/* apictl.h - what the simulated controllers share. */
#ifndef SIM_APICTL_H
#define SIM_APICTL_H

#include "apiint.h"

#define KCM "kube-controller-manager"

/* o[a] or o[a][b] (b may be NULL): "" when absent. */
const char *ctl_str(const json_t *o, const char *a, const char *b);
int64_t ctl_num(const json_t *o, const char *a, const char *b, int64_t fallback);
/* Merges into the object's status; status is taken. */
void ctl_set_status(struct apisim *a, const struct api_object *o, json_t *status);
/* A condition that keeps its transition time while its status does not change. */
json_t *ctl_condition(struct apisim *a, const json_t *object, const char *type,
		      const char *status, const char *reason, const char *message,
		      bool update_time);
void ctl_pod(struct apisim *a, struct api_object *o);

#endif
