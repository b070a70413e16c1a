"""lipsweep sql: reads everything, and whatever else is asked of it, does nothing."""

import json
import pathlib
import shutil
import sqlite3
import tempfile

import pytest

from processes import TIME_FACTOR
from programs import Programs

SWEEP = """\
name: small
dataset: {name: glyphs, train_count: 200}
model: mnist-cnn
train: {epochs: 1, batch: 50, lr: 0.05}
grid: {lambda: 1, k: 0.1, sigma: 0.1}
baseline: [standard]
seeds: 2
test: {sigma: [0, 0.2, 0.4]}
"""
SECONDS, MEBIBYTES = 2, 256


@pytest.fixture(scope="module")
def database():
    place = pathlib.Path(tempfile.mkdtemp(prefix="lst", dir="/tmp"))
    programs = Programs(place)
    (place / "sweep.yaml").write_text(SWEEP, encoding="utf-8")
    programs.run("lipsweep", "run", "sweep.yaml", code=0)
    yield place / "small.db"
    programs.finish()
    shutil.rmtree(place)


def test_formats(run_program, database):
    sql = "SELECT 1 AS one, 0.1 AS tenth, 'a,\"b' AS text, NULL AS none, x'00ff' AS blob"
    rows = json.loads(run_program("lipsweep", "sql", sql, "--db", database, "--format", "json", code=0).stdout)
    assert rows == [{"one": 1, "tenth": 0.1, "text": 'a,"b', "none": None, "blob": "00ff"}]
    text = run_program("lipsweep", "sql", sql, "--db", database, "--format", "csv", code=0).stdout
    assert text == 'one,tenth,text,none,blob\n1,0.1,"a,""b",,00ff\n'
    assert "tenth" in run_program("lipsweep", "sql", sql, "--db", database, code=0).stdout
    assert run_program("lipsweep", "sql", "SELECT 1 AS x WHERE 0", "--db", database, "--format", "csv",
                       code=0).stdout == "x\n"
    assert json.loads(run_program("lipsweep", "sql", "SELECT 1 AS x WHERE 0", "--db", database, "--format", "json",
                                  code=0).stdout) == []


def test_every_view_can_be_read(run_program, database):
    with sqlite3.connect(f"file:{database}?mode=ro", uri=True) as connection:
        names = [row[0] for row in connection.execute("SELECT name FROM sqlite_schema WHERE type IN ('view', 'table')")]
    connection.close()
    assert "robust_accuracy" in names
    for name in names:
        run_program("lipsweep", "sql", f"SELECT * FROM {name}", "--db", database, "--timeout", "300", "--format", "json",
                    code=0)


def test_many_rows_stream(run_program, database):
    sql = "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c WHERE x < 200000) SELECT x FROM c"
    result = run_program("lipsweep", "sql", sql, "--db", database, "--format", "csv", "--timeout", "300", code=0)
    assert len(result.stdout.splitlines()) == 200001
    result = run_program("lipsweep", "sql", sql, "--db", database, "--limit", "3", code=0)
    assert "… more rows" in result.stdout and len(result.stdout.splitlines()) == 5


@pytest.mark.parametrize("sql, words", [
    ("SELEKT 1", "syntax error"), ("SELECT * FROM nobody", "no such table"), ("", "no statement"),
    ("SELECT 1; SELECT 2", "one SELECT at a time")])
def test_wrong_statements(run_program, database, sql, words):
    result = run_program("lipsweep", "sql", sql, "--db", database, code=2)
    assert words in result.stderr and result.stdout == ""


