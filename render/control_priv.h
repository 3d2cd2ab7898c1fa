/* control_priv.h - what the reader and the frame of a deploy-control file share. */
#ifndef RENDER_CONTROL_PRIV_H
#define RENDER_CONTROL_PRIV_H

#include "render/control.h"

/* A label's value, as a service's or an environment's name. */
bool control_is_name(const char *s);
/* Spelt as a time zone may be; whether there is one is known elsewhere. */
bool control_is_zone(const char *s);
void control_sort(struct control *c);

#endif
