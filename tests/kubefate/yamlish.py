"""A reader for the YAML that deployment texts use: block mappings and lists, flow collections, quoted and plain scalars, comments; JSON too."""


class YamlError(ValueError):
    pass


def scalar(s):
    if s in ("", "~", "null", "Null", "NULL"):
        return None
    if s in ("true", "True", "yes", "on"):
        return True
    if s in ("false", "False", "no", "off"):
        return False
    try:
        return int(s)
    except ValueError:
        pass
    try:
        return float(s)
    except ValueError:
        return s


class Flow:
    ESC = {"n": "\n", "t": "\t", "r": "\r", "0": "\0", '"': '"', "\\": "\\", "/": "/"}

    def __init__(self, text, at=0):
        self.t, self.i = text, at

    def space(self):
        while self.i < len(self.t) and self.t[self.i] in " \t\n":
            self.i += 1

    def value(self, stop=""):
        self.space()
        c = self.t[self.i] if self.i < len(self.t) else ""
        if c == "{":
            return self.mapping()
        if c == "[":
            return self.sequence()
        if c == '"':
            return self.double()
        if c == "'":
            return self.single()
        start = self.i
        while self.i < len(self.t) and self.t[self.i] not in stop and not (self.t[self.i] == ":" and self.t[self.i + 1:self.i + 2] in (" ", "") and ":" in stop):
            self.i += 1
        return scalar(self.t[start:self.i].strip())

    def double(self):
        out, self.i = "", self.i + 1
        while True:
            if self.i >= len(self.t):
                raise YamlError("found unexpected end of stream in a quoted scalar")
            c = self.t[self.i]
            self.i += 1
            if c == '"':
                return out
            if c != "\\":
                out += c
                continue
            e = self.t[self.i]
            self.i += 1
            if e in "xuU":
                n = {"x": 2, "u": 4, "U": 8}[e]
                out += chr(int(self.t[self.i:self.i + n], 16))
                self.i += n
            else:
                out += self.ESC.get(e, e)

    def single(self):
        end = self.i + 1
        while True:
            end = self.t.index("'", end)
            if self.t[end + 1:end + 2] != "'":
                break
            end += 2
        out, self.i = self.t[self.i + 1:end].replace("''", "'"), end + 1
        return out

    def mapping(self):
        out, self.i = {}, self.i + 1
        while True:
            self.space()
            if self.t[self.i:self.i + 1] == "}":
                self.i += 1
                return out
            key = self.value(":,}")
            self.space()
            if self.t[self.i:self.i + 1] != ":":
                raise YamlError("expected ':' in a flow mapping")
            self.i += 1
            out[str(key)] = self.value(",}")
            self.space()
            if self.t[self.i:self.i + 1] == ",":
                self.i += 1
            elif self.t[self.i:self.i + 1] != "}":
                raise YamlError("expected ',' or '}'")

    def sequence(self):
        out, self.i = [], self.i + 1
        while True:
            self.space()
            if self.t[self.i:self.i + 1] == "]":
                self.i += 1
                return out
            out.append(self.value(",]"))
            self.space()
            if self.t[self.i:self.i + 1] == ",":
                self.i += 1
            elif self.t[self.i:self.i + 1] != "]":
                raise YamlError("expected ',' or ']'")


def strip_comment(line):
    quote = ""
    for i, c in enumerate(line):
        if quote:
            if c == quote and not (c == '"' and line[i - 1] == "\\"):
                quote = ""
        elif c in "\"'":
            quote = c
        elif c == "#" and (i == 0 or line[i - 1] in " \t"):
            return line[:i]
    return line


def key_of(text):
    """(key, rest) of 'key: rest', or None."""
    if text[:1] in "\"'":
        f = Flow(text)
        k = f.value()
        rest = text[f.i:]
        return (k, rest[1:].strip()) if rest.startswith(":") else None
    i = text.find(": ")
    if i < 0 and text.endswith(":"):
        i = len(text) - 1
    return (text[:i].strip(), text[i + 1:].strip()) if i > 0 else None


class Block:
    def __init__(self, text):
        self.lines = []
        for raw in text.replace("\r\n", "\n").split("\n"):
            s = strip_comment(raw).rstrip()
            if s.strip() and s.strip() != "---":
                if "\t" in s[:len(s) - len(s.lstrip())]:
                    raise YamlError("found character that cannot start any token")
                self.lines.append((len(s) - len(s.lstrip()), s.strip()))
        self.i = 0

    def inline(self, text):
        f = Flow(text)
        v = f.value()
        f.space()
        if f.i < len(text):
            raise YamlError("did not find expected key in: " + text[:40])
        return v

    def node(self, indent):
        if self.i >= len(self.lines):
            return None
        ind, text = self.lines[self.i]
        if ind < indent:
            return None
        return self.sequence(ind) if text == "-" or text.startswith("- ") else self.mapping(ind)

    def after(self, rest, indent, list_ok):
        if rest:
            return self.inline(rest)
        if self.i < len(self.lines):
            ind, text = self.lines[self.i]
            if ind > indent or (list_ok and ind == indent and (text == "-" or text.startswith("- "))):
                return self.node(ind)
        return None

    def mapping(self, indent):
        out = {}
        while self.i < len(self.lines) and self.lines[self.i][0] == indent:
            text = self.lines[self.i][1]
            kv = key_of(text)
            if kv is None or text.startswith("- "):
                if not out and not text.startswith("- "):
                    self.i += 1
                    return self.inline(text)
                raise YamlError("could not find expected ':' in: " + text[:40])
            self.i += 1
            out[str(kv[0])] = self.after(kv[1], indent, True)
        if self.i < len(self.lines) and self.lines[self.i][0] > indent:
            raise YamlError("bad indentation at: " + self.lines[self.i][1][:40])
        return out

    def sequence(self, indent):
        out = []
        while self.i < len(self.lines) and self.lines[self.i][0] == indent and (self.lines[self.i][1] == "-" or self.lines[self.i][1].startswith("- ")):
            rest = self.lines[self.i][1][1:].strip()
            if rest and key_of(rest) and rest[0] not in "\"'{[":
                inner = indent + (len(self.lines[self.i][1]) - len(rest))
                self.lines[self.i] = (inner, rest)
                out.append(self.mapping(inner))
            else:
                self.i += 1
                out.append(self.after(rest, indent, False))
        return out


def load(text):
    text = text.strip()
    if text[:1] in "{[":
        f = Flow(text)
        return f.value()
    b = Block(text)
    v = b.node(0)
    if b.i < len(b.lines):
        raise YamlError("bad indentation at: " + b.lines[b.i][1][:40])
    return v
