"""The resources of a file as far as kustomize selects by it: type, names, labels and images.

No repository, no processes.
"""

from __future__ import annotations

import re
from typing import Any

from git_ekf.manifests.resources import (
    Unreadable,
    as_list,
    as_map,
    documents,
    identity,
    parse,
)

# Types that have no namespace, of groups of Kubernetes itself.
_CLUSTER = frozenset(
    (
        *("Namespace", "Node", "PersistentVolume", "ClusterRole", "ClusterRoleBinding"),
        *("CustomResourceDefinition", "APIService", "MutatingWebhookConfiguration"),
        *("ValidatingWebhookConfiguration", "StorageClass", "PriorityClass", "CSIDriver"),
        *("CSINode", "CertificateSigningRequest", "IngressClass", "RuntimeClass"),
        *("PodSecurityPolicy", "FlowSchema", "PriorityLevelConfiguration", "VolumeAttachment"),
        *("ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding"),
    )
)

# kustomize's prefixes and suffixes leave the names of these (its default name configuration).
_UNPREFIXED = ("CustomResourceDefinition", "APIService", "Namespace")

# A document has these words of its top level behind one another, or it is parsed as a whole.
_TOP = re.compile(r"^[^\s#].*", re.MULTILINE)
_PLAIN = re.compile(r"(?:[A-Za-z][\w-]*:(?:\s|$)|- |-$|\.\.\.|%YAML)")
_WANTED = re.compile(
    r"^(?:apiVersion|kind|metadata):.*(?:\n(?:[ \t].*|#.*|[ \t]*(?=\n)))*", re.MULTILINE
)


class Resource:
    """A resource while it is put together.

    `ids` are (name, namespace), the original first and the current last. `unsure` says why its
    names or labels may be others, "" where they are known. `text` is the document,
    `value` all that is in it where that was needed to tell what it is. Lists and maps are replaced
    and never changed, so that a shallow copy of it can be changed on its own.
    """

    def __init__(self, value: dict[str, Any], text: str, *, whole: bool = False) -> None:
        """`whole`: the value is all of the document. Raises Unreadable for what is no resource."""
        self.group, self.kind, namespace, name = identity(value)
        if not self.kind:
            raise Unreadable("it has a resource without a kind")
        self.version = str(value.get("apiVersion") or "").rpartition("/")[2]
        self.ids = [(name, namespace)]
        metadata = as_map(value.get("metadata"))
        self.labels = texts_in(metadata.get("labels"))
        self.annotations = texts_in(metadata.get("annotations"))
        self.images: list[str] | None = None  # not read yet
        self.text = text
        self.value = value if whole else None
        self.unsure = ""

    @property
    def is_cluster_wide(self) -> bool:
        """Whether its type has no namespace, as far as kustomize knows it."""
        is_known = self.group in ("", "policy") or self.group.endswith("k8s.io")
        return is_known and self.kind in _CLUSTER

    def rename(self, prefix: str, suffix: str, namespace: str) -> None:
        """Gives it the name that `namePrefix`, `nameSuffix` and `namespace` make."""
        name, inside = self.ids[-1]
        if namespace and self.kind == "Namespace":
            name = namespace
        elif namespace and not self.is_cluster_wide:
            inside = namespace
        if self.kind not in _UNPREFIXED:
            name = f"{prefix}{name}{suffix}"
        if (name, inside) != self.ids[-1]:
            self.ids = [*self.ids, (name, inside)]

    def all_images(self) -> list[str]:
        """The images of its containers. Raises Unreadable."""
        if self.images is None:
            self.images = []
            if "image" in self.text and self.kind != "CustomResourceDefinition":
                for value in parse(self.text):
                    self.images += images_in(value)
        return self.images


def texts_in(value: Any) -> dict[str, str]:
    """Labels or annotations, each as a text; none where the value is no map."""
    return {key: str(inner) for key, inner in as_map(value).items()}


def resources_of(content: bytes) -> list[Resource]:
    """The resources of a file. Raises Unreadable, Refused without PyYAML."""
    found = []
    for document in documents(content):
        metadata = _metadata(document)
        whole = metadata is None
        for value in parse(document if metadata is None else metadata):
            found.append(Resource(value, document, whole=whole))
    return found


def _metadata(document: str) -> str | None:
    """The part of a document that tells which resource it is; None where all of it is needed.

    Reading no more saves nine tenths of the time.
    """
    lines = [line for line in _TOP.findall(document) if not line.startswith("---")]
    if not all(map(_PLAIN.match, lines)):
        return None
    wanted = _WANTED.findall(document)
    metadata = "\n".join(wanted)
    is_list = re.search(r"^kind:.*List", metadata, re.MULTILINE)
    odd = "&" in metadata or "*" in metadata or "\t" in metadata
    return None if is_list or odd or len(wanted) != 3 else metadata


def images_in(value: Any) -> list[str]:
    """The images of containers and init containers, wherever these stand in a value."""
    found = []
    waiting = [value]
    while waiting:
        one = waiting.pop()
        if isinstance(one, list):
            waiting += one
        elif isinstance(one, dict):
            for key in ("containers", "initContainers"):
                for item in as_list(one.get(key)):
                    image = as_map(item).get("image")
                    if isinstance(image, str):
                        found.append(image)
            waiting += one.values()
    return found


def split_image(image: str) -> tuple[str, str]:
    """(name, tag or digest with its sign): the colon of a registry's port is part of the name."""
    name, at, digest = image.partition("@")
    slash = name.rfind("/")
    colon = name.find(":", slash + 1)
    tag = "" if colon < 0 else name[colon:]
    return (name if colon < 0 else name[:colon]), tag + at + digest
