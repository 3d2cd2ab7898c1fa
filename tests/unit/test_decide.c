/*
 * What an application does next, as a table. The record of every row has three
 * releases: #1 "one" is good, #2 "two" is rejected, #3 "three" is a candidate.
 * The monotonic clock stands at 10,000,000 ms.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>

#include "sync/engine_priv.h"

#define NOW 10000000
#define MINUTE 60000

enum {	/* what a row adds to the ordinary application */
	MANUAL = 1,		/* no automated sync */
	NO_HEAL = 2,
	DRIFTED = 4,
	PRUNES = 8,
	ASKED = 16,		/* a person asked for a sync */
	OVER = 32,		/* the soak is over */
	BAD = 64,		/* the soak is broken */
	PINNED = 128,		/* by auto-revert, for #2 */
	PINNED_BY_ADA = 256,
	PASSES = 512,		/* what rejected #2 may pass */
	RETRIED = 1024,
	SYNCING = 2048,		/* an operation is recorded: sync of the target */
	REVERTING = 4096,
	HEALING = 8192,
	UNLOADED = 16384,
	OPTIONS = 32768,	/* the options changed since all releases */
	SUPERSEDED = 65536,	/* #3 was */
	FOUR_REJECTED = 1 << 17,	/* within the hour before the last revert */
	TWO_IS_GOOD = 1 << 18,	/* #2 was proved good since */
	FAILED_ONCE = 1 << 19,	/* the operation */
	TAKES = 1 << 20,	/* the request may replace what is under way */
	STOPPED = 1 << 21,	/* paused or suspended */
	HAND_PIN = 1 << 22,	/* by the annotation */
	WAITS = 1 << 23,	/* for what it depends on */
	SHUT = 1 << 24,		/* a sync window: for what goes by itself */
	SHUT_MANUAL = 1 << 25,	/* and for people; opens in an hour */
	ROLLBACK = 1 << 26,	/* is what was asked for; so are the next two */
	UNPIN = 1 << 27,
	DRY = 1 << 28,
	PIN_OVER = 1 << 29,	/* its time is */
	PARTIAL = 1 << 30,	/* the operation is on chosen objects, of Git's head */
};

struct row {
	const char *what;
	enum phase phase;
	uint32_t target;
	const char *head;	/* NULL: not known */
	unsigned facts;
	enum next next;
	/* rarely needed */
	uint64_t again_at;
	int64_t rejected_ms;	/* ago */
	unsigned reverts;
	int64_t reverted_ms;	/* ago */
	uint64_t retry_in, heal_in;
	uint32_t rejected;	/* the rejection that is reported */
	bool storm;
	bool held;		/* by the breaker */
	unsigned gates;		/* of deploy-control; they open in two hours */
	bool unsigned_now;	/* what the operation puts out */
};
enum { GATE = 1, GATE_MANUAL = 2, GATE_STOP = 4, ALL_GATES = 7,
       UNPROVEN = 8 };	/* what a rollback goes to, and a gate is shut */

