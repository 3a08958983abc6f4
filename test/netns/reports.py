# SPDX-License-Identifier: MIT OR Apache-2.0
"""
What sampler-loadgen writes for programs, read back: JSON and JSON lines by their schema, CSV, and
percentile distributions. Whatever is not as it should be is a Failure that says so.
"""
import csv
import functools
import json
import os
import re

import jsonschema

import lab as laboratory
from lab import Failure

SCHEMA = f"{laboratory.HERE}/../../loadgen/report.schema.json"
FORMATS = ("json", "ndjson", "csv", "hdr")


@functools.lru_cache
def validator(kind):
    """Of one of the schema's objects; the schema itself is looked at once a process, which takes a while."""
    with open(SCHEMA, encoding="utf-8") as file:
        schema = json.load(file)
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator({**schema, "oneOf": [{"$ref": f"#/$defs/{kind}"}]})


def valid(text, kind):
    """A JSON text that is one of the schema's objects. Return: it."""

    def refuse(name):
        raise Failure(f"{name} is no JSON: {text}")

    found = json.loads(text, parse_constant=refuse)
    trouble = [f"{'/'.join(map(str, error.absolute_path))}: {error.message}"
               for error in validator(kind).iter_errors(found)]
    if trouble:
        raise Failure(f"{trouble}: {text}")
    return found


def json_report(text):
    return valid(text, "report")


def ndjson(text):
    """Return: the objects of each second, and the report."""
    if not text.endswith("\n"):
        raise Failure(f"the last line is cut: {text[-200:]}")
    *rows, report = text.splitlines()
    return [valid(row, "interval") for row in rows], valid(report, "report")


def csv_rows(text):
    """Return: a dictionary a row, numbers as they are, what is empty as None."""
    names, *rows = csv.reader(text.splitlines())
    wrong = [row for row in rows if len(row) != len(names)]
    if wrong or not text.endswith("\n") or len(set(names)) != len(names):
        raise Failure(f"not all rows have all columns: {text}")
    return [{name: float(value) if value else None for name, value in zip(names, row)}
            for row in rows]


class Percentiles:
    """A percentile distribution, read as HdrHistogram's plotters do."""

    def __init__(self, text):
        lines = text.splitlines()
        if lines[0].split() != ["Value", "Percentile", "TotalCount", "1/(1-Percentile)"]:
            raise Failure(f"no header: {text}")
        # value, percentile, count: lines that begin with a number, as the plotters go
        self.rows = [tuple(map(float, line.split()[:3])) for line in lines
                     if re.match(r"\s*\d", line)]
        found = dict(re.findall(r"([A-Z][A-Za-z ]+?) *= *([\d.]+)", text))
        self.mean, self.max, self.n = (float(found[name]) for name in
                                       ("Mean", "Max", "Total count"))
        inverse = [(float(line.split()[1]), float(line.split()[3])) for line in lines
                   if re.match(r"\s*\d", line) and len(line.split()) == 4]
        if any(abs(1 / (1 - p) - i) > 0.01 + i * 1e-4 for p, i in inverse):
            raise Failure(f"1/(1-Percentile) is not that: {text}")
        if self.rows != sorted(self.rows):
            raise Failure(f"rows do not rise: {text}")

    def at(self, percentile):
        return next(value for value, p, _ in self.rows if p >= percentile - 1e-12)

    def around(self, percentile):
        """Return: the values of the steps next to a percentile, that below and that above."""
        return [value for value, p, _ in self.rows if p <= percentile][-1], self.at(percentile)


class Written:
    """A run that writes all formats to files, and what is in them afterwards."""

    def __init__(self, name="run"):
        self.paths = {kind: f"{laboratory.RUN}/{name}.{kind}" for kind in FORMATS}
        self.options = [f"--{kind}={path}" for kind, path in self.paths.items()]

    def text(self, kind):
        with open(self.paths[kind], encoding="utf-8") as file:
            return file.read()

    def read(self):
        """Return: report, rows of NDJSON, rows of CSV, Percentiles; all of the same run."""
        report = json_report(self.text("json"))
        rows, last = ndjson(self.text("ndjson"))
        if report != last:
            raise Failure(f"two reports of one run: {report}, {last}")
        return report, rows, csv_rows(self.text("csv")), Percentiles(self.text("hdr"))

    def remove(self):
        for path in self.paths.values():
            if os.path.exists(path):
                os.unlink(path)
