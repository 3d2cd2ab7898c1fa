/* plugin.h - which plugins are builtin: the others would be programs to run. */
#ifndef KUST_PLUGIN_H
#define KUST_PLUGIN_H

#include "kust.h"

bool kplugin_is_builtin(const struct kgvk *gvk);

#endif
