"""Holds queries to metrics: each name that a query selects is told, with the labels that it asks about.

Reads {"metrics": text, "queries": {where: query}} and says how many names it has looked up.
"""

import json
import re
import sys

import promql_parser as promql
from prometheus_client.openmetrics.parser import text_string_to_metric_families

# What whoever scrapes adds.
ADDED = {"instance", "job"}

given = json.load(sys.stdin)
# Prometheus itself tells whether it could scrape.
samples, kinds = {"up": [{}]}, {"up": "gauge"}
for family in text_string_to_metric_families(given["metrics"]):
    for sample in family.samples:
        samples.setdefault(sample.name, []).append(sample.labels)
        kinds[sample.name] = family.type
faults, looked_up = [], set()


def labels_of(node):
    """The labels that the series have which a part of a query selects, as far as it keeps them."""
    found = set()
    for selector in selectors(node):
        for labels in samples.get(selector.name, []):
            found |= set(labels)
    return found | ADDED


def children(node):
    if isinstance(node, (promql.AggregateExpr, promql.ParenExpr, promql.SubqueryExpr, promql.UnaryExpr)):
        return [node.expr]
    if isinstance(node, promql.BinaryExpr):
        return [node.lhs, node.rhs]
    if isinstance(node, promql.Call):
        return list(node.args)
    if isinstance(node, promql.MatrixSelector):
        return [node.vector_selector]
    return []


def selectors(node):
    if isinstance(node, promql.VectorSelector):
        return [node]
    return [found for child in children(node) for found in selectors(child)]


def matches(matcher, value):
    operator = str(matcher.op).rsplit(".", 1)[-1]
    if operator in ("Equal", "NotEqual"):
        return (value == matcher.value) == (operator == "Equal")
    return bool(re.fullmatch(matcher.value, value)) == (operator == "Re")


def check_selector(selector, say):
    looked_up.add(selector.name)
    if selector.name not in samples:
        return say(f"nothing is called {selector.name}")
    series = samples[selector.name]
    for matcher in selector.matchers.matchers:
        if matcher.name in ADDED:
            continue
        if not all(matcher.name in labels for labels in series):
            say(f"{selector.name} has no label {matcher.name}")
        elif str(matcher.op).endswith(".Equal") and not any(matches(matcher, labels[matcher.name]) for labels in series):
            say(f"{selector.name} never has {matcher.name}={matcher.value}")
        elif str(matcher.op).endswith(".Re"):
            for value in matcher.value.split("|"):
                if value not in (labels[matcher.name] for labels in series):
                    say(f"{selector.name} never has {matcher.name}={value}")


def check(node, say):
    if isinstance(node, promql.VectorSelector):
        check_selector(node, say)
    if isinstance(node, promql.AggregateExpr) and node.modifier is not None:
        for label in set(node.modifier.labels) - labels_of(node):
            say(f"no series has the label {label} that is grouped by")
    if isinstance(node, promql.Call):
        name = node.func.name
        for selector in selectors(node):
            if name in ("rate", "increase", "irate") and kinds.get(selector.name) == "gauge":
                say(f"{name} of {selector.name}, which is no counter")
            if name == "histogram_quantile" and not selector.name.endswith("_bucket"):
                say(f"a quantile of {selector.name}, which is no bucket")
        if name == "histogram_quantile" and "le" not in kept(node.args[1]):
            say("a quantile of buckets that have lost their bounds")
    if isinstance(node, promql.VectorSelector) and kinds.get(node.name) == "counter" and not node.name.endswith("_total"):
        say(f"{node.name} is a counter without its suffix")
    for child in children(node):
        check(child, say)


def kept(node):
    """The labels that are left after aggregation."""
    if isinstance(node, promql.AggregateExpr):
        return set(node.modifier.labels) if node.modifier is not None else set()
    return labels_of(node)


for where, query in given["queries"].items():
    def say(fault):
        faults.append(f"{where}: {fault}\n    {query}")

    variable = re.fullmatch(r"label_values\((\w+), *(\w+)\)", query)
    if variable:
        query = variable[1]
    query = query.replace("$__rate_interval", "5m").replace("$__range", "1h")
    check(promql.parse(query), say)

if faults:
    sys.exit("\n".join(faults))
print(len(looked_up))
