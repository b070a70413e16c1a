-- What jobs need of memory. Workers compute it (the engine is theirs) and tell it when they take or refuse a job;
-- jobs of one shape need the same, so that one telling holds for all of them.
CREATE TABLE job_shape (
  id           INTEGER PRIMARY KEY,
  sweep        INTEGER NOT NULL REFERENCES sweep (id),
  hash         BLOB NOT NULL,               -- of the parameters that decide it; the same in every sweep
  memory_bytes INTEGER NOT NULL DEFAULT 0,  -- computed peak of a runner; 0: nobody has told yet
  told_by      TEXT NOT NULL DEFAULT '',    -- the build of the worker that told
  UNIQUE (sweep, hash)
) STRICT;
CREATE INDEX job_shape_by_hash ON job_shape (hash);

-- Jobs of earlier versions: by sweep, network, batch and loss.
INSERT INTO job_shape (sweep, hash)
  SELECT DISTINCT sweep,
         CAST(sweep || ' ' || dataset || ' ' || fraction || ' ' || train_count || ' ' || model || ' ' || batch || ' '
              || optimizer || ' ' || (lambda > 0) || ' ' || control AS BLOB)
  FROM job WHERE batch IS NOT NULL AND optimizer IS NOT NULL AND train_count IS NOT NULL AND lambda IS NOT NULL;
ALTER TABLE job ADD COLUMN shape INTEGER REFERENCES job_shape (id);
UPDATE job SET shape = (
  SELECT h.id FROM job_shape h
  WHERE h.sweep = job.sweep
    AND h.hash = CAST(job.sweep || ' ' || dataset || ' ' || fraction || ' ' || train_count || ' ' || model || ' ' ||
                      batch || ' ' || optimizer || ' ' || (lambda > 0) || ' ' || control AS BLOB));
ALTER TABLE job DROP COLUMN memory_bytes;
CREATE INDEX job_by_shape ON job (shape, state);  -- and by id within: what to lease next
