/* Contract: federation_ops.h. */
#include "deploy/federation_ops.h"
#include "base/arena.h"
#include "base/err.h"
#include "db/db.h"
#include "deploy/op.h"
#include "model/federation.h"

bool federation_ops_remove(struct db *db, struct arena *a, struct uuid id, bool force, const char *actor, struct uuid *out, struct err *e) {
  struct federation f;
  TX(tx);
  if (!tx_begin(db, &tx, e) || !federation_get(db, a, id, &f, e)) return false;
  /* The members' own operations hold the federation too, so this one only shares it; what keeps others out is the mark on the record. */
  struct op_hold h[] = {{id, false}};
  struct op_new o = {.workflow = "federation_remove", .subject_type = "federation", .subject = id, .subject_name = f.name, .federation = id, .actor = actor, .input_json = force ? "{\"force\":true}" : "{}", .holds = h, .n_holds = 1,
                     .supersede = force, .supersede_failed = true};
  return op_insert(db, a, &o, out, e) && federation_set_removing(db, a, id, true, e) && tx_commit(&tx, e);
}
