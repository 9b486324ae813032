"""Hints of reports."""

from __future__ import annotations

from scenario import Scenario

REPORTING = {
    "commands/report.py: --output and --json exclude each other": Scenario(
        "", "git ekf report --json -o $TOP/a.html", again="git ekf report -o $TOP/a.html"
    ),
    "report/file.py: {} is a directory": Scenario(
        "mkdir $TOP/pages",
        "git ekf report -o $TOP/pages",
        again="test -s $TOP/pages/ekf-report.html",
    ),
    "report/file.py: {} is there already, and is not a report of git-ekf": Scenario(
        "echo mine >$TOP/a.html",
        "git ekf report -o $TOP/a.html",
        again="test -s $TOP/a-2.html && grep mine $TOP/a.html",
    ),
    "report/file.py: {} is a symbolic link": Scenario(
        "ln -s $TOP/b.html $TOP/a.html",
        "git ekf report -o $TOP/a.html",
        again="test -s $TOP/a-2.html && test ! -e $TOP/b.html",
    ),
}