static const struct row rows[] = {
	/* nothing deployed yet */
	{ "nothing known", PHASE_NONE, 0, NULL, 0, .next = NEXT_WAIT },
	{ "the first release", PHASE_NONE, 0, "new", 0, .next = NEXT_SYNC },
	{ "the first release by hand", PHASE_NONE, 0, "new", MANUAL, .next = NEXT_WAIT },
	{ "... is asked for", PHASE_NONE, 0, "new", MANUAL | ASKED, .next = NEXT_SYNC },
	{ "asked, but Git is not known", PHASE_NONE, 0, NULL, ASKED, .next = NEXT_WAIT },
	{ "nothing to heal without a target", PHASE_NONE, 0, NULL, DRIFTED,
	  .next = NEXT_WAIT },
	{ "trouble before: something new does not wait", PHASE_NONE, 0, "new", 0,
	  .next = NEXT_SYNC, .retry_in = 500 },

	/* at rest on the good release */
	{ "all is well", PHASE_GOOD, 1, "one", 0, .next = NEXT_WAIT },
	{ "Git is not known", PHASE_GOOD, 1, NULL, 0, .next = NEXT_WAIT },
	{ "a new release", PHASE_GOOD, 1, "new", 0, .next = NEXT_SYNC },
	{ "a new release, automation off", PHASE_GOOD, 1, "new", MANUAL,
	  .next = NEXT_WAIT },
	{ "other options", PHASE_GOOD, 1, "one", OPTIONS, .next = NEXT_SYNC },
	{ "a person asks for the same", PHASE_GOOD, 1, "one", ASKED, .next = NEXT_SYNC },
	{ "drift", PHASE_GOOD, 1, "one", DRIFTED, .next = NEXT_HEAL },
	{ "drift while Git is not known", PHASE_GOOD, 1, NULL, DRIFTED,
	  .next = NEXT_HEAL },
	{ "drift without self-heal", PHASE_GOOD, 1, "one", DRIFTED | NO_HEAL,
	  .next = NEXT_WAIT },
	{ "drift without automation", PHASE_GOOD, 1, "one", DRIFTED | MANUAL,
	  .next = NEXT_WAIT },
	{ "drift in a fight", PHASE_GOOD, 1, "one", DRIFTED, .next = NEXT_WAIT,
	  .again_at = NOW + 40000, .heal_in = 40000 },
	{ "a new release goes before a heal", PHASE_GOOD, 1, "new", DRIFTED,
	  .next = NEXT_SYNC },
	{ "objects left Git", PHASE_GOOD, 1, "one", PRUNES, .next = NEXT_PRUNE },
	{ "... but the last prune had trouble", PHASE_GOOD, 1, "one", PRUNES,
	  .next = NEXT_WAIT, .retry_in = 1000 },
	{ "... of another release", PHASE_GOOD, 1, "two", PRUNES, .next = NEXT_WAIT,
	  .rejected = 2 },
	{ "a heal goes before a prune", PHASE_GOOD, 1, "one", PRUNES | DRIFTED,
	  .next = NEXT_HEAL },

	/* rule 13: a rejected release that comes back */
	{ "rejected stays rejected", PHASE_PINNED, 1, "two", PINNED, .next = NEXT_WAIT,
	  .rejected = 2 },
	{ "... however long ago", PHASE_PINNED, 1, "two", PINNED, .next = NEXT_WAIT,
	  .rejected_ms = 90 * MINUTE, .rejected = 2 },
	{ "the cause may pass: after ten minutes", PHASE_PINNED, 1, "two",
	  PINNED | PASSES, .next = NEXT_WAIT, .again_at = NOW + 7 * MINUTE,
	  .rejected_ms = 3 * MINUTE, .rejected = 2 },
	{ "... now", PHASE_PINNED, 1, "two", PINNED | PASSES, .next = NEXT_SYNC,
	  .rejected_ms = 10 * MINUTE, .rejected = 2 },
	{ "... once", PHASE_PINNED, 1, "two", PINNED | PASSES | RETRIED,
	  .next = NEXT_WAIT, .rejected_ms = 60 * MINUTE, .rejected = 2 },
	{ "... not by itself", PHASE_PINNED, 1, "two", PINNED | PASSES | MANUAL,
	  .next = NEXT_WAIT, .rejected_ms = 60 * MINUTE },
	{ "a person's sync of it is obeyed", PHASE_PINNED, 1, "two",
	  PINNED | ASKED, .next = NEXT_SYNC },
	{ "proved good since", PHASE_GOOD, 1, "two", TWO_IS_GOOD, .next = NEXT_SYNC },
	{ "mended options lift the rejection", PHASE_PINNED, 1, "two",
	  PINNED | OPTIONS, .next = NEXT_SYNC },
	{ "other bytes of the same input stay rejected", PHASE_PINNED, 1, "two'",
	  PINNED, .next = NEXT_WAIT, .rejected = 2 },
	{ "a new one is tried at once", PHASE_PINNED, 1, "new", PINNED,
	  .next = NEXT_SYNC },
	{ "git revert: adopted", PHASE_PINNED, 1, "one", PINNED, .next = NEXT_ADOPT },
	{ "... also without automation", PHASE_PINNED, 1, "one", PINNED | MANUAL,
	  .next = NEXT_ADOPT },
	{ "... also what a person rolled back to", PHASE_PINNED, 1, "one",
	  PINNED_BY_ADA, .next = NEXT_ADOPT },
	{ "an unproven one is not adopted as good", PHASE_UNPROVEN, 3, "three",
	  PINNED, .next = NEXT_WAIT },

	/* rule 14: healing while pinned */
	{ "pinned and drifted", PHASE_PINNED, 1, "two", PINNED | DRIFTED,
	  .next = NEXT_HEAL },
	{ "pinned, drifted, no self-heal", PHASE_PINNED, 1, "two",
	  PINNED | DRIFTED | NO_HEAL, .next = NEXT_WAIT, .rejected = 2 },
	{ "pinned, Git not known", PHASE_PINNED, 1, NULL, PINNED | DRIFTED,
	  .next = NEXT_HEAL },
	{ "pinned never prunes", PHASE_PINNED, 1, "two", PINNED | PRUNES,
	  .next = NEXT_WAIT, .rejected = 2 },

	/* failed, without a last good release */
	{ "a rejected target is not healed", PHASE_FAILED, 2, "two", DRIFTED,
	  .next = NEXT_WAIT, .rejected = 2 },
	{ "... nor while Git is not known", PHASE_FAILED, 2, NULL, DRIFTED,
	  .next = NEXT_WAIT },
	{ "... but tried once more", PHASE_FAILED, 2, "two", DRIFTED | PASSES,
	  .next = NEXT_SYNC, .rejected_ms = 11 * MINUTE, .rejected = 2 },
	{ "failed, something new", PHASE_FAILED, 2, "new", 0, .next = NEXT_SYNC },
	{ "failed, asked again", PHASE_FAILED, 2, "two", ASKED, .next = NEXT_SYNC },

	/* rule 15: flapping */
	{ "one revert: no hold", PHASE_PINNED, 1, "new", PINNED, .next = NEXT_SYNC,
	  .reverts = 1 },
	{ "two: a minute", PHASE_PINNED, 1, "new", PINNED, .next = NEXT_WAIT,
	  .again_at = NOW + MINUTE, .reverts = 2 },
	{ "... is over", PHASE_PINNED, 1, "new", PINNED, .next = NEXT_SYNC,
	  .reverts = 2, .reverted_ms = MINUTE },
	{ "three: five minutes", PHASE_PINNED, 1, "new", PINNED, .next = NEXT_WAIT,
	  .again_at = NOW + 4 * MINUTE, .reverts = 3, .reverted_ms = MINUTE },
	{ "four: a quarter of an hour", PHASE_PINNED, 1, "new", PINNED, .next = NEXT_WAIT,
	  .again_at = NOW + 15 * MINUTE, .reverts = 4 },
	{ "nine: no longer", PHASE_PINNED, 1, "new", PINNED, .next = NEXT_SYNC,
	  .reverts = 9, .reverted_ms = 15 * MINUTE },
	{ "more than three within an hour", PHASE_PINNED, 1, "new",
	  PINNED | FOUR_REJECTED, .next = NEXT_WAIT, .reverts = 4,
	  .reverted_ms = 20 * MINUTE },
	{ "... needs a hand", PHASE_PINNED, 1, "new",
	  PINNED | FOUR_REJECTED | ASKED, .next = NEXT_SYNC, .reverts = 4 },
	{ "... not the hour's end", PHASE_PINNED, 1, "new",
	  PINNED | FOUR_REJECTED, .next = NEXT_WAIT, .reverts = 4,
	  .reverted_ms = 100 * MINUTE },
	{ "a person is not held off", PHASE_PINNED, 1, "new", PINNED | ASKED,
	  .next = NEXT_SYNC, .reverts = 3 },

	/* rules 5 and 12: soaking */
	{ "soaking", PHASE_SOAKING, 3, "three", 0, .next = NEXT_SOAK },
	{ "the soak is over", PHASE_SOAKING, 3, "three", OVER, .next = NEXT_PROMOTE },
	{ "the soak is broken", PHASE_SOAKING, 3, "three", BAD, .next = NEXT_REVERT },
	{ "broken goes before over", PHASE_SOAKING, 3, "three", BAD | OVER,
	  .next = NEXT_REVERT },
	{ "a newer one supersedes", PHASE_SOAKING, 3, "new", 0, .next = NEXT_SYNC },
	{ "... not in a storm", PHASE_SOAKING, 3, "new", 0, .next = NEXT_SOAK, .storm = true },
	{ "... nor its drift is forgotten", PHASE_SOAKING, 3, "new", DRIFTED,
	  .next = NEXT_HEAL, .storm = true },
	{ "... a broken soak reverts", PHASE_SOAKING, 3, "new", BAD, .next = NEXT_REVERT,
	  .storm = true },
	{ "... a person is obeyed", PHASE_SOAKING, 3, "new", ASKED, .next = NEXT_SYNC,
	  .storm = true },
	{ "a storm holds nothing else", PHASE_GOOD, 1, "new", 0, .next = NEXT_SYNC,
	  .storm = true },
	{ "a rejected one does not", PHASE_SOAKING, 3, "two", 0, .next = NEXT_SOAK,
	  .rejected = 2 },
	{ "... until its retry", PHASE_SOAKING, 3, "two", PASSES, .next = NEXT_SOAK,
	  .again_at = NOW + 9 * MINUTE, .rejected_ms = MINUTE, .rejected = 2 },
	{ "drift while soaking", PHASE_SOAKING, 3, "three", DRIFTED, .next = NEXT_HEAL },
	{ "a soak by hand ends too", PHASE_SOAKING, 3, "three", MANUAL | OVER,
	  .next = NEXT_PROMOTE },
	{ "Git is gone while soaking", PHASE_SOAKING, 3, NULL, OVER,
	  .next = NEXT_PROMOTE },
	{ "unproven stays", PHASE_UNPROVEN, 3, "three", 0, .next = NEXT_WAIT },
	{ "unproven is healed", PHASE_UNPROVEN, 3, "three", DRIFTED, .next = NEXT_HEAL },
	{ "unproven, something new", PHASE_UNPROVEN, 3, "new", 0, .next = NEXT_SYNC },
	{ "a superseded one is not put back", PHASE_UNPROVEN, 3, NULL,
	  DRIFTED | SUPERSEDED, .next = NEXT_WAIT },

	/* rule 4 of the record: reverting */
	{ "the revert is not done", PHASE_REVERTING, 1, "two", PINNED,
	  .next = NEXT_REVERT },
	{ "... with Git down", PHASE_REVERTING, 1, NULL, PINNED, .next = NEXT_REVERT },
	{ "... again later", PHASE_REVERTING, 1, "two", PINNED, .next = NEXT_WAIT,
	  .again_at = NOW + 5000, .retry_in = 5000 },
	{ "blocked", PHASE_REVERT_BLOCKED, 1, "two", PINNED, .next = NEXT_WAIT,
	  .again_at = NOW + 15 * MINUTE, .retry_in = 15 * MINUTE },
	{ "stalled, time for another try", PHASE_REVERT_STALLED, 1, "two", PINNED,
	  .next = NEXT_REVERT },
	{ "something new ends a stalled revert", PHASE_REVERT_STALLED, 1, "new",
	  PINNED, .next = NEXT_SYNC },
	{ "something new ends a blocked revert at once", PHASE_REVERT_BLOCKED, 1,
	  "new", PINNED, .next = NEXT_SYNC, .retry_in = 15 * MINUTE },
	{ "git revert while reverting: first finish", PHASE_REVERTING, 1, "one",
	  PINNED, .next = NEXT_REVERT },
	{ "a revert goes on without automation", PHASE_REVERTING, 1, "two",
	  PINNED | MANUAL, .next = NEXT_REVERT },
	{ "drift does not stop a revert", PHASE_REVERTING, 1, "two",
	  PINNED | DRIFTED, .next = NEXT_REVERT },

	/* rule 10: the breaker lets one at a time go */
	{ "held", PHASE_REVERTING, 1, "two", PINNED, .next = NEXT_WAIT, .held = true },
	{ "... its pause comes first", PHASE_REVERT_STALLED, 1, "two", PINNED,
	  .next = NEXT_WAIT, .again_at = NOW + 5000, .retry_in = 5000, .held = true },
	{ "... something new goes out", PHASE_REVERTING, 1, "new", PINNED,
	  .next = NEXT_SYNC, .held = true },
	{ "... a person is obeyed", PHASE_REVERTING, 1, "two", PINNED | ASKED,
	  .next = NEXT_SYNC, .held = true },
	{ "... what was begun goes on", PHASE_REVERTING, 1, "two", PINNED | REVERTING,
	  .next = NEXT_RESUME, .held = true },
	{ "... a prune is none", PHASE_PRUNING, 1, "one", 0, .next = NEXT_PRUNE,
	  .held = true },

	/* the late prune */
	{ "pruning", PHASE_PRUNING, 1, "one", 0, .next = NEXT_PRUNE },
	{ "pruning in trouble", PHASE_PRUNING, 1, "one", 0, .next = NEXT_WAIT, .again_at = NOW + 9,
	  .retry_in = 9 },
	{ "a new release goes before a stuck prune", PHASE_PRUNING, 1, "new", 0,
	  .next = NEXT_SYNC },
	{ "... and does not wait for its next try", PHASE_PRUNING, 1, "new", 0,
	  .next = NEXT_SYNC, .retry_in = 9 },

	/* an operation was under way */
	{ "a sync goes on", PHASE_APPLYING, 3, "three", SYNCING, .next = NEXT_RESUME },
	{ "... with Git down", PHASE_APPLYING, 3, NULL, SYNCING, .next = NEXT_RESUME },
	{ "... after its backoff", PHASE_APPLYING, 3, "three", SYNCING, .next = NEXT_WAIT,
	  .again_at = NOW + 100, .retry_in = 100 },
	{ "a newer commit ends the backoff", PHASE_APPLYING, 3, "new", SYNCING,
	  .next = NEXT_GIVE_UP, .retry_in = 100 },
	{ "... and further tries", PHASE_APPLYING, 3, "new", SYNCING | FAILED_ONCE,
	  .next = NEXT_GIVE_UP },
	{ "what failed once is tried again", PHASE_APPLYING, 3, "three",
	  SYNCING | FAILED_ONCE, .next = NEXT_RESUME },
	{ "a rejected one does not", PHASE_APPLYING, 3, "two", SYNCING, .next = NEXT_WAIT,
	  .again_at = NOW + 100, .retry_in = 100 },
	{ "nor without automation", PHASE_APPLYING, 3, "new", SYNCING | MANUAL,
	  .next = NEXT_WAIT, .again_at = NOW + 100, .retry_in = 100 },
	{ "a revert goes on", PHASE_REVERTING, 1, "new", REVERTING | PINNED,
	  .next = NEXT_RESUME },
	{ "a request waits for its end", PHASE_APPLYING, 3, "three",
	  SYNCING | ASKED, .next = NEXT_RESUME },
	{ "a person's request takes the place of another try", PHASE_APPLYING, 3, "three",
	  SYNCING | ASKED | TAKES, .next = NEXT_GIVE_UP, .retry_in = 100 },
	{ "... and of what a crash interrupted", PHASE_APPLYING, 3, "three",
	  SYNCING | ASKED | TAKES, .next = NEXT_GIVE_UP },
	{ "a rollback does, too", PHASE_APPLYING, 3, NULL,
	  SYNCING | ASKED | TAKES | ROLLBACK, .next = NEXT_GIVE_UP },
	{ "chosen objects go on", PHASE_GOOD, 1, "three", SYNCING | PARTIAL,
	  .next = NEXT_RESUME },
	{ "... after a pause", PHASE_GOOD, 1, "three", SYNCING | PARTIAL,
	  .next = NEXT_WAIT, .retry_in = 50, .again_at = NOW + 50 },
	{ "... when Git is known again", PHASE_GOOD, 1, NULL, SYNCING | PARTIAL,
	  .next = NEXT_WAIT },
	{ "... not of another head", PHASE_GOOD, 1, "new", SYNCING | PARTIAL,
	  .next = NEXT_GIVE_UP },
	{ "a heal is decided anew", PHASE_GOOD, 1, "one", HEALING | DRIFTED,
	  .next = NEXT_HEAL },
	{ "a heal that is no longer needed", PHASE_GOOD, 1, "one", HEALING,
	  .next = NEXT_WAIT },

	/* rollbacks and pins */
	{ "a rollback needs no Git", PHASE_GOOD, 1, NULL, ASKED | ROLLBACK,
	  .next = NEXT_ROLLBACK },
	{ "... nor the target", PHASE_GOOD, 1, NULL, ASKED | ROLLBACK | UNLOADED,
	  .next = NEXT_ROLLBACK },
	{ "... while reverting", PHASE_REVERTING, 1, "two", ASKED | ROLLBACK | PINNED,
	  .next = NEXT_ROLLBACK },
	{ "... through a shut window", PHASE_GOOD, 1, "one",
	  ASKED | ROLLBACK | SHUT | SHUT_MANUAL, .next = NEXT_ROLLBACK },
	{ "... from a pin by hand", PHASE_GOOD, 1, "one",
	  ASKED | ROLLBACK | HAND_PIN, .next = NEXT_ROLLBACK },
	{ "a pin's end is asked for", PHASE_PINNED, 1, NULL, ASKED | UNPIN | PINNED,
	  .next = NEXT_UNPIN },
	{ "... comes by itself", PHASE_PINNED, 1, "two", PIN_OVER | PINNED_BY_ADA,
	  .next = NEXT_UNPIN },
	{ "... not while an operation is under way", PHASE_APPLYING, 1, "two",
	  PIN_OVER | PINNED_BY_ADA | SYNCING, .next = NEXT_RESUME },
	{ "pinned by hand: nothing new", PHASE_GOOD, 1, "new", HAND_PIN,
	  .next = NEXT_WAIT },
	{ "... but healed", PHASE_GOOD, 1, "new", HAND_PIN | DRIFTED,
	  .next = NEXT_HEAL },
	{ "... a sync by hand is refused", PHASE_GOOD, 1, "new", HAND_PIN | ASKED,
	  .next = NEXT_REFUSE },
	{ "... a dry run is not", PHASE_GOOD, 1, "new", HAND_PIN | ASKED | DRY,
	  .next = NEXT_SYNC },
	{ "... what soaks goes on", PHASE_SOAKING, 3, "new", HAND_PIN | OVER,
	  .next = NEXT_PROMOTE },
	{ "... what waits for another try is not superseded", PHASE_APPLYING, 3, "new",
	  HAND_PIN | SYNCING | FAILED_ONCE, .next = NEXT_RESUME },

	/* paused or suspended */
	{ "stopped: nothing new", PHASE_GOOD, 1, "new", STOPPED, .next = NEXT_WAIT },
	{ "stopped: no heal", PHASE_GOOD, 1, "one", STOPPED | DRIFTED,
	  .next = NEXT_WAIT },
	{ "stopped: no revert", PHASE_REVERTING, 1, "two", STOPPED | PINNED,
	  .next = NEXT_WAIT },
	{ "stopped: no prune", PHASE_PRUNING, 1, "one", STOPPED, .next = NEXT_WAIT },
	{ "stopped: nothing goes on", PHASE_APPLYING, 3, "three", STOPPED | SYNCING,
	  .next = NEXT_WAIT },
	{ "stopped: a request is refused", PHASE_GOOD, 1, "new", STOPPED | ASKED,
	  .next = NEXT_REFUSE },
	{ "stopped: a rollback, too", PHASE_GOOD, 1, NULL, STOPPED | ASKED | ROLLBACK,
	  .next = NEXT_REFUSE },

	/* sync windows, and what it depends on */
	{ "a shut window", PHASE_GOOD, 1, "new", SHUT, .next = NEXT_WAIT,
	  .again_at = NOW + 60 * MINUTE },
	{ "... stops heals, too", PHASE_GOOD, 1, "one", SHUT | DRIFTED,
	  .next = NEXT_WAIT, .again_at = NOW + 60 * MINUTE },
	{ "... and what left Git", PHASE_GOOD, 1, "one", SHUT | PRUNES,
	  .next = NEXT_WAIT, .again_at = NOW + 60 * MINUTE },
	{ "... not a person", PHASE_GOOD, 1, "new", SHUT | ASKED, .next = NEXT_SYNC },
	{ "... but when it says so", PHASE_GOOD, 1, "new", SHUT | SHUT_MANUAL | ASKED,
	  .next = NEXT_REFUSE },
	{ "... a look is free", PHASE_GOOD, 1, "new",
	  SHUT | SHUT_MANUAL | ASKED | DRY, .next = NEXT_SYNC },
	{ "... a revert passes", PHASE_REVERTING, 1, "two", SHUT | PINNED,
	  .next = NEXT_REVERT },
	{ "... a broken soak reverts", PHASE_SOAKING, 3, "three", SHUT | BAD,
	  .next = NEXT_REVERT },
	{ "... the late prune is the release's own", PHASE_PRUNING, 1, "one", SHUT,
	  .next = NEXT_PRUNE },
	{ "... what was interrupted is finished", PHASE_APPLYING, 3, "three",
	  SHUT | SYNCING, .next = NEXT_RESUME },
	{ "... what failed is tried again when it opens", PHASE_APPLYING, 3, "three",
	  SHUT | SYNCING | FAILED_ONCE, .next = NEXT_WAIT,
	  .again_at = NOW + 60 * MINUTE },
	{ "... nor does a newer one take its place", PHASE_APPLYING, 3, "new",
	  SHUT | SYNCING | FAILED_ONCE, .next = NEXT_WAIT,
	  .again_at = NOW + 60 * MINUTE },
	{ "waits for another application", PHASE_GOOD, 1, "new", WAITS,
	  .next = NEXT_WAIT },
	{ "... is healed all the same", PHASE_GOOD, 1, "one", WAITS | DRIFTED,
	  .next = NEXT_HEAL },
	{ "... a person does not wait", PHASE_GOOD, 1, "new", WAITS | ASKED,
	  .next = NEXT_SYNC },

	/* a sync whose commits are not known to be signed (any more) */
	{ "unsigned: what was interrupted is finished", PHASE_APPLYING, 3, NULL, SYNCING,
	  .next = NEXT_RESUME, .unsigned_now = true },
	{ "... what failed is not tried again", PHASE_APPLYING, 3, NULL,
	  SYNCING | FAILED_ONCE, .next = NEXT_WAIT, .unsigned_now = true },
	{ "... nor is what a person asked for", PHASE_APPLYING, 3, "new",
	  SYNCING | FAILED_ONCE | MANUAL, .next = NEXT_WAIT, .unsigned_now = true },
	{ "... what is newer supersedes it", PHASE_APPLYING, 3, "new",
	  SYNCING | FAILED_ONCE, .next = NEXT_GIVE_UP, .unsigned_now = true },
	{ "... and so does a person", PHASE_APPLYING, 3, NULL,
	  SYNCING | FAILED_ONCE | ASKED | TAKES, .next = NEXT_GIVE_UP, .unsigned_now = true },
	{ "... a revert goes on", PHASE_REVERTING, 1, NULL,
	  REVERTING | FAILED_ONCE | PINNED, .next = NEXT_RESUME, .unsigned_now = true },
	{ "... so does a prune", PHASE_PRUNING, 1, NULL, SYNCING | FAILED_ONCE,
	  .next = NEXT_RESUME, .unsigned_now = true },

	/* gates of deploy-control: what is new waits, what runs is kept */
	{ "a gate: something new waits", PHASE_GOOD, 1, "new", 0, .next = NEXT_WAIT,
	  .again_at = NOW + 120 * MINUTE, .gates = ALL_GATES },
	{ "... the first release, too", PHASE_NONE, 0, "new", 0, .next = NEXT_WAIT,
	  .again_at = NOW + 120 * MINUTE, .gates = GATE },
	{ "... so does what waits for a retry", PHASE_PINNED, 1, "two", PINNED | PASSES,
	  .next = NEXT_WAIT, .rejected_ms = 10 * MINUTE,
	  .again_at = NOW + 120 * MINUTE, .rejected = 2, .gates = ALL_GATES },
	{ "... drift is healed", PHASE_GOOD, 1, "one", DRIFTED, .next = NEXT_HEAL,
	  .gates = ALL_GATES },
	{ "... also below something new", PHASE_GOOD, 1, "new", DRIFTED,
	  .next = NEXT_HEAL, .gates = ALL_GATES },
	{ "... what left Git is pruned", PHASE_GOOD, 1, "one", PRUNES, .next = NEXT_PRUNE,
	  .gates = ALL_GATES },
	{ "... a revert passes", PHASE_REVERTING, 1, "two", PINNED, .next = NEXT_REVERT,
	  .gates = ALL_GATES },
	{ "... a broken soak reverts", PHASE_SOAKING, 3, "three", BAD,
	  .next = NEXT_REVERT, .gates = ALL_GATES },
	{ "... a soak that is over promotes", PHASE_SOAKING, 3, "three", OVER,
	  .next = NEXT_PROMOTE, .gates = ALL_GATES },
	{ "... a person passes one for what goes by itself", PHASE_GOOD, 1, "new", ASKED,
	  .next = NEXT_SYNC, .gates = GATE },
	{ "... not one for all", PHASE_GOOD, 1, "new", ASKED, .next = NEXT_REFUSE,
	  .gates = GATE | GATE_MANUAL },
	{ "... a look is free", PHASE_GOOD, 1, "new", ASKED | DRY, .next = NEXT_SYNC,
	  .gates = ALL_GATES },
	{ "... a rollback passes", PHASE_GOOD, 1, "new", ASKED | ROLLBACK,
	  .next = NEXT_ROLLBACK, .gates = ALL_GATES },
	{ "... not one to what never was good", PHASE_GOOD, 1, "new", ASKED | ROLLBACK,
	  .next = NEXT_REFUSE, .gates = UNPROVEN },
	{ "... what was begun is finished", PHASE_APPLYING, 3, "three", SYNCING,
	  .next = NEXT_RESUME, .gates = GATE | GATE_MANUAL },
	{ "... but where it stopped at a wave's end", PHASE_APPLYING, 3, "three", SYNCING,
	  .next = NEXT_WAIT, .again_at = NOW + 120 * MINUTE, .gates = ALL_GATES },
	{ "... another try waits for every gate", PHASE_APPLYING, 3, "three",
	  SYNCING | FAILED_ONCE, .next = NEXT_WAIT, .again_at = NOW + 120 * MINUTE,
	  .gates = GATE },
	{ "... nor does a newer one take its place", PHASE_APPLYING, 3, "new",
	  SYNCING | FAILED_ONCE, .next = NEXT_WAIT, .again_at = NOW + 120 * MINUTE,
	  .gates = GATE },
	{ "... a revert under way goes on", PHASE_REVERTING, 1, "two", REVERTING | PINNED,
	  .next = NEXT_RESUME, .gates = ALL_GATES },
	{ "... a prune under way, too", PHASE_PRUNING, 1, "one", SYNCING,
	  .next = NEXT_RESUME, .gates = ALL_GATES },

	/* the target's release cannot be read */
	{ "unreadable: no heal", PHASE_GOOD, 1, "one", UNLOADED | DRIFTED,
	  .next = NEXT_WAIT },
	{ "unreadable: no revert", PHASE_REVERTING, 1, "two", UNLOADED,
	  .next = NEXT_WAIT, .rejected = 2 },
	{ "unreadable: no prune", PHASE_PRUNING, 1, "one", UNLOADED, .next = NEXT_WAIT },
	{ "unreadable: something new goes out", PHASE_GOOD, 1, "new", UNLOADED,
	  .next = NEXT_SYNC },
	{ "unreadable: a request goes out", PHASE_PINNED, 1, "two",
	  UNLOADED | ASKED, .next = NEXT_SYNC },
	{ "unreadable: an operation is given up for something new",
	  PHASE_APPLYING, 3, "new", UNLOADED | SYNCING, .next = NEXT_SYNC },
	{ "unreadable: an operation waits", PHASE_APPLYING, 3, "three",
	  UNLOADED | SYNCING, .next = NEXT_WAIT },
};

