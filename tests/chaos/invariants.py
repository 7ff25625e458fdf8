"""What must always be true (safety), whatever was just killed: read from the product's tables by single statements, each of which sees one moment."""
import time

OPERATIONS = "every operation has ended, or lives with a deadline ahead"
WAITING = "what waits says on what"
SINGLE = "one live operation per subject, holds and work of live operations only"
FORWARD = "nothing goes back: what has ended is not written any more"
ONCE = "an install is submitted once for one creation"
UNIQUE = "one release, one namespace and one secret of a kind for each deployment"
ORPHANS = "nothing of ours is in the clusters without a record"
EVENTS = "events are complete and not doubled"
TRUE = "a record says what is true"
ANSWERS = "the API answers every request with a sentence, never with 500"
ROUTES = "the exchanges' tables hold the wanted parties"
CLASSES = (OPERATIONS, WAITING, SINGLE, FORWARD, ONCE, UNIQUE, ORPHANS, EVENTS, TRUE, ANSWERS, ROUTES)

LATE_SECONDS = 60  # a deadline is looked at when the work is next taken up, and a killed runner's work is taken up within this time
SILENT_SECONDS = 60  # so long may something wait without a word: its runner may be stopped for longer than a lease

LATE = ("select o.id, o.uuid, o.kind, o.subject_name, o.state, o.deadline, w.step_deadline, w.step, now() as now from operation o join work w on w.class = 'operation' and w.ref = o.id where o.state in ('queued', 'running') and "
        "(o.deadline < now() - interval '{0} seconds' or w.step_deadline < now() - interval '{0} seconds' or o.state = 'queued' and w.run_at < now() - interval '{0} seconds')").format(LATE_SECONDS)
UNEXPLAINED = "select id, uuid, kind, subject_name, error_class, next_action from operation where state = 'failed' and (error_class = '' or next_action = '')"
SILENT = ("select o.id, o.uuid, o.kind, o.subject_name, o.state, w.step, s.key from operation o join work w on w.class = 'operation' and w.ref = o.id left join operation_step s on s.operation_id = o.id and s.ord = w.step "
          "where o.state in ('queued', 'running') and o.cause = '' and o.evidence_class = ''")
DOUBLE = "select subject_type, subject, count(*) n, array_agg(uuid) uuids from operation where state in ('queued', 'running', 'failed') group by 1, 2 having count(*) > 1"
STRAY_HOLDS = "select h.* from hold h left join operation o on o.id = h.operation_id where o.id is null or o.state not in ('queued', 'running', 'failed')"
STRAY_WORK = ("select w.id, w.ref, w.workflow, w.ended, w.step, o.uuid, o.state, o.kind from work w left join operation o on o.id = w.ref where w.class = 'operation' and "
              "(o.id is null or not w.ended and o.state not in ('queued', 'running') or w.ended and o.state in ('queued', 'running'))")
FROZEN = ("select o.id, o.uuid, o.kind, o.state, o.version, o.percent, o.retries, coalesce(w.lease_token, 0) as token, o.state in ('succeeded', 'cancelled', 'superseded') as over, "
          "md5(concat(o::text, w::text, (select string_agg(s::text, '' order by s.ord) from operation_step s where s.operation_id = o.id))) as print from operation o left join work w on w.class = 'operation' and w.ref = o.id")
# Written once in the life of an operation; a person's retry may go through some of them again.
DOUBLED_EVENTS = ("select e.operation_id, o.uuid, o.kind, o.state, e.class, e.args, count(*) n from event e join operation o on o.id = e.operation_id where e.class in "
                  "('event.ns-made', 'event.ns-used', 'event.cert', 'event.secret', 'event.job', 'event.job-done', 'event.own-eyes', 'event.routed', 'event.active', 'event.delete-job', 'event.removed', 'event.applied', "
                  "'event.endpoint-ready', 'event.endpoint-gone', 'event.chart-given', 'event.stopped') group by e.operation_id, o.uuid, o.kind, o.state, e.class, e.args, o.retries having count(*) > 1 + o.retries")
