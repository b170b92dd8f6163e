"""The result as JUnit's XML, which CI systems show: a case for each objective, and one for each class of the ledger.

A failure is evidence against the backend; an error is what could not be decided, so that it is never green.
"""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections.abc import Mapping
from typing import Any

from hubbub.report.figures import FIGURES

NOT_IN_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""XML 1.0 has no place for these, however they are escaped."""


def render_junit(summary: Mapping[str, Any]) -> str:
    """The report as a text of XML."""
    run = summary["run"]
    suite = ET.Element("testsuite", name="hubbub", timestamp=run["started_at"], time=f"{run['duration_s']:.3f}")
    suite.set("hostname", _clean(run["host"]))
    for objective in summary["slo"]:
        _objective(suite, objective)
    for figure in FIGURES:
        if figure.fault:
            _fault(suite, figure.key, summary[figure.section][figure.name], figure.fault)
    _verdict(suite, summary["verdict"])
    for kind, tag in (("failures", "failure"), ("errors", "error")):
        suite.set(kind, str(len(suite.findall(f"testcase/{tag}"))))
    suite.set("tests", str(len(suite)))
    ET.indent(suite)
    return ET.tostring(suite, encoding="unicode", xml_declaration=True) + "\n"


def _case(suite: ET.Element, group: str, name: str) -> ET.Element:
    return ET.SubElement(suite, "testcase", classname=f"hubbub.{group}", name=_clean(name))


def _objective(suite: ET.Element, objective: Mapping[str, Any]) -> None:
    case = _case(suite, "objectives", f"{objective['name']} {objective['limit']}")
    if objective["result"] == "holds":
        return
    value, low = objective["value"], objective["low"]
    measured = "it was not measured" if value is None else f"it is {value:.6g}"
    if value is not None and low != value:
        measured += f", or {low:.6g} without what the generator may have caused"
    is_broken = objective["result"] == "broken"
    ET.SubElement(case, "failure" if is_broken else "error", message=f"{objective['result']}: {measured}")


def _fault(suite: ET.Element, key: str, count: int | None, fault: str) -> None:
    case = _case(suite, "facts", key)
    if count:
        ET.SubElement(case, "failure", message=f"{count} {fault}")


def _verdict(suite: ET.Element, verdict: Mapping[str, Any]) -> None:
    case = _case(suite, "run", "verdict")
    reasons = "\n".join(f"{reason['kind']}: {reason['text']}" for reason in verdict["reasons"])
    if verdict["result"] != "PASS":
        tag = "failure" if verdict["result"] == "FAIL" else "error"
        ET.SubElement(case, tag, message=verdict["result"]).text = _clean(reasons)


def _clean(text: str) -> str:
    return NOT_IN_XML.sub("\ufffd", text)
