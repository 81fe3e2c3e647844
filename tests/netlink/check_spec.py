#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only OR MIT
"""check_spec - does the netlink spec say what the uapi headers say?

usage: check_spec.py SPEC HEADER_DIRECTORY [--changed]

Every name and number in the spec must be in the headers, and every one in
linux/shmq_netlink.h in the spec; every attribute that an operation names must
exist. With --changed each of the header's numbers is changed in turn, and each
name left out of the spec in turn, and that must be noticed.
"""
import copy
import re
import sys

import yaml

NETLINK = "linux/shmq_netlink.h"
SHMQ = "linux/shmq.h"


def read_header(path):
    """All constants of a header: {name: value}; enum members by enum too."""
    with open(path, encoding="utf-8") as file:
        text = re.sub(r"/\*.*?\*/", "", file.read(), flags=re.S)
    constants, enums = {}, {}
    for name, value in re.findall(r'^#define\s+(\w+)\s+("[^"]*"|\d+)\s*$', text, re.M):
        constants[name] = value.strip('"') if value.startswith('"') else int(value)
    for enum, body in re.findall(r"enum\s*(\w*)\s*\{(.*?)\}", text, re.S):
        next_value = 0
        for member in filter(None, (m.strip() for m in body.split(","))):
            name, _, value = (part.strip() for part in member.partition("="))
            if not value.startswith("("):  # a maximum, computed
                next_value = int(value, 0) if value else next_value
                constants[name] = next_value
                enums.setdefault(enum, []).append(name)
            next_value += 1
    return constants, enums


def upper(name):
    return name.upper().replace("-", "_")


def numbered(entries, first):
    """(name, value) of a list whose members may give values of their own."""
    value = first
    for entry in entries:
        if isinstance(entry, str):
            entry = {"name": entry}
        value = entry.get("value", value)
        yield entry["name"], value
        value += 1


def family_constants(spec):
    """What a header for the family has: {name: value}."""
    wanted = {"SHMQ_FAMILY_NAME": spec["name"], "SHMQ_FAMILY_VERSION": spec.get("version", 1)}
    for group in spec["mcast-groups"]["list"]:
        wanted["SHMQ_MCGRP_" + upper(group["name"])] = group["name"]
    for name, value in numbered(spec["operations"]["list"], 1):
        wanted["SHMQ_CMD_" + upper(name)] = value
    for attributes in spec["attribute-sets"]:
        prefix = "SHMQ_A_" + upper(attributes["name"]) + "_"
        for name, value in numbered(attributes["attributes"], 1):
            wanted[prefix + upper(name)] = value
    for definition in spec["definitions"]:
        if definition["type"] == "const":
            wanted["SHMQ_" + upper(definition["name"])] = definition["value"]
    return wanted


def enum_complaints(definition, headers):
    constants, enums = headers[definition.get("header", NETLINK)]
    enum = definition["enum-name"].replace("-", "_")
    prefix = upper(definition.get("name-prefix", "shmq-" + definition["name"] + "-"))
    wanted = {prefix + upper(n): v for n, v in numbered(definition["entries"], 0)}
    there = {n: constants[n] for n in enums.get(enum, [])}
    if wanted != there:
        yield f"enum {enum}: the spec has {wanted}, the header {there}"


def operation_complaints(spec):
    sets = {s["name"]: {a["name"] for a in s["attributes"]} for s in spec["attribute-sets"]}
    groups = {g["name"] for g in spec["mcast-groups"]["list"]}
    operations = spec["operations"]["list"]
    for operation in operations:
        if operation.get("mcgrp", "events") not in groups:
            yield f"{operation['name']}: no group {operation['mcgrp']}"
        if "notify" in operation:
            if operation["notify"] not in {o["name"] for o in operations}:
                yield f"{operation['name']}: no operation {operation['notify']}"
            continue
        messages = [operation.get("event", {})]
        for kind in ("do", "dump"):
            messages += operation.get(kind, {}).values()
        for message in messages:
            for name in message.get("attributes", []):
                if name not in sets[operation["attribute-set"]]:
                    yield f"{operation['name']}: no attribute {name}"


def limit_complaints(spec, headers):
    netlink, shmq = headers[NETLINK][0], headers[SHMQ][0]
    limits = {
        ("index", "max"): netlink["SHMQ_DEVICES_MAX"] - 1,
        ("prefix", "max-len"): shmq["SHMQ_MAX_PREFIX"],
        ("handler", "max-len"): shmq["SHMQ_HANDLER_NAME"] - 1,
    }
    device = next(s for s in spec["attribute-sets"] if s["name"] == "dev")
    checks = {a["name"]: a.get("checks", {}) for a in device["attributes"]}
    for (name, kind), value in limits.items():
        if checks.get(name, {}).get(kind) != value:
            yield f"attribute {name}: {kind} should be {value}"


def complaints(spec, headers):
    wanted, there = family_constants(spec), dict(headers[NETLINK][0])
    enums = headers[NETLINK][1]
    for definition in spec["definitions"]:
        if definition["type"] == "enum":
            yield from enum_complaints(definition, headers)
            for name in enums.get(definition["enum-name"].replace("-", "_"), []):
                if "header" not in definition:
                    there.pop(name, None)
    there = {n: v for n, v in there.items() if not n.startswith("__")}
    for name in sorted(wanted.keys() | there.keys()):
        if wanted.get(name) != there.get(name):
            yield f"{name}: the spec has {wanted.get(name)}, the header {there.get(name)}"
    yield from operation_complaints(spec)
    yield from limit_complaints(spec, headers)


def unnoticed_changes(spec, headers):
    """Changes that complaints() did not see, and how many it did."""
    seen, unnoticed = 0, []

    def judge(what, changed_spec, changed_headers):
        nonlocal seen
        if list(complaints(changed_spec, changed_headers)):
            seen += 1
        else:
            unnoticed.append(what)

    for name, value in headers[NETLINK][0].items():
        if not name.startswith("__"):
            changed = copy.deepcopy(headers)
            changed[NETLINK][0][name] = value + "x" if isinstance(value, str) else value + 1
            judge(f"{name} changed", spec, changed)
    for where in ("operations", "attribute-sets"):
        lists = [spec[where]["list"]] if where == "operations" else [
            s["attributes"] for s in spec[where]]
        for i, entries in enumerate(lists):
            for j, entry in enumerate(entries):
                changed = copy.deepcopy(spec)
                target = changed[where]["list"] if where == "operations" else changed[where][i][
                    "attributes"]
                del target[j]
                judge(f"{entry['name']} left out", changed, headers)
    return unnoticed, seen


def main():
    spec_path, directory = sys.argv[1:3]
    with open(spec_path, encoding="utf-8") as file:
        spec = yaml.safe_load(file)
    headers = {name: read_header(f"{directory}/{name}") for name in (NETLINK, SHMQ)}
    if "--changed" in sys.argv[3:]:
        found, seen = unnoticed_changes(spec, headers)
        print(f"{seen} changes noticed")
    else:
        found = list(complaints(spec, headers))
        print(f"{len(family_constants(spec))} names of the family compared")
    for line in found:
        print(line)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