# A status of something under way needs an operation.
UNTRUE = ("select p.uuid, p.name, p.status from participant p where p.deleted_at is null and p.is_managed and p.status in (2, 3) and not exists "
          "(select from operation o where o.subject = p.uuid and o.subject_type = 'participant' and o.state in ('queued', 'running', 'failed'))")
UNTRUE_ENDPOINTS = "select e.uuid, e.name, e.status from endpoint e where e.status in (1, 5) and not exists (select from operation o where o.subject = e.uuid and o.subject_type = 'endpoint' and o.state in ('queued', 'running', 'failed'))"
STRAY_CHECKS = ("select h.target_type, h.target from health_check h where not exists (select from participant p where p.uuid = h.target and p.deleted_at is null) and not exists (select from endpoint e where e.uuid = h.target)")
STRAY_SESSIONS = "select id, expires_at from session where expires_at < now() - interval '5 minutes'"


class Safety:
    def __init__(self, world, book):
        self.w, self.db, self.book = world, world.psql(), book
        self.silent, self.seen = {}, {}

    def look(self):
        self.deadlines()
        self.words()
        self.strays()
        self.forward()
        self.events()
        self.truth()
        for x in self.w.api.wrong[:]:
            self.book.violation(ANSWERS, x["request"] + str(x["at"]), "answered 500", x)

    def each(self, name, statement, what, key=lambda x: str(x)):
        for x in self.db.dicts(statement):
            self.book.violation(name, what + key(x), what, x, operation=x.get("uuid") if "state" in x or "kind" in x else None)

    def deadlines(self):
        self.each(OPERATIONS, LATE, "nobody cares for it any more: its deadline has passed, or it was never begun", lambda x: x["uuid"])
        self.each(WAITING, UNEXPLAINED, "failed without a reason or without a next action", lambda x: x["uuid"])

    def words(self):
        """The same operation in the same step without a word, from one look to another one much later."""
        now, seen = time.time(), {}
        for x in self.db.dicts(SILENT):
            key = (x["id"], x["step"])
            seen[key] = self.silent.get(key, now)
            if now - seen[key] > SILENT_SECONDS:
                self.book.violation(WAITING, "silent %s %s" % (x["uuid"], x["step"]), "waits for %.0f s without a cause or evidence" % (now - seen[key]), x, operation=x["uuid"])
        self.silent = seen

    def strays(self):
        self.each(SINGLE, DOUBLE, "two live operations of one subject", lambda x: x["subject"])
        self.each(SINGLE, STRAY_HOLDS, "a hold of an operation that does not live")
        self.each(SINGLE, STRAY_WORK, "work and operation differ in whether it has ended", lambda x: str(x["id"]))

    def forward(self):
        for x in self.db.dicts(FROZEN):
            old = self.seen.get(x["id"])
            self.seen[x["id"]] = x
            if not old:
                continue
            back = [k for k in ("version", "percent", "retries", "token") if x[k] < old[k]]
            if back or (old["over"] and x["print"] != old["print"]):
                self.book.violation(FORWARD, "back %s" % x["uuid"], "%s went back" % ", ".join(back) if back else "written after its end", {"before": old, "after": x}, operation=x["uuid"])

    def events(self):
        self.each(EVENTS, DOUBLED_EVENTS, "an event of something that happens once is there twice", lambda x: "%s %s" % (x["uuid"], x["class"]))

    def truth(self):
        self.each(TRUE, UNTRUE, "shown as under way, but nothing is under way", lambda x: x["uuid"])
        self.each(TRUE, UNTRUE_ENDPOINTS, "shown as under way, but nothing is under way", lambda x: x["uuid"])
        self.each(SINGLE, STRAY_CHECKS, "a health check of what was removed", lambda x: x["target"])
        self.each(SINGLE, STRAY_SESSIONS, "a session long after its end", lambda x: str(x["id"]))
