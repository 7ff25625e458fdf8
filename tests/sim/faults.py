"""Refusals of the API server as Status objects, with the wording that Kubernetes uses: the product reads some of it (fcgi/kube/read.c)."""

REASON = {400: "BadRequest", 401: "Unauthorized", 403: "Forbidden", 404: "NotFound", 405: "MethodNotAllowed", 409: "Conflict", 410: "Expired", 413: "RequestEntityTooLarge", 415: "UnsupportedMediaType", 422: "Invalid",
          500: "InternalError", 503: "ServiceUnavailable"}


class Fault(Exception):
    """A refusal: HTTP status, sentence, and what the details of the Status object say."""

    def __init__(self, code, message, reason=None, **details):
        super().__init__(message)
        self.code, self.message, self.reason, self.details = code, message, reason or REASON[code], details

    def body(self):
        out = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "message": self.message, "reason": self.reason, "code": self.code}
        if self.details:
            out["details"] = self.details
        return out


def about(kind, name):
    return {"name": name, "group": kind.group, "kind": kind.plural} if kind.group else {"name": name, "kind": kind.plural}


def label(kind):
    """configmaps, deployments.apps"""
    return "%s.%s" % (kind.plural, kind.group) if kind.group else kind.plural


def not_found(kind, name):
    return Fault(404, '%s "%s" not found' % (label(kind), name), **about(kind, name))


def exists(kind, name, deleting=False):
    return Fault(409, '%s%s "%s" already exists' % ("object is being deleted: " if deleting else "", label(kind), name), "AlreadyExists", **about(kind, name))


def modified(kind, name, why="the object has been modified; please apply your changes to the latest version and try again"):
    return Fault(409, 'Operation cannot be fulfilled on %s "%s": %s' % (label(kind), name, why), **about(kind, name))


def invalid(kind, name, *causes):
    """causes: (field, sentence)"""
    text = ["%s: %s" % c for c in causes]
    said = text[0] if len(text) == 1 else "[%s]" % ", ".join(text)
    return Fault(422, '%s "%s" is invalid: %s' % (kind.kind + ("." + kind.group if kind.group else ""), name, said), causes=[{"reason": "FieldValueInvalid", "message": m, "field": f} for f, m in causes], **about(kind, name))


def forbidden(kind, name, why, causes=()):
    return Fault(403, '%s "%s" is forbidden: %s' % (label(kind), name, why), causes=list(causes), **about(kind, name))


def terminating(kind, name, namespace):
    why = "unable to create new content in namespace %s because it is being terminated" % namespace
    return forbidden(kind, name, why, [{"reason": "NamespaceTerminating", "message": "namespace %s is being terminated" % namespace, "field": "metadata.namespace"}])