static struct release *add(struct record *r, const char *digest,
			   enum release_state state, int64_t rejected_mono)
{
	struct release *rel = record_add_release(r);

	rel->state = state;
	snprintf(rel->digest, sizeof(rel->digest), "%s", digest);
	snprintf(rel->input_key, sizeof(rel->input_key), "input-%s", digest);
	strcpy(rel->options_digest, "options");
	rel->rejected_mono = rejected_mono;
	return rel;
}

static void fill(const struct row *w, struct record *rec)
{
	unsigned f = w->facts;
	struct release *two;

	*rec = (struct record){ .phase = w->phase, .target = w->target,
				.last_good = 1, .reverts_in_row = w->reverts,
				.last_revert_mono = NOW - w->reverted_ms };
	add(rec, "one", RELEASE_GOOD, 1);
	add(rec, "two", f & TWO_IS_GOOD ? RELEASE_GOOD : RELEASE_REJECTED,
	    NOW - w->rejected_ms);
	add(rec, "three", f & SUPERSEDED ? RELEASE_SUPERSEDED :
	    RELEASE_CANDIDATE, 0);
	two = record_release(rec, 2);
	two->may_pass = f & PASSES;
	two->retried = f & RETRIED;
	if (f & FOUR_REJECTED) {
		two->rejected_mono = rec->last_revert_mono;
		for (int i = 1; i < 4; i++)
			add(rec, "other", RELEASE_REJECTED,
			    rec->last_revert_mono - i * 10 * MINUTE);
	}
	if (f & (PINNED | PINNED_BY_ADA)) {
		rec->pin_why = xstrdup("release #2 was rejected");
		rec->pin_by = xstrdup(f & PINNED ? "auto-revert" : "ada");
		rec->pin_rejected = 2;
	}
	if (f & (SYNCING | REVERTING | HEALING)) {
		strcpy(rec->op.id, "r3-0badcafe");
		rec->op.kind = f & SYNCING ? OP_SYNC :
			       f & HEALING ? OP_HEAL : OP_REVERT;
		rec->op.release = w->target;
		rec->op.failed = f & FAILED_ONCE ? 1 : 0;
		rec->op.initiated_by = xstrdup("automated");
	}
	if (f & PARTIAL)
		vec_push(&rec->op.only, ((struct op_choice){
			.group = xstrdup(""), .kind = xstrdup("ConfigMap"),
			.ns = xstrdup(""), .name = xstrdup("a") }));
}

