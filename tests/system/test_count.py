"""What counts the tests must not miss a failure."""

import importlib.util
import pathlib

path = pathlib.Path(__file__).resolve().parents[1] / "count.py"
spec = importlib.util.spec_from_file_location("count", path)
count = importlib.util.module_from_spec(spec)
spec.loader.exec_module(count)


def states(result, stdout):
    return [state for _, state, _ in count.program_cases("program", result, stdout, "")]


def test_each_case_counts():
    assert states("OK", "1..3\nok 1 - a\nnot ok 2 # SKIP b\nok 3 - c\n") == ["passed", "skipped", "passed"]
    assert states("FAIL", "1..2\nok 1 - a\nnot ok 2 - b\n# why\n") == ["passed", "failed"]
    assert states("OK", "1..1\nok 1 - a\n1..1\nok 1 - b\n") == ["passed", "passed"]  # two groups


def test_a_crash_is_a_failure():
    assert states("FAIL", "1..3\nok 1 - a\n") == ["passed", "failed"]  # died in the second case
    assert states("FAIL", "") == ["failed"]
    assert states("TIMEOUT", "1..2\nok 1 - a\n") == ["passed", "failed"]


def test_a_report_at_exit_is_a_failure():
    assert states("FAIL", "1..1\nok 1 - a\n==1==ERROR: LeakSanitizer\n") == ["passed", "failed"]


def test_a_missing_log_is_a_failure(tmp_path):
    assert [state for _, state, _ in count.unit_cases(tmp_path / "none")] == ["failed"]
    assert [state for _, state, _ in count.system_cases(tmp_path / "none")] == ["failed"]


def test_a_failing_teardown_is_a_failure_of_its_case(tmp_path):
    report = tmp_path / "report.xml"
    report.write_text('<testsuites><testsuite><testcase classname="c" name="a"/><testcase classname="c" name="b"/>'
                      '<testcase classname="c" name="a"><error message="why"/></testcase></testsuite></testsuites>')
    assert sorted(state for _, state, _ in count.system_cases(report)) == ["failed", "passed"]
