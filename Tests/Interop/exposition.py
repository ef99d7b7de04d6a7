"""A strict reader of Prometheus' text exposition format 0.0.4, as that of Tests/MetricsTests."""
import re

NAME = r"[a-zA-Z_][a-zA-Z0-9_]*"
LABELS = rf'\{{{NAME}="(?:[^"\\\n]|\\[\\"n])*"(?:,{NAME}="(?:[^"\\\n]|\\[\\"n])*")*\}}'
SAMPLE = re.compile(rf"({NAME})({LABELS})? ([0-9]+(?:\.[0-9]+)?)")


def read(text):
    """The value by name and labels, as they are written."""
    assert text.endswith("\n")
    values, types, family, has_help = {}, {}, None, None
    for line in text.removesuffix("\n").split("\n"):
        if found := re.fullmatch(rf"# HELP ({NAME}) [^\n\\]+", line):
            assert found[1] not in types and has_help is None, line
            has_help = found[1]
        elif found := re.fullmatch(rf"# TYPE ({NAME}) (counter|gauge|histogram)", line):
            assert has_help == found[1], line
            family, has_help = found[1], None
            types[family] = found[2]
        else:
            found = SAMPLE.fullmatch(line)
            assert found and found[1] == family and has_help is None, line
            assert (types[family] == "counter") == family.endswith("_total"), line
            key = found[1] + (found[2] or "")
            assert key not in values, line
            values[key] = float(found[3])
    return values
