-- run.adaptive_seeds: seeds added where the interval is too wide, by Stein's rule of two stages.
ALTER TABLE sweep ADD COLUMN adaptive_metric TEXT NOT NULL DEFAULT '';        -- '': none are added
ALTER TABLE sweep ADD COLUMN adaptive_half_width REAL NOT NULL DEFAULT 0;     -- in the metric's own unit
ALTER TABLE sweep ADD COLUMN adaptive_max INTEGER NOT NULL DEFAULT 0;         -- seeds a point
ALTER TABLE sweep ADD COLUMN adaptive_n0 INTEGER NOT NULL DEFAULT 0;          -- seeds of the first stage: those listed
ALTER TABLE sweep ADD COLUMN adaptive_next_seed INTEGER NOT NULL DEFAULT 0;   -- the first that is added

-- 1: not one of the seeds that the file lists, but added to its point.
ALTER TABLE job ADD COLUMN extra INTEGER NOT NULL DEFAULT 0 CHECK (extra = 0 OR extra = 1);

-- One row a point whose first stage is over: written with the jobs that it adds, in one transaction. A changed file has
-- all of its sweep's made anew.
CREATE TABLE seed_decision (
  sweep       INTEGER NOT NULL REFERENCES sweep (id),
  point       INTEGER NOT NULL,
  n0          INTEGER NOT NULL,
  variance    REAL,              -- of the metric over the first stage; NULL: cannot be said
  n           INTEGER NOT NULL,  -- seeds asked for in all
  reached_max INTEGER NOT NULL CHECK (reached_max = 0 OR reached_max = 1),  -- more would be needed
  reason      TEXT,              -- why none is added although the variance is not known; else NULL
  decided_at  INTEGER NOT NULL,
  PRIMARY KEY (sweep, point)
) STRICT, WITHOUT ROWID;
