-- Which job of a sweep stands for a hash. Hashes come in no order, and an index of them costs a page for every row that is
-- stored: nine tenths of what storing a million jobs wrote. A table of its own is filled in order of the hash, once all
-- jobs of a text are there, and so each of its pages is written about once.
--
-- A sweep that is still expanding has jobs without a key; all others have one for every job that was submitted and has
-- no successor. 128 bits of the hash are enough to tell jobs apart; who finds one looks at the whole hash all the same.
CREATE TABLE job_key (
  hash  BLOB NOT NULL CHECK (length(hash) = 16),  -- the first half of job_hash
  sweep INTEGER NOT NULL,
  job   INTEGER NOT NULL,
  PRIMARY KEY (hash, sweep)
) STRICT, WITHOUT ROWID;
INSERT INTO job_key (hash, sweep, job)
  SELECT substr(job_hash, 1, 16), sweep, id FROM job WHERE superseded_by IS NULL ORDER BY 1, 2;
DROP INDEX job_once;