NUMBERS = "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) "
DEEP = "(" * 5000 + "1" + ")" * 5000
HOSTILE = {
    "attach": "ATTACH 'HERE/made.db' AS other",
    "attach memory": "ATTACH ':memory:' AS other",
    "vacuum into": "VACUUM INTO 'HERE/made.db'",
    "vacuum": "VACUUM",
    "pragma write": "PRAGMA user_version = 7",
    "pragma journal": "PRAGMA journal_mode = DELETE",
    "pragma query_only": "PRAGMA query_only = OFF",
    "pragma function": "SELECT * FROM pragma_journal_mode('delete')",
    "writable schema": "PRAGMA writable_schema = ON",
    "load_extension": "SELECT load_extension('HERE/x.so')",
    "zeroblob": "SELECT zeroblob(1000000000)",
    "randomblob": "SELECT length(randomblob(1000000000))",
    "printf padding": "SELECT length(printf('%1000000000d', 1))",
    "group_concat": NUMBERS + "SELECT length(group_concat(printf('%1000s', x))) FROM c",
    "doubling": "WITH RECURSIVE c(x) AS (SELECT 'a' UNION ALL SELECT x || x FROM c) SELECT max(length(x)) FROM c",
    "replace": "SELECT length(replace(printf('%4000s', ' '), ' ', printf('%4000s', 'x')))",
    "json": NUMBERS + "SELECT length(json_group_array(printf('%1000s', x))) FROM c",
    "endless recursion": NUMBERS + "SELECT count(*) FROM c",
    "endless rows": NUMBERS + "SELECT x FROM c",
    "endless rows that are kept": NUMBERS + "SELECT DISTINCT x FROM c ORDER BY x DESC",
    "cross join": "SELECT count(*) FROM " + ", ".join(f"accuracy a{i}" for i in range(16)),
    "sorted cross join": "SELECT * FROM " + ", ".join(f"accuracy a{i}" for i in range(16)) + " ORDER BY random()",
    "insert": "INSERT INTO event (at, kind) VALUES (1, 'x')",
    "update": "UPDATE job SET state = 'pending'",
    "delete": "DELETE FROM accuracy",
    "returning": "DELETE FROM accuracy RETURNING job",
    "drop": "DROP TABLE accuracy",
    "temp table": "CREATE TEMP TABLE t AS SELECT * FROM accuracy",
    "temp view": "CREATE TEMP VIEW v AS SELECT 1",
    "trigger": "CREATE TRIGGER t AFTER INSERT ON event BEGIN DELETE FROM accuracy; END",
    "writefile": "SELECT writefile('HERE/made', 'x')",
    "readfile": "SELECT readfile('/etc/passwd')",
    "edit": "SELECT edit('x', 'touch HERE/made')",
    "full text": "CREATE VIRTUAL TABLE f USING fts5(x)",
    "rtree": "CREATE VIRTUAL TABLE r USING rtree(id, a, b)",
    "tokenizer": "SELECT fts3_tokenizer('simple')",
    "pages": "SELECT * FROM sqlite_dbpage",
    "like": "SELECT printf('%1000000s', 'a') LIKE '" + "%a_" * 10000 + "b'",
    "like in a loop": NUMBERS + "SELECT count(*) FROM c WHERE printf('%100000s', 'a') LIKE '" + "%a%_" * 40 + "b'",
    "glob": NUMBERS + "SELECT sum(printf('%20000s', 'a') GLOB '" + "* ?" * 60 + "b') FROM c",
    "deep expression": "SELECT " + DEEP,
    "long compound": " UNION ALL ".join(["SELECT 1"] * 5000),
    "many columns": "SELECT " + ", ".join(["1"] * 20000),
    "transaction": "BEGIN IMMEDIATE",
    "savepoint": "SAVEPOINT s",
    "analyze": "ANALYZE",
    "reindex": "REINDEX",
    "second statement": "SELECT 1; DROP TABLE accuracy",
    "explain of a write": "EXPLAIN DROP TABLE accuracy",
}

# These get an answer that is small: NULL, and the first 10,000 rows.
BOUNDED = {("printf padding", "csv"), ("printf padding", "table"), ("endless rows", "table")}


def contents(folder):
    return {path: path.stat().st_size for path in folder.rglob("*")
            if path.is_file() and path.suffix not in (".out", ".err")}


def test_at_least_thirty():
    assert len(HOSTILE) >= 30


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("form", ["csv", "table"])
def test_hostile(programs, database, place, name, form):
    before, bytes_before = contents(place) | contents(database.parent), database.read_bytes()
    sql = HOSTILE[name].replace("HERE", str(place))
    result, memory_kib, cpu_s = programs.run_measured("lipsweep", "sql", sql, "--db", database, "--format", form)
    if result.returncode == 0:
        assert (name, form) in BOUNDED
    else:
        assert result.returncode in (1, 2, 4), (result.returncode, result.stderr)
        assert result.stderr.startswith("lipsweep: ") and len(result.stderr.splitlines()) == 1, result.stderr
    assert cpu_s <= SECONDS + 1, cpu_s
    if TIME_FACTOR == 1:  # a sanitizer's memory is its own
        assert memory_kib <= MEBIBYTES * 1024
    assert contents(place) | contents(database.parent) == before
    assert database.read_bytes() == bytes_before


def test_limits_can_be_raised(programs, run_program, database):
    sql = ("WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c WHERE x < 300000) "
           "SELECT count(*) AS n FROM (SELECT x, printf('%500s', x) AS t FROM c ORDER BY t DESC)")
    assert "memory" in run_program("lipsweep", "sql", sql, "--db", database, "--timeout", "300", code=4).stderr
    result, memory_kib, _ = programs.run_measured("lipsweep", "sql", sql, "--db", database, "--timeout", "300",
                                                  "--memory", "2000", "--format", "csv")
    assert (result.returncode, result.stdout) == (0, "n\n300000\n"), result.stderr
    assert memory_kib * 1024 >= 300000 * 500  # what the other tests measure is the statement's memory
