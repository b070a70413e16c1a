"""What a sweep recorded, in a form that two databases can be compared in: jobs are known by their
parameters, and everything that a clock shapes is left out."""

import contextlib
import sqlite3

CLOCK = {"images_per_s"}
KEY = ("point", "lambda", "k", "sigma", "control", "fraction", "seed")


@contextlib.contextmanager
def reading(path):
    """A read-only connection, also while a coordinator writes."""
    connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=5)
    connection.row_factory = sqlite3.Row
    try:
        yield connection
    finally:
        connection.close()


def query(path, sql, *parameters):
    """Rows as dicts; [] while there is no database or no table yet."""
    try:
        with reading(path) as connection:
            return [dict(row) for row in connection.execute(sql, parameters)]
    except sqlite3.OperationalError:
        return []


def job_count(path, *states):
    marks = ", ".join("?" * len(states))
    rows = query(path, f"SELECT count(*) AS n FROM job WHERE state IN ({marks})", *states)
    return rows[0]["n"] if rows else 0


def measurements(path):
    """{job's parameters: all it measured}: accuracies, confidences, quotients, epochs, weights digest."""
    def rows(table, order, job):
        found = connection.execute(f"SELECT * FROM {table} WHERE job = ? ORDER BY {order}", (job,))
        return [{name: row[name] for name in row.keys() if name not in CLOCK | {"job", "attempt"}} for row in found]

    result = {}
    with reading(path) as connection:
        for job in connection.execute("SELECT * FROM current_job WHERE state = 'done'").fetchall():
            digest, = connection.execute("SELECT weights_digest FROM training WHERE id = ?", (job["training"],))
            key = tuple((name, job[name]) for name in KEY)
            assert key not in result, f"two jobs are {key}"
            result[key] = {"accuracy": rows("accuracy", "test_sigma", job["source"]),
                           "quotient": rows("quotient", "test_sigma", job["source"]),
                           "epochs": rows("metrics", "epoch", job["source"]),
                           "weights": digest["weights_digest"]}
    return result


ORPHANS = """
    SELECT 'accuracy' AS of, job FROM accuracy WHERE job NOT IN (SELECT id FROM job)
    UNION ALL SELECT 'quotient', job FROM quotient WHERE job NOT IN (SELECT id FROM job)
    UNION ALL SELECT 'epoch_metric', job FROM epoch_metric WHERE (job, attempt) NOT IN (SELECT job, number FROM attempt)
    UNION ALL SELECT 'job_shape', id FROM job WHERE shape IS NOT NULL AND shape NOT IN (SELECT id FROM job_shape)
    LIMIT 10"""


def assert_counts(path):
    """The number of jobs that every sweep keeps is that of its jobs, and what no foreign key guards belongs to somebody.
    What no coordinator can open is left alone."""
    try:
        with reading(path) as connection:
            wrong = connection.execute(
                """SELECT name, job_count, (SELECT count(*) FROM job j WHERE j.sweep = s.id AND j.withdrawn = 0
                                             AND j.superseded_by IS NULL) AS counted
                   FROM sweep s WHERE NOT deleting
                     AND ((state = 'active') IS NOT (job_count IS NOT NULL) OR job_count <> counted)""").fetchall()
            orphans = connection.execute(ORPHANS).fetchall()
    except sqlite3.DatabaseError:
        return
    assert not wrong, [dict(row) for row in wrong]
    assert not orphans, [dict(row) for row in orphans]


def assert_all_done_once(path, count):
    """Every job done, each by one attempt, the newest, and with everything it has to have measured."""
    with reading(path) as connection:
        states = [row["state"] for row in connection.execute("SELECT state FROM job")]
        assert states == ["done"] * count
        wrong = connection.execute(
            """SELECT j.id, j.attempt, group_concat(a.number || ' ' || a.outcome) AS attempts
               FROM job j LEFT JOIN attempt a ON a.job = j.id GROUP BY j.id
               HAVING sum(a.outcome = 'done') IS NOT 1 OR max(a.number) <> j.attempt
                 OR sum(a.outcome = 'running') <> 0
                 OR max(CASE WHEN a.outcome = 'done' THEN a.number END) <> j.attempt""").fetchall()
        assert not wrong, [dict(row) for row in wrong]
        assert connection.execute("PRAGMA integrity_check").fetchone()[0] == "ok"
        assert not connection.execute("PRAGMA foreign_key_check").fetchall()
    for key, measured in measurements(path).items():
        assert measured["accuracy"] and measured["quotient"] and measured["epochs"] and measured["weights"], key
