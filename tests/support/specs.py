"""Finds AMWA's schemas and examples, and what real peers answered, which are kept beside the checkout.

`$NMOS_SPECS` and `$NMOS_PEERS` name the folders, else they are `../shared/specs` and `../shared/peers`. Where they
are missing, CI fails and others skip.
"""

import functools
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema

from tests.support.environment import unavailable

_BESIDE_CHECKOUT = Path(__file__).parents[3] / "shared"


def specs_folder() -> Path:
    """Where the specifications are: `<spec>/<version>/APIs/schemas` and `<spec>/<version>/examples`."""
    return _existing("NMOS_SPECS", "specs", "AMWA's schemas and examples")


def peers_folder() -> Path:
    """Where real peers' documents are: `<product>/node/<version>/*.json` and `<product>/connection/...`."""
    return _existing("NMOS_PEERS", "peers", "real peers' documents")


@functools.cache
def validator(spec: str, version: str, schema_name: str) -> jsonschema.Draft4Validator:
    """A validator for one schema file: `validator("is-04", "v1.3", "sender")`, with `.json` or without.

    The schemas refer to the files beside them. All are put into one document first, so that any release of
    jsonschema resolves the references, without a store of its own.
    """
    name = schema_name if schema_name.endswith(".json") else f"{schema_name}.json"
    definitions = _bundled(specs_folder() / spec / version / "APIs" / "schemas")
    if name not in definitions:
        raise LookupError(f"{spec} {version} has no schema {name}; it has {', '.join(definitions)}")
    bundle = {"$ref": f"#/definitions/{name}", "definitions": definitions}
    return jsonschema.Draft4Validator(bundle, format_checker=jsonschema.Draft4Validator.FORMAT_CHECKER)


def problems(spec: str, version: str, schema_name: str, document: object) -> list[str]:
    """What is wrong with the document, a line for each error with the path to it; empty where it is valid."""
    errors = validator(spec, version, schema_name).iter_errors(document)
    return [f"{'/'.join(map(str, error.absolute_path)) or '(root)'}: {error.message}" for error in errors]


def examples(spec: str, version: str) -> Iterator[tuple[str, Any]]:
    """The example documents of one version: file name without `.json`, and what is in it."""
    for file in sorted((specs_folder() / spec / version / "examples").glob("*.json")):
        yield file.stem, _load(file)


def recorded_documents(product: str, api: str, version: str) -> dict[str, Any]:
    """What a real product answered, by path: `recorded_documents("nmos-cpp-node", "node", "v1.3")["senders"]`.

    Files that are not JSON (transport files) are in it as text, under their path with its suffix.
    """
    folder = peers_folder() / product / api / version
    documents: dict[str, Any] = {}
    for file in sorted(folder.rglob("*.*")):
        path = file.relative_to(folder)
        if file.suffix == ".json":
            documents[str(path.with_suffix(""))] = _load(file)
        elif file.is_file():
            documents[str(path)] = file.read_text(encoding="utf-8")
    return documents


def _existing(variable: str, folder: str, what: str) -> Path:
    path = Path(os.environ.get(variable) or _BESIDE_CHECKOUT / folder)
    if not path.is_dir():
        unavailable(f"{what} are not in {path}; say with ${variable} where they are")
    return path


@functools.cache
def _bundled(folder: Path) -> dict[str, Any]:
    return {file.name: _rebased(_load(file), file.name) for file in sorted(folder.glob("*.json"))}


def _rebased(schema: Any, file: str) -> Any:
    """The schema with "other.json#/x" and "#/x" turned into references from the root of the bundle."""
    if isinstance(schema, list):
        return [_rebased(item, file) for item in schema]
    if not isinstance(schema, dict):
        return schema
    rebased = {key: _rebased(value, file) for key, value in schema.items()}
    if isinstance(reference := schema.get("$ref"), str):
        target, _, fragment = reference.partition("#")
        rebased["$ref"] = f"#/definitions/{target or file}{fragment.rstrip('/')}"
    return rebased


def _load(file: Path) -> Any:
    return json.loads(file.read_text(encoding="utf-8"))
