"""Man pages and completion are made of what --help is made of: every command and option is in all of them."""

import re
import subprocess

import pytest

from programs import BUILD, CHECKOUT, program_path

PAGES = BUILD / "client"
SHELLS = ("bash", "zsh", "fish")


@pytest.fixture(scope="module")
def table():
    """{command: its options}, from --help."""
    def text(*arguments):
        return subprocess.run([program_path("lipsweep"), *arguments], check=True, capture_output=True, text=True).stdout

    commands = re.findall(r"^  ([a-z]+)(?: \S.*?)?  +\S.*$", text("--help"), re.MULTILINE)
    assert len(commands) > 30
    return {command: re.findall(r"^  --([a-z-]+)", text(command, "--help"), re.MULTILINE) for command in commands}


@pytest.fixture(scope="module")
def scripts():
    return {shell: subprocess.run([program_path("lipsweep"), "completion", shell], check=True, capture_output=True,
                                  text=True).stdout for shell in SHELLS}


def test_every_command_and_option_has_its_place_in_the_manual(table):
    overview = (PAGES / "lipsweep.1").read_text()
    for command, options in table.items():
        assert re.search(rf"^  {command} ", overview, re.MULTILINE)
        page = (PAGES / f"lipsweep-{command}.1").read_text().replace("\\-", "-")
        for option in options:
            assert re.search(rf"^\\fB--{option}\b", page, re.MULTILINE), (command, option)


def test_the_programs_options_are_in_their_pages():
    for name in "lipsweep-coordinator", "lipsweep-worker":
        text = subprocess.run([program_path(name), "--help"], check=True, capture_output=True, text=True).stdout
        page = (PAGES / f"{name}.1").read_text().replace("\\-", "-")
        options = re.findall(r"^  (--[a-z-]+)", text, re.MULTILINE)
        assert len(options) > 8 and all(f"\\fB{option}" in page for option in options)


def test_the_manual_has_no_mistake_that_mandoc_knows():
    pages = sorted(PAGES.glob("*.1"))
    result = subprocess.run(["mandoc", "-Tlint", "-W", "warning", *pages], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout


def test_a_page_that_is_missing_stops_the_build(place):
    programs = [program_path(name) for name in ("lipsweep", "lipsweep-coordinator", "lipsweep-worker")]
    result = subprocess.run(["python3", CHECKOUT / "client/manual.py", place, *programs, "lipsweep.1"], capture_output=True, text=True, check=False)
    assert result.returncode == 1 and "lists other pages" in result.stderr and "lipsweep-run.1" in result.stderr


def test_every_command_and_option_is_in_every_completion(table, scripts):
    for shell, script in scripts.items():
        for command, options in table.items():
            lines = "\n".join(part for part in re.split(r"\n(?=    +\S+\)|complete)", script) if re.search(rf"\b{command}\b", part))
            for option in options:
                assert re.search(rf"(--|-l ){option}\b", lines), (shell, command, option)


@pytest.mark.parametrize("words, wanted, unwanted", [
    (["pau"], ["pause"], ["plan"]),
    (["sensitivity", "--me"], ["--metric"], ["--limit"]),
    (["jobs", "last", "--format", ""], ["table", "json", "csv"], ["--limit"]),
    (["run", ""], ["here.yaml"], []),
    (["run", "--db", ""], ["here.yaml"], []),
])
def test_bash_completes(scripts, place, words, wanted, unwanted):
    (place / "here.yaml").touch()
    line = " ".join(f"'{word}'" for word in ["lipsweep", *words])
    script = f"{scripts['bash']}\nCOMP_WORDS=({line}); COMP_CWORD={len(words)}; _lipsweep; printf '%s\\n' \"${{COMPREPLY[@]}}\""
    result = subprocess.run(["bash", "-c", script], cwd=place, capture_output=True, text=True, check=True)
    assert not result.stderr
    offered = result.stdout.split()
    assert set(wanted) <= set(offered) and not set(unwanted) & set(offered)


@pytest.mark.parametrize("line, wanted", [("pau", "pause"), ("jobs last --form", "--format"), ("jobs last --format j", "json"),
                                          ("run he", "here.yaml")])
def test_fish_completes(scripts, place, line, wanted):
    (place / "here.yaml").touch()
    (place / "lipsweep.fish").write_text(scripts["fish"])
    result = subprocess.run(["fish", "--no-config", "-c", f"source lipsweep.fish; complete -C 'lipsweep {line}'"], cwd=place,
                            capture_output=True, text=True, check=True)
    assert wanted in [offer.split("\t")[0] for offer in result.stdout.split("\n")] and not result.stderr


def test_zsh_reads_it(scripts, place):
    (place / "_lipsweep").write_text(scripts["zsh"])
    command = "autoload -U compinit; compinit -u -d dump; source ./_lipsweep; whence -w _lipsweep; print $_comps[lipsweep]"
    result = subprocess.run(["zsh", "-f", "-c", command], cwd=place, capture_output=True, text=True, check=True)
    assert result.stdout.split() == ["_lipsweep:", "function", "_lipsweep"] and not result.stderr


def test_another_shell_is_told_which_there_are(run_program):
    assert "bash, zsh or fish" in run_program("lipsweep", "completion", "tcsh", code=2).stderr
