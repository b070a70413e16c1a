"""The database for programs that Debian 12 has not: what Datasette asks when it starts and for its pages, live; and what
DuckDB's reader of SQLite files asks of types. Both as their public sources say; and the programs themselves where they are
installed."""

import json
import re
import shutil
import sqlite3
import subprocess
import urllib.parse

import pytest

import recorded
from live import Live
from test_database import SWEEP, examples

CLASSES = {"INTEGER": {"integer"}, "REAL": {"real"}, "TEXT": {"text"}, "BLOB": {"blob"}}
LABELS = "dataset,model,lambda,k,sigma,seed,test_sigma,accuracy,control\n"


def names(connection, kind):
    return [row[0] for row in connection.execute("SELECT name FROM sqlite_schema WHERE type = ?", (kind,))]


def ask_as_datasette(connection):
    """Its catalogue of tables, then the first page and the count of each table and view."""
    connection.row_factory = sqlite3.Row
    assert connection.execute("PRAGMA schema_version").fetchone()[0] > 0
    assert connection.execute("SELECT count(*) FROM pragma_database_list() WHERE seq > 0").fetchone()[0] == 0
    tables, views = names(connection, "table"), names(connection, "view")
    assert {"job", "accuracy", "training"} <= set(tables) and {"results", "results_by_point"} <= set(views)
    for name in tables:
        keys = [row["name"] for row in connection.execute(f"PRAGMA table_xinfo([{name}])") if row["pk"]]
        for row in connection.execute(f"PRAGMA foreign_key_list([{name}])").fetchall():
            assert row["table"] in tables and row["from"]
        for row in connection.execute(f"PRAGMA index_list([{name}])").fetchall():
            assert connection.execute(f"PRAGMA index_xinfo([{row['name']}])").fetchall()
        order = ", ".join(f"[{key}]" for key in keys) or "rowid"
        connection.execute(f"SELECT {'rowid, ' if not keys else ''}* FROM [{name}] ORDER BY {order} LIMIT 101").fetchall()
    for name in tables + views:
        connection.execute(f"SELECT * FROM [{name}] LIMIT 101").fetchall()
        connection.execute(f"SELECT count(*) FROM (SELECT * FROM [{name}] LIMIT 10001)").fetchall()
    for column in ("lambda", "control", "test_sigma"):   # facets
        assert connection.execute(f"SELECT [{column}] AS value, count(*) AS n FROM (SELECT * FROM results) WHERE [{column}] "
                                  f"IS NOT NULL GROUP BY [{column}] ORDER BY n DESC, value LIMIT 31").fetchall()
    with pytest.raises(sqlite3.OperationalError, match="readonly"):
        connection.execute("CREATE TABLE mine (x)")


@pytest.fixture
def live(place, run_program, start_program):
    return Live(place, run_program, start_program, SWEEP, "quickstart")


def test_what_datasette_asks(live):
    connection = sqlite3.connect(f"file:{live.database}?mode=ro", uri=True)
    ask_as_datasette(connection)
    connection.close()
    live.finish(9)
    quiet = sqlite3.connect(f"file:{live.database}?immutable=1", uri=True)   # as with its option -i, when nobody writes
    ask_as_datasette(quiet)
    quiet.close()


def storage(connection, name, column):
    return {row[0] for row in connection.execute(f'SELECT DISTINCT typeof("{column}") FROM "{name}"')} - {"null"}


def check_types(connection, name, typed_only):
    """A column's values all have the class that it declares. A view's expressions declare none: one class, whichever."""
    for _, column, declared, _, default, _ in connection.execute(f'PRAGMA table_info("{name}")').fetchall():
        found = storage(connection, name, column)
        if typed_only or declared:
            assert found <= CLASSES[declared], (name, column, declared, found)
        else:
            assert len(found - {"integer"} if "real" in found else found) <= 1, (name, column, found)
        assert default is None or re.fullmatch(r"-?[\d.]+|'[^']*'", default), (name, column, default)


def check_words(connection):
    """It runs the text of a view itself, and its language differs in three things that ours could well have."""
    for name, text in connection.execute("SELECT name, sql FROM sqlite_schema WHERE type = 'view'").fetchall():
        windows = re.findall(r"\bWINDOW (\w+) AS", text)
        assert len(windows) == len(set(windows)), (name, windows)   # not one name in each of several SELECTs
        assert "%!" not in text, name
        assert not re.search(r"(?<![.\w'\"])lambda(?![\w'\"])", text), name   # a word of the language, unless a dot is before it


def test_what_duckdb_wants(run_program, place):
    (place / "sweep.yaml").write_text(SWEEP, encoding="utf-8")
    run_program("lipsweep", "run", "sweep.yaml", "--quiet", code=0)
    rows = [f"mnist,cnn,{weight},{k},0.1,{seed},0,{0.5 + 0.01 * seed},none\n"
            for weight in ("low", "high") for k in ("", "a", "b") for seed in (1, 2)]
    (place / "labels.csv").write_text(LABELS + "".join(rows), encoding="utf-8")
    run_program("lipsweep", "import", "labels.csv", "--db", "quickstart.db", code=0)
    with recorded.reading(place / "quickstart.db") as connection:
        connection.row_factory = None
        for name in names(connection, "table"):
            check_types(connection, name, typed_only=not name.startswith("sqlite_"))
        for name in names(connection, "view"):
            check_types(connection, name, typed_only=False)
        check_words(connection)


def output(*command, cwd):
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)
    assert done.returncode == 0, (command, done.stdout[-500:], done.stderr[-500:])
    return done.stdout


@pytest.mark.skipif(not shutil.which("datasette"), reason="datasette is not installed")
def test_datasette(live, place):
    """Its own pages, live, and the examples of docs/database.md."""
    def get(path):
        return output("datasette", "quickstart.db", "--get", path, cwd=place)

    assert "quickstart" in get("/") and "results_by_point" in get("/quickstart")
    with recorded.reading(live.database) as connection:
        everything = names(connection, "table") + names(connection, "view")
    for name in everything:
        assert isinstance(json.loads(get(f"/quickstart/{name}.json?_shape=array")), list), name
    for sql in examples():
        rows = json.loads(get(f"/quickstart.json?_shape=array&sql={urllib.parse.quote(sql.strip().rstrip(';'))}"))
        assert rows or "NOT IN ('done'" in sql or "sensitivity" in sql, sql   # steps are between finished jobs
    live.finish(9)


def has_duckdb_sqlite():
    return shutil.which("duckdb") and subprocess.run(["duckdb", "-c", "LOAD sqlite"], capture_output=True,
                                                     check=False).returncode == 0


@pytest.mark.skipif(not has_duckdb_sqlite(), reason="duckdb with its extension sqlite is not installed")
def test_duckdb(live, place):
    """Every table and view, live: by its catalogue of the file, and by SQLite's own SQL through it."""
    def ask(sql):
        attach = "LOAD sqlite; ATTACH 'quickstart.db' AS quickstart (TYPE sqlite, READ_ONLY)"
        return output("duckdb", "-csv", "-c", f"{attach}; {sql}", cwd=place)

    with recorded.reading(live.database) as connection:
        everything = names(connection, "table") + names(connection, "view")
    for name in everything:
        ask(f"SELECT * FROM quickstart.{name}")
    assert re.search(r"^\d+$", ask("SELECT count(*) FROM quickstart.results WHERE accuracy > 0"), re.MULTILINE)
    for sql in examples():
        ask(f"SELECT * FROM sqlite_query('quickstart', $${sql.strip().rstrip(';')}$$)")
    live.finish(9)
