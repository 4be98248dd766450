"""Reads metrics as strictly as OpenMetrics wants, and refuses what its readers would have to guess."""

import re
import sys

from prometheus_client.openmetrics.parser import text_string_to_metric_families

UNITS = ("seconds", "bytes")

families = list(text_string_to_metric_families(sys.stdin.read()))
for family in families:
    assert re.fullmatch(r"rolegate_[a-z][a-z0-9_]*", family.name), family.name
    assert family.documentation.strip(), f"{family.name} has no HELP"
    assert family.type in ("counter", "gauge", "histogram", "info"), f"{family.name} is {family.type}"
    for unit in UNITS:
        assert family.name.endswith("_" + unit) == (family.unit == unit), f"{family.name} has the unit {family.unit!r}"
    names = {tuple(sorted(set(sample.labels) - {"le"})) for sample in family.samples}
    assert len(names) <= 1, f"{family.name} comes with different labels: {names}"
print("\n".join(f"{family.type} {family.name}" for family in families))
