"""What the product says about an operation that waits: the record, the page in English and in Chinese, the events. The words come from the catalogue that is
compiled into the product; that they hold what matters (an image, a registry, a verb) is for each test to demand.

    o = waits(t, subject, "image", "docker.example/nginx")     # cause, sentence with these words, its age, deadline, next action
    told(t, subject, o)                                         # the beginning of the trouble is an event, once"""
import glob, html, json, os, re, time
from product import wait
from rig import ROOT

# The label of the cause (wait.<class>) and the next action (next.<class>) beside the sentence, on the operation's page.
LABEL_ON_PAGE = True

HOPS = ("hop-", "kubefate")
AFTER = ("hop-auth", "hop-service", "hop-login", "denied", "ca")  # a failure of these has the advice of its own class, the others a general one


def catalogue():
    """{key: (English, Chinese)}"""
    out, key = {}, None
    for path in glob.glob(os.path.join(ROOT, "templates/text/*.txt")):
        with open(path) as f:
            for line in f:
                m = re.match(r"  (en|zh) (.*)", line.rstrip("\n"))
                if m:
                    out.setdefault(key, {})[m.group(1)] = m.group(2)
                elif re.match(r"[a-z]\S*$", line):
                    key = line.strip()
    return {k: (v["en"], v["zh"]) for k, v in out.items()}


TEXT = catalogue()
CLASSES = sorted(k[5:] for k in TEXT if k.startswith("wait."))


def sentence(key, args, lang):
    """A stored sentence in words. "@key" among the arguments is another entry of the catalogue."""
    def value(m):
        v = args[int(m.group(1))] if int(m.group(1)) < len(args) else ""
        v = v[:-1] if v.endswith(".") and m.string[m.end():m.end() + 1] in (".", "。") else v  # foreign text that is a sentence already
        return TEXT[v[1:]][lang] if v.startswith("@") and v[1:] in TEXT else v
    return re.sub(r"\{=?(\d)\}", value, TEXT[key][lang])


def flat(text):
    return re.sub(r"\s+", "", text)


def operation(t, subject, kind=None):
    """The newest operation of a subject, all columns."""
    rows = t.stack.sql("select row_to_json(o) from (select *, extract(epoch from now() - evidence_at) age, extract(epoch from deadline - now()) left_s from operation where subject = '%s'%s order by id desc limit 1) o"
                       % (subject, " and kind = '%s'" % kind if kind else ""))
    return json.loads(rows[0][0]) if rows else None


def on_page(t, o, key, args):
    """What the two pages lack of what they should say; empty when nothing."""
    lacks = []
    for lang, page in enumerate((t.en, t.zh)):
        code, body = page.open("/operations/" + o["uuid"])
        text = flat(html.unescape(re.sub(r"<[^>]+>", " ", body)))
        wanted = [sentence(key, args, lang)]
        if LABEL_ON_PAGE:
            wanted += [TEXT["wait." + o["cause"]][lang]]
        if o["next_action"] and (LABEL_ON_PAGE or o["state"] == "failed"):
            wanted += [TEXT[o["next_action"]][lang]]
        if o["state"] == "running":
            wanted += [TEXT["progress.seen"][lang], TEXT["progress.until"][lang]]
        lacks += [w for w in wanted if flat(w) not in text] if code == 200 else ["HTTP %d" % code]
        if lacks and os.environ.get("WAITS_SHOW"):
            print(text, flush=True)
    return lacks


def waits(t, subject, cause, *words, kind=None, state="running"):
    """The operation waits (or has failed) for this cause, says so with these words on both pages, and what to do. Its record."""
    last = {}

    def seen():
        o = last["o"] = operation(t, subject, kind)
        if not o or o["cause"] != cause or o["state"] != state:
            return None
        key, args = (o["error_class"], o["error_args"]) if state == "failed" else (o["evidence_class"], o["evidence_args"])
        text = key in TEXT and sentence(key, args, 0)
        last["lacks"] = [w for w in words if not text or w not in text] or on_page(t, o, key, args)
        if last["lacks"]:
            return None
        o["sentence"], o["sentence_zh"] = text, sentence(key, args, 1)
        return o
    o = wait(seen, say=lambda: {"lacks": last.get("lacks"), **{k: (last["o"] or {}).get(k) for k in ("kind", "state", "cause", "evidence_class", "evidence_args", "error_class", "error_args", "next_action")}})
    next_key = "next." + cause if state == "running" or cause in AFTER else "next.retry-or-remove"
    assert o["next_action"] == next_key, (o["next_action"], next_key)
    if state == "running":
        assert -2 <= float(o["age"]) < 60 and float(o["left_s"]) > 0, (o["age"], o["left_s"])
    with t.said_lock:
        t.said.setdefault(cause, []).append(o)
    return o


def told(t, subject, o):
    """The trouble's sentence is an event of the subject, once."""
    key = o["error_class"] if o["state"] == "failed" else o["evidence_class"]
    count = lambda: int(t.stack.sql("select count(*) from event where entity_uuid = '%s' and class = '%s' and level = 'Error'" % (subject, key))[0][0])
    wait(count, say=lambda: t.stack.sql("select class, args from event where entity_uuid = '%s' order by id" % subject))
    o["told"] = lambda: [] if count() == 1 else t.stack.sql("select class, args, created_at from event where entity_uuid = '%s' order by id" % subject)
    assert not o["told"](), o["told"]()


def ended(t, o, state="succeeded"):
    """The very operation reaches its end."""
    now = lambda: t.stack.sql("select state, cause, evidence_class, error_class, error_args, retries from operation where uuid = '%s'" % o["uuid"])[0]
    wait(lambda: now()[0] == state, say=now)
    assert "told" not in o or o["cause"].startswith(HOPS) or not o["told"](), o["told"]()
    return now()


def retry(t, o):
    code, text = t.en.post("/operations/%s/retry" % o["uuid"], "/operations/" + o["uuid"])
    assert code == 200, (code, text[-500:])


def stop(t, o):
    code, text = t.en.post("/operations/%s/cancel" % o["uuid"], "/operations/" + o["uuid"])
    assert code == 200, (code, text[-500:])


def time_passes(t, o):
    """The time of the operation's present step is over, without anybody waiting for it."""
    t.stack.sql("update work set step_deadline = now(), run_at = now() where class = 'operation' and ref = %d and not ended" % o["id"])


def report(t):
    """build/waits/sentences.md: what a person read."""
    os.makedirs(os.path.join(ROOT, "build/waits"), exist_ok=True)
    with open(os.path.join(ROOT, "build/waits/sentences.md"), "w") as f:
        for cause in CLASSES:
            for o in t.said.get(cause, []):
                f.write("## %s (%s, %s)\n\n- %s\n- %s\n" % (cause, o["kind"], o["state"], o["sentence"], o["sentence_zh"]))
                f.write("- %s / %s: %s %s\n\n" % (*TEXT["wait." + cause], *TEXT[o["next_action"]]))
