"""A Helm chart that KubeFATE can keep, as small as one can be, for tests."""
import io, tarfile

FILES = {"values.yaml": "a: 1\n", "values-template.yaml": "a: {{ .a }}\n", "templates/a.yaml": "# a\n", "templates/b.yaml": "# b\n", "README.md": "not kept\n"}


def archive(name, version, folder="chart", **files):
    """files: contents by path, "/" and "." written "_"; None leaves one out."""
    plain = {p.replace("/", "_").replace(".", "_").replace("-", "_"): p for p in ["Chart.yaml", *FILES]}
    contents = dict({"Chart.yaml": "apiVersion: v2\nname: %s\nversion: %s\nappVersion: %s\n" % (name, version, version)}, **FILES)
    contents.update({plain.get(k, k): v for k, v in files.items()})
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as t:
        for path, text in contents.items():
            if text is not None:
                m = tarfile.TarInfo("%s/%s" % (folder, path))
                m.size = len(text.encode())
                t.addfile(m, io.BytesIO(text.encode()))
    return out.getvalue()


def form(data, name="file", file_name="chart.tgz", boundary="a-boundary-of-the-tests"):
    """Headers and body of a form with one file."""
    head = '--%s\r\nContent-Disposition: form-data; name="%s"; filename="%s"\r\nContent-Type: application/gzip\r\n\r\n' % (boundary, name, file_name)
    return {"Content-Type": "multipart/form-data; boundary=" + boundary}, head.encode() + data + ("\r\n--%s--\r\n" % boundary).encode()
