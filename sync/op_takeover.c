/*
 * After the first apply of an object that was there before us: other tools' entries
 * in managedFields become ours (takeover.h) by a patch of just those, on the version
 * that was read. Then, where that made fields ours which Git does not have, the
 * object is applied once more, and they go. It is tried a few times, as controllers
 * write status all the time; an object whose fields cannot be taken over is applied
 * all the same, and the log says what is left.
 */
#include "op_priv.h"
#include "takeover.h"

#define TRIES 5

static void give_up(struct apply *a, const struct err *err)
{
	_cleanup_buf_ struct buf key = BUF_INIT;

	objkey_format(&a->task.key, &key);
	engine_log(a->op->e, LOG_WARN, a->op->app, "%s: fields of its former manager "
		   "stay when Git drops them: %s", buf_str(&key), err->msg);
	op_apply_done(a);
}

static void send_fields(struct apply *a, const json_t *object, json_t *fields)
{
	_cleanup_json_ json_t *patch = json_pack("{s{sosO}}", "metadata",
		"managedFields", fields, "resourceVersion",
		doc_get(object, "metadata", "resourceVersion", NULL));
	struct buf body = BUF_INIT;

	doc_write(patch, &body);
	free(a->body);
	a->body = buf_steal(&body, NULL);
	a->fields = FIELDS_WRITING;
	kube_merge_patch_init(&a->req, &a->ref, FIELD_MANAGER, a->body,
			      strlen(a->body));
}

static void send_read(struct apply *a)
{
	a->fields = FIELDS_READING;
	kube_get_init(&a->req, &a->ref);
}

static void start(struct apply *a)
{
	a->req.parse = true;
	a->req.on_done = op_on_answer;
	op_send(a->op, &a->req);
}

/* Also an application's own object, taken up again after a crash in between. */
bool op_takeover_wanted(struct apply *a)
{
	const struct inv_entry *inv = record_inv(&a->op->app->rec, &a->task.key);
	const struct fact *f = op_fact(a->op, &a->task.key, false);

	if (a->fields != FIELDS_UNKNOWN || a->unblocking ||
	    op_options(a->op) & OPT_NO_MIGRATION)
		return false;
	a->adopts = a->task.adopt || (f && *f->adopt_uid) || (inv && !*inv->uid);
	return true;
}

bool op_takeover(struct apply *a, const json_t *object)
{
	json_t *fields = takeover_fields(object, FIELD_MANAGER, a->adopts,
					 &a->more);

	if (!fields) {
		a->fields = FIELDS_TAKEN;
		return false;
	}
	send_fields(a, object, fields);
	start(a);
	return true;
}

static void on_written(struct apply *a, const struct err *err)
{
	if (err->code == ERR_CONFLICT && ++a->tries < TRIES) {
		send_read(a);
		start(a);
		return;
	}
	a->fields = FIELDS_TAKEN;
	if (err->code)
		give_up(a, err);
	else if (a->more)
		op_apply_send(a);
	else
		op_apply_done(a);
}

void op_on_takeover(struct apply *a, const struct err *err)
{
	if (a->fields == FIELDS_WRITING) {
		on_written(a, err);
		return;
	}
	if (err->code) {
		a->fields = FIELDS_TAKEN;
		give_up(a, err);
	} else if (!op_takeover(a, a->req.json)) {
		op_apply_done(a);
	}
}