static void judge(const struct row *w)
{
	unsigned f = w->facts;
	struct app_spec spec = { .automated = !(f & MANUAL),
				 .self_heal = !(f & NO_HEAL) };
	struct record rec;
	struct decide_in in = {
		.rec = &rec, .spec = &spec, .head_known = w->head != NULL,
		.head_digest = w->head ? w->head : "",
		.head_input_key = "input-new",
		.requested = f & ASKED, .drifted = f & DRIFTED,
		.prunes = f & PRUNES, .soak_over = f & OVER, .soak_bad = f & BAD,
		.loaded = w->target && !(f & UNLOADED), .now = NOW,
		.retry_at = w->retry_in ? NOW + w->retry_in : 0,
		.heal_at = w->heal_in ? NOW + w->heal_in : 0,
		.takes_over = f & TAKES, .rollback = f & ROLLBACK,
		.unpin = f & UNPIN, .dry_run = f & DRY, .pin_over = f & PIN_OVER,
		.partial_head = w->head && strcmp(w->head, "new") != 0,
		.held = w->held ? "held" : NULL,
		.stopped = f & STOPPED ? "stopped" : NULL,
		.pinned = f & HAND_PIN ? "pinned" : NULL,
		.waits = f & WAITS ? "waits" : NULL,
		.shut = f & SHUT ? "shut" : NULL, .storm = w->storm,
		.shut_manual = f & SHUT_MANUAL ? "shut" : NULL,
		.shut_until = f & SHUT ? NOW + 60 * MINUTE : 0,
		.gate = w->gates & GATE ? "gate" : NULL,
		.gate_manual = w->gates & GATE_MANUAL ? "gate" : NULL,
		.gate_stop = w->gates & GATE_STOP ? "gate" : NULL,
		.rollback_shut = w->gates & UNPROVEN ? "gate" : NULL,
		.unsigned_now = w->unsigned_now ? "unsigned" : NULL,
		.gate_until = w->gates ? NOW + 120 * MINUTE : 0,
	};
	struct decision d;

	strcpy(spec.options_digest, f & OPTIONS ? "others" : "options");
	if (w->head && !strcmp(w->head, "two'"))
		in.head_input_key = "input-two";
	fill(w, &rec);
	d = app_decide(&in);
	if (d.next != w->next || d.again_at != w->again_at ||
	    (d.rejected ? d.rejected->id : 0) != w->rejected)
		fail_msg("%s: %d again at %lld rejected #%u: %s", w->what, d.next,
			 (long long)d.again_at - NOW,
			 d.rejected ? d.rejected->id : 0, d.why);
	record_deinit(&rec);
}

static void decisions(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		judge(&rows[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(decisions),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
