/*
 * control_frame.c - what a deploy-control file says, as lines for the daemon:
 *
 *   env=prod global=1 enabled=1 auto=0 approval=1
 *   window zone=Europe/Berlin days=30 hours=540-960,1320-120
 *   service name=postgres enabled=1 auto=1 approval=0 rollback=2
 *
 * Read back by formatting it anew and comparing, so that there is one spelling: what a
 * worker could send otherwise is ERR_INVALID.
 */
#include <stdio.h>
#include <stdlib.h>

#include "control_priv.h"
#include "core/mem.h"

#define LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"

bool control_is_name(const char *s)
{
	size_t n = strlen(s);

	return n && n < CONTROL_NAME_MAX && strspn(s, LETTERS "-_.") == n &&
	       strspn(s, LETTERS) && strchr(LETTERS, s[n - 1]);
}

bool control_is_zone(const char *s)
{
	size_t n = strlen(s);

	return n && n < CONTROL_NAME_MAX && strspn(s, LETTERS "_+-/") == n &&
	       *s != '/' && s[n - 1] != '/' && !strstr(s, "//");
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct control_service *)a)->name,
		      ((const struct control_service *)b)->name);
}

void control_sort(struct control *c)
{
	qsort(c->services, c->n_services, sizeof(*c->services), by_name);
}

const struct control_service *control_service(const struct control *c,
					      const char *name)
{
	for (size_t i = 0; i < c->n_services; i++)
		if (!strcmp(c->services[i].name, name))
			return &c->services[i];
	return NULL;
}

void control_format(const struct control *c, struct buf *out)
{
	buf_addf(out, "env=%s global=%d enabled=%d auto=%d approval=%d\n", c->environment,
		 c->global_auto, c->enabled, c->auto_deploy, c->approval);
	if (c->window.enabled) {
		buf_addf(out, "window zone=%s days=%u hours=", c->window.zone,
			 c->window.days);
		for (size_t i = 0; i < c->window.n_hours; i++)
			buf_addf(out, "%s%u-%u", i ? "," : "", c->window.hours[i].from,
				 c->window.hours[i].to);
		buf_addc(out, '\n');
	}
	for (size_t i = 0; i < c->n_services; i++) {
		const struct control_service *s = &c->services[i];

		buf_addf(out, "service name=%s enabled=%d auto=%d approval=%d "
			 "rollback=%d\n", s->name, s->enabled, s->auto_deploy,
			 s->approval, (int)s->rollback);
	}
}

/* ---- and back; whatever is skipped here shows when it is compared ---- */

/* The text behind key= up to a blank or a line's end; "" when it is not there. */
static const char *value(const char **at, const char *key, char *out, size_t size)
{
	size_t n = strlen(key), len;

	*out = '\0';
	if (strncmp(*at, key, n))
		return out;
	len = strcspn(*at + n, " \n");
	if (len < size) {
		memcpy(out, *at + n, len);
		out[len] = '\0';
	}
	*at += n + len + ((*at)[n + len] == ' ');
	return out;
}

static unsigned number(const char **at, const char *key)
{
	char text[12];

	return (unsigned)strtoul(value(at, key, text, sizeof(text)), NULL, 10);
}

static void read_first(struct control *c, const char *line)
{
	value(&line, "env=", c->environment, sizeof(c->environment));
	c->global_auto = number(&line, "global=") == 1;
	c->enabled = number(&line, "enabled=") == 1;
	c->auto_deploy = number(&line, "auto=") == 1;
	c->approval = number(&line, "approval=") == 1;
}

static void read_window(struct control_window *w, const char *line)
{
	char hours[CONTROL_HOURS_MAX * 12], *at = hours, *end;

	w->enabled = true;
	value(&line, "zone=", w->zone, sizeof(w->zone));
	w->days = (uint8_t)(number(&line, "days=") & 127);
	value(&line, "hours=", hours, sizeof(hours));
	while (*at && w->n_hours < CONTROL_HOURS_MAX) {
		struct control_hours *h = &w->hours[w->n_hours++];

		h->from = (uint16_t)strtoul(at, &end, 10);
		at = end + (*end == '-');
		h->to = (uint16_t)strtoul(at, &end, 10);
		at = end + (*end == ',');
		if (h->from >= 1440 || h->to > 1440 || h->from == h->to)
			w->days = 0;	/* refused by its check */
	}
}

static void read_service(struct control *c, const char *line)
{
	struct control_service *s = &c->services[c->n_services++];

	value(&line, "name=", s->name, sizeof(s->name));
	s->enabled = number(&line, "enabled=") == 1;
	s->auto_deploy = number(&line, "auto=") == 1;
	s->approval = number(&line, "approval=") == 1;
	s->rollback = number(&line, "rollback=") % (ROLLBACK_YES + 1);
}

static bool is_sound(const struct control *c)
{
	const struct control_window *w = &c->window;

	if (!control_is_name(c->environment))
		return false;
	if (w->enabled && (!control_is_zone(w->zone) || !w->days || !w->n_hours))
		return false;
	for (size_t i = 0; i < c->n_services; i++)
		if (!control_is_name(c->services[i].name) ||
		    (i && by_name(&c->services[i - 1], &c->services[i]) >= 0))
			return false;
	return true;
}

static void read_lines(struct control *c, const char *text)
{
	for (const char *line = text; *line; line += strcspn(line, "\n") + 1) {
		if (!strncmp(line, "env=", 4))
			read_first(c, line);
		else if (!strncmp(line, "window ", 7))
			read_window(&c->window, line + 7);
		else if (!strncmp(line, "service ", 8) &&
			 c->n_services < CONTROL_SERVICES_MAX)
			read_service(c, line + 8);
		if (!strchr(line, '\n'))
			return;
	}
}

int control_parse(struct control *c, const char *text, size_t len, struct err *err)
{
	_cleanup_buf_ struct buf again = BUF_INIT;

	*c = (struct control){ 0 };
	if (len <= CONTROL_FRAME_MAX && strlen(text) == len) {
		read_lines(c, text);
		control_format(c, &again);
	}
	if (len && again.len == len && !memcmp(again.data, text, len) && is_sound(c))
		return 0;
	*c = (struct control){ 0 };
	return err_set(err, ERR_INVALID, "%zu bytes are no frame of a deploy-control file",
		       len);
}
