"""Charts that are uploaded to the stand-in: the file out of the form, and what the real program keeps of it."""
import base64, email.parser, email.policy, io, re, tarfile, uuid, zlib
import yamlish

KEPT = {"Chart.yaml": "chart", "values.yaml": "values", "values-template.yaml": "values_template", "values-template-example.yaml": "values_template_example"}


class BadArchive(Exception):
    """Answered with status 500 and this text."""


def file_of(content_type, body):
    """The part "file" of a form, in the words of Go's library when there is none."""
    if not (content_type or "").lower().startswith("multipart/form-data"):
        raise BadArchive("request Content-Type isn't multipart/form-data")
    found = re.search(r'boundary="?([^";]+)', content_type)
    if not found:
        raise BadArchive("no multipart boundary param in Content-Type")
    if ("--%s--" % found.group(1)).encode() not in body:
        raise BadArchive("multipart: NextPart: EOF" if ("--" + found.group(1)).encode() not in body else "unexpected EOF")
    form = email.parser.BytesParser(policy=email.policy.HTTP).parsebytes(b"Content-Type: " + content_type.encode() + b"\r\n\r\n" + body)
    for part in form.iter_parts():
        if part.get_param("name", header="content-disposition") == "file" and part.get_filename() is not None:
            return part.get_payload(decode=True)
    raise BadArchive("http: no such file")


def chart_of(data):
    """A row of the chart table."""
    try:
        with tarfile.open(fileobj=io.BytesIO(zlib.decompress(data, 31))) as t:
            files = [(m.name.split("/", 1)[-1], t.extractfile(m).read().removeprefix(b"\xef\xbb\xbf")) for m in t.getmembers() if m.isfile() and "/" in m.name]
    except zlib.error as e:
        raise BadArchive("unexpected EOF" if data[:2] == b"\x1f\x8b" else "gzip: invalid header") from e
    except tarfile.TarError as e:
        raise BadArchive("no files in chart archive") from e
    if not files:
        raise BadArchive("no files in chart archive")
    texts = {KEPT[n]: d.decode() for n, d in files if n in KEPT}
    if "chart" not in texts:
        raise BadArchive("Chart.yaml file is missing")
    about = yamlish.load(texts["chart"]) or {}
    row = dict({k: "" for k in KEPT.values()}, **texts)
    templates = [{"name": n, "data": base64.b64encode(d).decode()} for n, d in files if n.startswith("templates/")]
    return dict(row, uuid=str(uuid.uuid4()), name=about.get("name", ""), version=about.get("version", ""), app_version=str(about.get("appVersion", "")), templates=templates)
