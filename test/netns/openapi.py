# SPDX-License-Identifier: MIT OR Apache-2.0
"""
The description of the web service, and answers held against it.

The description lets an answer gain members, as the API may. Here none may: an answer that has a member which is
not described, or lacks one that is, is wrong. And what is described has to be seen: Description keeps account.
"""
import json
import os
import re

import jsonschema

from lab import BUILD, Failure

SCHEMA = os.environ.get("OPENAPI_SCHEMA", f"{BUILD}/test/netns/openapi-schema.json")  # OpenAPI's own, of a description
PATH = "/api/openapi.json"
# What each answer has, as the description's introduction says, and what HTTP itself has.
EVERYWHERE = {"x-content-type-options": "nosniff", "referrer-policy": "no-referrer",
              "cross-origin-resource-policy": "same-origin", "content-security-policy": "default-src 'self'"}
HTTP = {"date", "server", "connection", "content-length", "transfer-encoding", "content-type", "content-encoding",
        "accept-ranges"}
HELD_TIMES = re.compile(r"^\d{4}-\d\d-\d\dT([01]\d|2[0-3]):[0-5]\d:[0-5]\d(\.\d+)?Z$")


def no_json(name):
    raise Failure(f"{name} is no JSON")


def strict(schema):
    """The schema, in which no object may have what is not described."""
    if isinstance(schema, list):
        return [strict(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    closed = {name: value if name in ("examples", "example", "const", "enum", "default") else strict(value)
              for name, value in schema.items()}
    if closed.get("type") == "object" and isinstance(closed.get("properties"), dict):
        closed.setdefault("additionalProperties", False)
    return closed


class Description:
    def __init__(self, text):
        self.text = text
        self.api = json.loads(text)
        self._formats = jsonschema.FormatChecker(())
        self._formats.checks("date-time")(lambda value: not isinstance(value, str) or bool(HELD_TIMES.match(value)))
        self._closed = {"components": {**self.api["components"], "schemas": strict(self.api["components"]["schemas"])}}
        self.seen = set()  # ("get /metrics", "200", media type); and places of members

    # ---- what it says of itself ----

    def troubles(self):
        """Return: what is wrong with the description itself."""
        found = []
        for name, schema in self.api["components"]["schemas"].items():
            jsonschema.Draft202012Validator.check_schema(schema)
            for example in schema.get("examples", []):
                found += [f"{name}'s example: {trouble}" for trouble in self._wrong(schema, example)]
        for node, place in self._nodes(self.api, "#"):
            if isinstance(node, dict) and isinstance(node.get("$ref"), str):
                try:
                    self._follow(node["$ref"])
                except KeyError:
                    found.append(f"{place}: {node['$ref']} leads nowhere")
            if isinstance(node, dict) and node.get("type") == "object" and "properties" in node:
                optional = set(node["properties"]) - set(node.get("required", []))
                found += [f"{place}: {name} may be missing" for name in sorted(optional)] \
                    if place.startswith("#/components/schemas") else []
        used = {ref for node, _ in self._nodes(self.api, "#") if isinstance(node, dict)
                for ref in [node.get("$ref")] if isinstance(ref, str)}
        for kind, parts in self.api["components"].items():
            found += [f"components/{kind}/{name} is used nowhere" for name in parts
                      if f"#/components/{kind}/{name}" not in used and kind != "securitySchemes"]
        needs = {name for choice in self.api["security"] for name in choice}
        return found + [f"{name} is no scheme, or is not used" for name in needs ^ self.api["components"]["securitySchemes"].keys()]

    def official_troubles(self):
        """Return: what OpenAPI's own schema says of it."""
        with open(SCHEMA, encoding="utf-8") as file:
            validator = jsonschema.Draft202012Validator(json.load(file))
        return [f"{'/'.join(map(str, error.absolute_path))}: {error.message}" for error in validator.iter_errors(self.api)]

    def _nodes(self, node, place):
        yield node, place
        if isinstance(node, dict):
            for name, value in node.items():
                if name not in ("example", "examples"):
                    yield from self._nodes(value, f"{place}/{name}")
        elif isinstance(node, list):
            for i, value in enumerate(node):
                yield from self._nodes(value, f"{place}/{i}")

    def _follow(self, ref):
        node = self.api
        for name in ref[2:].split("/"):
            node = node[name.replace("~1", "/")]
        return node

    def resolved(self, node):
        return self._follow(node["$ref"]) if "$ref" in node else node

    # ---- answers ----

    def _wrong(self, schema, value):
        """Return: why @value is not what @schema says."""
        closed = {**strict(schema), "components": self._closed["components"]}
        validator = jsonschema.Draft202012Validator(closed, format_checker=self._formats)
        return [f"{'/'.join(map(str, error.absolute_path))}: {error.message[:300]}" for error in validator.iter_errors(value)]

    def operation(self, path):
        """Return: the one of a path; none has two."""
        operation, = self.api["paths"][path].values()
        return operation

    def _note(self, schema, value, place):
        """Keep account of the members that @value has, and of what each of them has been."""
        if "$ref" in schema:
            name = schema["$ref"].rpartition("/")[2]
            self._note(self._follow(schema["$ref"]), value, name if isinstance(value, (dict, list)) else place)
        for choice in schema.get("anyOf", []):
            if not self._wrong(choice, value):
                self._note(choice, value, place)
        kind = {type(None): "null", bool: "boolean", dict: "object", list: "array", str: "string"}.get(type(value), "number")
        self.seen.add((place, kind))
        if "enum" in schema:
            self.seen.add((place, value))
        if isinstance(value, dict):
            for name, member in schema.get("properties", {}).items():
                self._note(member, value.get(name), f"{place}.{name}")
            for name in value.keys() - schema.get("properties", {}).keys():
                if isinstance(schema.get("additionalProperties"), dict):
                    self._note(schema["additionalProperties"], value[name], f"{place}.*")
        elif isinstance(value, list):
            fixed = schema.get("prefixItems", [])
            for i, member in enumerate(value):
                item = fixed[i] if i < len(fixed) else schema.get("items", {})
                self._note(item, member, f"{place}[{i if i < len(fixed) else ''}]")

    def _head_troubles(self, response, headers):
        described = {name.lower(): self.resolved(header) for name, header in response.get("headers", {}).items()}
        has = {name.lower(): value for name, value in headers.items()}
        found = [f"no header {name}" for name, header in described.items() if header.get("required") and name not in has]
        found += [f"header {name} is not described" for name in has
                  if name not in described and name not in HTTP and name not in EVERYWHERE]
        for name, header in described.items():
            if name in has:
                found += [f"header {name}: {trouble}" for trouble in self._wrong(header["schema"], has[name])]
        found += [f"header {name}: {has.get(name)}" for name, begin in EVERYWHERE.items()
                  if not has.get(name, "").startswith(begin)]
        return found

    def _body_troubles(self, key, response, answer, headers):
        if "content" not in response:
            return ["a body, where none is described"] if answer.body else []
        kind = headers.get("Content-Type")
        if kind not in response["content"]:
            return [f"{kind} is not described"]
        self.seen.add((*key, kind))
        content = response["content"][kind]
        if not kind.endswith("json"):
            return self._wrong(content["schema"], answer.body.decode())
        value = json.loads(answer.body, parse_constant=no_json)
        found = self._wrong(content["schema"], value)
        if not found:
            self._note(content["schema"], value, "")
        if kind == "application/problem+json" and value.get("status") != answer.status:
            found.append(f"status {value.get('status')} in the body of {answer.status}")
        return found

    def troubles_of(self, path, answer, head=False):
        """Return: what of an answer to @path is not as described."""
        key = (path, str(answer.status))
        responses = self.operation(path)["responses"]
        if key[1] not in responses:
            return [f"status {answer.status} is not described"]
        response = self.resolved(responses[key[1]])
        self.seen.add(key)
        found = self._head_troubles(response, answer.headers)
        if head:
            return found + (["HEAD has a body"] if answer.body else [])
        return found + self._body_troubles(key, response, answer, answer.headers)

    def event_troubles(self, name, data):
        """Return: what of a stream's event is not as described."""
        events = self.operation("/api/stream")["responses"]["200"]["content"]["text/event-stream"]["x-events"]
        if name not in events:
            return [f"event {name} is not described"]
        self.seen.add(("event", name))
        found = self._wrong(events[name]["schema"], data)
        if not found:
            self._note(events[name]["schema"], data, "")
        return found

    # ---- what was never seen ----

    def answers_described(self):
        """Return: all answers and media types that are described, as self.seen has them."""
        found = set()
        for path in self.api["paths"]:
            for status, response in self.operation(path)["responses"].items():
                kinds = self.resolved(response).get("content", {})
                found |= {(path, status, kind) for kind in kinds} or {(path, status)}
        return found

    def members_described(self):
        """Return: all members of all objects and their types but null, as self.seen has them; and each word of a choice."""
        found = set()

        def walk(schema, place):
            if "$ref" in schema:
                inner = self._follow(schema["$ref"])
                name = schema["$ref"].rpartition("/")[2]
                if inner.get("type") in ("object", "array") and "items" not in inner:
                    return  # by its own name, once
                walk(inner, name if inner.get("type") == "array" else place)
                return
            for choice in schema.get("anyOf", []):
                walk(choice, place)
            kinds = schema.get("type", [])
            for kind in kinds if isinstance(kinds, list) else [kinds]:
                found.add((place, "number" if kind == "integer" else kind))
            found.update((place, word) for word in schema.get("enum", []))
            for name, member in schema.get("properties", {}).items():
                walk(member, f"{place}.{name}")
            for i, member in enumerate(schema.get("prefixItems", [])):
                walk(member, f"{place}[{i}]")
            if isinstance(schema.get("items"), dict):
                walk(schema["items"], f"{place}[]")

        for name in ("Realtime", "Direction", "Counter", "PacketCounter", "Summary", "TransmitSummary", "Interfaces", "Interface", "Program",
                     "ChainProgram", "Recorder", "History", "Health", "StatusAlone", "Gap", "Problem", "Missing"):
            walk(self.api["components"]["schemas"][name], name)
        return found
